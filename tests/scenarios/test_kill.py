"""Killed at commit points in turn, then taken up again: the same end, and no run started twice (R1, R3).

The play is forked off this process, so that a life costs milliseconds; it dies by a real SIGKILL right after the
commit in question. The agents' own log is a file outside the database.
"""

from __future__ import annotations

import functools
import shutil
import signal
from pathlib import Path

import pytest
from harness import KEYS, Agents, World, git, project, task, world
from killing import FULL, Murder, in_a_child, last_moment, note_moment
from sample import AGAIN, sample

from pressplay.clock import VirtualClock
from pressplay.sandbox.forge import accounts

TASKS = [task(1), task(2, 1)] if FULL else [task(1)]


def life(state: Path, source: Path, murder: Murder) -> World:
    """One process' life: set up or take up, press unless it was pressed, go on to the end."""
    clock = VirtualClock(last_moment(state))
    made = world(state, _agents(), clock, murder, source)
    if not made.sandbox.cluster.list("Workflow", "press-play", {"press-play/flow": "press-play"}):
        made.sandbox.press()
    made.sandbox.run(made.sandbox.only_people_are_waited_for, lambda: note_moment(state, clock.now()))
    return made


def _agents() -> Agents:
    return Agents(wants_changes={1: 1} if FULL else {})


def end(state: Path, source: Path) -> tuple:
    """What a play comes to: the tasks merged, what is in the branch, the runs of the agents' log, the reviews."""
    made = world(state, _agents(), VirtualClock(last_moment(state)), source=source)
    from pressplay.sandbox.summary import summarize

    summary = summarize(made.sandbox)
    gh = made.sandbox.context.harness("acme/shop", pull_requests="read", checks="read")
    pulls = gh.request("GET", "/repos/acme/shop/pulls?state=all").json()
    reviews = [
        sorted(r["state"] for r in gh.request("GET", f"/repos/acme/shop/pulls/{p['number']}/reviews").json())
        for p in pulls
    ]
    starts = made.starts()
    assert len({line.split()[0] for line in starts}) == len(starts), f"a run was started twice: {starts}"
    files = git(made.sandbox.forge.git_path("acme/shop"), "ls-tree", "-r", "--name-only", "main")
    made.sandbox.close()
    return (
        [(r.id, r.state) for r in summary.tasks],
        files,
        sorted(line.split()[1:3] for line in starts),
        len(pulls),
        reviews,
    )


@pytest.fixture(scope="module")
def unharmed(tmp_path_factory) -> tuple[Path, int, tuple]:
    """The same play without a kill: its source, how many commits it makes, and its end."""
    directory = tmp_path_factory.mktemp("unharmed")
    for _ in range(KEYS):
        accounts.new_key()  # in the parent, so that every life has them
    source = project(directory, TASKS)
    counted = directory / "count"

    def work() -> None:
        murder = Murder(0)
        life(directory / "state", source, murder)
        counted.write_text(str(murder.count))

    assert in_a_child(work) == 0
    return source, int(counted.read_text()), end(directory / "state", source)


def killed_at(at: int, directory: Path, source: Path) -> tuple:
    state = directory / f"state-{at}"
    assert in_a_child(lambda: life(state, source, Murder(at))) == signal.SIGKILL
    assert in_a_child(lambda: life(state, source, Murder(0))) == 0
    result = end(state, source)
    shutil.rmtree(state)
    return result


SHARES = 8
"""The commit points are shared out to this many tests, so that two cores work at them."""


@pytest.mark.rule("R3")
@pytest.mark.rule("R1")
@pytest.mark.parametrize("share", range(SHARES))
def test_killed_at_commit_points_in_turn_the_play_comes_to_the_same_end(share, unharmed, tmp_path):
    source, commits, expected = unharmed
    for at in sample(range(1 + share, commits + 1, SHARES), whole=FULL):
        assert killed_at(at, tmp_path, source) == expected, f"killed after commit {at} of {commits}; {AGAIN}"


@pytest.mark.rule("R3")
def test_killed_again_and_again_after_every_few_commits_the_play_still_comes_to_its_end(unharmed, tmp_path):
    source, _commits, expected = unharmed
    for lives in range(400):
        murder = Murder(7 + lives % 5)
        if in_a_child(functools.partial(life, tmp_path / "state", source, murder)) != signal.SIGKILL:
            break
    assert 10 < lives < 399, "no progress"
    assert end(tmp_path / "state", source) == expected
