"""Which refs a ruleset's pattern means: Ruby's `File.fnmatch` with `FNM_PATHNAME`, as GitHub matches them.

https://docs.github.com/en/repositories/configuring-branches-and-merges-in-your-repository/managing-rulesets/creating-rulesets-for-a-repository#using-fnmatch-syntax

`*` and `?` stop at a slash; `**/`, at the start of a part, is any number of whole parts; any other `**` is a `*`, so
that `a/**` means `a/b` and not `a/b/c`. A part that begins with a dot is met by a dot alone (no `FNM_DOTMATCH`), and
braces are plain characters (no `FNM_EXTGLOB`). GitHub takes neither a backslash nor `[^…]`: see `unsupported`.
"""

from __future__ import annotations

import functools
import re

_NEVER = "(?!)"


def unsupported(pattern: str) -> str:
    """What of a pattern GitHub's documentation says that it does not take; empty if it takes all of it."""
    return "a backslash" if "\\" in pattern else "[^…]" if "[^" in pattern else ""


def matches(pattern: str, ref: str) -> bool:
    """Whether a pattern that GitHub takes means a ref."""
    return _compiled(pattern).fullmatch(ref) is not None


@functools.lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    made, at, begins = "", 0, True
    while at < len(pattern):
        if begins and pattern.startswith("**/", at):
            made += r"(?:(?!\.)[^/]*/)*"
            while pattern.startswith("**/", at):
                at += 3
            continue
        if begins and pattern[at] != ".":
            made += r"(?!\.)"
        char, begins = pattern[at], pattern[at] == "/"
        at += 1
        if char == "*":
            at += len(pattern[at:]) - len(pattern[at:].lstrip("*"))
            made += "[^/]*"
        elif char == "?":
            made += "[^/]"
        elif char == "[":
            part, at = _bracket(pattern, at)
            made += part
        else:
            made += re.escape(char)
    return re.compile(made, re.DOTALL)


def _bracket(pattern: str, at: int) -> tuple[str, int]:
    """The set of characters that begins after a `[`, and where it ends; one without an end is met by nothing."""
    end = pattern.find("]", at)
    if end < 0:
        return _NEVER, len(pattern)
    inner = pattern[at:end]
    excluded = inner[:1] in ("!", "^")
    inner = inner[excluded:]
    ranges = []
    while inner:
        first, last, rest = inner[0], inner[0], inner[1:]
        if len(rest) > 1 and rest[0] == "-":
            last, rest = rest[1], rest[2:]
        if first <= last:
            ranges.append(f"{re.escape(first)}-{re.escape(last)}")
        inner = rest
    any_of = f"(?:(?!/)[{''.join(ranges)}])" if ranges else _NEVER
    if excluded:
        any_of = f"(?:(?!{any_of})[^/])"
    return any_of, end + 1
