"""Our own section of a pull request's body, before the author's text."""

from __future__ import annotations

import re

from pressplay.errors import InputError
from pressplay.github.calls import Client, call

BODY_LIMIT = 65_536
"""GitHub's, in characters."""
_MARKER = re.compile(r"[a-z]+")


def text(gh: Client, repo: str, number: int) -> str:
    """A pull request's body: text of people's or agents' (R7)."""
    return str(call(gh, "GET", f"/repos/{repo}/pulls/{number}")["body"] or "")


def ensure_section(gh: Client, repo: str, number: int, marker: str, content: str) -> bool:
    """Make sure that a pull request's body begins with our section `marker`; whether anything was changed.

    It goes first: after others' text it might end up in a comment or a code block that they left open. If the body
    would become too long, its end is cut.
    """
    if not _MARKER.fullmatch(marker):
        raise InputError(f"marker {marker!r}: expected small letters")
    body = text(gh, repo, number)
    begin, end = f"<!-- press-play: {marker} -->", f"<!-- /press-play: {marker} -->"
    section = f"{begin}\n{content}\n{end}"
    # The section is ours only at the very beginning; the same words further down are somebody's copy.
    rest = body
    if body.startswith(begin) and end in body:
        rest = body.partition(end)[2].lstrip("\r\n")
    wanted = f"{section}\n\n{rest}"[:BODY_LIMIT]
    if wanted.rstrip() == body.replace("\r\n", "\n").rstrip():
        return False
    call(gh, "PATCH", f"/repos/{repo}/pulls/{number}", json={"body": wanted})
    return True


def closes(gh: Client, repo: str, number: int, issue: int) -> bool:
    """Whether a pull request's body closes an issue of the same repository by one of GitHub's keywords.

    Source: "Linking a pull request to an issue", docs.github.com. Keywords in code or in comments do not count.
    """
    body = text(gh, repo, number)
    shown = re.sub(r"<!--.*?(-->|\Z)|```.*?(```|\Z)|~~~.*?(~~~|\Z)|`[^`\n]*`", " ", body, flags=re.DOTALL)
    keyword = rf"\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):?\s+(?:{re.escape(repo)}#|#|GH-){issue}\b"
    return re.search(keyword, shown, re.IGNORECASE) is not None
