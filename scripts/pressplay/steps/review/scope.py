"""Which pull requests may start flows without being asked, and which task each belongs to (R8)."""

from __future__ import annotations

from pressplay import names
from pressplay.domain.entries import Entries, TaskOfPull
from pressplay.github import pulls
from pressplay.steps.core import consent
from pressplay.steps.core.context import Context, Outputs, Subject


def in_scope(context: Context, repo: str, pull: pulls.Pull, entries: Entries) -> bool:
    """Whether a pull request may start flows without being asked (`events.start`); `entries` is its ledger.

    All may; or those that a person with write access labelled, as they still are, and those that one of our Apps
    opened for work that was asked of it. Who may only triage can label too, and an agent can label and open what it
    likes (R8).
    """
    events = context.settings.events
    if events.start == "all" or (is_ours(context, pull.author) and _is_of_task(context, repo, pull, entries)):
        return True
    return consent.labelled_at(context, repo, pull.number, pull.labels) is not None and not is_withdrawn(
        context, repo, pull, entries
    )


def is_withdrawn(context: Context, repo: str, pull: pulls.Pull, entries: Entries) -> bool:
    """Whether the label was put on for another text than the one that agents would read now (`steps.consent`).

    Of a task's pull request they read the task.
    """
    if of_ledger(entries, pull)["task"] != "none":
        return False
    return consent.words(context, repo, pull.number, pull.labels).withdrawn


def _is_of_task(context: Context, repo: str, pull: pulls.Pull, entries: Entries) -> bool:
    """Whether a pull request is of a task of ours: one that was taken over, or whose run has not been collected yet."""
    task = names.task_of_branch(pull.head_ref)
    return TaskOfPull.KEY in entries or bool(task and context.ledger(repo).entries("task", task))


def is_ours(context: Context, login: str) -> bool:
    """Whether a login is one of our Apps'."""
    return context.settings.is_ours(login)


def subject_of(context: Context, repo: str, pull: pulls.Pull, entries: Entries) -> Subject:
    """What a flow works on that an event started: the pull request, with what its ledger knows."""
    return Subject.of({"repo": repo, "pr": str(pull.number), **of_ledger(entries, pull)}, context)


def of_ledger(entries: Entries, pull: pulls.Pull) -> Outputs:
    """`tag`, `task` and `try` of a pull request, for a flow that an event started."""
    task = entries.get(TaskOfPull)
    branch = names.task_of_branch(pull.head_ref)
    return {
        "tag": task.tag if task else "",
        "task": str((task.task if task else None) or branch or "none"),
        "try": str(max(entries.tries, default=1)),
    }
