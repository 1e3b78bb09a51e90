"""Graceful shutdown of a play before it is done: on Ctrl-C, on SIGTERM, on a fault.

A thread of its own ends the process, whatever the other threads wait for. It takes the database's write lock, so that
no part records the shutdown as a failure; then it ends agents, gates' commands and deployments with their descendants,
and says what was under way. Every part of the sandbox survives a kill anyway (R3). Beyond that, a shutdown leaves
nothing running, and what it stopped starts again as the same attempt.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from pressplay.sandbox.world import Sandbox

GRACE = 1.5
"""Seconds that agents have from SIGTERM to SIGKILL."""
_LOCK_SECONDS = 0.5
_IDLE_SECONDS = 1.0
_NAMES = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}


class Shutdown:
    """Inside its `with` block, SIGINT and SIGTERM end this process; a second signal allows no grace."""

    def __init__(self, say: Callable[[str], None], how_to_go_on: str) -> None:
        """`say` takes a line for people; `how_to_go_on` is the command for it."""
        self._say, self._how_to_go_on = say, how_to_go_on
        self._directory: Path | None = None
        self._sandbox: Sandbox | None = None
        self._begun = threading.Lock()
        self.requested, self._idle = threading.Event(), threading.Event()
        self._waits_for_idle = False
        self._read_end = self._write_end = -1

    def covers(self, directory: Path) -> None:
        """From now on there may be something to end in `directory`."""
        self._directory = directory

    def plays(self, sandbox: Sandbox) -> None:
        """From now on there is something to report."""
        self._sandbox = sandbox

    def serves(self) -> None:
        """From now on a first signal only sets `requested`: the caller looks at it and calls `idle` when it can end."""
        self._waits_for_idle = True

    def idle(self) -> None:
        """Nothing is under way: the caller ends the process itself."""
        self._idle.set()

    # -- signals -------------------------------------------------------------------------------------------------------

    def __enter__(self) -> Shutdown:
        self._read_end, self._write_end = os.pipe()
        os.set_blocking(self._write_end, False)
        # The handlers do nothing: Python's own C handler writes the signal's number to the pipe at once.
        self._before = {number: signal.signal(number, lambda *_: None) for number in _NAMES}
        self._wakeup = signal.set_wakeup_fd(self._write_end, warn_on_full_buffer=False)
        threading.Thread(target=self._listen, name="shutdown", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.set_wakeup_fd(self._wakeup)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self._write_end)

    def _listen(self) -> None:
        first = True
        while received := os.read(self._read_end, 1):
            if received[0] not in _NAMES:
                continue
            if first:
                threading.Thread(target=self._end, args=(received[0],), name="ends-process", daemon=True).start()
            else:
                self._stop_all(0.0)
                _leave(128 + received[0])
            first = False

    def _end(self, number: int) -> None:
        if self._waits_for_idle:
            self.requested.set()
            if self._idle.wait(_IDLE_SECONDS):
                return
        self.now(f"Stopped by {_NAMES[signal.Signals(number)]}.", 128 + number)

    # -- the end -------------------------------------------------------------------------------------------------------

    def now(self, why: str, status: int, *, fault: bool = False) -> NoReturn:
        """End this process with `status`, and all that it started; `why` is the first line of the report.

        After a fault, the rest of the report appears only where something was stopped.
        """
        if not self._begun.acquire(blocking=False):
            # Another thread ends the process already.
            threading.Event().wait()
        lines: list[str] = []
        if self._sandbox is not None:
            with contextlib.suppress(Exception):
                self._sandbox.cluster.hold(_LOCK_SECONDS)
            with contextlib.suppress(Exception):
                lines = self._under_way(self._sandbox)
        ended = self._stop_all(GRACE)
        with contextlib.suppress(Exception):
            self._report(why, lines, ended, fault=fault)
        _leave(status)

    def _stop_all(self, grace: float) -> list[Path]:
        """End whatever runs for this folder, an earlier process' agents too, and record the time."""
        from pressplay.sandbox import detached, keeper, stops

        if self._directory is None:
            return []
        where = self._directory.resolve()
        folders = [path for pattern in ("runs/*", "gates/*", "deployments/*/*") for path in where.glob(pattern)]
        ended = detached.stop(folders, grace)
        if self._sandbox is not None or ended:
            with contextlib.suppress(OSError):
                stops.begin(self._directory)
        # Our own short-lived children, git for example, end themselves on SIGTERM.
        keeper.send_signal(keeper.descendants({os.getpid()}), signal.SIGTERM)
        return ended

    def _under_way(self, sandbox: Sandbox) -> list[str]:
        """A line for each agent at work."""
        from pressplay.sandbox.progress import does
        from pressplay.sandbox.runner import RUN_KINDS

        runs = [run for kind in RUN_KINDS for run in sandbox.cluster.list(kind, "")]
        working = [run for run in runs if (run.get("status") or {}).get("phase") == "Running"]
        logs = Path(os.path.relpath(sandbox.options.directory)) / "runs"
        return sorted(f"  {does(run)}: {logs / run['metadata']['name'] / 'log'}" for run in working)

    def _report(self, why: str, lines: list[str], ended: list[Path], *, fault: bool) -> None:
        self._say(why if fault else f"\n{why}")
        if fault and not ended:
            return
        if lines:
            self._say("These agents were at work (with their logs):")
            for line in lines:
                self._say(line)
            self._say("They were stopped; each starts again, as the same attempt. Work that was not handed over")
            self._say("is then in tree.stopped beside the log.")
        elif self._directory is not None:
            self._say("No agent was at work.")
        others = [f"{len(folders)} {what}" for what, folders in _others(ended) if folders]
        if others:
            self._say(f"Also stopped: {', '.join(others)}.")
        if self._directory is not None:
            self._say(f"To resume:  {self._how_to_go_on}")


def _others(ended: list[Path]) -> list[tuple[str, list[Path]]]:
    gates = [path for path in ended if path.parent.name == "gates"]
    deployments = [path for path in ended if path.parent.parent.name == "deployments"]
    return [("of the gates' commands", gates), ("deployments", deployments)]


def _leave(status: int) -> NoReturn:
    """Without waiting for any thread."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
    os._exit(status)
