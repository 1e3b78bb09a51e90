"""Trees of git made of files in memory, for what reads commits."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass

import pygit2
from pygit2.enums import FileMode

from pressplay.github.clone import Tree


@dataclass(frozen=True)
class Link:
    """A symbolic link."""

    target: str


SUBMODULE = object()
"""In the place of a file's content: a submodule."""
Content = bytes | str | Link | object


@functools.cache
def _repository() -> pygit2.Repository:
    return pygit2.init_repository(tempfile.mkdtemp(), bare=True)


def index_of(files: Mapping[str, Content], repository: pygit2.Repository) -> pygit2.Index:
    """An index of these files, whose contents are in the repository."""
    index = pygit2.Index()
    for path, content in files.items():
        if content is SUBMODULE:
            index.add(pygit2.IndexEntry(path, pygit2.Oid(hex="0123456789" * 4), FileMode.COMMIT))
        elif isinstance(content, Link):
            index.add(pygit2.IndexEntry(path, repository.create_blob(content.target.encode()), FileMode.LINK))
        else:
            given = content.encode() if isinstance(content, str) else content
            assert isinstance(given, bytes)
            index.add(pygit2.IndexEntry(path, repository.create_blob(given), FileMode.BLOB))
    return index


def tree(files: Mapping[str, Content]) -> Tree:
    """A commit's files: text, bytes, links (`Link`) and submodules (`SUBMODULE`)."""
    repository = _repository()
    made = repository[index_of(files, repository).write_tree(repository)]
    assert isinstance(made, pygit2.Tree)
    return Tree(made, repository)


def differing(head: Mapping[str, Content], base: Mapping[str, Content]) -> list[str]:
    """The paths at which two sets of files differ."""
    return sorted(path for path in head.keys() | base.keys() if head.get(path) != base.get(path))
