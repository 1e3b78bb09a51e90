"""Argo Events' filters on one event: `data` and `exprs` of a dependency, which all must hold.

Source: pkg/sensors/dependencies/filter.go of Argo Events 1.9.11. There `exprs` come first; the same events pass,
but the order of `data`, which begins with the event's name, gives people a better reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pressplay.errors import InputError
from pressplay.events import paths, regex
from pressplay.events.gotemplate import plain
from pressplay.events.shape import known

_TOKEN = re.compile(r"\s*(?:(?P<name>[A-Za-z_][A-Za-z0-9_]*)|(?P<text>'[A-Za-z][A-Za-z0-9._/-]*')|(?P<mark>==|!=|\+))")
_PLAIN_PATTERN = re.compile(r"(?:\(\?i\))?\^\(?((?:[A-Za-z0-9 _/|-]|\\[.-])+)\)?\$")


_LATER = (
    ", as GitHub also reports for private members: reconcile asks GitHub whether its author has write access, "
    "and takes it up within a minute if so"
)
"""A webhook's association of an author is not final: it does not show who has write access."""


class Filter(Protocol):
    """One condition."""

    def reason(self, event: Any) -> str:
        """Why the event does not meet it, without a value of the event's (R7); empty if it does."""
        ...


@dataclass(frozen=True)
class DataFilter:
    """A text at a path against regular expressions: one of several is enough, under `!=` too."""

    path: paths.Path
    excluding: bool
    patterns: tuple[tuple[str, re.Pattern[str]], ...]

    def reason(self, event: Any) -> str:
        """See Filter."""
        value = self.path.get(event)
        if value is paths.MISSING:
            return f"there is no {self.path.text}"
        text = paths.as_text(value)
        if any((pattern.search(text) is None) == self.excluding for _, pattern in self.patterns):
            return ""
        later = _LATER if self.path.text.endswith(".author_association") else ""
        alternatives = [alternative for source, _ in self.patterns for alternative in _alternatives(source)]
        if len(alternatives) == 1:
            return f"{self.path.text} is {'' if self.excluding else 'not '}{alternatives[0]}{later}"
        return f"{self.path.text} is {'one' if self.excluding else 'none'} of {', '.join(alternatives)}{later}"


@dataclass(frozen=True)
class ExprFilter:
    """`a == b`, `a != b`, where each side is a sum of fields and texts."""

    source: str
    fields: Mapping[str, paths.Path]
    left: tuple[str, ...]
    right: tuple[str, ...]
    differs: bool

    def reason(self, event: Any) -> str:
        """See Filter."""
        values = {}
        for name, path in self.fields.items():
            values[name] = path.get(event)
            if values[name] is paths.MISSING:
                return f"there is no {path.text}"
        left, right = (_sum(side, values) for side in (self.left, self.right))
        if left is not None and right is not None and _same(left[0], right[0]) != self.differs:
            return ""
        return f"not {self._shown(self.left)} {'!=' if self.differs else '=='} {self._shown(self.right)}"

    def _shown(self, side: Sequence[str]) -> str:
        return " + ".join(self.fields[term].text if term in self.fields else term for term in side)


@dataclass(frozen=True)
class Filters:
    """All filters of one dependency."""

    conditions: tuple[Filter, ...]

    def judge(self, event: Any) -> tuple[int, str]:
        """How many conditions the event meets before the first that it does not, and that one's reason (empty: all)."""
        for met, condition in enumerate(self.conditions):
            reason = condition.reason(event)
            if reason:
                return met, reason
        return len(self.conditions), ""


def read(manifest: Mapping[str, Any], where: str) -> Filters:
    """A dependency's `filters`; InputError naming the place of what is not known."""
    known(manifest, where, "data", "exprs")
    conditions: list[Filter] = [
        _data(entry, f"{where}.data[{at}]") for at, entry in enumerate(manifest.get("data") or [])
    ]
    conditions += [_expr(entry, f"{where}.exprs[{at}]") for at, entry in enumerate(manifest.get("exprs") or [])]
    return Filters(tuple(conditions))


def _data(manifest: Mapping[str, Any], where: str) -> DataFilter:
    known(manifest, where, "path", "type", "value", "comparator")
    comparator = manifest.get("comparator") or "="
    if manifest.get("type") != "string" or comparator not in ("=", "!="):
        raise InputError(f"{where}: expected type string and comparator = or !=, which are all that is known here")
    sources = manifest.get("value") or []
    if not sources:
        raise InputError(f"{where}.value: expected at least one regular expression: Argo Events lets nothing pass")
    patterns = tuple((source, regex.compiled(source, f"{where}.value")) for source in sources)
    return DataFilter(paths.parse(manifest["path"], where), comparator == "!=", patterns)


def _expr(manifest: Mapping[str, Any], where: str) -> ExprFilter:
    known(manifest, where, "expr", "fields")
    fields: dict[str, paths.Path] = {}
    for field in manifest.get("fields") or []:
        known(field, f"{where}.fields", "name", "path")
        fields[field["name"]] = paths.parse(field["path"], where)
    if not fields:
        raise InputError(f"{where}.fields: expected at least one: Argo Events ignores an expression without")
    source = manifest["expr"]
    tokens = list(_tokens(source, where))
    marks = [mark for mark in tokens if mark in ("==", "!=")]
    if len(marks) != 1:
        raise InputError(f"{where}: {source!r}: expected one == or !=")
    at = tokens.index(marks[0])
    left, right = (_terms(side, fields, source, where) for side in (tokens[:at], tokens[at + 1 :]))
    return ExprFilter(source, fields, left, right, marks[0] == "!=")


def _tokens(source: str, where: str) -> Iterator[str]:
    rest = source.rstrip()
    while rest:
        match = _TOKEN.match(rest)
        if match is None or match.lastgroup is None:
            raise InputError(
                f"{where}: {source!r}: {rest.strip()!r} is not known here, only fields, texts, ==, != and +"
            )
        yield match[match.lastgroup]
        rest = rest[match.end() :]


def _terms(tokens: Sequence[str], fields: Mapping[str, Any], source: str, where: str) -> tuple[str, ...]:
    terms, pluses = tuple(tokens[::2]), tokens[1::2]
    right = all(term in fields or term.startswith("'") for term in terms) and all(plus == "+" for plus in pluses)
    if not right or len(terms) != len(pluses) + 1:
        raise InputError(f"{where}: {source!r}: expected fields of `fields` and texts, with + between")
    return terms


def _sum(side: Sequence[str], values: Mapping[str, Any]) -> tuple[Any] | None:
    """The sum's value in a tuple; None if govaluate finds nothing to add."""
    made, *rest = (term[1:-1] if term.startswith("'") else values[term] for term in side)
    for value in rest:
        if _is_number(made) and _is_number(value):
            made = float(made) + float(value)
        elif isinstance(made, str) or isinstance(value, str):
            made = plain(_floated(made)) + plain(_floated(value))
        else:
            return None
    return (made,)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _floated(value: Any) -> Any:
    return float(value) if _is_number(value) else value


def _same(left: Any, right: Any) -> bool:
    """Go's reflect.DeepEqual on JSON: true is not 1."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_same, left, right))
    return bool(left == right)


def _alternatives(pattern: str) -> list[str]:
    """An anchored choice of plain words as words: `^(a|b)$` is a and b; another pattern is itself."""
    match = _PLAIN_PATTERN.fullmatch(pattern)
    return match[1].replace("\\", "").split("|") if match else [pattern]
