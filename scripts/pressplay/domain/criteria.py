"""Acceptance criteria: what must be true of a task's pull request, each with an id that stays with its text.

Sources: `acceptanceCriteria` of a Taskmaster task and of its parts, its `testStrategy`, and that each part to do is
done.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from pressplay import names

Standing = Literal["to do", "there already", "out of scope"]
"""What a part of a task is for its agents: work, something to build on, or something to leave alone."""


@dataclass(frozen=True, slots=True)
class Criterion:
    """One statement that is true or false."""

    id: str
    """`AC1`, `AC2` …, by first appearance."""
    text: str = field(repr=False)
    """Markdown with people's words in it: data (R7)."""
    source: str
    """Its place in the task: `acceptanceCriteria`, `testStrategy`, `subtasks[2]`, `subtasks[2].acceptanceCriteria`."""

    @property
    def key(self) -> str:
        """What stands for its text: a digest."""
        return _key(self.text)


class PartLike(Protocol):
    """A part of a task, as `pressplay.backlog.tasks.Subtask` has it."""

    @property
    def id(self) -> str:
        """Its id within the task."""
        ...

    @property
    def title(self) -> str:
        """What it is."""
        ...

    @property
    def test_strategy(self) -> str:
        """How to test it."""
        ...

    @property
    def acceptance_criteria(self) -> Sequence[str]:
        """Its criteria, as written."""
        ...

    @property
    def standing(self) -> Standing:
        """What it is for the agents."""
        ...


class TaskLike(Protocol):
    """A task, as `pressplay.backlog.tasks.Task` has it."""

    @property
    def test_strategy(self) -> str:
        """How to test it."""
        ...

    @property
    def acceptance_criteria(self) -> Sequence[str]:
        """Its criteria, as written."""
        ...

    @property
    def subtasks(self) -> Sequence[PartLike]:
        """Its parts."""
        ...


def of_task(task: TaskLike, ids: Mapping[str, str]) -> tuple[Criterion, ...]:
    """The criteria of a task, in the order of tasks.json, each text once.

    `ids` has the ids given earlier in the task's life, by `Criterion.key`. A text that has an id keeps it; a new text
    gets the next number, so that an id never goes to another text.
    """
    sources: dict[str, str] = {}
    for text, source in _statements(task):
        sources.setdefault(text, source)
    newest = max((int(id_.removeprefix("AC")) for id_ in ids.values()), default=0)
    criteria = []
    for text, source in sources.items():
        given = ids.get(_key(text))
        if given is None:
            newest += 1
            given = f"AC{newest}"
        criteria.append(Criterion(given, text, source))
    return tuple(criteria)


def _key(text: str) -> str:
    return names.digest(text, length=16)


def _statements(task: TaskLike) -> Iterator[tuple[str, str]]:
    for text in task.acceptance_criteria:
        yield text, "acceptanceCriteria"
    if task.test_strategy:
        yield f"Tests show it. What has to be tested:\n\n{task.test_strategy}", "testStrategy"
    for part in task.subtasks:
        if part.standing != "to do":
            # Nobody makes it now: a pull request is not held to it.
            continue
        where = f"subtasks[{part.id}]"
        strategy = f"\n\n{part.test_strategy}" if part.test_strategy else ""
        yield f"Part {part.id} is done: {part.title}{strategy}", where
        for text in part.acceptance_criteria:
            yield f"Part {part.id}: {text}", f"{where}.acceptanceCriteria"
