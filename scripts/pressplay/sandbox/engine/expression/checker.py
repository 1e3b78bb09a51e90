"""What expr-lang refuses before an expression runs: operators between types that never go together.

Argo compiles an expression with the variables at hand (expr.Env): what stands at their top, such as `item`, has the
type of its value, while everything behind a dot is unknown and is compared when it runs. A misfit ends the whole
expression, also in a branch that is never reached. Source: expr-lang v1.17.8, checker/checker.go, builtin/builtin.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pressplay.sandbox.engine.expression import tree


@dataclass(frozen=True)
class Type:
    """A type by Go's name for it; `of` is the type of a list's items."""

    name: str
    of: Type | None = None

    def __str__(self) -> str:
        return self.name


UNKNOWN = Type("unknown")
ANY = Type("interface {}")
"""Unknown as well, but what has a type may take its place: `test ? 'text' : item.x` is text for all that follows."""
NIL = Type("nil")
BOOL = Type("bool")
TEXT = Type("string")
WHOLE = Type("int")
NUMBER = Type("float64")
MAP = Type("map[string]interface {}")
_LIST = "[]interface {}"

_CONSTANTS: Mapping[type, Type] = {type(None): NIL, bool: BOOL, str: TEXT, int: WHOLE, float: NUMBER}
_TAKES: Mapping[str, str] = {
    **dict.fromkeys(("upper", "lower", "trim", "trimPrefix", "trimSuffix", "hasPrefix", "hasSuffix"), "text"),
    **dict.fromkeys(("indexOf", "split", "replace", "fromJSON", "jsonpath"), "text"),
    **dict.fromkeys(("abs", "ceil", "floor", "round"), "number"),
    **dict.fromkeys(("int", "float"), "number text"),
    **dict.fromkeys(("min", "max"), "number list"),
    **dict.fromkeys(("first", "last", "sum", "join"), "list"),
    **dict.fromkeys(("keys", "values"), "map"),
    "len": "text list map",
}
"""What their first argument may be."""
_ALL_TEXT = {"hasPrefix", "hasSuffix", "indexOf", "jsonpath", "trim", "trimPrefix", "trimSuffix"}
"""Their other arguments are text too."""
_GIVES: Mapping[str, Type] = {
    **dict.fromkeys(("string", "toJson", "toJSON", "upper", "lower", "trim", "trimPrefix", "trimSuffix"), TEXT),
    **dict.fromkeys(("replace", "join"), TEXT),
    **dict.fromkeys(("hasPrefix", "hasSuffix", "any", "all", "none", "one"), BOOL),
    **dict.fromkeys(("int", "len", "indexOf", "count", "findIndex"), WHOLE),
    **dict.fromkeys(("float", "ceil", "floor", "round"), NUMBER),
    "split": Type("[]string", TEXT),
}
_GIVES_ANY = {"asInt", "asFloat", "jsonpath", "fromJSON", "first", "last", "abs", "min", "max"}
"""Of the others, as all of sprig, nothing is known before they run."""


class Misfit(Exception):
    """An expression that expr-lang would not compile; the text is expr-lang's."""


class UnknownVariable(Misfit):
    """A variable that is not there at all."""


def type_of(value: Any) -> Type:
    """The type that expr-lang sees in a variable."""
    return MAP if isinstance(value, Mapping) else _CONSTANTS.get(type(value), UNKNOWN)


def check(node: tree.Node, variables: Mapping[str, Type]) -> Type:
    """The type of what `node` gives under the types of the variables; Misfit where parts of it do not fit."""
    return _Checker(variables).visit(node)


def _list(of: Type) -> Type:
    return Type(_LIST, of)


def _numeric(type_: Type) -> bool:
    return type_ in (WHOLE, NUMBER)


def _open(type_: Type) -> bool:
    return type_ in (UNKNOWN, ANY)


def _assignable(type_: Type, to: Type) -> bool:
    return type_ not in (UNKNOWN, NIL) and (to == ANY or type_.name == to.name)


def _comparable(left: Type, right: Type) -> bool:
    if _open(left) or _open(right) or NIL in (left, right) or (_numeric(left) and _numeric(right)):
        return True
    return bool(left.of and right.of) or left.name == right.name


def _fit(left: Type, right: Type, *allowed: Type) -> bool:
    """Both unknown, or one of them and the other one of the allowed."""
    return (_open(left) and (_open(right) or right in allowed)) or (_open(right) and left in allowed)


def _sort(type_: Type) -> str:
    if type_.of:
        return "list"
    return {TEXT: "text", MAP: "map", WHOLE: "number", NUMBER: "number"}.get(type_, type_.name)


def _sum(left: Type, right: Type) -> Type:
    return UNKNOWN if _open(left) or _open(right) else NUMBER if NUMBER in (left, right) else left


@dataclass
class _Checker:
    variables: Mapping[str, Type]
    items: list[Type] = field(default_factory=list)

    def visit(self, node: tree.Node) -> Type:
        match node:
            case tree.Literal(value):
                return _CONSTANTS[type(value)]
            case tree.Name(name):
                if name not in self.variables:
                    raise UnknownVariable(f"unknown name {name}")
                return self.variables[name]
            case tree.Pointer():
                return self.items[-1]
            case tree.Member(target, key):
                return self.member(self.visit(target), key)
            case tree.Slice(target, start, end):
                return self.slice(self.visit(target), start, end)
            case tree.Unary(op, value):
                return self.unary(op, self.visit(value))
            case tree.Binary(op, left, right):
                return self.binary(op, self.visit(left), self.visit(right))
            case tree.Condition(test, then, other):
                return self.condition(self.visit(test), then, other)
            case tree.Call(function, arguments):
                return self.call(function, arguments)
            case tree.List(items):
                types = [self.visit(item) for item in items]
                return _list(types[-1] if len({item.name for item in types}) == 1 else ANY)
            case tree.Map(pairs):
                for pair in pairs:
                    for part in pair:
                        self.visit(part)
                return MAP
        raise Misfit(f"{node!r} cannot stand here")

    def member(self, target: Type, key: tree.Node) -> Type:
        chosen = self.visit(key)
        field_name = key.value if isinstance(key, tree.Literal) and isinstance(key.value, str) else None
        if _open(target):
            return UNKNOWN
        if target == MAP:
            if chosen != TEXT and not _open(chosen):
                raise Misfit(f"cannot use {chosen} to get an element from {target}")
            return ANY
        if target.of:
            if chosen != WHOLE and not _open(chosen):
                raise Misfit(f"array elements can only be selected using an integer (got {chosen})")
            return target.of
        if field_name is not None:
            raise Misfit(f"type {target} has no field {field_name}")
        raise Misfit(f"type {target}[{chosen}] is undefined")

    def slice(self, target: Type, start: tree.Node | None, end: tree.Node | None) -> Type:
        if _open(target):
            return UNKNOWN
        if target != TEXT and not target.of:
            raise Misfit(f"cannot slice {target}")
        for bound in (start, end):
            if bound is not None and (type_ := self.visit(bound)) != WHOLE and not _open(type_):
                raise Misfit(f"non-integer slice index {type_}")
        return target

    def unary(self, op: str, value: Type) -> Type:
        if op in ("!", "not") and (value == BOOL or _open(value)):
            return BOOL
        if op in ("+", "-") and (_numeric(value) or _open(value)):
            return value if _numeric(value) else UNKNOWN
        raise Misfit(f"invalid operation: {op} (mismatched type {value})")

    def binary(self, op: str, left: Type, right: Type) -> Type:
        both_numbers, both_text = _numeric(left) and _numeric(right), left == right == TEXT
        match op:
            case "==" | "!=" if _comparable(left, right):
                return BOOL
            case "or" | "||" | "and" | "&&" if left == right == BOOL or _fit(left, right, BOOL):
                return BOOL
            case "<" | ">" | "<=" | ">=" if both_numbers or both_text or _fit(left, right, WHOLE, NUMBER, TEXT):
                return BOOL
            case "-" | "*" if both_numbers or _fit(left, right, WHOLE, NUMBER):
                return _sum(left, right)
            case "+" if both_numbers or both_text or _fit(left, right, WHOLE, NUMBER, TEXT):
                return _sum(left, right)
            case "/" | "**" | "^" if both_numbers or _fit(left, right, WHOLE, NUMBER):
                return NUMBER
            case "%" if left == right == WHOLE or _fit(left, right, WHOLE):
                return WHOLE
            case "matches" | "contains" | "startsWith" | "endsWith" if both_text or _fit(left, right, TEXT):
                return BOOL
            case "in" | "not in" if self.contained(left, right):
                return BOOL
            case "??":
                return self.coalesced(left, right)
        raise Misfit(f"invalid operation: {op.removeprefix('not ')} (mismatched types {left} and {right})")

    def contained(self, item: Type, holder: Type) -> bool:
        if holder == MAP and item != TEXT and not _open(item):
            raise Misfit(f"cannot use {item} as type string in map key")
        if holder.of and not _comparable(item, holder.of):
            raise Misfit(f"cannot use {item} as type {holder.of} in array")
        return holder == MAP or _open(holder) or bool(holder.of) or (_open(item) and holder == TEXT)

    def coalesced(self, left: Type, right: Type) -> Type:
        if NIL in (left, right):
            return right if left == NIL else left
        return left if _assignable(right, left) else UNKNOWN

    def condition(self, test: Type, then: tree.Node, other: tree.Node) -> Type:
        if test != BOOL and not _open(test):
            raise Misfit(f"non-bool expression (type {test}) used as condition")
        first, second = self.visit(then), self.visit(other)
        if NIL in (first, second):
            return second if first == NIL else first
        if not _assignable(first, second):
            return UNKNOWN
        return _list(ANY) if first.of and second.of and first.of != second.of else first

    def call(self, function: str, arguments: tuple[tree.Node, ...]) -> Type:
        if len(arguments) == 2 and isinstance(arguments[1], tree.Predicate):
            return self.over(function, self.visit(arguments[0]), arguments[1].body)
        if function.startswith("sprig."):
            # Behind a dot, and so is not even looked into.
            return UNKNOWN
        types = [self.visit(argument) for argument in arguments]
        taken = types if function in _ALL_TEXT else types[:1]
        for type_ in taken if function in _TAKES else ():
            if not _open(type_) and _sort(type_) not in _TAKES[function].split():
                raise Misfit(f"cannot use {type_} as argument to call {function}")
        if function in ("keys", "values"):
            return _list(ANY)
        if function == "sum" and types:
            return types[0].of or UNKNOWN
        if function in ("abs", "min", "max") and types and all(map(_numeric, types)):
            return types[0]
        return _GIVES.get(function, ANY if function in _GIVES_ANY else UNKNOWN)

    def over(self, function: str, items: Type, body: tree.Node) -> Type:
        if not items.of and not _open(items):
            raise Misfit(f"builtin {function} takes only array (got {items})")
        item_type = items.of or UNKNOWN
        self.items.append(item_type)
        result = self.visit(body)
        self.items.pop()
        if function == "map":
            return _list(result)
        if result != BOOL and not _open(result):
            raise Misfit(f"predicate should return boolean (got {result})")
        if function == "filter":
            return _list(item_type)
        return item_type if function == "find" else _GIVES[function]
