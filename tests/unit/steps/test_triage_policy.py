"""Which failed checks are looked into, and what is planned about each class of failure: one row a case."""

from __future__ import annotations

import json

import pytest
from ledgers import HEAD, OTHER, PR, REPO, desk, pull, record

from pressplay.github import actions, checks, pulls
from pressplay.steps.core.context import Subject
from pressplay.steps.triage import triage_steps, untriaged
from pressplay.steps.triage.classify import FailureVerdict

INPUTS = {"repo": REPO, "pr": str(PR), "try": "1"}
PARKED = {"reason": "r", "head": HEAD, "ended": 1, "try": 1, "stopped": False}


def check(id_: int = 1, name: str = "unit", conclusion: str | None = "failure", **fields) -> checks.CheckRun:
    made = {
        "app_id": 15368, "app": "github-actions", "head_sha": HEAD, "status": "completed", "external_id": "",
        "html_url": "", "suite": 5, "completed_at": "2026-01-01T00:00:00Z",
    }  # fmt: skip
    return checks.CheckRun(id=id_, name=name, conclusion=conclusion, **(made | fields))


def workflow_run(**fields) -> actions.WorkflowRun:
    made = {
        "id": 50, "workflow": 9, "name": "ci", "path": ".github/workflows/ci.yaml", "head_sha": HEAD, "event": "push",
        "status": "completed", "conclusion": "failure", "attempt": 1, "suite": 5,
    }  # fmt: skip
    return actions.WorkflowRun(**(made | fields))


@pytest.mark.rule("R4")
@pytest.mark.parametrize(
    ("check_", "run", "fields", "entries", "causes"),
    [
        ({}, {}, {}, {}, ["check-1"]),
        ({"conclusion": "timed_out"}, {}, {}, {}, ["check-1"]),
        ({"conclusion": "cancelled"}, {}, {}, {}, ["check-1"]),
        ({"conclusion": "success"}, {}, {}, {}, []),
        ({"conclusion": "neutral"}, {}, {}, {}, []),
        ({"conclusion": None}, {}, {}, {}, []),
        # What we say ourselves is no failure of the project's.
        ({"name": "press-play/lint"}, {}, {}, {}, []),
        ({"app": "press-play"}, {}, {}, {}, []),
        # Failures of a run that goes on are left until it has ended.
        ({}, {"status": "in_progress"}, {}, {}, []),
        ({}, {"status": "waiting"}, {}, {}, ["check-1"]),
        ({}, None, {}, {}, ["check-1"]),
        ({"conclusion": "success"}, {"conclusion": "startup_failure"}, {}, {}, ["run-50"]),
        ({}, {}, {"state": "closed"}, {}, []),
        ({}, {}, {"fork": True}, {}, []),
        # While a person is waited for nothing is done; a new head is looked at.
        ({}, {}, {}, {"parked-1": PARKED}, []),
        ({}, {}, {}, {"parked-1": {**PARKED, "head": OTHER}}, ["check-1"]),
        ({}, {}, {}, {"parked-1": {**PARKED, "head": OTHER, "stopped": True}}, []),
        ({}, {}, {}, {"parked-1": {**PARKED, "cleared": True}}, ["check-1"]),
    ],
)
def test_which_failures_are_looked_into(tmp_path, monkeypatch, check_, run, fields, entries, causes):
    context = desk(tmp_path)
    record(context, "pr", PR, entries)
    monkeypatch.setattr(checks, "checks", lambda *_: [check(**check_)])
    monkeypatch.setattr(actions, "runs_of_commit", lambda *_: [] if run is None else [workflow_run(**run)])
    ledger = context.ledger(REPO).entries("pr", PR)
    result = untriaged.untriaged(context, Subject.of(INPUTS, context), pull(**fields), ledger)
    assert [item.cause for item in result] == causes


REAL = FailureVerdict("real", "assert 3 == 4")
LOST = FailureVerdict("infrastructure", "GitHub lost its runner", rerun=True)
BROKE = FailureVerdict("infrastructure", "the account has no minutes left")
FLAKY = FailureVerdict("flaky", "it passed before", rerun=True)
BASE = FailureVerdict("base", "main fails too")
NONE = FailureVerdict("none", "cancelled")


@pytest.mark.rule("R4")
@pytest.mark.parametrize(
    ("verdicts", "plans", "expected"),
    [
        ([], [], ("none", "none", "no", "no")),
        ([REAL], ["repair"], ("real", "check-1", "no", "no")),
        ([NONE], ["leave"], ("none", "none", "no", "no")),
        ([BASE], ["report"], ("base", "none", "no", "yes")),
        ([LOST], ["rerun"], ("infrastructure", "none", "yes", "no")),
        ([BROKE], ["report"], ("infrastructure", "none", "no", "yes")),
        ([FLAKY], ["rerun"], ("flaky", "none", "yes", "no")),
        ([FLAKY, LOST], ["rerun", "rerun"], ("infrastructure", "none", "yes", "no")),
        # The head is about to be another one: nothing is run again for this one.
        ([FLAKY, REAL], [None, "repair"], ("real", "check-2", "no", "no")),
        ([REAL, REAL], ["repair", "repair"], ("real", "check-1", "no", "no")),
        ([BASE, REAL], ["report", "repair"], ("real", "check-2", "no", "yes")),
    ],
)
def test_what_is_planned(tmp_path, monkeypatch, verdicts, plans, expected):
    context = desk(tmp_path)
    failed = [untriaged.Failed("failure", check(n), workflow_run()) for n in range(1, len(verdicts) + 1)]
    given = iter(verdicts)
    monkeypatch.setattr(pulls, "pull", lambda *_: pull())
    monkeypatch.setattr(untriaged, "untriaged", lambda *_: failed)
    monkeypatch.setattr(triage_steps, "_Record", lambda *_: type("Record", (), {"evidence": lambda *_: None})())
    monkeypatch.setattr(triage_steps, "classify", lambda _seen: next(given))
    result = triage_steps.look(INPUTS, context)
    assert tuple(result[name] for name in ("class", "cause", "rerun", "report")) == expected
    stored = context.cluster.list("ConfigMap", "press-play")
    entries = {key: json.loads(text) for item in stored for key, text in item["data"].items()}
    assert [entries.get(f"triage-{n}", {}).get("plan") for n in range(1, len(plans) + 1)] == plans
    # Real failures of one head are one piece of work; what is left is done with.
    assert {entry["cause"] for entry in entries.values() if entry["plan"] == "repair"} <= {expected[1]}
    assert all(entry["done"] is (entry["plan"] == "leave") for entry in entries.values())
    assert all((entry["head"], entry["try"], entry["rerun"]) == (HEAD, 1, False) for entry in entries.values())


@pytest.mark.rule("R4")
def test_of_a_matrix_only_the_first_failures_are_looked_into(tmp_path, monkeypatch):
    context, causes = desk(tmp_path), []
    failed = [untriaged.Failed("failure", check(n), workflow_run()) for n in range(1, 30)]
    monkeypatch.setattr(pulls, "pull", lambda *_: pull())
    monkeypatch.setattr(untriaged, "untriaged", lambda *_: failed)
    record_of = type("Record", (), {"evidence": lambda _self, item, _again: causes.append(item.cause)})
    monkeypatch.setattr(triage_steps, "_Record", lambda *_: record_of())
    monkeypatch.setattr(triage_steps, "classify", lambda _seen: NONE)
    triage_steps.look(INPUTS, context)
    assert causes == [f"check-{n}" for n in range(1, 21)]
