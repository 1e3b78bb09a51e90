"""Which commit of the base branch is judged next at the end of a play, and which merge broke the branch (R5).

The commit that the play ended with comes first, with one run of everything. If something fails there, it is judged
once more, with two runs, since a flaky test blames nobody. Then the commits since the play's first merge are bisected
for the first one in which any of it fails: neither does a test that another commit broke and a third one repaired.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pressplay.domain.entries import FinalProof

TRIES = 3
"""How often the judgement of a commit is begun; without a result it counts as one that could not be judged."""


@dataclass(frozen=True)
class Merge:
    """A task of the play that landed."""

    task: int
    pr: int
    commit: str
    """The commit of the base branch that merged it."""


@dataclass(frozen=True)
class History:
    """The base branch since the play's first merge."""

    onto: str
    """The commit before it."""
    commits: tuple[str, ...]
    """Oldest first, each the first parent of the next one; the last one is what the play ended with."""
    merges: tuple[Merge, ...]
    """The play's, oldest first; at least one."""

    @staticmethod
    def of(since: str, line: Sequence[str], landed: Sequence[Merge]) -> History | None:
        """From the commits since `since` (`comparison.first_parents`); None where no task landed on them."""
        place = {commit: at for at, commit in enumerate(line)}
        merges = sorted((merge for merge in landed if merge.commit in place), key=lambda merge: place[merge.commit])
        if not merges:
            return None
        first = place[merges[0].commit]
        return History(line[first - 1] if first else since, tuple(line[first:]), tuple(merges))

    @property
    def tip(self) -> str:
        """What the play ended with."""
        return self.commits[-1]

    @property
    def last(self) -> Merge:
        """The play's last merge, whose pull request's ledger has what was judged."""
        return self.merges[-1]

    def tasks(self, commit: str) -> tuple[int, ...]:
        """The play's tasks that are merged in a commit, the newest first."""
        upto = set(self.commits[: self.commits.index(commit) + 1])
        return tuple(merge.task for merge in reversed(self.merges) if merge.commit in upto)

    def merge(self, commit: str) -> Merge | None:
        """The play's merge that made a commit."""
        return next((merge for merge in self.merges if merge.commit == commit), None)


@dataclass(frozen=True)
class Judge:
    """A commit must be judged."""

    commit: str
    runs: int = 2
    """How often tests and probes must run."""


@dataclass(frozen=True)
class Ended:
    """Nothing more must be judged."""

    outcome: Literal["pass", "fail", "error"]
    """`error`: it could not be judged, so that nothing is shown."""
    commit: str = ""
    """Of `fail`: the first commit that does not hold."""
    suspects: int = 0
    """Of `fail`: commits right before it that could not be judged, so that one of them may have done it."""


def following(commits: Sequence[str], known: Mapping[str, FinalProof]) -> Judge | Ended:
    """What follows from what is known of `commits` (oldest first, the last one ended the play)."""
    end = known.get(commits[-1])
    if end is None or _is_open(end):
        return Judge(commits[-1], end.runs if end else 1)
    if end.outcome == "fail" and end.runs == 1:
        return Judge(commits[-1])
    if end.outcome != "fail":
        return Ended("pass" if end.outcome == "pass" else "error")
    wanted = set(end.failing)
    judged = {at: known[commit] for at, commit in enumerate(commits) if commit in known and not _is_open(known[commit])}
    broken = {at for at, proof in judged.items() if proof.outcome == "fail" and not wanted.isdisjoint(proof.failing)}
    whole = {at for at, proof in judged.items() if at not in broken and proof.outcome in ("pass", "fail")}
    bad = min(broken | {len(commits) - 1})
    good = max((at for at in whole if at < bad), default=-1)
    left = [at for at in range(good + 1, bad) if at not in judged]
    if left:
        return Judge(commits[left[len(left) // 2]])
    return Ended("fail", commits[bad], bad - good - 1)


def _is_open(proof: FinalProof) -> bool:
    """Whether a judgement was begun and may still come to its end."""
    return not proof.outcome and proof.tries < TRIES
