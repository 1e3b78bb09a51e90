"""Agents whose command line fails, by class: what is waited for, kept and used, and what people read of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from harness import REPO, Agents, World, git, project, task, world
from people import person

from pressplay.clock import VirtualClock
from pressplay.domain.entries import Run
from pressplay.errors import InputError
from pressplay.github import bodies, pulls

HOUR = 3600.0


@dataclass
class Failing(Agents):
    """Agents of which box role fails: in its first runs, each time with the next of `failures`."""

    role: str = "implement"
    failures: list[Mapping[str, Any]] = field(default_factory=list)
    leaves: str = ""
    """What it leaves uncommitted before it fails."""
    commits: str = ""
    """What it commits before."""
    usage: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, tree: Path, env: Mapping[str, str]) -> int:
        result = Path(env["PRESSPLAY_RESULT"])
        if env["PRESSPLAY_ROLE"] == self.role and self.failures:
            if self.commits:
                (tree / self.commits).parent.mkdir(exist_ok=True)
                (tree / self.commits).write_text("half\n")
                git(tree, "add", self.commits)
                git(tree, "commit", "-qm", "Half of it")
            if self.leaves:
                (tree / self.leaves).write_text("rest\n")
            result.write_text(json.dumps({"failure": self.failures.pop(0), **self.usage}))
            return 1
        code = super().__call__(tree, env)
        handed_over = json.loads(result.read_text()) if result.exists() else {"result": "done"}
        result.write_text(json.dumps({**handed_over, **self.usage}))
        return code


def failure(kind: str, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "message": f"it said: {kind}", **more}


def made(
    tmp_path: Path,
    agents: Agents,
    clock: VirtualClock | None = None,
    tasks: Sequence[dict[str, Any]] = (task(1),),
    **options: Any,
) -> World:
    source = project(tmp_path, list(tasks))
    return world(tmp_path / "box", agents, clock, source=source, **options)


def runs(made: World) -> list[Run]:
    kept = [made.sandbox.context.ledger(REPO).kept(kind) for kind in ("task", "pr")]
    return [run for ledgers in kept for ledger in ledgers for run in ledger.entries.runs]


@pytest.mark.rule("R4")
@pytest.mark.parametrize("kind", ["limit", "overload"])
def test_a_passing_failure_is_waited_for_and_spends_nothing(kind: str, tmp_path: Path) -> None:
    clock = VirtualClock()
    end = clock.now() + 5 * HOUR
    box = made(tmp_path, Failing(failures=[failure(kind, until=end)]), clock)
    summary = box.play()
    assert summary.state == "merged"
    assert clock.now() > end
    assert [line.split()[2:] for line in box.starts()[:3]] == [["implement", "0"], ["implement", "0"], ["lint", "0"]]
    implemented = next(run for run in runs(box) if run.role == "implement")
    assert (implemented.attempt, implemented.outcome) == (0, "done")
    # Five hours are beyond each run's hour, and count for no limit.
    assert implemented.held == pytest.approx(5 * HOUR, abs=5 * 60)


def test_where_no_end_is_named_each_wait_is_longer(tmp_path: Path) -> None:
    clock = VirtualClock()
    began = clock.now()
    box = made(tmp_path, Failing(failures=[failure("overload")] * 4, seconds=lambda _role, _task: 1.0), clock)
    assert box.play().state == "merged"
    implemented = next(run for run in runs(box) if run.role == "implement")
    assert implemented.held == 60 + 120 + 240 + 480
    assert clock.now() - began > 900


def test_others_do_not_start_while_one_waits(tmp_path: Path) -> None:
    clock = VirtualClock()
    end = clock.now() + HOUR
    agents = Failing(failures=[failure("limit", until=end)])
    source = project(tmp_path, [task(1), task(2, 1), task(3, 1)])
    box = world(tmp_path / "box", agents, clock, source=source)
    assert box.play().state == "merged"
    assert len(box.starts()) == 10, "only the run that met the limit was started twice"


def test_what_a_person_must_put_right_stops_the_play_and_spends_nothing(tmp_path: Path) -> None:
    clock = VirtualClock()
    box = made(tmp_path, Failing(failures=[failure("key")]), clock)
    with pytest.raises(InputError, match=r"No agent can work: wrong key: it said: key \(rex, run run-[0-9a-f]+\)"):
        box.play()
    box.sandbox.close()
    again = world(tmp_path / "box", Failing(), clock)
    summary = again.go_on()
    assert summary.state == "merged"
    assert sorted((run.role, run.attempt) for run in runs(again)) == [("implement", 0), ("lint", 0), ("test", 0)]


@pytest.mark.parametrize("kind", ["turns", "time", "stall", "crash", "no-change", "no-result"])
def test_other_failures_are_attempts_with_their_words(kind: str, tmp_path: Path) -> None:
    box = made(tmp_path, Failing(failures=[failure(kind), failure(kind)]))
    summary = box.play()
    assert summary.tasks[0].state == "failed"
    assert summary.tasks[0].runs == 2
    assert summary.tasks[0].why is not None
    assert f"it said: {kind}" in summary.tasks[0].why.line()


def test_commits_of_an_attempt_that_failed_go_on(tmp_path: Path) -> None:
    box = made(tmp_path, Failing(failures=[failure("time")], commits="half.txt", leaves="rest.txt"))
    assert box.play().state == "merged"
    repo = box.sandbox.forge.git_path(REPO)
    subjects = git(repo, "log", "--format=%s", "--reverse", "main").splitlines()
    assert subjects[1:4] == ["Half of it", "What an attempt that failed left (implement)", "implement 1"]


@pytest.mark.parametrize("role", ["lint", "test"])
def test_of_other_roles_too_and_their_branch_is_not_touched_meanwhile(role: str, tmp_path: Path) -> None:
    box = made(tmp_path, Failing(role=role, failures=[failure("time")], commits="tests/test_half.py"))
    summary = box.play()
    assert summary.state == "merged"
    assert sorted(run.attempt for run in runs(box) if run.role == role) == [0, 1]
    assert "Half of it" in git(box.sandbox.forge.git_path(REPO), "log", "--format=%s", "main")


def test_what_is_left_uncommitted_is_committed_and_said(tmp_path: Path) -> None:
    @dataclass
    class Untidy(Agents):
        def __call__(self, tree: Path, env: Mapping[str, str]) -> int:
            if env["PRESSPLAY_ROLE"] == "implement":
                (tree / "new.txt").write_text("new\n")
                (tree / "README.md").write_text("changed\n")
                (tree / "__pycache__").mkdir()
                (tree / "__pycache__" / "x.pyc").write_text("x")
                return 0
            return super().__call__(tree, env)

    box = made(tmp_path, Untidy())
    assert box.play().state == "merged"
    repo = box.sandbox.forge.git_path(REPO)
    names = git(repo, "ls-tree", "-r", "--name-only", "main").splitlines()
    assert "new.txt" in names
    assert not [name for name in names if "pyc" in name]
    logs = [file.read_text() for file in (tmp_path / "box" / "runs").glob("*/log")]
    assert [log for log in logs if "[press-play: committed for it: README.md, new.txt]" in log]


@pytest.mark.rule("R7")
def test_title_and_body_come_from_the_backlog_where_the_agent_leaves_none(tmp_path: Path) -> None:
    source = project(tmp_path, [task(1, title="Prices <b>", description="A price is shown.\n\n{{=1+1}}")])
    box = world(tmp_path / "box", Agents(), source=source)
    assert box.play().state == "merged"
    gh = box.sandbox.context.harness(REPO, pull_requests="read", contents="read")
    (pull,) = pulls.all_pulls(gh, REPO)
    body = bodies.text(gh, REPO, pull.number)
    assert "A price is shown." in body
    assert "these are the backlog's" in body
    with person(box) as api:
        assert api.get(f"pulls/{pull.number}").json()["title"] == "Task 1: Prices <b>"


USAGE = {"usage": {"inputTokens": 1000, "cachedInputTokens": 500, "outputTokens": 100, "costUSD": 0.5}, "model": "m-1"}


def test_what_runs_use_is_in_ledger_and_summary(tmp_path: Path) -> None:
    box = made(tmp_path, Failing(usage=USAGE))
    summary = box.play()
    assert {run.model for run in runs(box)} == {"m-1"}
    assert all(run.usage == USAGE["usage"] for run in runs(box))
    assert summary.usage.as_json() == {"tokens": 4800, "costUSD": 1.5, "complete": True}
    assert summary.as_json()["tasks"][0]["usage"] == {"tokens": 4800, "costUSD": 1.5, "complete": True}


@pytest.mark.parametrize(
    ("prices", "cost"),
    [
        ({"m-*": {"input": 1000, "cachedInput": 100, "output": 10_000}}, 2.05),
        ({"m-*": {"input": 1000, "output": 10_000}}, 2.5),
        ({"m-*": {"input": 9, "output": 9}, "m-1": {"input": 1000, "output": 0}}, 1.5),
        ({"other": {"input": 9, "output": 9}}, 0.5),
    ],
)
def test_a_price_of_the_values_counts_more_than_the_command_lines(
    prices: Mapping[str, Any], cost: float, tmp_path: Path
) -> None:
    box = made(tmp_path, Failing(usage=USAGE), settings={"prices": prices})
    assert box.play().usage.cost == pytest.approx(3 * cost)


@pytest.mark.rule("R4")
@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"costPerTask": 1.0}, "$1.00 for this task (limits.costPerTask)"),
        ({"tokensPerTask": 3200}, "3200 tokens for this task (limits.tokensPerTask)"),
        ({"costPerTask": 1.01, "tokensPerTask": 3201}, ""),
    ],
)
def test_no_run_starts_beyond_the_budget_of_a_task(limits: Mapping[str, float], reason: str, tmp_path: Path) -> None:
    box = made(tmp_path, Failing(usage=USAGE), settings={"limits": limits})
    summary = box.play()
    assert summary.tasks[0].state == ("parked" if reason else "merged")
    assert reason in summary.tasks[0].reason
    assert len(runs(box)) == 3


@pytest.mark.rule("R4")
@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"limits": {"costPerDay": 1.5}}, "$1.50 for runs of the whole installation today (limits.costPerDay)"),
        ({"defaults": {"budget": {"costPerDay": 1.5}}}, "$1.50 for runs of this repository today (budget.costPerDay)"),
        ({"defaults": {"budget": {"costPerPlay": 1.5}}}, "$1.50 for runs of this play (budget.costPerPlay)"),
    ],
)
def test_no_run_starts_beyond_the_money_of_a_day_or_a_play(
    settings: Mapping[str, Any], reason: str, tmp_path: Path
) -> None:
    """Three runs of half a dollar each are what the first task takes."""
    box = made(tmp_path, Failing(usage=USAGE), settings=settings, tasks=[task(1), task(2, 1)])
    summary = box.play()
    assert [result.state for result in summary.tasks] == ["merged", "failed"]
    assert reason in summary.tasks[1].reason
    assert len([run for run in runs(box) if run.started]) == 3


@pytest.mark.rule("R7")
@pytest.mark.parametrize(
    "given",
    [
        {"usage": {"inputTokens": -1}},
        {"usage": {"inputTokens": "many"}},
        {"usage": {"a b": 1}},
        {"failure": {"kind": "limit", "message": "m", "until": "soon"}},
        {"failure": {"kind": "else", "message": "m"}},
    ],
)
def test_a_report_that_breaks_its_form_counts_as_nothing_or_fails_the_run(
    given: Mapping[str, Any], tmp_path: Path
) -> None:
    box = made(tmp_path, Failing(usage=given))
    summary = box.play()
    assert summary.tasks[0].state == "failed"
    assert "PRESSPLAY_RESULT" in (summary.tasks[0].why.line() if summary.tasks[0].why else "")
    assert summary.usage.tokens == 0
