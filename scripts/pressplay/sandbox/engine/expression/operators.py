"""expr-lang's binary operators, but for those that do not evaluate both sides."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from pressplay.sandbox.engine import gojson
from pressplay.sandbox.engine.expression.errors import ExpressionError
from pressplay.sandbox.engine.expression.functions import text_of


def check_numeric(op: str, left: Any, right: Any) -> None:
    """ExpressionError, naming `op`, unless both are numbers."""
    for value in (left, right):
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ExpressionError(
                f"invalid operation: {gojson.sprint(left)} {op} {gojson.sprint(right)} (mismatched types)"
            )


def _add(left: Any, right: Any) -> Any:
    if isinstance(left, str) and isinstance(right, str):
        return left + right
    check_numeric("+", left, right)
    return left + right


def _arithmetic(op: str, function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def evaluate(left: Any, right: Any) -> Any:
        check_numeric(op, left, right)
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
            check_numeric(op, left, right)
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
        return re.search(text_of(pattern, "matches"), text_of(text, "matches")) is not None
    except re.error as error:
        raise ExpressionError(f"matches: {error}") from error


OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
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
    "contains": lambda text, part: text_of(part, "contains") in text_of(text, "contains"),
    "startsWith": lambda text, part: text_of(text, "startsWith").startswith(text_of(part, "startsWith")),
    "endsWith": lambda text, part: text_of(text, "endsWith").endswith(text_of(part, "endsWith")),
}


def truth(value: Any, op: str) -> bool:
    """`value`; ExpressionError, naming `op`, if it is no bool."""
    if not isinstance(value, bool):
        raise ExpressionError(f"invalid operation: {op} wants a bool, not {gojson.sprint(value)}")
    return value
