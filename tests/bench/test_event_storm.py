"""How long a storm of events takes until nothing but people is waited for."""

from __future__ import annotations

import time

from storms import COMMENTS, COPIES, PUSHES, Storm

PULLS, RUNS = 6, 3


def test_a_storm_of_events(tmp_path, figures):
    took, deliveries = [], 0
    for run in range(RUNS):
        folder = tmp_path / str(run)
        folder.mkdir()
        storm = Storm.brewing(folder, PULLS)
        began = time.process_time()
        deliveries = storm.break_out()
        took.append(time.process_time() - began)
        storm.made.sandbox.close()
        assert deliveries > PULLS * COPIES * (COMMENTS + PUSHES)
    figures.record(f"storm of {deliveries} deliveries over {PULLS} pull requests", "s of CPU", *took)
