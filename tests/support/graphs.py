"""Backlogs with durations, for what is said of makespans: committed graphs, and random ones by seed.

A task takes what its three runs take, one after the other: implement, lint, test. Merging takes no time.
"""

from __future__ import annotations

import heapq
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import Agents, project, task, world

GRAPHS = Path(__file__).parents[1] / "data" / "graphs"
SLOTS = 8
ROLES = ("implement", "lint", "test")


@dataclass(frozen=True)
class Timed:
    """A task: its dependencies, and the seconds of its runs in the order of ROLES."""

    id: int
    dependencies: tuple[int, ...]
    seconds: tuple[int, int, int]

    @property
    def work(self) -> int:
        return sum(self.seconds)


Graph = Sequence[Timed]


def committed(name: str) -> Graph:
    """A graph of tests/data/graphs: `{"tasks": [{"id", "dependencies", "seconds": [implement, lint, test]}]}`."""
    found = json.loads((GRAPHS / f"{name}.json").read_text())["tasks"]
    return [Timed(entry["id"], tuple(entry["dependencies"]), tuple(entry["seconds"])) for entry in found]


def drawn(count: int, seed: int) -> Graph:
    """A random graph: each task on up to three of the twenty before it, durations of a factor of sixteen."""
    dice = random.Random(seed)
    made = []
    for number in range(1, count + 1):
        near = range(max(1, number - 20), number)
        dependencies = dice.sample(near, min(len(near), dice.choice((0, 1, 1, 2, 2, 3))))
        scale = 2 ** dice.uniform(0, 4)
        seconds = tuple(round(60 * scale * dice.uniform(0.5, 1.5) * share) for share in (0.6, 0.1, 0.3))
        made.append(Timed(number, tuple(sorted(dependencies)), seconds))
    return made


def bound(graph: Graph, slots: int = SLOTS) -> float:
    """What no play can be shorter than: the critical path, and the work shared out without a gap."""
    ends: dict[int, int] = {}
    for timed in graph:  # Each task comes after those it depends on.
        ends[timed.id] = timed.work + max((ends[before] for before in timed.dependencies), default=0)
    return max(max(ends.values()), sum(timed.work for timed in graph) / slots)


def list_scheduled(graph: Graph, slots: int = SLOTS) -> tuple[int, list[int]]:
    """Makespan and order of starts where a free slot takes the ready task with the longest chain of tasks behind it.

    Durations are not known beforehand, so a chain's length is its number of tasks; ties go by id.
    """
    behind: dict[int, list[int]] = {timed.id: [] for timed in graph}
    missing = {timed.id: len(timed.dependencies) for timed in graph}
    work = {timed.id: timed.work for timed in graph}
    for timed in graph:
        for before in timed.dependencies:
            behind[before].append(timed.id)
    rank: dict[int, int] = {}
    for timed in reversed(graph):
        rank[timed.id] = 1 + max((rank[after] for after in behind[timed.id]), default=0)
    ready = [(-rank[number], number) for number, count in missing.items() if count == 0]
    heapq.heapify(ready)
    running: list[tuple[int, int]] = []
    now, order = 0, []
    while ready or running:
        while ready and len(running) < slots:
            number = heapq.heappop(ready)[1]
            order.append(number)
            heapq.heappush(running, (now + work[number], number))
        now = running[0][0]
        while running and running[0][0] == now:
            for after in behind[heapq.heappop(running)[1]]:
                missing[after] -= 1
                if missing[after] == 0:
                    heapq.heappush(ready, (-rank[after], after))
    return now, order


def level_by_level(graph: Graph, slots: int = SLOTS) -> int:
    """Makespan of batches: what depends on nothing, then what depends on the first batch alone, and so on."""
    level: dict[int, int] = {}
    for timed in graph:
        level[timed.id] = 1 + max((level[before] for before in timed.dependencies), default=0)
    batches = [[timed for timed in graph if level[timed.id] == at] for at in range(1, max(level.values()) + 1)]
    return sum(strictly_ordered([Timed(timed.id, (), timed.seconds) for timed in batch], slots) for batch in batches)


def strictly_ordered(graph: Graph, slots: int = SLOTS) -> int:
    """Makespan where tasks start in the order of the backlog and none overtakes another."""
    ends: dict[int, int] = {}
    running: list[int] = []
    now = 0
    for timed in graph:
        now = max([now, *(ends[before] for before in timed.dependencies)])
        if len(running) == slots:
            now = max(now, heapq.heappop(running))
        ends[timed.id] = now + timed.work
        heapq.heappush(running, ends[timed.id])
    return max(ends.values())


@dataclass(frozen=True)
class Played:
    """What a play of a graph took on the virtual clock, and what it started, in order: (task, role)."""

    makespan: int
    ratio: float
    starts: list[tuple[int, str]]


def played(directory: Path, graph: Graph, slots: int = SLOTS, **options: Any) -> Played:
    """Play `graph` from backlog to merge with the rendered chart."""
    seconds = {(role, timed.id): float(timed.seconds[at]) for timed in graph for at, role in enumerate(ROLES)}
    agents = Agents(seconds=lambda role, number: seconds[role, number])
    backlog = [task(timed.id, *timed.dependencies) for timed in graph]
    made = world(directory / "state", agents, source=project(directory, backlog), parallelism=slots, **options)
    summary = made.play()
    assert {result.state for result in summary.tasks} == {"merged"}, summary
    starts = [(int(line.split()[1]), line.split()[2]) for line in made.starts()]
    assert sorted(starts) == sorted((number, role) for role, number in seconds), "each run starts once"
    made.sandbox.close()
    return Played(summary.seconds, summary.seconds / bound(graph, slots), starts)
