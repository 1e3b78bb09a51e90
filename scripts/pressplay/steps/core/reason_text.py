"""A reason as Markdown: our clause as it is, other people's text in a fence, as data (R7)."""

from __future__ import annotations

from pressplay.domain.reasons import Reason
from pressplay.validation.markdown import code, fenced


def details(reason: Reason) -> str:
    """Everything but the clause, as paragraphs; empty if there is nothing more."""
    parts = []
    if reason.detail:
        parts.append(fenced(reason.detail))
    if reason.look:
        parts.append(f"Look at {code(reason.look)}.")
    if reason.todo:
        parts.append(f"{reason.todo[:1].upper()}{reason.todo[1:]}.")
    return "\n\n".join(parts)
