"""Schedules of merges, queue entries, pushes to the base and lost events: all is merged, nothing twice (R1, R2, R3)."""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

import pytest
from harness import REPO, Agents, World, git, project, task, world
from lint_gate import Gate
from merge_queues import Queue, rule
from people import person
from sample import AGAIN, sample
from wild import Wild, quiet

from pressplay.domain.entries import Retest
from pressplay.sandbox.summary import summarize

SCHEDULES = 200
FULL = os.environ.get("PRESSPLAY_FAULTS") == "full"
GROUPS = 20 if FULL else 2
"""Schedules run in groups, which workers of pytest share."""
TASKS = 3
MOST_PUSHES = 5


class Maintainer:
    """A person who merges what is ready, or enters it into the queue, when the schedule says so."""

    def __init__(self, made: World, *, queued: bool) -> None:
        self.made, self.queue = made, None
        if queued:
            made.sandbox.forge.create_ruleset(REPO, "queue", rules=[rule()])
            self.queue = Queue(person(made), made.sandbox.settings.github.api_url, REPO)

    def act(self) -> None:
        if self.queue is None:
            self.made.sandbox._maintainers[0].merge_next()
            return
        for pull in person(self.made).get("pulls", params={"state": "open"}).json():
            # What is not ready yet, or is in it already, is refused.
            self.queue.enter(pull["number"])


def lived_through(folder: Path, seed: int) -> None:
    dice = random.Random(seed)
    source = project(folder, [task(1), task(2), task(3, 1)])
    linted = {"lint": {"enabled": True, "commands": ["test -e README.md"]}}
    made = world(folder / "state", Agents(), source=source, merge=False, settings={"defaults": linted})
    people = Maintainer(made, queued=seed % 2 == 1)
    made.sandbox.network = Wild(made, seed)
    clock, gate = made.sandbox.clock, Gate(made)
    began = clock.now()
    made.sandbox.press()
    pushes = 0
    for at in sorted(dice.uniform(60, 900) for _ in range(dice.randint(4, 8))):
        made.sandbox.run(lambda at=at: clock.now() >= began + at)
        if pushes < MOST_PUSHES and dice.random() < 0.5:
            pushes += 1
            # The first task's own file: a conflict, which Rex resolves.
            own = pushes == 1 and dice.random() < 0.5
            gate.base({"task_2_implement_1.txt" if own else f"other_{pushes}.txt": b"theirs\n"})
        else:
            people.act()
    for _ in range(4 * TASKS):
        quiet(made)
        if {row.state for row in summarize(made.sandbox).tasks} == {"merged"}:
            break
        people.act()
    check(made, seed, pushes)
    made.sandbox.close()


def check(made: World, seed: int, pushes: int) -> None:
    again = f"schedule {seed}; {AGAIN}"
    ends = {str(row.id): (row.state, row.reason) for row in summarize(made.sandbox).tasks}
    assert {state for state, _ in ends.values()} == {"merged"}, f"{again}: {ends}"
    starts = [line.split()[0] for line in made.starts()]
    assert len(starts) == len(set(starts)), f"{again}: {starts}"
    files = git(made.sandbox.forge.git_path(REPO), "ls-tree", "-r", "--name-only", "main").splitlines()
    assert {f"task_{number}_implement_1.txt" for number in range(1, TASKS + 1)} <= set(files), again
    left: list[Any] = made.sandbox.cluster.list("PersistentVolumeClaim", "")
    assert left == [], again
    judged = [entry for kept in made.sandbox.context.ledger(REPO).kept("pr") for entry in kept.entries.all(Retest)]
    # Each move of the base costs each pull request one judgement at most.
    assert sum(entry.runs for entry in judged) <= TASKS * (pushes + TASKS), again


@pytest.mark.rule("R2")
@pytest.mark.rule("R3")
@pytest.mark.parametrize("group", range(GROUPS))
def test_merges_queues_and_a_moving_base_lose_nothing_whatever_becomes_of_events(group, tmp_path):
    step = GROUPS if FULL else 5 * GROUPS
    for seed in sample(range(group, SCHEDULES, step), whole=FULL):
        folder = tmp_path / str(seed)
        folder.mkdir()
        lived_through(folder, seed)
