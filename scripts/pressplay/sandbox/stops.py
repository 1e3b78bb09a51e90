"""When the sandbox did not run: what its user waited for, but nobody worked. Only stops in good order are known."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path

STOPPED = "stopped"
"""The file with the moment at which the sandbox was stopped in good order, agents and all."""
_STOPS = "stops.json"
FILES = (STOPPED, _STOPS)

Stop = tuple[float, float]


def begin(directory: Path) -> None:
    """Record that the sandbox stops now."""
    (directory / STOPPED).write_text(str(time.time()))


def end(directory: Path, now: float) -> float:
    """Record that it goes on; for how many seconds it was stopped, 0 where that is not known."""
    file = directory / STOPPED
    if not file.exists():
        return 0
    since = float(file.read_text())
    (directory / _STOPS).write_text(json.dumps([*known(directory), (since, now)]))
    file.unlink()
    return now - since


def known(directory: Path) -> list[Stop]:
    """All stops, oldest first; each from when to when."""
    file = directory / _STOPS
    return [(since, until) for since, until in json.loads(file.read_text())] if file.exists() else []


def between(stops: Sequence[Stop], began: float, ended: float) -> float:
    """The seconds from one moment to another without those of stops."""
    stopped = sum(max(0.0, min(until, ended) - max(since, began)) for since, until in stops)
    return max(0.0, ended - began - stopped)
