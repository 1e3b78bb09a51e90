"""Git in the work trees that agents are started in, and how it reaches a repository."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pygit2

from pressplay.errors import InputError
from pressplay.sandbox import detached

_PLAIN = ("commit.gpgSign=false", "tag.gpgSign=false", "core.hooksPath=.git/hooks", "core.autocrlf=false")
"""Over what a user set for all repositories: nobody is there to type a passphrase, and no hook of theirs is meant."""
_WITHOUT_PROGRAMS = ("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "commit.gpgSign=false")
"""Over what a repository sets for itself, which an agent may have written: git starts no program for it."""


@dataclass(frozen=True)
class Remote:
    """How git reaches a repository: an address, what git's environment needs for it, and what to call after a push."""

    url: str
    environment: Mapping[str, str]
    pushed: Callable[[], None] = lambda: None
    local: bool = False
    """Whether `url` is a path on this machine: objects are shared instead of copied, and libgit2 pushes."""


def clone(folder: Path, remote: Remote, bot: str) -> None:
    """Clone into `folder`/tree, without a checkout, for commits by `bot`; remove what a killed attempt left there."""
    tree = folder / "tree"
    if tree.exists():
        shutil.rmtree(tree)
    # One process sets everything; an empty template, because no hooks belong in an agent's work tree.
    git(
        folder,
        remote.environment,
        "clone",
        "--quiet",
        "--no-checkout",
        "--origin=origin",
        "--template=",
        *(f"--config={setting}" for setting in _PLAIN),
        *(["--shared"] if remote.local else []),
        f"--config=user.name={bot}",
        f"--config=user.email={_address(bot)}",
        remote.url,
        "tree",
    )


def open_tree(tree: Path) -> pygit2.Repository:
    """The work tree's own repository, and no other: git itself would also search the folders above."""
    try:
        return pygit2.Repository(str(tree / ".git"))
    except pygit2.GitError as error:
        raise InputError(f"the agent's work tree is no git repository any more: {error}") from error


def only_here(tree: Path) -> dict[str, str]:
    """The environment in which git works on this work tree and no other."""
    return {"GIT_DIR": str(tree / ".git"), "GIT_WORK_TREE": str(tree)}


def push(remote: Remote, tree: Path, repo: pygit2.Repository, head: str, branch: str) -> None:
    """Push a commit to a branch, fast-forward only."""
    if remote.local:
        # A ref of our own, as libgit2 pushes refs and no bare commits.
        repo.references.create("refs/press-play/head", head, force=True)
        try:
            repo.remotes.create_anonymous(remote.url).push([f"refs/press-play/head:refs/heads/{branch}"])
        except pygit2.GitError as error:
            raise InputError(f"git push: {error}") from error
        return
    environment = {**remote.environment, **only_here(tree)}
    git(tree, environment, "push", "--quiet", remote.url, f"{head}:refs/heads/{branch}")


def commit_nothing(repo: pygit2.Repository, bot: str, message: str, now: float) -> pygit2.Oid:
    """Commit an empty change on top of HEAD, as `bot`; the commit."""
    head = repo.head.peel(pygit2.Commit)
    author = pygit2.Signature(bot, _address(bot), int(now), 0)
    return repo.create_commit("HEAD", author, author, message, head.tree.id, [head.id])


def _address(bot: str) -> str:
    return f"{bot}@users.noreply.github.com"


def git(cwd: Path, environment: Mapping[str, str], *args: str, given: str = "") -> str:
    """Run git, `given` on its stdin; what it printed. InputError with its own words where it fails.

    No hook that an agent may have left is run, nor sees a token.
    """
    done = subprocess.run(
        ["git", *_WITHOUT_PROGRAMS, *args],
        input=given,
        cwd=cwd,
        # The user's own settings are for the user's own repositories.
        env={**os.environ, "GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_GLOBAL": os.devnull, **environment},
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        # Ctrl-C is for us: it must not look like a fault of git's.
        process_group=0,
        umask=detached.umask(),
    )
    if done.returncode:
        raise InputError(f"git {' '.join(args[:3])}: {done.stderr.strip()[:500]}")
    return done.stdout
