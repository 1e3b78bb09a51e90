"""How long `pressplay plan` takes over large backlogs, the whole command."""

from __future__ import annotations

import json
import random
import resource
import subprocess
import sys
from pathlib import Path

COMMAND = [sys.executable, "-c", "from pressplay.cli import run; run()", "plan", "-o", "json"]
RUNS = 5


def backlog(folder: Path, count: int) -> Path:
    """A backlog of that many tasks, each on up to three of the fifty before it."""
    dice, file = random.Random(1), folder / f"{count}.json"
    tasks = [
        {
            "id": number,
            "title": f"Task {number}",
            "description": "Do it",
            "status": "pending",
            "dependencies": dice.sample(near := range(max(1, number - 50), number), min(len(near), dice.randint(0, 3))),
        }
        for number in range(1, count + 1)
    ]
    file.write_text(json.dumps({"master": {"tasks": tasks}}))
    return file


def planned(file: Path, count: int) -> float:
    """Seconds of CPU that the plan of a backlog takes; other work on the machine adds little to them."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([*COMMAND, str(file)], capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert len(json.loads(done.stdout)["tasks"]) == count
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_a_plan_of_ten_times_the_tasks_takes_ten_times_as_long(tmp_path, figures):
    small, large = backlog(tmp_path, 10_000), backlog(tmp_path, 100_000)
    shorter, longer = (
        [planned(file, count) for _ in range(RUNS)] for file, count in ((small, 10_000), (large, 100_000))
    )
    short = figures.record("plan of 10,000 tasks", "s of CPU", *shorter, wanted=0.4)
    long = figures.record("plan of 100,000 tasks", "s of CPU", *longer, wanted=5, of_10_000=short.median)
    # The start of Python is in the shorter one, and caches hold less of the longer one.
    assert long.median <= 15 * short.median
