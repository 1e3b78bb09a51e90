"""The demo itself, its process killed again and again at random moments and resumed (`make kill`; R1, R3)."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys

import pytest

PLAY = [sys.executable, "-c", "from pressplay.cli import run; run()", "play", "--json"]
LIVES = 25


@pytest.mark.rule("R3")
@pytest.mark.rule("R1")
@pytest.mark.parametrize("seed", [1, 2])
def test_the_demo_killed_at_random_moments_comes_to_the_same_end(tmp_path, seed):
    chance = random.Random(seed)
    killed = 0
    for life in range(LIVES):
        resume = ["--resume"] if (tmp_path / ".press-play/demo/play.json").exists() else []
        running = subprocess.Popen(
            [*PLAY, *resume], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=dict(os.environ)
        )
        try:
            out, _ = running.communicate(timeout=chance.uniform(2, 12) if life < LIVES - 1 else 300)
        except subprocess.TimeoutExpired:
            running.send_signal(signal.SIGKILL)
            running.communicate()
            killed += 1
            continue
        assert running.returncode == 0
        end = json.loads(out)
        break
    assert killed >= 3
    assert {result["state"] for result in end["tasks"]} == {"merged"}
    starts = (tmp_path / ".press-play/demo/agents.log").read_text().splitlines()
    assert len({line.split()[0] for line in starts}) == len(starts), "a run was started twice"
    print(f"{killed} kills, {len(starts)} agents started, {end['seconds']} s")
