"""Tasks that name the same file (`relevantFiles`): which may be worked on at once, and an order that keeps them apart.

Two pull requests that change one file often conflict. That is only a hint: tasks name files that they do not touch, and
touch files that they do not name. What does conflict is resolved when it happens (`steps.review.conflicts`).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pressplay.validation.report import shown

_FILES = 5
"""Files that a sentence lists."""
Overlaps = Literal["warn", "order"]
"""What is done about them: a message, or one task after the other."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """Tasks that may be worked on at once though they name the same files."""

    tasks: tuple[str, ...]
    """Their ids, in start order."""
    files: tuple[str, ...]
    """What people wrote (R7), sorted."""

    def sentence(self, tasks: Sequence[str]) -> str:
        """The overlap on one line; `tasks` is how its tasks are shown."""
        files = ", ".join(shown(file) for file in self.files[:_FILES])
        more = f" and {len(self.files) - _FILES} more" if len(self.files) > _FILES else ""
        return f"tasks {', '.join(tasks)} name the same files, so their pull requests may conflict: {files}{more}"


def find(
    order: Sequence[str], needs: Mapping[str, Sequence[str]], files: Mapping[str, Sequence[str]]
) -> tuple[Overlap, ...]:
    """The tasks of each file of which at least two do not wait for one another, in order of their first task.

    `order` has the tasks after everything that they need; `files` are those that each names.
    """
    by_file = _by_file(order, files)
    at = _places(order, by_file)
    before = _before(order, needs, at)
    together: dict[tuple[str, ...], list[str]] = {}
    for file, named in by_file.items():
        members = 0
        apart = 0
        for name in named:
            free = members & ~before[name]
            if free:
                apart |= free | 1 << at[name]
            members |= 1 << at[name]
        if apart:
            tasks = tuple(name for name in named if apart >> at[name] & 1)
            together.setdefault(tasks, []).append(file)
    overlaps = [Overlap(tasks, tuple(sorted(shared))) for tasks, shared in together.items()]
    return tuple(sorted(overlaps, key=lambda overlap: ([at[name] for name in overlap.tasks], overlap.files)))


def order_of(
    order: Sequence[str], needs: Mapping[str, Sequence[str]], files: Mapping[str, Sequence[str]]
) -> dict[str, tuple[str, ...]]:
    """For each task those that it must follow besides, so that no two tasks of one file are worked on at once.

    Each follows the one before it in `order`, so that nothing waits for itself.
    """
    by_file = _by_file(order, files)
    at = _places(order, by_file)
    before = _before(order, needs, at)
    after: dict[str, dict[str, None]] = {}
    for named in by_file.values():
        for first, second in itertools.pairwise(named):
            if not before[second] >> at[first] & 1:
                after.setdefault(second, {})[first] = None
    return {name: tuple(edges) for name, edges in after.items()}


def _by_file(order: Sequence[str], files: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Each file that several tasks name, with those tasks in start order."""
    named: dict[str, list[str]] = {}
    for name in order:
        for file in dict.fromkeys(files.get(name, ())):
            named.setdefault(file, []).append(name)
    return {file: tasks for file, tasks in named.items() if len(tasks) > 1}


def _places(order: Sequence[str], by_file: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """The tasks that share a file, counted in start order."""
    sharing = {name for named in by_file.values() for name in named}
    return {name: index for index, name in enumerate(name for name in order if name in sharing)}


def _before(order: Sequence[str], needs: Mapping[str, Sequence[str]], at: Mapping[str, int]) -> dict[str, int]:
    """For each task those of `at` that it waits for, as the bits of their places: sets would be quadratic.

    So are the bits of many tasks: where none shares a file, nothing is worked out.
    """
    before: dict[str, int] = {}
    for name in order if at else ():
        bits = 0
        for need in needs[name]:
            bits |= before[need] | (1 << at[need] if need in at else 0)
        before[name] = bits
    return before
