"""How a call of a command line ends badly: by class, with its own words, and the time at which a limit ends.

The classes decide what happens next (`domain.outcomes.Failure`). They are found by what servers answer (HTTP's status),
and by what command lines say where they have no status. tests/data/agents has what each of them really printed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pressplay.domain.outcomes import FailureKind

_TOO_MANY, _SERVER_FAULTS = 429, range(500, 600)
_BY_STATUS: dict[int, FailureKind] = {401: "key", 403: "key", 404: "model", _TOO_MANY: "limit"}
_WORDS: Mapping[FailureKind, str] = {
    "turns": r"reached max(imum)? (number of|session) turns|max_turns|FatalTurnLimitedError",
    "setup": r"skipping system settings file",
    "login": r"not logged in|please run /login|missing bearer|invalid auth method|set an auth method|"
    r"no auth(entication)? (method|credentials)|please (log|sign) in|token (has )?expired",
    "key": r"invalid (x-)?api[ -]?key|incorrect api key|api key not valid|authentication_error|unauthori[sz]ed",
    "model": r"model not found|modelnotfound|model\b.{0,80}(does not exist|not supported|not exist)|unknown model|"
    r"issue with the selected model",
    "limit": r"usage limit|rate.?limit|quota|too many requests|resource.?exhausted|hit your .{0,20}limit",
    "overload": r"overloaded|high demand|temporarily unavailable|service unavailable|bad gateway|"
    r"(cannot|unable to) connect|failed to lookup|econnre(fused|set)|enotfound|waiting for network|"
    r"connection (error|failed|refused)",
}
"""The first that matches counts."""
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_UNITS = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*([dhms])")
_FOR = re.compile(r"\b(?:in|after|retry-after:?)\s+((?:\d+(?:\.\d+)?\s*[dhms][a-z]*[\s,]*(?:and )?)+)")
_AT = re.compile(
    r"(?:([A-Z][a-z]{2})[a-z]*\.? (\d{1,2})(?:st|nd|rd|th)?(?:,? (\d{4}))?,? (?:at )?)?"
    r"\b(\d{1,2})(?::(\d\d))? ?([ap])\.?m\b\.?(?: \(([\w/+-]+)\))?",
    re.IGNORECASE,
)
_LONGEST = 8 * 86_400
"""Seconds: weekly limits exist; whoever names a later end is not believed."""


@dataclass(frozen=True)
class Fault:
    """An error as a command line reports it."""

    words: str
    status: int = 0
    """HTTP's, of the model's server; 0: unknown."""
    until: float | None = None
    """Unix seconds at which a limit ends, where it is named apart from the words."""


def kind_of(fault: Fault) -> FailureKind:
    """The class of a fault; `crash` where nothing else fits."""
    by_words = next((kind for kind, words in _WORDS.items() if re.search(words, fault.words, re.IGNORECASE)), None)
    if by_words in ("login", "setup", "turns"):
        # A server says 401 of a key that is missing and of one that is wrong; and not all that fails is a server's.
        return by_words
    by_status = _BY_STATUS.get(fault.status) or ("overload" if fault.status in _SERVER_FAULTS else None)
    return by_status or by_words or "crash"


def status_in(text: str) -> int:
    """HTTP's status in an error's text; 0 where there is none."""
    matched = re.search(r"(?:status(?: code)?|\"code\"|Error)\W{0,3}([45]\d\d)\b|\(([45]\d\d)\)", text)
    return int(matched[1] or matched[2]) if matched else 0


def ends_at(fault: Fault, now: float, zone: tzinfo | None = None) -> float | None:
    """When a limit ends (Unix seconds), as the fault says it; None where it doesn't. `zone`: of times without one."""
    moments = [fault.until] if fault.until is not None else _moments(fault.words, now, zone)
    return next((moment for moment in moments if moment is not None and now < moment <= now + _LONGEST), None)


def _moments(words: str, now: float, zone: tzinfo | None) -> Iterable[float | None]:
    if matched := re.search(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)", words):
        yield datetime.fromisoformat(matched[0]).timestamp()
    if matched := re.search(r"(?:\||at )(1\d{9})\b", words):
        yield float(matched[1])
    if matched := _FOR.search(words):
        yield now + sum(float(amount) * _UNITS[unit] for amount, unit in _PART.findall(matched[1]))
    if matched := _AT.search(words):
        yield _clock_time(matched, now, zone)


def _clock_time(matched: re.Match[str], now: float, zone: tzinfo | None) -> float | None:
    """A time of day, perhaps with its day and its zone."""
    month, day, year, hour, minute, half, named = matched.groups()
    if named:
        try:
            zone = ZoneInfo(named)
        except (ZoneInfoNotFoundError, ValueError):
            zone = UTC
    here = datetime.fromtimestamp(now, zone or UTC) if zone else datetime.fromtimestamp(now).astimezone()
    try:
        moment = here.replace(
            hour=int(hour) % 12 + (12 if half.lower() == "p" else 0), minute=int(minute or 0), second=0, microsecond=0
        )
        if month and month.lower() in _MONTHS:
            moment = moment.replace(month=_MONTHS.index(month.lower()) + 1, day=int(day), year=int(year or here.year))
    except ValueError:
        return None
    if moment <= here and not month:
        moment += timedelta(days=1)
    return moment.timestamp()
