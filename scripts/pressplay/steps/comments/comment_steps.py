"""What people said on a pull request: their commands, and their comments gathered, worked on and answered.

`gather` outputs `why`, with which the pull request is to be worked on: `comments` (then `cause` is the snapshot's
hash), `asked` (a person ordered a retry) or `none`; and the try that counts. `answer` answers what the agent left.
The ledger's entry `snapshot-<hash>` holds ids, head, try, the Workflow that works on it, the commit of the texts
(`context`), and whether it is answered.
"""

from __future__ import annotations

from pressplay import names
from pressplay.clock import rfc3339
from pressplay.cluster.ledger import Entry
from pressplay.domain.roles import COMMENTS
from pressplay.errors import InputError
from pressplay.github import comments, issues, pulls, refs, snapshots
from pressplay.github.calls import Client
from pressplay.github.conversation import Thread
from pressplay.github.snapshots import PREFIX, Snapshot
from pressplay.steps.comments import commands, unanswered
from pressplay.steps.comments.answers import NEWEST, Answers
from pressplay.steps.comments.conversation import FIX, RETRY, hear
from pressplay.steps.core import parking
from pressplay.steps.core.context import Context, Inputs, Outputs, Subject
from pressplay.steps.runs import orders

_WRITE = {"contents": "write", "pull_requests": "write", "issues": "write"}


def gather(inputs: Inputs, context: Context) -> Outputs:
    """Carry out people's commands, and make a snapshot of all that is unanswered."""
    subject = Subject.of(inputs, context)
    gh = context.harness(subject.repo, **_WRITE)
    pull = pulls.pull(gh, subject.repo, subject.pull_number)
    if pull.state != "open":
        return _nothing(subject)
    entries = context.ledger(subject.repo).entries("pr", pull.number)
    heard = hear(context, gh, subject.repo, pull)
    context.say(f"pull request {pull.number}: {heard.left_out} comments of people without write access left out")
    pending = commands.pending(entries, heard.commands)
    order = commands.order(pending)
    if order is not None:
        context.say(f"pull request {pull.number}: {order.name}, by {order.id}")
        subject = commands.carry_out(context, subject, pull, order)
        entries = context.ledger(subject.repo).entries("pr", pull.number)
    fix = order is not None and order.name == FIX
    threads: tuple[Thread, ...] = ()
    if fix or unanswered.may_work(context, entries, subject, pull):
        workflow = names.checked(inputs["workflow"], "workflow") if inputs.get("workflow") else ""
        threads = unanswered.unanswered(context, entries, heard, workflow, all_of_it=fix)
    if threads:
        outputs = {
            **_nothing(subject),
            "why": COMMENTS.name,
            "cause": _take(context, gh, subject, pull, threads, workflow),
        }
    else:
        again = order is not None and order.name == RETRY
        outputs = {**_nothing(subject), "why": "asked" if again else "none"}
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
    """Keep these threads as a snapshot that this Workflow works on; its hash."""
    ledger = context.ledger(subject.repo)
    entries = ledger.entries("pr", pull.number)
    ids = sorted(one for thread in threads for one in thread.waiting())
    again = 0
    while _over(entries, snapshots.hash_of(ids, again)):
        again += 1
    taken = Snapshot(
        hash=snapshots.hash_of(ids, again),
        repository=subject.repo,
        pull_request=pull.number,
        head=pull.head_sha,
        taken_at=rfc3339(context.clock.now()),
        threads=threads,
    )
    entry = {
        "ids": ids,
        "head": pull.head_sha,
        "try": subject.attempt_of_person,
        "workflow": workflow,
        "answered": False,
    }
    # The ledger before the branch: `reconcile` deletes branches that no ledger knows.
    known = (unanswered.snapshots_of(entries).get(taken.hash) or {}).get(orders.CONTEXT, "")
    name = f"{PREFIX}{taken.hash}"
    ledger.record("pr", pull.number, name, {**entry, orders.CONTEXT: known} if known else entry)
    base = subject.base(gh)
    ledger.record("pr", pull.number, name, {**entry, orders.CONTEXT: snapshots.keep(gh, taken, base, known)})
    for hash_, dropped in unanswered.snapshots_of(entries).items():
        if hash_ != taken.hash and not dropped.get("answered") and set(dropped["ids"]) <= set(ids):
            # All of it is in this one now.
            ledger.record("pr", pull.number, f"{PREFIX}{hash_}", {**dropped, "answered": True, "by": taken.hash})
            refs.delete_branch(gh, subject.repo, snapshots.branch(hash_))
    context.say(f"pull request {pull.number}: snapshot {taken.hash} of {len(ids)} comments")
    return taken.hash


def _over(entries: dict[str, Entry], hash_: str) -> bool:
    """Whether a snapshot of this hash has had its time: answered, or superseded."""
    entry = unanswered.snapshots_of(entries).get(hash_)
    return entry is not None and bool(entry.get("answered") or _run_of(entries, hash_).get("outcome") == "superseded")


def _run_of(entries: dict[str, Entry], hash_: str) -> Entry:
    """The newest run that was to answer a snapshot; empty where there is none."""
    runs = [entry for entry in entries.values() if entry.get("role") == COMMENTS.name and entry.get("cause") == hash_]
    newest = max(runs, key=lambda entry: (entry.get("try", 0), entry.get("attempt", 0)), default={})
    # What an attempt that failed in the end had answered is answered.
    began = [entry for entry in runs if "newest_comment" in entry]
    return {**newest, **{key: min(entry[key] for entry in began) for key in NEWEST if began}}


def answer(inputs: Inputs, context: Context) -> Outputs:
    """Answer what the agent left unanswered of a snapshot, which is done with then: whatever came of it.

    Only where the run was superseded it stays, and is gathered again. InputError, once all is answered, where the flow
    broke off before its run came to an end: the Workflow then says so.
    """
    subject = Subject.of(inputs, context)
    hash_, number = names.checked(inputs["cause"], "cause"), subject.pull_number
    ledger = context.ledger(subject.repo)
    entries = ledger.entries("pr", number)
    entry = unanswered.snapshots_of(entries).get(hash_)
    if entry is None:
        raise InputError(f"parameter cause: pull request {number} has no snapshot {hash_}")
    run = _run_of(entries, hash_)
    stopped = parking.stopped(entries, subject)
    gh = context.harness(subject.repo, **_WRITE)
    pull = pulls.pull(gh, subject.repo, number)
    if not entry.get("answered"):
        if run.get("outcome") == "superseded":
            return {"state": "superseded"}
        if pull.state == "open":
            text = _text(context, subject, entry, run, stopped=stopped)
            taken = snapshots.read(gh, subject.repo, hash_, entry.get(orders.CONTEXT, ""))
            _answer(context, gh, subject, taken, run, text)
        ledger.record("pr", number, f"{PREFIX}{hash_}", {**entry, "answered": True})
    refs.delete_branch(gh, subject.repo, snapshots.branch(hash_))
    if "outcome" not in run and not stopped and pull.state == "open":
        raise InputError(f"pull request {number}: the work on snapshot {hash_} broke off; the nodes before say why")
    return {"state": "answered"}


def _text(context: Context, subject: Subject, entry: Entry, run: Entry, *, stopped: bool) -> str:
    """What the harness says where the agent said nothing; ours, every word of it."""
    old, new = entry["head"], run.get("new_head") or entry["head"]
    if old != new:
        link = f"{context.settings.github.web_url}/{subject.repo}/compare/{old}...{new}"
        return f"Looked at in commits [`{old[:10]}..{new[:10]}`]({link})."
    reason = "the work on it broke off before its end"
    if stopped or run.get("outcome") == "stopped":
        reason = parking.STOPPED
    elif run.get("outcome") == "nothing":
        reason = "the agent left the code as it is, and said nothing about this comment"
    elif run.get("reason"):
        reason = str(run["reason"])
    return f"Nothing was changed for this: {reason}. To have it taken up again, comment `/press-play fix`."


def _answer(context: Context, gh: Client, subject: Subject, taken: Snapshot, run: Entry, text: str) -> None:
    said = Answers.of(context, gh, subject.repo, taken.pull_request, run)
    for thread in taken.threads:
        if said.has(thread, taken.hash):
            continue
        marker = f"answered-{taken.hash}-{thread.id}"
        if thread.kind == "thread":
            comments.reply(gh, subject.repo, taken.pull_request, thread.number, text, marker)
        else:
            # An agent may have rewritten the branch that the snapshot lies on: ours must not lead elsewhere.
            here = thread.url.startswith(f"{context.settings.github.web_url}/{subject.repo}/")
            about = f"[this {thread.kind}]({thread.url})" if here else f"this {thread.kind}"
            body = f"To {about}: {text}"
            issues.comment(gh, subject.repo, taken.pull_request, body, marker)
