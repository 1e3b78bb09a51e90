"""What a commit has at a path. Apart from `clone`: to name it loads no git, which no step with a key needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

LARGEST = 1_000_000
"""Bytes of the largest configuration file that is read."""


@dataclass(frozen=True)
class Entry:
    """What a commit has at a path, other than a folder."""

    kind: Literal["file", "link", "submodule"]
    sha: str
    """Of its content; of a submodule, the commit that it names."""


class Unreadable(Exception):
    """Something is at a path, and it cannot be read: its path, and why in words of our own."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{path}: {why}")
        self.path = path
        self.why = why
