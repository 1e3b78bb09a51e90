"""Other people's text put into Markdown so that it stays text (R7): it closes no fence, calls nobody, links nowhere."""

from __future__ import annotations

import re

_TICKS = re.compile(r"`+")


def fence(text: str) -> str:
    """A fence that `text` can't close: longer than every run of backticks in it, at least four."""
    return "`" * max(4, max((len(run) for run in _TICKS.findall(text)), default=0) + 1)


def fenced(text: str) -> str:
    """`text` as a block of code."""
    marks = fence(text)
    return f"{marks}text\n{text.strip()}\n{marks}"


def code(text: str, most: int = 200) -> str:
    """`text` as a code span in one line, cut after `most` characters."""
    line = " ".join(text.split())[:most]
    ticks = "`" * (max((len(run) for run in _TICKS.findall(line)), default=0) + 1)
    pad = " " if line.startswith("`") or line.endswith("`") or not line else ""
    return f"{ticks}{pad}{line}{pad}{ticks}"
