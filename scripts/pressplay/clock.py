"""The one clock. Everything that asks for the time or waits is handed a `Clock`, so that tests can own time."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time, in seconds since the epoch, and lets a caller wait for a moment."""

    virtual: bool
    """True where time passes only when somebody waits: steps then run in-process, agents have declared durations."""

    def now(self) -> float:
        """Seconds since the epoch."""
        ...

    def sleep(self, seconds: float) -> None:
        """Return once `seconds` have passed on this clock."""
        ...


class SystemClock:
    """Real time."""

    virtual = False

    def now(self) -> float:
        """Seconds since the epoch, by the system's clock."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Sleep for real."""
        time.sleep(max(0.0, seconds))


class VirtualClock:
    """Time that advances only when somebody sleeps: a day of waiting costs nothing, and a run repeats exactly."""

    virtual = True

    def __init__(self, start: float = 1_767_225_600.0) -> None:
        """Start at `start` seconds since the epoch (by default 2026-01-01T00:00:00Z)."""
        self._now = start

    def now(self) -> float:
        """Seconds since the epoch, as far as this clock has been advanced."""
        return self._now

    def sleep(self, seconds: float) -> None:
        """Advance by `seconds` at once."""
        self._now += max(0.0, seconds)


def rfc3339(seconds: float) -> str:
    """`seconds` since the epoch as Kubernetes and GitHub write a time: `2026-01-01T00:00:00Z` (RFC 3339, UTC)."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_rfc3339(text: str) -> float:
    """Seconds since the epoch of a time written by `rfc3339` or by Kubernetes; ValueError for anything else."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
