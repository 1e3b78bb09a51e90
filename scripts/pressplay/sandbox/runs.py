"""The agents' runs under way: each in a thread or, under virtual time, started now and finished when it ends."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from pressplay.clock import Clock
from pressplay.errors import TryAgain
from pressplay.sandbox.runner import Runner

_POLL = 0.02
_RETRY_SECONDS = 30.0
"""After which, under virtual time, a run that met a passing fault is tried again."""
_AT_ONCE = 32


class Runs:
    """Starts the CodeRuns and DocsRuns of the cluster, and sees to their ends."""

    def __init__(self, runner: Runner, clock: Clock, wake: threading.Event, say: Callable[[str], None]) -> None:
        """`wake` is set when a run ends in its thread; `say` takes a line for the log."""
        self._runner, self._clock, self._wake, self._say = runner, clock, wake, say
        self._pool = None if clock.virtual else ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="run")
        self._running: set[str] = set()
        self._ends: dict[str, float] = {}

    @property
    def busy(self) -> bool:
        """Whether a run is under way."""
        return bool(self._running or self._ends)

    def next_end(self) -> float | None:
        """When the next run ends under virtual time, in seconds since the epoch; None where none does."""
        return min(self._ends.values(), default=None)

    def sync(self, name: str) -> bool:
        """Start the run if it has not started, stop it if it is gone from the cluster; True if it was started."""
        if name in self._running:
            if self._runner.find(name) is None:
                self._runner.finish(name)
            return False
        if self._pool is not None:
            self._running.add(name)
            self._pool.submit(self._run_in_thread, name)
            return True
        return self._start(name)

    def finish_due(self) -> bool:
        """Under virtual time: finish the runs that end now; whether there were any."""
        due = [name for name, end in self._ends.items() if end <= self._clock.now()]
        for name in due:
            if name not in self._running:
                self._start(name)
                continue
            try:
                finished = self._runner.finish(name)
            except TryAgain:
                self._ends[name] = self._clock.now() + _RETRY_SECONDS
                continue
            if finished:
                del self._ends[name]
                self._running.discard(name)
            else:
                # It waits for the model's server, or was started again.
                self._ends[name] = self._runner.ends_at(name) or self._clock.now() + _RETRY_SECONDS
        return bool(due)

    def close(self) -> None:
        """Wait for no run: agents under way go on, and the next process takes them up."""
        self._runner.closed.set()
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def _start(self, name: str) -> bool:
        try:
            started = self._runner.start(name)
        except TryAgain:
            self._ends[name] = self._clock.now() + _RETRY_SECONDS
            return True
        self._ends.pop(name, None)
        if started:
            self._running.add(name)
            self._ends[name] = self._runner.ends_at(name) or self._clock.now()
        return started

    def _run_in_thread(self, name: str) -> None:
        try:
            self._runner.carry_out(name, _POLL, self._say)
        finally:
            self._running.discard(name)
            self._wake.set()
