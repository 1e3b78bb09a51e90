"""Start the judgement of merges where a base branch moved on under approved pull requests (R2, R5).

One at a time for each repository, so that the first of several can be merged before the next is judged: longest chains
of a play first.
"""

from __future__ import annotations

from collections.abc import Sequence

from pressplay import names
from pressplay.cluster import waits
from pressplay.domain.entries import Entries, Retest, TaskVerdict
from pressplay.github import pulls, refs
from pressplay.steps.core import parking
from pressplay.steps.core import start as start_
from pressplay.steps.core.context import Context
from pressplay.steps.review import retest
from pressplay.steps.review.scope import subject_of
from pressplay.steps.review.under_way import is_busy, under_way

_WAITING = ("pending", "failed")


def after_push(context: Context, repo: str) -> None:
    """Do what `start` does once somebody pushed to a base branch. Idempotent."""
    if retest.gates(context.settings.repository(repo)):
        opened = pulls.all_pulls(context.harness(repo, pull_requests="read"), repo, state="open")
        start(context, repo, opened, under_way(context, repo))


def after_approval(context: Context, repo: str, pr: int, tip: str) -> None:
    """Start the judgement of the merge of a head that was just approved with `tip`, unless one is under way.

    It waits for the lock of the flow that approved it. `reconcile` starts it later where this is lost. Idempotent.
    """
    if not _running(context, repo):
        start_.start(context, retest.FLOW, repo, pr, commit=tip)


def after_judgement(context: Context, repo: str, pr: int) -> None:
    """Start the next judgement of a repository at the end of the flow that judged `pr`. Idempotent."""
    opened = pulls.all_pulls(context.harness(repo, pull_requests="read"), repo, state="open")
    start(context, repo, opened, under_way(context, repo) - {("pr", pr)}, ending=pr)


def start(
    context: Context, repo: str, opened: Sequence[pulls.Pull], busy: set[tuple[str, int]], *, ending: int = 0
) -> int:
    """Take back the checks of approved heads whose base branch moved on, and start one judgement; how many started.

    `busy`: what unfinished flows work on, as (`pr` or `task`, number). `ending`: the pull request whose judgement is
    about to end.
    """
    if not retest.gates(context.settings.repository(repo)):
        return 0
    ledgers = {pull.number: context.ledger(repo).entries("pr", pull.number) for pull in opened if not pull.fork}
    approved = [
        (pull, known)
        for pull in opened
        if pull.number in ledgers and (known := _approved(ledgers[pull.number], pull.head_sha))
    ]
    if not approved:
        return 0
    gh = context.harness(repo, **retest.NEEDS)
    tips = {branch: refs.head(gh, repo, branch) for branch in {pull.base_ref for pull, _ in approved}}
    moved = [(pull, known) for pull, known in approved if known.state == "pending" or known.onto != tips[pull.base_ref]]
    for pull, known in moved:
        if known.state != "pending":
            subject = subject_of(context, repo, pull, ledgers[pull.number])
            retest.hold(context, gh, subject, pull, known, tips[pull.base_ref])
    free = [pull for pull, _ in moved if not is_busy(pull, busy)]
    if not free or _running(context, repo) - {ending}:
        return 0
    first = min(free, key=lambda pull: (-_rank(context, repo, pull), pull.number))
    return start_.start(context, retest.FLOW, repo, first.number, commit=tips[first.base_ref])


def _running(context: Context, repo: str) -> set[int]:
    """The pull requests whose merges are being judged."""
    running = waits.running(context.cluster, context.settings.namespace, start_.labels(repo, retest.FLOW))
    return {int(workflow["metadata"]["labels"]["press-play/pr"]) for workflow in running}


def is_pending(context: Context, repo: str) -> bool:
    """Whether an approved head's merge is still to be judged, or failed and nobody works on it yet."""
    if not retest.gates(context.settings.repository(repo)):
        return False
    gh = context.harness(repo, pull_requests="read")
    return any(
        _waits(context, repo, pulls.pull(gh, repo, kept.number), kept.entries)
        for kept in context.ledger(repo).kept("pr")
        if any(entry.state in _WAITING for entry in kept.entries.all(Retest))
    )


def _waits(context: Context, repo: str, pull: pulls.Pull, entries: Entries) -> bool:
    known = retest.entry_of(entries, pull.head_sha)
    parked = parking.parked(entries, subject_of(context, repo, pull, entries))
    is_left = parked is not None and parked.head == pull.head_sha
    return pull.state == "open" and known is not None and known.state in _WAITING and not is_left


def _approved(entries: Entries, head: str) -> Retest | None:
    """What is known of an approved head; None where it is not, or its merge failed."""
    known = retest.entry_of(entries, head)
    return known if known is not None and known.state != "failed" else None


def _rank(context: Context, repo: str, pull: pulls.Pull) -> int:
    """The priority of a pull request's task in its play: the longer what depends on it, the higher."""
    task = names.task_of_branch(pull.head_ref)
    verdicts = context.ledger(repo).entries("task", task).all(TaskVerdict) if task is not None else []
    if task is None or not verdicts or not verdicts[-1].play:
        return 0
    name = names.task_workflow(verdicts[-1].play, task)
    workflow = context.cluster.get("Workflow", context.settings.namespace, name)
    return int(workflow["spec"].get("priority") or 0) if workflow else 0
