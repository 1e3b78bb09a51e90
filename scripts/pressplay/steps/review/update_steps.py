"""The step that has GitHub merge a base branch into a pull request's: alone in it, the harness writes such a branch."""

from __future__ import annotations

from dataclasses import replace

from pressplay import names
from pressplay.domain.reasons import Reason
from pressplay.errors import TryAgain
from pressplay.github import comparison, pulls, refs
from pressplay.github.calls import Client, GitHubRefused
from pressplay.steps.core import parking
from pressplay.steps.core.context import Context, Inputs, Outputs, Subject
from pressplay.steps.review import conflicts, retest
from pressplay.validation.details import ending

_WAYS = "press **Update branch**: the approval carries over; or push a commit, or comment `/press-play retry`"


def update(inputs: Inputs, context: Context) -> Outputs:
    """Merge the base branch into the approved `head`, by GitHub: outcome `updated` once the branch has another head.

    `superseded`: others moved it; `none`: it is up to date; `conflict`: GitHub can't merge both; `refused`: the pull
    request is parked with what GitHub says. Nothing is judged here. Idempotent.
    """
    subject, head = Subject.of(inputs, context), names.checked(inputs["head"], "head")
    gh = context.harness(subject.repo, contents="write", pull_requests="write")
    pull = pulls.pull(gh, subject.repo, subject.pull_number)
    if (moved := _moved(gh, subject, pull, head)) is not None:
        return {"outcome": moved}
    try:
        pulls.update_branch(gh, subject.repo, pull.number, head)
    except GitHubRefused as error:
        return {"outcome": _refused(context, gh, subject, head, error)}
    # GitHub does it some time after it said so.
    moved = _moved(gh, subject, pulls.pull(gh, subject.repo, pull.number), head)
    if moved is None:
        raise TryAgain(f"pull request {pull.number}: GitHub has not merged the base branch into it yet")
    context.say(f"pull request {pull.number}: the base branch was merged into it: {moved}")
    return {"outcome": moved}


def _moved(gh: Client, subject: Subject, pull: pulls.Pull, head: str) -> str | None:
    """What became of a branch that has another head than `head`, or a pull request that was closed; None if neither."""
    if pull.state != "open":
        return "superseded"
    if pull.head_sha == head:
        return None
    parents = refs.parents(gh, subject.repo, pull.head_sha)
    return "updated" if len(parents) == 2 and parents[0] == head else "superseded"


def _refused(context: Context, gh: Client, subject: Subject, head: str, error: GitHubRefused) -> str:
    """What GitHub's refusal comes to: what it says of the pull request counts more than its words."""
    pull = pulls.pull(gh, subject.repo, subject.pull_number)
    if (moved := _moved(gh, subject, pull, head)) is not None:
        return moved
    known = retest.entry_of(context.ledger(subject.repo).entries("pr", pull.number), head)
    tip = refs.head(gh, subject.repo, pull.base_ref)
    if known is None or comparison.contains(gh, subject.repo, head, tip):
        return "none"
    if conflicts.is_dirty(pull):
        retest.record(context, subject, replace(known, onto=tip, state="conflict"))
        return "conflict"
    shown = names.shown_branch(pull.base_ref)
    why = Reason(what=f"GitHub refuses to merge {shown} into its branch", detail=ending(str(error)))
    parking.park(context, subject, pull, why, ways=_WAYS)
    retest.record(context, subject, replace(known, state="refused"))
    return "refused"
