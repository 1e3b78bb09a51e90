"""Logs: a JSON object a line on stderr. No token, and no text of people's: of libraries' messages the form alone."""

from __future__ import annotations

import json
import logging
import sys
import traceback
from typing import Any

from pressplay.clock import rfc3339

_LOGGER = logging.getLogger("pressplay.serve")
_FRAMES = 6


class _Lines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {"time": rfc3339(record.created), "level": record.levelname.lower()}
        fields = getattr(record, "fields", None)
        if fields is not None:
            line |= {"event": record.msg, **fields}
        else:
            # What a library puts into its message may be anybody's: a header, a body.
            line |= {"event": "library", "logger": record.name, "line": f"{record.filename}:{record.lineno}"}
        if record.exc_info is not None and record.exc_info[0] is not None:
            line |= {"error": record.exc_info[0].__name__, "at": _frames(record.exc_info[1])}
        return json.dumps(line)


def _frames(error: BaseException | None) -> list[str]:
    """Where it was raised. Not its message, which may quote text."""
    frames = traceback.extract_tb(error.__traceback__) if error is not None else []
    return [f"{frame.filename.rpartition('site-packages/')[2]}:{frame.lineno}" for frame in frames[-_FRAMES:]]


def set_up() -> None:
    """Send all logs of this process to stderr, of libraries only what is an error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Lines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.ERROR)
    _LOGGER.setLevel(logging.INFO)


def say(event: str, **fields: str | int | float) -> None:
    """Log something that happened."""
    _LOGGER.info(event, extra={"fields": fields})


def fault(event: str, error: BaseException, **fields: str | int | float) -> None:
    """Log what nobody foresaw: its type and where it was raised."""
    _LOGGER.error(event, extra={"fields": fields}, exc_info=error)
