"""The state of an issue: requested, in work, done; and its try (R8)."""

from __future__ import annotations

from pressplay import names
from pressplay.cluster import waits
from pressplay.domain.entries import Begun, Entries, TaskVerdict
from pressplay.github import issues
from pressplay.github.people import Writers
from pressplay.steps.core import consent, task_source
from pressplay.steps.core.context import Context, Subject

FLOW, TASK_FLOW = "issue", "task-issue"
EDITED = "edited"


def is_wanted(context: Context, repo: str, issue: issues.Issue) -> bool:
    """Whether `reconcile` must start the flow for an issue: somebody asked for it, and no Workflow works on it.

    If the issue was edited since, and no Workflow works on it, a comment says so: the event may be lost.
    """
    state, try_ = state_of(context, repo, issue)
    if state not in ("go", EDITED):
        return False
    labels = {"press-play/repo": names.repo_key(repo), "press-play/issue": str(issue.number)}
    at_it = waits.running(context.cluster, context.settings.namespace, labels)
    task = context.cluster.get("Workflow", context.settings.namespace, workflow_name(repo, issue.number, try_))
    if at_it or task is not None:
        return False
    if state == EDITED:
        task_source.ended(context, subject_of(context, repo, names.issue_number(issue.number), try_), EDITED)
    return state == "go"


def workflow_name(repo: str, issue: int, try_: int) -> str:
    """The Workflow `task` of an issue's try."""
    return names.flow_workflow(TASK_FLOW, repo, issue, try_)


def subject_of(context: Context, repo: str, task: int, try_: int) -> Subject:
    """The subject of an issue's try."""
    return Subject.of({"repo": repo, "task": str(task), "try": str(try_)}, context)


def state_of(context: Context, repo: str, issue: issues.Issue) -> tuple[str, int]:
    """The state of an issue, and its current or next try."""
    entries = context.ledger(repo).entries("task", names.issue_number(issue.number))
    try_ = current_try(entries)
    if issue.is_pull or not issue.open:
        return ("pull-request" if issue.is_pull else "closed"), try_
    people = consent.writers(context, repo)
    requested_at = _requested_at(context, repo, issue, people)
    if requested_at is None:
        return "unasked", try_
    verdict = entries.get(TaskVerdict, TaskVerdict.key_of(try_))
    if verdict is not None and requested_at < verdict.ended:
        return "done", try_
    if not consent.words(context, repo, issue.number, issue.labels, people).count:
        return EDITED, try_
    return "go", try_ if verdict is None else try_ + 1


def current_try(entries: Entries) -> int:
    """The try that began last; 1 if none has begun."""
    begun = entries.get(Begun)
    return begun.try_ if begun else 1


def _requested_at(context: Context, repo: str, issue: issues.Issue, people: Writers) -> float | None:
    """When a person with write access last asked for it (R8): by the label, or by opening it where that is enough."""
    labelled = consent.labelled_at(context, repo, issue.number, issue.labels, people)
    moments = [labelled] if labelled is not None else []
    if context.settings.events.start == "all" and issue.author_is_person and people.include(issue.author):
        moments.append(issue.created_at)
    return max(moments, default=None)
