"""Killed at commit points while a stack is built and lands, then taken up again: the same end (R1, R3)."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path

import pytest
from harness import KEYS, World, world
from killing import FULL, Murder, in_a_child, last_moment, note_moment
from sample import AGAIN, sample
from stacks import Chain, builds, chain, takes_the_base_in
from team import Team

from pressplay.clock import VirtualClock
from pressplay.sandbox.forge import accounts
from pressplay.sandbox.summary import summarize

STRIDE = 1 if FULL else 27
End = tuple[list[str], list[tuple[int, str]]]


def opened(state: Path, murder: Murder) -> World:
    team = Team(does={"implement": builds, "conflict": takes_the_base_in})
    settings = {"defaults": {"release": "approved"}}
    return world(state, team, VirtualClock(last_moment(state)), murder, settings=settings, merge=False)


def life(state: Path, murder: Murder) -> End:
    """Two tasks, the second begun on the first; then a person merges both by squash, the first one first. Or die."""
    made = opened(state, murder)
    flow, sandbox = Chain(made, Team()), made.sandbox

    def note() -> None:
        note_moment(state, sandbox.clock.now())

    sandbox.run(sandbox.only_people_are_waited_for, note)
    for number in (1, 2):
        if flow.pull(number).state == "open":
            assert flow.on(2).pr == 1
            assert flow.merge(number, "squash") == 200
        sandbox.run(sandbox.only_people_are_waited_for, note)
    starts = made.starts()
    assert len({line.split()[0] for line in starts}) == len(starts), f"a run was started twice: {starts}"
    states = [result.state for result in summarize(sandbox).tasks]
    runs = sorted(flow.runs())
    sandbox.close()
    return states, runs


@pytest.fixture(scope="module")
def pressed(tmp_path_factory) -> tuple[Path, int, End]:
    """A play that was pressed; the commits that a life makes from there, and its end."""
    folder = tmp_path_factory.mktemp("pressed")
    for _ in range(KEYS):
        accounts.new_key()
    counted = folder / "count"

    def prepare() -> None:
        made = chain(folder).made
        note_moment(folder / "state", made.sandbox.clock.now())
        made.sandbox.close()

    def count() -> None:
        murder = Murder(0)
        end = life(folder / "copy", murder)
        assert end[0] == ["merged", "merged"], end
        assert end[1].count((2, "conflict")) == 1, end
        counted.write_text(json.dumps([murder.count, end[0], end[1]]))

    assert in_a_child(prepare) == 0
    shutil.copytree(folder / "state", folder / "copy", symlinks=True)
    assert in_a_child(count) == 0
    commits, states, runs = json.loads(counted.read_text())
    return folder / "state", commits, (states, [(task, role) for task, role in runs])


@pytest.mark.rule("R3")
@pytest.mark.rule("R1")
@pytest.mark.parametrize("share", range(2))
def test_killed_while_a_stack_is_built_and_lands_both_tasks_land(share, pressed, tmp_path):
    state, commits, end = pressed
    assert commits > 100
    for at in sample(range(1 + share, commits, 2), whole=FULL):
        if (at // 2) % STRIDE:
            continue
        copy = tmp_path / f"state-{at}"
        shutil.copytree(state, copy, symlinks=True)

        def resumed(copy: Path = copy, at: int = at) -> None:
            assert life(copy, Murder(0)) == end, f"killed at {at}; {AGAIN}"

        assert in_a_child(lambda copy=copy, at=at: life(copy, Murder(at))) == signal.SIGKILL
        assert in_a_child(resumed) == 0, f"killed at {at}; {AGAIN}"
        shutil.rmtree(copy)
