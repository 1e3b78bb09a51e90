"""Statuses written back to a tasks.json: the words of a few statuses change, and no other byte of the file.

What Taskmaster does with statuses is taken from its source (eyaltoledano/claude-task-master):
`scripts/modules/task-manager/update-single-task-status.js` sets the parts of a task that is set to `done`, and
`find-next-task.js` takes `pending` and `in-progress` for work that can be begun, not `review`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pressplay.backlog import tasks
from pressplay.errors import InputError
from pressplay.validation.report import shown

Status = Literal["done", "in-progress", "review"]

_OPEN = ("pending", "in-progress", "review")
"""What work under way may replace: any other status is a person's word."""
_BLANK = " \t\n\r"
_DECODER = json.JSONDecoder()


@dataclass(frozen=True)
class Standing:
    """A task as a play has it."""

    id: str
    title: str
    status: Status


@dataclass(frozen=True)
class Change:
    """A status that is replaced."""

    id: str
    """Of the task, or of a part as Taskmaster writes it: `11.1`."""
    before: str
    after: Status


@dataclass(frozen=True)
class Edit:
    """A file with other statuses."""

    content: bytes
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class _Replaced:
    """Text to put between two places of the file."""

    start: int
    end: int
    text: str
    change: Change
    entry: dict[str, Any]
    """The task or part, in a parsed document of its own."""


@dataclass(frozen=True)
class _Member:
    """A member of a JSON object: where its key ends, and where its value begins and ends."""

    key_end: int
    start: int
    end: int


def edit(content: bytes, where: str, tag: str, standings: Iterable[Standing]) -> Edit:
    """`content` of a tasks.json, with the statuses of `standings` in `tag` where they say something new.

    A task that is finished stays as it is, and work under way changes none that a person deferred or blocked. Parts of
    a task that is done are done, but for those that are out of its scope.

    Raises Invalid for a file that is not Taskmaster's, and InputError where a task of `standings` is not in it, has
    another title or stands there several times: then nothing of the file may be changed.
    """
    backlog = tasks.read(content, where, tag)
    wanted = {standing.id: standing for standing in standings}
    _refuse_another_backlog(backlog, where, wanted)
    text = content.decode()
    document = tasks.parse(content, where)
    path, entries = tasks.tag_lists(document, where)[tag]
    at = _start(text, 1 if text.startswith("\ufeff") else 0)
    for key in path:
        at = _members(text, at)[str(key)].start
    by_index = {task.index: wanted[task.id] for task in backlog.tasks if task.id in wanted}
    replaced = [
        item
        for index, place in enumerate(_items(text, at))
        if index in by_index
        for item in _of_task(text, place, entries[index], by_index[index])
    ]
    for item in sorted(replaced, key=lambda item: item.start, reverse=True):
        text = text[: item.start] + item.text + text[item.end :]
        item.entry["status"] = item.change.after
    changed = text.encode()
    if tasks.parse(changed, where) != document:
        raise InputError(f"{where}: its statuses can't be changed without changing more; let Taskmaster write it again")
    return Edit(changed, tuple(item.change for item in replaced))


def _refuse_another_backlog(backlog: tasks.Backlog, where: str, wanted: Mapping[str, Standing]) -> None:
    """InputError where the file does not hold the tasks that were played."""
    titles = {task.id: task.title for task in backlog.tasks}
    problems = []
    for id_, standing in wanted.items():
        if id_ not in titles:
            problems.append(f"task {shown(id_)} is not in it")
        elif id_ in backlog.ambiguous:
            problems.append(f"task {shown(id_)} is in it several times, with different contents")
        elif titles[id_] != standing.title:
            problems.append(
                f"task {shown(id_)} is {shown(titles[id_])} in it, and was played as {shown(standing.title)}"
            )
    if problems:
        raise InputError(
            f"{where}: expected the tasks that were played, in tag {shown(backlog.tag)}: {'; '.join(problems)}. "
            "Nothing was changed; set these statuses with task-master set-status"
        )


def _of_task(text: str, at: int, entry: dict[str, Any], standing: Standing) -> Iterator[_Replaced]:
    before = tasks.spelled(entry.get("status"))
    if before in tasks.FINISHED:
        return
    if standing.status == "done" or (before in _OPEN and before != standing.status):
        yield _replaced(text, at, entry, Change(standing.id, before, standing.status))
    if standing.status == "done":
        yield from _of_parts(text, at, entry, standing.id)


def _of_parts(text: str, at: int, entry: dict[str, Any], above: str) -> Iterator[_Replaced]:
    """The parts of what is done that were to do, and their own parts."""
    if not entry.get("subtasks"):
        return
    for place, part in zip(_items(text, _members(text, at)["subtasks"].start), entry["subtasks"], strict=True):
        before, name = tasks.spelled(part.get("status")), f"{above}.{str(part.get('id')).rpartition('.')[2]}"
        standing = tasks.standing_of(before)
        if standing == "to do":
            yield _replaced(text, place, part, Change(name, before, "done"))
        if standing != "out of scope":
            yield from _of_parts(text, place, part, name)


def _replaced(text: str, at: int, entry: dict[str, Any], change: Change) -> _Replaced:
    members, word = _members(text, at), json.dumps(change.after)
    if (status := members.get("status")) is not None:
        return _Replaced(status.start, status.end, word, change, entry)
    # After the id, spaced as that is.
    id_ = members["id"]
    lead = text[at + 1 : _start(text, at + 1)]
    return _Replaced(id_.end, id_.end, f',{lead}"status"{text[id_.key_end : id_.start]}{word}', change, entry)


def _members(text: str, at: int) -> dict[str, _Member]:
    """The members of the object at `at`, which is valid JSON; of a key that it has twice the last one, which counts."""
    members: dict[str, _Member] = {}
    at = _start(text, at + 1)
    while text[at] != "}":
        key, key_end = _DECODER.raw_decode(text, at)
        start = _start(text, _start(text, key_end) + 1)
        _value, end = _DECODER.raw_decode(text, start)
        members[key] = _Member(key_end, start, end)
        at = _next(text, end)
    return members


def _items(text: str, at: int) -> Iterator[int]:
    """Where each item of the array at `at` begins."""
    at = _start(text, at + 1)
    while text[at] != "]":
        yield at
        at = _next(text, _DECODER.raw_decode(text, at)[1])


def _next(text: str, end: int) -> int:
    at = _start(text, end)
    return _start(text, at + 1) if text[at] == "," else at


def _start(text: str, at: int) -> int:
    while text[at] in _BLANK:
        at += 1
    return at
