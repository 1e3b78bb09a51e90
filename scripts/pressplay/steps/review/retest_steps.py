"""The flow `retest`: the merge of an approved head with a base branch that moved on is judged (R5).

Where GitHub merges only what is up to date (`base.strategy: strict`), the base branch is then merged into the head, and
the approval carries over to that (`updates`).
"""

from __future__ import annotations

from dataclasses import replace

from pressplay import names
from pressplay.domain.entries import Entries, GateEntry, Retest
from pressplay.domain.reasons import Reason
from pressplay.github import comparison, pulls, refs
from pressplay.github.calls import Client
from pressplay.steps.core import approvals, parking, start
from pressplay.steps.core.context import Context, Inputs, Outputs, Subject
from pressplay.steps.core.tried_merge import NONE, TriedMerge
from pressplay.steps.review import approval, conflicts, plans, retest, retests, target, updates
from pressplay.steps.review.scope import of_ledger

_AS_IT_IS = "none"
"""In the place of `onto`: the head itself is judged."""
_NO_TREE = "none"
"""In the place of the tree of two commits that conflict."""
_GOES_ON = frozenset({"pass", "update", "judged"})
"""After these outcomes the pull request may be merged next, which moves the base again."""


def look(inputs: Inputs, context: Context) -> Outputs:
    """Whether an approved head must be judged as merged with its base branch: state `run`, with `head` and `onto`.

    `carry`: the head is the update of an approved one, and what is left is judged of it as it is (`onto` is `none`).
    `claims`: the tree of an update of which nobody knows yet whether it is git's merge of `head` and `onto`.
    Else `none`: it is not approved any more, or it holds the base branch's newest commit, and its check is green.
    """
    subject = Subject.of(inputs, context)
    gh = context.harness(subject.repo, **retest.NEEDS)
    pull = pulls.pull(gh, subject.repo, subject.pull_number)
    entries = context.ledger(subject.repo).entries("pr", pull.number)
    nothing = {"state": "none", "head": "none", "onto": _AS_IT_IS, "claims": "none", **of_ledger(entries, pull)}
    if pull.state != "open":
        return nothing
    known = retest.entry_of(entries, pull.head_sha) or updates.take_up(context, gh, subject, pull, entries)
    if known is None or not approvals.is_approved(gh, subject.repo, pull):
        return nothing
    is_update = bool(known.of) and known.state == "pending"
    tip = known.onto if is_update else refs.head(gh, subject.repo, pull.base_ref)
    if not is_update and conflicts.is_dirty(pull):
        # The conflict is worked on, and makes another head.
        retest.record(context, subject, replace(known, onto=tip, state="conflict"))
        return nothing
    if not is_update and comparison.contains(gh, subject.repo, pull.head_sha, tip):
        up_to_date = replace(known, onto=tip, state="proven", overtaken=0, behind=False)
        _conclude(context, subject, pull, entries, up_to_date)
        return nothing
    tries = known.tries + 1 if known.trying == tip else 1
    if tries > retest.TRIES:
        why = f"its merge with the base branch was begun {retest.TRIES} times and not judged"
        _park(context, subject, pull, known, Reason(what=why))
        return nothing
    begun = replace(known, tries=tries, trying=tip)
    if not is_update:
        retest.hold(context, gh, subject, pull, begun, tip)
        return {**nothing, "state": "run", "head": pull.head_sha, "onto": tip}
    retest.record(context, subject, begun)
    is_update_of = updates.is_their_merge(gh, subject, pull, entries, known)
    if is_update_of is False:
        retest.disown(context, gh, subject, pull, begun)
        start.start(context, "pull-request", subject.repo, pull.number)
        return nothing
    if is_update_of is None:
        claims = refs.tree(gh, subject.repo, pull.head_sha)
        return {**nothing, "state": "run", "head": known.of, "onto": tip, "claims": claims}
    if retest.outcome(entries, subject.settings, known.of, tip)[0] != "pass":
        return {**nothing, "state": "run", "head": known.of, "onto": tip}
    updates.carry(context, subject, pull, entries, known)
    return {**nothing, "state": "carry", "head": pull.head_sha}


def conclude(inputs: Inputs, context: Context) -> Outputs:
    """Make the check green where the merge passed. What failed voids the approval, and Rex merges the base in.

    `outcome`: `pass`, `fail`, `error` (parked for a person), `superseded` (another head, or no approval), `conflict`
    (git can't merge both), or `overtaken`: the base branch moved on meanwhile, so that the next merge is judged.
    `update`: the base branch must be merged into the head; `judged`: it has been, and the approval can carry over.
    """
    subject = Subject.of(inputs, context)
    outcome = _concluded(inputs, context, subject)
    if outcome not in _GOES_ON:
        retests.start_next(context, subject.repo, subject.pull_number)
    return {"outcome": outcome}


def _concluded(inputs: Inputs, context: Context, subject: Subject) -> str:
    head, onto = names.checked(inputs["head"], "head"), names.checked(inputs["onto"], "onto")
    gh = context.harness(subject.repo, **retest.NEEDS)
    pull = pulls.pull(gh, subject.repo, subject.pull_number)
    entries = context.ledger(subject.repo).entries("pr", pull.number)
    known = retest.entry_of(entries, pull.head_sha)
    if known is None or pull.state != "open" or not approvals.is_approved(gh, subject.repo, pull):
        return "superseded"
    if onto == _AS_IT_IS:
        # `proven` of a step that was killed before the check was green.
        is_it = pull.head_sha == head and known.of and known.state in ("pending", "proven")
        return _carried_over(context, gh, subject, pull, entries, known) if is_it else "superseded"
    if retest.judged_commit(known) != head or (known.of and known.onto != onto):
        return "superseded"
    tried = TriedMerge.unpack(inputs.get("merge", NONE)) if known.of else None
    if tried is not None:
        # Two that conflict make no tree: then the head is not their merge, whatever it is.
        known = replace(known, tree=tried.tree or _NO_TREE)
    is_update = updates.is_their_merge(gh, subject, pull, entries, known) if known.of else True
    if is_update is None:
        return "error"
    if not is_update:
        retest.disown(context, gh, subject, pull, known)
        start.start(context, "pull-request", subject.repo, pull.number)
        return "superseded"
    outcome, why = retest.outcome(entries, subject.settings, head, onto)
    # A step that is run again counts once.
    runs = known.runs + (known.onto != onto)
    judged = replace(known, onto=onto, runs=runs, tries=0)
    if outcome == "error" and conflicts.is_dirty(pull):
        retest.record(context, subject, replace(judged, state="conflict"))
        return "conflict"
    if outcome == "fail" and why is not None:
        retest.refuse(context, gh, subject, pull, judged, why)
        # It waits for the lock of this flow; `reconcile` starts it where this is lost.
        start.start(context, "pull-request", subject.repo, pull.number)
        return outcome
    if outcome != "pass":
        _park(context, subject, pull, judged, why or Reason(what=outcome))
        return outcome
    if known.of:
        retest.record(context, subject, judged)
        return "judged"
    is_newest = refs.head(gh, subject.repo, pull.base_ref) == onto
    overtaken = 0 if is_newest else known.overtaken + (known.onto != onto)
    judged = replace(judged, overtaken=overtaken)
    if not is_newest and not retest.is_overtaken(subject.settings, judged):
        retest.record(context, subject, replace(judged, state="pending"))
        return "overtaken"
    is_strict = subject.settings.base.strategy == "strict"
    if is_strict and updates.may_update(context, subject, pull, entries):
        # An update that GitHub never makes is given up as a judgement that never ends.
        retest.record(context, subject, replace(judged, state="pending", tries=known.tries))
        return "update"
    _conclude(context, subject, pull, entries, replace(judged, state="proven", behind=is_strict))
    return "pass"


def _conclude(context: Context, subject: Subject, pull: pulls.Pull, entries: Entries, judged: Retest) -> None:
    """Make the check green, and then say so in the ledger: what is not there yet is done again."""
    if approval.show_again(context, subject, pull, entries, retest.shown(entries, judged)):
        retest.record(context, subject, judged)
    else:
        _park(context, subject, pull, judged, Reason(what="the proof of this commit is gone"))


def _carried_over(
    context: Context, gh: Client, subject: Subject, pull: pulls.Pull, entries: Entries, known: Retest
) -> str:
    """Approve the updated head where it lacks nothing; what a gate refuses of it is reviewed like any other head."""
    held = target.obstacle(context, gh, subject, pull, entries)
    if held is not None:
        parking.park(context, subject, pull, held.reason, ways=held.ways)
        return "error"
    deployed = plans.probes_deployment(context, subject, pull.head_sha)
    why = approval.lacks(subject, entries, pull.head_sha, deployed=deployed)
    if why is None:
        # With the approval the ledger says `proven`.
        why = approval.approve(context, subject, pull, entries)
        if why is None:
            return "pass"
    elif any(gate.head == pull.head_sha and gate.outcome == "fail" for gate in entries.all(GateEntry)):
        retest.refuse(context, gh, subject, pull, known, why)
        return "fail"
    _park(context, subject, pull, known, why)
    return "error"


def _park(context: Context, subject: Subject, pull: pulls.Pull, known: Retest, why: Reason) -> None:
    reason = replace(why, what=f"its merge with the base branch could not be judged: {why.what}")
    parking.park(context, subject, pull, reason)
    retest.record(context, subject, replace(known, state="failed"))
