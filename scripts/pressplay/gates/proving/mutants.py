"""Small changes to changed lines: an operator, a literal or a condition is another.

Our own rather than cargo-mutants', mutmut's or Stryker's: those must be installed in a wall without a network, each
brings a runner of its own, and there is none for all four languages. These mutants are only reported; what refuses is a
function that returns at once.

Loops that end by a condition are left alone: a mutant that never ends costs the whole time of a run. So are types,
imports, decorators, attributes and the arguments of Rust's macros.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pressplay.gates.proving import zeros
from pressplay.gates.proving.changes import Lines
from pressplay.gates.proving.emptying import Edit
from pressplay.gates.proving.functions import Place, language_of, rows, walk
from pressplay.gates.proving.model import Language
from pressplay.gates.syntax import SyntaxTree

if TYPE_CHECKING:
    from tree_sitter import Node


@dataclass(frozen=True)
class Mutant:
    """One small change, at a line from 1. The label may have literals of the source (R7)."""

    line: int
    label: str
    edits: tuple[Edit, ...]


_COMPARISONS: Mapping[str, str] = {
    "==": "!=",
    "!=": "==",
    "===": "!==",
    "!==": "===",
    "<": "<=",
    "<=": "<",
    ">": ">=",
    ">=": ">",
    "in": "not in",
    "not in": "in",
    "is": "is not",
    "is not": "is",
}
_LOGIC: Mapping[str, str] = {"and": "or", "or": "and", "&&": "||", "||": "&&"}
_ARITHMETIC: Mapping[str, str] = {"+": "-", "-": "+", "*": "/", "/": "*", "%": "*"}
_BOOLEANS: Mapping[str, str] = {"true": "false", "false": "true", "True": "False", "False": "True"}
_BINARY = frozenset({"binary_expression", "binary_operator", "boolean_operator"})
_NOT = frozenset({"not_operator", "unary_expression"})
_NUMBERS = frozenset({"integer", "float", "number", "int_literal", "float_literal", "integer_literal"})
_STRINGS: Mapping[str, str] = {
    "string": "string_fragment",
    "interpreted_string_literal": "interpreted_string_literal_content",
    "string_literal": "string_content",
}
_IFS = frozenset({"if_statement", "elif_clause", "if_expression"})
_EQUAL = frozenset({"==", "!=", "===", "!==", "is", "is not", "in", "not in", "&&", "||"})
_LEFT_ALONE = frozenset(
    {
        "import_statement", "import_from_statement", "future_import_statement", "import_declaration", "use_declaration",
        "export_clause", "decorator", "attribute_item", "inner_attribute_item", "token_tree", "type", "type_annotation",
        "type_arguments", "type_parameters", "type_alias_declaration", "interface_declaration", "literal_type",
        "array_type", "macro_definition", "while_statement", "while_expression", "loop_expression", "do_statement",
        "let_chain", "range_pattern", "match_pattern", "case_pattern",
    }
)  # fmt: skip
_NUMBER = re.compile(r"(\d{1,15})((?:\.\d+)?(?:_?[iuf](?:8|16|32|64|128|size))?)")
_ZERO = re.compile(r"None|null|undefined|nil|0|false|False|\"\"|''|\(\)")


def mutants(path: str, source: SyntaxTree, lines: Lines) -> Iterator[Mutant]:
    """The mutants that begin on some lines, in the order of the file."""
    language = language_of(path)
    typed = path.endswith((".ts", ".tsx", ".mts", ".cts"))
    for place in walk(path, source, lines, without=_left_alone):
        if not place.node.has_error and lines.meet(first := rows(place.node)[0], first):
            for label, edits in _of(source, place, language, typed):
                yield Mutant(first, label, edits)


def _left_alone(node: Node) -> bool:
    if node.type == "for_statement":
        # Python's always goes over something, JavaScript's never does, and Go's if it has a range.
        kinds = {child.type for child in node.children}
        return "in" not in kinds and "range_clause" not in kinds
    return node.type in _LEFT_ALONE


_Change = tuple[str, tuple[Edit, ...]]


def _of(source: SyntaxTree, place: Place, language: Language, typed: bool) -> Iterator[_Change]:
    node = place.node
    if node.type == "comparison_operator":
        for operator in node.children_by_field_name("operators"):
            yield from _swapped(source, operator, _COMPARISONS)
    elif node.type in _BINARY:
        yield from _binary(source, node)
    elif node.type in _NOT and node.children and node.children[0].type in ("not", "!"):
        yield "a negation is gone", (Edit(node.start_byte, node.children[0].end_byte, ""),)
    elif node.type in ("true", "false", "boolean_literal"):
        yield from _swapped(source, node, _BOOLEANS)
    elif node.type in _NUMBERS and (place.parent is None or place.parent.type != "field_expression"):
        yield from _number(source, node)
    elif node.type in _STRINGS:
        yield from _string(source, place)
    elif node.type in _IFS:
        yield from _condition(source, node, language)
    elif node.type in ("return_statement", "return_expression"):
        yield from _return(source, place, language, typed)


def _swapped(source: SyntaxTree, node: Node, table: Mapping[str, str]) -> Iterator[_Change]:
    text = " ".join(source.of(node).split())
    if text in table:
        yield f"{text} is {table[text]}", (Edit(node.start_byte, node.end_byte, table[text]),)


def _binary(source: SyntaxTree, node: Node) -> Iterator[_Change]:
    operator = node.child_by_field_name("operator")
    if operator is None:
        return
    yield from _swapped(source, operator, _COMPARISONS)
    yield from _swapped(source, operator, _LOGIC)
    if not re.search(r"[\"'`]", source.of(node)):
        # Texts have no other arithmetic than `+`.
        yield from _swapped(source, operator, _ARITHMETIC)


def _number(source: SyntaxTree, node: Node) -> Iterator[_Change]:
    text = source.of(node)
    match = _NUMBER.fullmatch(text)
    if match is not None:
        other = f"{int(match[1]) + 1}{match[2]}"
        yield f"{text} is {other}", (Edit(node.start_byte, node.end_byte, other),)


def _string(source: SyntaxTree, place: Place) -> Iterator[_Change]:
    node, parent = place.node, place.parent
    if parent is None or parent.type in ("expression_statement", "concatenated_string", "field_declaration"):
        # Documentation, directives, and Go's tags of fields.
        return
    if parent.type in ("pair", "import_specifier", "export_statement") and parent.child_by_field_name("key") in (
        node,
        None,
    ):
        return
    if node.type == "string" and node.children and node.children[0].type == "string_start":
        parts = [child for child in node.children if child.type not in ("string_start", "string_end")]
        content = parts[0] if len(parts) == 1 and parts[0].type == "string_content" else None
        if content is None or source.of(node.children[0]).strip("\"'"):
            return
    else:
        parts = list(node.named_children)
        content = parts[0] if len(parts) == 1 and parts[0].type == _STRINGS[node.type] else None
        if content is None:
            return
    yield "a text is another", (Edit(content.start_byte, content.start_byte, "pressplay"),)


def _condition(source: SyntaxTree, node: Node, language: Language) -> Iterator[_Change]:
    condition = node.child_by_field_name("condition")
    if condition is None or condition.type in ("let_condition", "let_chain"):
        return
    inner = condition
    while inner.type == "parenthesized_expression" and inner.named_children:
        inner = inner.named_children[0]
    operators = [*inner.children_by_field_name("operator"), *inner.children_by_field_name("operators")]
    if inner.type in _NOT or any(" ".join(source.of(sign).split()) in _EQUAL for sign in operators):
        # Another mutant does the same.
        return
    begin, end = ("not (", ")") if language == "python" else ("!(", ")")
    if language == "typescript":
        begin, end = "(!", ")"
    edits = (Edit(condition.start_byte, condition.start_byte, begin), Edit(condition.end_byte, condition.end_byte, end))
    yield "a condition is negated", edits


def _return(source: SyntaxTree, place: Place, language: Language, typed: bool) -> Iterator[_Change]:
    node = place.node
    values = node.named_children
    if not values or _ZERO.fullmatch(source.of(values[0])):
        return
    begin, end = values[0].start_byte, values[-1].end_byte
    label = "a return gives nothing"
    if language == "python":
        yield label, (Edit(begin, end, "None"),)
    elif language == "typescript" and typed:
        edits = (Edit(begin, begin, "((1 as any) ? undefined as any as never : ("), Edit(end, end, "))"))
        yield label, edits
    elif language == "typescript":
        yield label, (Edit(begin, end, "undefined"),)
    else:
        yield from _early(source, place, language, label)


def _early(source: SyntaxTree, place: Place, language: Language, label: str) -> Iterator[_Change]:
    """A return of zero values before the return, so that variables are still used."""
    node, function = place.node, place.function
    if function is None:
        return
    if language == "go":
        result = zeros.go(source, function, lambda _name: "")
        if result.named is not None and result.node is not None and place.parent is not None:
            first = Edit(node.start_byte, node.start_byte, f"if true {{ {result.assigned}return }}; ")
            yield label, (Edit(result.node.start_byte, result.node.end_byte, result.named), first)
    elif place.parent is not None and place.parent.type == "expression_statement":
        zero = zeros.rust(source, function, place.owner)
        if zero is not None and not zero.weak:
            at = place.parent.start_byte
            yield label, (Edit(at, at, f"if true {{ {zero.text} }} "),)
