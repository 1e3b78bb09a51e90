"""A pull request that conflicts with its base: which files, and whether a merge of the base is one (R5, R6).

GitHub says that there is a conflict (`mergeable_state`), but not where. The harness merges both commits itself, in a
clone, without writing anything: that names the files, and what a merge may change of the base.
"""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pressplay import names
from pressplay.domain.reasons import Reason
from pressplay.errors import InputError
from pressplay.github import comparison, pulls, pushes
from pressplay.github.calls import Client, GitHubRefused
from pressplay.steps.core import merged_trees
from pressplay.steps.core.context import Context
from pressplay.steps.review.pushed import NO_RECORD
from pressplay.validation.details import beginning

if TYPE_CHECKING:
    from pressplay.github.clone import Clone, Merge, Tree

_CAUSE = re.compile(r"(?P<base>[0-9a-f]{40})-into-(?P<head>[0-9a-f]{40})")
_MARKER = re.compile(rb"^(?:<{7}|>{7}|\|{7})(?: |$)", re.MULTILINE)
_LARGEST = 10_000_000
"""Bytes of the largest file that is searched for the marks of a conflict."""


def is_dirty(pull: pulls.Pull) -> bool:
    """Whether GitHub says that the head conflicts with the base. It computes that some time after either moved."""
    return pull.state == "open" and pull.mergeable_state == "dirty"


@dataclass(frozen=True)
class Conflict:
    """Two commits that do not merge: what a run of the role `conflict` is about."""

    base: str
    """The base branch's commit."""
    head: str
    """The pull request's."""

    @property
    def cause(self) -> str:
        """As a run's cause: one run for each pair of commits."""
        return f"{self.base}-into-{self.head}"

    @staticmethod
    def of_cause(cause: str) -> Conflict:
        """The conflict that a run is about; InputError for another cause."""
        match = _CAUSE.fullmatch(cause)
        if match is None:
            raise InputError(f"parameter cause: expected <base commit>-into-<head commit>, got {cause!r}")
        return Conflict(match["base"], match["head"])


def merge(context: Context, gh: Client, repo: str, conflict: Conflict) -> Merge:
    """What git makes of the two commits. `gh` may read contents."""
    with tempfile.TemporaryDirectory(prefix="press-play-") as folder:
        return merged_trees.merge(context, gh, _clone(folder), repo, conflict.base, conflict.head)


def listed(merged: Merge, broken: Reason | None = None) -> str:
    """The files in conflict, or what does not hold, as a reason's detail: people's text, plain and bounded."""
    if not merged.conflicts and broken is not None:
        return broken.detail
    return beginning("\n".join(merged.conflicts))


def counted(merged: Merge, base: str, broken: Reason | None = None) -> str:
    """The conflict as a clause of ours; `broken`: why a merge that git makes does not hold."""
    shown = names.shown_branch(base)
    if not merged.conflicts and broken is not None:
        return f"merged with {shown} it does not hold ({broken.what})"
    if not merged.conflicts:
        # GitHub merges with another strategy, or both moved since.
        return f"GitHub says that it conflicts with {shown}"
    files = len(merged.conflicts)
    return f"{files} file{'s conflict' if files > 1 else ' conflicts'} with {shown}"


@dataclass(frozen=True)
class Refusal:
    """Why a run's merge does not count, and the files that show it."""

    reason: str
    """A clause of ours."""
    paths: tuple[str, ...] = ()


def refusal(
    context: Context, gh: Client, repo: str, conflict: Conflict, branch: str, base: str, after: str
) -> Refusal | None:
    """Why the head `after` is no merge of the base into the head that the run began at; None if it is.

    Nothing was taken out by a forced push, the base is in it, what only the base changed stays, and no conflict is
    left. `branch` is the pull request's, `base` its base branch. TryAgain if GitHub does not list the pushes yet.
    """
    shown = names.shown_branch(base)
    if (pushed := _pushed(gh, repo, branch, conflict.head, after)) != "kept":
        return Refusal(_FORCED[pushed])
    if not comparison.contains(gh, repo, after, conflict.head):
        return Refusal("its push took commits out of the branch")
    if not comparison.contains(gh, repo, after, conflict.base):
        return Refusal(f"it did not merge {shown}: {conflict.base[:12]} is not part of the branch")
    with tempfile.TemporaryDirectory(prefix="press-play-") as folder:
        clone = _clone(folder)
        merged = merged_trees.merge(context, gh, clone, repo, conflict.base, conflict.head)
        clone.fetch(context.remote(repo), [after])
        was, now = clone.tree(conflict.base), clone.tree(after)
        lost = sorted(path for path, entry in was.entries.items() if now.entries.get(path) != entry)
        lost = [path for path in lost if path not in merged.changed]
        if lost:
            return Refusal(f"its merge does not keep what {shown} has in files without a conflict", tuple(lost))
        marked = tuple(path for path in merged.conflicts if _is_marked(now, path) and not _is_marked(was, path))
    return Refusal("it left the marks of the conflict in the files", marked) if marked else None


_Pushes = Literal["kept", "forced", "unknown"]
_FORCED: dict[_Pushes, str] = {
    "forced": "the branch was pushed by force",
    "unknown": "GitHub's record does not show how the branch came to its head",
}


def _pushed(gh: Client, repo: str, branch: str, before: str, after: str) -> _Pushes:
    """How the branch moved, by GitHub's record; `kept` where there is none (an old GitHub Enterprise Server)."""
    try:
        moves = pushes.life(gh, repo, branch, after)
    except GitHubRefused as error:
        if error.status not in NO_RECORD:
            raise
        return "kept"
    since = max((at for at, move in enumerate(moves) if move.before == before), default=None)
    if since is None:
        return "unknown"
    return "forced" if any(move.forced for move in moves[since:]) else "kept"


def _clone(folder: str) -> Clone:
    from pressplay.github.clone import Clone

    return Clone(Path(folder))


def _is_marked(tree: Tree, path: str) -> bool:
    entry = tree.entries.get(path)
    if entry is None or entry.kind != "file":
        return False
    return bool(_MARKER.search(tree.content(path, _LARGEST) or b""))
