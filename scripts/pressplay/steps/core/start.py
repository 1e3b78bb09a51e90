"""Start a flow as the chart's Sensor does: the same Workflow with the same name, so that it starts once (R1)."""

from __future__ import annotations

from collections.abc import Mapping

from pressplay import names
from pressplay.cluster.ledger import PART_OF
from pressplay.cluster.port import Manifest
from pressplay.cluster.waits import INSTANCE_LABEL
from pressplay.domain import flows
from pressplay.steps.core.context import Context, Inputs, number

EVENT_PRIORITY = 1000
"""Above the priorities of plays: somebody waits for the answer to an event."""


def start(
    context: Context, flow: str, repo: str, number: int | None = None, why: str = "", *, commit: str = ""
) -> bool:
    """Create the Workflow of a flow for the current window; False if it exists.

    `number` is the pull request's or the issue's, `commit` of a flow that works on one; neither for a flow of the whole
    repository. `why` replaces the one of the flow's events. Raises InputError for an unknown flow.
    """
    return context.cluster.create(manifest(context, flow, repo, number, why, commit=commit))


def hand_over(context: Context, flow: str, given: str, repo: str, number: int, why: str = "") -> bool:
    """Start a flow again, if its repository was not spelled as in the values; whether that was so.

    The repository's name is part of the lock's name: two spellings would be two locks, and work would be done twice.
    """
    if given == repo:
        return False
    context.say(f"{flow}: {repo} is what the values call this repository; started again by that name")
    start(context, flow, repo, number, why)
    return True


def manifest(
    context: Context, flow: str, repo: str, number: int | None = None, why: str = "", *, commit: str = ""
) -> Manifest:
    """The Workflow that `start` creates: name, labels and parameters as the Sensor gives them."""
    definition, window = flows.flow(flow), context.settings.flow(flow).window
    bucket = names.window_at(context.clock.now(), window)
    about: dict[str, str] = {definition.works_on: str(number)} if number is not None else {}
    known = {
        "repo": repo,
        **about,
        **({"commit": names.commit(commit)} if commit else {}),
        "until": str(names.window_until(bucket, window)),
        **definition.constants,
        **({"why": why} if why else {}),
    }
    arguments = {parameter: known[parameter] for parameter in definition.parameters if parameter in known}
    labels = {f"press-play/{kind}": value for kind, value in about.items()}
    short = names.short_commit(commit) if commit else None
    name = definition.workflow_name(repo, window=bucket, number=number, commit=short)
    return workflow(context, flow, name, arguments, labels, EVENT_PRIORITY)


def workflow(
    context: Context, flow: str, name: str, arguments: Mapping[str, str], labels: Mapping[str, str], priority: int
) -> Manifest:
    """A Workflow that refers to the WorkflowTemplate of a flow; `labels` come on top of those that all of ours have.

    `arguments` has the repository as `repo`.
    """
    instance = context.settings.instance_id
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {
            "name": name,
            "namespace": context.settings.namespace,
            "labels": {
                **PART_OF,
                "press-play/flow": flow,
                "press-play/repo": names.repo_key(arguments["repo"]),
                **labels,
                **({INSTANCE_LABEL: instance} if instance else {}),
            },
        },
        "spec": {
            "workflowTemplateRef": {"name": flow},
            "priority": priority,
            "arguments": {"parameters": [{"name": name, "value": value} for name, value in arguments.items()]},
        },
    }


def labels(repo: str, flow: str) -> dict[str, str]:
    """The labels of a repository's objects of one flow."""
    return {"press-play/flow": flow, "press-play/repo": names.repo_key(repo)}


def seconds_left(inputs: Inputs, context: Context) -> int:
    """The seconds to the end of the window (parameter `until`); at most an hour, in case a clock is wrong."""
    return max(0, min(3600, (number(inputs, "until") or 0) - int(context.clock.now())))
