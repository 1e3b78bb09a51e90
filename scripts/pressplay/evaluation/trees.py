"""A case as two commits of a bare repository, as the gates read a pull request."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path

import pygit2
from pygit2.enums import FileMode

from pressplay.evaluation.corpus import Case, files_of
from pressplay.github.clone import Clone
from pressplay.github.commits import Commits

_WHO = pygit2.Signature("Press Play", "eval@press-play.invalid", 0, 0)


def commit(case: Case, folder: Path) -> Commits:
    """Write a case's base and head into a new repository in `folder`."""
    base = files_of(case.base)
    head = {path: content for path, content in {**base, **case.head_files()}.items() if path not in case.removed()}
    return of_files(base, head, executables(case), folder)


def of_files(base: Mapping[str, bytes], head: Mapping[str, bytes], executable: set[str], folder: Path) -> Commits:
    """Two commits of these files in a new repository in `folder`; `executable`: the paths of what may be executed."""
    repository = pygit2.init_repository(str(folder), bare=True)
    first = _commit(repository, base, executable, [])
    second = _commit(repository, head, executable, [first])
    return Commits(Clone(folder), first, second)


def _commit(repository: pygit2.Repository, files: Mapping[str, bytes], executable: set[str], parents: list[str]) -> str:
    index = pygit2.Index()
    for path, content in files.items():
        mode = FileMode.BLOB_EXECUTABLE if path in executable else FileMode.BLOB
        index.add(pygit2.IndexEntry(path, repository.create_blob(content), mode))
    tree = index.write_tree(repository)
    return str(repository.create_commit(None, _WHO, _WHO, "A case of the corpus", tree, list(parents)))


def executables(case: Case) -> set[str]:
    """The paths of a case's files that may be executed."""
    return {
        path.relative_to(folder).as_posix()
        for folder in (case.base, case.folder / "head")
        for path in folder.rglob("*")
        if path.is_file() and path.stat().st_mode & stat.S_IXUSR
    }
