"""What files a commit has below a folder, without a clone."""

from __future__ import annotations

from dataclasses import dataclass

from pressplay.errors import InputError
from pressplay.github.calls import Client, call, find

_REGULAR = ("100644", "100755")


@dataclass(frozen=True)
class Blob:
    """A file of a tree, or a symbolic link (mode 120000)."""

    sha: str
    mode: str
    size: int
    """In bytes."""

    @property
    def regular(self) -> bool:
        """Whether it is a file and no link."""
        return self.mode in _REGULAR


def files(gh: Client, repo: str, commit: str, folder: str) -> dict[str, Blob]:
    """The files below `folder` at a commit (its id), by their paths in the repository; empty without the folder.

    Paths are people's text (R7). InputError for more files than GitHub lists (REST reference, "Get a tree").
    """
    tree = commit
    for name in folder.split("/"):
        listing = find(gh, f"/repos/{repo}/git/trees/{tree}")
        entries = (listing or {"tree": []})["tree"]
        below = [entry["sha"] for entry in entries if entry["path"] == name and entry["type"] == "tree"]
        if not below:
            return {}
        (tree,) = below
    listed = call(gh, "GET", f"/repos/{repo}/git/trees/{tree}", params={"recursive": "1"})
    if listed["truncated"]:
        raise InputError(f"{repo}: {folder} at {commit}: expected fewer files, GitHub does not list them all")
    return {
        f"{folder}/{blob['path']}": Blob(blob["sha"], blob["mode"], blob["size"])
        for blob in listed["tree"]
        if blob["type"] == "blob"
    }
