"""Where git reaches a repository."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Remote:
    """An address, and what opens it."""

    url: str
    token: str = field(default="", repr=False)
    """An installation's token; empty if none is needed (a folder on this machine)."""

    @property
    def local(self) -> bool:
        """Whether it is a folder on this machine."""
        return "://" not in self.url
