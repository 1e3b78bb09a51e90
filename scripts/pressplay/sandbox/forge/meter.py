"""How many requests each token made this hour, and how many it may make."""

from __future__ import annotations

import threading

RATE_LIMIT = 15_000
"""Requests an hour, as GitHub grants a large installation; counted always, enforced where `Meter.enforce` is set."""
RESOURCES = ("core", "graphql")


class Meter:
    """Counts by token, resource and hour, for as long as this process lives."""

    def __init__(self) -> None:
        self.enforce: int | None = None
        """So many requests an hour of each resource; None counts only."""
        self._counts: dict[tuple[str, str, int], int] = {}
        self._lock = threading.Lock()

    def add(self, key: str, resource: str, now: float, number: int) -> int:
        """Add `number` calls (negative: take them back); how many there were this hour."""
        hour = int(now // 3600)
        with self._lock:
            used = self._counts[key, resource, hour] = self._counts.get((key, resource, hour), 0) + number
            if len(self._counts) > 10_000:
                self._counts = {of: count for of, count in self._counts.items() if of[2] == hour}
        return used

    @property
    def limit(self) -> int:
        """How many are allowed an hour."""
        return self.enforce or RATE_LIMIT

    def headers(self, resource: str, now: float, used: int) -> dict[str, str]:
        """What each answer says of the limit."""
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(max(self.limit - used, 0)),
            "X-RateLimit-Used": str(used),
            "X-RateLimit-Reset": str((int(now // 3600) + 1) * 3600),
            "X-RateLimit-Resource": resource,
        }
