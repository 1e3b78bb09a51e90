"""The part of expr-lang (the language inside `{{=…}}`, `expression:` and `depends:`) that the chart uses.

A Pratt parser turns text into a tree, the tree into closures; both are kept, since a Workflow evaluates the same few
texts thousands of times. Functions: expr-lang's own, Argo's (`asInt`, `asFloat`, `toJson`, `jsonpath`) and some of
sprig's; any other name is refused. Source: expr-lang's language definition; Argo's util/expr/env/env.go and
util/template/expression_template.go (which names an expression needs).
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from pressplay.sandbox.engine import gojson, kinds
from pressplay.sandbox.engine.paths import PathError, jsonpath_query
from pressplay.sandbox.engine.tree import (
    Binary,
    Call,
    Condition,
    List,
    Literal,
    Map,
    Member,
    Name,
    Node,
    Pointer,
    Predicate,
    Slice,
    Unary,
)


class ExpressionError(Exception):
    """An expression that cannot be parsed or evaluated; the text says why."""


class UnknownName(ExpressionError):
    """An expression that uses a variable which is not there."""


class UnknownFunction(ExpressionError):
    """An expression that calls a function which this engine does not have, or uses syntax that it does not know."""


# --- the parser -----------------------------------------------------------------------------------------------------

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<number>0[xX][0-9a-fA-F_]+|(?:\d[\d_]*(?:\.(?!\.)\d*)?|\.\d+)(?:[eE][+-]?\d+)?)
  | (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`)
  | (?P<name>[A-Za-z_$][A-Za-z0-9_$]*)
  | (?P<op>\?\.|\?\?|\*\*|==|!=|<=|>=|&&|\|\||\.\.|[-+*/%^<>!?:.,()\[\]{}\#|;=])
    )""",
    re.VERBOSE | re.DOTALL,
)
_BINDING = {
    "||": 10,
    "or": 10,
    "&&": 15,
    "and": 15,
    "==": 20,
    "!=": 20,
    "<": 20,
    ">": 20,
    "<=": 20,
    ">=": 20,
    "in": 20,
    "not in": 20,
    "matches": 20,
    "contains": 20,
    "startsWith": 20,
    "endsWith": 20,
    "+": 30,
    "-": 30,
    "*": 60,
    "/": 60,
    "%": 60,
    "**": 100,
    "^": 100,
    "??": 500,
}
_UNARY = {"not": 50, "!": 50, "-": 90, "+": 90}
_WORDS = {"in", "not", "and", "or", "matches", "contains", "startsWith", "endsWith"}
_WITH_PREDICATE = {"filter", "map", "any", "all", "none", "one", "count", "find", "findIndex"}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}


@dataclass
class _Parser:
    text: str
    tokens: list[tuple[str, str]] = field(default_factory=list)
    position: int = 0
    depth: int = 0

    def __post_init__(self) -> None:
        at, end = 0, len(self.text.rstrip())
        while at < end:
            match = _TOKEN.match(self.text, at)
            if match is None or match.lastgroup is None:
                raise ExpressionError(f"{self.text!r}: unexpected character {self.text[at : at + 1]!r}")
            kind = match.lastgroup
            self.tokens.append((kind, match.group(kind)))
            at = match.end()
        self.tokens.append(("end", ""))

    def peek(self) -> tuple[str, str]:
        return self.tokens[self.position]

    def take(self) -> tuple[str, str]:
        token = self.tokens[self.position]
        self.position += 1
        return token

    def accept(self, op: str) -> bool:
        if self.peek() == ("op", op):
            self.position += 1
            return True
        return False

    def expect(self, op: str) -> None:
        if not self.accept(op):
            raise ExpressionError(f"{self.text!r}: expected {op!r}, found {self.peek()[1] or 'the end'!r}")

    def parse(self) -> Node:
        if len(self.tokens) == 1:
            raise ExpressionError("an empty expression")
        node = self.expression(0)
        kind, text = self.peek()
        if text in ("|", ";", "="):
            raise UnknownFunction(f"{self.text!r}: {text!r} is not known here")
        if kind != "end":
            raise ExpressionError(f"{self.text!r}: unexpected {text!r}")
        return node

    def infix(self) -> str | None:
        kind, text = self.peek()
        if kind == "name" and text == "not" and self.tokens[self.position + 1] == ("name", "in"):
            return "not in"
        if (kind == "op" or text in _WORDS) and text in _BINDING:
            return text
        return None

    def expression(self, least: int) -> Node:
        left = self.prefix()
        while (op := self.infix()) is not None and _BINDING[op] >= least:
            self.position += 2 if op == "not in" else 1
            binding = _BINDING[op]
            # Powers group to the right, everything else to the left.
            left = Binary(op, left, self.expression(binding if op in ("**", "^") else binding + 1))
        if least == 0 and self.accept("?"):
            then = self.expression(0)
            self.expect(":")
            left = Condition(left, then, self.expression(0))
        if least == 0 and self.peek() == ("op", ".."):
            raise UnknownFunction(f"{self.text!r}: '..' is not known here")
        return left

    def prefix(self) -> Node:
        kind, text = self.peek()
        if text in _UNARY and (kind == "op" or text == "not"):
            self.take()
            return Unary(text, self.expression(_UNARY[text]))
        return self.postfix(self.primary())

    def primary(self) -> Node:
        kind, text = self.take()
        if kind == "number":
            return Literal(_number(text))
        if kind == "string":
            return Literal(text[1:-1] if text[0] == "`" else _unescape(text))
        if kind == "name":
            return self.named(text)
        if text == "(":
            node = self.expression(0)
            self.expect(")")
            return node
        if text == "[":
            return List(self.items("]"))
        if text == "{":
            return self.mapping()
        if self.depth and text == "#":
            return Pointer()
        if self.depth and text == "." and self.peek()[0] == "name":
            return Member(Pointer(), Literal(self.take()[1]))
        raise ExpressionError(f"{self.text!r}: unexpected {text or 'end'!r}")

    def named(self, text: str) -> Node:
        if text in ("true", "false"):
            return Literal(text == "true")
        if text in ("nil", "null"):
            return Literal(None)
        if text in ("let", "if"):
            raise UnknownFunction(f"{self.text!r}: {text!r} is not known here")
        if self.peek() == ("op", "("):
            return self.call(text)
        return Name(text)

    def call(self, name: str) -> Node:
        self.expect("(")
        if name not in FUNCTIONS and name not in _WITH_PREDICATE:
            raise UnknownFunction(f"{self.text!r}: the function {name!r} is not known here")
        if name not in _WITH_PREDICATE:
            return Call(name, self.items(")"))
        first = self.expression(0)
        if name == "count" and self.accept(")"):
            return Call(name, (first, Predicate(Pointer())))
        self.expect(",")
        self.depth += 1
        braces = self.accept("{")
        body = self.expression(0)
        if braces:
            self.expect("}")
        self.depth -= 1
        self.accept(",")
        self.expect(")")
        return Call(name, (first, Predicate(body)))

    def items(self, close: str) -> tuple[Node, ...]:
        found: list[Node] = []
        while not self.accept(close):
            if found:
                self.expect(",")
                if self.accept(close):
                    break
            found.append(self.expression(0))
        return tuple(found)

    def mapping(self) -> Node:
        pairs: list[tuple[Node, Node]] = []
        while not self.accept("}"):
            if pairs:
                self.expect(",")
                if self.accept("}"):
                    break
            kind, text = self.take()
            if kind == "op" and text == "(":
                key: Node = self.expression(0)
                self.expect(")")
            elif kind in ("string", "name", "number"):
                key = Literal(_unescape(text) if kind == "string" else text)
            else:
                raise ExpressionError(f"{self.text!r}: a map's key cannot be {text!r}")
            self.expect(":")
            pairs.append((key, self.expression(0)))
        return Map(tuple(pairs))

    def postfix(self, node: Node) -> Node:
        while True:
            if self.accept(".") or (optional := self.accept("?.")):
                optional = self.tokens[self.position - 1][1] == "?."
                kind, text = self.take()
                if optional and text == "[":
                    node = self.index(node, optional=True)
                    continue
                if kind != "name":
                    raise ExpressionError(f"{self.text!r}: expected a name after '.', found {text!r}")
                call = self.peek() == ("op", "(")
                node = self.method(node, text) if call else Member(node, Literal(text), optional)
            elif self.accept("["):
                node = self.index(node)
            else:
                return node

    def method(self, target: Node, name: str) -> Node:
        if not isinstance(target, Name) or f"{target.name}.{name}" not in FUNCTIONS:
            base = target.name if isinstance(target, Name) else "…"
            raise UnknownFunction(f"{self.text!r}: the function '{base}.{name}' is not known here")
        self.expect("(")
        return Call(f"{target.name}.{name}", self.items(")"))

    def index(self, target: Node, optional: bool = False) -> Node:
        if self.accept(":"):
            end = None if self.peek() == ("op", "]") else self.expression(0)
            self.expect("]")
            return Slice(target, None, end)
        key = self.expression(0)
        if self.accept(":"):
            end = None if self.peek() == ("op", "]") else self.expression(0)
            self.expect("]")
            return Slice(target, key, end)
        self.expect("]")
        return Member(target, key, optional)


def _number(text: str) -> int | float:
    clean = text.replace("_", "")
    if clean.lower().startswith("0x"):
        return int(clean, 16)
    return float(clean) if re.search(r"[.eE]", clean) else int(clean)


def _unescape(text: str) -> str:
    def one(match: re.Match[str]) -> str:
        body = match.group(1)
        if body[0] in "uxU":
            return chr(int(body[1:], 16))
        return _ESCAPES.get(body, body)

    return re.sub(r"\\(u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|x[0-9a-fA-F]{2}|.)", one, text[1:-1], flags=re.DOTALL)


# --- the functions --------------------------------------------------------------------------------------------------


def _text(value: Any, what: str) -> str:
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
        return jsonpath_query(json.loads(_text(document, "jsonpath")), _text(path, "jsonpath"))
    except (ValueError, PathError) as error:
        raise ExpressionError(f"jsonpath: {error}") from error


def _from_json(document: Any) -> Any:
    try:
        return json.loads(_text(document, "fromJSON"))
    except ValueError as error:
        raise ExpressionError(f"fromJSON: {error}") from error


def _trunc(count: Any, text: Any) -> str:
    length, whole = _int(count), _text(text, "sprig.trunc")
    return whole[length:] if length < 0 and len(whole) + length > 0 else whole[:length] if length >= 0 else whole


def _empty(value: Any) -> bool:
    return value is None or value == "" or value == 0 or value is False or value == [] or value == {}


def _join(items: Any, separator: Any = "") -> str:
    return _text(separator, "join").join(_text(item, "join") for item in items)


def _sprig_join(separator: Any, items: Any) -> str:
    return _text(separator, "sprig.join").join(gojson.sprint(item) for item in items)


def _string(value: Any) -> str:
    return value if isinstance(value, str) else gojson.sprint(value)


def _split(text: Any, separator: Any, limit: Any = -1) -> list[str]:
    return _text(text, "split").split(_text(separator, "split"), -1 if limit < 0 else limit - 1)


def _replace(text: Any, old: Any, new: Any, count: Any = -1) -> str:
    return _text(text, "replace").replace(_text(old, "replace"), _text(new, "replace"), count)


def _b64dec(text: Any) -> str:
    try:
        return base64.b64decode(_text(text, "b64dec"), validate=True).decode("utf-8", "replace")
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
    "upper": lambda text: _text(text, "upper").upper(),
    "lower": lambda text: _text(text, "lower").lower(),
    "trim": lambda text, characters=None: _text(text, "trim").strip(characters),
    "trimPrefix": lambda text, prefix=" ": _text(text, "trimPrefix").removeprefix(prefix),
    "trimSuffix": lambda text, suffix=" ": _text(text, "trimSuffix").removesuffix(suffix),
    "hasPrefix": lambda text, prefix: _text(text, "hasPrefix").startswith(prefix),
    "hasSuffix": lambda text, suffix: _text(text, "hasSuffix").endswith(suffix),
    "indexOf": lambda text, part: _text(text, "indexOf").find(part),
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
    "sprig.upper": lambda text: _text(text, "sprig.upper").upper(),
    "sprig.lower": lambda text: _text(text, "sprig.lower").lower(),
    "sprig.trim": lambda text: _text(text, "sprig.trim").strip(),
    "sprig.trimPrefix": lambda prefix, text: _text(text, "sprig.trimPrefix").removeprefix(prefix),
    "sprig.trimSuffix": lambda suffix, text: _text(text, "sprig.trimSuffix").removesuffix(suffix),
    "sprig.replace": lambda old, new, text: _text(text, "sprig.replace").replace(old, new),
    "sprig.contains": lambda part, text: part in _text(text, "sprig.contains"),
    "sprig.hasPrefix": lambda prefix, text: _text(text, "sprig.hasPrefix").startswith(prefix),
    "sprig.hasSuffix": lambda suffix, text: _text(text, "sprig.hasSuffix").endswith(suffix),
    "sprig.sha256sum": lambda text: hashlib.sha256(_text(text, "sprig.sha256sum").encode()).hexdigest(),
    "sprig.b64enc": lambda text: base64.b64encode(_text(text, "sprig.b64enc").encode()).decode(),
    "sprig.b64dec": _b64dec,
    "sprig.default": lambda fallback, *given: fallback if not given or _empty(given[0]) else given[0],
    "sprig.empty": _empty,
    "sprig.ternary": lambda yes, no, test: yes if test else no,
    "sprig.coalesce": lambda *values: next((value for value in values if not _empty(value)), None),
    "sprig.join": _sprig_join,
    "sprig.splitList": lambda separator, text: _text(text, "sprig.splitList").split(separator),
    "sprig.toString": _string,
    "sprig.list": lambda *values: list(values),
    "sprig.first": lambda items: items[0] if items else None,
    "sprig.last": lambda items: items[-1] if items else None,
}


# --- evaluation -----------------------------------------------------------------------------------------------------

Environment = Mapping[str, Any]
_Evaluate = Callable[[Environment, Any], Any]


def _numeric(op: str, left: Any, right: Any) -> None:
    for value in (left, right):
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ExpressionError(
                f"invalid operation: {gojson.sprint(left)} {op} {gojson.sprint(right)} (mismatched types)"
            )


def _add(left: Any, right: Any) -> Any:
    if isinstance(left, str) and isinstance(right, str):
        return left + right
    _numeric("+", left, right)
    return left + right


def _arithmetic(op: str, function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def evaluate(left: Any, right: Any) -> Any:
        _numeric(op, left, right)
        try:
            return function(left, right)
        except (ZeroDivisionError, OverflowError) as error:
            raise ExpressionError(f"{gojson.sprint(left)} {op} {gojson.sprint(right)}: {error}") from error

    return evaluate


def _remainder(left: Any, right: Any) -> Any:
    if isinstance(left, float) or isinstance(right, float):
        raise ExpressionError(f"invalid operation: {gojson.sprint(left)} % {gojson.sprint(right)} (mismatched types)")
    return int(math.fmod(left, right)) if abs(left) < 2**53 else left - right * int(left / right)


def _divide(left: Any, right: Any) -> Any:
    if right == 0:
        # Go's floating point division: no error, an infinity or no number.
        return math.nan if left == 0 else math.copysign(math.inf, left)
    return left / right


def _power(left: Any, right: Any) -> Any:
    result = float(left) ** float(right)
    if isinstance(result, complex):
        return math.nan
    return result


def _compare(op: str, function: Callable[[Any, Any], bool]) -> Callable[[Any, Any], Any]:
    def evaluate(left: Any, right: Any) -> Any:
        if not (isinstance(left, str) and isinstance(right, str)):
            _numeric(op, left, right)
        return function(left, right)

    return evaluate


def _equal(left: Any, right: Any) -> bool:
    if isinstance(left, bool) != isinstance(right, bool):
        return False
    return bool(left == right)


def _contained(item: Any, container: Any) -> bool:
    if container is None:
        return False
    if isinstance(container, dict):
        return item in container
    if isinstance(container, list | tuple):
        return any(_equal(item, other) for other in container)
    raise ExpressionError(f'operator "in" is not defined on {gojson.sprint(container)}')


def _matches(text: Any, pattern: Any) -> bool:
    try:
        return re.search(_text(pattern, "matches"), _text(text, "matches")) is not None
    except re.error as error:
        raise ExpressionError(f"matches: {error}") from error


_OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": _add,
    "-": _arithmetic("-", operator.sub),
    "*": _arithmetic("*", operator.mul),
    "/": _arithmetic("/", _divide),
    "%": _arithmetic("%", _remainder),
    "**": _arithmetic("**", _power),
    "^": _arithmetic("^", _power),
    "==": _equal,
    "!=": lambda left, right: not _equal(left, right),
    "<": _compare("<", operator.lt),
    ">": _compare(">", operator.gt),
    "<=": _compare("<=", operator.le),
    ">=": _compare(">=", operator.ge),
    "in": _contained,
    "not in": lambda item, container: not _contained(item, container),
    "matches": _matches,
    "contains": lambda text, part: _text(part, "contains") in _text(text, "contains"),
    "startsWith": lambda text, part: _text(text, "startsWith").startswith(_text(part, "startsWith")),
    "endsWith": lambda text, part: _text(text, "endsWith").endswith(_text(part, "endsWith")),
}


def _truth(value: Any, op: str) -> bool:
    if not isinstance(value, bool):
        raise ExpressionError(f"invalid operation: {op} wants a bool, not {gojson.sprint(value)}")
    return value


def _fetch(target: Any, key: Any) -> Any:
    if isinstance(target, Mapping):
        return target.get(key)
    if isinstance(target, list | tuple | str) and isinstance(key, int) and not isinstance(key, bool):
        if -len(target) <= key < len(target):
            return target[key]
        raise ExpressionError(f"index out of range: {key} (array length is {len(target)})")
    raise ExpressionError(f"cannot fetch {gojson.sprint(key)} from {gojson.sprint(target)}")


def _compile(node: Node) -> _Evaluate:
    match node:
        case Literal(value):
            return lambda _env, _item: value
        case Pointer():
            return lambda _env, item: item
        case Name(name):
            return _named(name)
        case Member(target, key, optional):
            fetch_target, fetch_key = _compile(target), _compile(key)

            def member(env: Environment, item: Any) -> Any:
                value = fetch_target(env, item)
                if value is None and optional:
                    return None
                return _fetch(value, fetch_key(env, item))

            return member
        case Slice(target, start, end):
            return _sliced(_compile(target), _compile(start) if start else None, _compile(end) if end else None)
        case Unary(op, value):
            return _unary(op, _compile(value))
        case Binary(op, left, right):
            return _binary(op, left, right)
        case Condition(test, then, other):
            run_test, run_then, run_other = _compile(test), _compile(then), _compile(other)
            return lambda env, item: run_then(env, item) if _truth(run_test(env, item), "?") else run_other(env, item)
        case Call(function, arguments):
            return _call(function, arguments)
        case List(items):
            parts = [_compile(part) for part in items]
            return lambda env, item: [part(env, item) for part in parts]
        case Map(pairs):
            compiled = [(_compile(key), _compile(value)) for key, value in pairs]
            return lambda env, item: {key(env, item): value(env, item) for key, value in compiled}
    raise ExpressionError(f"{node!r} cannot stand here")


def _named(name: str) -> _Evaluate:
    def evaluate(env: Environment, _item: Any) -> Any:
        try:
            return env[name]
        except KeyError:
            raise UnknownName(f"unknown name {name}") from None

    return evaluate


def _sliced(target: _Evaluate, start: _Evaluate | None, end: _Evaluate | None) -> _Evaluate:
    def evaluate(env: Environment, item: Any) -> Any:
        value = target(env, item)
        if not isinstance(value, str | list | tuple):
            raise ExpressionError(f"cannot slice {gojson.sprint(value)}")
        return value[start(env, item) if start else None : end(env, item) if end else None]

    return evaluate


def _unary(op: str, value: _Evaluate) -> _Evaluate:
    if op in ("not", "!"):
        return lambda env, item: not _truth(value(env, item), op)

    def evaluate(env: Environment, item: Any) -> Any:
        result = value(env, item)
        _numeric(op, result, result)
        return -result if op == "-" else result

    return evaluate


def _binary(op: str, left: Node, right: Node) -> _Evaluate:
    run_left, run_right = _compile(left), _compile(right)
    if op in ("&&", "and"):
        return lambda env, item: _truth(run_left(env, item), op) and _truth(run_right(env, item), op)
    if op in ("||", "or"):
        return lambda env, item: _truth(run_left(env, item), op) or _truth(run_right(env, item), op)
    if op == "??":

        def coalesce(env: Environment, item: Any) -> Any:
            value = run_left(env, item)
            return run_right(env, item) if value is None else value

        return coalesce
    apply = _OPERATORS[op]
    return lambda env, item: apply(run_left(env, item), run_right(env, item))


def _call(name: str, arguments: tuple[Node, ...]) -> _Evaluate:
    if name in _WITH_PREDICATE:
        predicate = arguments[1]
        assert isinstance(predicate, Predicate)  # noqa: S101 - the parser makes nothing else
        return _over(name, _compile(arguments[0]), _compile(predicate.body))
    function, parts = FUNCTIONS[name], [_compile(part) for part in arguments]

    def evaluate(env: Environment, item: Any) -> Any:
        values = [part(env, item) for part in parts]
        try:
            return function(*values)
        except (TypeError, ValueError, AttributeError, OverflowError) as error:
            raise ExpressionError(f"{name}: {error}") from error

    return evaluate


def _over(name: str, source: _Evaluate, body: _Evaluate) -> _Evaluate:
    def evaluate(env: Environment, item: Any) -> Any:
        items = source(env, item)
        if not isinstance(items, list | tuple):
            raise ExpressionError(f"{name} wants a list, not {gojson.sprint(items)}")
        if name == "map":
            return [body(env, each) for each in items]
        kept = (_truth(body(env, each), name) for each in items)
        if name == "filter":
            return [each for each, keep in zip(items, kept, strict=True) if keep]
        if name == "any":
            return any(kept)
        if name == "all":
            return all(kept)
        if name == "none":
            return not any(kept)
        if name == "one":
            return sum(kept) == 1
        if name == "count":
            return sum(kept)
        found = next((index for index, keep in enumerate(kept) if keep), None)
        return found if name == "findIndex" or found is None else items[found]

    return evaluate


# --- what others call -----------------------------------------------------------------------------------------------


class Program:
    """A parsed expression."""

    def __init__(self, text: str) -> None:
        """Parse `text`; ExpressionError if it is no expression, UnknownFunction if it needs what we do not have."""
        self.text = text
        self._tree = _Parser(text).parse()
        self._run = _compile(self._tree)
        self._roots = tuple(dict.fromkeys(node.name for node in _walk(self._tree) if isinstance(node, Name)))
        self._misfits: dict[tuple[kinds.Type | None, ...], tuple[type[ExpressionError], str] | None] = {}
        self.names: tuple[str, ...] = tuple(dict.fromkeys(_identifiers(self._tree, _guarded(self._tree))))
        """The dotted names that must be there, in the order of their appearance.

        Those behind `??` and `?.` are left out but for their first part, as Argo's getIdentifiers does.
        """

    def run(self, env: Environment) -> Any:
        """The value under the variables `env` (nested maps); ExpressionError if there is none, or types do not fit."""
        found = tuple(kinds.kind(env[name]) if name in env else None for name in self._roots)
        if found not in self._misfits:
            self._misfits[found] = self._misfit(found)
        if (misfit := self._misfits[found]) is not None:
            error, why = misfit
            raise error(why)
        return self._run(env, None)

    def _misfit(self, found: tuple[kinds.Type | None, ...]) -> tuple[type[ExpressionError], str] | None:
        known = {name: kind for name, kind in zip(self._roots, found, strict=True) if kind is not None}
        try:
            kinds.check(self._tree, known)
        except kinds.UnknownVariable as error:
            return UnknownName, str(error)
        except kinds.Misfit as error:
            return ExpressionError, str(error)
        return None

    def test(self, env: Environment) -> bool:
        """The truth under `env`; ExpressionError where the value is no bool (util/expr/argoexpr/eval.go)."""
        value = self.run(env)
        if not isinstance(value, bool):
            raise ExpressionError(f"unable to cast expression result '{gojson.sprint(value)}' to bool")
        return value


@lru_cache(maxsize=4096)
def program(text: str) -> Program:
    """The Program of a text, parsed once."""
    return Program(text)


def _path(node: Member) -> str | None:
    parts: list[str] = []
    current: Node = node
    while isinstance(current, Member):
        if current.optional or not isinstance(current.key, Literal) or not isinstance(current.key.value, str):
            return None
        parts.append(current.key.value)
        current = current.target
    if not isinstance(current, Name):
        return None
    return ".".join([current.name, *reversed(parts)])


def _walk(node: Node) -> Iterator[Node]:
    for child in node.children():
        yield from _walk(child)
    yield node


def _guarded(tree: Node) -> set[int]:
    guarded: set[int] = set()
    for node in _walk(tree):
        if isinstance(node, Binary) and node.op == "??":
            guarded.update(id(part) for part in _walk(node.left) if isinstance(part, Member))
        elif isinstance(node, Member) and node.optional and isinstance(node.target, Member):
            guarded.add(id(node.target))
    return guarded


def _identifiers(tree: Node, guarded: set[int]) -> Iterator[str]:
    for node in _walk(tree):
        if isinstance(node, Name):
            yield node.name
        elif isinstance(node, Member) and id(node) not in guarded and (path := _path(node)) is not None:
            yield path
