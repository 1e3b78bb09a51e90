"""The gates that judge a merged tree: a head with its base branch, or a group of a merge queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pressplay.domain.entries import Entries, MergedEntry
from pressplay.github import comparison
from pressplay.github.calls import Client
from pressplay.settings import CommandGate, RepositoryDefaults
from pressplay.steps.core import verdicts
from pressplay.steps.core.context import Context
from pressplay.steps.core.verdicts import Gate

if TYPE_CHECKING:
    from pressplay.github.clone import Clone, Merge


def judging(settings: RepositoryDefaults) -> dict[Gate, CommandGate]:
    """The gates that judge a merged tree. Named checks of a CI that stand for one see what was pushed alone."""
    gates: tuple[tuple[Gate, CommandGate], ...] = ((verdicts.LINT, settings.lint), (verdicts.TESTS, settings.tests))
    return {gate: own for gate, own in gates if own.enabled and not own.checks}


def merge(context: Context, gh: Client, clone: Clone, repo: str, onto: str, head: str) -> Merge:
    """What git makes of `head` merged with the commit `onto`, in a clone of the harness's. `gh` may read contents."""
    ancestor = comparison.compare(gh, repo, onto, head).merge_base
    clone.fetch(context.remote(repo), [ancestor, onto, head])
    return clone.merge(ancestor, onto, head)


def decided(entries: Entries, settings: RepositoryDefaults, head: str, onto: str) -> dict[Gate, MergedEntry | None]:
    """What each gate that judges a merged tree decided about this very merge; None where it has not."""
    newest = {gate: entries.get(MergedEntry, MergedEntry.key_of(gate, head)) for gate in judging(settings)}
    return {gate: entry if entry and entry.onto == onto else None for gate, entry in newest.items()}
