"""How often somebody may ask: a bucket of tokens for each, in this process's memory (R4)."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable

MOST = 1000
"""Callers that are remembered; who was not here for the longest time is forgotten, and begins with a full bucket."""


class Buckets:
    """A bucket for each key: `burst` tokens at most, `per_minute` new ones. Safe to share between threads."""

    def __init__(self, per_minute: float, burst: int, now: Callable[[], float]) -> None:
        """`now` returns the time in seconds."""
        self._rate, self._burst, self._now = per_minute / 60, burst, now
        self._held: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, key: str) -> int:
        """Take a token: 0, or if there is none, the seconds until there is one."""
        with self._lock:
            left = self._left(key)
            enough = left >= 1
            self._held[key] = (left - 1 if enough else left, self._now())
            self._held.move_to_end(key)
            if len(self._held) > MOST:
                self._held.popitem(last=False)
            return 0 if enough else max(1, math.ceil((1 - left) / self._rate))

    def empty(self, key: str) -> int:
        """As `take`, but nothing is taken."""
        with self._lock:
            left = self._left(key)
            return 0 if left >= 1 else max(1, math.ceil((1 - left) / self._rate))

    def _left(self, key: str) -> float:
        left, at = self._held.get(key, (float(self._burst), self._now()))
        return min(float(self._burst), left + (self._now() - at) * self._rate)
