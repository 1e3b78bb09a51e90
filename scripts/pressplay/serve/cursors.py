"""Cursors: where a list continues. Opaque to callers; anything else is refused, never interpreted."""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass
from typing import Any

from pressplay import names
from pressplay.serve.problems import Problem, wrong

_LONGEST = 1000
_LARGEST = 10**15
_WHEN = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_AGAIN = "take next_cursor from the page before, word for word, or begin again without a cursor"

Mark = tuple[int, int] | str | None
"""A place in a source: a page and the last number in it that was seen; or GitHub's own cursor; None: the beginning."""


@dataclass(frozen=True)
class Cursor:
    """Where a list goes on."""

    question: str
    """What was asked (`question`): a cursor is good for the same question only."""
    source: int
    mark: Mark
    as_of: str
    """When the list was begun (RFC 3339)."""


def question(*parts: object) -> str:
    """A short name for what is asked."""
    return names.digest("cursor", *parts, length=12)


def write(cursor: Cursor) -> str:
    """A cursor as text for an address."""
    parts = [cursor.question, cursor.source, cursor.mark, cursor.as_of]
    return base64.urlsafe_b64encode(json.dumps(parts, separators=(",", ":")).encode()).decode().rstrip("=")


def read(text: str, asked: str, sources: int) -> Cursor:
    """What `write` made for the question `asked`; Problem saying what to do for anything else."""
    cursor = _cursor(text)
    if cursor is None or not 0 <= cursor.source < sources:
        raise wrong(f"cursor: not one of this server's; {_AGAIN}.")
    if cursor.question != asked:
        raise wrong(f"cursor: it belongs to other arguments; keep all others as they were, and {_AGAIN}.")
    return cursor


def stale() -> Problem:
    """The problem of a cursor whose place is gone."""
    return Problem(
        "stale_cursor",
        410,
        "cursor: the comment that it points to was deleted meanwhile. Begin again without a cursor, or with `since` "
        "set to the as_of of a page that you have.",
    )


def _cursor(text: str) -> Cursor | None:
    if len(text) > _LONGEST:
        return None
    try:
        parts = json.loads(
            base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
        )
    except (binascii.Error, UnicodeError, ValueError, RecursionError):
        return None
    if not (isinstance(parts, list) and len(parts) == 4):
        return None
    asked, source, mark, as_of = parts
    if not (isinstance(asked, str) and _is_number(source) and isinstance(as_of, str) and _WHEN.fullmatch(as_of)):
        return None
    if isinstance(mark, list):
        if not (len(mark) == 2 and all(_is_number(number) for number in mark)):
            return None
        mark = (mark[0], mark[1])
    elif not (mark is None or isinstance(mark, str)):
        return None
    return Cursor(asked, source, mark, as_of)


def _is_number(value: Any) -> bool:
    return type(value) is int and 0 <= value <= _LARGEST
