"""The files of a project on this machine, as the gates read those of a commit."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pressplay.errors import InputError

if TYPE_CHECKING:
    from pressplay.gates.lint.files import Files


@contextmanager
def files_of(folder: Path, ref: str = "HEAD") -> Iterator[Files]:
    """The files of a commit of the repository in `folder`, or those in a folder that is none.

    Files that a folder's .gitignore names are left out. InputError if it is no folder, or has no such commit.
    """
    import pygit2

    from pressplay.github.clone import Tree

    if not folder.is_dir():
        raise InputError(f"{folder}: expected a folder, got none; check the path")
    if not (folder / ".git").exists():
        with tempfile.TemporaryDirectory(prefix="press-play-") as place:
            repository = pygit2.init_repository(place, bare=True)
            repository.workdir = str(folder)
            try:
                repository.index.add_all()
                tree = repository[repository.index.write_tree()].peel(pygit2.Tree)
            except (pygit2.GitError, OSError) as error:
                raise InputError(f"{folder}: its files can't be read: {error}") from error
            yield Tree(tree, repository)
        return
    try:
        repository = pygit2.Repository(str(folder))
        tree = repository.revparse_single(ref).peel(pygit2.Tree)
    except (pygit2.GitError, KeyError, ValueError) as error:
        raise InputError(
            f"{folder}: expected a git repository with the commit {ref!r}, got none; commit first, or name another"
        ) from error
    yield Tree(tree, repository)


def project_of(tasks_json: Path) -> Path | None:
    """The project whose backlog a file is, where it lies as Taskmaster has it; None if it lies elsewhere."""
    file = tasks_json.resolve()
    if file.parts[-3:] == (".taskmaster", "tasks", "tasks.json"):
        return file.parents[2]
    above = file.parents[1] if file.parts[-2:] == ("tasks", "tasks.json") else file.parent
    return above if file.name == "tasks.json" and (above / ".git").exists() else None
