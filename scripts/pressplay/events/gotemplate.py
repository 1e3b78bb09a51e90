"""Go templates with sprig's functions, as far as the chart's Sensor writes them.

Known are text, `{{ }}` with pipelines, fields of `.Input`, brackets, numbers, quoted texts, and the functions of
FUNCTIONS. Everything else is refused by name. What a template prints is what Go prints: JSON's numbers are floats
(`1e+06`), what is missing is `<no value>`. Where Go would print a fault (`%!s(float64=7)`) or a byte of a text as a
number, the template fails instead. Source: Go's text/template and fmt, github.com/Masterminds/sprig 3.3,
github.com/spf13/cast 1.10.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any

from pressplay.errors import InputError
from pressplay.events.paths import MISSING

NO_VALUE = "<no value>"
_TOKEN = re.compile(
    r"""\s*(?:(?P<field>(?:\.[A-Za-z_][A-Za-z0-9_]*)+)|(?P<name>[A-Za-z_][A-Za-z0-9_]*)|(?P<number>-?(?:0|[1-9]\d*))(?![\w.])"""
    r"""|"(?P<text>[^"\\\n]*)"|(?P<mark>[()|]))"""
)
_VERB = re.compile(r"%(.?)", re.DOTALL)
_LOWEST, _HIGHEST = -(2**63), 2**63 - 1


class TemplateFailed(Exception):
    """A template that is right but can't be carried out on this event; Argo Events then makes nothing.

    The text names places and kinds, never a value (R7).
    """


@dataclass(frozen=True)
class Moment:
    """Go's time.Time, as `now` gives it."""

    seconds: float


@dataclass(frozen=True)
class Scope:
    """What a template is carried out on."""

    data: Mapping[str, Any]
    """The top: `{"Input": event}`."""
    now: float


_Value = Callable[[Scope], Any]


@dataclass(frozen=True)
class Template:
    """A template that was read."""

    source: str
    parts: tuple[str | _Value, ...]

    def render(self, event: Any, now: float) -> str:
        """What Argo Events makes of it for this event at this moment; TemplateFailed where it makes nothing."""
        scope = Scope({"Input": event}, now)
        made = "".join(part if isinstance(part, str) else shown(part(scope)) for part in self.parts)
        if made in ("", NO_VALUE):
            raise TemplateFailed(f"{self.source} comes to nothing for this event")
        return made


@cache
def parse(source: str, where: str) -> Template:
    """A template from its text; InputError naming `where` and what is not known."""
    parts: list[str | _Value] = []
    rest = source
    while True:
        text, opened, rest = rest.partition("{{")
        if text:
            parts.append(text)
        if not opened:
            return Template(source, tuple(parts))
        inside, closed, rest = rest.partition("}}")
        if not closed:
            raise InputError(f"{where}: {source!r} has a {{{{ without its }}}}")
        parts.append(_Parser(inside, f"{where}: {{{{{inside}}}}}").action())


class _Parser:
    """One action, between `{{` and `}}`."""

    def __init__(self, text: str, where: str) -> None:
        self._where = where
        self._tokens = list(self._split(text))

    def _split(self, text: str) -> Iterator[tuple[str, str]]:
        rest = text.rstrip()
        closed = False
        apart = True
        while rest:
            match = _TOKEN.match(rest)
            if match is None or match.lastgroup is None:
                raise InputError(f"{self._where}: {rest.strip()!r} is not known here")
            kind, token = match.lastgroup, match[match.lastgroup]
            # `(a).b` is a field of what is in the brackets, `(a) .b` is another operand.
            chained = kind == "field" and closed and not rest[0].isspace()
            if kind != "mark" and not (apart or chained or rest[0].isspace()):
                raise InputError(f"{self._where}: expected a space before {token!r}")
            yield "chain" if chained else kind, token
            closed = (kind, token) == ("mark", ")")
            apart = kind == "mark" and not closed
            rest = rest[match.end() :]

    def action(self) -> _Value:
        """The whole action."""
        value = self._pipeline()
        if self._tokens:
            raise InputError(f"{self._where}: {self._tokens[0][1]!r} is one too many")
        return value

    def _pipeline(self) -> _Value:
        value = self._command(None)
        while self._tokens[:1] == [("mark", "|")]:
            self._tokens.pop(0)
            value = self._command(value)
        return value

    def _command(self, piped: _Value | None) -> _Value:
        if self._tokens[:1] and self._tokens[0][0] == "name":
            name = self._tokens.pop(0)[1]
            arguments = list(self._operands())
            return self._call(name, [*arguments, piped] if piped else arguments)
        operands = list(self._operands())
        if len(operands) != 1 or piped:
            raise InputError(f"{self._where}: expected one value, or a function and its arguments")
        return operands[0]

    def _operands(self) -> Iterator[_Value]:
        while self._tokens and self._tokens[0] not in (("mark", "|"), ("mark", ")")):
            yield self._operand()

    def _operand(self) -> _Value:
        kind, text = self._tokens.pop(0)
        if kind == "field":
            names = text[1:].split(".")
            return lambda scope: fields(scope.data, names)
        if kind == "number":
            return lambda _scope: int(text)
        if kind == "text":
            return lambda _scope: text
        if kind == "name":
            return self._call(text, [])
        if text != "(":
            raise InputError(f"{self._where}: {text!r} is not expected here")
        inner = self._pipeline()
        if self._tokens[:1] != [("mark", ")")]:
            raise InputError(f"{self._where}: a ( without its )")
        self._tokens.pop(0)
        if self._tokens and self._tokens[0][0] == "chain":
            names = self._tokens.pop(0)[1][1:].split(".")
            return lambda scope: fields(_out_of_brackets(inner(scope)), names)
        return inner

    def _call(self, name: str, arguments: Sequence[_Value]) -> _Value:
        if name not in FUNCTIONS:
            known = ", ".join(sorted(FUNCTIONS))
            raise InputError(f"{self._where}: the function {name!r} is not known here, only {known}")
        function, fewest, most = FUNCTIONS[name]
        if not fewest <= len(arguments) <= most:
            raise InputError(f"{self._where}: {name} with {len(arguments)} arguments")
        if name == "now":
            return lambda scope: Moment(scope.now)
        return lambda scope: function(*(argument(scope) for argument in arguments))


def fields(value: Any, names: Sequence[str]) -> Any:
    """`.a.b.c` of a value: what is missing stays missing, inside null or what is no object it is a fault."""
    for name in names:
        if value is MISSING:
            return MISSING
        if not isinstance(value, Mapping):
            raise TemplateFailed(f"there is no .{name} in {_kind(value)}")
        value = value.get(name, MISSING)
    return _number(value)


def _out_of_brackets(value: Any) -> Any:
    # Go takes the null that comes out of a pipeline for what is missing.
    return MISSING if value is None else value


def _number(value: Any) -> Any:
    # Every number of JSON's is a float64 to Go.
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


# -- what a value is printed as --------------------------------------------------------------------------------------


def shown(value: Any) -> str:
    """A value as Go's template prints it."""
    return NO_VALUE if value is None or value is MISSING else plain(value)


def plain(value: Any) -> str:
    """Go's %v."""
    if value is None or value is MISSING:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, Mapping):
        return f"map[{' '.join(f'{key}:{plain(_number(inner))}' for key, inner in sorted(value.items()))}]"
    if isinstance(value, list):
        return f"[{' '.join(plain(_number(inner)) for inner in value)}]"
    if isinstance(value, Moment):
        raise TemplateFailed("a time is printed only by way of unixEpoch")
    return str(value)


def _float(value: float) -> str:
    """Go's %v of a float64: the shortest digits, with an exponent where it is below -4 or at least 6."""
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    assert isinstance(exponent, int)  # noqa: S101 - only NaN and infinity have none, which no JSON has
    magnitude = len(digits) - 1 + exponent
    if value == 0:
        return "-0" if sign else "0"
    if -4 <= magnitude < 6:
        return f"{Decimal(repr(value)).normalize():f}"
    head, tail = digits[0], "".join(map(str, digits[1:]))
    power = f"e{'-' if magnitude < 0 else '+'}{abs(magnitude):02d}"
    return f"{'-' if sign else ''}{head}{'.' if tail else ''}{tail}{power}"


def _kind(value: Any) -> str:
    if value is None or value is MISSING:
        return "nil"
    kinds = {bool: "bool", int: "int64", float: "float64", str: "string", list: "list", Moment: "time"}
    return kinds.get(type(value), "map")


# -- functions -------------------------------------------------------------------------------------------------------


def _text(value: Any, function: str) -> str:
    if not isinstance(value, str):
        raise TemplateFailed(f"{function} wants a string, not {_kind(value)}")
    return value


def _int64(value: Any) -> int:
    """cast.ToInt64: what is no number is 0."""
    if isinstance(value, float):
        # Out of range is left to the processor by Go; this is amd64's answer.
        return int(value) if _LOWEST <= value < _HIGHEST else _LOWEST
    if isinstance(value, bool | int):
        return int(value)
    if isinstance(value, str):
        return _parsed(value)
    return 0


def _parsed(text: str) -> int:
    whole = re.sub(r"^([-+]?\d*)\.\d*\Z", r"\1", text)
    octal = re.fullmatch(r"([-+]?)0([0-7][0-7_]*)", whole)
    try:
        number = int(f"{octal[1]}0o{octal[2]}", 0) if octal else int(whole, 0)
    except ValueError:
        return 0
    return number if whole.isascii() and whole == whole.strip() and _LOWEST <= number <= _HIGHEST else 0


def _wrapped(number: int) -> int:
    return (number - _LOWEST) % 2**64 + _LOWEST


def _add(*values: Any) -> int:
    return _wrapped(sum(map(_int64, values)))


def _mul(first: Any, *values: Any) -> int:
    made = _int64(first)
    for value in values:
        made = _wrapped(made * _int64(value))
    return made


def _div(value: Any, by: Any) -> int:
    over, under = _int64(value), _int64(by)
    if under == 0:
        raise TemplateFailed("div by 0")
    made = abs(over) // abs(under)
    return _wrapped(made if (over < 0) == (under < 0) else -made)


def _unix_epoch(value: Any) -> str:
    if not isinstance(value, Moment):
        raise TemplateFailed(f"unixEpoch wants a time, not {_kind(value)}")
    return str(int(value.seconds // 1))


def _len(value: Any) -> int:
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, list | Mapping):
        return len(value)
    raise TemplateFailed(f"len of {_kind(value)}")


def _index(value: Any, at: Any) -> Any:
    if isinstance(value, list) and isinstance(at, int) and 0 <= at < len(value):
        return _number(value[at])
    if isinstance(value, Mapping) and isinstance(at, str):
        return _number(value.get(at, MISSING))
    raise TemplateFailed(f"no such element in {_kind(value)}")


def _replace(old: Any, new: Any, text: Any) -> str:
    return _text(text, "replace").replace(_text(old, "replace"), _text(new, "replace"))


def _trunc(length: Any, text: Any) -> str:
    if not isinstance(length, int) or isinstance(length, bool) or length < 0:
        raise TemplateFailed("trunc wants a length")
    return _text(text, "trunc").encode()[:length].decode("utf-8", "replace")


def _sha256sum(text: Any) -> str:
    return hashlib.sha256(_text(text, "sha256sum").encode()).hexdigest()


def _printf(pattern: Any, *values: Any) -> str:
    left = list(values)

    def filled(match: re.Match[str]) -> str:
        verb = match[1]
        if verb == "%":
            return "%"
        if verb not in ("d", "s", "v") or not left:
            raise TemplateFailed("printf takes only %d, %s and %v, with a value for each")
        value = left.pop(0)
        fits = {"d": int, "s": str, "v": object}[verb]
        if isinstance(value, fits) and not (verb == "d" and isinstance(value, bool)):
            return plain(value)
        raise TemplateFailed(f"printf %{verb} of {_kind(value)}")

    made = _VERB.sub(filled, _text(pattern, "printf"))
    if left:
        raise TemplateFailed("printf with more values than its text has places")
    return made


_MANY = 64

FUNCTIONS: dict[str, tuple[Callable[..., Any], int, int]] = {
    "add": (_add, 1, _MANY),
    "div": (_div, 2, 2),
    "index": (_index, 2, 2),
    "int64": (_int64, 1, 1),
    "len": (_len, 1, 1),
    "mul": (_mul, 1, _MANY),
    "now": (Moment, 0, 0),
    "printf": (_printf, 1, _MANY),
    "replace": (_replace, 3, 3),
    "sha256sum": (_sha256sum, 1, 1),
    "trunc": (_trunc, 2, 2),
    "unixEpoch": (_unix_epoch, 1, 1),
}
"""Name → what it does, and how many arguments it takes at least and at most."""
