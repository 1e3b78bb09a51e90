"""Start the judgement of merges where a base branch moved on under approved pull requests (R2, R5).

One at a time for each repository, so that the first of several can be merged before the next is judged: longest chains
of a play first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pressplay import names
from pressplay.cluster import waits
from pressplay.domain.entries import Entries, Retest, TaskVerdict
from pressplay.github import pulls, refs
from pressplay.github.calls import Client
from pressplay.settings import RepositoryDefaults
from pressplay.steps.core import approvals, parking, shares
from pressplay.steps.core import start as start_
from pressplay.steps.core.context import Context
from pressplay.steps.review import retest
from pressplay.steps.review.scope import subject_of
from pressplay.steps.review.under_way import is_busy, under_way

_OVER = ("failed", "refused")
"""Nothing more is judged of such a head."""


@dataclass(frozen=True)
class _Approved:
    """An open pull request whose head was approved, and what is known of it."""

    pull: pulls.Pull
    known: Retest
    tip: str
    """The newest commit of its base branch."""

    @property
    def is_to_be_judged(self) -> bool:
        """Whether its merge with the base branch is not known to hold."""
        return self.known.state == "pending" or self.known.onto != self.tip

    @property
    def is_up_to_date(self) -> bool:
        """Whether nothing but its merge is left to do, under GitHub's strict policy too."""
        return not self.is_to_be_judged and self.known.state == "proven" and not self.known.behind

    @property
    def is_update(self) -> bool:
        """Whether the base branch was merged into it, and the approval must be carried over."""
        return self.known.state == "pending" and bool(self.known.of)


def start_next(context: Context, repo: str, ending: int = 0) -> None:
    """Do what `start` does after a push, or at the end of a flow that holds the lock of `ending`. Idempotent."""
    if not retest.is_on(context.settings.repository(repo)):
        return
    opened = pulls.all_pulls(context.harness(repo, pull_requests="read"), repo, state="open")
    tasks = (names.task_of_branch(pull.head_ref) for pull in opened if pull.number == ending)
    own = {("pr", ending), *(("task", task) for task in tasks if task is not None)}
    start(context, repo, opened, under_way(context, repo) - own, ending=ending)


def start(
    context: Context, repo: str, opened: Sequence[pulls.Pull], busy: set[tuple[str, int]], *, ending: int = 0
) -> int:
    """Take back the checks of approved heads whose base branch moved on, and start one judgement; how many started.

    `busy`: what unfinished flows work on, as (`pr` or `task`, number). `ending`: the pull request whose flow is about
    to end.
    """
    settings = context.settings.repository(repo)
    if not retest.is_on(settings):
        return 0
    ledgers = {pull.number: context.ledger(repo).entries("pr", pull.number) for pull in opened if not pull.fork}
    gh = context.harness(repo, **retest.NEEDS)
    approved = _approved(context, gh, repo, opened, ledgers)
    for each in approved:
        if each.is_to_be_judged and each.known.state != "pending":
            subject = subject_of(context, repo, each.pull, ledgers[each.pull.number])
            retest.hold(context, gh, subject, each.pull, each.known, each.tip)
    free = [each for each in _in_turn(gh, repo, settings, approved) if not is_busy(each.pull, busy)]
    if not free or _running(context, repo) - {ending}:
        return 0
    first = min(free, key=lambda each: (-_rank(context, repo, each.pull), each.pull.number))
    # What was updated is judged as it is, and was judged as merged with the same commit before.
    commit = first.pull.head_sha if first.is_update else first.tip
    return start_.start(context, retest.FLOW, repo, first.pull.number, commit=commit)


def _running(context: Context, repo: str) -> set[int]:
    """The pull requests whose merges are being judged."""
    running = waits.running(context.cluster, context.settings.namespace, start_.labels(repo, retest.FLOW))
    return {int(workflow["metadata"]["labels"]["press-play/pr"]) for workflow in running}


def is_pending(context: Context, repo: str) -> bool:
    """Whether an approved head's merge is still to be judged, or failed and nobody works on it yet.

    What waits until a person has merged another one is not.
    """
    settings = context.settings.repository(repo)
    if not retest.is_on(settings):
        return False
    ledgers = {kept.number: kept.entries for kept in context.ledger(repo).kept("pr") if kept.entries.all(Retest)}
    if not any(entry.state in ("pending", "failed") for entries in ledgers.values() for entry in entries.all(Retest)):
        return False
    gh = context.harness(repo, **retest.NEEDS)
    opened = [pull for pull in pulls.all_pulls(gh, repo, state="open") if pull.number in ledgers]
    waiting = [each.pull.number for each in _in_turn(gh, repo, settings, _approved(context, gh, repo, opened, ledgers))]
    return any(_waits(context, repo, pull, ledgers[pull.number], in_turn=pull.number in waiting) for pull in opened)


def _waits(context: Context, repo: str, pull: pulls.Pull, entries: Entries, *, in_turn: bool) -> bool:
    known = retest.entry_of(entries, pull.head_sha)
    is_waiting = known is not None and (known.state == "failed" or (known.state == "pending" and in_turn))
    return is_waiting and not _is_left(context, repo, pull, entries)


def _is_left(context: Context, repo: str, pull: pulls.Pull, entries: Entries) -> bool:
    """Whether the head waits for a person: an approval that was taken back must not return by a move of the base."""
    parked = parking.parked(entries, subject_of(context, repo, pull, entries))
    return parked is not None and parked.head == pull.head_sha


def _approved(
    context: Context, gh: Client, repo: str, opened: Sequence[pulls.Pull], ledgers: Mapping[int, Entries]
) -> list[_Approved]:
    """The open pull requests whose head was approved, but for those whose merge failed, or that were parked since."""
    heads = [
        (pull, known)
        for pull in opened
        if pull.number in ledgers
        and (known := retest.entry_of(ledgers[pull.number], pull.head_sha)) is not None
        and known.state not in _OVER
        and not _is_left(context, repo, pull, ledgers[pull.number])
    ]
    tips = {branch: refs.head(gh, repo, branch) for branch in {pull.base_ref for pull, _ in heads}}
    return [_Approved(pull, known, tips[pull.base_ref]) for pull, known in heads]


def _in_turn(gh: Client, repo: str, settings: RepositoryDefaults, approved: Sequence[_Approved]) -> Sequence[_Approved]:
    """Those whose judgement may start now.

    Where GitHub merges only what is up to date, each merge leaves all others behind: a head is brought up to date only
    if no other one of its base branch waits for its merge. What is an update already comes before.
    """
    waiting = [each for each in approved if each.is_to_be_judged]
    if settings.base.strategy != "strict" or not waiting:
        return waiting
    updates = [each for each in waiting if each.is_update]
    if updates:
        return updates
    ready = {
        each.pull.base_ref for each in approved if each.is_up_to_date and approvals.is_approved(gh, repo, each.pull)
    }
    return [each for each in waiting if each.pull.base_ref not in ready]


def _rank(context: Context, repo: str, pull: pulls.Pull) -> int:
    """How much of its play depends on a pull request's task."""
    task = names.task_of_branch(pull.head_ref)
    verdicts = context.ledger(repo).entries("task", task).all(TaskVerdict) if task is not None else []
    if task is None or not verdicts or not verdicts[-1].play:
        return 0
    name = names.task_workflow(verdicts[-1].play, task)
    workflow = context.cluster.get("Workflow", context.settings.namespace, name)
    return int(workflow["metadata"]["labels"].get(shares.RANK_LABEL) or 0) if workflow else 0
