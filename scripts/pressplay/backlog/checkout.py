"""A project on this machine as a place to play: a git repository, or a folder without git."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pygit2
from pygit2.enums import FileStatus

from pressplay.backlog.resolution import STATE_PATH, TASKS_PATHS, Place
from pressplay.errors import InputError

BRANCH = "main"
"""The branch that a folder without git becomes."""
_CHANGES = 5
"""Files with uncommitted changes that a note names."""
_UNCHANGED = FileStatus.CURRENT | FileStatus.IGNORED


class LocalPlace(Place, Protocol):
    """A place on this machine, which also knows what its commit lacks."""

    def notes(self, commit: str, /) -> list[str]:
        """What a person should know before the play: each a sentence, with what to do."""

    def demand_whole(self) -> None:
        """InputError where the history that a copy needs is not here."""


def opened(folder: Path) -> LocalPlace:
    """The project in a folder. InputError if there is no folder, or its repository can't be read."""
    if not folder.is_dir():
        raise InputError(f"{folder}: expected a project's folder, got none; check the path")
    bare = (folder / "HEAD").is_file() and (folder / "objects").is_dir()
    if not bare and not (folder / ".git").exists():
        return Plain(folder)
    try:
        return Checkout(folder, pygit2.Repository(str(folder)))
    except pygit2.GitError as error:
        raise InputError(f"{folder}: expected a git repository that can be read: {error}") from error


class Plain:
    """A folder without git: its files are played as they are."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def branch(self) -> tuple[str, str]:
        """The branch that the files become."""
        return BRANCH, "made of the folder's files"

    def commit(self, branch: str, wanted: str) -> tuple[str, str]:
        """No commit; InputError where one is wanted."""
        if wanted or branch != BRANCH:
            raise InputError(
                f"{self._folder}: expected a git repository to take {wanted or branch!r} from, got a folder without "
                "git; make it one (git init, git add, git commit), or leave the option out"
            )
        return "", "the files as they are now"

    def read(self, _commit: str, path: str) -> bytes | None:
        """A file as it is now."""
        return _file(self._folder, path)

    def state(self, _commit: str, path: str) -> bytes | None:
        """Taskmaster's state as it is now."""
        return _file(self._folder, path)

    def about(self, _path: str) -> str:
        """Nothing: what is there is read."""
        return ""

    def notes(self, _commit: str) -> list[str]:
        """Whether the folder is part of a repository, which may be what was meant."""
        around = pygit2.discover_repository(str(self._folder))
        if around is None:
            return []
        repository = pygit2.Repository(around)
        root = Path(repository.workdir or around).resolve()
        part = self._folder.resolve().relative_to(root).as_posix()
        if repository.path_is_ignored(f"{part}/"):
            return []
        return [
            f"{self._folder} is part of the repository {root}, and is played alone, as its files are now. To play the "
            f"repository: pressplay play {root} --backlog {part}/{TASKS_PATHS[0]}"
        ]

    def demand_whole(self) -> None:
        """Nothing is needed: the history begins with the files."""


class Checkout:
    """A git repository: commits are played, and what is not committed is named."""

    def __init__(self, folder: Path, repository: pygit2.Repository) -> None:
        self._folder, self._git = folder, repository

    def branch(self) -> tuple[str, str]:
        """The branch that is checked out."""
        if self._git.head_is_unborn:
            raise InputError(
                f"{self._folder}: expected a repository with a commit, got one without; commit first "
                "(git add -A, git commit), then press play again"
            )
        if self._git.head_is_detached:
            sha = str(self._git.head.target)[:12]
            raise InputError(
                f"{self._folder}: expected a branch that is checked out, got a detached head at {sha}. Check one out "
                f"(git switch NAME), name one (--branch NAME, of {self._listed()}), or play this very commit as a "
                "branch: --branch NAME --commit HEAD"
            )
        return self._git.head.shorthand, "checked out"

    def commit(self, branch: str, wanted: str) -> tuple[str, str]:
        """The newest commit of a branch here, else of the remote's, or the one that is wanted."""
        if wanted:
            try:
                return str(self._git.revparse_single(wanted).peel(pygit2.Commit).id), ""
            except (pygit2.GitError, KeyError, ValueError) as error:
                raise InputError(
                    f"{self._folder}: expected a commit, got {wanted!r}, which is none here; see git log"
                ) from error
        for name, why in (
            (f"refs/heads/{branch}", "the branch's newest"),
            (f"refs/remotes/origin/{branch}", "origin's newest, as fetched last"),
        ):
            if name in self._git.references:
                return str(self._git.references[name].peel(pygit2.Commit).id), why
        near = difflib.get_close_matches(branch, [*self._git.branches.local], n=1)
        hint = f"did you mean {near[0]!r}?" if near else "fetch it, or name another one with --branch"
        raise InputError(f"{self._folder}: expected the branch {branch!r}, got {self._listed()}; {hint}")

    def read(self, commit: str, path: str) -> bytes | None:
        """A file of a commit."""
        try:
            entry = self._git[commit].peel(pygit2.Tree)[path]
        except KeyError:
            return None
        return entry.data if isinstance(entry, pygit2.Blob) else None

    def state(self, commit: str, path: str) -> bytes | None:
        """Taskmaster's state in the work tree, where `task-master use-tag` writes it; else the commit's."""
        there = _file(Path(self._git.workdir), path) if self._git.workdir else None
        return self.read(commit, path) if there is None else there

    def about(self, path: str) -> str:
        """How a file of the work tree gets into a commit."""
        if not self._git.workdir or not (Path(self._git.workdir) / path).is_file():
            return ""
        ignored = self._git.path_is_ignored(path)
        what = "is there, and git ignores it" if ignored else "is there, and this commit lacks it"
        add = "add -f" if ignored else "add"
        return f"{path} {what}: git {add} {path}, git commit, and press play again"

    def notes(self, commit: str) -> list[str]:
        """What is not committed, where the commit is the one that is checked out."""
        if not self._git.workdir or self._git.head_is_unborn or str(self._git.head.target) != commit:
            return []
        changed = sorted(self._changed(), key=lambda path: (not path.endswith("tasks.json"), path))
        if not changed:
            return []
        named = ", ".join(changed[:_CHANGES]) + (
            f" and {len(changed) - _CHANGES} more" if len(changed) > _CHANGES else ""
        )
        return [f"not committed, so not played: {named}. git add and git commit take them in"]

    def demand_whole(self) -> None:
        """InputError for a shallow clone: libgit2, which the gates fetch with, can't read a copy of it."""
        if self._git.is_shallow:
            raise InputError(
                f"{self._folder}: expected a repository with its history, got a shallow clone; fetch the rest "
                f"(git -C {self._folder} fetch --unshallow), and press play again"
            )

    def _changed(self) -> Iterator[str]:
        for path, status in self._git.status(untracked_files="normal").items():
            # Taskmaster's current tag counts without a commit.
            if status & ~_UNCHANGED and not path.endswith(STATE_PATH):
                yield path

    def _listed(self) -> str:
        remote = [name.removeprefix("origin/") for name in self._git.branches.remote if name.startswith("origin/")]
        known = sorted({*self._git.branches.local, *remote} - {"HEAD"})
        return ", ".join(known[:10]) + (f" and {len(known) - 10} more" if len(known) > 10 else "") or "none"


def _file(folder: Path, path: str) -> bytes | None:
    """A file of a folder, and of no other; None where there is none."""
    file = folder / path
    try:
        if not file.resolve().is_relative_to(folder.resolve()):
            return None
        return file.read_bytes()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None
    except OSError as error:
        raise InputError(f"{file}: can't be read: {error.strerror}") from error
