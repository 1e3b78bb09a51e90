"""What a play of many tasks costs the machine under virtual time: it runs in a process of its own."""

from __future__ import annotations

import multiprocessing
import os
import resource
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
from graphs import drawn, played
from harness import reconciled

from pressplay.sandbox import garbage

COUNTS = [int(count) for count in os.environ.get("PRESSPLAY_TASKS", "50 200").split()]
"""A thousand take most of an hour: PRESSPLAY_TASKS=1000."""
LIMITS = {"limits": {"runsPerPlay": 50_000, "runsPerRepositoryAndDay": 50_000, "runsPerDay": 50_000}}


def cost(folder: Path, count: int) -> tuple[float, float]:
    """Seconds of CPU, and MiB at most, of a whole play of that many tasks."""
    garbage.collect_less()
    began = time.process_time()
    played(folder, drawn(count, 1), settings=LIMITS, chart=reconciled("0 * * * *"))
    return time.process_time() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@pytest.mark.timeout(7_200)
def test_what_a_play_costs(tmp_path, figures):
    for count in COUNTS:
        folder = tmp_path / str(count)
        folder.mkdir()
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
            took, memory = process.submit(cost, folder, count).result()
        wanted = (60, 500) if count == 1_000 else (None, None)
        figures.record(f"play of {count:,} tasks", "s of CPU", took, wanted=wanted[0])
        figures.record(f"play of {count:,} tasks, memory at most", "MiB", memory, wanted=wanted[1])
