"""Killed at commit points while a conflict is resolved, then taken up again: the same end, no run twice (R1, R3)."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

import pytest
from conflicts import Writers, conflicting
from harness import KEYS, REPO, git, world
from killing import FULL, Murder, in_a_child, last_moment, note_moment
from sample import AGAIN, sample

from pressplay.clock import VirtualClock
from pressplay.sandbox.forge import accounts
from pressplay.sandbox.summary import summarize

STRIDE = 1 if FULL else 9
End = tuple[list[str], int, str]


def life(state: Path, murder: Murder) -> End:
    """Merge what is ready, have the conflict resolved, merge that too; or die."""
    clock = VirtualClock(last_moment(state))
    made = world(state, Writers(), clock, murder)
    made.sandbox.merge_what_is_ready()
    made.sandbox.run(made.sandbox.only_people_are_waited_for, lambda: note_moment(state, clock.now()))
    starts = made.starts()
    assert len({line.split()[0] for line in starts}) == len(starts), f"a run was started twice: {starts}"
    text = git(made.sandbox.forge.git_path(REPO), "show", "main:CHANGES.md")
    states = [result.state for result in summarize(made.sandbox).tasks]
    made.sandbox.close()
    return states, sum(line.split()[2] == "conflict" for line in starts), text


@pytest.fixture(scope="module")
def approved(tmp_path_factory) -> tuple[Path, int]:
    """Two approved pull requests that conflict once one is merged; the commits that a life makes from there."""
    folder = tmp_path_factory.mktemp("approved")
    for _ in range(KEYS):
        accounts.new_key()
    counted = folder / "count"

    def prepare() -> None:
        made = conflicting(folder).made
        note_moment(folder / "state", made.sandbox.clock.now())
        made.sandbox.close()

    def count() -> None:
        murder = Murder(0)
        states, conflicts, text = life(folder / "copy", murder)
        assert (states, conflicts) == (["merged", "merged"], 1), text
        counted.write_text(str(murder.count))

    assert in_a_child(prepare) == 0
    shutil.copytree(folder / "state", folder / "copy", symlinks=True)
    assert in_a_child(count) == 0
    return folder / "state", int(counted.read_text())


@pytest.mark.rule("R3")
@pytest.mark.rule("R1")
@pytest.mark.parametrize("share", range(2))
def test_killed_while_a_conflict_is_resolved_both_tasks_land(share, approved, tmp_path):
    state, commits = approved
    assert commits > 50
    for at in sample(range(1 + share, commits, 2), whole=FULL):
        if (at // 2) % STRIDE:
            continue
        copy = tmp_path / f"state-{at}"
        shutil.copytree(state, copy, symlinks=True)

        def resumed(copy: Path = copy, at: int = at) -> None:
            states, conflicts, text = life(copy, Murder(0))
            assert (states, conflicts) == (["merged", "merged"], 1), f"killed at {at}; {AGAIN}: {text}"

        assert in_a_child(lambda copy=copy, at=at: life(copy, Murder(at))) == signal.SIGKILL
        assert in_a_child(resumed) == 0, f"killed at {at}; {AGAIN}"
        shutil.rmtree(copy)
