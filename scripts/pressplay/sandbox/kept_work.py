"""What an agent leaves is kept: uncommitted edits are committed for it, and a failed attempt's commits go on.

The commits of an attempt that failed are beside the run, in its work tree; the next attempt at the same work begins
with them. What the role `implement` committed is on its branch as well, where people find it (nobody opened a pull
request of it). Other roles' stay off their branch, which is a pull request's: a push there is a new head for everybody.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import pygit2

from pressplay.errors import InputError
from pressplay.sandbox.gitwork import git, only_here, open_tree

_FOLDER = "kept"
_BYPRODUCTS = (
    "__pycache__/",
    "*.pyc",
    ".pytest_cache/",
    ".mypy_cache/",
    ".ruff_cache/",
    "node_modules/",
    ".venv/",
)
"""What tools leave and no agent means to hand in, also where a project's .gitignore forgets it."""
_KEY = ("PRESSPLAY_REPO", "PRESSPLAY_TASK", "PRESSPLAY_PR", "PRESSPLAY_ROLE", "PRESSPLAY_ROUND", "PRESSPLAY_CAUSE")


def commit_rest(tree: Path, message: str) -> list[str]:
    """Commit what is not committed yet, without what tools leave; the paths, none where all was.

    InputError where git can't, in a merge with conflicts for example.
    """
    if not open_tree(tree).status(untracked_files="all"):
        return []
    here = only_here(tree)
    # A commit that git can't check out must stay the head: what is added to it would hide it.
    git(tree, {**here, "GIT_INDEX_FILE": str(tree / ".git" / "press-play-index")}, "read-tree", "HEAD")
    exclude = [f"--exclude={pattern}" for pattern in _BYPRODUCTS]
    untracked = git(tree, here, "ls-files", "-z", "--others", "--exclude-standard", *exclude)
    git(tree, here, "add", "--update")
    if untracked:
        git(tree, here, "update-index", "-z", "--add", "--stdin", given=untracked)
    paths = [path for path in git(tree, here, "diff", "--cached", "--name-only", "-z").split("\0") if path]
    if paths:
        git(tree, here, "commit", "--quiet", "--no-verify", "--message", message)
    return paths


def keep(directory: Path, variables: Mapping[str, str], tree: Path, begun: str) -> bool:
    """Note the commits of a failed attempt for the next one; whether there are any beyond `begun`."""
    repository = open_tree(tree)
    head = str(repository.head.peel(pygit2.Commit).id) if not repository.head_is_unborn else begun
    if head == begun:
        return False
    file = _file(directory, variables)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"tree": str(tree), "head": head}))
    return True


def take_up(directory: Path, variables: Mapping[str, str], tree: Path) -> bool:
    """Move the branch that is checked out in a fresh clone on to what an earlier attempt left; whether it left any.

    Only where that builds on where the branch is: what others did meanwhile counts more.
    """
    if variables.get("PRESSPLAY_ATTEMPT", "0") in ("", "0"):
        return False
    try:
        kept = json.loads(_file(directory, variables).read_text())
        here = only_here(tree)
        git(tree, here, "fetch", "--quiet", "--no-tags", str(Path(kept["tree"]) / ".git"), kept["head"])
        git(tree, here, "merge", "--quiet", "--ff-only", kept["head"])
    except (OSError, ValueError, KeyError, InputError):
        return False
    return True


def _file(directory: Path, variables: Mapping[str, str]) -> Path:
    key = "\0".join(variables.get(name, "") for name in _KEY)
    return directory / _FOLDER / f"{hashlib.sha256(key.encode()).hexdigest()[:20]}.json"
