"""A pull request's review: whether it may start, where it stands, and how it is concluded."""

from __future__ import annotations

from collections.abc import Mapping

from pressplay import names
from pressplay.cluster.ledger import Entry
from pressplay.errors import InputError
from pressplay.github import pulls
from pressplay.steps import approval, consent, documents, findings, gates, limits, orders, origin, parking, target
from pressplay.steps.context import Context, Inputs, Outputs, Subject, number
from pressplay.steps.run import ASK_ROLES, COMMENTS, FIX, ROUND_ROLES, TEST, TRIAGE, triage_key
from pressplay.steps.start import hand_over

FLOW = "pull-request"
WHYS = ("asked", "push", *ASK_ROLES)
"""Why a pull request is worked on: a person asked (`argo submit`), somebody pushed, or one of the asks."""


def why_of(inputs: Inputs) -> str:
    """The checked parameter `why`."""
    why = inputs.get("why") or "asked"
    if why not in WHYS:
        raise InputError(f"parameter why: expected one of {', '.join(WHYS)}, got {why!r}")
    return why


def accept(inputs: Inputs, context: Context) -> Outputs:
    """Whether a pull request may start a flow (R8): state `go`, or why not; and what is left of the window, in seconds.

    `tag`, `task` and `try` are those that its ledger knows: an event names the pull request alone.
    """
    subject = Subject.of(inputs, context)
    why = why_of(inputs)
    flow = why if why in ASK_ROLES else FLOW
    if hand_over(context, flow, inputs["repo"], subject.repo, ("pr", subject.pull), why if flow == FLOW else ""):
        return {"state": "respelled", "seconds": "0", "tag": "", "task": "none", "try": "1"}
    gh = context.harness(subject.repo, pull_requests="read")
    pull = pulls.pull(gh, subject.repo, subject.pull)
    entries = context.ledger(subject.repo).entries("pr", pull.number)
    state = "go"
    if pull.state != "open":
        state = "closed"
    elif pull.fork:
        # A fork's code gets no agent and no secret.
        state = "fork"
    elif documents.left_alone(context, subject.repo, pull, entries):
        state = "documents"
    elif why in ("push", TRIAGE) and not in_scope(context, subject.repo, pull, entries):
        state = "unlabelled"
        if is_withdrawn(context, subject.repo, pull, entries):
            state = "edited"
            consent.ask_again(context, subject.repo, pull.number)
    if state != "go":
        context.say(f"pull request {pull.number}: nothing is started: {state}")
    return {"state": state, "seconds": str(seconds_left(inputs, context)), **of_ledger(entries, pull)}


def seconds_left(inputs: Inputs, context: Context) -> int:
    """What is left of the window that ends at the parameter `until`; never more than an hour, whatever clocks say."""
    return max(0, min(3600, (number(inputs, "until") or 0) - int(context.clock.now())))


def in_scope(context: Context, repo: str, pull: pulls.Pull, entries: Mapping[str, Entry]) -> bool:
    """Whether a pull request may start flows without being asked (`events.start`); `entries` is its ledger.

    All may; or those that a person with write access labelled, as they still are, and those that one of our Apps
    opened for work that was asked of it. Who may only triage can label too, and an agent can label and open what it
    likes (R8).
    """
    events = context.settings.events
    if events.start == "all" or (is_ours(context, pull.author) and _was_asked_for(context, repo, pull, entries)):
        return True
    return consent.labelled_at(context, repo, pull.number, pull.labels) is not None and not is_withdrawn(
        context, repo, pull, entries
    )


def is_withdrawn(context: Context, repo: str, pull: pulls.Pull, entries: Mapping[str, Entry]) -> bool:
    """Whether the label was put on for another text than the one that agents would read now (`steps.consent`).

    Of a task's pull request they read the task.
    """
    if of_ledger(entries, pull)["task"] != "none":
        return False
    return consent.words(context, repo, pull.number, pull.labels).withdrawn


def _was_asked_for(context: Context, repo: str, pull: pulls.Pull, entries: Mapping[str, Entry]) -> bool:
    """Whether a pull request is of a task of ours: one that was taken over, or whose run has not been collected yet."""
    task = names.task_of_branch(pull.head_ref)
    return "task" in entries or bool(task and context.ledger(repo).entries("task", task))


def is_ours(context: Context, login: str) -> bool:
    """Whether a login is one of our Apps'."""
    return context.settings.is_ours(login)


def of_ledger(entries: Mapping[str, Entry], pull: pulls.Pull) -> Outputs:
    """`tag`, `task` and `try` of a pull request, for a flow that an event started."""
    task = entries.get("task") or {}
    branch = names.task_of_branch(pull.head_ref)
    tries = [entry["try"] for entry in entries.values() if isinstance(entry.get("try"), int)]
    return {
        "tag": str(task.get("tag") or ""),
        "task": str(task.get("task") or branch or "none"),
        "try": str(max(tries, default=1)),
    }


def look(inputs: Inputs, context: Context) -> Outputs:
    """Where the pull request stands: `ask` or `review` with head and round; or nothing to do, and why.

    `ask` names the agent. Nothing to do: `approved`, `merged`, `closed`, `refused` (a fork), `parked`, `stopped`.
    """
    subject = Subject.of(inputs, context)
    why, cause = why_of(inputs), inputs.get("cause", "none")
    gh = context.harness(subject.repo, pull_requests="read", checks="write", contents="read")
    pull = pulls.pull(gh, subject.repo, subject.pull)
    entries = context.ledger(subject.repo).entries("pr", subject.pull)
    parked = parking.parked(entries, subject)
    state, agent = "review", "none"
    held: target.Obstacle | None = None
    if pull.merged:
        state = "merged"
    elif pull.state == "closed":
        state = "closed"
    elif pull.fork:
        # A fork's code gets no agent and no secret (R8).
        state = "refused"
    elif parking.stopped(entries, subject):
        state = "stopped"
    elif held := target.obstacle(context, gh, subject, pull, entries):
        state = "parked"
        parking.park(context, subject, pull, held.reason, ways=held.ways)
    elif why in ASK_ROLES and not _answered(entries, why, cause, pull):
        state, agent = "ask", context.settings.flows.comments.agent if why == COMMENTS else "triage"
    elif approval.take_up(gh, subject.repo, pull):
        state = "approved"
    elif parked is not None and parked.get("head") == pull.head_sha and why != "asked":
        state = "parked"
    if state in ("ask", "review") or held:
        approval.void(context, subject, pull, entries, whole=held is not None)
    return {"state": state, "head": pull.head_sha, "round": str(next_round(entries, subject)), "agent": agent}


def _answered(entries: dict[str, Entry], why: str, cause: str, pull: pulls.Pull) -> bool:
    if why == TRIAGE and (entries.get(triage_key(cause)) or {}).get("head", pull.head_sha) != pull.head_sha:
        # The check failed on a commit that is the head no more.
        return True
    return any(
        entry.get("role") == why and entry.get("cause") == cause and entry.get("outcome") in ("done", "nothing")
        for entry in entries.values()
    )


def next_round(entries: dict[str, Entry], subject: Subject) -> int:
    """The round to go on with: after the last one of this try that ended in a fix, else the last one itself.

    An ask begins anew: a person (or a new failure) wants something else than QA did.
    """
    own = [entry for entry in entries.values() if entry.get("try") == subject.attempt_of_person and "round" in entry]
    asked = max((entry.get("started", 0) for entry in own if entry["role"] in ASK_ROLES), default=0)
    rounds = [e for e in own if e["role"] in ROUND_ROLES and limits.began(e) >= asked]
    last = max((entry["round"] for entry in rounds), default=1)
    fixed = any(e["round"] == last and e["role"] == FIX and e.get("outcome") == "done" for e in rounds)
    return last + 1 if fixed else last


def conclude(inputs: Inputs, context: Context) -> Outputs:
    """Post check and approval where QA and every gate passed the head commit; park with the reason where they did not.

    The head is read again first: what QA passed must be the head still, or the review is superseded, and whoever
    called this looks again.
    """
    subject = Subject.of(inputs, context)
    gh = context.harness(subject.repo, pull_requests="read", contents="read")
    pull = pulls.pull(gh, subject.repo, subject.pull)
    link = f"{context.settings.github.web_url}/{subject.repo}/pull/{pull.number}"
    if pull.merged or pull.state == "closed":
        return {"outcome": "merged" if pull.merged else "closed", "link": link, "head": pull.head_sha}
    entries = context.ledger(subject.repo).entries("pr", pull.number)
    last, parked = limits.newest(entries, subject), parking.parked(entries, subject)
    outcome = "parked"
    if parking.stopped(entries, subject):
        outcome = "stopped"
    elif _in_words(last) and parked is not None and parked.get("head") == pull.head_sha:
        # It stays parked, for the reason that it has.
        outcome = "parked"
    elif last is not None and not _passed(entries, pull) and _superseded(last, pull):
        outcome = "superseded"
    else:
        reason = _why_not(last, entries, pull)
        if not _left_undone(last) and _passed(entries, pull):
            reason = approval.missing(subject, entries, pull.head_sha)
        held = target.obstacle(context, gh, subject, pull, entries) if not reason else None
        reason = held.reason if held else reason
        if not reason:
            origin.link(context, subject, pull.number)
            reason = approval.give(context, subject, pull)
        if reason:
            details = findings.refused(context, subject, entries, pull)
            parking.park(context, subject, pull, reason, ways=held.ways if held else "", details=details)
        else:
            outcome = "approved"
        approval.count(context, subject, pull, entries)
        origin.ended(context, subject, outcome, reason, pull.number)
    return {"outcome": outcome, "link": link, "head": pull.head_sha}


def _passed(entries: dict[str, Entry], pull: pulls.Pull) -> bool:
    """Whether QA's newest verdict on the head is that it passes: in a later try it may have thought better of it."""
    own = [
        entry
        for entry in entries.values()
        if entry.get("role") == TEST
        and entry.get("outcome") in ("pass", "changes")
        and entry.get("new_head") == pull.head_sha
    ]
    newest = max(own, key=lambda e: (e["try"], e.get("ended", 0), e["round"], e["attempt"]), default=None)
    return newest is not None and newest["outcome"] == "pass"


def _left_undone(last: Entry | None) -> bool:
    """Whether what was asked for last came to nothing: what QA passed before that is not what people want.

    Or whether others told the last run what to do: then a person goes on, whatever was passed before.
    """
    if last is None:
        return False
    undone = last.get("role") in ASK_ROLES and last.get("outcome") in ("parked", "failed", "timeout")
    return undone or bool(last.get(orders.MOVED))


def _in_words(last: Entry | None) -> bool:
    """Whether comments were answered without a change."""
    return last is not None and last.get("role") == COMMENTS and last.get("outcome") == "nothing"


def _superseded(last: Entry, pull: pulls.Pull) -> bool:
    """Whether the head is somebody else's: what the newest run saw or left is not it."""
    if last.get("outcome") == "superseded":
        return True
    return last.get("outcome") in ("done", "pass", "changes", "nothing") and last.get("new_head") != pull.head_sha


def _why_not(last: Entry | None, entries: dict[str, Entry], pull: pulls.Pull) -> str:
    if last is None:
        return "no agent has looked at it"
    refused = {gate: gates.verdict_on(entries, gate, pull.head_sha) for gate in (gates.LINT, gates.TEST_ONLY)}
    said = [f"{gates.check_name(g)}: {v['reason']}" for g, v in refused.items() if v and v["outcome"] != "pass"]
    if last.get("reason"):
        return f"{last.get('agent', 'harness')}: {last['reason']}"
    if last.get("outcome") == "nothing" and said and last["role"] == FIX:
        return said[0]
    if last.get("outcome") == "nothing":
        disproved = (gates.verdict_on(entries, gates.ACCEPTANCE, pull.head_sha) or {}).get("outcome") == "fail"
        otherwise = "the probes do not hold" if disproved else "QA wants changes"
        wanted = {COMMENTS: "reviewers do", TRIAGE: "a check fails"}.get(last["role"], otherwise)
        return f"round {last['round']} changed nothing though {wanted}"
    return said[0] if said else f"{last.get('agent', 'an agent')} ended with {last.get('outcome', 'no outcome')}"
