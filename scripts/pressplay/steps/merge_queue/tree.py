"""What the gates say of a group's tree, which is its commit's: whether it still works with all that is before it."""

from __future__ import annotations

from collections.abc import Mapping

from pressplay.domain.entries import Entries, MergedEntry
from pressplay.domain.reasons import Reason
from pressplay.settings import RepositoryDefaults
from pressplay.steps.core import verdicts
from pressplay.steps.core.merged_trees import decided
from pressplay.steps.core.verdicts import Gate


def judged(entries: Entries, settings: RepositoryDefaults, head: str, base: str) -> dict[Gate, MergedEntry] | None:
    """The verdicts on a group's tree in the ledger `entries`; None while one is lacking."""
    recorded = decided(entries, settings, head, base)
    whole = {gate: entry for gate, entry in recorded.items() if entry is not None}
    return whole if len(whole) == len(recorded) else None


def refusal(judged_by: Mapping[Gate, MergedEntry]) -> Reason | None:
    """Why a group's tree is refused, by the first gate that did not pass it; None if all did."""
    for gate, entry in judged_by.items():
        if entry.outcome != "pass":
            what = f"in the merge queue, merged with what is before it, {verdicts.check_name(gate)}: "
            return Reason(what=f"{what}{entry.reason}", detail=entry.why.detail, look=entry.why.look)
    return None
