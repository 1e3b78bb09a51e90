"""A task's verdict in a try: read, judged by GitHub and the ledger, and passed to the play that waits for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pressplay.cluster import waits
from pressplay.domain import entries as entries_
from pressplay.domain.entries import Details, Entries, TaskVerdict
from pressplay.domain.reasons import Reason
from pressplay.errors import InputError
from pressplay.github import pulls
from pressplay.github.calls import Client
from pressplay.steps.core import approvals, faults, landing, stack
from pressplay.steps.core.context import Context, Subject

AWAIT_VERDICT, AWAIT_MERGE = "await-verdict", "await-merge"


def verdict_of(context: Context, subject: Subject) -> TaskVerdict | None:
    """The task's verdict in this try; None if it has none yet."""
    entries = context.ledger(subject.repo).entries("task", subject.task_number)
    return entries.get(TaskVerdict, TaskVerdict.key_of(subject.attempt_of_person))


def judge(context: Context, subject: Subject, status: str = "") -> TaskVerdict:
    """The verdict on this try: `merged` and `approved` by GitHub, the rest by the newest run's outcome.

    If GitHub refuses to answer (the App is gone, or lacks access), the task has failed, for that reason: a play must
    not wait for an answer that never comes.
    """
    try:
        return _judge(context, subject, status)
    except InputError as error:
        why = newest_reason(_entries(context, subject, None), subject.attempt_of_person)
        reason = replace(why, what=f"{why.what}; {error}") if why else Reason(what=str(error))
        return _verdict(context, subject, None, "failed", reason)


def refused(context: Context, subject: Subject, error: InputError) -> TaskVerdict:
    """The verdict on a task that could not begin."""
    return _verdict(context, subject, None, "failed", Reason(what=str(error)))


def _judge(context: Context, subject: Subject, status: str) -> TaskVerdict:
    gh = context.harness(subject.repo, **landing.NEEDS, checks="read")
    pull = landing.pull_of(context, gh, subject)
    if pull is not None and pull.merged:
        entries = context.ledger(subject.repo).entries("task", subject.task_number)
        reason = landing.note(context, subject, landing.of(context, gh, subject, pull, entries))
        if reason:
            return _verdict(context, subject, pull, "parked", Reason(what=reason))
        return _verdict(context, subject, pull, "merged")
    if pull is not None and pull.state == "closed":
        closed = Reason(what=f"pull request #{pull.number} was closed without a merge")
        return _verdict(context, subject, pull, "failed", closed)
    if pull is not None and is_approved(context, gh, subject, pull):
        return _verdict(context, subject, pull, "approved")
    entries = _entries(context, subject, pull)
    why = newest_reason(entries, subject.attempt_of_person)
    if why is None and pull is not None:
        # A run that had opened the pull request may have failed before anything knew of it.
        task = context.ledger(subject.repo).entries("task", subject.task_number)
        why = newest_reason(task, subject.attempt_of_person)
    why = why or _unfinished(entries, subject, status)
    return _verdict(context, subject, pull, "failed" if pull is None else "parked", why)


def is_approved(context: Context, gh: Client, subject: Subject, pull: pulls.Pull) -> bool:
    """Whether the head of a task's open pull request is approved, for itself. `gh` may read checks."""
    on = stack.recorded(context, subject)
    # A check on the commit that it was begun on is the dependency's.
    return (on is None or pull.head_sha != on.head) and approvals.is_approved(gh, subject.repo, pull)


def _unfinished(entries: Entries, subject: Subject, status: str) -> Reason:
    fault = faults.passing(entries, subject)
    early = f"its Workflow ended {status or 'early'} before a verdict was reached"
    if fault:
        return Reason(what=early, detail=fault)
    return Reason(what=early, todo="the nodes of the Workflow say why")


def _entries(context: Context, subject: Subject, pull: pulls.Pull | None) -> Entries:
    """The ledger with the reason: the pull request's, if there is one, else the task's."""
    ledger = context.ledger(subject.repo)
    return ledger.entries("task", subject.task_number) if pull is None else ledger.entries("pr", pull.number)


def newest_reason(entries: Entries, try_: int) -> Reason | None:
    """The reason in the newest ledger entry of a try that has one; None if none has."""
    reasons = [entry for entry in _reasons(entries, try_) if entry[-1].what]
    newest = max(reasons, key=lambda entry: entry[:2], default=None)
    return newest[-1] if newest else None


def _reasons(entries: Entries, try_: int) -> Iterator[tuple[int, int, Reason]]:
    """When a try's entry ended (Unix seconds, 0 where that is not known), its attempt, and its reason."""
    for entry in entries:
        match entry:
            case entries_.Run(result=entries_.Result(reason=clause) as result) if clause and entry.try_ == try_:
                yield entry.ended or 0, entry.attempt, replace(result.why, what=f"{entry.agent}: {clause}")
            case entries_.Parked() if entry.try_ == try_:
                yield entry.ended, 0, entry.why
            case entries_.Fault() if entry.try_ == try_:
                yield entry.ended, 0, entry.why
            case entries_.Triage() if entry.try_ == try_:
                yield 0, 0, Reason(what=entry.reason)
            case entries_.GateEntry() | entries_.Deployment():
                yield 0, 0, entry.why


def _verdict(
    context: Context, subject: Subject, pull: pulls.Pull | None, outcome: str, why: Reason | None = None
) -> TaskVerdict:
    web = context.settings.github.web_url
    return TaskVerdict(
        try_=subject.attempt_of_person,
        outcome=outcome,
        reason=why.what if why else "",
        details=Details.of(why) if why else None,
        pr=pull.number if pull else None,
        head=pull.head_sha if pull else None,
        link=f"{web}/{subject.repo}/pull/{pull.number}" if pull else f"{web}/{subject.repo}",
        ended=int(context.clock.now()),
        play=subject.play,
    )


def wake_play(context: Context, subject: Subject, verdict: TaskVerdict) -> None:
    """Wake the play's wait for this task's verdict. If there is none, that is no error (R2)."""
    if not subject.play:
        return
    labels = {"press-play/flow": "play", "press-play/play": subject.play}
    for workflow in waits.running(context.cluster, context.settings.namespace, labels):
        for wait in waits.of(workflow):
            if wait.kind == AWAIT_VERDICT and wait.key.get("task") == str(subject.task):
                wake_with(context, wait, verdict)


def wake_with(context: Context, wait: waits.Wait, verdict: TaskVerdict) -> bool:
    """End a wait by a verdict: Succeeded with its outcome, or Failed with a pointer to the ledger."""
    if verdict.is_good:
        return wait.wake(context.cluster, "Succeeded", {"outcome": verdict.outcome})
    return wait.wake(context.cluster, "Failed", {}, f"{verdict.outcome}: see the task's ledger")
