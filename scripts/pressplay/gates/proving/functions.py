"""The functions of a source file, and which of them a change touched, by the trees of `gates.syntax`.

Python's lambdas, Rust's closures and JavaScript's `call(x => y)` belong to the function around them. So does a function
without a name that is a part of a line. Rust's own tests (`#[cfg(test)]`, `#[test]`) are no part of the program.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from pressplay.gates.proving.changes import Lines
from pressplay.gates.proving.model import Language
from pressplay.gates.syntax import COMMENTS, SyntaxTree, readable

if TYPE_CHECKING:
    from tree_sitter import Node

_SUFFIXES: Mapping[str, Language] = {".py": "python", ".rs": "rust", ".go": "go"}
_FUNCTIONS: Mapping[Language, frozenset[str]] = {
    "python": frozenset({"function_definition"}),
    "rust": frozenset({"function_item"}),
    "go": frozenset({"function_declaration", "method_declaration", "func_literal"}),
    "typescript": frozenset(
        {
            "function_declaration", "function_expression", "generator_function", "generator_function_declaration",
            "arrow_function", "method_definition",
        }
    ),
}  # fmt: skip
_CLASSES = frozenset(
    {
        "class_definition", "class_declaration", "abstract_class_declaration", "class", "impl_item", "trait_item",
        "mod_item",
    }
)  # fmt: skip
_GIVE_NAMES: Mapping[str, str] = {
    "variable_declarator": "name",
    "assignment_expression": "left",
    "pair": "key",
    "public_field_definition": "name",
    "field_definition": "property",
}
"""What names a function that is its value → the field that holds the name."""
_PARTS = frozenset({"string_start", "string_content", "string_end"})
"""Of a string of Python's, which counts as a whole."""
_OF_TESTS = re.compile(
    r"#\[(?:cfg\((?:test|all\(test,.*\))\)|(?:\w+::)*(?:test|rstest|test_case|quickcheck)\b.*)\]", re.S
)


@dataclass(frozen=True)
class Function:
    """A function with a body. Its name is people's (R7)."""

    name: str
    """With the class or type that it belongs to; empty if it has none."""
    begin: int
    """In bytes of the file, from its decorators."""
    end: int
    first: int
    """Its first line, from 1."""
    last: int
    node: Node = field(repr=False, compare=False)
    """Of the tree of `gates.syntax`."""
    owner: Node | None = field(repr=False, compare=False)
    """The class, implementation or trait that it belongs to."""


@dataclass(frozen=True, slots=True)
class Place:
    """A node, and what it is a part of."""

    node: Node
    parent: Node | None
    owner: Node | None
    function: Node | None
    prefix: str
    """The name of what it is in, with a dot at its end."""


def language_of(path: str) -> Language:
    """The language whose functions a file of this name has; `other` if no parser reads it."""
    if not readable(path):
        return "other"
    return _SUFFIXES.get(PurePosixPath(path).suffix, "typescript")


def walk(
    path: str, source: SyntaxTree, lines: Lines | None = None, without: Callable[[Node], bool] | None = None
) -> Iterator[Place]:
    """All nodes of the program in their order, or those that have one of `lines`, without Rust's own tests.

    `without`: nodes that are left out, with all that is in them.
    """
    rust = language_of(path) == "rust"
    functions = _FUNCTIONS.get(language_of(path), frozenset())
    stack = [Place(source.root, None, None, None, "")]
    while stack:
        place = stack.pop()
        node = place.node
        if lines is not None and not lines.meet(*rows(_decorated(place))):
            continue
        if without is not None and without(node):
            continue
        yield place
        owner, function, prefix = place.owner, place.function, place.prefix
        if node.type in _CLASSES or node.type in functions:
            name = _name(source, place)
            prefix = f"{prefix}{name}." if name else prefix
            owner = node if node.type in _CLASSES else None
            function = node if owner is None else None
        children: Iterable[Node] = node.children
        if rust:
            children = _of_program(source, node.children)
        stack.extend(Place(child, node, owner, function, prefix) for child in reversed(list(children)))


def _of_program(source: SyntaxTree, children: Sequence[Node]) -> Iterator[Node]:
    """The items that are not marked as tests."""
    tested = False
    for child in children:
        if child.type == "attribute_item":
            tested |= _OF_TESTS.fullmatch(re.sub(r"\s", "", source.of(child))) is not None
        elif child.type in COMMENTS:
            continue
        elif tested:
            tested = False
            continue
        yield child


def rows(node: Node) -> tuple[int, int]:
    """A node's first and last line, from 1."""
    return node.start_point.row + 1, node.end_point.row + 1


def functions(path: str, source: SyntaxTree, lines: Lines | None = None) -> list[Function]:
    """The functions of a file in the order of their beginnings, or those that have one of `lines`."""
    kinds = _FUNCTIONS.get(language_of(path), frozenset())
    result = []
    for place in walk(path, source, lines):
        node = place.node
        if node.type in kinds and not _is_part(place):
            outer = _decorated(place)
            name = _name(source, place)
            result.append(
                Function(
                    f"{place.prefix}{name}" if name else "",
                    outer.start_byte,
                    node.end_byte,
                    rows(outer)[0],
                    rows(node)[1],
                    node,
                    place.owner,
                )
            )
    return result


def _decorated(place: Place) -> Node:
    """A node with its decorators."""
    parent = place.parent
    return parent if parent is not None and parent.type == "decorated_definition" else place.node


def _is_part(place: Place) -> bool:
    """Whether a function has no body, or is an expression among the arguments of a call."""
    body = place.node.child_by_field_name("body")
    argument = place.parent is not None and place.parent.type == "arguments"
    return body is None or (place.node.type == "arrow_function" and argument and body.type != "statement_block")


def _name(source: SyntaxTree, place: Place) -> str:
    node, parent = place.node, place.parent
    name = node.child_by_field_name("type" if node.type == "impl_item" else "name")
    if name is None and parent is not None and parent.type in _GIVE_NAMES:
        name = parent.child_by_field_name(_GIVE_NAMES[parent.type])
    if name is None and parent is not None and parent.type == "expression_list" and parent.parent is not None:
        # Go: `var f = func() {}`, `f := func() {}`.
        name = parent.parent.child_by_field_name("name") or parent.parent.child_by_field_name("left")
    if name is None:
        return ""
    text = " ".join(source.of(name).split())[:80]
    receiver = node.child_by_field_name("receiver") if node.type == "method_declaration" else None
    if receiver is not None and (typed := next(iter(receiver.named_children), None)) is not None:
        kind = typed.child_by_field_name("type")
        text = f"{source.of(kind).lstrip('*')}.{text}" if kind is not None else text
    return text


def code_lines(path: str, source: SyntaxTree, lines: Lines) -> set[int]:
    """Those of some lines that have more than comments and Python's documentation, outside of Rust's own tests."""
    result: set[int] = set()
    for place in walk(path, source, lines):
        node = place.node
        if (node.child_count and node.type != "string") or node.type in _PARTS or node.type in COMMENTS:
            continue
        if node.type == "string" and _documents(place):
            continue
        first, last = rows(node)
        if node.end_point.column == 0 and last > first:
            last -= 1
        if node.end_byte > node.start_byte:
            at = bisect_left(lines.numbers, first)
            while at < len(lines.numbers) and lines.numbers[at] <= last:
                result.add(lines.numbers[at])
                at += 1
    return result


def _documents(place: Place) -> bool:
    """Whether a string of Python's stands alone: nothing reads it."""
    parent = place.parent
    return parent is not None and parent.type == "expression_statement" and parent.named_child_count == 1


def touched(candidates: Sequence[Function], source: SyntaxTree, changed: Lines, gaps: Sequence[int]) -> list[Function]:
    """The functions that a change touched, in their order.

    `candidates`: those that have one of the lines; `changed`: the new lines of code; `gaps`: lines before which others
    were removed. A line belongs to the innermost function that has all of it, and to those with a name of
    which it has a part; a removed line to the innermost function that has the lines on both sides.
    """
    begins = [function.begin for function in candidates]
    starts = [0]
    starts.extend(at.end() for at in re.finditer(b"\n", source.text))
    hit: set[int] = set()
    open_: list[int] = []
    at = 0
    # Each line as (its first byte, the byte after its last, whether lines were removed before it).
    spans = sorted(
        [(*_span(source.text, starts, line), False) for line in changed.numbers if line <= len(starts)]
        + [(starts[line - 1], starts[line - 1], True) for line in gaps if 1 < line <= len(starts)]
    )
    for begin, end, gap in spans:
        while at < len(candidates) and candidates[at].begin <= begin:
            while open_ and candidates[open_[-1]].end <= candidates[at].begin:
                open_.pop()
            open_.append(at)
            at += 1
        while open_ and candidates[open_[-1]].end <= begin:
            open_.pop()
        whole = next((index for index in reversed(open_) if _has(candidates[index], begin, end, gap)), None)
        if whole is not None:
            hit.add(whole)
        if not gap:
            inside = range(at, bisect_left(begins, end))
            parts = [*(index for index in open_ if candidates[index].end < end), *inside]
            named = [index for index in parts if candidates[index].name]
            hit.update(named if named or whole is not None else parts[:1])
    return [candidates[index] for index in sorted(hit)]


def _span(text: bytes, starts: Sequence[int], line: int) -> tuple[int, int]:
    """The first byte of a line that is no blank, and the byte after its last."""
    begin = starts[line - 1]
    end = starts[line] if line < len(starts) else len(text)
    content = text[begin:end]
    return begin + len(content) - len(content.lstrip()), begin + len(content.rstrip())


def _has(function: Function, begin: int, end: int, gap: bool) -> bool:
    return function.begin < begin < function.end if gap else function.begin <= begin and end <= function.end
