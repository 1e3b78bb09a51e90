"""Start a flow as the chart's Sensor does: the same Workflow by the same name, so that both together start it once."""

from __future__ import annotations

from collections.abc import Mapping

from pressplay import names
from pressplay.cluster.ledger import PART_OF
from pressplay.cluster.port import Manifest
from pressplay.cluster.waits import INSTANCE_LABEL
from pressplay.domain import flows
from pressplay.steps.core.context import Context, Inputs, number

EVENT_PRIORITY = 1000
"""What somebody waits for comes before what plays have waiting."""


def start(context: Context, flow: str, repo: str, number: int | None = None, why: str = "") -> bool:
    """Create the Workflow of a flow for this moment's window; False where it is there.

    `number` is that of the pull request or issue, None for a flow of the whole repository; `why` replaces the one that
    the flow's events give. Raises InputError where there is no such flow.
    """
    return context.cluster.create(manifest(context, flow, repo, number, why))


def hand_over(context: Context, flow: str, given: str, repo: str, number: int, why: str = "") -> bool:
    """Whether a flow was started with its repository spelled otherwise than in the values: then it is started again.

    Locks are named by what a Workflow was given. Two spellings must not be two locks, so that work is done twice.
    """
    if given == repo:
        return False
    context.say(f"{flow}: {repo} is what the values call this repository; started again by that name")
    start(context, flow, repo, number, why)
    return True


def manifest(context: Context, flow: str, repo: str, number: int | None = None, why: str = "") -> Manifest:
    """The Workflow that `start` creates: name, labels and parameters as the Sensor gives them."""
    definition, window = flows.flow(flow), context.settings.flow(flow).window
    bucket = names.window_at(context.clock.now(), window)
    about: dict[str, str] = {definition.works_on: str(number)} if number is not None else {}
    known = {
        "repo": repo,
        **about,
        "until": str(names.window_until(bucket, window)),
        **definition.constants,
        **({"why": why} if why else {}),
    }
    arguments = {parameter: known[parameter] for parameter in definition.parameters if parameter in known}
    labels = {f"press-play/{kind}": value for kind, value in about.items()}
    name = definition.workflow_name(repo, window=bucket, number=number)
    return workflow(context, flow, name, arguments, labels, EVENT_PRIORITY)


def workflow(
    context: Context, flow: str, name: str, arguments: Mapping[str, str], labels: Mapping[str, str], priority: int
) -> Manifest:
    """A Workflow that refers to the WorkflowTemplate of a flow; `labels` are beside those that all of ours carry.

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
    """What is left of the window that ends at the parameter `until`; never more than an hour, whatever clocks say."""
    return max(0, min(3600, (number(inputs, "until") or 0) - int(context.clock.now())))
