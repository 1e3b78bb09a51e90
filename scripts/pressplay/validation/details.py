"""Other people's text as the detail of a reason: plain, without secrets, and short."""

from __future__ import annotations

from pressplay.plaintext import plain
from pressplay.validation.redaction import redact

LONGEST = 1_000
"""Characters of a detail that are kept."""


def ending(text: str) -> str:
    """The end of a log or a message, where the cause is."""
    clean = _clean(text)
    return clean if len(clean) <= LONGEST else f"… {clean[-LONGEST:]}"


def beginning(text: str) -> str:
    """The beginning of a question, where it is asked."""
    clean = _clean(text)
    return clean if len(clean) <= LONGEST else f"{clean[:LONGEST]} …"


def _clean(text: str) -> str:
    """Without control sequences and secrets. Only then may it be cut: half a secret is not recognized as one."""
    return redact(plain(text)).strip()
