"""gjson's paths into an event, as far as the chart writes them (github.com/tidwall/gjson 1.19, SYNTAX.md).

Known are keys, indices, and the query for the first element with a text: `body.issue.labels.#(name=="x").name`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any, Final

from pressplay.errors import InputError


class _Missing:
    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = _Missing()
"""What is not there, as against JSON's null."""

_KEY = re.compile(r"[A-Za-z0-9_/-]+")
_QUERY = re.compile(r'#\(([A-Za-z0-9_-]+)=="([^"\\]*)"\)')


@dataclass(frozen=True)
class _Query:
    key: str
    value: str


@dataclass(frozen=True)
class Path:
    """A path that was read."""

    text: str
    parts: tuple[str | _Query, ...]

    def get(self, document: Any) -> Any:
        """What stands there in a JSON document, or MISSING."""
        value = document
        for part in self.parts:
            value = _queried(value, part) if isinstance(part, _Query) else _inside(value, part)
            if value is MISSING:
                return MISSING
        return value


@cache
def parse(text: str, where: str) -> Path:
    """A path from its text; InputError naming `where` and the part that is not known."""
    parts: list[str | _Query] = []
    rest = text
    while True:
        match = _KEY.match(rest) or _QUERY.match(rest)
        if match is None:
            raise InputError(
                f'{where}: path {text!r}: expected keys, indices and #(key=="text"), with dots between, got {rest!r}'
            )
        parts.append(_Query(match[1], match[2]) if match.re is _QUERY else match[0])
        rest = rest[match.end() :]
        if not rest:
            return Path(text, tuple(parts))
        if not rest.startswith("."):
            raise InputError(f"{where}: path {text!r}: expected a dot, got {rest!r}, which is not known here")
        rest = rest[1:]


def _inside(holder: Any, key: str) -> Any:
    if isinstance(holder, Mapping):
        return holder.get(key, MISSING)
    if isinstance(holder, list) and key.isdecimal() and int(key) < len(holder):
        return holder[int(key)]
    return MISSING


def _queried(holder: Any, query: _Query) -> Any:
    if not isinstance(holder, list):
        return MISSING
    matching = (element for element in holder if _equal(_inside(element, query.key), query.value))
    return next(matching, MISSING)


def _equal(value: Any, wanted: str) -> bool:
    if isinstance(value, str):
        return value == wanted
    if isinstance(value, bool):
        return wanted == ("true" if value else "false")
    return isinstance(value, int | float) and value == _number(wanted)


def _number(text: str) -> float:
    # gjson takes a text that is no number for 0.
    try:
        return float(text)
    except ValueError:
        return 0


def as_text(value: Any) -> str:
    """A value as a string filter sees it (gjson's Result.String): null is empty, what has parts is JSON."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return "-0" if value == 0 and math.copysign(1, value) < 0 else f"{Decimal(repr(value)):f}"
    if isinstance(value, dict | list):
        made = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return re.sub("[<>&\u2028\u2029]", lambda match: f"\\u{ord(match[0]):04x}", made)
    return str(value)
