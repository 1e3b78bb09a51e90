"""The source of a task: its pull request names the issue or the alerts, and the issue gets a comment.

The issue has one comment of ours, which is updated in place (R4: it also says why the task is parked or failed). It has
no text but ours (R7). Tasks of tasks.json, and pull requests without a task, have no source: nothing is done for them.
"""

from __future__ import annotations

from pressplay import names
from pressplay.domain.entries import Alerts
from pressplay.domain.reasons import Reason
from pressplay.github import alerts, bodies, issues
from pressplay.steps.core import consent, reason_text
from pressplay.steps.core.context import Context, Subject

_MARKER = "task"


def opened(context: Context, subject: Subject, pr: int) -> None:
    """Link the task's new pull request with the task's source, and say so there. Idempotent."""
    link(context, subject, pr)
    if _issue(subject) is not None:
        _comment(context, subject, f"#{pr} implements the task made of this issue, and is being reviewed.")


def link(context: Context, subject: Subject, pr: int) -> None:
    """Make sure that the pull request's body closes the issue, or names the alerts. Idempotent."""
    number = _issue(subject)
    if number is not None:
        gh = context.harness(subject.repo, pull_requests="write")
        if not bodies.closes(gh, subject.repo, pr, number):
            bodies.ensure_section(gh, subject.repo, pr, "issue", f"Closes #{number}")
    elif subject.task and names.kind_of(subject.task) == "alerts":
        entry = context.ledger(subject.repo).entries("task", subject.task).get(Alerts)
        if entry:
            gh = context.harness(subject.repo, pull_requests="write")
            bodies.ensure_section(gh, subject.repo, pr, "alerts", _listed(context, subject, entry))


def _listed(context: Context, subject: Subject, entry: Alerts) -> str:
    kind, web = alerts.KINDS[entry.kind], context.settings.github.web_url
    lines = [f"- [{kind.title} alert {n}]({web}/{subject.repo}/security/{kind.page}/{n})" for n in entry.numbers]
    return "\n".join(["Remedies:", "", *lines])


def made(context: Context, subject: Subject) -> None:
    """The issue has become a task."""
    _comment(context, subject, "This issue has become a task (see above), which is being implemented.")


def ended(context: Context, subject: Subject, outcome: str, why: Reason | None = None, pr: int | None = None) -> None:
    """Comment on the issue how the task ended: `approved`, `merged`, `parked` or `failed`, and why.

    `asked`: the Issue agent has questions. `edited`: the issue has changed since somebody asked for it.
    """
    if _issue(subject) is None:
        return
    label = context.settings.events.label
    reason, more = (why.what, reason_text.details(why)) if why else ("", "")
    more = f"\n\n{more}\n\n" if more else " "
    by_play = names.kind_of(subject.task_number) == "task"
    how = "press play again" if by_play else f"take the label `{label}` off and put it on again"
    again = f"To have it tried again, {how}."
    texts = {
        "approved": f"#{pr} is approved. A person merges it, which closes this issue.",
        "merged": f"#{pr} is merged.",
        "parked": f"#{pr} waits for a person: {reason}.{more}Its own comments say how to go on.",
        "failed": f"No pull request came of it: {reason}.{more}{again}",
        "edited": f"Nothing is done here: {consent.EDITED}. {consent.how_to_ask_again(context)}",
        "asked": f"The Issue agent has questions before this can become a task. Answer them here. {again}",
    }
    _comment(context, subject, texts[outcome])


def _comment(context: Context, subject: Subject, text: str) -> None:
    gh = context.harness(subject.repo, issues="write")
    number = names.issue_of(subject.task_number) or 0
    issues.comment(gh, subject.repo, number, f"Press Play: {text}", marker=_MARKER)


def _issue(subject: Subject) -> int | None:
    return names.issue_of(subject.task) if subject.task else None
