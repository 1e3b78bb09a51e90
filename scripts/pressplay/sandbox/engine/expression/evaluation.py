"""From an expression's tree to closures that give its value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pressplay.sandbox.engine import gojson
from pressplay.sandbox.engine.expression.errors import ExpressionError, UnknownName
from pressplay.sandbox.engine.expression.functions import FUNCTIONS, WITH_PREDICATE
from pressplay.sandbox.engine.expression.operators import OPERATORS, check_numeric, truth
from pressplay.sandbox.engine.expression.tree import (
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

Environment = Mapping[str, Any]
"""Variables as nested maps."""
Evaluate = Callable[[Environment, Any], Any]
"""Gives a value under the variables and, inside a predicate, the item under test."""


def _fetch(target: Any, key: Any) -> Any:
    if isinstance(target, Mapping):
        return target.get(key)
    if isinstance(target, list | tuple | str) and isinstance(key, int) and not isinstance(key, bool):
        if -len(target) <= key < len(target):
            return target[key]
        raise ExpressionError(f"index out of range: {key} (array length is {len(target)})")
    raise ExpressionError(f"cannot fetch {gojson.sprint(key)} from {gojson.sprint(target)}")


def compile_node(node: Node) -> Evaluate:
    """What gives a tree's value; it raises ExpressionError where there is none."""
    match node:
        case Literal(value):
            return lambda _env, _item: value
        case Pointer():
            return lambda _env, item: item
        case Name(name):
            return _named(name)
        case Member(target, key, optional):
            fetch_target, fetch_key = compile_node(target), compile_node(key)

            def member(env: Environment, item: Any) -> Any:
                value = fetch_target(env, item)
                if value is None and optional:
                    return None
                return _fetch(value, fetch_key(env, item))

            return member
        case Slice(target, start, end):
            return _sliced(
                compile_node(target), compile_node(start) if start else None, compile_node(end) if end else None
            )
        case Unary(op, value):
            return _unary(op, compile_node(value))
        case Binary(op, left, right):
            return _binary(op, left, right)
        case Condition(test, then, other):
            run_test, run_then, run_other = compile_node(test), compile_node(then), compile_node(other)
            return lambda env, item: run_then(env, item) if truth(run_test(env, item), "?") else run_other(env, item)
        case Call(function, arguments):
            return _call(function, arguments)
        case List(items):
            parts = [compile_node(part) for part in items]
            return lambda env, item: [part(env, item) for part in parts]
        case Map(pairs):
            compiled = [(compile_node(key), compile_node(value)) for key, value in pairs]
            return lambda env, item: {key(env, item): value(env, item) for key, value in compiled}
    raise ExpressionError(f"{node!r} cannot stand here")


def _named(name: str) -> Evaluate:
    def evaluate(env: Environment, _item: Any) -> Any:
        try:
            return env[name]
        except KeyError:
            raise UnknownName(f"unknown name {name}") from None

    return evaluate


def _sliced(target: Evaluate, start: Evaluate | None, end: Evaluate | None) -> Evaluate:
    def evaluate(env: Environment, item: Any) -> Any:
        value = target(env, item)
        if not isinstance(value, str | list | tuple):
            raise ExpressionError(f"cannot slice {gojson.sprint(value)}")
        return value[start(env, item) if start else None : end(env, item) if end else None]

    return evaluate


def _unary(op: str, value: Evaluate) -> Evaluate:
    if op in ("not", "!"):
        return lambda env, item: not truth(value(env, item), op)

    def evaluate(env: Environment, item: Any) -> Any:
        result = value(env, item)
        check_numeric(op, result, result)
        return -result if op == "-" else result

    return evaluate


def _binary(op: str, left: Node, right: Node) -> Evaluate:
    run_left, run_right = compile_node(left), compile_node(right)
    if op in ("&&", "and"):
        return lambda env, item: truth(run_left(env, item), op) and truth(run_right(env, item), op)
    if op in ("||", "or"):
        return lambda env, item: truth(run_left(env, item), op) or truth(run_right(env, item), op)
    if op == "??":

        def coalesce(env: Environment, item: Any) -> Any:
            value = run_left(env, item)
            return run_right(env, item) if value is None else value

        return coalesce
    apply = OPERATORS[op]
    return lambda env, item: apply(run_left(env, item), run_right(env, item))


def _call(name: str, arguments: tuple[Node, ...]) -> Evaluate:
    if name in WITH_PREDICATE:
        predicate = arguments[1]
        assert isinstance(predicate, Predicate)  # noqa: S101 - the parser makes nothing else
        return _over(name, compile_node(arguments[0]), compile_node(predicate.body))
    function, parts = FUNCTIONS[name], [compile_node(part) for part in arguments]

    def evaluate(env: Environment, item: Any) -> Any:
        values = [part(env, item) for part in parts]
        try:
            return function(*values)
        except (TypeError, ValueError, AttributeError, OverflowError) as error:
            raise ExpressionError(f"{name}: {error}") from error

    return evaluate


def _over(name: str, source: Evaluate, body: Evaluate) -> Evaluate:
    def evaluate(env: Environment, outer: Any) -> Any:
        items = source(env, outer)
        if not isinstance(items, list | tuple):
            raise ExpressionError(f"{name} wants a list, not {gojson.sprint(items)}")
        if name == "map":
            return [body(env, item) for item in items]
        matches = (truth(body(env, item), name) for item in items)
        if name == "filter":
            return [item for item, keep in zip(items, matches, strict=True) if keep]
        if name == "any":
            return any(matches)
        if name == "all":
            return all(matches)
        if name == "none":
            return not any(matches)
        if name == "one":
            return sum(matches) == 1
        if name == "count":
            return sum(matches)
        first = next((index for index, keep in enumerate(matches) if keep), None)
        return first if name == "findIndex" or first is None else items[first]

    return evaluate
