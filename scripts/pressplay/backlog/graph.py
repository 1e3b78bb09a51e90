"""From a backlog to a plan: what can play, in which order, how long it takes at best, and what blocks it.

Everything here is linear in tasks and dependencies, but for the heaps of the start order. Ties are broken by
priority and then by id, never by place in the file, so a file that another writer re-sorted makes the same plan.
"""

from __future__ import annotations

import difflib
import functools
import heapq
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from pressplay.backlog import overlap
from pressplay.backlog.overlap import Overlap, Overlaps
from pressplay.backlog.tasks import ACTIONABLE, FINISHED, PRIORITIES, STATUSES, Backlog, Task, TaskProblem
from pressplay.domain import profiles
from pressplay.domain.profiles import Profile
from pressplay.errors import InputError
from pressplay.validation.report import PathPart, json_path, shown

State = Literal["ready", "waiting", "blocked"]

DEFAULT_PARALLELISM = 4
"""As the chart's `defaults.parallelism`."""
DEFAULT_MINUTES = 30.0
"""The assumed duration of one task, for an estimate without figures."""

_COMPARED = 300
"""Ids of words that a wrong one is compared with, letter by letter."""

IdKey = tuple[int, int, str]


@dataclass(frozen=True, slots=True)
class Planned:
    """One task that is still to do, and its place in the plan."""

    task: Task
    state: State
    """ready: may start now. waiting: for other tasks of the play. blocked: by a problem of its own or further back."""
    order: int
    """Its place in the start order, from 1; blocked tasks come after all others."""
    rank: float
    """The longest chain of tasks that waits behind it, in task lengths."""
    slack: float | None
    """How many task lengths it may start late without lengthening the play; None for a blocked task."""
    start: float | None
    """When it starts, in task lengths from the play's start; None for a blocked task."""
    waits_for: tuple[str, ...]
    """The ids it depends on that are not finished, or not to be had."""
    follows: tuple[str, ...] = ()
    """The ids that it starts after, however they end, since it names a file that they name too (`backlog.overlap`)."""

    @property
    def proposed_profile(self) -> Profile | None:
        """The proof profile that its title reads like, where it gives none; only for people to confirm."""
        return None if self.task.profile else profiles.proposed(self.task.title)


@dataclass(frozen=True, slots=True)
class WorkPlan:
    """The play of one tag's backlog, tasks in start order and only those still to do."""

    tag: str
    tasks: tuple[Planned, ...]
    critical_path: tuple[str, ...]
    """The longest chain of what can play, first to last."""
    problems: tuple[TaskProblem, ...]
    length: float
    """The critical path's length in task lengths: no play is shorter, however many run at once."""
    makespan: float
    """How long the play takes with `parallelism` tasks at once, in task lengths."""
    parallelism: int
    overlaps: tuple[Overlap, ...] = ()
    """Tasks that may be worked on at once though they name the same file."""

    @property
    def playable(self) -> tuple[Planned, ...]:
        """The tasks that the play will start, in start order."""
        return tuple(planned for planned in self.tasks if planned.state != "blocked")

    @property
    def ready(self) -> tuple[str, ...]:
        """The ids that may start at once, in start order."""
        return tuple(planned.task.id for planned in self.tasks if planned.state == "ready")

    def as_json(self) -> dict[str, object]:
        """The plan as `pressplay plan -o json` prints it."""
        return {
            "tag": self.tag,
            "tasks": [
                {
                    "id": planned.task.id,
                    "title": planned.task.title,
                    "state": planned.state,
                    "dependencies": list(planned.task.dependencies),
                    "order": planned.order,
                    "slack": planned.slack,
                    **({"follows": list(planned.follows)} if planned.follows else {}),
                    **({"profile": planned.task.profile} if planned.task.profile else {}),
                    **({"proposed_profile": proposed} if (proposed := planned.proposed_profile) else {}),
                }
                for planned in self.tasks
            ],
            "ready": list(self.ready),
            "critical_path": list(self.critical_path),
            **({"overlaps": [asdict(overlap) for overlap in self.overlaps]} if self.overlaps else {}),
            "problems": [
                {"task": problem.task, "problem": problem.problem, "path": json_path(problem.where)}
                for problem in self.problems
            ],
        }


def id_key(task_id: str) -> IdKey:
    """Sorts ids as people count: 2 before 10, numbers before words."""
    if task_id.isascii() and task_id.isdigit() and len(task_id) < 1000:
        return (0, int(task_id), task_id)
    return (1, 0, task_id)


def plan(
    backlog: Backlog,
    *,
    parallelism: int = DEFAULT_PARALLELISM,
    weights: Mapping[str, float] | None = None,
    only: Collection[str] | None = None,
    done: Collection[str] = (),
    overlaps: Overlaps = "warn",
) -> WorkPlan:
    """The plan of `backlog`, at most `parallelism` tasks at once.

    `weights` gives tasks lengths other than 1, by id. `only` narrows the play to these ids, or numbers. `done` are ids
    known to be finished though the file does not say so (their pull request is merged). With `overlaps` "order", of
    tasks that name the same file one follows the other. Raises InputError for ids in
    `only` or `weights` that the tag does not have, for a weight or a parallelism below what makes sense.
    """
    by_id = {task.id: task for task in backlog.tasks}
    weight = _weights(by_id, weights or {})
    if parallelism < 1:
        raise InputError(f"parallelism {parallelism}: expected at least 1 task at once")
    unclear = backlog.ambiguous
    finished = {task.id for task in backlog.tasks if task.status in FINISHED and task.id not in unclear} | set(done)
    chosen = _chosen(by_id, only)
    todo = {
        task.id: task
        for task in backlog.tasks
        if task.id in chosen and task.id not in finished and (task.status != "deferred" or task.id in unclear)
    }

    needs, waits_for, problems = _dependencies(todo, by_id, finished, backlog)
    components = _components(needs)
    knots = [component for component in components if len(component) > 1]
    problems += _cycle_problems(knots, needs, backlog, todo)
    stuck = {problem.task for problem in problems if problem.blocks and problem.task in todo}.union(*knots)
    dependents = _reversed(needs)
    blocked = _closure(stuck, dependents)
    plays = {name: edges for name, edges in needs.items() if name not in blocked}

    tie = {name: (-PRIORITIES.get(todo[name].priority, PRIORITIES["medium"]), id_key(name)) for name in todo}
    topological = [component[0] for component in components if component[0] not in blocked]
    head, tail = _lengths(topological, plays, dependents, weight)
    starts, makespan = _schedule(plays, dependents, weight, tail, tie, parallelism)
    in_order, files = [name for name, _ in starts], {name: todo[name].changed_files for name in plays}
    follows = overlap.order_of(in_order, plays, files) if overlaps == "order" else {}
    if follows:
        plays = {name: (*edges, *follows.get(name, ())) for name, edges in plays.items()}
        dependents = _reversed(plays)
        head, tail = _lengths(in_order, plays, dependents, weight)
        starts, makespan = _schedule(plays, dependents, weight, tail, tie, parallelism)
    length = max((head[name] + tail[name] for name in plays), default=0)

    planned = [
        Planned(
            task=todo[name],
            state="waiting" if plays[name] else "ready",
            order=order,
            rank=tail[name] - weight[name],
            slack=max(0, length - head[name] - tail[name]),
            start=start,
            waits_for=waits_for[name],
            follows=follows.get(name, ()),
        )
        for order, (name, start) in enumerate(starts, start=1)
    ]
    for order, name in enumerate(sorted(blocked, key=id_key), start=len(planned) + 1):
        planned.append(Planned(todo[name], "blocked", order, 0, None, None, waits_for[name]))
    return WorkPlan(
        tag=backlog.tag,
        tasks=tuple(planned),
        critical_path=_critical_path(plays, dependents, tail, tie),
        problems=tuple(sorted(problems, key=lambda problem: (id_key(problem.task), problem.problem))),
        length=length,
        makespan=makespan,
        parallelism=parallelism,
        overlaps=overlap.find(in_order, plays, files),
    )


def _dependencies(
    todo: Mapping[str, Task], by_id: Mapping[str, Task], finished: Collection[str], backlog: Backlog
) -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]], list[TaskProblem]]:
    """For each task of the play the tasks it needs in the play, everything it waits for, and the problems of all."""
    # What is wrong in the file is worth a line too where it blocks nothing.
    problems = [
        problem
        for problem in backlog.problems
        if problem.task in todo or problem.task not in by_id or (problem.task in finished and not problem.blocks)
    ]
    ids = Ids(backlog.tasks)
    needs: dict[str, tuple[str, ...]] = {}
    waits_for: dict[str, tuple[str, ...]] = {}
    subtasks_done = {
        f"{task.id}.{part.id}" for task in backlog.tasks for part in task.subtasks if part.status in FINISHED
    }
    for task in todo.values():
        if task.status not in ACTIONABLE and task.id not in backlog.ambiguous:
            problems.append(TaskProblem(task.id, _status_problem(task), where=backlog.place(task, "status")))
        edges: dict[str, None] = {}
        waits: dict[str, None] = {}
        for written in task.dependencies:
            target = _resolve(written, by_id)
            if target == task.id and written != task.id:
                continue  # Its own subtask: part of the task, done in the same run.
            if written in subtasks_done and written not in by_id:
                continue
            if target in todo and target != task.id:
                edges[target] = None
                waits[target] = None
                continue
            problem = _dependency_problem(task, written, target, by_id, finished, backlog, ids)
            if problem is None:
                continue
            problems.append(problem)
            if problem.blocks:
                waits[written] = None
        needs[task.id] = tuple(edges)
        waits_for[task.id] = tuple(waits)
    return needs, waits_for, problems


def _cycle_problems(
    knots: Iterable[Sequence[str]], needs: Mapping[str, Sequence[str]], backlog: Backlog, todo: Mapping[str, Task]
) -> list[TaskProblem]:
    """A problem for each set of tasks that depend on one another, by the smallest id of its cycle."""
    problems = []
    for cycle in sorted((_cycle(knot, needs) for knot in knots), key=lambda cycle: id_key(cycle[0])):
        path = " → ".join([*cycle, cycle[0]])
        parts = [
            f", {name} by its part {todo[name].lifted[after].part}"
            for name, after in zip(cycle, [*cycle[1:], cycle[0]], strict=True)
            if after in todo[name].lifted
        ]
        text = (
            f"waits for itself in a cycle: {path} (each depends on the next{''.join(parts)}); take one of these "
            "dependencies out"
        )
        problems.append(TaskProblem(cycle[0], text, where=_place(todo[cycle[0]], cycle[-1], backlog)))
    return problems


def _place(task: Task, written: str, backlog: Backlog) -> tuple[PathPart, ...]:
    """Where a dependency of a task is written."""
    lifted = task.lifted.get(written)
    return lifted.where if lifted is not None else backlog.place(task, "dependencies")


def _cycle(knot: Sequence[str], needs: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """A cycle among tasks that all depend on one another, along the dependencies, from its smallest id on."""
    inside = set(knot)
    walked: dict[str, int] = {}
    name = min(knot, key=id_key)
    while name not in walked:
        walked[name] = len(walked)
        name = min((other for other in needs[name] if other in inside), key=id_key)
    cycle = list(walked)[walked[name] :]
    first = cycle.index(min(cycle, key=id_key))
    return (*cycle[first:], *cycle[:first])


def _weights(by_id: Mapping[str, Task], given: Mapping[str, float]) -> dict[str, float]:
    for name, weight in given.items():
        if name not in by_id or not weight > 0:
            raise InputError(f"weight {weight} of task {shown(name)}: expected a number above 0 for a task of the tag")
    return {name: given.get(name, 1) for name in by_id}


def _chosen(by_id: Mapping[str, Task], only: Collection[str] | None) -> Collection[str]:
    if only is None:
        return by_id.keys()
    by_number = {str(task.number): task.id for task in by_id.values()}
    chosen = {name if name in by_id else by_number.get(name, name) for name in only}
    unknown = sorted(chosen - by_id.keys(), key=id_key)
    if unknown:
        ids = Ids(by_id.values())
        hints = [f"did you mean {shown(name)}?" for name in map(ids.near, unknown) if name]
        raise InputError(
            f"tasks {', '.join(map(shown, unknown))}: expected ids of tasks in this tag; "
            + (" ".join(hints) or "pressplay plan lists them")
        )
    return chosen


class Ids:
    """The ids of a tag, of tasks and of their parts (`1.2`), to find the one that was probably meant."""

    def __init__(self, tasks: Iterable[Task]) -> None:
        """`tasks`: those of the tag. Nothing is done with them before somebody asks."""
        self._tasks = tasks

    def near(self, written: str) -> str:
        """The id that is nearest to one that does not exist; empty if none is near."""
        alike = self._alike.get(_bare(written))
        if alike is not None:
            return alike
        # To compare each with each would take minutes in a large backlog.
        words = self._words if len(self._words) <= _COMPARED else []
        return next(iter(difflib.get_close_matches(written, words, n=1, cutoff=0.7)), "")

    @functools.cached_property
    def _alike(self) -> Mapping[str, str]:
        parts = (f"{task.id}.{part.id}" for task in self._tasks for part in task.subtasks)
        return {_bare(name): name for name in (*(task.id for task in self._tasks), *parts)}

    @functools.cached_property
    def _words(self) -> list[str]:
        # Numbers that look alike are not near one another.
        return [name for name in self._alike.values() if not name.replace(".", "").isdigit()]


def _bare(name: str) -> str:
    """An id without what people write before a number: `#3`, `task 3`, `03`."""
    return re.sub(r"^(?:task|[^0-9a-z])*0*(?=[1-9])", "", name.casefold())


def _status_problem(task: Task) -> str:
    if task.status == "blocked":
        return "has the status blocked; set it to pending once it may be worked on"
    known = ", ".join(sorted(STATUSES))
    return f"has the unknown status {shown(task.status)}; expected one of {known}"


def _resolve(written: str, by_id: Mapping[str, Task]) -> str:
    """The task that a dependency names: a subtask (`11.1`) is part of its task."""
    if written not in by_id and "." in written:
        parent, _, part = written.rpartition(".")
        if parent in by_id and any(subtask.id == part for subtask in by_id[parent].subtasks):
            return parent
    return written


def _dependency_problem(
    task: Task,
    written: str,
    target: str,
    by_id: Mapping[str, Task],
    finished: Collection[str],
    backlog: Backlog,
    ids: Ids,
) -> TaskProblem | None:
    """The fault of a dependency outside this play; None if it is satisfied."""
    other = by_id.get(target)
    where = _place(task, written, backlog)
    lifted = task.lifted.get(written)
    depends = f"depends, by its part {lifted.part}, on" if lifted is not None else "depends on"
    if target == task.id:
        text = f"depends on itself ({task.id} → {task.id}); take that dependency out"
        return TaskProblem(task.id, text, where=where)
    if other is None:
        # A merged pull request may be known of a task that has since left the file.
        if written in finished:
            return None
        tags = backlog.elsewhere.get(written)
        if tags:
            text = (
                f"{depends} {shown(written)}, which is not in the tag {shown(backlog.tag)} but in "
                f"{', '.join(map(shown, tags))}; dependencies reach only their own tag: move or copy it here"
            )
        else:
            meant = ids.near(written)
            hint = f"did you mean {shown(meant)}?" if meant else "correct the id or take the dependency out"
            text = f"{depends} {shown(written)}, which does not exist; {hint}"
        return TaskProblem(task.id, text, where=where)
    if target in finished:
        if other.status != "cancelled":
            return None
        text = f"{depends} {shown(written)}, which is cancelled; taken as satisfied, as Taskmaster does"
        return TaskProblem(task.id, text, blocks=False, where=where)
    if other.status == "deferred":
        text = f"{depends} {shown(written)}, which is deferred; set that to pending or take the dependency out"
        return TaskProblem(task.id, text, where=where)
    text = f"{depends} {shown(written)}, which is not done and not among the tasks asked for; ask for it too"
    return TaskProblem(task.id, text, where=where)


def _reversed(needs: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    dependents: dict[str, list[str]] = {name: [] for name in needs}
    for name, edges in needs.items():
        for edge in edges:
            dependents[edge].append(name)
    return dependents


def _closure(seeds: Iterable[str], edges: Mapping[str, Sequence[str]]) -> set[str]:
    reached = set(seeds)
    waiting = list(reached)
    while waiting:
        for name in edges[waiting.pop()]:
            if name not in reached:
                reached.add(name)
                waiting.append(name)
    return reached


def _components(needs: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """The strongly connected components, each after those it depends on: Tarjan's algorithm with an explicit stack.

    It gives every cycle and the topological order in one pass; graphlib reports one cycle at a time and would take a
    pass for each.
    """
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    open_: dict[str, None] = {}
    components: list[list[str]] = []
    for root in needs:
        if root in number:
            continue
        number[root] = lowest[root] = len(number)
        open_[root] = None
        work = [(root, iter(needs[root]))]
        while work:
            name, edges = work[-1]
            for edge in edges:
                if edge not in number:
                    number[edge] = lowest[edge] = len(number)
                    open_[edge] = None
                    work.append((edge, iter(needs[edge])))
                    break
                if edge in open_:
                    lowest[name] = min(lowest[name], number[edge])
            else:
                work.pop()
                if work:
                    above = work[-1][0]
                    lowest[above] = min(lowest[above], lowest[name])
                if lowest[name] == number[name]:
                    component = []
                    while True:
                        member, _ = open_.popitem()
                        component.append(member)
                        if member == name:
                            break
                    components.append(component)
    return components


def _lengths(
    topological: Sequence[str],
    plays: Mapping[str, Sequence[str]],
    dependents: Mapping[str, Sequence[str]],
    weight: Mapping[str, float],
) -> tuple[dict[str, float], dict[str, float]]:
    """For each task the longest chain before it, and the longest chain from its own start to the end."""
    head: dict[str, float] = {}
    for name in topological:
        head[name] = max((head[edge] + weight[edge] for edge in plays[name]), default=0)
    tail: dict[str, float] = {}
    for name in reversed(topological):
        tail[name] = weight[name] + max((tail[other] for other in dependents[name] if other in plays), default=0)
    return head, tail


def _schedule(
    plays: Mapping[str, Sequence[str]],
    dependents: Mapping[str, Sequence[str]],
    weight: Mapping[str, float],
    tail: Mapping[str, float],
    tie: Mapping[str, tuple[int, IdKey]],
    parallelism: int,
) -> tuple[list[tuple[str, float]], float]:
    """Who starts when with so many slots, and when the last one ends; the longest remaining chain goes first."""
    missing = {name: len(edges) for name, edges in plays.items()}
    ready = [(-tail[name], tie[name], name) for name, count in missing.items() if count == 0]
    heapq.heapify(ready)
    running: list[tuple[float, str]] = []
    starts: list[tuple[str, float]] = []
    now: float = 0
    while ready or running:
        while ready and len(running) < parallelism:
            name = heapq.heappop(ready)[2]
            starts.append((name, now))
            heapq.heappush(running, (now + weight[name], name))
        now = running[0][0]
        while running and running[0][0] == now:
            for other in dependents[heapq.heappop(running)[1]]:
                if other in missing:
                    missing[other] -= 1
                    if missing[other] == 0:
                        heapq.heappush(ready, (-tail[other], tie[other], other))
    return starts, now


def _critical_path(
    plays: Mapping[str, Sequence[str]],
    dependents: Mapping[str, Sequence[str]],
    tail: Mapping[str, float],
    tie: Mapping[str, tuple[int, IdKey]],
) -> tuple[str, ...]:
    """The longest chain, the most urgent of equals at each step."""
    candidates = [name for name, edges in plays.items() if not edges]
    path: list[str] = []
    while candidates:
        name = min(candidates, key=lambda name: (-tail[name], tie[name]))
        path.append(name)
        candidates = [other for other in dependents[name] if other in plays]
    return tuple(path)
