"""What git makes of two commits, as it travels from the step that merges them to those that have a key."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import TypeAdapter

from pressplay.gates.acceptance import packing

NONE = "none"
"""In the place of a packed one: nobody merged, or the merge could not be tried."""
_MOST = 500
"""Paths that are named."""
_LONGEST = 1_024
"""Characters of one: longer ones are cut."""


@dataclass(frozen=True)
class TriedMerge:
    """A merge of a head with a commit of its base, which nobody pushed. Paths are people's text (R7)."""

    tree: str
    """The id of the merged tree; empty where both conflict."""
    conflicts: tuple[str, ...] = ()
    """The sorted paths that git can't merge, some of them if there are very many."""
    more: int = 0
    """How many further paths conflict."""

    @staticmethod
    def of(tree: str, conflicts: Iterable[str]) -> TriedMerge:
        """With its paths bounded."""
        paths = [path.encode(errors="backslashreplace").decode()[:_LONGEST] for path in conflicts]
        return TriedMerge(tree, tuple(paths[:_MOST]), max(0, len(paths) - _MOST))

    @property
    def count(self) -> int:
        """How many files conflict."""
        return len(self.conflicts) + self.more

    def pack(self) -> str:
        """As an Argo parameter may carry it."""
        return packing.pack_json(_ADAPTER, self)

    @staticmethod
    def unpack(text: str) -> TriedMerge | None:
        """The merge that `pack` packed; None where nobody merged. InputError if it is not one."""
        return None if text in ("", NONE) else packing.unpack_json(_ADAPTER, text, "parameter merge")


_ADAPTER: TypeAdapter[TriedMerge] = TypeAdapter(TriedMerge)
