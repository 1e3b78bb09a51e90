"""Dishonest twins of an honest change, made mechanically: what the gates must refuse.

Of a commit that fixes something and tests it, a twin lacks a part of the fix, or its tests assert nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Literal

from tree_sitter import Node

from pressplay.gates import rust, syntax
from pressplay.gates.lint.files import Files
from pressplay.gates.proving import base_tree, changes, controls
from pressplay.gates.syntax import SyntaxTree

TwinKind = Literal["without-fix", "without-hunk", "always-true-without-fix", "always-true"]
"""`without-fix`: the base's program with the commit's tests. `without-hunk`: one hunk of several is taken back.
`always-true-without-fix`: the base's program, and tests that assert nothing. `always-true`: the fix stays, its tests
assert nothing."""
_MOST_CONTROLS = 60
_ARGUMENTS = {"(": ")", "[": "]", "{": "}"}


@dataclass(frozen=True)
class Twin:
    """A head that must be refused."""

    kind: TwinKind
    label: str
    """Where the hunk is; strangers' text."""
    files: Mapping[str, bytes | None] = field(repr=False)
    """Path → content in the place of the head's; None: the file is gone."""


def twins(changed: Collection[str], head: Files, base: Files, is_test: Callable[[str], bool]) -> list[Twin]:
    """The twins of a change; `changed` are the paths that differ.

    Unreadable where a changed file can't be read.
    """
    fix_gone = base_tree.base_with_tests(changed, head, base, is_test)
    hollowed = dict(_hollowed(changed, head, base, is_test))
    hunks = [
        control
        for control in controls.controls(changed, head, base, controls.sources(is_test, base), _MOST_CONTROLS)
        if control.kind == "hunk"
    ]
    result = [Twin("without-hunk", f"{hunk.path}:{hunk.line}", hunk.files) for hunk in hunks if len(hunks) > 1]
    if not result:
        result.append(Twin("without-fix", "", fix_gone))
    if hollowed:
        # A Rust file holds the program and its tests: the one is the base's, the others say nothing.
        both = base_tree.base_with_tests(changed, _Overlaid(head, hollowed), base, is_test)
        result.append(Twin("always-true-without-fix", "", {**hollowed, **both}))
        result.append(Twin("always-true", "", hollowed))
    return result


class _Overlaid:
    """The head's files, some with another content."""

    def __init__(self, files: Files, instead: Mapping[str, bytes]) -> None:
        self._files = files
        self._instead = instead
        self.entries = files.entries
        self.names = files.names
        self.folders = files.folders
        self.target = files.target

    def content(self, path: str, most: int = base_tree.LARGEST) -> bytes | None:
        return self._instead[path] if path in self._instead else self._files.content(path, most)


def _hollowed(
    changed: Iterable[str], head: Files, base: Files, is_test: Callable[[str], bool]
) -> Iterator[tuple[str, bytes]]:
    for path in changed:
        own = path.endswith(".rs") and not is_test(path)
        if not syntax.readable(path) or not (own or is_test(path)):
            continue
        now, was = head.content(path, base_tree.LARGEST), base.content(path, base_tree.LARGEST)
        tree = None if now is None else syntax.read(path, now)
        if now is None or tree is None:
            continue
        lines = {line for hunk in changes.hunks(was or b"", now) for line in hunk.new}
        within = rust.test_modules(tree) if own else [(0, len(now))]
        # Where the change adds no assertion, others of the file look at what it adds.
        content = hollow(path, tree, within, lines) or (None if own else hollow(path, tree, within, None))
        if content is not None:
            yield path, content


def hollow(
    path: str, tree: SyntaxTree, within: Iterable[tuple[int, int]], lines: Collection[int] | None
) -> bytes | None:
    """A file whose assertions at `lines` (from 1; None: all) hold whatever happens; None if there are none.

    `within`: the parts of the file, in bytes, in which its tests are.
    """
    always = _ALWAYS.get(PurePosixPath(path).suffix)
    parts = list(within)
    edits: list[tuple[int, int, bytes]] = []
    stack = [tree.root] if always else []
    while stack:
        node = stack.pop()
        there = lines is None or node.start_point.row + 1 in lines
        inside = any(begin <= node.start_byte and node.end_byte <= end for begin, end in parts)
        instead = always(node, tree.of(node)) if always and there and inside else None
        if instead is None:
            stack.extend(node.children)
        else:
            edits.append((node.start_byte, node.end_byte, instead.encode()))
    text = tree.text
    for begin, end, content in sorted(edits, reverse=True):
        text = text[:begin] + content + text[end:]
    return text if edits else None


def _python(node: Node, text: str) -> str | None:
    if node.type == "assert_statement":
        return "assert True"
    if node.type == "expression_statement" and re.match(r"self\.(?:assert|fail)\w*\(", text):
        return "self.assertTrue(True)"
    return None


def _go(node: Node, text: str) -> str | None:
    if node.type != "call_expression":
        return None
    if match := re.match(r"([tbc]|tb)\.(?:Error|Fatal)(f?)\(", text):
        return f"{match[1]}.Log{match[2]}({text[match.end() :]}"
    if match := re.match(r"(?:assert|require)\.\w+\(", text):
        first, *others = _arguments(text[match.end() : -1]) or [""]
        return f"{first}.Log({', '.join(others)})" if first in ("t", "tb") else None
    return None


def _ecmascript(node: Node, text: str) -> str | None:
    if node.type != "expression_statement":
        return None
    if re.match(r"(?:await\s+)?expect\(", text):
        return "expect(true).to.equal(true);" if ".to." in text else "expect(true).toBe(true);"
    if re.match(r"(?:await\s+)?assert\b", text):
        return "assert.ok(true);"
    if match := re.match(r"(s?t)\.(?:\w*[eE]qual|ok|notOk|same|throws|doesNotThrow)\(", text):
        return f"{match[1]}.ok(true);"
    return None


def _rust(node: Node, text: str) -> str | None:
    match = re.match(r"assert(_eq|_ne)?!\s*[(\[{]", text) if node.type == "macro_invocation" else None
    if match is None:
        return None
    values = _arguments(text[match.end() : -1])[: 2 if match[1] else 1]
    # What is compared is still made, so that its types are known.
    return "{ let _ = (" + "".join(f"&({value})," for value in values) + "); }"


_ALWAYS: Mapping[str, Callable[[Node, str], str | None]] = {
    ".py": _python,
    ".go": _go,
    ".rs": _rust,
    **dict.fromkeys((".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx"), _ecmascript),
}


def _arguments(text: str) -> list[str]:
    """The arguments of a call, from the text within its brackets."""
    parts, depth, begin, at, quote = [], 0, 0, 0, ""
    while at < len(text):
        sign = text[at]
        if quote:
            at += sign == "\\" and quote != "`"
            quote = "" if sign == quote else quote
        elif sign in '"`':
            quote = sign
        elif sign in _ARGUMENTS:
            depth += 1
        elif sign in _ARGUMENTS.values():
            depth -= 1
        elif sign == "," and not depth:
            parts.append(text[begin:at])
            begin = at + 1
        at += 1
    return [part.strip() for part in [*parts, text[begin:]] if part.strip()]
