"""Whether a merge queue gets its answers, and waits long enough for them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pressplay import names
from pressplay.github.merge_queue import QueueRule
from pressplay.settings import Settings
from pressplay.steps.core import verdicts
from pressplay.steps.core.merged_trees import judging

_AROUND_MINUTES = 5
"""What the event, the checkout and the verdict take beside the gates' own time."""


@dataclass(frozen=True)
class Advice:
    """What about a branch's merge queue does not fit the values."""

    message: str
    do: str


def advice(settings: Settings, repo: str, base: str, rule: QueueRule | None) -> Iterator[Advice]:
    """What keeps a group from its answer in time; nothing where the branch has no queue."""
    if rule is None:
        return
    shown = names.shown_branch(base)
    if not settings.events.enabled or not settings.flows.merge_group.enabled:
        yield Advice(
            f"{shown} has a merge queue, which wants {verdicts.check_name(verdicts.ACCEPTANCE)} on each group, and by "
            "the values nothing answers: it throws every pull request out at its time-out",
            "set events.enabled and flows.mergeGroup.enabled to true, or take the rule Require merge queue away",
        )
        return
    if settings.repository(repo).release == "approved":
        yield Advice(
            f"{shown} has a merge queue, with which stacked release was not tried: a pull request that was begun on "
            "another one can be entered only once that has left the queue",
            "set release: merged, or enter them one after the other",
        )
    minutes = {gate: own.timeout_minutes for gate, own in judging(settings.repository(repo)).items()}
    needed = max(minutes.values(), default=0) + _AROUND_MINUTES
    if needed > rule.timeout_minutes:
        gates = " and ".join(f"{verdicts.check_name(gate)} {most}" for gate, most in minutes.items())
        yield Advice(
            f"the merge queue of {shown} waits {rule.timeout_minutes} minutes for checks, and the gates of a group may "
            f"take {needed} (minutes: {gates or 'none'})",
            f"set Status check timeout to {needed} or more, or lower the gates' timeoutMinutes",
        )
