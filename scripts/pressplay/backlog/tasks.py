"""Reading Taskmaster's tasks.json: every shape of it that is in public use, and nothing guessed.

What its fields and statuses mean is taken from Taskmaster's own source (eyaltoledano/claude-task-master, version
0.43.1, commit c0c98d36):

* `packages/tm-core/src/common/constants/index.ts`, TERMINAL_COMPLETE_STATUSES: `done`, `completed` and `cancelled`
  are finished and satisfy dependencies (cancelled since its issue 1392).
* `packages/tm-core/src/modules/tasks/utils/task-filters.ts`, ACTIONABLE_STATUSES: `pending`, `in-progress` and
  `review` can be worked on; `deferred` and `blocked` cannot, and what depends on them is not ready.
* `scripts/modules/task-manager/find-next-task.js`: no status means `pending`, case does not count, ids compare as
  strings, and a dependency on an id that does not exist is never satisfied.
* `scripts/modules/utils.js`, readJSON: a file with `tasks` at its root is the tag `master` of an older form.

Extra keys belong to others: they are kept in `Task.raw` and have no meaning here. `FIELDS` says of each of Taskmaster's
own what becomes of it.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pressplay import names
from pressplay.backlog.guidance import Guidance, sound, texts
from pressplay.domain import profiles
from pressplay.domain.criteria import Standing
from pressplay.domain.profiles import Profile
from pressplay.validation.report import Invalid, PathPart, Problem, invalid, json_path, shown

DEFAULT_TAG = "master"

FINISHED = frozenset({"done", "completed", "cancelled"})
"""Statuses that satisfy a dependency and need no work."""
ACTIONABLE = frozenset({"pending", "in-progress", "review"})
"""Statuses of tasks that can be worked on."""
STATUSES = FINISHED | ACTIONABLE | {"deferred", "blocked"}

PRIORITIES = {"critical": 4, "high": 3, "medium": 2, "low": 1}
"""Weights as Taskmaster's `next` has them; anything else counts as medium, as there."""

FIELDS: Mapping[str, str] = {
    "id": "used",
    "title": "used",
    "description": "used",
    "details": "used",
    "testStrategy": "used",
    "status": "used",
    "priority": "used",
    "dependencies": "used",
    "subtasks": "used",
    "acceptanceCriteria": "used",
    "relevantFiles": "used",
    "scopeBoundaries": "used",
    "technicalConstraints": "used",
    "implementationApproach": "used",
    "codebasePatterns": "used",
    "existingInfrastructure": "used",
    "skills": "left out: it says who can do it, and the agent is chosen already",
    "category": "left out: the profile of the task says what must be shown",
    "tags": "left out: Taskmaster's way to group tasks",
    "assignee": "left out: who works on it is an agent",
    "effort": "left out: an estimate for people's plans",
    "actualEffort": "left out: an estimate for people's plans",
    "complexity": "left out: it is about how to split the task, which was done",
    "complexityReasoning": "left out: it is about how to split the task, which was done",
    "recommendedSubtasks": "left out: it is about how to split the task, which was done",
    "expansionPrompt": "left out: it is about how to split the task, which was done",
    "createdAt": "left out: it says nothing about the work",
    "updatedAt": "left out: it says nothing about the work",
    "databaseId": "left out: an id of another store",
    "parentId": "left out: the part stands in its task",
    "metadata": "left out: its user's own data, with a meaning that we do not know",
}
"""Each field of Taskmaster's `Task`, `Subtask` and `TaskImplementationMetadata`: `used`, or why it is left out."""
PROBLEMS = "pressPlayProblems"
"""What keeps a task from playing, of a backlog on GitHub: a list of predicates (`backlog.github_issues`)."""
_CONFLICT = re.compile(r"^<{7} ", re.MULTILINE)
"""How git begins a place where two sides disagree."""
_DEEPEST = 5
"""How far parts of parts are read."""


@dataclass(frozen=True, slots=True)
class Subtask:
    """A part of a task. It has no run of its own: the task's agent does it with the rest."""

    id: str
    """As written, local to its task; of a part of a part, behind that one's: `2.1`."""
    title: str
    description: str
    details: str
    test_strategy: str
    status: str
    dependencies: tuple[str, ...]
    acceptance_criteria: tuple[str, ...] = ()
    guidance: Guidance = field(default_factory=Guidance)
    standing: Standing = "to do"
    """By its status and that of the part that it belongs to."""
    where: tuple[PathPart, ...] = field(default=(), compare=False)
    """Its place in the file."""


@dataclass(frozen=True, slots=True)
class Lifted:
    """What a part depends on in another task: its whole task waits for that, since one run does all parts."""

    part: str
    written: str
    where: tuple[PathPart, ...]


@dataclass(frozen=True, slots=True)
class Task:
    """A task of a backlog. All its texts are data that people wrote (R7)."""

    id: str
    number: int
    """Its number in the repository (names.task_number): in Argo it has no other id."""
    title: str
    description: str
    details: str
    test_strategy: str
    priority: str
    status: str
    dependencies: tuple[str, ...]
    """As written, each once; then the tasks that its parts depend on."""
    subtasks: tuple[Subtask, ...] = ()
    """Its parts, each followed by its own parts."""
    acceptance_criteria: tuple[str, ...] = ()
    guidance: Guidance = field(default_factory=Guidance)
    profile: Profile | None = None
    """Its proof profile, if it gives one (`domain.profiles`)."""
    changed_files: tuple[str, ...] = ()
    """The paths that it names as those that it changes (`relevantFiles`), each once; a hint, and people's text."""
    index: int = field(default=0, compare=False)
    """Its place in the file's list."""
    raw: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)
    """The object as it is in the file, with the keys that are not ours."""
    lifted: Mapping[str, Lifted] = field(default_factory=dict, compare=False, repr=False)
    """Those of its dependencies that a part brings."""


@dataclass(frozen=True, slots=True)
class TaskProblem:
    """Something wrong with one task that leaves the rest of the backlog playable."""

    task: str
    problem: str
    blocks: bool = True
    """Whether the task, and what depends on it, is kept from playing."""
    where: tuple[PathPart, ...] = field(default=(), compare=False)
    """Its place in the file."""

    def __str__(self) -> str:
        """For people: the task, the problem, and where it is."""
        return f"task {self.task} {self.problem}" + (f" ({json_path(self.where)})" if self.where else "")


@dataclass(frozen=True, slots=True)
class Backlog:
    """The tasks of one tag, in file order, each id once; `problems` has the faults of single tasks."""

    tag: str
    tasks: tuple[Task, ...]
    problems: tuple[TaskProblem, ...] = ()
    ambiguous: frozenset[str] = frozenset()
    """Ids that stand for different tasks: what they are, and whether they are done, is for a person to say."""
    elsewhere: Mapping[str, tuple[str, ...]] = field(default_factory=dict, compare=False)
    """Ids of the file's other tags → those tags: Taskmaster's dependencies cannot reach them."""
    others: Mapping[str, int] = field(default_factory=dict, compare=False)
    """The file's other tags with work → how many of their tasks are left."""
    root: tuple[PathPart, ...] = field(default=(), compare=False)
    """The place of its list in the file; empty where it is kept on GitHub."""

    @property
    def kept_in(self) -> str:
        """Where the statuses of its tasks are kept, for sentences."""
        return "GitHub's issues" if self.tag.startswith(names.GITHUB_TAGS) else "tasks.json"

    def place(self, task: Task, *parts: PathPart) -> tuple[PathPart, ...]:
        """The place of a task, or of a part of it, in the file; empty where no file is people's."""
        return (*self.root, task.index, *parts) if self.root else ()


@dataclass(frozen=True, slots=True)
class _Fault:
    message: str
    hint: str
    where: tuple[PathPart, ...]


class _Reader:
    """Collects the faults of a file's shape while it reads, so that all of them are reported together."""

    def __init__(self) -> None:
        self.faults: list[_Fault] = []

    def fault(self, path: tuple[PathPart, ...], expected: str, value: object, hint: str) -> None:
        self.faults.append(_Fault(f"expected {expected}, got {shown(value)}", hint, path))

    def taken(self) -> list[_Fault]:
        """The faults since the last call."""
        faults, self.faults = self.faults, []
        return faults

    def identity(self, value: object, path: tuple[PathPart, ...], what: str) -> str | None:
        """An id as Taskmaster compares it: as a string. None, with the fault noted, if it is not an id."""
        if isinstance(value, str) and value.strip():
            return sound(value.strip())
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if isinstance(value, float) and value.is_integer():
            return str(int(value))
        self.fault(path, f"{what}, an integer or a text that is not empty", value, 'write it as 7 or "7"')
        return None

    def text(self, value: object, path: tuple[PathPart, ...]) -> str:
        if isinstance(value, str):
            return sound(value)
        if value is None:
            return ""
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return str(value)
        if isinstance(value, list) and all(isinstance(line, str) for line in value):
            return sound("\n".join(value))
        self.fault(path, "a text, a list of texts or null", value, "write it as one text")
        return ""

    def word(self, value: object, default: str, path: tuple[PathPart, ...]) -> str:
        """A status or priority, in the spelling that Taskmaster compares."""
        if value is None or value == "":
            return default
        if isinstance(value, str):
            return spelled(value, default)
        self.fault(path, "a word or null", value, f'write it as "{default}"')
        return default

    def items(self, value: object, path: tuple[PathPart, ...], what: str) -> list[Any]:
        if value is None:
            return []
        if isinstance(value, list):
            return value
        self.fault(path, f"a list of {what} or null", value, "write it in square brackets")
        return []

    def dependencies(self, value: object, path: tuple[PathPart, ...]) -> tuple[str, ...]:
        names: dict[str, None] = {}
        for index, item in enumerate(self.items(value, path, "ids")):
            if (name := self.identity(item, (*path, index), "the id of a task")) is not None:
                names[name] = None
        return tuple(names)

    def subtasks(
        self, value: object, path: tuple[PathPart, ...], above: str = "", standing: Standing = "to do", depth: int = 1
    ) -> list[Subtask]:
        """The parts in a list, each followed by its own; `above`: the id of the part that they belong to."""
        if depth > _DEEPEST:
            self.fault(path, f"parts of parts {_DEEPEST} deep at most", value, "write them as parts of the task")
            return []
        parts: list[Subtask] = []
        for at, item in enumerate(self.items(value, path, "subtasks")):
            where = (*path, at)
            if not isinstance(item, dict):
                self.fault(where, "a subtask, an object", item, 'write it as {"id": 1, "title": "…"}')
                continue
            part = self.subtask(item, where, above, standing)
            parts.append(part)
            if item.get("subtasks"):
                parts += self.subtasks(item["subtasks"], (*where, "subtasks"), part.id, part.standing, depth + 1)
        return parts

    def subtask(self, value: dict[str, Any], path: tuple[PathPart, ...], above: str, standing: Standing) -> Subtask:
        name = self.identity(value.get("id"), (*path, "id"), "the subtask's id") or ""
        status = self.word(value.get("status"), "pending", (*path, "status"))
        return Subtask(
            id=f"{above}.{name.rpartition('.')[2]}" if above else name,
            title=self.text(value.get("title"), (*path, "title")),
            description=self.text(value.get("description"), (*path, "description")),
            details=self.text(value.get("details"), (*path, "details")),
            test_strategy=self.text(value.get("testStrategy"), (*path, "testStrategy")),
            status=status,
            dependencies=self.dependencies(value.get("dependencies"), (*path, "dependencies")),
            acceptance_criteria=texts(value.get("acceptanceCriteria")),
            guidance=Guidance.of(value),
            standing=standing_of(status) if standing == "to do" else standing,
            where=path,
        )

    def task(self, value: object, path: tuple[PathPart, ...], tag: str, index: int) -> Task | None:
        if not isinstance(value, dict):
            self.fault(path, "a task, an object", value, 'write it as {"id": 1, "title": "…", "dependencies": []}')
            return None
        name = self.identity(value.get("id"), (*path, "id"), "the task's id")
        return Task(
            id=name or "",
            number=names.task_number(name or "", tag),
            title=self.text(value.get("title"), (*path, "title")) or f"Task {name}",
            description=self.text(value.get("description"), (*path, "description")),
            details=self.text(value.get("details"), (*path, "details")),
            test_strategy=self.text(value.get("testStrategy"), (*path, "testStrategy")),
            priority=self.word(value.get("priority"), "medium", (*path, "priority")),
            status=self.word(value.get("status"), "pending", (*path, "status")),
            dependencies=self.dependencies(value.get("dependencies"), (*path, "dependencies")),
            subtasks=tuple(self.subtasks(value.get("subtasks"), (*path, "subtasks"))),
            acceptance_criteria=texts(value.get("acceptanceCriteria")),
            guidance=Guidance.of(value),
            profile=profiles.stated(value).profile,
            changed_files=_changed_files(value.get("relevantFiles")),
            index=index,
            raw=value,
        )


def spelled(value: object, default: str = "pending") -> str:
    """A status or priority in the spelling that Taskmaster compares; `default` for what is none."""
    if not isinstance(value, str) or not value:
        return default
    return value.strip().lower().replace("_", "-").replace(" ", "-")


def standing_of(status: str) -> Standing:
    """What a part's status makes of it; one that is not known is to do, as for Taskmaster's `next`."""
    if status in ("done", "completed"):
        return "there already"
    return "out of scope" if status in ("cancelled", "deferred", "blocked") else "to do"


def _changed_files(value: object) -> tuple[str, ...]:
    """The paths of `relevantFiles`, but for those that are only read; what has another shape is ignored.

    Taskmaster writes `{"path": …, "action": "create" | "modify" | "reference"}`; people also list paths alone.
    """
    files: dict[str, None] = {}
    for item in value if isinstance(value, list) else ():
        entry = item if isinstance(item, dict) else {"path": item}
        path = entry.get("path")
        if isinstance(path, str) and path.strip() and entry.get("action") != "reference":
            files[sound(path.strip().removeprefix("./"))] = None
    return tuple(files)


def parse(content: str | bytes, where: str) -> Any:
    """The JSON document in `content`; InputError naming `where`, line and column, if it is not JSON."""
    try:
        text = content.decode("utf-8-sig") if isinstance(content, bytes) else content.removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        message = f"expected UTF-8, got byte {error.start}: {error.reason}"
        raise invalid(where, message, "save it as UTF-8") from error
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        if mark := _CONFLICT.search(text):
            hint = "resolve the conflict there, and commit the file"
            line = text.count("\n", 0, mark.start()) + 1
            raise invalid(where, "expected JSON, got the marks of a merge conflict", hint, line, 1) from error
        message = f"expected JSON, got something else ({error.msg})"
        hint = "correct the file there, or let Taskmaster write it again"
        raise invalid(where, message, hint, error.lineno, error.colno) from error
    except (RecursionError, ValueError) as error:
        message = f"expected the JSON that Taskmaster writes, got something else ({error})"
        raise invalid(where, message, "let Taskmaster write it again") from error


def tag_lists(document: Any, where: str) -> dict[str, tuple[tuple[PathPart, ...], Any]]:
    """The tags of a tasks.json document: name → (path of its list, the list). InputError if it has no such shape.

    A list at the root's `tasks` is the tag `master`, unless the file also has that tag.
    """
    expected = 'expected {"<tag>": {"tasks": [...]}} or, as older files have it, {"tasks": [...]}'
    hint = "give the tasks.json that Taskmaster writes"
    if not isinstance(document, dict):
        raise invalid(where, f"{expected}, got {shown(document)}", hint)
    tags: dict[str, tuple[tuple[PathPart, ...], Any]] = {}
    for name, value in document.items():
        if isinstance(value, dict) and "tasks" in value:
            tags[name] = ((name, "tasks"), value["tasks"])
    if isinstance(document.get("tasks"), list):
        tags.setdefault(DEFAULT_TAG, (("tasks",), document["tasks"]))
    if not tags:
        raise invalid(where, f"{expected}, got {shown(document)}", hint)
    return tags


def read(content: str | bytes, where: str, tag: str | None = None) -> Backlog:
    """The backlog of one tag of a tasks.json file: `tag`, or if it is None `master`, or the file's only tag.

    Raises InputError for a file that is not Taskmaster's, naming `where`, each path, what was expected, what it got and
    what to do. The faults of single tasks (a duplicate id, an unknown status) are in the backlog's `problems`.
    """
    return from_document(parse(content, where), where, tag)


def from_document(document: Any, where: str, tag: str | None = None) -> Backlog:
    """As `read`, for a document that is already parsed."""
    tags = tag_lists(document, where)
    chosen = _choose(tags, tag, where)
    path, entries = tags[chosen]
    reader = _Reader()
    items = reader.items(entries, path, "tasks")
    if faults := reader.taken():
        raise Invalid([Problem(where, 0, 0, json_path(fault.where), fault.message, fault.hint) for fault in faults])
    listed, malformed = _listed(reader, items, path, chosen)
    elsewhere: dict[str, tuple[str, ...]] = {}
    left: dict[str, int] = {}
    for other, (_, others) in tags.items():
        if other != chosen and isinstance(others, list):
            for entry in others:
                if isinstance(entry, dict) and isinstance(entry.get("id"), (int, str)):
                    name = str(entry["id"]).strip()
                    elsewhere[name] = (*elsewhere.get(name, ()), other)
                    if spelled(entry.get("status"), "") not in FINISHED | {"deferred"}:
                        left[other] = left.get(other, 0) + 1
    tasks, doubles, ambiguous = _unique(listed, path)
    tasks, dangling = _lift(tasks)
    problems = (
        *malformed,
        *doubles,
        *dangling,
        *_of_profiles(tasks, path),
        *_outside(document, path, tasks),
        *_known_before(tasks, path),
    )
    if chosen.startswith(names.GITHUB_TAGS):
        problems, path = tuple(replace(problem, where=()) for problem in problems), ()
    return Backlog(chosen, tasks, problems, ambiguous, elsewhere, left, path)


def _outside(document: Any, path: tuple[PathPart, ...], tasks: tuple[Task, ...]) -> Iterator[TaskProblem]:
    """A problem for each task to do at the root's `tasks` of a file with tags, where an older tool wrote it.

    One that the tag has, too, is no problem.
    """
    entries = document.get("tasks")
    if path == ("tasks",) or not isinstance(entries, list):
        return
    known = {(task.id, task.title) for task in tasks}
    for index, entry in enumerate(entries):
        if not isinstance(entry, dict) or spelled(entry.get("status"), "") in FINISHED:
            continue
        name, title = str(entry.get("id", "")).strip(), entry.get("title")
        if (name, title) not in known:
            what = "stands outside of all tags, as older files have it, and is not played; move it into a tag"
            yield TaskProblem(name or f"at place {index + 1}", what, blocks=False, where=("tasks", index))


def _listed(
    reader: _Reader, entries: list[Any], path: tuple[PathPart, ...], tag: str
) -> tuple[list[Task], list[TaskProblem]]:
    """The tasks of a list, and as their own problems what has the wrong shape. A task without an id is left out.

    What is wrong with a finished task blocks nothing.
    """
    tasks: list[Task] = []
    problems: list[TaskProblem] = []
    for index, entry in enumerate(entries):
        task = reader.task(entry, (*path, index), tag, index)
        name = task.id if task is not None and task.id else f"at place {index + 1}"
        blocks = task is None or task.status not in FINISHED
        problems += [
            TaskProblem(name, f"is wrong: {fault.message}; {fault.hint}", blocks, fault.where)
            for fault in reader.taken()
        ]
        if task is not None and task.id:
            tasks.append(task)
    return tasks, problems


def _lift(tasks: tuple[Task, ...]) -> tuple[tuple[Task, ...], list[TaskProblem]]:
    """The tasks with what their parts depend on in other tasks, and problems of parts whose dependencies lead nowhere.

    For Taskmaster `1.2` is part 2 of task 1, and a number alone is a part beside this one.
    """
    by_id = {task.id: task for task in tasks}
    parts = {f"{task.id}.{part.id}": part for task in tasks for part in task.subtasks}
    whole: list[Task] = []
    problems: list[TaskProblem] = []
    for task in tasks:
        lifted: dict[str, Lifted] = {}
        for part in task.subtasks:
            for written in part.dependencies if part.standing == "to do" else ():
                where = (*part.where, "dependencies")
                target = _lifted(task, written, by_id, parts)
                if target:
                    lifted.setdefault(target, Lifted(part.id, written, where))
                elif target is None:
                    problems.append(TaskProblem(task.id, _dangling(part, written, by_id), blocks=False, where=where))
        new = {target: each for target, each in lifted.items() if target not in task.dependencies}
        whole.append(replace(task, dependencies=(*task.dependencies, *new), lifted=new) if new else task)
    return tuple(whole), problems


def _lifted(task: Task, written: str, by_id: Mapping[str, Task], parts: Mapping[str, Subtask]) -> str | None:
    """The task that a part's dependency leads to; empty for one that orders nothing, None if it leads nowhere."""
    above, dot, _ = written.rpartition(".")
    if dot and above != task.id and (above in by_id or written in by_id):
        if written in parts and parts[written].status in FINISHED:
            return ""
        # One that does not exist stays as it is written: the plan reports it like one of the task's own.
        return above if written in parts else written
    beside = {part.id for part in task.subtasks}
    local = written.removeprefix(f"{task.id}.")
    return "" if {local, written} & beside or any(name.endswith(f".{local}") for name in beside) else None


def _dangling(part: Subtask, written: str, by_id: Mapping[str, Task]) -> str:
    hint = f"; if task {written} is meant, write it into the task's own dependencies" if written in by_id else ""
    return f"has a part {shown(part.id)} that depends on {shown(written)}, and no such part{hint}; ignored"


def _of_profiles(tasks: tuple[Task, ...], root: tuple[PathPart, ...]) -> Iterator[TaskProblem]:
    """A problem for each task with a profile that is none: what must be shown of it is not known."""
    for task in tasks:
        if task.status not in FINISHED and (problem := profiles.stated(task.raw).problem):
            yield TaskProblem(task.id, problem, where=(*root, task.index))


def _known_before(tasks: tuple[Task, ...], root: tuple[PathPart, ...]) -> Iterator[TaskProblem]:
    """What was known of a task before it was written down (PROBLEMS)."""
    for task in tasks:
        if task.status not in FINISHED:
            for problem in texts(task.raw.get(PROBLEMS)):
                yield TaskProblem(task.id, problem, where=(*root, task.index))


def default_tag(tags: Collection[str], where: str, change: str, current: str = "") -> tuple[str, str]:
    """The tag that counts where nobody chose one, and why: the current one, else `master`, else the only one.

    `current`: Taskmaster's current tag; empty if none is known. `change`: what chooses another one. Invalid if no tag
    counts.
    """
    if current in tags:
        return current, "Taskmaster's current tag"
    # Without the name: the step `plan` logs this (R7).
    gone = "Taskmaster's current tag is not in the file" if current else ""
    if DEFAULT_TAG in tags:
        return DEFAULT_TAG, gone
    if len(tags) == 1:
        return next(iter(tags)), gone or "the file's only tag"
    message = f"expected the tag {shown(DEFAULT_TAG)} or a current one, got the tags {', '.join(map(shown, tags))}"
    raise invalid(where, message, f"choose one with {change}, or with `task-master use-tag`")


def _choose(tags: Mapping[str, Any], tag: str | None, where: str) -> str:
    if tag is None:
        return default_tag(tags, where, "--tag")[0]
    if tag not in tags:
        near = difflib.get_close_matches(tag, tags, n=1)
        hint = f"did you mean {shown(near[0])}?" if near else "choose one of these"
        known = ", ".join(map(shown, tags))
        raise invalid(where, f"expected the tag {shown(tag)}, got the tags {known}", hint)
    return tag


def _unique(
    listed: list[Task], root: tuple[PathPart, ...]
) -> tuple[tuple[Task, ...], tuple[TaskProblem, ...], frozenset[str]]:
    """Each id once, with a problem if several tasks have an id, or the number made of it."""
    first: dict[str, Task] = {}
    numbers: dict[int, str] = {}
    problems: list[TaskProblem] = []
    differ: set[str] = set()
    same: dict[str, int] = {}
    for task in listed:
        known = first.setdefault(task.id, task)
        if known is not task:
            same[task.id] = same.get(task.id, 1) + 1
            if known != task:
                differ.add(task.id)
            continue
        other = numbers.setdefault(task.number, task.id)
        if other != task.id:
            text = f"shares the number {task.number} with task {{}}; give one of them another id"
            for task_id, another in ((task.id, other), (other, task.id)):
                place = (*root, first[task_id].index, "id")
                problems.append(TaskProblem(task_id, text.format(shown(another)), where=place))
    for name, count in same.items():
        if name in differ:
            text = f"is in the file {count} times, with different contents; keep one of them"
        else:
            text = f"is in the file {count} times, always the same; taken once"
        problems.append(TaskProblem(name, text, blocks=name in differ, where=(*root, first[name].index)))
    return tuple(first.values()), tuple(problems), frozenset(differ)
