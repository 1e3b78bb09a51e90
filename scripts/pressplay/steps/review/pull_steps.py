"""A pull request's review: whether it may start, where it stands, and how it is concluded."""

from __future__ import annotations

from dataclasses import replace

from pressplay.domain import entries as entries_
from pressplay.domain import roles
from pressplay.domain.entries import Entries, Triage, Waiver
from pressplay.domain.reasons import Reason
from pressplay.domain.roles import COMMENTS, CONFLICT, FIX, TEST, TRIAGE
from pressplay.errors import InputError
from pressplay.github import pulls, refs
from pressplay.github.calls import Client
from pressplay.steps.core import approvals, consent, parking, stack, start, task_source, verdicts
from pressplay.steps.core.context import Context, Inputs, Outputs, Subject
from pressplay.steps.core.stack import Stack
from pressplay.steps.core.start import hand_over
from pressplay.steps.documents import task_documents
from pressplay.steps.review import approval, conflicts, plans, retest, rounds, scope, target, updates
from pressplay.steps.review.conflicts import Conflict
from pressplay.steps.runs import findings, limits
from pressplay.steps.runs.judging import BLOCKED

FLOW = "pull-request"
_REVIEW = "review"
_OF_FLOWS = (COMMENTS.name, TRIAGE.name)
"""The roles that flows of their name ask for; a conflict is there, and whoever looks sees it."""
WHYS = ("asked", "push", _REVIEW, *_OF_FLOWS)
"""Why a pull request is worked on: a person asked (`argo submit`), somebody pushed or the base moved, what was asked
for was done, or the flow that calls."""


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
    flow = why if why in _OF_FLOWS else FLOW
    if hand_over(context, flow, inputs["repo"], subject.repo, subject.pull_number, why):
        return {"state": "respelled", "seconds": "0", "tag": "", "task": "none", "try": "1"}
    gh = context.harness(subject.repo, pull_requests="read")
    pull = pulls.pull(gh, subject.repo, subject.pull_number)
    entries = context.ledger(subject.repo).entries("pr", pull.number)
    state = "go"
    if pull.state != "open":
        state = "closed"
    elif pull.fork:
        # A fork's code gets no agent and no secret.
        state = "fork"
    elif task_documents.left_alone(context, subject.repo, pull, entries):
        state = "documents" if task_documents.is_morgans(context, pull) else "statuses"
    elif why in ("push", TRIAGE.name) and not scope.in_scope(context, subject.repo, pull, entries):
        state = "unlabelled"
        if scope.is_withdrawn(context, subject.repo, pull, entries):
            state = "edited"
            consent.ask_again(context, subject.repo, pull.number)
    if state != "go":
        context.say(f"pull request {pull.number}: nothing is started: {state}")
    return {"state": state, "seconds": str(start.seconds_left(inputs, context)), **scope.of_ledger(entries, pull)}


def look(inputs: Inputs, context: Context) -> Outputs:
    """Where the pull request stands: `ask` or `review` with head and round; or nothing to do, and why.

    `ask` names agent, role and cause: of the flow that calls, or of a head that conflicts with its base (the commit
    `onto`), approved or not. `conclude`: all is there for the approval.
    Nothing to do: `approved`, `merged`, `closed`, `refused` (a fork), `parked`, `stopped`.
    """
    subject = Subject.of(inputs, context)
    why, cause = why_of(inputs), inputs.get("cause", "none")
    gh = context.harness(subject.repo, pull_requests="read", checks="write", contents="read")
    pull = pulls.pull(gh, subject.repo, subject.pull_number)
    entries = context.ledger(subject.repo).entries("pr", subject.pull_number)
    parked = parking.parked(entries, subject)
    state, agent, role = "review", "none", "none"
    built = stack.of(context, gh, subject) if pull.state == "open" and not pull.fork else None
    base = _does_not_merge(subject, gh, pull, entries, built) if why != _REVIEW else None
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
    elif why in _OF_FLOWS and not _answered(entries, why, cause, pull):
        state, role = "ask", why
        agent = context.settings.flows.comments.agent if why == COMMENTS.name else TRIAGE.persona
    elif (approved := _is_approved(context, gh, subject, pull, entries)) and base is None:
        # What it was begun on has landed: the approval follows.
        may_follow = built is not None and not built.waits and approvals.is_held(gh, subject.repo, pull)
        state = "conclude" if may_follow else "approved"
    elif parked is not None and parked.head == pull.head_sha and why != "asked":
        state = "parked"
    elif base is not None:
        state, role, agent = "ask", CONFLICT.name, CONFLICT.persona
        cause = Conflict(base, pull.head_sha).cause
        if approved and (built is None or not approvals.is_held(gh, subject.repo, pull)):
            approval.say_that_it_waits(gh, subject.repo, pull)
    elif (why == "asked" and _accepted(context, subject, entries, pull)) or (
        built is not None and built.on.held == pull.head_sha and _is_proven(context, subject, entries, pull)
    ):
        state = "conclude"
    if state in ("ask", "review") or held:
        approval.void(context, subject, pull, entries, whole=held is not None)
    asked = {"agent": agent, "role": role, "cause": cause, "onto": base if base and role == CONFLICT.name else "none"}
    return {"state": state, "head": pull.head_sha, "round": str(rounds.next_round(entries, subject)), **asked}


def _is_approved(context: Context, gh: Client, subject: Subject, pull: pulls.Pull, entries: Entries) -> bool:
    """Whether the head is approved, or the flow `retest` carries an approval over to it, without a review."""
    known = approval.take_up(gh, subject.repo, pull)
    return known or updates.take_up(context, gh, subject, pull, entries) is not None


def _does_not_merge(
    subject: Subject, gh: Client, pull: pulls.Pull, entries: Entries, built: Stack | None
) -> str | None:
    """The base's commit with which the head conflicts, or does not hold although git merges both; None if neither.

    While what it was begun on has not landed, a conflict is that one's to resolve.
    """
    if built is not None and built.landing is None:
        return None
    lacks_base = built is not None and built.lacks_base(gh, subject.repo, pull.base_ref, pull.head_sha)
    if conflicts.is_dirty(pull) or lacks_base:
        return refs.head(gh, subject.repo, pull.base_ref)
    known = retest.entry_of(entries, pull.head_sha)
    broken = known is not None and retest.why_broken(entries, subject.settings, pull.head_sha, known.onto)
    return known.onto if known is not None and broken else None


def _answered(entries: Entries, why: str, cause: str, pull: pulls.Pull) -> bool:
    failure = entries.get(Triage, Triage.key_of(cause))
    if why == TRIAGE.name and failure is not None and failure.head != pull.head_sha:
        # The check failed on a commit that is the head no more.
        return True
    return any(run.role == why and run.cause == cause and run.outcome in ("done", "nothing") for run in entries.runs)


def conclude(inputs: Inputs, context: Context) -> Outputs:
    """Post check and approval where QA and every gate passed the head commit; park with the reason where they did not.

    The head is read again first: what QA passed must be the head still, or the review is superseded, and whoever
    called this looks again.
    """
    subject = Subject.of(inputs, context)
    gh = context.harness(subject.repo, pull_requests="read", contents="read")
    pull = pulls.pull(gh, subject.repo, subject.pull_number)
    link = f"{context.settings.github.web_url}/{subject.repo}/pull/{pull.number}"
    if pull.merged or pull.state == "closed":
        return {"outcome": "merged" if pull.merged else "closed", "link": link, "head": pull.head_sha}
    entries = context.ledger(subject.repo).entries("pr", pull.number)
    last, parked = limits.newest(entries, subject), parking.parked(entries, subject)
    outcome = "parked"
    if parking.stopped(entries, subject):
        outcome = "stopped"
    elif _in_words(last) and parked is not None and parked.head == pull.head_sha:
        # It stays parked, for the reason that it has.
        outcome = "parked"
    elif last is not None and not _passed(entries, pull) and _superseded(last, pull):
        outcome = "superseded"
    else:
        reason: Reason | None = _why_not(last, entries, pull)
        if not _left_undone(last) and _passed(entries, pull):
            reason = _lacks(context, subject, entries, pull)
        held = target.obstacle(context, gh, subject, pull, entries) if reason is None else None
        if held is not None:
            reason = Reason(what=held.reason)
        if reason is None:
            task_source.link(context, subject, pull.number)
            reason = approval.approve(context, subject, pull, entries)
        if last is not None and last.result is not None and last.outcome == BLOCKED:
            parking.park_blocked(context, subject, last.agent, last.result)
        elif reason is not None:
            details = findings.refused(context, subject, entries, pull)
            parking.park(context, subject, pull, reason, ways=held.ways if held else "", details=details)
        else:
            outcome = "approved"
        approval.count(context, subject, pull, entries)
        task_source.ended(context, subject, outcome, reason, pull.number)
    return {"outcome": outcome, "link": link, "head": pull.head_sha}


def _lacks(context: Context, subject: Subject, entries: Entries, pull: pulls.Pull) -> Reason | None:
    deployed = plans.probes_deployment(context, subject, pull.head_sha)
    return approval.lacks(subject, entries, pull.head_sha, deployed=deployed)


def _accepted(context: Context, subject: Subject, entries: Entries, pull: pulls.Pull) -> bool:
    """Whether a person accepted what the approval of the head waited for, and nothing else is lacking."""
    waived = any(waiver.head == pull.head_sha for waiver in entries.all(Waiver))
    return waived and _is_proven(context, subject, entries, pull)


def _is_proven(context: Context, subject: Subject, entries: Entries, pull: pulls.Pull) -> bool:
    """Whether nothing is lacking for an approval of the head."""
    return _passed(entries, pull) and _lacks(context, subject, entries, pull) is None


def _passed(entries: Entries, pull: pulls.Pull) -> bool:
    """Whether QA's newest verdict on the head is that it passes: in a later try it may have thought better of it."""
    own = [
        run
        for run in entries.runs
        if run.role == TEST.name and run.outcome in ("pass", "changes") and run.new_head == pull.head_sha
    ]
    newest = max(own, key=lambda run: (run.try_, run.ended or 0, run.round, run.attempt), default=None)
    return newest is not None and newest.outcome == "pass"


def _left_undone(last: entries_.Run | None) -> bool:
    """Whether what was asked for last came to nothing: what QA passed before that is not what people want.

    Or whether the last run asks a person to decide, or others told it what to do: then a person goes on, whatever was
    passed before.
    """
    if last is None:
        return False
    undone = last.role in roles.named("ask") and last.outcome in ("parked", "failed", "timeout", "refused")
    return undone or last.outcome == BLOCKED or (last.result is not None and last.result.moved)


def _in_words(last: entries_.Run | None) -> bool:
    """Whether comments were answered without a change."""
    return last is not None and last.role == COMMENTS.name and last.outcome == "nothing"


def _superseded(last: entries_.Run, pull: pulls.Pull) -> bool:
    """Whether the head is somebody else's: what the newest run saw or left is not it."""
    if last.outcome == "superseded":
        return True
    return last.outcome in ("done", "pass", "changes", "nothing", BLOCKED) and last.new_head != pull.head_sha


def _why_not(last: entries_.Run | None, entries: Entries, pull: pulls.Pull) -> Reason:
    """Why the pull request is not approved, by what came last."""
    if last is None:
        return Reason(what="no agent has looked at it")
    early = (verdicts.LINT, verdicts.TEST_ONLY, verdicts.SUPPLY, verdicts.TESTS)
    gates = {gate: verdicts.verdict_on(entries, gate, pull.head_sha) for gate in early}
    refusals = [
        replace(verdict.why, what=f"{verdicts.check_name(gate)}: {verdict.reason}")
        for gate, verdict in gates.items()
        if verdict and verdict.outcome != "pass"
    ]
    if last.result is not None and last.result.reason:
        return replace(last.result.why, what=f"{last.agent}: {last.result.reason}")
    if last.outcome == "nothing" and refusals and last.role == FIX.name:
        return refusals[0]
    if last.outcome == "nothing":
        acceptance = verdicts.verdict_on(entries, verdicts.ACCEPTANCE, pull.head_sha)
        disproved = acceptance if acceptance is not None and acceptance.outcome == "fail" else None
        request = {COMMENTS.name: "reviewers do", TRIAGE.name: "a check fails"}.get(last.role)
        wanted = request or ("the probes do not hold" if disproved else "QA wants changes")
        # The first probe that does not hold is the deepest detail known.
        why = disproved.why if disproved and not request else Reason(what="")
        return replace(why, what=f"round {last.round} changed nothing though {wanted}")
    return refusals[0] if refusals else Reason(what=f"{last.agent} ended with {last.outcome or 'no outcome'}")
