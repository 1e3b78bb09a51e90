"""The priorities by which repositories share the runs of an installation fairly.

All runs hold the installation's semaphore (`limits.runsAtOnce`). Argo serves those that wait for it by the priority of
their Workflow, then by its age, and a task's Workflow keeps its priority for all of its runs. So the tasks that a
repository works on stand one below the other: the first of each comes before the second of any, however long a backlog
is. Within a repository, tasks start in the order of their play, so that the longest chains stand highest.
"""

from __future__ import annotations

from pressplay import names
from pressplay.cluster import waits
from pressplay.cluster.ledger import PART_OF
from pressplay.steps.core.context import Context
from pressplay.steps.core.start import EVENT_PRIORITY

RANK_LABEL = "press-play/rank"
"""On a task's Workflow: how much of its play depends on it."""


def priority(context: Context, repo: str, *, urgent: bool = False) -> int:
    """The highest priority that no unfinished task of the repository has.

    `urgent`: somebody waits for it (an issue, an alert). One such task at a time comes before all plays.
    """
    labels = {**PART_OF, "press-play/repo": names.repo_key(repo), "press-play/flow": "task"}
    unfinished = waits.unfinished(context.cluster, context.settings.namespace, labels)
    return free({int(workflow["spec"].get("priority") or 0) for workflow in unfinished}, urgent=urgent)


def free(taken: set[int], *, urgent: bool) -> int:
    """The highest priority that is not taken: 0, or EVENT_PRIORITY, then -1, -2 and so on."""
    highest = EVENT_PRIORITY if urgent else 0
    if highest not in taken:
        return highest
    level = -1
    while level in taken:
        level -= 1
    return level
