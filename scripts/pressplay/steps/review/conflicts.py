"""A pull request that conflicts with its base: which files, and whether a run's push goes on from both (R5, R6).

GitHub says that there is a conflict (`mergeable_state`), but not where. A step without a key merges both commits
(`merge_steps`): that names the files. Whether the run's merge keeps what the base has, `kept_base` judges.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from pressplay import names
from pressplay.domain.reasons import Reason
from pressplay.errors import InputError
from pressplay.github import comparison, pulls, pushes
from pressplay.github.calls import Client, GitHubRefused
from pressplay.steps.core.tried_merge import TriedMerge
from pressplay.steps.review.pushed import NO_RECORD
from pressplay.validation.details import beginning

_CAUSE = re.compile(r"(?P<base>[0-9a-f]{40})-into-(?P<head>[0-9a-f]{40})")


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


def listed(tried: TriedMerge | None, broken: Reason | None = None) -> str:
    """The files in conflict, or what does not hold, as a reason's detail: people's text, plain and bounded."""
    conflicts = tried.conflicts if tried else ()
    if not conflicts and broken is not None:
        return broken.detail
    return beginning("\n".join(conflicts))


def counted(tried: TriedMerge | None, base: str, broken: Reason | None = None) -> str:
    """The conflict as a clause of ours; `broken`: why a merge that git makes does not hold."""
    shown, files = names.shown_branch(base), tried.count if tried else 0
    if not files and broken is not None:
        return f"merged with {shown} it does not hold ({broken.what})"
    if not files:
        # GitHub merges with another strategy, both moved since, or nobody could try.
        return f"GitHub says that it conflicts with {shown}"
    return f"{files} file{'s conflict' if files > 1 else ' conflicts'} with {shown}"


def refusal(gh: Client, repo: str, conflict: Conflict, branch: str, base: str, after: str) -> str:
    """Why the head `after` does not go on from both commits, as a clause of ours; empty if it does.

    Nothing was taken out by a forced push, and the base is in it. `branch` is the pull request's, `base` its base
    branch. TryAgain if GitHub does not list the pushes yet.
    """
    shown = names.shown_branch(base)
    if (pushed := _pushed(gh, repo, branch, conflict.head, after)) != "kept":
        return _FORCED[pushed]
    if not comparison.contains(gh, repo, after, conflict.head):
        return "its push took commits out of the branch"
    if not comparison.contains(gh, repo, after, conflict.base):
        return f"it did not merge {shown}: {conflict.base[:12]} is not part of the branch"
    return ""


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
