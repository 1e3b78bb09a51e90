"""Why something ended as it did: what happened, the deepest detail known, where to look, and what to do about it.

A reason is carried unchanged from where a failure is seen to everywhere that people and agents read of it: the live
line, the summary, `--json`, the comment on the pull request, the check, `task/findings.md`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_MOST = 1_000
"""Characters of a detail that are kept."""
_CONTROL = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]"
)


@dataclass(frozen=True, kw_only=True)
class Reason:
    """A failure's reason. Only `detail` holds other people's text, and is always shown as quoted data (R7)."""

    what: str
    """A clause of ours: what happened."""
    detail: str = ""
    """The deepest detail known, in the words of whoever said it: GitHub, a deployment, a log. Redacted and plain."""
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


def plain(text: str) -> str:
    """Other people's text without control sequences, at most some 1,000 characters: its end, where the cause is."""
    clean = _CONTROL.sub("", text.replace("\r\n", "\n")).strip()
    return clean if len(clean) <= _MOST else f"… {clean[-_MOST:]}"
