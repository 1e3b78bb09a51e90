"""The tree of an expression: what the parser makes, and what is checked and evaluated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, eq=False)
class Node:
    """A part of an expression's tree."""

    def children(self) -> tuple[Node, ...]:
        """The parts directly below."""
        return ()


@dataclass(frozen=True, eq=False)
class Literal(Node):
    """A constant: text, number, bool or None."""

    value: Any


@dataclass(frozen=True, eq=False)
class Name(Node):
    """A variable."""

    name: str


@dataclass(frozen=True, eq=False)
class Pointer(Node):
    """`#` in a predicate: the item under test."""


@dataclass(frozen=True, eq=False)
class Member(Node):
    """`target.key` or `target[key]`; `optional` where `?.` was written."""

    target: Node
    key: Node
    optional: bool = False

    def children(self) -> tuple[Node, ...]:
        """The parts directly below."""
        return (self.target, self.key)


@dataclass(frozen=True, eq=False)
class Slice(Node):
    """`target[start:end]`."""

    target: Node
    start: Node | None
    end: Node | None

    def children(self) -> tuple[Node, ...]:
        """The parts directly below."""
        return tuple(part for part in (self.target, self.start, self.end) if part is not None)


@dataclass(frozen=True, eq=False)
class Unary(Node):
    """`not x`, `-x`."""

    op: str
    value: Node

    def children(self) -> tuple[Node, ...]:
        """The parts directly below."""
        return (self.value,)


@dataclass(frozen=True, eq=False)
class Binary(Node):
    """`left op right`."""

    op: str
    left: Node
    right: Node

    def children(self) -> tuple[Node, ...]:
        """The parts directly below."""
        return (self.left, self.right)


@dataclass(frozen=True, eq=False)
class Condition(Node):
    """`test ? then : other`."""

    test: Node
    then: Node
    other: Node

    def children(self) -> tuple[Node, ...]:
        """The parts directly below."""
        return (self.test, self.then, self.other)


@dataclass(frozen=True, eq=False)
class Call(Node):
    """A function of FUNCTIONS, or one that takes a predicate."""

    function: str
    arguments: tuple[Node, ...]

    def children(self) -> tuple[Node, ...]:
        """The parts directly below."""
        return self.arguments


@dataclass(frozen=True, eq=False)
class Predicate(Node):
    """What a function asks of each item."""

    body: Node

    def children(self) -> tuple[Node, ...]:
        """The parts directly below."""
        return (self.body,)


@dataclass(frozen=True, eq=False)
class List(Node):
    """`[…]`."""

    items: tuple[Node, ...]

    def children(self) -> tuple[Node, ...]:
        """The parts directly below."""
        return self.items


@dataclass(frozen=True, eq=False)
class Map(Node):
    """`{key: value}`."""

    pairs: tuple[tuple[Node, Node], ...]

    def children(self) -> tuple[Node, ...]:
        """The parts directly below."""
        return tuple(part for pair in self.pairs for part in pair)
