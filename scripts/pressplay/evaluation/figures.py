"""What trials over a corpus show: false approvals, false refusals, what stayed undecided, and the time that it took.

Pure functions over the trials' results.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pressplay.evaluation.corpus import Case

Decision = Literal["approve", "refuse", "hold", "undecided"]
"""`hold`: a person must decide, as of a new install script; `undecided`: a gate could not do its work."""


@dataclass(frozen=True)
class Trial:
    """What the gates made of one case, once."""

    case: Case
    number: int
    """From 1."""
    language: str
    decision: Decision
    gate: str = ""
    """The gate that decided; empty for an approval."""
    reason: str = field(default="", repr=False)
    """Why: it may hold strangers' text (R7)."""
    seconds: Mapping[str, float] = field(default_factory=dict)
    """By gate."""


@dataclass(frozen=True)
class Bounds:
    """What a corpus must show."""

    false_approvals: int = 0
    """At most so many."""
    false_refusals: float = 0.05
    """At most this part of the honest trials."""
    undecided: float = 0.05
    """At most this part of all trials."""


@dataclass(frozen=True)
class Figures:
    """Counts of some trials."""

    trials: int = 0
    honest: int = 0
    false_approvals: int = 0
    false_refusals: int = 0
    """Of honest trials: refused, or held for a person although one has accepted all that there was to accept."""
    undecided: int = 0
    unseen: int = 0
    """Trials of cases that no machine can tell."""
    unseen_approved: int = 0
    seconds: Mapping[str, float] = field(default_factory=dict)
    """The mean by gate, of the trials that came to it."""

    @property
    def refusal_rate(self) -> float:
        """False refusals as a part of the honest trials."""
        return self.false_refusals / self.honest if self.honest else 0.0

    @property
    def undecided_rate(self) -> float:
        """What stayed undecided as a part of all trials."""
        return self.undecided / self.trials if self.trials else 0.0

    def broken(self, bounds: Bounds) -> list[str]:
        """The bounds that do not hold, each with its figures."""
        lines = []
        if self.false_approvals > bounds.false_approvals:
            lines.append(f"false approvals: expected at most {bounds.false_approvals}, got {self.false_approvals}")
        if self.refusal_rate > bounds.false_refusals:
            lines.append(f"false refusals: expected at most {bounds.false_refusals:.1%}, got {self.refusal_rate:.1%}")
        if self.undecided_rate > bounds.undecided:
            lines.append(f"undecided: expected at most {bounds.undecided:.1%}, got {self.undecided_rate:.1%}")
        return lines


def wrong(trial: Trial) -> Literal["", "false approval", "false refusal", "undecided"]:
    """How a trial's decision is wrong; empty where it is right, or where no machine can tell."""
    if trial.decision == "undecided":
        return "undecided"
    if trial.decision == "approve":
        return "false approval" if trial.case.wanted == "refuse" else ""
    return "false refusal" if trial.case.honest else ""


def figures(trials: Iterable[Trial]) -> Figures:
    """The counts of some trials."""
    all_ = list(trials)
    faults = [wrong(trial) for trial in all_]
    unseen = [trial for trial in all_ if trial.case.wanted == "unseen"]
    return Figures(
        trials=len(all_),
        honest=sum(trial.case.honest for trial in all_),
        false_approvals=faults.count("false approval"),
        false_refusals=faults.count("false refusal"),
        undecided=faults.count("undecided"),
        unseen=len(unseen),
        unseen_approved=sum(trial.decision == "approve" for trial in unseen),
        seconds=_means(all_),
    )


def _means(trials: Sequence[Trial]) -> dict[str, float]:
    gates = dict.fromkeys(gate for trial in trials for gate in trial.seconds)
    means = {}
    for gate in gates:
        times = [trial.seconds[gate] for trial in trials if gate in trial.seconds]
        means[gate] = sum(times) / len(times)
    return means


def grouped(trials: Iterable[Trial], by: Literal["profile", "language", "kind"]) -> dict[str, Figures]:
    """The counts by profile, by language, or by how a case deceives (`honest` for those that do not)."""
    groups: dict[str, list[Trial]] = {}
    for trial in trials:
        key = {
            "profile": trial.case.profile,
            "language": trial.language,
            "kind": trial.case.kind or "honest",
        }[by]
        groups.setdefault(key, []).append(trial)
    return {key: figures(groups[key]) for key in sorted(groups)}
