r"""Go's regular expressions (RE2), as far as the chart writes them, by Python's `re`.

The two differ where it hurts: Go's `$` is the end of the text (Python's also stands before a last newline), `\d \w \s
\b` are ASCII, and lookaround and backreferences do not exist. What is not certain to mean the same is refused by
name. Source: https://github.com/google/re2/wiki/Syntax and Go's regexp/syntax.
"""

from __future__ import annotations

import re
from functools import cache

from pressplay.errors import InputError

_REPEAT = re.compile(r"\{(\d+)(?:(,)(\d*))?\}")
_MOST_REPEATS = 1000
_CLASSES = {"d": "0-9", "w": "0-9A-Za-z_", "s": r"\t\n\f\r "}
_ASSERTIONS = {"A": r"\A", "z": r"\Z", "b": r"(?a:\b)", "B": r"(?a:\B)"}
_CONTROLS = {"a": "\a", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_ANY_CASE = "(?i)"
"""Known at the beginning of a pattern alone."""
_LOOKAROUND = ("(?=", "(?!", "(?<=", "(?<!")


@cache
def compiled(pattern: str, where: str) -> re.Pattern[str]:
    """What `pattern` means to Go, to be used with `search`; InputError naming `where` and what is not known."""
    flags = re.IGNORECASE if pattern.startswith(_ANY_CASE) else re.NOFLAG
    try:
        return re.compile(_Translation(pattern.removeprefix(_ANY_CASE), where).text(), flags)
    except re.error as error:
        raise InputError(f"{where}: {pattern!r} is no regular expression: {error}") from error


class _Translation:
    """One pass over a pattern, from left to right."""

    def __init__(self, pattern: str, where: str) -> None:
        self._rest = pattern
        self._pattern = pattern
        self._where = where

    def text(self) -> str:
        """The pattern in Python's words."""
        parts: list[str] = []
        repeatable = False
        while self._rest:
            repeat = self._repeat()
            if repeat:
                if not repeatable:
                    raise self._unknown(f"{repeat} after nothing that it could repeat")
                parts.append(repeat + ("?" if self._take("?") else ""))
                repeatable = False
            else:
                part, repeatable = self._item()
                parts.append(part)
        return "".join(parts)

    def _repeat(self) -> str:
        if self._rest[0] in "*+?":
            return self._next()
        match = _REPEAT.match(self._rest)
        if match is None:
            return ""
        low, high = int(match[1]), int(match[3] or match[1])
        if max(low, high) > _MOST_REPEATS or high < low:
            raise self._unknown(f"the repeat count {match[0]}")
        self._rest = self._rest[match.end() :]
        return match[0]

    def _item(self) -> tuple[str, bool]:
        """The next part, and whether it may be repeated."""
        letter = self._next()
        if letter == "\\":
            return self._escape()
        if letter == "[":
            return self._class(), True
        if letter == "(":
            return self._group(), False
        if letter in "^$":
            return r"\A" if letter == "^" else r"\Z", False
        if letter == "|":
            return letter, False
        return (letter if letter in ".)" else re.escape(letter)), True

    def _group(self) -> str:
        if not self._rest.startswith("?"):
            return "("
        if self._take("?:"):
            return "(?:"
        start = next((start for start in _LOOKAROUND if f"({self._rest}".startswith(start)), None)
        what = f"lookaround {start}…)" if start else f"the group ({self._rest[:2]}…)"
        raise self._unknown(what)

    def _escape(self) -> tuple[str, bool]:
        letter = self._next()
        if letter in _ASSERTIONS:
            return _ASSERTIONS[letter], False
        if letter.lower() in _CLASSES:
            return f"[{'^' if letter.isupper() else ''}{_CLASSES[letter.lower()]}]", True
        return re.escape(self._literal(letter)), True

    def _literal(self, letter: str) -> str:
        """What an escaped letter stands for."""
        if letter in _CONTROLS:
            return _CONTROLS[letter]
        if letter and letter.isascii() and not letter.isalnum():
            return letter
        raise self._unknown(f"backreference \\{letter}" if letter.isdigit() else f"the escape \\{letter}")

    def _class(self) -> str:
        parts = ["^" if self._take("^") else ""]
        first = True
        while first or not self._rest.startswith("]"):
            if not self._rest:
                raise self._unknown("a [ without its ]")
            if self._rest.startswith("[:"):
                raise self._unknown(f"the class {self._rest[:8]}…")
            first = False
            if self._rest[:1] == "\\" and self._rest[1:2] in _CLASSES:
                parts.append(_CLASSES[self._rest[1]])
                self._rest = self._rest[2:]
                continue
            low = self._class_letter()
            if self._rest.startswith("-") and not self._rest.startswith("-]"):
                self._next()
                low = f"{low}-{self._class_letter()}"
            parts.append(low)
        self._next()
        return f"[{''.join(parts)}]"

    def _class_letter(self) -> str:
        letter = self._next()
        return re.escape(self._literal(self._next()) if letter == "\\" else letter)

    def _next(self) -> str:
        letter, self._rest = self._rest[:1], self._rest[1:]
        return letter

    def _take(self, start: str) -> bool:
        if not self._rest.startswith(start):
            return False
        self._rest = self._rest[len(start) :]
        return True

    def _unknown(self, what: str) -> InputError:
        return InputError(f"{self._where}: {self._pattern!r} has {what}, which is not known here (or not to Go's RE2)")
