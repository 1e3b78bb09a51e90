"""The order in which a job runs its variants (R5): no test can tell from what ran before it where it is."""

from __future__ import annotations

import pytest

from pressplay.gates.proving import job
from pressplay.gates.proving.job import PlannedVariant
from pressplay.gates.proving.model import BASE, BEFORE, HEAD, SAME

pytestmark = pytest.mark.rule("R5")
VARIANTS = [
    PlannedVariant(BEFORE, "base", 1),
    PlannedVariant(BASE, "base", 3),
    PlannedVariant(HEAD, "base", 3),
    PlannedVariant("c1", "base", 1, "bodies"),
    PlannedVariant(SAME, "base", 1),
    PlannedVariant("c2", "base", 1, "body"),
    PlannedVariant("c3", "base", 1, "mutant"),
]


def schedules(count: int = 200) -> list[list[tuple[str, int]]]:
    return [job._schedule(VARIANTS, f"@{number}") for number in range(count)]


def test_each_run_is_in_it_once_the_base_s_own_first_and_what_only_adds_last():
    for schedule in schedules():
        assert sorted(schedule) == sorted((v.id, run) for v in VARIANTS for run in range(1, v.runs + 1))
        assert schedule[0] == (BEFORE, 1)
        assert schedule[-2:] == [("c2", 1), ("c3", 1)]


def test_a_count_of_runs_does_not_tell_base_from_head():
    """Wanted by a test that counts: base and emptied functions in the same places, the head in the others."""
    places = {tuple(variant in (BASE, "c1") for variant, _ in schedule[1:-2]) for schedule in schedules(2_000)}
    assert len(places) == 70


def test_one_job_has_one_order():
    assert job._schedule(VARIANTS, "@a") == job._schedule(VARIANTS, "@a")
