"""The three ways in which Argo looks into an object: gjson paths, kubectl's JSONPath, and `jsonpath()` in expressions.

Only what picks by name and index: wildcards, filters and queries are refused (PathError), and so never guessed at.
Sources: workflow/executor/resource.go (gjsonLabels, SaveResourceParameters), util/expr/env/env.go.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from pressplay.sandbox.engine import gojson

_STEP = re.compile(r"\.([A-Za-z_$][\w$-]*)|\['((?:[^'\\]|\\.)*)'\]|\[\"((?:[^\"\\]|\\.)*)\"\]|\[(-?\d+)\]")
_DOTTED = re.compile(r"\.((?:[^.\[\]{}\\*?@()'\"]|\\.)+)|\[(-?\d+)\]|\['((?:[^'\\]|\\.)*)'\]")
MISSING = object()


class PathError(ValueError):
    """A path that picks in a way that this engine does not know, or (in `jsonpath()`) finds nothing."""


@lru_cache(maxsize=1024)
def _gjson_steps(path: str) -> tuple[str, ...]:
    parts = re.findall(r"(?:[^.\\]|\\.)+", path)
    if not parts or ".".join(parts) != path or re.search(r"[#*?@|{}\[\]()!]", path):
        raise PathError(f"path {path!r}: only names and indices joined by dots are known here")
    return tuple(re.sub(r"\\(.)", r"\1", part) for part in parts)


def gjson(document: Any, path: str) -> Any:
    """What a gjson path picks, or MISSING."""
    value = document
    for step in _gjson_steps(path):
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            return MISSING
    return value


def gjson_text(value: Any) -> str:
    """A picked value as gjson's String() has it: nothing for what is missing or null, JSON for maps and lists."""
    return "" if value is MISSING or value is None else gojson.any_string(value)


@lru_cache(maxsize=1024)
def _kubectl_parts(template: str) -> tuple[str | tuple[str | int, ...], ...]:
    parts: list[str | tuple[str | int, ...]] = []
    for text, braces in re.findall(r"([^{}]+)|\{([^{}]*)\}", template):
        if text:
            parts.append(text)
            continue
        body = braces.strip().removeprefix("$")
        if body.startswith(('"', "'")):
            parts.append(body[1:-1])
            continue
        steps: list[str | int] = []
        at = 0
        while at < len(body):
            match = _DOTTED.match(body, at)
            if match is None:
                raise PathError(f"jsonPath {template!r}: only names and indices are known here")
            name, index, quoted = match.groups()
            key = name if quoted is None else quoted
            picked = int(index) if index is not None else re.sub(r"\\(.)", r"\1", key)
            steps.append(picked)
            at = match.end()
        parts.append(tuple(steps))
    return tuple(parts)


def _pick(document: Any, steps: tuple[str | int, ...]) -> Any:
    value = document
    for step in steps:
        if isinstance(step, str):
            value = value.get(step) if isinstance(value, dict) else None
        else:
            value = value[step] if isinstance(value, list) and -len(value) <= step < len(value) else None
    return value


def kubectl_jsonpath(document: Any, template: str) -> str:
    """What `kubectl get -o jsonpath=TEMPLATE` prints; a missing field prints nothing."""
    out: list[str] = []
    for part in _kubectl_parts(template):
        if isinstance(part, str):
            out.append(part)
            continue
        value = _pick(document, part)
        if value is not None:
            out.append(gojson.any_string(value))
    return "".join(out)


def check_kubectl_jsonpath(template: str) -> None:
    """PathError if `kubectl_jsonpath` would not know this template."""
    _kubectl_parts(template)


def jsonpath_query(document: Any, path: str) -> Any:
    """What `$.a.b[0]['c']` picks; PathError if it picks nothing."""
    if not path.startswith("$"):
        raise PathError(f"{path!r}: expected a path that begins with $")
    value, at = document, 1
    while at < len(path):
        match = _STEP.match(path, at)
        if match is None:
            raise PathError(f"{path!r}: only names and indices are known here")
        name = next((group for group in match.groups()[:3] if group is not None), None)
        try:
            value = value[name] if name is not None else value[int(match.group(4))]
        except (KeyError, IndexError, TypeError) as error:
            raise PathError(f"{path!r}: nothing at {match.group(0)}") from error
        at = match.end()
    return value
