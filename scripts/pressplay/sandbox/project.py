"""A user's project in the forge: taken in by the first press, and looked at again by each later one.

What was taken in last is the ref `refs/press-play/project` of the forge's repository. What is new since then is
merged into the base branch, like a push of a person who may do so: play, retests and conflicts go on from there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pygit2

from pressplay.errors import InputError
from pressplay.sandbox.forge import Forge, gitdata
from pressplay.sandbox.setup import MAINTAINER

TAKEN = "refs/press-play/project"
"""The newest commit of the project that the base branch holds."""
_OFFERED = "refs/press-play/offered"
_FILES = 5
"""Files in conflict that a message names."""
_WHO = ("You, by Press Play", "project@press-play.invalid")


@dataclass(frozen=True)
class Source:
    """What of a project is played: a branch of a git repository at a commit, or a folder's files (no commit)."""

    folder: Path
    branch: str
    commit: str


def look_again(forge: Forge, repo: str, source: Source, say: Callable[[str], None], *, take: bool) -> None:
    """Take in what is new in the project since the last press, and say what; or, without `take`, only say it.

    Raises InputError, before anything is changed, where another branch is meant than the one that this sandbox plays,
    or where git can't merge what is new with what was built.
    """
    git = pygit2.Repository(str(forge.git_path(repo)))
    name = str(git.references["HEAD"].target)
    began = name.removeprefix("refs/heads/")
    if began != source.branch:
        raise InputError(
            f"this sandbox plays the branch {began}, and the project is on {source.branch}: go on with {began} "
            f"(--branch {began}, or git switch {began}), or play {source.branch} in a folder of its own (--state DIR)"
        )
    built = str(git.references[name].target)
    new = _offered(git, source)
    before = str(git.references[TAKEN].target) if TAKEN in git.references else str(git.merge_base(built, new) or "")
    if gitdata.is_ancestor(git, new, built):
        if new != before and before and gitdata.is_ancestor(git, new, before):
            say(f"{began} went back to {new[:12]}; the copy that is played keeps what it has (--fresh starts over)")
        else:
            git.references.create(TAKEN, new, force=True)
        return
    what = _news(git, before, built, new)
    if not take:
        say(f"{began} has {what}: the next press takes that in, once this play has ended")
        return
    merged, how = _merged(git, source, before, built, new)
    git.references[name].set_target(merged)
    forge.sync(repo, MAINTAINER)
    git.references.create(TAKEN, new, force=True)
    say(f"{began} has {what}: taken in{how}")


def _offered(git: pygit2.Repository, source: Source) -> str:
    """The project's commit, with its objects in the forge's repository."""
    if source.commit:
        gitdata.fetch(Path(git.path), source.folder, f"+{source.commit}:{_OFFERED}", "+refs/tags/*:refs/tags/*")
        return source.commit
    tree = gitdata.tree_of_directory(git, source.folder)
    taken = git.references[TAKEN if TAKEN in git.references else "HEAD"].peel(pygit2.Commit)
    if TAKEN not in git.references:
        while taken.parents:
            taken = taken.parents[0]
    if str(taken.tree_id) == tree:
        return str(taken.id)
    who = gitdata.signature(*_WHO, taken.commit_time)
    return str(git.create_commit(None, who, who, "The folder's files, as they are now\n", tree, [taken.id]))


def _news(git: pygit2.Repository, before: str, built: str, new: str) -> str:
    """What is new, without any text that people wrote."""
    if not before:
        return f"another history ({new[:12]})"
    if not gitdata.is_ancestor(git, before, new):
        return f"a rewritten history (up to {new[:12]}, without {before[:12]})"
    walker = git.walk(new)
    walker.hide(built)
    count = sum(1 for _commit in walker)
    return f"{count} new commit{'' if count == 1 else 's'} (up to {new[:12]})"


def _merged(git: pygit2.Repository, source: Source, before: str, built: str, new: str) -> tuple[str, str]:
    """The commit that holds both, and how it was made, for a sentence."""
    if gitdata.is_ancestor(git, built, new):
        return new, ""
    # Of a rewritten history, what the user changed since the last press counts, not what git takes for its base.
    is_rewritten = before and not gitdata.is_ancestor(git, before, new)
    base = before if is_rewritten else str(git.merge_base(built, new) or "")
    ancestor = git[base].peel(pygit2.Tree).id if base else git.TreeBuilder().write()
    index = git.merge_trees(ancestor, git[built].peel(pygit2.Tree).id, git[new].peel(pygit2.Tree).id)
    if index.conflicts:
        files = sorted({entry.path for sides in index.conflicts for entry in sides if entry is not None})
        named = ", ".join(files[:_FILES]) + (f" and {len(files) - _FILES} more" if len(files) > _FILES else "")
        raise InputError(
            f"your {source.branch} and what was built here changed the same lines of {named}. Take what was built into "
            f"yours, resolve that, and press again: git -C {source.folder} pull --no-rebase {git.path} {source.branch}"
            "   (--fresh throws away what was built)"
        )
    who = gitdata.signature(*_WHO, max(git[sha].peel(pygit2.Commit).commit_time for sha in (built, new)))
    message = f"Take in {new[:12]} of the project\n"
    merged = git.create_commit(None, who, who, message, index.write_tree(git), [built, new])
    return str(merged), f", merged with what was built here ({str(merged)[:12]})"
