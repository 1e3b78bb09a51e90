"""What lies between two commits."""

from __future__ import annotations

from dataclasses import dataclass

from pressplay.github.calls import Client, GitHubRefused, call, pages, part
from pressplay.github.files import Files

MOST_FILES = 300
"""GitHub names no more files than these in a comparison."""


@dataclass(frozen=True)
class Changed:
    """A file that differs. Paths are people's text (R7)."""

    path: str
    before: str
    """Its path in the base; different from `path` if it was renamed."""
    status: str
    """`added`, `removed`, `modified`, `renamed`, `copied`, `changed`."""


@dataclass(frozen=True)
class Comparison:
    """The files that `head` changed since it left `base`, at most `MOST_FILES`."""

    merge_base: str
    files: tuple[Changed, ...]
    seen: bool = True
    """False if what it was made of was cut."""

    @property
    def whole(self) -> bool:
        """Whether all files are in it."""
        return self.seen and len(self.files) < MOST_FILES


def compare(gh: Client, repo: str, base: str, head: str) -> Comparison:
    """Compare two commits or branches (`base...head`); GitHubRefused if one is gone."""
    comparison = call(gh, "GET", f"/repos/{repo}/compare/{part(base)}...{part(head)}")
    files = tuple(
        Changed(file["filename"], file.get("previous_filename") or file["filename"], file["status"])
        for file in comparison.get("files") or ()
    )
    return Comparison(comparison["merge_base_commit"]["sha"], files)


def contains(gh: Client, repo: str, ref: str, commit: str) -> bool:
    """Whether a commit is part of the history of a branch or commit `ref`. `gh` may read contents."""
    try:
        return compare(gh, repo, commit, ref).merge_base == commit
    except GitHubRefused as error:
        if error.status == 404:
            # The commit is gone, or has nothing in common with the branch.
            return False
        raise


def difference(gh: Client, repo: str, old: str, new: str) -> Comparison:
    """What differs between two commits, whether or not `new` goes on from `old`; GitHubRefused if one is gone.

    GitHub's comparison starts at the merge base: it does not show what a forced push took out of a branch.
    If the histories diverged, no file counts as renamed.
    """
    forward = compare(gh, repo, old, new)
    if forward.merge_base == old:
        return forward
    backward = compare(gh, repo, new, old)
    before, after = Files(gh, repo, old), Files(gh, repo, new)
    changed = []
    for path in sorted({path for file in (*forward.files, *backward.files) for path in (file.path, file.before)}):
        was, is_ = before.entry(path), after.entry(path)
        if was != is_:
            changed.append(Changed(path, path, "added" if was is None else "removed" if is_ is None else "modified"))
    return Comparison(forward.merge_base, tuple(changed), seen=forward.whole and backward.whole)


def commits(gh: Client, repo: str, base: str, head: str) -> set[str]:
    """The commits that `head` has and `base` has not; GitHubRefused if one is gone. `gh` may read contents."""
    path = f"/repos/{repo}/compare/{part(base)}...{part(head)}"
    return {str(commit["sha"]) for commit in pages(gh, path, key="commits")}


def first_parents(gh: Client, repo: str, base: str, head: str) -> list[str]:
    """The commits that `head` has and `base` has not, each the first parent of the next one: a branch's own history.

    Oldest first; the first one's first parent is `base`. Empty if `base` is not on that line. GitHubRefused if a commit
    is gone. `gh` may read contents.
    """
    path = f"/repos/{repo}/compare/{part(base)}...{part(head)}"
    parents = {str(commit["sha"]): commit["parents"] for commit in pages(gh, path, key="commits")}
    line: list[str] = []
    commit = head
    while commit != base:
        if not parents.get(commit):
            return []
        line.append(commit)
        commit = str(parents[commit][0]["sha"])
    return line[::-1]
