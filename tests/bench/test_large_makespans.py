"""Makespans of large plays on the virtual clock: `make bench PYTEST=-s` prints what docs/reference/figures.md says."""

from __future__ import annotations

import time
from statistics import mean

import pytest
from graphs import Graph, bound, committed, drawn, played
from harness import reconciled

LIMITS = {"limits": {"runsPerPlay": 5_000, "runsPerRepositoryAndDay": 5_000, "runsPerDay": 5_000}}
GRAPHS = {
    **{f"{name}, 120 tasks": committed(f"{name}-large") for name in ("chains", "wide", "diamonds", "heavy-tailed")},
    **{f"random, 200 tasks, seed {seed}": drawn(200, seed) for seed in (1, 2, 3)},
}


@pytest.fixture(scope="module")
def ratios():
    """What each play took, against the bound; looked at once all have ended."""
    found: dict[str, float] = {}
    yield found
    print(f"mean of {len(found)}: {mean(found.values()):.4f}", flush=True)
    assert mean(found.values()) <= 1.05


# A play of 200 tasks is 600 runs with clones, pushes and reviews of their own.
@pytest.mark.timeout(3_600)
@pytest.mark.rule("FR5")
@pytest.mark.parametrize(("name", "graph"), GRAPHS.items(), ids=GRAPHS)
def test_the_mean_makespan_is_at_most_a_twentieth_above_what_is_possible(tmp_path, ratios, name: str, graph: Graph):
    began = time.monotonic()
    # Merges are told by webhooks. Looking each minute whether one was lost would cost more than the plays.
    play = played(tmp_path, graph, settings=LIMITS, chart=reconciled("0 * * * *"))
    took = time.monotonic() - began
    print(f"| {name} | {bound(graph):.0f} | {play.makespan} | {play.ratio:.3f} | {took:.0f} |", flush=True)
    assert play.ratio >= 1
    ratios[name] = play.ratio
