"""Other people's text put into Markdown so that it stays text (R7): it closes no fence, calls nobody, links nowhere.

And the one section of their Markdown that has a meaning here, the acceptance criteria of an issue.
"""

from __future__ import annotations

import re

_TICKS = re.compile(r"`+")
_HEADING = re.compile(r"(#{1,6})[ \t]+(.*)")
_FENCE = re.compile(r" {0,3}(```+|~~~+)")
_ITEM = re.compile(r" {0,3}(?:[-*+]|\d{1,9}[.)])[ \t]+(?:\[[ xX]\][ \t]+)?(\S.*)")


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


def criteria_section(text: str) -> str:
    """The section `Acceptance criteria` of a task's Markdown, without its heading; empty if there is none."""
    level, fence = 0, ""
    section: list[str] = []
    for line in text.splitlines():
        mark = _FENCE.match(line)
        if mark and not fence:
            fence = mark[1]
        elif mark and mark[1].startswith(fence) and not line.strip().strip(fence[0]):
            fence = ""
        heading = None if fence else _HEADING.match(line)
        if heading and level and len(heading[1]) <= level:
            break
        if heading and not level and heading[2].lower().startswith("acceptance criteria"):
            level = len(heading[1])
        elif level:
            section.append(line)
    return "\n".join(section).strip()


def items(section: str) -> tuple[str, ...]:
    """The items of the list that a section consists of, without boxes to tick; all of it as one where it is no list.

    What is indented, or follows an empty line, belongs to the item above it.
    """
    listed: list[str] = []
    for line in section.strip().splitlines():
        item = _ITEM.fullmatch(line)
        if item is not None:
            listed.append(item[1].rstrip())
        elif not listed or (line.strip() and not line.startswith((" ", "\t"))):
            return (section.strip(),) if section.strip() else ()
        else:
            listed[-1] = f"{listed[-1]}\n{line.rstrip()}"
    return tuple(item.rstrip() for item in listed)
