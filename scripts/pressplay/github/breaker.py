"""Rate limits: what GitHub says to who called too often, and the one breaker that keeps everybody to it.

Source: docs.github.com, "Rate limits for the REST API" (Exceeding the rate limit) and "Rate limits and query limits for
the GraphQL API": wait for `retry-after`; else, where `x-ratelimit-remaining` is 0, until `x-ratelimit-reset`; else for
at least a minute, and longer each time. Who goes on calling meanwhile may be banned. RFC 9110, 10.2.3: Retry-After is
seconds or a date.
"""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Protocol

import httpx

from pressplay.clock import Clock, parse_rfc3339, rfc3339
from pressplay.errors import PressPlayError, TryAgain

FIRST_SECONDS = 60
"""How long nobody calls if GitHub names no time; doubled if the limit is reached again right after it ended."""
LONGEST_SECONDS = 65 * 60
"""The longest wait: the hourly limit resets each hour, so a later end means a wrong clock."""
REREAD_SECONDS = 60
"""How old the copy of the shared state may get: a step reads it once, a server again and again."""
_GRAPHQL_TYPES = ("RATE_LIMIT", "RATE_LIMITED")


class RateLimited(TryAgain):
    """GitHub asks not to be called before `until` (Unix seconds)."""

    def __init__(self, message: str, until: float) -> None:
        super().__init__(message)
        self.until = until


class Shared(Protocol):
    """Where the state lies that the breakers of several processes share: a text for each key.

    Both raise PressPlayError if it is out of reach.
    """

    def read(self) -> Mapping[str, str]:
        """All that is there."""
        ...

    def write(self, key: str, text: str) -> None:
        """Replace a key's text."""
        ...


_MAY_LIMIT = (httpx.codes.OK, httpx.codes.FORBIDDEN, httpx.codes.TOO_MANY_REQUESTS)


@dataclass(frozen=True)
class Limit:
    """A limit that was reached, as an answer reports it."""

    primary: bool
    """Whether the hour's calls are used up; otherwise the calls were too fast (a secondary limit)."""
    seconds: float | None
    """How long not to call; None if GitHub names no time."""


def limit_of(response: httpx.Response, now: float) -> Limit | None:
    """The limit that an answer (with its body read) reports; None if it reports none.

    Times are relative to GitHub's clock in the answer's `Date` header, else to `now`.
    """
    if response.status_code not in _MAY_LIMIT or (response.is_success and b'"errors"' not in response.content):
        # Nearly every answer: it is not parsed for this.
        return None
    body = _said(response)
    waits, left = response.headers.get("retry-after"), response.headers.get("x-ratelimit-remaining")
    if response.status_code == httpx.codes.FORBIDDEN:
        words = str(body.get("message", "")).lower()
        if waits is None and left != "0" and "rate limit" not in words and "abuse detection" not in words:
            return None
    elif response.status_code != httpx.codes.TOO_MANY_REQUESTS and not _graphql_limited(response, body):
        return None
    there = _date(response.headers.get("date")) or now
    if waits is not None:
        return Limit(primary=False, seconds=_after(waits, there))
    if left == "0":
        reset = response.headers.get("x-ratelimit-reset", "")
        return Limit(primary=True, seconds=int(reset) - there if reset.isdecimal() else None)
    return Limit(primary=False, seconds=None)


def _said(response: httpx.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _graphql_limited(response: httpx.Response, body: Mapping[str, Any]) -> bool:
    """GraphQL answers 200 and has the limit among its errors."""
    errors = body.get("errors")
    return (
        response.status_code == httpx.codes.OK
        and isinstance(errors, list)
        and any(isinstance(error, dict) and error.get("type") in _GRAPHQL_TYPES for error in errors)
    )


def _after(text: str, now: float) -> float | None:
    """Seconds from `now` of a Retry-After; None if it is neither a number nor a date."""
    # Only `strip` takes all control characters off, so `float` must get what it leaves.
    seconds = text.strip()
    if seconds.isdecimal():
        return float(seconds)
    moment = _date(text)
    return None if moment is None else moment - now


def _date(text: str | None) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp() if text else None
    except ValueError:
        return None


@dataclass(frozen=True)
class _Hold:
    """Until when nobody calls, and how long that is if it was our guess, else 0."""

    until: float
    guessed: float

    @property
    def text(self) -> str:
        return json.dumps({"until": rfc3339(self.until), "guessed": self.guessed})

    @staticmethod
    def of(text: str) -> _Hold | None:
        """The hold that another process wrote; None if `text` did not write it."""
        try:
            hold = json.loads(text)
            return _Hold(parse_rfc3339(hold["until"]), float(hold["guessed"]))
        except (ValueError, KeyError, TypeError, AttributeError):
            return None


class Breaker:
    """Holds calls back while GitHub asks for it: all threads' of this process, and by `shared` all processes'.

    Where the shared state is out of reach, it works for this process alone: it is there to spare GitHub, and must not
    become one more thing to fail.
    """

    def __init__(self, clock: Clock, shared: Shared | None = None) -> None:
        """Without `shared` the state is this object's own."""
        self._clock, self._shared = clock, shared
        self._lock = threading.Lock()
        self._holds: dict[str, _Hold] = {}
        self._read_at: float | None = None

    def check(self, keys: Iterable[str], what: str) -> None:
        """RateLimited, naming `what`, where a call that counts against one of these keys must wait."""
        with self._lock:
            now = self._clock.now()
            if self._read_at is None or not 0 <= now - self._read_at < REREAD_SECONDS:
                self._read(now)
            until = max((self._holds[key].until for key in keys if key in self._holds), default=0.0)
        if now < until:
            raise RateLimited(f"{what}: not asked: {_held(until)}", until)

    def hold(self, key: str, seconds: float | None, what: str) -> RateLimited:
        """Nobody calls against this key for so long (None: our guess); the error to be raised for the call `what`."""
        with self._lock:
            now = self._clock.now()
            self._read(now)
            before = self._holds.get(key)
            guessed = 0.0
            if seconds is None:
                guessed = seconds = _next_guess(before, now)
            hold = _Hold(math.ceil(now + min(max(seconds, 1.0), LONGEST_SECONDS)), guessed)
            if before is None or before.until < hold.until:
                self._holds[key] = hold
                self._write(key, hold)
            until = self._holds[key].until
        return RateLimited(f"{what}: {_held(until)}", until)

    def _read(self, now: float) -> None:
        self._read_at = now
        if self._shared is None:
            return
        try:
            texts = self._shared.read()
        except PressPlayError:
            return
        for key, text in texts.items():
            hold, known = _Hold.of(text), self._holds.get(key)
            believed = hold is not None and hold.until <= now + LONGEST_SECONDS + 1
            if hold is not None and believed and (known is None or known.until < hold.until):
                self._holds[key] = hold

    def _write(self, key: str, hold: _Hold) -> None:
        if self._shared is None:
            return
        try:
            self._shared.write(key, hold.text)
        except PressPlayError:
            return


def _next_guess(before: _Hold | None, now: float) -> float:
    """A minute; twice the last hold if that ended no longer ago than it lasted."""
    if before is None or not before.guessed or now - before.until > before.guessed:
        return FIRST_SECONDS
    if now < before.until:
        # Another call that was under way when this limit was met.
        return before.guessed
    return min(2 * before.guessed, LONGEST_SECONDS)


def _held(until: float) -> str:
    return f"GitHub's rate limit is reached, nobody calls before {rfc3339(until)}"
