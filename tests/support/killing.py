"""A process that dies by a real SIGKILL right after one of its commits, in a child of the test's."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from sample import AGAIN, sample

End = TypeVar("End")

FULL = os.environ.get("PRESSPLAY_KILL") == "full"
"""`make kill`: two tasks and a send-back, killed at every commit point; otherwise one task, at a share (`sample`)."""
BORN = 1_767_225_600.0


class Murder:
    """Counts commits and kills this process right after the one with the given number (0: never)."""

    def __init__(self, at: int) -> None:
        self.at, self.count = at, 0

    def __call__(self) -> None:
        self.count += 1
        if self.count == self.at:
            os.kill(os.getpid(), signal.SIGKILL)


def last_moment(state: Path) -> float:
    """Time does not run backwards over a kill: each life notes the moment it has reached."""
    note = state / "moment"
    return float(note.read_text()) if note.exists() else BORN


def note_moment(state: Path, now: float) -> None:
    (state / "moment.half").write_text(str(now))
    (state / "moment.half").replace(state / "moment")


def in_a_child(work: Callable[[], None]) -> int:
    """Do it in a forked process; the signal that killed it, 0 for a good end."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "the life ended by a fault of its own"
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


def same_end(
    start: Path,
    folder: Path,
    life: Callable[[Path, Murder], None],
    end: Callable[[Path], End],
    *,
    step: int = 1,
    spared: Callable[[int], int] = lambda _kills: 1,
) -> End:
    """The end of a life in a copy of the state `start`; a kill after a share of its commits must lead to the same.

    `spared`: how many of so many kills may come too late. A gate's process is a real one, so that a life may have some
    commits less than the one that was counted.
    """

    def copied(name: str) -> Path:
        return Path(shutil.copytree(start, folder / name / "state"))

    def counted(state: Path) -> None:
        murder = Murder(0)
        life(state, murder)
        (state / "commits").write_text(str(murder.count))

    state = copied("unharmed")
    assert in_a_child(lambda: counted(state)) == 0
    expected = end(state)
    commits, kills = int((state / "commits").read_text()), list[int]()
    for at in sample(range(1, commits + 1, step), whole=FULL):
        state = copied(f"killed-{at}")
        kills.append(in_a_child(lambda at=at, state=state: life(state, Murder(at))))
        assert in_a_child(lambda state=state: life(state, Murder(0))) == 0
        assert end(state) == expected, f"killed after commit {at} of {commits}; {AGAIN}"
        shutil.rmtree(state.parent)
    assert kills.count(signal.SIGKILL) >= len(kills) - spared(len(kills))
    return expected
