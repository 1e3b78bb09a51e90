"""Makespans of large plays on the virtual clock: `make bench PYTEST=-s` prints what docs/reference/figures.md says."""

from __future__ import annotations

import time
from statistics import mean

from graphs import bound, committed, drawn, played

LIMITS = {"limits": {"runsPerPlay": 5_000, "runsPerRepositoryAndDay": 5_000, "runsPerDay": 5_000}}
GRAPHS = {
    **{f"{name}, 120 tasks": committed(f"{name}-large") for name in ("chains", "wide", "diamonds", "heavy-tailed")},
    **{f"random, 200 tasks, seed {seed}": drawn(200, seed) for seed in (1, 2, 3)},
}


def test_the_mean_makespan_is_at_most_a_twentieth_above_what_is_possible(tmp_path):
    ratios = []
    for at, (name, graph) in enumerate(GRAPHS.items()):
        began = time.monotonic()
        play = played(tmp_path / str(at), graph, settings=LIMITS)
        took = time.monotonic() - began
        print(f"| {name} | {bound(graph):.0f} | {play.makespan} | {play.ratio:.3f} | {took:.0f} |", flush=True)
        assert play.ratio >= 1
        ratios.append(play.ratio)
    print(f"mean {mean(ratios):.4f}", flush=True)
    assert mean(ratios) <= 1.05
