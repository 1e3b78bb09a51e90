"""What lies between two commits."""

from __future__ import annotations

from dataclasses import dataclass

from pressplay.github.calls import Client, call, part

MOST_FILES = 300
"""GitHub names no more files than these in a comparison."""


@dataclass(frozen=True)
class Changed:
    """A file that differs. Paths are people's text (R7)."""

    path: str
    before: str
    """Its path in the base; another than `path` where it was renamed."""
    status: str
    """`added`, `removed`, `modified`, `renamed`, `copied`, `changed`."""


@dataclass(frozen=True)
class Comparison:
    """The files that `head` changed since it left `base`, at most `MOST_FILES`."""

    merge_base: str
    files: tuple[Changed, ...]

    @property
    def whole(self) -> bool:
        """Whether all files are in it."""
        return len(self.files) < MOST_FILES


def compare(gh: Client, repo: str, base: str, head: str) -> Comparison:
    """Compare two commits or branches (`base...head`); Refused where one is gone."""
    found = call(gh, "GET", f"/repos/{repo}/compare/{part(base)}...{part(head)}")
    files = tuple(
        Changed(one["filename"], one.get("previous_filename") or one["filename"], one["status"])
        for one in found.get("files") or ()
    )
    return Comparison(found["merge_base_commit"]["sha"], files)
