"""Killed at commit points, or faulted at calls, while a queue merges: the same end (R3)."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

import pytest
from harness import KEYS, REPO, World, git, project, task, world
from killing import FULL, Murder, in_a_child, last_moment, note_moment
from merge_queues import Queue, rule
from people import person
from sample import AGAIN, sample

from pressplay.clock import VirtualClock
from pressplay.sandbox.forge import accounts
from pressplay.sandbox.forge.http import Fault
from pressplay.sandbox.summary import summarize

SHARES = 4


def entered(state: Path, source: Path) -> None:
    """A play of two tasks that are approved, both of which a person enters into the queue."""
    made = world(state, clock=VirtualClock(last_moment(state)), source=source, merge=False)
    made.play()
    made.sandbox.forge.create_ruleset(REPO, "queue", rules=[rule()])
    queue = Queue(person(made), made.sandbox.settings.github.api_url, REPO)
    assert "errors" not in queue.enter(1)
    assert "errors" not in queue.enter(2)
    note_moment(state, made.sandbox.clock.now())
    made.sandbox.close()


def life(state: Path, murder: Murder) -> World:
    clock = VirtualClock(last_moment(state))
    made = world(state, clock=clock, on_commit=murder, merge=False)
    made.sandbox.run(made.sandbox.only_people_are_waited_for, lambda: note_moment(state, clock.now()))
    return made


def end(state: Path) -> tuple[list[tuple[str, str]], str, list[str]]:
    made = world(state, clock=VirtualClock(last_moment(state)), merge=False)
    tasks = [(result.id, result.state) for result in summarize(made.sandbox).tasks]
    reasons = [event.payload.get("reason") for event in made.sandbox.forge.events() if event.name == "merge_group"]
    files = git(made.sandbox.forge.git_path(REPO), "ls-tree", "-r", "--name-only", "main")
    made.sandbox.close()
    return tasks, files, sorted(filter(None, reasons))


@pytest.fixture(scope="module")
def unharmed(tmp_path_factory) -> tuple[Path, int, tuple[object, ...]]:
    """The state from which the lives begin, how many commits they make, and their end."""
    directory = tmp_path_factory.mktemp("queue")
    for _ in range(KEYS):
        accounts.new_key()
    source, begun, counted = project(directory, [task(1), task(2)]), directory / "begun", directory / "count"
    assert in_a_child(lambda: entered(begun, source)) == 0
    shutil.copytree(begun, directory / "state")

    def work() -> None:
        murder = Murder(0)
        life(directory / "state", murder)
        counted.write_text(str(murder.count))

    assert in_a_child(work) == 0
    return begun, int(counted.read_text()), end(directory / "state")


@pytest.mark.rule("R3")
def test_the_queue_merges_both(unharmed):
    tasks, _, reasons = unharmed[2]
    assert tasks == [("1", "merged"), ("2", "merged")]
    assert reasons == ["merged", "merged"]


@pytest.mark.rule("R3")
@pytest.mark.parametrize("share", range(SHARES))
def test_killed_between_steps_the_queue_comes_to_the_same_end(share, unharmed, tmp_path):
    begun, commits, expected = unharmed
    for at in sample(range(1 + share, commits + 1, SHARES), whole=FULL):
        state = tmp_path / f"state-{at}"
        shutil.copytree(begun, state)
        killed = in_a_child(lambda state=state, at=at: life(state, Murder(at)))
        assert killed in (0, signal.SIGKILL)
        assert in_a_child(lambda state=state: life(state, Murder(0))) == 0
        assert end(state) == expected, f"killed after commit {at} of {commits}; {AGAIN}"
        shutil.rmtree(state)


def faulty(state: Path, skip: int, status: int) -> int:
    """A life in which one call to GitHub, after `skip` others, gets a passing fault; how many calls there were."""
    clock = VirtualClock(last_moment(state))
    made = world(state, clock=clock, merge=False)
    fault = Fault(path="", status=status, skip=skip, times=1)
    made.sandbox.forge.faults.append(fault)
    made.sandbox.run(made.sandbox.only_people_are_waited_for, lambda: note_moment(state, clock.now()))
    made.sandbox.close()
    return skip - fault.skip


MOST_CALLS = 10_000


@pytest.mark.rule("R3")
@pytest.mark.parametrize(("status", "share"), [(502, 0), (502, 1), (403, 2)])
def test_a_fault_at_any_call_leads_to_the_same_end(status, share, unharmed, tmp_path):
    """A 502 may pass, and the step is tried again; a 403 lasts, and `reconcile` starts the flow again."""
    begun, _, expected = unharmed
    shutil.copytree(begun, tmp_path / "counted")
    calls = faulty(tmp_path / "counted", MOST_CALLS, status)
    assert calls > 10
    for at in sample(range(share, calls, 3), whole=FULL):
        state = tmp_path / f"state-{at}"
        shutil.copytree(begun, state)
        faulty(state, at, status)
        assert end(state) == expected, f"{status} at call {at} of {calls}; {AGAIN}"
        shutil.rmtree(state)
