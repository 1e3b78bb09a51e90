"""The files of one commit as GitHub lists them, without a clone."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping

from pressplay.errors import InputError
from pressplay.github.calls import Client, call, part, raw
from pressplay.github.committed import LARGEST, Entry, Unreadable

_LINK, _SUBMODULE = "120000", "160000"


class Listing:
    """The files of one commit (`gates.lint.files.Files`): one call lists them, each content is one more."""

    def __init__(self, gh: Client, repo: str, commit: str) -> None:
        """`commit`: its id, or a branch. InputError for more files than GitHub lists (REST reference, "Get a tree")."""
        self._gh, self._repo = gh, repo
        listed = call(gh, "GET", f"/repos/{repo}/git/trees/{part(commit)}", params={"recursive": "1"})
        if listed["truncated"]:
            raise InputError(f"{repo} at {commit}: expected fewer files, GitHub does not list them all")
        self._listed = {str(entry["path"]): entry for entry in listed["tree"]}

    @functools.cached_property
    def entries(self) -> Mapping[str, Entry]:
        """All files, links and submodules by their paths."""
        kinds = {_LINK: "link", _SUBMODULE: "submodule"}
        return {
            path: Entry(kinds.get(entry["mode"], "file"), entry["sha"])  # type: ignore[arg-type]
            for path, entry in self._listed.items()
            if entry["type"] != "tree"
        }

    @functools.cached_property
    def _folders(self) -> Mapping[str, Mapping[str, bool]]:
        """Folder → what is in it, and whether that is a folder."""
        folders: dict[str, dict[str, bool]] = {}
        for path, entry in self._listed.items():
            above, _, name = path.rpartition("/")
            folders.setdefault(above, {})[name] = entry["type"] == "tree"
        return folders

    def names(self, folder: str) -> frozenset[str]:
        """What is in a folder; empty if there is no such folder."""
        return frozenset(self._folders.get(folder, {}))

    def folders(self, folder: str) -> tuple[str, ...]:
        """The folders in a folder, sorted."""
        return tuple(sorted(name for name, is_folder in self._folders.get(folder, {}).items() if is_folder))

    def content(self, path: str, most: int = LARGEST) -> bytes | None:
        """A plain file's bytes; None if there is no file. Unreadable for a link, a submodule or a larger file."""
        entry = self.entries.get(path)
        if entry is None:
            return None
        if entry.kind != "file":
            raise Unreadable(path, "a symbolic link" if entry.kind == "link" else "a submodule")
        if self._listed[path]["size"] > most:
            raise Unreadable(path, f"larger than {most:,} bytes")
        return raw(self._gh, f"/repos/{self._repo}/git/blobs/{entry.sha}")

    def target(self, path: str) -> str:
        """Where a symbolic link leads, as it was committed."""
        return os.fsdecode(raw(self._gh, f"/repos/{self._repo}/git/blobs/{self.entries[path].sha}"))
