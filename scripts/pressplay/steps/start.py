"""Start a flow as the chart's Sensor does: the same Workflow by the same name, so that both together start it once."""

from __future__ import annotations

from pressplay import names
from pressplay.cluster.ledger import PART_OF
from pressplay.cluster.port import Manifest
from pressplay.steps.context import Context

INSTANCE_LABEL = "workflows.argoproj.io/controller-instanceid"
EVENT_PRIORITY = 1000
"""What somebody waits for comes before what plays have waiting."""


def start(context: Context, flow: str, repo: str, window: int, subject: tuple[str, int] | None, why: str = "") -> bool:
    """Create the Workflow of a flow for this moment's window of `window` seconds; False where it is there.

    `subject` is (`pr` or `issue`, its number), None for a flow of the whole repository.
    """
    return context.cluster.create(manifest(context, flow, repo, window, subject, why))


def manifest(
    context: Context, flow: str, repo: str, window: int, subject: tuple[str, int] | None, why: str = ""
) -> Manifest:
    """The Workflow that `start` creates."""
    instance = context.settings.instance_id
    bucket = names.window_at(context.clock.now(), window)
    arguments = {"repo": repo}
    if subject is not None:
        arguments[subject[0]] = str(subject[1])
    arguments["until"] = str(names.window_until(bucket, window))
    if why:
        arguments["why"] = why
    parts = [bucket] if subject is None else [subject[1], bucket]
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {
            "name": names.flow_workflow(flow, repo, *parts),
            "namespace": context.settings.namespace,
            "labels": {
                **PART_OF,
                "press-play/flow": flow,
                "press-play/repo": names.repo_key(repo),
                **({f"press-play/{subject[0]}": str(subject[1])} if subject is not None else {}),
                **({INSTANCE_LABEL: instance} if instance else {}),
            },
        },
        "spec": {
            "workflowTemplateRef": {"name": flow},
            "priority": EVENT_PRIORITY,
            "arguments": {"parameters": [{"name": name, "value": value} for name, value in arguments.items()]},
        },
    }
