"""A case as two commits of a bare repository, as the gates read a pull request."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pygit2
from pygit2.enums import FileMode

from pressplay.evaluation.corpus import Case, files_of
from pressplay.github.clone import Clone, Tree
from pressplay.github.comparison import Changed, Comparison

_WHO = pygit2.Signature("Press Play", "eval@press-play.invalid", 0, 0)


_MODES = {"file": "100644", "link": "120000", "submodule": "160000"}


@dataclass(frozen=True)
class Side:
    """The files of one commit, as the gates of GitHub's pull requests ask for them."""

    tree: Tree

    def text(self, path: str) -> str:
        """A file's text; empty if there is none."""
        return (self._file(path) or b"").decode(errors="replace")

    def mode(self, path: str) -> str | None:
        """Git's mode; no file counts as executable. None if there is nothing."""
        entry = self.tree.entries.get(path)
        return None if entry is None else _MODES[entry.kind]

    def entry(self, path: str) -> tuple[str, str] | None:
        """Kind and object; None if there is nothing."""
        entry = self.tree.entries.get(path)
        return None if entry is None else (entry.kind, entry.sha)

    def _file(self, path: str) -> bytes | None:
        entry = self.tree.entries.get(path)
        return self.tree.content(path) if entry is not None and entry.kind == "file" else None


@dataclass(frozen=True)
class Commits:
    """The base and the head of a case."""

    clone: Clone
    base: str
    head: str

    @property
    def trees(self) -> tuple[Tree, Tree]:
        """The files of the head, and those of the base."""
        return self.clone.tree(self.head), self.clone.tree(self.base)

    def compared(self) -> Comparison:
        """What the head changes, as GitHub lists it; no file counts as renamed."""
        head, base = self.trees
        changed = []
        for path in self.clone.differing(self.base, self.head):
            status = "added" if path not in base.entries else "removed" if path not in head.entries else "modified"
            changed.append(Changed(path, path, status))
        return Comparison(self.base, tuple(changed))


def commit(case: Case, folder: Path) -> Commits:
    """Write a case's base and head into a new repository in `folder`."""
    repository = pygit2.init_repository(str(folder), bare=True)
    base = files_of(case.base)
    head = {path: content for path, content in {**base, **case.head_files()}.items() if path not in case.removed()}
    modes = _modes(case)
    first = _commit(repository, base, modes, [])
    second = _commit(repository, head, modes, [first])
    return Commits(Clone(folder), first, second)


def _commit(repository: pygit2.Repository, files: Mapping[str, bytes], modes: set[str], parents: list[str]) -> str:
    index = pygit2.Index()
    for path, content in files.items():
        mode = FileMode.BLOB_EXECUTABLE if path in modes else FileMode.BLOB
        index.add(pygit2.IndexEntry(path, repository.create_blob(content), mode))
    tree = index.write_tree(repository)
    return str(repository.create_commit(None, _WHO, _WHO, "A case of the corpus", tree, list(parents)))


def _modes(case: Case) -> set[str]:
    """The paths of what may be executed."""
    return {
        path.relative_to(folder).as_posix()
        for folder in (case.base, case.folder / "head")
        for path in folder.rglob("*")
        if path.is_file() and path.stat().st_mode & stat.S_IXUSR
    }
