"""What of a Rust source file is the program, and what its own tests: `#[cfg(test)] mod tests { … }` within it.

Rust's tokens are always balanced, so that it is enough to know strings, characters and comments from code. What can't
be read so (an unclosed string, brackets that do not match) is taken for all program.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""
    (?P<blank>\s+)
    |(?P<line>//[^\n]*)
    |(?P<comment>/\*)
    |(?P<raw>(?<![A-Za-z0-9_])(?:b|c)?r(?P<hashes>\#*)")
    |(?P<text>(?:(?<![A-Za-z0-9_])[bc])?")
    |(?P<char>(?:(?<![A-Za-z0-9_])b)?'(?:\\(?:[^\n]|\n)[^'\n]*|[^'\\\n])')
    |(?P<lifetime>'[A-Za-z_][A-Za-z0-9_]*)
    |(?P<word>(?:r\#)?[A-Za-z0-9_]+)
    |(?P<sign>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_STRING_END = re.compile(r'(?:[^"\\]|\\.)*"', re.DOTALL)
_COMMENT_PART = re.compile(r"/\*|\*/")
_CFG_TEST = ("#", "[", "cfg", "(", "test", ")", "]")
_OPEN, _CLOSE = "([{", ")]}"


class _Unreadable(Exception):
    """The text is no Rust as far as brackets, strings and comments go."""


Program = tuple[tuple[str, bool], ...]
"""The words, signs, strings and comments of a program, each with whether a blank is before it."""


@dataclass(frozen=True)
class _Token:
    text: str
    begin: int
    end: int
    code: bool
    """Whether it is no comment, string or character."""


def program(text: str) -> Program:
    """A source file's program without its test modules, however its lines are laid out; all of it if it is unreadable.

    A test module stands outside of every bracket, is marked `#[cfg(test)]` and by no attribute that leads to another
    file (`path`), and is a `mod` with a name. Source: The Rust Reference, Items, Conditional compilation.
    """
    try:
        tokens = list(_tokens(text))
        spans = list(_modules([token for token in tokens if not token.text.startswith(("//", "/*"))]))
    except _Unreadable:
        return ((text, False),)
    kept = [token for token in tokens if not any(begin <= token.begin < end for begin, end in spans)]
    ends = [len(text), *(token.end for token in kept)]
    return tuple((token.text, token.begin > end) for token, end in zip(kept, ends, strict=False))


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise _Unreadable
        begin, at = at, found.end()
        if found["comment"]:
            at = _comment_end(text, at)
        elif found["raw"] is not None:
            close = text.find(f'"{found["hashes"]}', at)
            if close < 0:
                raise _Unreadable
            at = close + 1 + len(found["hashes"])
        elif found["text"]:
            string = _STRING_END.match(text, at)
            if string is None:
                raise _Unreadable
            at = string.end()
        if found.lastgroup != "blank":
            yield _Token(text[begin:at], begin, at, found.lastgroup in ("word", "sign"))


def _comment_end(text: str, at: int) -> int:
    """Where a block comment that begins before `at` ends; they nest."""
    depth = 1
    for found in _COMMENT_PART.finditer(text, at):
        depth += 1 if found[0] == "/*" else -1
        if depth == 0:
            return found.end()
    raise _Unreadable


def _modules(tokens: list[_Token]) -> Iterator[tuple[int, int]]:
    """Where each test module begins and ends; `tokens` are without comments."""
    words = [token.text if token.code else '"' for token in tokens]
    ends = _ends(words)
    at = 0
    while at < len(tokens):
        if tuple(words[at : at + len(_CFG_TEST)]) == _CFG_TEST:
            last = _module_end(words, ends, at + len(_CFG_TEST))
            if last is not None:
                yield tokens[at].begin, tokens[last].end
                at = last + 1
                continue
        # What stands in brackets is no item of the file.
        at = ends.get(at, at) + 1


def _ends(words: list[str]) -> dict[int, int]:
    """For each opening bracket its closing one."""
    ends: dict[int, int] = {}
    stack: list[int] = []
    for at, word in enumerate(words):
        if word in _OPEN:
            stack.append(at)
        elif word in _CLOSE:
            if not stack or _OPEN.index(words[stack[-1]]) != _CLOSE.index(word):
                raise _Unreadable
            ends[stack.pop()] = at
    if stack:
        raise _Unreadable
    return ends


def _module_end(words: list[str], ends: dict[int, int], at: int) -> int | None:
    """The last token of the module whose `#[cfg(test)]` ends before `at`; None where it is marked on something else."""
    while words[at : at + 2] == ["#", "["]:
        if "path" in words[at : ends[at + 1]]:
            return None
        at = ends[at + 1] + 1
    if words[at : at + 1] == ["pub"]:
        at += 1
        if words[at : at + 1] == ["("]:
            at = ends[at] + 1
    if words[at : at + 1] != ["mod"] or not re.fullmatch(
        r"(?:r#)?[A-Za-z_][A-Za-z0-9_]*", "".join(words[at + 1 : at + 2])
    ):
        return None
    if words[at + 2 : at + 3] == [";"]:
        return at + 2
    return ends[at + 2] if words[at + 2 : at + 3] == ["{"] else None
