"""The bounds on runs: one row for each, at the bound and one below it."""

from __future__ import annotations

import time
from typing import Any

import pytest
from ledgers import HEAD, PR, REPO, desk, ended, gate, numbered, record, run

from pressplay.settings import Limits, RepositoryDefaults
from pressplay.steps.runs import limits
from pressplay.steps.runs.run import Run

pytestmark = pytest.mark.rule("R4")
TASK = 3


def of(context, role: str, round_: int = 1, **more: str) -> Run:
    given = {"repo": REPO, "role": role, "task": str(TASK), "pr": str(PR), "github-app": "rex", "head": HEAD}
    return Run.of({**given, "try": "1", "round": str(round_), **more}, context)


def reached(tmp_path, bounds: dict[str, Any], role: str, entries: dict[str, Any], **more: Any) -> str:
    context = desk(tmp_path, limits=Limits(**bounds))
    wanted = of(context, role, **more)
    record(context, wanted.kind, wanted.number, entries)
    return str(limits.reached(context, wanted, context.ledger(REPO).entries(wanted.kind, wanted.number)))


ROUNDS = {"rounds": 2}


@pytest.mark.parametrize(
    ("role", "round_", "entries", "reason"),
    [
        ("lint", 2, {}, ""),
        ("lint", 3, {}, "2 rounds and QA still wants changes (limits.rounds)"),
        ("test", 3, {}, ""),
        ("fix", 1, {}, ""),
        ("fix", 2, {}, "2 rounds and QA still wants changes (limits.rounds)"),
        ("fix", 2, gate("lint", "fail"), "press-play/lint still fails: lint says fail"),
        ("fix", 2, gate("test-only", "fail"), "press-play/test-only still fails: test-only says fail"),
        ("fix", 2, gate("acceptance", "fail"), "press-play/acceptance still fails: acceptance says fail"),
        ("fix", 2, gate("lint", "fail", "b" * 40), "QA still wants changes"),
        ("fix", 2, gate("lint", "pass"), "QA still wants changes"),
    ],
)
def test_rounds(tmp_path, role, round_, entries, reason):
    lines = reached(tmp_path, ROUNDS, role, entries, round_=round_)
    assert reason in lines if reason else lines == ""


def test_a_single_round_is_one_in_the_sentence_too(tmp_path):
    assert "1 round and" in reached(tmp_path, {"rounds": 1}, "fix", {})


TWO = numbered(ended("lint", "done"), run("test"))


@pytest.mark.parametrize(
    ("bounds", "role", "entries", "reason"),
    [
        ({"runs_per_pull_request": 3}, "test", TWO, ""),
        ({"runs_per_pull_request": 2}, "test", TWO, "2 runs for this pull request (limits.runsPerPullRequest)"),
        ({"runs_per_task": 2}, "test", TWO, ""),
        ({"runs_per_task": 2}, "implement", TWO, "2 runs for this task (limits.runsPerTask)"),
        ({"runs_per_pull_request": 2}, "implement", TWO, ""),
        # Those of another try, and what was refused before it began, do not count.
        ({"runs_per_pull_request": 2}, "test", numbered(run("lint"), run("test", **{"try": 2})), ""),
        ({"runs_per_pull_request": 1}, "test", numbered({**ended("lint", "parked"), "started": None}), ""),
        ({"minutes_per_pull_request": 2}, "test", TWO, ""),
        (
            {"minutes_per_pull_request": 1},
            "test",
            TWO,
            "this pull request (limits.minutesPerPullRequest)",
        ),
        ({"minutes_per_task": 1}, "test", TWO, ""),
        ({"minutes_per_task": 1}, "implement", TWO, "1 minutes of runs for this task (limits.minutesPerTask)"),
        # Minutes are counted in whole, and of runs that ended.
        ({"minutes_per_task": 1}, "implement", numbered(ended("implement", "done", ended=159)), ""),
        ({"minutes_per_task": 1}, "implement", numbered(run("implement")), ""),
        # A clock that ran backwards gives no minutes back.
        ({"minutes_per_task": 1}, "implement", numbered(ended("fix", "done"), ended("fix", "done", ended=10)), "1 min"),
    ],
)
def test_runs_and_minutes_of_one_try(tmp_path, bounds, role, entries, reason):
    entries = {key: {name: v for name, v in entry.items() if v is not None} for key, entry in entries.items()}
    lines = reached(tmp_path, bounds, role, entries)
    assert reason in lines if reason else lines == ""


PLAY = "play-1a2b3c4d-1"
USED = {"inputTokens": 600, "cachedInputTokens": 300, "outputTokens": 100, "costUSD": 0.5}


@pytest.mark.parametrize(
    ("bounds", "tried", "reason"),
    [
        ({}, "1", ""),
        ({"tokens_per_task": 2000}, "1", "2000 tokens for this task (limits.tokensPerTask)"),
        ({"tokens_per_task": 2001}, "1", ""),
        ({"cost_per_task": 1.0}, "1", "$1.00 for this task (limits.costPerTask)"),
        ({"cost_per_task": 1.01}, "1", ""),
        # A person's retry begins again.
        ({"tokens_per_task": 1, "cost_per_task": 0.01}, "2", ""),
    ],
)
@pytest.mark.parametrize("role", ["implement", "test"])
def test_the_budget_of_a_task_is_that_of_its_pull_request_too(tmp_path, bounds, tried, reason, role):
    context = desk(tmp_path, limits=Limits(**bounds))
    record(context, "task", TASK, {**numbered(ended("implement", "done", usage=USED)), "pr": {"pr": PR}})
    record(context, "pr", PR, {**numbered(ended("lint", "done", usage=USED), run("test")), "task": {"task": TASK}})
    wanted = of(context, role, **{"try": tried})
    lines = limits.reached(context, wanted, context.ledger(REPO).entries(wanted.kind, wanted.number))
    assert reason in lines if reason else lines == ""


def test_a_wait_for_the_models_server_is_no_minute(tmp_path):
    waited = ended("implement", "done", ended=100 + 7200 + 59, held=7200)
    assert reached(tmp_path, {"minutes_per_task": 1}, "implement", numbered(waited)) == ""


@pytest.mark.parametrize(
    ("causes", "role", "reason"),
    [
        (["check-1"], "triage", ""),
        (["check-1", "check-2"], "triage", "2 failing checks of this pull request were triaged already"),
        # Attempts at one failure are one try, and so is the failure that this run is about.
        (["check-1", "check-1"], "triage", ""),
        (["check-1", "check-9"], "triage", ""),
        (["check-1", "check-2"], "test", ""),
    ],
)
def test_failures_that_are_triaged(tmp_path, causes, role, reason):
    entries = numbered(*(run("triage", cause=cause) for cause in causes))
    more = {"cause": "check-9"} if role == "triage" else {}
    lines = reached(tmp_path, {"triage_tries": 2}, role, entries, **more)
    assert reason in lines if reason else lines == ""


@pytest.mark.parametrize(
    ("bound", "repo", "span", "counted", "reason"),
    [
        ("runs_per_repository_and_day", REPO, "today", 2, "2 runs of this repository today"),
        ("runs_per_repository_and_day", REPO, "today", 1, ""),
        ("runs_per_repository_and_day", REPO, "2025-01-01", 2, ""),
        ("runs_per_play", REPO, "play-1a2b3c4d-1", 2, "2 runs in this play (limits.runsPerPlay)"),
        ("runs_per_play", REPO, "play-1a2b3c4d-1", 1, ""),
        ("runs_per_play", REPO, "play-1a2b3c4d-2", 2, ""),
        ("runs_per_day", REPO, "today", 2, "2 runs of the whole installation today (limits.runsPerDay)"),
        ("runs_per_day", REPO, "today", 1, ""),
        ("runs_per_repository_and_day", "acme/other", "today", 2, ""),
        ("runs_per_day", "acme/other", "today", 2, ""),
    ],
)
def test_tallies_of_days_and_plays(tmp_path, bound, repo, span, counted, reason):
    context = desk(tmp_path, limits=Limits(**{bound: 2}))
    wanted = of(context, "implement", play="play-1a2b3c4d-1")
    for number in range(counted):
        context.ledger(repo).count(limits.day(context) if span == "today" else span, f"run-{number}")
    lines = str(limits.reached(context, wanted, context.ledger(REPO).entries("task", TASK)))
    assert reason in lines if reason else lines == ""


@pytest.mark.parametrize(
    ("budget", "span", "counted", "reason"),
    [
        ({"runsPerDay": 3}, "today", 2, ""),
        ({"runsPerDay": 3}, "today", 3, "3 runs of this repository today (budget.runsPerDay)"),
        ({"runsPerDay": 9}, "today", 5, ""),
        ({"runsPerPlay": 1}, "play-1a2b3c4d-1", 1, "1 runs in this play (budget.runsPerPlay)"),
        ({"runsPerPlay": 9}, "play-1a2b3c4d-1", 5, ""),
        # Without one, what holds of each repository.
        ({}, "today", 4, "4 runs of this repository today (limits.runsPerRepositoryAndDay)"),
        ({}, "play-1a2b3c4d-1", 4, "4 runs in this play (limits.runsPerPlay)"),
    ],
)
def test_a_repository_has_a_budget_of_its_own(tmp_path, budget, span, counted, reason):
    own = RepositoryDefaults.model_validate({"budget": budget})
    bounds = Limits(runs_per_repository_and_day=4, runs_per_play=4)  # type: ignore[call-arg]
    context = desk(tmp_path, limits=bounds, repositories={REPO: own})
    wanted = of(context, "implement", play="play-1a2b3c4d-1")
    for number in range(counted):
        context.ledger(REPO).count(limits.day(context) if span == "today" else span, f"run-{number}")
    assert limits.reached(context, wanted, context.ledger(REPO).entries("task", TASK)) == reason


@pytest.mark.parametrize(
    ("bounds", "budget", "spent", "reason"),
    [
        (
            {},
            {"costPerDay": 2},
            {(REPO, "today"): [1.5, 0.5]},
            "$2.00 for runs of this repository today (budget.costPerDay)",
        ),
        ({}, {"costPerDay": 2}, {(REPO, "today"): [1.5, 0.49]}, ""),
        ({}, {"costPerDay": 2}, {("acme/other", "today"): [9]}, ""),
        ({}, {"costPerDay": 2}, {(REPO, "2025-01-01"): [9]}, ""),
        ({}, {"costPerPlay": 2}, {(REPO, PLAY): [2.5]}, "$2.50 for runs of this play (budget.costPerPlay)"),
        ({}, {"costPerPlay": 2}, {(REPO, "play-1a2b3c4d-2"): [2.5]}, ""),
        (
            {"cost_per_day": 3},
            {},
            {(REPO, "today"): [1.5], ("acme/other", "today"): [1.5]},
            "$3.00 for runs of the whole installation today (limits.costPerDay)",
        ),
        ({"cost_per_day": 3}, {}, {(REPO, "today"): [1.5], ("acme/other", "today"): [1.49]}, ""),
    ],
)
def test_money_of_days_and_plays(tmp_path, bounds, budget, spent, reason):
    repositories = {REPO: RepositoryDefaults.model_validate({"budget": budget}), "acme/other": RepositoryDefaults()}
    context = desk(tmp_path, limits=Limits(**bounds), repositories=repositories)
    wanted = of(context, "implement", play=PLAY)
    for (repo, span), costs in spent.items():
        span = limits.day(context) if span == "today" else span
        for number, cost in enumerate(costs):
            context.ledger(repo).count(span, f"run-{number}")
            # A step that is killed notes it again.
            for _ in range(2):
                context.ledger(repo).spend(span, f"run-{number}", cost)
        # One that says nothing of its cost, or is under way.
        context.ledger(repo).count(span, "run-x")
        assert context.ledger(repo).tally(span) == len(costs) + 1
    assert limits.reached(context, wanted, context.ledger(REPO).entries("task", TASK)) == reason


def test_a_day_is_one_of_utc_wherever_the_process_runs(tmp_path, monkeypatch):
    context = desk(tmp_path)
    context.clock.sleep(86_400 - context.clock.now() % 86_400 - 1)
    before = limits.day(context)
    for zone in ("Pacific/Kiritimati", "Etc/GMT+12"):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        assert limits.day(context) == before
    monkeypatch.undo()
    time.tzset()
    context.clock.sleep(1)
    assert limits.day(context) > before


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ([ended("test", "parked", reason="3 runs (limits.runsPerTask)")], "3 runs (limits.runsPerTask)"),
        ([ended("test", "parked", reason="QA left no verdict")], ""),
        ([ended("test", "failed", reason="3 runs (limits.runsPerTask)")], ""),
        ([ended("test", "parked", reason="x (limits.rounds)"), ended("fix", "done", ended=161)], ""),
        # A parking follows what it parks, also within the same second; then the later round, and attempt.
        ([ended("test", "changes"), ended("fix", "parked", reason="x (limits.rounds)")], "x (limits.rounds)"),
        ([ended("fix", "parked", reason="x (limits.rounds)"), ended("test", "changes", round=2)], "x (limits.rounds)"),
        (
            [ended("fix", "parked", reason="x"), ended("fix", "parked", reason="y (limits.rounds)", round=2)],
            "y (limits.rounds)",
        ),
        (
            [ended("fix", "parked", reason="x"), ended("fix", "parked", reason="y (limits.rounds)", attempt=1)],
            "y (limits.rounds)",
        ),
        # What has not ended is as old as its beginning.
        ([ended("fix", "parked", reason="x (limits.rounds)"), run("lint", started=161)], ""),
        ([run("lint", started=159), ended("fix", "parked", reason="x (limits.rounds)")], "x (limits.rounds)"),
        ([ended("test", "parked", reason="x (limits.rounds)", **{"try": 2})], ""),
        ([], ""),
    ],
)
def test_which_refusal_at_a_limit_is_the_newest(tmp_path, entries, reason):
    context = desk(tmp_path)
    record(context, "pr", PR, numbered(*entries))
    subject = of(context, "test").subject
    assert str(limits.refusal(context.ledger(REPO).entries("pr", PR), subject)) == reason
