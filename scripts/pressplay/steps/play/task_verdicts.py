"""A task's verdict in a try: read, judged from the truth, and handed to the play that waits for it."""

from __future__ import annotations

from pressplay.cluster import waits
from pressplay.cluster.ledger import Entry
from pressplay.errors import InputError
from pressplay.github import pulls
from pressplay.steps.core import approvals, faults, landing
from pressplay.steps.core.context import Context, Subject

AWAIT_VERDICT, AWAIT_MERGE = "await-verdict", "await-merge"
GOOD = ("approved", "merged")


def verdict_of(context: Context, subject: Subject) -> Entry | None:
    """The task's verdict in this try, None while it has none."""
    entries = context.ledger(subject.repo).entries("task", subject.task_number)
    return entries.get(f"verdict-{subject.attempt_of_person}")


def judge(context: Context, subject: Subject, status: str = "") -> Entry:
    """The verdict that the truth gives: merged and approved by GitHub, the rest by the newest run's outcome.

    Where GitHub will not tell (the App is gone, or may not see it), the task has failed, for that reason: a play must
    not wait for what nobody will ever say.
    """
    try:
        return _judge(context, subject, status)
    except InputError as error:
        why = _why(context, subject, None)
        return _verdict(context, subject, None, "failed", "; ".join(part for part in (why, str(error)) if part))


def _judge(context: Context, subject: Subject, status: str) -> Entry:
    gh = context.harness(subject.repo, **landing.NEEDS, checks="read")
    pull = landing.pull_of(context, gh, subject)
    if pull is not None and pull.merged:
        entries = context.ledger(subject.repo).entries("task", subject.task_number)
        reason = landing.note(context, subject, landing.of(context, gh, subject, pull, entries))
        return _verdict(context, subject, pull, "parked" if reason else "merged", reason)
    if pull is not None and pull.state == "closed":
        return _verdict(context, subject, pull, "failed", f"pull request #{pull.number} was closed without a merge")
    if pull is not None and approvals.is_approved(gh, subject.repo, pull):
        return _verdict(context, subject, pull, "approved", "")
    reason = _why(context, subject, pull) or _unfinished(context, subject, pull, status)
    return _verdict(context, subject, pull, "failed" if pull is None else "parked", reason)


def _unfinished(context: Context, subject: Subject, pull: pulls.Pull | None, status: str) -> str:
    said = faults.passing(_entries(context, subject, pull), subject)
    early = f"its Workflow ended {status or 'early'} before a verdict was reached"
    return f"{early}{said or '; the nodes of the Workflow say why'}"


def _entries(context: Context, subject: Subject, pull: pulls.Pull | None) -> dict[str, Entry]:
    """The ledger that tells: the pull request's, where there is one."""
    ledger = context.ledger(subject.repo)
    return ledger.entries("task", subject.task_number) if pull is None else ledger.entries("pr", pull.number)


def _why(context: Context, subject: Subject, pull: pulls.Pull | None) -> str:
    """The reason in the ledger's newest entry that has one."""
    found = _entries(context, subject, pull).values()
    own = (0, subject.attempt_of_person)
    with_reason = [entry for entry in found if entry.get("reason") and entry.get("try", 0) in own]
    newest = max(with_reason, key=lambda entry: (entry.get("ended", 0), entry.get("attempt", 0)), default=None)
    return "" if newest is None else f"{newest['agent'] + ': ' if 'agent' in newest else ''}{newest['reason']}"


def _verdict(context: Context, subject: Subject, pull: pulls.Pull | None, outcome: str, reason: str) -> Entry:
    web = context.settings.github.web_url
    return {
        "outcome": outcome,
        "reason": reason,
        "pr": pull.number if pull else None,
        "head": pull.head_sha if pull else None,
        "link": f"{web}/{subject.repo}/pull/{pull.number}" if pull else f"{web}/{subject.repo}",
        "ended": int(context.clock.now()),
    }


def wake_play(context: Context, subject: Subject, verdict: Entry) -> None:
    """Wake the play's wait for this task's verdict. Nothing there to wake is done, not an error (R2)."""
    if not subject.play:
        return
    labels = {"press-play/flow": "play", "press-play/play": subject.play}
    for workflow in waits.running(context.cluster, context.settings.namespace, labels):
        for wait in waits.of(workflow):
            if wait.kind == AWAIT_VERDICT and wait.key.get("task") == str(subject.task):
                wake_with(context, wait, verdict)


def wake_with(context: Context, wait: waits.Wait, verdict: Entry) -> bool:
    """End a wait as a verdict says: Succeeded with its outcome, or Failed with its reason's first words."""
    if verdict["outcome"] in GOOD:
        return wait.wake(context.cluster, "Succeeded", {"outcome": verdict["outcome"]})
    return wait.wake(context.cluster, "Failed", {}, f"{verdict['outcome']}: see the task's ledger")
