"""What lies between two commits."""

from __future__ import annotations

from dataclasses import dataclass

from pressplay.github.calls import Client, Refused, call, part
from pressplay.github.files import Files

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
    seen: bool = True
    """False where what it was made of was cut."""

    @property
    def whole(self) -> bool:
        """Whether all files are in it."""
        return self.seen and len(self.files) < MOST_FILES


def compare(gh: Client, repo: str, base: str, head: str) -> Comparison:
    """Compare two commits or branches (`base...head`); Refused where one is gone."""
    found = call(gh, "GET", f"/repos/{repo}/compare/{part(base)}...{part(head)}")
    files = tuple(
        Changed(one["filename"], one.get("previous_filename") or one["filename"], one["status"])
        for one in found.get("files") or ()
    )
    return Comparison(found["merge_base_commit"]["sha"], files)


def contains(gh: Client, repo: str, ref: str, commit: str) -> bool:
    """Whether a commit is part of the history of a branch or commit `ref`. `gh` may read contents."""
    try:
        return compare(gh, repo, commit, ref).merge_base == commit
    except Refused as error:
        if error.status == 404:
            # The commit is gone, or has nothing in common with the branch.
            return False
        raise


def difference(gh: Client, repo: str, old: str, new: str) -> Comparison:
    """What differs between two commits, whether or not `new` goes on from `old`; Refused where one is gone.

    A comparison of GitHub's begins where both parted: it shows nothing of what a forced push took out of a branch.
    Where they parted no file counts as renamed.
    """
    there = compare(gh, repo, old, new)
    if there.merge_base == old:
        return there
    back = compare(gh, repo, new, old)
    before, after = Files(gh, repo, old), Files(gh, repo, new)
    changed = []
    for path in sorted({path for one in (*there.files, *back.files) for path in (one.path, one.before)}):
        was, is_ = before.entry(path), after.entry(path)
        if was != is_:
            changed.append(Changed(path, path, "added" if was is None else "removed" if is_ is None else "modified"))
    return Comparison(there.merge_base, tuple(changed), seen=there.whole and back.whole)
