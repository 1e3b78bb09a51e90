"""Why something ended as it did: what happened, the deepest detail known, where to look, and what to do about it.

A reason is carried unchanged from where a failure is seen to everywhere that people and agents read of it: the live
line, the summary, `--json`, the comment on the pull request, the check, `task/findings.md`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Reason:
    """A failure's reason. Only `detail` holds other people's text, and is always shown as quoted data (R7)."""

    what: str
    """A clause of ours: what happened."""
    detail: str = ""
    """What is known most deeply, as GitHub, a deployment or a log says it. Made by `validation.details`."""
    look: str = ""
    """Where to look for more: a run, the path of a log, a link."""
    todo: str = ""
    """What to do about it, as a clause of ours."""

    def line(self) -> str:
        """The reason on one line, for a terminal or a log."""
        quoted = f": “{' '.join(self.detail.split())}”" if self.detail else ""
        look = f" (see {self.look})" if self.look else ""
        return f"{self.what}{quoted}{look}{f'; {self.todo}' if self.todo else ''}"

    def as_json(self) -> dict[str, str]:
        """The parts that are there, for `--json` and for the ledger."""
        parts = {"what": self.what, "detail": self.detail, "look": self.look, "todo": self.todo}
        return {name: text for name, text in parts.items() if text}
