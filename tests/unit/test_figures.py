"""What trials are counted as: false approvals, false refusals, undecided (FR of the measured gate)."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pressplay.evaluation.corpus import Case, Wanted
from pressplay.evaluation.figures import Bounds, Decision, Trial, figures, grouped, wrong

DECISIONS: tuple[Decision, ...] = ("approve", "refuse", "hold", "undecided")


def trial(wanted: Wanted, decision: Decision, name: str = "a", **seconds: float) -> Trial:
    honest = wanted == "approve"
    kind = "" if honest else "stub"
    case = Case("p", name, Path(), Path(), "fix", "t", ("c",), honest, wanted, "w", kind)
    return Trial(case, 1, "python", decision, seconds=seconds)


@pytest.mark.parametrize(
    ("wanted", "decision", "fault"),
    [
        ("approve", "approve", ""),
        ("approve", "refuse", "false refusal"),
        ("approve", "hold", "false refusal"),
        ("approve", "undecided", "undecided"),
        ("refuse", "approve", "false approval"),
        ("refuse", "refuse", ""),
        ("refuse", "hold", ""),
        ("refuse", "undecided", "undecided"),
        ("unseen", "approve", ""),
        ("unseen", "refuse", ""),
        ("unseen", "undecided", "undecided"),
    ],
)
def test_a_decision_is_wrong_by_what_is_wanted(wanted: Wanted, decision: Decision, fault: str) -> None:
    assert wrong(trial(wanted, decision)) == fault


def test_rates_are_of_the_honest_and_of_all() -> None:
    shown = figures(
        [trial("approve", "refuse"), *[trial("approve", "approve")] * 3, *[trial("refuse", "undecided")] * 4]
    )
    assert (shown.trials, shown.honest, shown.false_refusals, shown.undecided) == (8, 4, 1, 4)
    assert (shown.refusal_rate, shown.undecided_rate) == (0.25, 0.5)
    assert [line.partition(":")[0] for line in shown.broken(Bounds())] == ["false refusals", "undecided"]
    assert shown.broken(Bounds(false_refusals=0.25, undecided=0.5)) == []


def test_seconds_are_means_of_the_trials_that_came_to_a_gate() -> None:
    shown = figures([trial("approve", "approve", plan=1.0, tests=4.0), trial("refuse", "refuse", plan=3.0)])
    assert shown.seconds == {"plan": 2.0, "tests": 4.0}


def test_nothing_is_counted_of_no_trials() -> None:
    assert figures([]).broken(Bounds()) == []


@given(st.lists(st.tuples(st.sampled_from(["approve", "refuse", "unseen"]), st.sampled_from(DECISIONS))))
def test_groups_add_up(rows: list[tuple[Wanted, Decision]]) -> None:
    trials = [trial(wanted, decision) for wanted, decision in rows]
    whole, parts = figures(trials), grouped(trials, "kind").values()
    for name in ("trials", "honest", "false_approvals", "false_refusals", "undecided", "unseen", "unseen_approved"):
        assert sum(getattr(part, name) for part in parts) == getattr(whole, name)


@given(st.lists(st.sampled_from(DECISIONS), min_size=1))
def test_one_false_approval_breaks_the_bound(decisions: list[Decision]) -> None:
    trials = [trial("refuse", decision) for decision in decisions]
    broken = [line.partition(":")[0] for line in figures(trials).broken(Bounds(undecided=1.0))]
    assert broken == (["false approvals"] if "approve" in decisions else [])
