"""The flow `retest`: the merge of an approved head with a base branch that moved on is judged (R5)."""

from __future__ import annotations

from dataclasses import replace

from pressplay import names
from pressplay.domain.entries import Entries, Retest
from pressplay.domain.reasons import Reason
from pressplay.github import comparison, pulls, refs
from pressplay.steps.core import approvals, parking, start
from pressplay.steps.core.context import Context, Inputs, Outputs, Subject
from pressplay.steps.review import approval, conflicts, retest, retests
from pressplay.steps.review.scope import of_ledger


def look(inputs: Inputs, context: Context) -> Outputs:
    """Whether an approved head must be judged as merged with its base branch: state `run`, with `head` and `onto`.

    Else `none`: it is not approved any more, or it holds the base branch's newest commit, and its check is green.
    """
    subject = Subject.of(inputs, context)
    gh = context.harness(subject.repo, **retest.NEEDS)
    pull = pulls.pull(gh, subject.repo, subject.pull_number)
    entries = context.ledger(subject.repo).entries("pr", pull.number)
    of_pull = of_ledger(entries, pull)
    nothing = {"state": "none", "head": "none", "onto": "none", **of_pull}
    known = retest.entry_of(entries, pull.head_sha)
    if pull.state != "open" or known is None or not approvals.is_approved(gh, subject.repo, pull):
        return nothing
    tip = refs.head(gh, subject.repo, pull.base_ref)
    if conflicts.is_dirty(pull):
        # The conflict is worked on, and makes another head.
        retest.record(context, subject, replace(known, onto=tip, state="conflict"))
        return nothing
    if comparison.contains(gh, subject.repo, pull.head_sha, tip):
        _conclude(context, subject, pull, entries, replace(known, onto=tip, state="proven", overtaken=0))
        return nothing
    tries = known.tries + 1 if known.trying == tip else 1
    if tries > retest.TRIES:
        why = f"its merge with the base branch was begun {retest.TRIES} times and not judged"
        _park(context, subject, pull, known, Reason(what=why))
        return nothing
    held = replace(known, tries=tries, trying=tip)
    retest.hold(context, gh, subject, pull, held, tip)
    return {"state": "run", "head": pull.head_sha, "onto": tip, **of_pull}


def conclude(inputs: Inputs, context: Context) -> Outputs:
    """Make the check green where the merge passed. What failed voids the approval, and Rex merges the base in.

    `outcome`: `pass`, `fail`, `error` (parked for a person), `superseded` (another head, or no approval), `conflict`
    (git can't merge both), or `overtaken`: the base branch moved on meanwhile, so that the next merge is judged.
    """
    subject = Subject.of(inputs, context)
    outcome = _concluded(inputs, context, subject)
    if outcome != "pass":
        # What passed may be merged first, which moves the base again.
        retests.after_judgement(context, subject.repo, subject.pull_number)
    return {"outcome": outcome}


def _concluded(inputs: Inputs, context: Context, subject: Subject) -> str:
    head, onto = names.checked(inputs["head"], "head"), names.checked(inputs["onto"], "onto")
    gh = context.harness(subject.repo, **retest.NEEDS)
    pull = pulls.pull(gh, subject.repo, subject.pull_number)
    entries = context.ledger(subject.repo).entries("pr", pull.number)
    known = retest.entry_of(entries, head)
    there = pull.state == "open" and pull.head_sha == head and approvals.is_approved(gh, subject.repo, pull)
    if known is None or not there:
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
    is_newest = refs.head(gh, subject.repo, pull.base_ref) == onto
    overtaken = 0 if is_newest else known.overtaken + (known.onto != onto)
    judged = replace(judged, overtaken=overtaken)
    if not is_newest and not retest.is_overtaken(subject.settings, judged):
        retest.record(context, subject, replace(judged, state="pending"))
        return "overtaken"
    _conclude(context, subject, pull, entries, replace(judged, state="proven"))
    return "pass"


def _conclude(context: Context, subject: Subject, pull: pulls.Pull, entries: Entries, judged: Retest) -> None:
    """Make the check green, and then say so in the ledger: what is not there yet is done again."""
    if approval.show_again(context, subject, pull, entries, retest.shown(entries, judged)):
        retest.record(context, subject, judged)
    else:
        _park(context, subject, pull, judged, Reason(what="the proof of this commit is gone"))


def _park(context: Context, subject: Subject, pull: pulls.Pull, known: Retest, why: Reason) -> None:
    reason = replace(why, what=f"its merge with the base branch could not be judged: {why.what}")
    parking.park(context, subject, pull, reason)
    retest.record(context, subject, replace(known, state="failed"))
