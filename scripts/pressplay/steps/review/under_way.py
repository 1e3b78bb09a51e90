"""What unfinished flows work on, so that no other flow starts for it."""

from __future__ import annotations

from pressplay import names
from pressplay.cluster import waits
from pressplay.domain import flows
from pressplay.github import pulls
from pressplay.steps.core.context import Context


def under_way(context: Context, repo: str) -> set[tuple[str, int]]:
    """(`pr` or `task`, number) of everything that unfinished Workflows work on."""
    busy = set()
    exclusive = {flow.name for flow in flows.flows() if flow.exclusive}
    own = {"press-play/repo": names.repo_key(repo)}
    for workflow in waits.unfinished(context.cluster, context.settings.namespace, own):
        labels = workflow["metadata"]["labels"]
        if labels.get("press-play/flow") in exclusive:
            busy |= {
                (kind, int(labels[f"press-play/{kind}"])) for kind in ("pr", "task") if f"press-play/{kind}" in labels
            }
    return busy


def is_busy(pull: pulls.Pull, busy: set[tuple[str, int]]) -> bool:
    """Whether a flow works on a pull request, or on its task; `busy` as from `under_way`."""
    task = names.task_of_branch(pull.head_ref)
    return ("pr", pull.number) in busy or (task is not None and ("task", task) in busy)
