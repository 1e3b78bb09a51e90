"""Parking: only a person can continue the pull request (R4). Ledger, check, label, and a comment with the reason.

The entry `parked-<try>` holds the reason and the head. A new head, a person's retry or a new press continues; if a
person stopped it (`stopped`), only the last two do.
"""

from __future__ import annotations

from dataclasses import replace

from pressplay.domain.entries import Details, Entries, Parked, Result
from pressplay.domain.reasons import Reason
from pressplay.github import issues, pulls
from pressplay.steps.core import approvals, reason_text
from pressplay.steps.core.context import Context, Subject
from pressplay.validation.markdown import fenced

PARKED_LABEL = "press-play/parked"
STOPPED = "a person stopped it"
_WAYS = "push a commit, or comment `/press-play retry`"
_ANSWER = (
    "answer the question in a comment, then comment `/press-play fix` to have the answer worked on, or "
    "`/press-play retry` to begin again"
)


def parked(entries: Entries, subject: Subject) -> Parked | None:
    """Why the pull request is parked in this try; None where it is not."""
    entry = entries.get(Parked, Parked.key_of(subject.attempt_of_person))
    return entry if entry and not entry.cleared else None


def stopped(entries: Entries, subject: Subject) -> bool:
    """Whether a person stopped all work on the pull request in this try."""
    entry = parked(entries, subject)
    return entry is not None and entry.stopped


def park(
    context: Context,
    subject: Subject,
    pull: pulls.Pull,
    reason: Reason | str,
    *,
    stopped: bool = False,
    ways: str = "",
    details: str = "",
) -> None:
    """Park an open pull request. A `reason` given as text is a clause of ours. Idempotent.

    `ways` says how a person continues, if not by a commit or a retry; `details` is Markdown for the comment.
    """
    why = Reason(what=reason) if isinstance(reason, str) else reason
    quoted = reason_text.details(why)
    shown = "\n".join(part for part in (quoted, details) if part)
    ledger = context.ledger(subject.repo)
    entry = Parked(
        try_=subject.attempt_of_person,
        reason=why.what,
        details=Details.of(why),
        head=pull.head_sha,
        ended=int(context.clock.now()),
        stopped=stopped,
    )
    ledger.record("pr", pull.number, entry)
    gh = context.harness(subject.repo, pull_requests="write", checks="write", issues="write")
    approvals.set_check(
        gh,
        subject.repo,
        pull,
        conclusion="action_required",
        title="Parked for a person",
        summary="\n\n".join(part for part in (why.what, quoted) if part),
        # Keep the text: it shows which probes failed.
        text=None,
    )
    issues.add_labels(gh, subject.repo, pull.number, [PARKED_LABEL])
    # A push alone does not undo a person's stop.
    ways = ways or ("comment `/press-play retry` or `/press-play fix`" if stopped else _WAYS)
    issues.comment(
        gh,
        subject.repo,
        pull.number,
        f"Press Play parked this pull request: {why.what}.\n{shown}\n"
        f"Commit `{pull.head_sha}`. A person goes on from here: {ways}.",
        marker=f"{'stopped' if stopped else 'parked'}-{pull.head_sha}-{subject.attempt_of_person}",
    )


def park_blocked(context: Context, subject: Subject, agent: str, result: Result) -> None:
    """Park the open pull request of a run whose agent is blocked; `result` has its reason and question.

    The question is the agent's text: data, quoted as code. What is too long for a reason is quoted whole beside it.
    """
    pull = pulls.pull(context.harness(subject.repo, pull_requests="read"), subject.repo, subject.pull_number)
    reason = replace(result.why, what=f"{agent}: {result.reason}")
    question = result.question or ""
    details = "" if question.strip() == reason.detail else f"\n{fenced(question)}\n"
    park(context, subject, pull, reason, ways=_ANSWER, details=details)


def clear(context: Context, subject: Subject, number: int) -> None:
    """Undo the parking: mark the entry as cleared, and remove the label."""
    ledger = context.ledger(subject.repo)
    entry = parked(ledger.entries("pr", number), subject)
    if entry is not None:
        ledger.record("pr", number, replace(entry, cleared=True))
    gh = context.harness(subject.repo, pull_requests="write", issues="write")
    issues.remove_label(gh, subject.repo, number, PARKED_LABEL)
