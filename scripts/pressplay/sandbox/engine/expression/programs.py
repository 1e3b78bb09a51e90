"""Parsed expressions, kept, since a Workflow evaluates the same few texts thousands of times.

Source: Argo's util/template/expression_template.go (which names an expression needs), util/expr/argoexpr/eval.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from pressplay.sandbox.engine import gojson
from pressplay.sandbox.engine.expression import checker
from pressplay.sandbox.engine.expression.errors import ExpressionError, UnknownName
from pressplay.sandbox.engine.expression.evaluation import Environment, compile_node
from pressplay.sandbox.engine.expression.parser import parse
from pressplay.sandbox.engine.expression.tree import Binary, Literal, Member, Name, Node


class Program:
    """A parsed expression."""

    def __init__(self, text: str) -> None:
        """Parse `text`; ExpressionError if it is no expression, UnknownFunction if it needs what we do not have."""
        self.text = text
        self._tree = parse(text)
        self._run = compile_node(self._tree)
        self._roots = tuple(dict.fromkeys(node.name for node in _walk(self._tree) if isinstance(node, Name)))
        self._misfits: dict[tuple[checker.Type | None, ...], tuple[type[ExpressionError], str] | None] = {}
        self.names: tuple[str, ...] = tuple(dict.fromkeys(_identifiers(self._tree, _guarded(self._tree))))
        """The dotted names that must be there, in the order of their appearance.

        Those behind `??` and `?.` are left out but for their first part, as Argo's getIdentifiers does.
        """

    def run(self, env: Environment) -> Any:
        """The value under the variables `env` (nested maps); ExpressionError if there is none, or types do not fit."""
        types = tuple(checker.type_of(env[name]) if name in env else None for name in self._roots)
        if types not in self._misfits:
            self._misfits[types] = self._misfit(types)
        if (misfit := self._misfits[types]) is not None:
            error, why = misfit
            raise error(why)
        return self._run(env, None)

    def _misfit(self, types: tuple[checker.Type | None, ...]) -> tuple[type[ExpressionError], str] | None:
        known = {name: type_ for name, type_ in zip(self._roots, types, strict=True) if type_ is not None}
        try:
            checker.check(self._tree, known)
        except checker.UnknownVariable as error:
            return UnknownName, str(error)
        except checker.Misfit as error:
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
