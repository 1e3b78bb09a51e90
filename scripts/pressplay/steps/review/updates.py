"""Approved heads into which the base branch was merged, and nothing else: the approval carries over (R5).

Where GitHub's strict policy holds (`base.strategy: strict`), a head that lacks the base branch's newest commit can't be
merged. So the harness has GitHub merge that in, or a person presses "Update branch". Who did it does not count: the
head must have exactly the approved commit and one of the base branch as its parents, and the tree that git makes of
both. That tree was judged by the lint and tests gates, and what people merge is the same as without the update. What
was found out about the change itself, by QA among others, holds for it as before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pressplay.domain.entries import Entries, GateEntry, Retest, TaskOfPull, Waiver
from pressplay.github import comparison, merge_queue, pulls, pushes, refs
from pressplay.github.calls import Client, GitHubRefused
from pressplay.steps.core import evidence, parking, verdicts
from pressplay.steps.core.context import Context, Subject
from pressplay.steps.core.verdicts import GateVerdict
from pressplay.steps.review import approval, plans, retest
from pressplay.steps.review.pushed import NO_RECORD

_OF_THE_CHANGE = (evidence.JUDGEMENT, evidence.CONTRACT, evidence.EXPECTATIONS, evidence.PLAN, evidence.SUPPLY)
"""What is kept of a commit that is as true of its update; what a deployment answered is not."""


def take_up(context: Context, gh: Client, subject: Subject, pull: pulls.Pull, entries: Entries) -> Retest | None:
    """The new entry of a head that is an approved one with its base branch merged in; None for any other head.

    Its check is pending from then on: the flow `retest` carries the approval over, once it is known that the head is
    what git makes of both (`is_their_merge`). Idempotent. `gh` has the permissions `retest.NEEDS`.
    """
    if subject.settings.base.strategy != "strict" or pull.fork or retest.entry_of(entries, pull.head_sha) is not None:
        return None
    merged = _merged(context, gh, subject, pull, entries)
    if merged is None:
        return None
    of, onto = merged
    known = Retest(head=pull.head_sha, state="pending", onto=onto, of=of)
    retest.hold(context, gh, subject, pull, known, onto)
    return known


def _merged(
    context: Context, gh: Client, subject: Subject, pull: pulls.Pull, entries: Entries
) -> tuple[str, str] | None:
    """The approved commit and the one of the base branch whose merge the head claims to be; None where it is none."""
    approved = {entry.head: entry for entry in entries.all(Retest) if entry.state != "failed"}
    if not approved:
        return None
    parents = refs.parents(gh, subject.repo, pull.head_sha)
    if len(parents) != 2 or parents[0] not in approved:
        return None
    of, onto = parents
    parked = parking.parked(entries, subject)
    if parked is not None and (parked.stopped or approved[of].state != "refused"):
        # A person goes on from there, for another reason than that GitHub refused the update.
        return None
    if approval.lacks(subject, entries, of, deployed=plans.probes_deployment(context, subject, of)) is not None:
        return None
    is_of_base = comparison.contains(gh, subject.repo, refs.head(gh, subject.repo, pull.base_ref), onto)
    return (of, onto) if is_of_base else None


def is_their_merge(gh: Client, subject: Subject, pull: pulls.Pull, entries: Entries, known: Retest) -> bool | None:
    """Whether the head's tree is what git makes of both, without a conflict; None where nobody merged them yet.

    The gates that judge merges have merged them; where there is none of these, the flow has it done.
    """
    made = known.tree or retest.tree_of(entries, known.of, known.onto)
    return made == refs.tree(gh, subject.repo, pull.head_sha) if made else None


def may_update(context: Context, subject: Subject, pull: pulls.Pull, entries: Entries) -> bool:
    """Whether the harness brings a pull request's branch up to date: one of a task of ours, moved by our Apps alone.

    Never a fork's, a person's, a draft's, or one whose base branch has a merge queue. Without GitHub's record of who
    pushed, nobody can tell: then it does not.
    """
    is_ours = context.settings.is_ours
    if pull.fork or pull.draft or entries.get(TaskOfPull) is None or not is_ours(pull.author):
        return False
    gh = context.harness(subject.repo, contents="read", pull_requests="read")
    if merge_queue.rule(gh, subject.repo, pull.base_ref) is not None:
        return False
    try:
        moves = pushes.life(gh, subject.repo, pull.head_ref, pull.head_sha)
    except GitHubRefused as error:
        if error.status not in NO_RECORD:
            raise
        return False
    return moves[0].before == pushes.NOTHING and all(is_ours(move.login) for move in moves)


def carry(context: Context, subject: Subject, pull: pulls.Pull, entries: Entries, known: Retest) -> None:
    """Give the updated head the verdicts of the approved one: call it once the gates passed their merge. Idempotent.

    What a person accepted of the approved commit goes with them, and what was kept of it for the proof. Gates that are
    named checks of a CI are not among them: they see the head itself.
    """
    kept = evidence.kept(context, subject.repo, pull.number, known.of)
    evidence.keep(context, subject, pull.head_sha, {key: kept[key] for key in _OF_THE_CHANGE if key in kept})
    ledger = context.ledger(subject.repo)
    for waiver in entries.all(Waiver):
        if waiver.head == known.of:
            ledger.record("pr", pull.number, replace(waiver, head=pull.head_sha))
    for gate, verdict in _carried(subject, entries, known):
        verdicts.post(context, subject, gate, pull.head_sha, verdict)


def _carried(subject: Subject, entries: Entries, known: Retest) -> Iterator[tuple[verdicts.Gate, GateVerdict]]:
    settings = subject.settings
    of_merge = retest.gates(settings)
    needed: list[verdicts.Gate] = [
        verdicts.TEST_ONLY,
        *([verdicts.SUPPLY] if settings.supply.enabled else []),
        *of_merge,
    ]
    for gate in needed:
        entry = entries.get(GateEntry, GateEntry.key_of(gate, known.of))
        if entry is None or entry.outcome != "pass":
            # The approval is refused for it.
            continue
        reason = f"commit {known.of} passed, and nothing but {known.onto} of the base branch came in"
        if gate in of_merge:
            reason = f"commit {known.of} passed, and so did the tree of its merge with {known.onto}, which this is"
        yield (
            gate,
            GateVerdict("pass", "Carried over", reason, holds=entry.holds or (), proves=entry.proves is not False),
        )
