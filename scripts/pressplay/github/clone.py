"""Commits fetched by git into a bare repository, and what is done with them without a work tree or a git program.

Nothing of the credentials stays: they are handed to libgit2 by a callback, and the remote has no name. A bare
repository runs no hooks, follows no submodules and knows no filters: what is checked out are the bytes that were
committed.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pygit2
from pygit2.enums import CheckoutStrategy, FileMode

from pressplay.errors import InputError, TryAgain
from pressplay.github.committed import LARGEST, Entry, Unreadable
from pressplay.github.remote import Remote

_CONNECT, _ANSWER = 10_000, 60_000
"""Milliseconds that libgit2 waits for a connection, and for an answer."""
_REFUSED = re.compile(r"status code: (?:401|403|404)\b|not found|does not exist|authentication")
"""libgit2's messages for faults that another attempt would not fix."""
_ASKED = 4
"""How often libgit2 may ask for one connection's credentials."""
_PLAIN = (FileMode.BLOB, FileMode.BLOB_EXECUTABLE)


class _Credentials(pygit2.RemoteCallbacks):
    def __init__(self, token: str) -> None:
        super().__init__()
        self._token = token
        self._asked = 0

    def credentials(
        self,
        url: str,  # noqa: ARG002 - pygit2's signature
        username_from_url: str | None,  # noqa: ARG002
        allowed_types: pygit2.enums.CredentialType,  # noqa: ARG002
    ) -> pygit2.UserPass:
        self._asked += 1
        if self._asked > _ASKED:
            # libgit2 asks again and again for one that was refused.
            raise InputError("the forge does not accept the App's token for git: does it have the permission contents?")
        return pygit2.UserPass("x-access-token", self._token)


class Clone:
    """A bare repository with some commits of a remote, each without its history."""

    def __init__(self, folder: Path) -> None:
        """Make it in `folder`, or take up what is there."""
        self._repository = pygit2.init_repository(str(folder), bare=True)

    @staticmethod
    def of(repository: pygit2.Repository) -> Clone:
        """A repository that is there: it is read, and nothing in it is changed."""
        clone = Clone.__new__(Clone)
        clone._repository = repository
        return clone

    def fetch(self, remote: Remote, commits: Sequence[str]) -> None:
        """Fetch commits by their ids. TryAgain if the forge does not answer; InputError if it refuses."""
        wanted = [sha for sha in dict.fromkeys(commits) if sha not in self._repository]
        if not wanted:
            return
        pygit2.settings.server_connect_timeout = _CONNECT
        pygit2.settings.server_timeout = _ANSWER
        origin = self._repository.remotes.create_anonymous(remote.url)
        refspecs = [f"+{sha}:refs/press-play/{sha}" for sha in wanted]
        try:
            # libgit2 has no shallow fetch from a folder; there it copies nothing over a network either.
            origin.fetch(
                refspecs,
                callbacks=_Credentials(remote.token),
                depth=0 if remote.local else 1,
                proxy=None if remote.local else True,
            )
        except pygit2.GitError as error:
            message = f"git fetch from {remote.url}: {error}"
            if _REFUSED.search(str(error)):
                raise InputError(message) from error
            raise TryAgain(message) from error
        for sha in wanted:
            if sha not in self._repository:
                raise InputError(f"git fetch from {remote.url}: did not get {sha}; is it a commit of this repository?")

    def tree(self, sha: str) -> Tree:
        """The files of a commit, or of a tree, that is here."""
        return Tree(self._repository[sha].peel(pygit2.Tree), self._repository)

    def differing(self, before: str, after: str) -> list[str]:
        """The sorted paths of the files that differ between two commits or trees; for a renamed file both paths."""
        old, new = (self._repository[sha].peel(pygit2.Tree) for sha in (before, after))
        deltas = old.diff_to_tree(new).deltas
        return sorted({_text(path) for delta in deltas for path in (delta.old_file.raw_path, delta.new_file.raw_path)})

    def merge(self, ancestor: str, base: str, head: str) -> Merge:
        """What git makes of `head` merged into `base`; `ancestor` is their merge base, and all three are here.

        The tree is made in this repository alone: nothing is pushed.
        """
        common, target, source = (self._repository[sha].peel(pygit2.Tree) for sha in (ancestor, base, head))
        merged = self._repository.merge_trees(common, target, source)
        conflicts = {side.path for conflict in merged.conflicts or () for side in conflict if side is not None}
        before = pygit2.Index()
        before.read_tree(target)
        was, now = ({(entry.path, str(entry.id), entry.mode) for entry in index} for index in (before, merged))
        tree = "" if conflicts else str(merged.write_tree(self._repository))
        return Merge(tree, tuple(sorted(conflicts)), frozenset(conflicts | {path for path, _, _ in was ^ now}))

    def check_out(self, sha: str, instead: Mapping[str, bytes | None], folder: Path) -> None:
        """Write a commit's or a tree's files into the empty `folder`, some with another content, or (None) not at all.

        Submodules are left out: their content is not part of the commit.
        The tree is put together in git before anything is written, so that no link in it can lead a write elsewhere.
        InputError if a file can't be written, a full disk among the causes.
        """
        index = pygit2.Index()
        index.read_tree(self._repository[sha].peel(pygit2.Tree))
        for path in [entry.path for entry in index if entry.mode == FileMode.COMMIT]:
            index.remove(path)
        for path, content in instead.items():
            _clear(index, path)
            if content is not None:
                index.add(pygit2.IndexEntry(path, self._repository.create_blob(content), FileMode.BLOB))
        tree = index.write_tree(self._repository)
        strategy = CheckoutStrategy.FORCE | CheckoutStrategy.DONT_UPDATE_INDEX | CheckoutStrategy.DONT_WRITE_INDEX
        try:
            self._repository.checkout_tree(  # type: ignore[no-untyped-call]
                self._repository[tree], directory=str(folder), strategy=strategy
            )
        except (pygit2.GitError, OSError) as error:
            raise InputError(f"the checkout of {sha} could not be written: {error}") from error


@dataclass(frozen=True)
class Merge:
    """What git makes of two commits. Paths are people's text (R7)."""

    tree: str
    """The id of the merged tree; empty where they conflict."""
    conflicts: tuple[str, ...]
    """The sorted paths that it can't merge."""
    changed: frozenset[str]
    """The paths in which the result may differ from the base: those of the other side, and those in conflict."""


class Tree:
    """The files of one commit, by their paths (`gates.lint.files.Files` among others)."""

    def __init__(self, tree: pygit2.Tree, repository: pygit2.Repository) -> None:
        self._tree = tree
        self._repository = repository

    @functools.cached_property
    def entries(self) -> Mapping[str, Entry]:
        """All files, links and submodules by their paths."""
        entries: dict[str, Entry] = {}
        folders = [("", self._tree)]
        while folders:
            above, tree = folders.pop()
            for item in tree:
                path = f"{above}{_text(item.raw_name or b'')}"
                if item.filemode == FileMode.COMMIT:
                    entries[path] = Entry("submodule", str(item.id))
                elif isinstance(item, pygit2.Tree):
                    folders.append((f"{path}/", item))
                else:
                    entries[path] = Entry("file" if item.filemode in _PLAIN else "link", str(item.id))
        return entries

    def names(self, folder: str) -> frozenset[str]:
        """What is in a folder; empty if there is no such folder."""
        return frozenset(name for name, _ in self._entries(folder))

    def folders(self, folder: str) -> tuple[str, ...]:
        """The folders in a folder, sorted."""
        return tuple(sorted(name for name, entry in self._entries(folder) if isinstance(entry, pygit2.Tree)))

    def content(self, path: str, most: int = LARGEST) -> bytes | None:
        """A plain file's bytes; None if there is no file. Unreadable for a link, a submodule or a larger file."""
        entry = self.entries.get(path)
        if entry is None:
            return None
        if entry.kind != "file":
            raise Unreadable(path, "a symbolic link" if entry.kind == "link" else "a submodule")
        blob = self._repository[entry.sha]
        if not isinstance(blob, pygit2.Blob) or blob.size > most:
            raise Unreadable(path, f"larger than {most:,} bytes")
        return blob.data

    def target(self, path: str) -> str:
        """Where a symbolic link leads, as it was committed."""
        blob = self._repository[self.entries[path].sha]
        return _text(blob.data) if isinstance(blob, pygit2.Blob) else ""

    def _entries(self, folder: str) -> Iterator[tuple[str, pygit2.Object]]:
        try:
            tree = self._tree[folder] if folder else self._tree
        except KeyError:
            return
        if isinstance(tree, pygit2.Tree):
            for entry in tree:
                yield _text(entry.raw_name or b""), entry


def _text(path: bytes) -> str:
    return os.fsdecode(path)


def _clear(index: pygit2.Index, path: str) -> None:
    """Remove a path from an index, with the entries that a file of this name excludes."""
    above = {path[:at] for at, letter in enumerate(path) if letter == "/"}
    stale: Iterable[str] = [e.path for e in index if e.path == path or e.path in above or e.path.startswith(f"{path}/")]
    for name in stale:
        index.remove(name)
