"""The pushes to a pull request's branch, each with whose it was: every one is judged, a run's or not (R6).

GitHub records who pushed; a commit's author is only what the committer wrote.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from pressplay import names
from pressplay.domain.entries import Entries
from pressplay.domain.roles import COMMENTS, CONFLICT, FIX, LINT, TRIAGE
from pressplay.gates import tests
from pressplay.github import comparison, pulls, pushes
from pressplay.github.calls import Client, GitHubRefused
from pressplay.github.comparison import Comparison
from pressplay.github.files import Files
from pressplay.steps.core import stack, verdicts
from pressplay.steps.core.context import Context, Subject

Whose = Literal["qa", "agent", "other"]
"""QA's; that of another App of ours, which may change no plan of probes; anybody else's."""
_RUNS = tuple(role.name for role in (LINT, FIX, COMMENTS, TRIAGE, CONFLICT))
NO_RECORD = (404, 410)
"""What a server answers that keeps no record of pushes."""
MOST = 100
"""Pushes of our Apps that one look compares: more than agents make between two that passed."""


@dataclass(frozen=True)
class Pushed:
    """One push, and what it changed."""

    gh: Client
    repo: str
    before: str
    after: str
    whose: Whose
    agent: str
    """The persona's id, `harness`, or empty for anybody else's."""

    @cached_property
    def compared(self) -> Comparison:
        """What it changed, a forced push's removals too; GitHubRefused where a commit is gone."""
        return comparison.difference(self.gh, self.repo, self.before, self.after)

    @cached_property
    def change(self) -> tests.Change:
        """What it did to the test text."""
        return tests.Change.of(self.compared, self.was.text, self.now.text)

    @cached_property
    def was(self) -> Files:
        """The files before it."""
        return Files(self.gh, self.repo, self.before)

    @cached_property
    def now(self) -> Files:
        """The files after it."""
        return Files(self.gh, self.repo, self.after)

    @cached_property
    def paths(self) -> frozenset[str]:
        """The paths that it touched."""
        return frozenset(path for changed in self.compared.files for path in (changed.path, changed.before))


@dataclass(frozen=True)
class Branch:
    """What was pushed to a pull request's branch."""

    moves: Sequence[Pushed]
    """The oldest first."""
    judged: int
    """How many of them, from the first on, the gate has passed already."""
    recorded: bool
    """Whether GitHub keeps a record of pushes; else only the ledger's runs are known, and nothing of QA's."""

    @property
    def too_many(self) -> bool:
        """Whether there are more pushes of our Apps to judge than can be looked through."""
        return sum(push.whose != "other" for push in self.moves[self.judged :]) > MOST


def of(context: Context, subject: Subject, pull: pulls.Pull, entries: Entries) -> Branch:
    """The pushes that led to the pull request's head; TryAgain if GitHub does not know the head yet.

    If GitHub's record lacks a branch's beginning, that part counts as a push of QA's, and so does a push of a deleted
    account: nobody can prove that somebody else made it.
    """
    gh = context.harness(subject.repo, contents="read", pull_requests="read")
    try:
        moves = pushes.life(gh, subject.repo, pull.head_ref, pull.head_sha)
    except GitHubRefused as error:
        if error.status not in NO_RECORD:
            raise
        # An old GitHub Enterprise Server keeps no such record.
        return Branch(_of_ledger(gh, subject, entries), 0, recorded=False)
    made: list[Pushed] = []
    for move in moves:
        before = move.before
        if before == pushes.NOTHING:
            before = stack.compared(context, gh, subject, pull.base_ref, move.after).merge_base
        elif not made:
            left = stack.compared(context, gh, subject, pull.base_ref, before).merge_base
            if left != before:
                made.append(Pushed(gh, subject.repo, left, before, "qa", "qa"))
        made.append(Pushed(gh, subject.repo, before, move.after, *_whose(context, move.login)))
    passed = [at for at, move in enumerate(made, 1) if verdicts.has_passed(entries, verdicts.TEST_ONLY, move.after)]
    return Branch(made, max(passed, default=0), recorded=True)


def _whose(context: Context, login: str) -> tuple[Whose, str]:
    apps = {names.bot(agent.github_app): agent_id for agent_id, agent in context.settings.agents.items()}
    agent = apps.get(login.lower(), "")
    if not login or login.lower() == names.bot(context.settings.agents["qa"].github_app):
        return "qa", "qa"
    return ("agent", agent or "harness") if context.settings.is_ours(login) else ("other", "")


def _of_ledger(gh: Client, subject: Subject, entries: Entries) -> list[Pushed]:
    """What the recorded runs of agents other than QA left."""
    runs = sorted(
        (run for run in entries.runs if run.role in _RUNS),
        key=lambda run: (run.try_, run.started or 0, run.attempt),
    )
    return [
        Pushed(gh, subject.repo, run.head, run.new_head, "agent", run.agent)
        for run in runs
        if run.head and run.new_head and run.new_head != run.head
    ]
