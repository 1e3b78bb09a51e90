"""A process that dies by a real SIGKILL right after one of its commits, in a child of the test's."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

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
