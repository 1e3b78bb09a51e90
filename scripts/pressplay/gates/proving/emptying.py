"""How to make a function return at once, so that its file still compiles.

The return stands at the start of the body, and the rest stays: imports, parameters and variables are still used. It has
a condition that holds, which compilers don't decide. The same text with a condition that does not hold changes what
the program looks like, and nothing that it does: what fails then looks at its text. What is returned is the zero value
of the type, where the type is known.

Not emptied: functions that do nothing yet, or return nothing but a zero value already (no test can notice it); stubs
(`...`, `raise NotImplementedError`, `todo!()`); constructors of derived classes, which must call the other's, and all
of TypeScript's, whose fields must be assigned; `never` and Rust's `-> !`, and `const fn` whose zero is no constant.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pressplay.gates.proving import zeros
from pressplay.gates.proving.functions import Function, language_of
from pressplay.gates.syntax import COMMENTS, SyntaxTree

if TYPE_CHECKING:
    from tree_sitter import Node


@dataclass(frozen=True)
class Edit:
    """Bytes of a file, and what takes their place."""

    begin: int
    end: int
    text: str


@dataclass(frozen=True)
class Emptying:
    """The edits that make one function return at once."""

    edits: tuple[Edit, ...]
    same: tuple[Edit, ...]
    """The same edits with a condition that does not hold: the function does what it did."""
    weak: bool = False
    """The value is unknown, or none that can be used: the program panics in its place."""
    constructor: bool = False
    """Objects lack what it gives them: what uses them fails, whatever it asserts."""


Declared = Callable[[str], str]
"""The source of a type that the package declares: what is right of its name; empty if it is unknown."""


def emptying(path: str, source: SyntaxTree, function: Function, declared: Declared | None = None) -> Emptying | None:
    """How a function is made to return at once; None if it can't be, or if nobody could notice.

    `declared` answers for Go's types; without it, those of other files are unknown.
    """
    if does_nothing(path, source, function):
        return None
    language = language_of(path)
    if language == "python":
        return _python(source, function)
    if language == "rust":
        return _rust(source, function)
    if language == "go":
        return _go(source, function, declared or (lambda _name: ""))
    typed = path.endswith((".ts", ".tsx", ".mts", ".cts"))
    return _ecmascript(source, function, typed)


def does_nothing(path: str, source: SyntaxTree, function: Function) -> bool:
    """Whether a function does nothing yet, is a stub, or returns nothing but a zero value."""
    language, body = language_of(path), _body(function)
    if language == "typescript" and body.type != "statement_block":
        return _VALUE_ECMA.fullmatch(_plain(source, body)) is not None
    statements = [item for item in _statements(body) if item.type not in ("inner_attribute_item", "attribute_item")]
    while (
        language in ("python", "typescript")
        and statements
        and statements[0].type == "expression_statement"
        and _is_text(statements[0], "string")
    ):
        statements = statements[1:]
    nothing = {"python": _NOTHING_PYTHON, "rust": _NOTHING_RUST, "go": _NOTHING_GO}.get(language, _NOTHING_ECMA)
    return all(nothing.fullmatch(_plain(source, statement)) for statement in statements)


def applied(text: bytes, edits: Iterable[Edit]) -> bytes:
    """A text with edits; of two where one holds the other, the outer counts."""
    parts: list[bytes] = []
    end = 0
    for edit in sorted(edits, key=lambda edit: (edit.begin, -edit.end)):
        if edit.begin >= end:
            parts += [text[end : edit.begin], edit.text.encode()]
            end = edit.end
    parts.append(text[end:])
    return b"".join(parts)


def _statements(body: Node) -> list[Node]:
    inner = body.named_children
    if len(inner) == 1 and inner[0].type == "statement_list":
        inner = inner[0].named_children
    return [child for child in inner if child.type not in COMMENTS and child.type != "empty_statement"]


def _body(function: Function) -> Node:
    body = function.node.child_by_field_name("body")
    if body is None:
        raise ValueError("a function without a body")
    return body


def _plain(source: SyntaxTree, node: Node) -> str:
    return re.sub(r"\s+", " ", source.of(node)).strip().rstrip(";").strip()


def _own(node: Node, functions: frozenset[str]) -> Iterator[Node]:
    """The nodes of a body, without those of the functions in it."""
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        stack.extend(child for child in current.named_children if child.type not in functions)


_NOTHING_PYTHON = re.compile(r"pass|\.\.\.|return(?: None)?|None|raise (?:\w+\.)*NotImplementedError\b.*")


def _python(source: SyntaxTree, function: Function) -> Emptying | None:
    statements = _statements(_body(function))
    if statements and statements[0].type == "expression_statement" and _is_text(statements[0], "string"):
        statements = statements[1:]
    first = statements[0]
    line = source.text.rfind(b"\n", 0, first.start_byte) + 1
    before = source.text[line : first.start_byte]
    # A generator with `return None` is refused if it is async, so all have a plain return.
    if before.strip():
        texts = ("return; ", "[]; ")
    else:
        texts = (f"if [0]: return\n{before.decode()}", f"if []: return\n{before.decode()}")
    edits, same = ((Edit(first.start_byte, first.start_byte, text),) for text in texts)
    name = function.name.rpartition(".")[2]
    return Emptying(edits, same, constructor=name in ("__init__", "__new__", "__post_init__"))


def _is_text(statement: Node, kind: str) -> bool:
    children = statement.named_children
    return len(children) == 1 and children[0].type in (kind, "concatenated_string")


_ECMA_FUNCTIONS = frozenset(
    {
        "function_declaration", "function_expression", "generator_function", "generator_function_declaration",
        "arrow_function", "method_definition", "class_declaration", "class",
    }
)  # fmt: skip
_NOTHING_ECMA = re.compile(
    r"return(?: (?:undefined|null|void 0))?|throw new \w*Error\(['\"`][^'\"`]*not[ -]?(?:yet[ -]?)?implemented.*", re.I
)
_VALUE_ECMA = re.compile(r"undefined|null|void 0|\{\}")


def _ecmascript(source: SyntaxTree, function: Function, typed: bool) -> Emptying | None:
    body = _body(function)
    # A type that fits everywhere, and that says nothing about the type of the other returns.
    value = "undefined as any as never" if typed else "undefined"
    conditions = ("(1 as any)", "(0 as any)") if typed else ("true", "false")
    if body.type != "statement_block":
        end = Edit(body.end_byte, body.end_byte, "))")
        begins = [Edit(body.start_byte, body.start_byte, f"({condition} ? {value} : (") for condition in conditions]
        return Emptying((begins[0], end), (begins[1], end))
    statements = _statements(body)
    at = body.start_byte + 1
    while statements and statements[0].type == "expression_statement" and _is_text(statements[0], "string"):
        at = statements.pop(0).end_byte
    name = function.node.child_by_field_name("name")
    typed_as = function.node.child_by_field_name("return_type")
    if typed_as is not None and source.of(typed_as).lstrip(": ") == "never":
        return None
    constructor = function.node.type == "method_definition" and name is not None and source.of(name) == "constructor"
    owner = function.owner
    derived = owner is not None and any(child.type == "class_heritage" for child in owner.children)
    if constructor and (typed or derived):
        return None
    returns = any(node.type == "return_statement" and node.named_child_count for node in _own(body, _ECMA_FUNCTIONS))
    returned = f"return {value};" if returns else "return;"
    edits, same = ((Edit(at, at, f" if ({condition}) {returned}"),) for condition in conditions)
    return Emptying(edits, same, constructor=constructor)


_CONDITIONS = ("true", "false")
"""Of Go and Rust: the one that holds, and the one that does not."""
_NOTHING_GO = re.compile(
    r'return(?: (?:nil|0|""|false)(?:, ?(?:nil|0|""|false))*)?|panic\("[^"]*(?:not (?:yet )?implemented|TODO)[^"]*"\)',
    re.I,
)


def _go(source: SyntaxTree, function: Function, declared: Declared) -> Emptying | None:
    body = _body(function)
    result = zeros.go(source, function.node, declared)
    at = body.start_byte + 1
    edits, same = ([Edit(at, at, f" if {condition} {{ {result.assigned}return }};")] for condition in _CONDITIONS)
    if result.named is not None and result.node is not None:
        named = Edit(result.node.start_byte, result.node.end_byte, result.named)
        edits.append(named)
        same.append(named)
    return Emptying(tuple(edits), tuple(same), weak=result.weak)


_NOTHING_RUST = re.compile(
    r"(?:return )?(?:\(\)|None|false|0|0\.0|\"\"|Ok\(\(\)\)|Ok\(None\)|(?:String|Vec)::new\(\)|vec!\[\]"
    r"|(?:\w+::)*(?:default|empty)\(\))|return|(?:todo|unimplemented)! ?[({\[].*",
)


def _rust(source: SyntaxTree, function: Function) -> Emptying | None:
    body = _body(function)
    zero = zeros.rust(source, function.node, function.owner)
    if zero is None:
        return None
    at = body.start_byte + 1
    for item in body.children:
        if item.type == "inner_attribute_item":
            at = item.end_byte
    edits, same = ((Edit(at, at, f" if {condition} {{ {zero.text} }}"),) for condition in _CONDITIONS)
    return Emptying(edits, same, weak=zero.weak)
