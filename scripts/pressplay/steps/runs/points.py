"""The single points of a text that somebody wrote in Markdown, so that each can be answered by its id."""

from __future__ import annotations

import re

MOST = 100
"""Points of one text; the last holds what follows."""
_ITEM = re.compile(r"(?:[-*+]|[0-9]{1,9}[.)])[ \t]+\S")
_HEADING = re.compile(r"#{1,6}[ \t]")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_HIDDEN = re.compile(r"<!-- [\w .:/-]+ -->")
"""A line that people do not see: the marks by which our own comments are known."""


def split(text: str) -> tuple[str, list[str]]:
    """What a text says before its first point, and its points: the items of its outermost lists, else the whole text.

    A heading goes with the item below it. Each line is read once, so the time is linear in the length.
    """
    before: list[str] = []
    points: list[list[str]] = []
    heading: list[str] = []
    fence = ""
    for line in text.splitlines():
        opened = _FENCE.match(line)
        if fence:
            if opened and opened[1].startswith(fence) and not line.strip().strip(fence[0]):
                fence = ""
        elif _HIDDEN.fullmatch(line):
            continue
        elif opened:
            fence = opened[1]
        elif _HEADING.match(line):
            heading = [*heading, line]
            continue
        elif _ITEM.match(line) and len(points) < MOST:
            points.append([*heading, line])
            heading = []
            continue
        (heading if heading else points[-1] if points else before).append(line)
    if heading:
        (points[-1] if points else before).extend(heading)
    whole = "\n".join(before).strip()
    if not points:
        return "", [whole] if whole else []
    return whole, ["\n".join(lines).strip() for lines in points]
