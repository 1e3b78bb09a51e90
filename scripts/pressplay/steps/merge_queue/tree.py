"""What the gates say of a group's tree, which is its commit's: whether it still works with all that is before it."""

from __future__ import annotations

from pressplay.domain.entries import Entries, MergedEntry
from pressplay.domain.reasons import Reason
from pressplay.settings import RepositoryDefaults
from pressplay.steps.core import verdicts
from pressplay.steps.core.merged_trees import judging
from pressplay.steps.core.verdicts import Gate


def judged(entries: Entries, settings: RepositoryDefaults, head: str, base: str) -> list[MergedEntry] | None:
    """The verdicts on a group's tree in the ledger `entries`; None while one is lacking."""
    recorded = [entries.get(MergedEntry, MergedEntry.key_of(gate, head)) for gate in judging(settings)]
    whole = [entry for entry in recorded if entry is not None and entry.onto == base]
    return whole if len(whole) == len(recorded) else None


def refusal(judged_by: list[MergedEntry]) -> Reason | None:
    """Why a group's tree is refused, by the first gate that did not pass it; None if all did."""
    for entry in judged_by:
        if entry.outcome != "pass":
            what = f"in the merge queue, merged with what is before it, {verdicts.check_name(_gate(entry))}: "
            return Reason(what=f"{what}{entry.reason}", detail=entry.why.detail, look=entry.why.look)
    return None


def _gate(entry: MergedEntry) -> Gate:
    return verdicts.LINT if entry.gate == verdicts.LINT else verdicts.TESTS
