"""The functions that an expression may call: expr-lang's own, Argo's, and some of sprig's; any other name is refused.

Source: expr-lang's language definition; Argo's util/expr/env/env.go (`asInt`, `asFloat`, `toJson`, `jsonpath`).
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from pressplay.sandbox.engine import gojson
from pressplay.sandbox.engine.expression.errors import ExpressionError
from pressplay.sandbox.engine.paths import PathError, jsonpath_query

WITH_PREDICATE = frozenset({"filter", "map", "any", "all", "none", "one", "count", "find", "findIndex"})
"""Those whose second argument is tested on, or applied to, each item of the first; `evaluation` has them."""


def text_of(value: Any, what: str) -> str:
    """`value`; ExpressionError, naming `what`, if it is no text."""
    if not isinstance(value, str):
        raise ExpressionError(f"{what} wants a string, not {gojson.sprint(value)}")
    return value


def _sized(value: Any) -> int:
    if not isinstance(value, str | list | dict):
        raise ExpressionError(f"len wants a string, list or map, not {gojson.sprint(value)}")
    return len(value.encode()) if isinstance(value, str) else len(value)


def _int(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ExpressionError(f"invalid operation: int({gojson.sprint(value)})")
    if isinstance(value, str):
        if not re.fullmatch(r"[+-]?\d+", value):
            raise ExpressionError(f"invalid operation: int({value})")
        return int(value)
    return int(value)


def _float(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise ExpressionError(f"invalid operation: float({gojson.sprint(value)})") from error


def _jsonpath(document: Any, path: Any) -> Any:
    try:
        return jsonpath_query(json.loads(text_of(document, "jsonpath")), text_of(path, "jsonpath"))
    except (ValueError, PathError) as error:
        raise ExpressionError(f"jsonpath: {error}") from error


def _from_json(document: Any) -> Any:
    try:
        return json.loads(text_of(document, "fromJSON"))
    except ValueError as error:
        raise ExpressionError(f"fromJSON: {error}") from error


def _trunc(count: Any, text: Any) -> str:
    length, whole = _int(count), text_of(text, "sprig.trunc")
    return whole[length:] if length < 0 and len(whole) + length > 0 else whole[:length] if length >= 0 else whole


def _empty(value: Any) -> bool:
    return value is None or value == "" or value == 0 or value is False or value == [] or value == {}


def _join(items: Any, separator: Any = "") -> str:
    return text_of(separator, "join").join(text_of(item, "join") for item in items)


def _sprig_join(separator: Any, items: Any) -> str:
    return text_of(separator, "sprig.join").join(gojson.sprint(item) for item in items)


def _string(value: Any) -> str:
    return value if isinstance(value, str) else gojson.sprint(value)


def _split(text: Any, separator: Any, limit: Any = -1) -> list[str]:
    return text_of(text, "split").split(text_of(separator, "split"), -1 if limit < 0 else limit - 1)


def _replace(text: Any, old: Any, new: Any, count: Any = -1) -> str:
    return text_of(text, "replace").replace(text_of(old, "replace"), text_of(new, "replace"), count)


def _b64dec(text: Any) -> str:
    try:
        return base64.b64decode(text_of(text, "b64dec"), validate=True).decode("utf-8", "replace")
    except ValueError as error:
        return str(error)


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "asInt": _int,
    "asFloat": _float,
    "int": _int,
    "float": _float,
    "string": _string,
    "toJson": gojson.dumps,
    "toJSON": lambda value: json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False),
    "fromJSON": _from_json,
    "jsonpath": _jsonpath,
    "len": _sized,
    "upper": lambda text: text_of(text, "upper").upper(),
    "lower": lambda text: text_of(text, "lower").lower(),
    "trim": lambda text, characters=None: text_of(text, "trim").strip(characters),
    "trimPrefix": lambda text, prefix=" ": text_of(text, "trimPrefix").removeprefix(prefix),
    "trimSuffix": lambda text, suffix=" ": text_of(text, "trimSuffix").removesuffix(suffix),
    "hasPrefix": lambda text, prefix: text_of(text, "hasPrefix").startswith(prefix),
    "hasSuffix": lambda text, suffix: text_of(text, "hasSuffix").endswith(suffix),
    "indexOf": lambda text, part: text_of(text, "indexOf").find(part),
    "replace": _replace,
    "split": _split,
    "join": _join,
    "abs": abs,
    "ceil": lambda number: float(math.ceil(number)),
    "floor": lambda number: float(math.floor(number)),
    "round": lambda number: float(math.floor(abs(number) + 0.5) * (1 if number >= 0 else -1)),
    "min": min,
    "max": max,
    "sum": sum,
    "first": lambda items: items[0] if items else None,
    "last": lambda items: items[-1] if items else None,
    "keys": lambda mapping: sorted(mapping),
    "values": lambda mapping: [mapping[key] for key in sorted(mapping)],
    "sprig.trunc": _trunc,
    "sprig.upper": lambda text: text_of(text, "sprig.upper").upper(),
    "sprig.lower": lambda text: text_of(text, "sprig.lower").lower(),
    "sprig.trim": lambda text: text_of(text, "sprig.trim").strip(),
    "sprig.trimPrefix": lambda prefix, text: text_of(text, "sprig.trimPrefix").removeprefix(prefix),
    "sprig.trimSuffix": lambda suffix, text: text_of(text, "sprig.trimSuffix").removesuffix(suffix),
    "sprig.replace": lambda old, new, text: text_of(text, "sprig.replace").replace(old, new),
    "sprig.contains": lambda part, text: part in text_of(text, "sprig.contains"),
    "sprig.hasPrefix": lambda prefix, text: text_of(text, "sprig.hasPrefix").startswith(prefix),
    "sprig.hasSuffix": lambda suffix, text: text_of(text, "sprig.hasSuffix").endswith(suffix),
    "sprig.sha256sum": lambda text: hashlib.sha256(text_of(text, "sprig.sha256sum").encode()).hexdigest(),
    "sprig.b64enc": lambda text: base64.b64encode(text_of(text, "sprig.b64enc").encode()).decode(),
    "sprig.b64dec": _b64dec,
    "sprig.default": lambda fallback, *given: fallback if not given or _empty(given[0]) else given[0],
    "sprig.empty": _empty,
    "sprig.ternary": lambda yes, no, test: yes if test else no,
    "sprig.coalesce": lambda *values: next((value for value in values if not _empty(value)), None),
    "sprig.join": _sprig_join,
    "sprig.splitList": lambda separator, text: text_of(text, "sprig.splitList").split(separator),
    "sprig.toString": _string,
    "sprig.list": lambda *values: list(values),
    "sprig.first": lambda items: items[0] if items else None,
    "sprig.last": lambda items: items[-1] if items else None,
}
