"""Secrets taken out of text that goes where others read it: task folders, comments, reports (R9).

A net, not a wall: it knows the shapes that keys and tokens of common services have, and what follows a word such as
`password=`. What it takes out is replaced by its kind, so that a reader sees that something was there.
"""

from __future__ import annotations

import re

# The bounds keep the time linear in the length of a hostile text, even a repetitive one.
_NAMED = (
    r"(?:token|secret|passw(?:or)?d|passwd|api[_-]?key|access[_-]?key|private[_-]?key|credentials?)[A-Za-z0-9_.-]{0,64}"
)
_Kind = tuple[str, tuple[str, ...], re.Pattern[str]]
_KINDS: tuple[_Kind, ...] = (
    (
        "private key",
        ("-----begin ",),
        re.compile(
            # To the end of the text if its own end is missing: a log's tail may begin or stop within a key.
            r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\Z)",
            re.DOTALL,
        ),
    ),
    (
        "GitHub token",
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
        re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9_]{20,}|github_pat_[A-Za-z0-9_]{20,})"),
    ),
    (
        "AWS key",
        ("akia", "asia", "aida", "aroa", "abia", "acca"),
        re.compile(r"\b(?:AKIA|ASIA|AIDA|AROA|ABIA|ACCA)[A-Z0-9]{16}\b"),
    ),
    ("Google key", ("aiza",), re.compile(r"\bAIza[A-Za-z0-9_-]{35}")),
    ("Slack token", ("xox",), re.compile(r"\bxox[abeprs]-[A-Za-z0-9-]{10,}")),
    (
        "API key",
        ("sk-", "sk_", "rk-", "rk_", "pk-", "pk_"),
        re.compile(r"\b(?:sk|rk|pk)[-_](?:live|test|ant|proj|or)?[-_]?[A-Za-z0-9_-]{20,}"),
    ),
    (
        "package token",
        ("npm_", "pypi-", "glpat-"),
        re.compile(r"\b(?:npm_[A-Za-z0-9]{36}|pypi-[A-Za-z0-9_-]{40,}|glpat-[A-Za-z0-9_-]{20,})"),
    ),
    ("SendGrid key", ("sg.",), re.compile(r"\bSG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}")),
    ("Azure key", ("accountkey=",), re.compile(r"(?<=AccountKey=)[A-Za-z0-9+/]{86}==")),
    ("JWT", ("eyj",), re.compile(r"\beyJ[A-Za-z0-9_-]{8,2000}+\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?")),
    (
        "authorization",
        ("author",),
        re.compile(r"(?i)(?<=\bauthorization: )(?:basic|bearer|token)\s+\S+"),
    ),
    ("password in an address", ("://",), re.compile(r"(?<=://)[^\s/:@]*:[^\s/@]+(?=@)")),
    (
        "secret",
        ("token", "secret", "passw", "key", "credent"),
        # The value alone: its name shows the reader what is missing. Masked values (***) stay as they are.
        re.compile(
            rf"(?i)({_NAMED}[\"']?\s{{0,8}}[:=]{{1,3}}>?\s{{0,8}})(?:\"[^\"\n*]{{6,}}\"|'[^'\n*]{{6,}}'|[A-Za-z0-9+/_.~-]{{12,}}=*)"
        ),
    ),
)
"""Each kind of secret: its name, words of which the case-folded text holds one at least, its shape.

To look for words first is ten times as fast, and most texts hold none. Without an `i`: where a pattern ignores case, a
dotless one matches, too, which does not fold.
"""


def redact(text: str) -> str:
    """`text` with each secret replaced by `[redacted: <kind>]`. Done twice, it is the same."""
    for kind, pattern in _possible(text):
        mark = f"[redacted: {kind}]"
        text = pattern.sub(rf"\1{mark}" if pattern.groups else mark, text)
    return text


def _possible(text: str) -> list[tuple[str, re.Pattern[str]]]:
    """The kinds of which the text may hold one, each with its shape."""
    folded = text.casefold()
    return [(kind, pattern) for kind, words, pattern in _KINDS if any(word in folded for word in words)]


_CERTAIN = frozenset(
    {
        "private key", "GitHub token", "AWS key", "Google key", "Slack token", "API key", "package token",
        "SendGrid key", "Azure key", "password in an address",
    }
)  # fmt: skip
"""Kinds whose shape alone says that they are secrets."""
_PLACEHOLDER = re.compile(r"(?i)example|placeholder|dummy|changeme|your|xxxx|<|\$|\{|%")
_LOCAL = re.compile(
    r"(?:localhost|127\.\d+\.\d+\.\d+|\[::1\]|[a-z0-9_-]+|[\w.-]+\.(?:test|example|invalid|local|localhost)|example\.\w+)(?=[:/\s?#\"']|$)"
)
_DIVERSE = 8
"""Different characters that a key has at least; one made up for a page has fewer."""


def certain_secrets(line: str) -> list[str]:
    """The kinds of the secrets in a line, by their shapes alone; what is made up for a page is none."""
    return [
        kind
        for kind, pattern in _possible(line)
        if kind in _CERTAIN and any(_is_real(kind, match) for match in pattern.finditer(line))
    ]


def _is_real(kind: str, match: re.Match[str]) -> bool:
    value = match[0]
    if kind == "private key":
        return True
    if kind == "password in an address":
        return not _PLACEHOLDER.search(value) and not _LOCAL.match(match.string, match.end() + 1)
    digits = any(letter.isdigit() for letter in value[4:])
    return digits and len(set(value)) >= _DIVERSE and not _PLACEHOLDER.search(value)
