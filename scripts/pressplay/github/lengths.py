"""How long a text may be that we give to GitHub, which refuses a longer one whole (422).

Source: GitHub's answers, "Only 65535 characters are allowed" for a check's summary and text, "Body is too long (maximum
is 65536 characters)" for comments, reviews and pull requests.
"""

from __future__ import annotations

LONGEST = 65_535
"""Bytes of UTF-8: where GitHub counts characters these are never more."""
_CUT = "\n\n(cut: the text is longer than GitHub takes)"


def fitting(text: str, beside: str = "") -> str:
    """`text`, cut where it and what stands `beside` it are longer than GitHub takes; a note then says so."""
    room = LONGEST - len(beside.encode())
    content = text.encode()
    if len(content) <= room:
        return text
    return content[: max(0, room - len(_CUT))].decode(errors="ignore") + _CUT
