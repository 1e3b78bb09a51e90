"""`reconcile` in a process that stays: when it runs, what its probes see, and how it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from pressplay.clock import VirtualClock
from pressplay.cluster.kubernetes import KubernetesCluster
from pressplay.errors import InputError, TryAgain
from pressplay.steps.upkeep.resident import LATE, LONGEST, Resident, reason

START = 1_767_225_610.0
"""2026-01-01T00:00:10Z."""


class Life:
    """A resident process in virtual time, which ends at the moment `end`."""

    def __init__(self, folder: Path, end: float, schedule: str = "* * * * *") -> None:
        self.clock, self.folder, self.end = VirtualClock(START), folder, end
        self.passes: list[float] = []
        self.said: list[str] = []
        self.files: list[tuple[float, float, float]] = []
        self.resident = Resident(schedule, folder, self.clock, self.rest, self.said.append)

    def rest(self, seconds: float) -> bool:
        self.files.append((self.clock.now(), self.until("alive"), self.until("ready")))
        self.clock.sleep(seconds)
        return self.clock.now() >= self.end

    def until(self, name: str) -> float:
        return float((self.folder / name).read_text())

    def run(self, work: Callable[[int], None] = lambda _number: None) -> list[float]:
        def one() -> None:
            self.passes.append(self.clock.now() - START)
            work(len(self.passes))

        self.resident.run(one)
        return self.passes


@pytest.mark.rule("R2")
def test_a_pass_at_once_and_then_by_the_schedule(tmp_path: Path):
    assert Life(tmp_path, START + 200).run() == [0, 50, 110, 170]
    assert Life(tmp_path, START + 1200, "*/10 * * * *").run() == [0, 590, 1190]


@pytest.mark.rule("R2")
def test_what_a_long_pass_misses_is_dropped(tmp_path: Path):
    life = Life(tmp_path, START + 300)
    assert life.run(lambda number: life.clock.sleep(95.0 if number == 1 else 0.0)) == [0, 110, 170, 230, 290]


@pytest.mark.rule("R3")
@pytest.mark.parametrize("fault", [TryAgain("GitHub is away"), InputError("no such App"), KeyError("head")])
def test_a_pass_that_fails_is_told_and_the_next_is_made(tmp_path: Path, fault: Exception):
    def work(number: int) -> None:
        if number == 2:
            raise fault from OSError("connection refused")

    life = Life(tmp_path, START + 200)
    assert life.run(work) == [0, 50, 110, 170]
    (line,) = life.said
    assert line.splitlines()[0] == f"{type(fault).__name__}: {fault}; because of OSError: connection refused"
    # Not in order from the failure to the next success; alive all the time.
    assert [ready > now for now, _, ready in life.files] == [True, False, True, True]
    assert all(alive == now + LONGEST for now, alive, _ in life.files)


@pytest.mark.rule("R3")
def test_what_hangs_is_neither_alive_nor_in_order_after_a_while(tmp_path: Path):
    life = Life(tmp_path, START + 60)

    def hang(_number: int) -> None:
        # What the probes read meanwhile: nobody writes it again.
        assert life.until("alive") == life.clock.now() + LONGEST

    life.run(hang)
    assert life.until("ready") == START + 50 + 60 + LATE
    assert LATE < LONGEST


def test_between_rare_passes_it_is_alive(tmp_path: Path):
    life = Life(tmp_path, START + 86_400, "0 0 * * *")
    life.run()
    assert life.passes == [0, 86_390]
    assert max(later[0] - now[0] for now, later in zip(life.files, life.files[1:], strict=False)) <= 60


@pytest.mark.rule("R10")
@pytest.mark.parametrize("schedule", ["* * * *", "61 * * * *", "often"])
def test_a_schedule_that_is_none_is_refused(tmp_path: Path, schedule: str):
    with pytest.raises(InputError, match=r"reconcile\.schedule .*expected five fields of cron"):
        Life(tmp_path, START, schedule)


def test_the_deepest_reason_is_told_once():
    middle, outer = OSError("middle"), TryAgain("outer")
    middle.__cause__, outer.__cause__ = ValueError("a\n  b"), middle
    assert reason(outer) == "TryAgain: outer; because of ValueError: a b"
    assert reason(TryAgain("alone")) == "TryAgain: alone"


@pytest.mark.rule("R3")
def test_sigterm_ends_it_between_two_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def before() -> None:
        raise SystemExit(0)

    monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path)))
    cluster = KubernetesCluster(before=before)
    with pytest.raises(SystemExit):
        cluster.get("ConfigMap", "ns", "a")
    cluster.close()


@pytest.mark.rule("R3")
def test_the_command_outlives_a_cluster_that_is_away_and_ends_on_sigterm(tmp_path: Path):
    environment = {**os.environ, "KUBECONFIG": str(kubeconfig(tmp_path)), "PRESSPLAY_NAMESPACE": "ns"}
    with subprocess.Popen(
        [sys.executable, "-m", "pressplay", "reconcile", "--probes", str(tmp_path / "probes")],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("TryAgain: GET configmaps/press-play-config: ConnectError")
        assert float((tmp_path / "probes" / "alive").read_text()) > time.time()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
    assert (tmp_path / "probes" / "ready").read_text() == "0\n"


def kubeconfig(folder: Path) -> Path:
    """An API server at an address where nobody listens."""
    name = {"name": "x"}
    made = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "x",
        "clusters": [{**name, "cluster": {"server": "http://127.0.0.1:9"}}],
        "contexts": [{**name, "context": {"cluster": "x", "user": "x"}}],
        "users": [{**name, "user": {}}],
    }
    file = folder / "kubeconfig"
    file.write_text(yaml.safe_dump(made))
    return file
