"""People's comments on a pull request: their commands are carried out, the rest is gathered, worked on and answered.

`gather` outputs `why`, the reason to work on the pull request: `comments` (then `cause` is the snapshot's hash),
`asked` (a person ordered a retry) or `none`; and the try that counts. `answer` answers what the agent left open.
"""

from __future__ import annotations

from dataclasses import replace

from pressplay import names
from pressplay.clock import rfc3339
from pressplay.domain.entries import Entries, Run, Snapshot
from pressplay.domain.roles import COMMENTS
from pressplay.errors import InputError
from pressplay.github import comments, issues, pulls, refs, snapshots
from pressplay.github.calls import Client
from pressplay.github.conversation import Thread
from pressplay.steps.comments import commands, unanswered
from pressplay.steps.comments.answers import Answers
from pressplay.steps.comments.conversation import FIX, RETRY, read_conversation
from pressplay.steps.core import parking, reason_text
from pressplay.steps.core.context import Context, Inputs, Outputs, Subject

_WRITE = {"contents": "write", "pull_requests": "write", "issues": "write"}


def gather(inputs: Inputs, context: Context) -> Outputs:
    """Carry out people's commands, and make a snapshot of all unanswered comments."""
    subject = Subject.of(inputs, context)
    gh = context.harness(subject.repo, **_WRITE)
    pull = pulls.pull(gh, subject.repo, subject.pull_number)
    if pull.state != "open":
        return _nothing(subject)
    entries = context.ledger(subject.repo).entries("pr", pull.number)
    conversation = read_conversation(context, gh, subject.repo, pull)
    context.say(f"pull request {pull.number}: {conversation.left_out} comments of people without write access left out")
    pending = commands.pending(entries, conversation.commands)
    order = commands.order(pending)
    if order is not None:
        context.say(f"pull request {pull.number}: {order.name}, by {order.id}")
        subject = commands.carry_out(context, subject, pull, order)
        entries = context.ledger(subject.repo).entries("pr", pull.number)
    decided = commands.decide(context, subject, pull, pending)
    fix = order is not None and order.name == FIX
    threads: tuple[Thread, ...] = ()
    if fix or unanswered.may_work(context, entries, subject, pull):
        workflow = names.checked(inputs["workflow"], "workflow") if inputs.get("workflow") else ""
        threads = unanswered.unanswered(context, entries, conversation, workflow, all_of_it=fix)
    if threads:
        outputs = {
            **_nothing(subject),
            "why": COMMENTS.name,
            "cause": _take(context, gh, subject, pull, threads, workflow),
        }
    else:
        again = order is not None and order.name == RETRY
        outputs = {**_nothing(subject), "why": "asked" if again or decided else "none"}
        if order is not None and fix:
            commands.nothing_to_fix(context, subject, pull, order)
    commands.reply(context, subject, pull, pending)
    commands.note(context, subject, pull.number, pending)
    return outputs


def _nothing(subject: Subject) -> Outputs:
    return {"why": "none", "cause": "none", "try": str(subject.attempt_of_person)}


def _take(
    context: Context, gh: Client, subject: Subject, pull: pulls.Pull, threads: tuple[Thread, ...], workflow: str
) -> str:
    """Store these threads as the snapshot that this Workflow works on; returns its hash."""
    ledger = context.ledger(subject.repo)
    entries = ledger.entries("pr", pull.number)
    ids = sorted(id_ for thread in threads for id_ in thread.waiting())
    again = 0
    while _is_over(entries, snapshots.hash_of(ids, again)):
        again += 1
    taken = snapshots.Snapshot(
        hash=snapshots.hash_of(ids, again),
        repository=subject.repo,
        pull_request=pull.number,
        head=pull.head_sha,
        taken_at=rfc3339(context.clock.now()),
        threads=threads,
    )
    before = entries.get(Snapshot, Snapshot.key_of(taken.hash))
    entry = Snapshot(
        hash=taken.hash,
        ids=tuple(ids),
        head=pull.head_sha,
        try_=subject.attempt_of_person,
        workflow=workflow,
        context=before.context if before else None,
    )
    # The ledger before the branch: `reconcile` deletes branches that no ledger knows.
    ledger.record("pr", pull.number, entry)
    commit = snapshots.keep(gh, taken, subject.base(gh), entry.context or "")
    ledger.record("pr", pull.number, replace(entry, context=commit))
    for dropped in entries.all(Snapshot):
        if dropped.hash != taken.hash and not dropped.answered and set(dropped.ids) <= set(ids):
            # The new snapshot contains all of it.
            ledger.record("pr", pull.number, replace(dropped, answered=True, by=taken.hash))
            refs.delete_branch(gh, subject.repo, snapshots.branch(dropped.hash))
    context.say(f"pull request {pull.number}: snapshot {taken.hash} of {len(ids)} comments")
    return taken.hash


def _is_over(entries: Entries, hash_: str) -> bool:
    """Whether a snapshot needs no more work: it was answered, or superseded."""
    entry = entries.get(Snapshot, Snapshot.key_of(hash_))
    if entry is None or entry.answered:
        return entry is not None
    run = _run_of(entries, hash_)
    return run is not None and run.outcome == "superseded"


def _run_of(entries: Entries, hash_: str) -> Run | None:
    """The newest run for a snapshot, None if there is none.

    Its newest comments are those before the first attempt: a failed attempt's answers count too.
    """
    runs = [run for run in entries.runs if run.role == COMMENTS.name and run.cause == hash_]
    newest = max(runs, key=lambda run: (run.try_, run.attempt), default=None)
    if newest is None:
        return None
    return replace(
        newest,
        newest_comment=min((run.newest_comment for run in runs if run.newest_comment is not None), default=None),
        newest_line=min((run.newest_line for run in runs if run.newest_line is not None), default=None),
    )


def answer(inputs: Inputs, context: Context) -> Outputs:
    """Answer what the agent left open of a snapshot, which is then finished, whatever the run's outcome.

    If the run was superseded, the snapshot stays and is gathered again. Raises InputError, after all answers, if the
    flow broke off before its run ended: the Workflow then shows it.
    """
    subject = Subject.of(inputs, context)
    hash_, number = names.checked(inputs["cause"], "cause"), subject.pull_number
    ledger = context.ledger(subject.repo)
    entries = ledger.entries("pr", number)
    entry = entries.get(Snapshot, Snapshot.key_of(hash_))
    if entry is None:
        raise InputError(f"parameter cause: pull request {number} has no snapshot {hash_}")
    run = _run_of(entries, hash_)
    stopped = parking.stopped(entries, subject)
    gh = context.harness(subject.repo, **_WRITE)
    pull = pulls.pull(gh, subject.repo, number)
    if not entry.answered:
        if run is not None and run.outcome == "superseded":
            return {"state": "superseded"}
        if pull.state == "open":
            text = _text(context, subject, entry, run, stopped=stopped)
            taken = snapshots.read(gh, subject.repo, hash_, entry.context or "")
            _answer(context, gh, subject, taken, run, text)
        ledger.record("pr", number, replace(entry, answered=True))
    refs.delete_branch(gh, subject.repo, snapshots.branch(hash_))
    if (run is None or run.result is None) and not stopped and pull.state == "open":
        raise InputError(f"pull request {number}: the work on snapshot {hash_} broke off; the nodes before say why")
    return {"state": "answered"}


def _text(context: Context, subject: Subject, entry: Snapshot, run: Run | None, *, stopped: bool) -> str:
    """What the harness answers where the agent did not; every word of it is ours, but for a quoted detail."""
    old, new = entry.head, (run.new_head if run else None) or entry.head
    if old != new:
        link = f"{context.settings.github.web_url}/{subject.repo}/compare/{old}...{new}"
        return f"Looked at in commits [`{old[:10]}..{new[:10]}`]({link})."
    reason, details = "the work on it broke off before its end", ""
    outcome = run.outcome if run else ""
    if stopped or outcome == "stopped":
        reason = parking.STOPPED
    elif outcome == "nothing":
        reason = "the agent left the code as it is, and said nothing about this comment"
    elif run is not None and run.reason:
        reason, details = run.reason, reason_text.details(run.result.why) if run.result else ""
    more = f"\n\n{details}\n\n" if details else " "
    return f"Nothing was changed for this: {reason}.{more}To have it taken up again, comment `/press-play fix`."


def _answer(
    context: Context, gh: Client, subject: Subject, taken: snapshots.Snapshot, run: Run | None, text: str
) -> None:
    answers = Answers.of(context, gh, subject.repo, taken.pull_request, run)
    for thread in taken.threads:
        if answers.has(thread, taken.hash):
            continue
        marker = f"answered-{taken.hash}-{thread.id}"
        if thread.kind == "thread":
            comments.reply(gh, subject.repo, taken.pull_request, thread.number, text, marker)
        else:
            # An agent may have rewritten the snapshot's branch: our link must not lead elsewhere.
            here = thread.url.startswith(f"{context.settings.github.web_url}/{subject.repo}/")
            about = f"[this {thread.kind}]({thread.url})" if here else f"this {thread.kind}"
            body = f"To {about}: {text}"
            issues.comment(gh, subject.repo, taken.pull_request, body, marker)
