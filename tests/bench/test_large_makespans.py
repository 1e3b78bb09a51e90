"""Makespans of large plays on the virtual clock, beside what other ways of starting tasks would take."""

from __future__ import annotations

import time
from statistics import mean

import pytest
from graphs import Graph, bound, committed, drawn, level_by_level, list_scheduled, played, strictly_ordered
from harness import reconciled

LIMITS = {"limits": {"runsPerPlay": 5_000, "runsPerRepositoryAndDay": 5_000, "runsPerDay": 5_000}}
GRAPHS = {
    **{f"{name}, 120 tasks": committed(f"{name}-large") for name in ("chains", "wide", "diamonds", "heavy-tailed")},
    **{f"random, 200 tasks, seed {seed}": drawn(200, seed) for seed in (1, 2, 3)},
}


@pytest.fixture(scope="module")
def ratios(figures):
    """What each play took, against the bound; looked at once all have ended."""
    measured: dict[str, float] = {}
    yield measured
    figures.record("makespan, mean", "of the bound", mean(measured.values()), wanted=1.035)
    assert mean(measured.values()) <= 1.05


# A play of 200 tasks is 600 runs with clones, pushes and reviews of their own.
@pytest.mark.timeout(3_600)
@pytest.mark.rule("FR5")
@pytest.mark.parametrize(("name", "graph"), GRAPHS.items(), ids=GRAPHS)
def test_the_mean_makespan_is_at_most_a_twentieth_above_what_is_possible(
    tmp_path, ratios, figures, name: str, graph: Graph
):
    began = time.process_time()
    # Merges are told by webhooks. Looking each minute whether one was lost would cost more than the plays.
    play = played(tmp_path, graph, settings=LIMITS, chart=reconciled("0 * * * *"))
    took = time.process_time() - began
    figures.record(
        f"makespan: {name}",
        "virtual s",
        play.makespan,
        bound=bound(graph),
        list_scheduling=list_scheduled(graph)[0],
        level_by_level=level_by_level(graph),
        strict_order=strictly_ordered(graph),
    )
    figures.record(f"play: {name}", "s of CPU a task", took / len(graph))
    assert play.ratio >= 1
    assert play.makespan <= min(level_by_level(graph), strictly_ordered(graph))
    ratios[name] = play.ratio
