"""Whether GitHub's strict policy on a base branch and the values (`base.strategy`) want the same."""

from __future__ import annotations

from collections.abc import Iterator

from pressplay import names
from pressplay.github.rules import Protection
from pressplay.settings import Settings
from pressplay.steps.core.queue_advice import Advice

_POLICY = "Require branches to be up to date before merging"


def faults(settings: Settings, repo: str, base: str, protection: Protection) -> Iterator[Advice]:
    """What the values rely on and the rulesets do not have: work must not begin."""
    if settings.repository(repo).base.strategy != "strict" or protection.strict:
        return
    yield Advice(
        f"the values say base.strategy: strict, and no ruleset requires that what is merged into "
        f"{names.shown_branch(base)} is up to date",
        f"choose {_POLICY} beside the required check, or set base.strategy to retest",
    )


def advice(settings: Settings, repo: str, base: str, protection: Protection) -> Iterator[Advice]:
    """What makes people wait, or work, though nothing is unsafe."""
    shown, strategy = names.shown_branch(base), settings.repository(repo).base.strategy
    if strategy == "strict" and protection.queue is not None:
        yield Advice(
            f"{shown} has a merge queue, which merges what is behind as well, so that the harness updates no branch",
            "set base.strategy to off",
        )
    elif strategy != "strict" and protection.strict and protection.queue is None:
        yield Advice(
            f"{shown} takes only what is up to date, and by the values nobody brings pull requests up to date: after "
            "each merge a person must press Update branch on the next one, and it is reviewed again",
            f"set base.strategy to strict, or take {_POLICY} away",
        )
