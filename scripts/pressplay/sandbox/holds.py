"""While the model's server takes no calls: agents wait for it, and begin again as the same attempt.

A usage limit names its end, mostly; where nothing names one, the wait doubles each time. The state is in a file beside
the runs' folders, so that it outlives a kill, and all runs share it: they call the same server.
"""

from __future__ import annotations

import json
import threading
from pathlib import Path

from pressplay.clock import Clock, rfc3339
from pressplay.domain.outcomes import Failure

FIRST_SECONDS, LONGEST_SECONDS = 60.0, 1_800.0
"""Of a wait whose end nobody names."""
_SLACK = 2.0
"""Seconds after the named end: clocks differ."""
_FILE = "held.json"


class Holds:
    """Until when no agent is started, and why."""

    def __init__(self, directory: Path, clock: Clock) -> None:
        """`directory` holds the runs' folders."""
        self._file, self._clock = directory / _FILE, clock
        self._lock = threading.Lock()

    def begin(self, failure: Failure) -> float:
        """Start no agent for a while, after this failure of one; until when (Unix seconds)."""
        with self._lock:
            until, times, _why = self._read()
            now = self._clock.now()
            if until > now:
                # Another agent's that met the same limit.
                return until
            until = now + min(LONGEST_SECONDS, FIRST_SECONDS * 2**times)
            if failure.until is not None and failure.until > now:
                until = failure.until + _SLACK
            self._write(until, times + 1, f"{failure.line}; goes on at {rfc3339(until)}")
            return until

    def end(self) -> None:
        """A run ended otherwise: the next wait begins with its shortest."""
        with self._lock:
            if self._file.exists() and self._read()[0] <= self._clock.now():
                self._file.unlink()

    def until(self) -> float:
        """Until when no agent is started (Unix seconds); 0 where they are."""
        until = self._read()[0]
        return until if until > self._clock.now() else 0.0

    def why(self) -> str:
        """Why, and until when, for people."""
        return self._read()[2]

    def _read(self) -> tuple[float, int, str]:
        try:
            kept = json.loads(self._file.read_text())
            return float(kept["until"]), int(kept["times"]), str(kept["why"])
        except (OSError, ValueError, KeyError, TypeError):
            return 0.0, 0, ""

    def _write(self, until: float, times: int, why: str) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        part = self._file.with_suffix(".part")
        part.write_text(json.dumps({"until": until, "times": times, "why": why}))
        part.replace(self._file)
