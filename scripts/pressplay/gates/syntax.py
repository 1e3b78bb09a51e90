"""Source files as a parser of their language reads them: a tree, or undecided.

What of a file is program and what test text decides a gate, and scanners of our own can be led astray. The parsers are
tree-sitter's (https://tree-sitter.github.io/py-tree-sitter/). A file is undecided if its tree has an ERROR or a
MISSING node, if it is not UTF-8, or if parsing takes longer than its size allows. They are imported when a
file is read, not before.
"""

from __future__ import annotations

import codecs
import functools
import importlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Language, Node

_ECMASCRIPT = ("tree_sitter_javascript", "language")
_TYPESCRIPT = ("tree_sitter_typescript", "language_typescript")
_GRAMMARS: Mapping[str, tuple[str, str]] = {
    ".rs": ("tree_sitter_rust", "language"),
    ".py": ("tree_sitter_python", "language"),
    ".go": ("tree_sitter_go", "language"),
    ".js": _ECMASCRIPT,
    ".jsx": _ECMASCRIPT,
    ".mjs": _ECMASCRIPT,
    ".cjs": _ECMASCRIPT,
    ".ts": _TYPESCRIPT,
    ".mts": _TYPESCRIPT,
    ".cts": _TYPESCRIPT,
    ".tsx": ("tree_sitter_typescript", "language_tsx"),
}
"""Suffix → module and function of its grammar."""
_SECONDS, _SECONDS_A_BYTE = 1.0, 1e-5
"""What reading a file may take of the processor; an honest one takes a twentieth."""
_LITERALS = frozenset(
    {
        "string", "string_literal", "raw_string_literal", "char_literal", "interpreted_string_literal", "rune_literal",
        "concatenated_string", "regex", "line_comment", "block_comment", "comment", "jsx_text", "html_comment",
    }
)  # fmt: skip
"""Nodes whose text is one token, including its blanks."""
COMMENTS = frozenset({"line_comment", "block_comment", "comment", "html_comment"})


@dataclass(frozen=True)
class SyntaxTree:
    """A parsed file: its text and its tree."""

    text: bytes
    root: Node

    def of(self, node: Node) -> str:
        """The text of a node."""
        return self.text[node.start_byte : node.end_byte].decode()


@dataclass(frozen=True, slots=True)
class Token:
    """A word, sign, literal or comment."""

    text: str
    kind: str
    """The type of its node."""
    within: str
    """The type of the node that it is a part of."""
    siblings: int
    """How many named nodes that one has."""
    begin: int
    end: int


def readable(path: str) -> bool:
    """Whether there is a parser for files of this name."""
    return PurePosixPath(path).suffix in _GRAMMARS


def parse(path: str, text: str) -> SyntaxTree | None:
    """The file's tree; None if it is undecided. `text` is decoded, with U+FFFD for bytes that are not UTF-8.

    ValueError if there is no parser for files of this name.
    """
    tree = None if "\ufffd" in text and readable(path) else read(path, text.encode())
    return None if tree is None or tree.root.has_error else tree


def read(path: str, content: bytes) -> SyntaxTree | None:
    """The file's tree without a byte order mark, in which a part that the grammar does not know is an ERROR node.

    None if the file is not UTF-8, or if parsing takes too long. ValueError if no parser reads files of this name.
    """
    from tree_sitter import Parser

    suffix = PurePosixPath(path).suffix
    if suffix not in _GRAMMARS:
        raise ValueError(f"no parser reads files named *{suffix}")
    data = content.removeprefix(codecs.BOM_UTF8)
    try:
        data.decode()
    except UnicodeDecodeError:
        return None
    rest = memoryview(data)
    # The processor's time of this thread: a busy machine decides nothing.
    end = time.thread_time() + _SECONDS + _SECONDS_A_BYTE * len(data)
    try:
        tree = Parser(_language(*_GRAMMARS[suffix])).parse(
            lambda at, _point: rest[at:], progress_callback=lambda _at, _wrong: time.thread_time() > end
        )
    except ValueError:
        # What the binding raises if parsing was broken off.
        return None
    return SyntaxTree(data, tree.root_node)


@functools.cache
def _language(module: str, function: str) -> Language:
    from tree_sitter import Language

    return Language(getattr(importlib.import_module(module), function)())


def tokens(source: SyntaxTree, node: Node) -> Iterator[Token]:
    """The tokens of a node, comments among them, in their order; text that belongs to no node of the grammar, too."""
    at = node.start_byte
    for leaf, within, siblings in _leaves(node):
        gap = source.text[at : leaf.start_byte]
        if gap.strip():
            yield Token(gap.decode(), "", within, siblings, at, leaf.start_byte)
        # Some comments end with their line's end.
        text = source.of(leaf).rstrip() if leaf.type in COMMENTS else source.of(leaf)
        if text:
            yield Token(text, leaf.type, within, siblings, leaf.start_byte, leaf.start_byte + len(text.encode()))
        at = leaf.end_byte


def _leaves(node: Node) -> Iterator[tuple[Node, str, int]]:
    """The nodes without children, or that are literals, each with its parent's type and number of named children."""
    stack: list[tuple[Node, str, int]] = [(node, "", 0)]
    while stack:
        current, within, siblings = stack.pop()
        children = [] if current.type in _LITERALS else current.children
        if not children:
            yield current, within, siblings
            continue
        named = current.named_child_count
        stack.extend((child, current.type, named) for child in reversed(children))
