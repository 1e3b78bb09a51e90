"""What Argo decides by, besides expressions: `when` (govaluate), conditions on objects (label selectors), durations.

Sources: workflow/controller/steps.go (shouldExecute), workflow/executor/resource.go (matchConditions),
pkg/apis/workflow/v1alpha1/utils.go (ParseStringToDuration).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pressplay.sandbox.engine import gojson, paths


class ConditionError(Exception):
    """A condition or duration that cannot be read or decided; the text says why."""


# --- when -----------------------------------------------------------------------------------------------------------

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<number>0[xX][0-9a-fA-F]+|\d+(?:\.\d+)?|\.\d+)
  | (?P<string>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
  | (?P<name>[A-Za-z_][A-Za-z0-9_.]*|\[[^\]]*\])
  | (?P<op>==|!=|<=|>=|=~|!~|&&|\|\||\?\?|\*\*|[-+*/%<>!?:(),])
    )""",
    re.VERBOSE,
)
_LEVELS = (("||",), ("&&",), ("==", "!=", "<", ">", "<=", ">=", "=~", "!~", "in"), ("+", "-"), ("*", "/", "%"), ("**",))


class _When:
    def __init__(self, text: str) -> None:
        self.tokens: list[tuple[str, str]] = []
        at, end = 0, len(text.rstrip())
        while at < end:
            match = _TOKEN.match(text, at)
            if match is None or match.lastgroup is None:
                hint = ' (hint: try wrapping the affected expression in quotes ("))'
                raise ConditionError(f"Invalid 'when' expression '{text}': Invalid token: '{text[at:].strip()}'{hint}")
            self.tokens.append((match.lastgroup, match.group(match.lastgroup)))
            at = match.end()
        self.tokens.append(("end", ""))
        self.position, self.text = 0, text

    def accept(self, *ops: str) -> str | None:
        kind, text = self.tokens[self.position]
        if (kind == "op" or text == "in") and text in ops:
            self.position += 1
            return text
        return None

    def fail(self, why: str) -> ConditionError:
        return ConditionError(f"Invalid 'when' expression '{self.text}': {why}")

    def value(self) -> Any:
        result = self.ternary()
        if self.tokens[self.position][0] != "end":
            # govaluate's own words; two words in a row are what an unquoted text makes.
            raise self.fail(f"Cannot transition token types to {self.tokens[self.position][1]!r}")
        return result

    def ternary(self) -> Any:
        test = self.level(0)
        if self.accept("?"):
            then = self.ternary()
            if not self.accept(":"):
                raise self.fail("expected ':'")
            other = self.ternary()
            return then if test else other
        return test

    def level(self, depth: int) -> Any:
        if depth == len(_LEVELS):
            return self.unary()
        left = self.level(depth + 1)
        while (op := self.accept(*_LEVELS[depth])) is not None:
            left = self.apply(op, left, self.level(depth + 1))
        return left

    def unary(self) -> Any:
        if self.accept("!"):
            value = self.unary()
            if not isinstance(value, bool):
                raise self.fail(f"Value '{value}' cannot be used with the logical prefix '!', it is not a bool")
            return not value
        if self.accept("-"):
            value = self.unary()
            if not isinstance(value, float):
                raise self.fail(f"Value '{value}' cannot be used with the numeric prefix '-', it is not a number")
            return -value
        return self.primary()

    def primary(self) -> Any:
        kind, text = self.tokens[self.position]
        self.position += 1
        if kind == "number":
            return float(int(text, 16)) if text[:2] in ("0x", "0X") else float(text)
        if kind == "string":
            return re.sub(r"\\(.)", r"\1", text[1:-1])
        if kind == "name":
            # govaluate would take it for a variable; Argo reads it as text, so that values need no quotes.
            return text == "true" if text in ("true", "false") else text.strip("[]")
        if text == "(":
            items = [self.ternary()]
            while self.accept(","):
                items.append(self.ternary())
            if not self.accept(")"):
                raise self.fail("Unbalanced parenthesis")
            return tuple(items) if len(items) > 1 else items[0]
        raise self.fail("Unexpected end of expression" if kind == "end" else f"unexpected {text!r}")

    def apply(self, op: str, left: Any, right: Any) -> Any:
        if op in ("==", "!="):
            return (type(left) is type(right) and left == right) == (op == "==")
        if op == "in":
            return left in right if isinstance(right, tuple) else left == right
        if op in ("&&", "||"):
            if not isinstance(left, bool) or not isinstance(right, bool):
                raise self.fail(f"Value '{right}' cannot be used with the logical operator '{op}', it is not a bool")
            return (left and right) if op == "&&" else (left or right)
        if op in ("=~", "!~"):
            try:
                return (re.search(str(right), str(left)) is not None) == (op == "=~")
            except re.error as error:
                raise self.fail(str(error)) from error
        if op == "+" and (isinstance(left, str) or isinstance(right, str)):
            return gojson.sprint(left) + gojson.sprint(right)
        same = type(left) is type(right) and isinstance(left, str if op in _ORDER else float)
        if not same and not (isinstance(left, float) and isinstance(right, float)):
            raise self.fail(f"Value '{left}' cannot be used with the operator '{op}' and '{right}'")
        try:
            return (_ORDER.get(op) or _NUMBERS[op])(left, right)
        except ZeroDivisionError as error:
            raise self.fail(str(error)) from error


_ORDER: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
}
_NUMBERS: Mapping[str, Callable[[float, float], float]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "%": lambda a, b: a % b,
    "**": lambda a, b: float(a**b),
}


@lru_cache(maxsize=4096)
def when(text: str) -> bool:
    """Whether a step goes ahead under its substituted `when`; ConditionError if that is no condition."""
    if not text:
        return True
    result = _When(text).value()
    if not isinstance(result, bool):
        raise ConditionError(f"Expected boolean evaluation for '{text}'. Got {gojson.sprint(result)}")
    return result


# --- conditions on objects ------------------------------------------------------------------------------------------

_REQUIREMENT = re.compile(
    r"\s*(?:(?P<none>!)\s*(?P<absent>[^\s,()=!<>]+)"
    r"|(?P<key>[^\s,()=!<>]+)\s*(?:(?P<set>in|notin)\s*\((?P<values>[^()]*)\)|(?P<op>==|=|!=|>|<)\s*(?P<value>[^\s,()=!<>]*))?)"
    r"\s*(?:,|$)"
)


@dataclass(frozen=True)
class Requirement:
    """One part of a label selector."""

    key: str
    op: str
    values: tuple[str, ...]

    def __str__(self) -> str:
        match self.op:
            case "in" | "notin":
                return f"{self.key} {self.op} ({','.join(sorted(self.values))})"
            case "exists":
                return self.key
            case "absent":
                return f"!{self.key}"
        return f"{self.key}{self.op}{self.values[0]}"

    def matches(self, document: Any) -> bool:
        """Whether an object meets this; an absent path meets `!=` and `notin`."""
        value = paths.gjson(document, self.key)
        present, text = value is not paths.MISSING, paths.gjson_text(value)
        match self.op:
            case "in" | "=" | "==":
                return present and text in self.values
            case "notin" | "!=":
                return not present or text not in self.values
            case "exists":
                return present
            case "absent":
                return not present
        if not present or not re.fullmatch(r"[+-]?\d+", text):
            return False
        return int(text) > int(self.values[0]) if self.op == ">" else int(text) < int(self.values[0])


@lru_cache(maxsize=1024)
def selector(text: str) -> tuple[Requirement, ...]:
    """The requirements of a label selector, by key; ConditionError if it cannot be read."""
    requirements, at = [], 0
    while at < len(text.strip()):
        match = _REQUIREMENT.match(text, at)
        if match is None:
            raise ConditionError(
                f"condition {text!r}: expected a label selector, for example: status.phase in (Succeeded)"
            )
        if match["none"]:
            requirements.append(Requirement(match["absent"], "absent", ()))
        elif match["set"]:
            values = tuple(value.strip() for value in match["values"].split(","))
            requirements.append(Requirement(match["key"], match["set"], values))
        elif match["op"]:
            requirements.append(Requirement(match["key"], match["op"], (match["value"],)))
        else:
            requirements.append(Requirement(match["key"], "exists", ()))
        at = match.end()
    for requirement in requirements:
        try:
            paths.gjson({}, requirement.key)
        except paths.PathError as error:
            raise ConditionError(f"condition {text!r}: {error}") from error
        if requirement.op in "<>" and not re.fullmatch(r"[+-]?\d+", requirement.values[0]):
            raise ConditionError(f"condition {text!r}: {requirement.op} wants a whole number")
    return tuple(sorted(requirements, key=lambda requirement: requirement.key))


# --- durations ------------------------------------------------------------------------------------------------------

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|ms|s|m|h)")


@lru_cache(maxsize=1024)
def duration(text: str) -> float:
    """Seconds of `30`, `30s`, `1h30m`; ConditionError if it is no duration."""
    if re.fullmatch(r"[+-]?\d+", text):
        return float(text)
    sign, body = (-1.0, text[1:]) if text.startswith("-") else (1.0, text.removeprefix("+"))
    parts = _DURATION.findall(body)
    if not parts or "".join(number + unit for number, unit in parts) != body:
        raise ConditionError(f'unable to parse {text} as a duration: time: invalid duration "{text}"')
    return sign * sum(float(number) * _UNITS[unit] for number, unit in parts)


_SPANS = (("day", 86400, "hours", 3600), ("hour", 3600, "minutes", 60), ("minute", 60, "seconds", 1))


def humanize(seconds: float) -> str:
    """A span under a week as Argo's messages tell it: `1 minute 30 seconds`, the second part always in the plural."""
    whole = int(seconds)
    for name, size, below, part in _SPANS:
        if whole >= size:
            count = whole // size
            return f"{count} {name}{'' if count == 1 else 's'} {whole % size // part} {below}"
    return f"{whole} second{'' if whole == 1 else 's'}"
