"""What a change did to one file, by lines."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Hunk:
    """Lines of the base that others took the place of; either may be none. Lines count from 1."""

    old: range
    new: range


def hunks(base: bytes, head: bytes) -> list[Hunk]:
    """The differences between two texts, in their order, as git sees them.

    git's own algorithm, since difflib's time grows with the square of what a stranger writes.
    """
    # Most steps that import this compare nothing, and git takes its time to load.
    import pygit2
    from pygit2.enums import DiffOption

    patch = pygit2.Patch.create_from(base, head, flag=DiffOption.FORCE_TEXT, context_lines=0, interhunk_lines=0)
    return [
        Hunk(_lines(hunk.old_start, hunk.old_lines), _lines(hunk.new_start, hunk.new_lines)) for hunk in patch.hunks
    ]


def _lines(start: int, count: int) -> range:
    # Where there are no lines, git names the line before.
    return range(start, start + count) if count else range(start + 1, start + 1)


def lines_of(text: bytes) -> list[bytes]:
    """A text's lines, with their ends; git's, which end at a line feed alone."""
    lines = [line + b"\n" for line in text.split(b"\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


class Lines:
    """Some lines of a file, from 1."""

    def __init__(self, numbers: Iterable[int]) -> None:
        self.numbers: Sequence[int] = sorted(set(numbers))

    def meet(self, first: int, last: int) -> bool:
        """Whether one of them is at or between two lines."""
        at = bisect_left(self.numbers, first)
        return at < len(self.numbers) and self.numbers[at] <= last
