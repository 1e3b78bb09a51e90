"""Groups of the merge queue that lack their answer though nothing is at work on them: their event was lost (R2)."""

from __future__ import annotations

from pressplay.cluster import waits
from pressplay.errors import InputError
from pressplay.github import merge_queue
from pressplay.steps.core.context import Context
from pressplay.steps.core.start import labels
from pressplay.steps.core.start import start as start_flow
from pressplay.steps.merge_queue import groups

FLOW = "merge-group"
_REASON = 300
"""Characters of a fault that the log shows."""


def queued_branch(context: Context, repo: str) -> str:
    """The repository's base branch, if it has a merge queue and the values have it served; empty otherwise."""
    if not context.settings.flows.merge_group.enabled:
        return ""
    gh = context.harness(repo, contents="read")
    branch = groups.base_branch(context, gh, repo)
    return branch if merge_queue.rule(gh, repo, branch) is not None else ""


def start(context: Context, repo: str, branch: str) -> int:
    """Start the flow for each group of a branch's queue without an answer, as its event does; how many were started."""
    try:
        return _start(context, repo, branch)
    except InputError as error:
        # An App that may not read merge queues must not keep `reconcile` from the rest; the doctor says so.
        context.say(f"{repo}: its merge queue can't be read: {' '.join(str(error).split())[:_REASON]}")
        return 0


def _start(context: Context, repo: str, branch: str) -> int:
    gh = context.harness(repo, **groups.READS)
    busy = _under_way(context, repo)
    started = 0
    for entry in merge_queue.entries(gh, repo, branch):
        if not entry.head or entry.head in busy or groups.is_answered(gh, repo, entry.head):
            continue
        group = groups.find(context, repo, entry.head)
        if group is not None and group.decision.state != "wait":
            started += start_flow(context, FLOW, repo, commit=entry.head)
    return started


def _under_way(context: Context, repo: str) -> set[str]:
    """The commits that unfinished Workflows of the flow work on."""
    workflows = waits.unfinished(context.cluster, context.settings.namespace, labels(repo, FLOW))
    parameters = [
        parameter for workflow in workflows for parameter in workflow["spec"].get("arguments", {}).get("parameters", [])
    ]
    return {parameter["value"] for parameter in parameters if parameter["name"] == "commit"}
