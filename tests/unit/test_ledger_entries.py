"""The ledger's entries: what earlier versions wrote is read, and written again with the same keys and values."""

from __future__ import annotations

from typing import Any

import pytest

from pressplay.domain import entries
from pressplay.domain.entries import Entries, dump, read
from pressplay.errors import InputError

SHA = "0123456789abcdef0123456789abcdef01234567"
RUN = {"role": "test", "agent": "qa", "round": 2, "cause": "", "attempt": 1, "try": 3}
BEGUN_RUN = {**RUN, "head": SHA, "started": 100, "play": "play-01234567-3", "newest_review": 7, "context": SHA}
DOCUMENTS = {"run": "run-00", "task": 9, "tag": "master", "tasks": [1, 2], "lacking": [2], "head": SHA}
TRIAGE = {"class": "flaky", "reason": "it passed", "plan": "rerun", "done": False, "rerun": True, "head": SHA}
CHECK = {"check": "ab", "run": 5, "attempt": 1, "ended": "2026-01-01T00:00:00Z", "try": 1, "at": 100}

# As version 0.1 wrote them.
WRITTEN: list[tuple[str, type[Any], dict[str, Any]]] = [
    ("run-0123456789ab", entries.Run, BEGUN_RUN),
    ("run-0123456789ab", entries.Run, {**BEGUN_RUN, "tree": SHA, "outcome": "pass", "new_head": SHA, "ended": 200}),
    ("run-0123456789ab", entries.Run, {**RUN, "outcome": "parked", "reason": "9 runs", "ended": 200}),
    ("run-0123456789ab", entries.Run, {**BEGUN_RUN, "outcome": "failed", "reason": "r", "again": True, "ended": 200}),
    ("run-0123456789ab", entries.Run, {**BEGUN_RUN, "outcome": "parked", "reason": "r", "moved": True, "ended": 200}),
    ("run-0123456789ab", entries.Run, {**BEGUN_RUN, "newest_comment": 5, "newest_line": 0}),
    ("run-0123456789ab", entries.Run, {**BEGUN_RUN, "tasks": [1, 2], "outcome": "done", "pr": 4, "ended": 200}),
    ("run-0123456789ab", entries.Run, {**BEGUN_RUN, "outcome": "done", "comment": 4, "ended": 200}),
    ("run-0123456789ab", entries.Run, {**BEGUN_RUN, "outcome": "pass", "review": 4, "ended": 200}),
    ("pr", entries.PullOfTask, {"pr": 3}),
    ("pr", entries.PullOfTask, {"pr": 3, "try": 2}),
    ("task", entries.TaskOfPull, {"task": 1, "tag": "master"}),
    ("begun", entries.Begun, {"try": 2, "after": 3, "began": 100, "comment": 0}),
    ("begun", entries.Begun, {"try": 1, "cause": "ab", "tasks": [1], "head": SHA, "why": "asked", "began": 100}),
    ("landed", entries.Landed, {"pr": 3, "base": "main", "commit": SHA, "by": "ann"}),
    (
        "verdict-2",
        entries.TaskVerdict,
        {"outcome": "failed", "reason": "r", "pr": None, "head": None, "link": "l", "ended": 100, "play": ""},
    ),
    ("verdict-1", entries.TaskVerdict, {"outcome": "done", "reason": "", "pr": 4, "link": "l", "ended": 100}),
    ("alerts", entries.Alerts, {"kind": "dependabot", "numbers": [1, 2], "try": 1, "closed": [2]}),
    ("fault", entries.Fault, {"reason": "step plan: r", "ended": 100, "try": 1}),
    ("passing-fault", entries.PassingFault, {"said": "step plan: r", "ended": 100, "try": 1}),
    ("parked-1", entries.Parked, {"reason": "r", "head": SHA, "ended": 100, "try": 1, "stopped": False}),
    ("parked-1", entries.Parked, {"reason": "r", "head": SHA, "ended": 1, "try": 1, "stopped": True, "cleared": True}),
    ("try", entries.RaisedTry, {"try": 2, "command": "comment-5"}),
    ("command-comment-5", entries.Command, {"command": "fix", "handled": 100}),
    ("command-review-5", entries.Command, {"command": "unknown", "handled": 100}),
    (f"gate-lint-{SHA}", entries.GateEntry, {"gate": "lint", "head": SHA, "outcome": "pass", "reason": "r", "at": 9}),
    (
        f"merged-tests-{SHA}",
        entries.MergedEntry,
        {"gate": "tests", "head": SHA, "onto": SHA, "outcome": "pass", "reason": "r", "tree": SHA, "at": 9},
    ),
    (
        f"final-{SHA}",
        entries.FinalProof,
        {
            "tip": SHA,
            "onto": SHA,
            "play": "play-01234567-3",
            "tasks": [2, 1],
            "outcome": "fail",
            "reason": "r",
            "tree": SHA,
            "failing": ["0123456789ab"],
            "runs": 2,
            "tries": 1,
            "at": 9,
        },
    ),
    (
        f"final-{SHA[::-1]}",
        entries.FinalProof,
        {
            "tip": SHA[::-1],
            "onto": SHA,
            "play": "play-01234567-3",
            "tasks": [2, 1],
            "outcome": "pass",
            "reason": "r",
            "tree": SHA,
            "failing": [],
            "runs": 1,
            "tries": 1,
            "deployed": {
                "environment": "staging",
                "since": 8,
                "deployment": 5,
                "outcome": "fail",
                "tasks": [1],
                "reason": "r",
                "details": {"detail": "d", "look": "", "todo": "t"},
            },
            "at": 9,
        },
    ),
    (
        "broken-play-01234567-3",
        entries.Broken,
        {"commit": SHA, "tip": SHA, "onto": SHA, "by_this": True, "reason": "r", "at": 9},
    ),
    (
        f"gate-test-only-{SHA}",
        entries.GateEntry,
        {"gate": "test-only", "head": SHA, "outcome": "fail", "reason": "r", "at": 9},
    ),
    (
        f"gate-tests-{SHA}",
        entries.GateEntry,
        {"gate": "tests", "head": SHA, "outcome": "pass", "reason": "r", "at": 9, "holds": ["AC3"], "proves": False},
    ),
    (f"waiver-AC3-{SHA}", entries.Waiver, {"by": "ann", "comment": "comment-5", "because": "rounded", "at": 9}),
    (f"waiver-supply-{SHA}", entries.Waiver, {"by": "ann", "comment": "comment-5", "because": "ours", "at": 9}),
    ("profile", entries.GivenProfile, {"profile": "refactor", "by": "ann", "comment": "comment-5", "at": 9}),
    (
        f"deploy-{SHA}",
        entries.Deployment,
        {"environment": "e", "state": "deployed", "reason": "", "deployment": 0, "url": "u", "commit": SHA},
    ),
    (f"deploy-{SHA}", entries.Deployment, {"environment": "e", "state": "error", "reason": "r"}),
    (
        "snapshot-0123456789ab",
        entries.Snapshot,
        {"ids": ["comment-1"], "head": SHA, "try": 2, "workflow": "w", "answered": True, "context": SHA, "by": "ab"},
    ),
    ("triage-77", entries.Triage, {**TRIAGE, **CHECK, "cause": "check-77"}),
    ("triage-run-5", entries.Triage, {**TRIAGE, **CHECK, "cause": "run-5"}),
    ("base-2", entries.Base, {"base": "main", "try": 2}),
    ("asked-to-restore-2", entries.AskedToRestore, {"head": SHA, "at": 100}),
    ("documents", entries.Documents, {**DOCUMENTS, "outcome": "parked", "reason": "r", "ended": 100}),
    ("left-alone", entries.LeftAlone, {"reason": "r", "since": 100}),
    ("statuses", entries.StatusPull, {"head": SHA, "play": "play-0a1b2c3d-1"}),
    ("criteria", entries.CriterionIds, {"ids": {"0123456789abcdef": "AC1"}}),
    ("of-a-later-version", entries.Other, {"anything": {"at": ["all", None]}}),
]


@pytest.mark.rule("R1")
@pytest.mark.parametrize(("key", "kind", "data"), WRITTEN)
def test_what_an_earlier_version_wrote_is_read_and_written_again_as_it_was(key, kind, data):
    entry = read(key, data)
    assert type(entry) is kind
    assert entry.key() == key
    again = dump(entry)
    assert {name: value for name, value in data.items() if value is not None}.items() <= again.items()
    # What is new says that nothing is known, or nothing was done.
    assert all(again[name] in ("", 0, False, [], 1) for name in again.keys() - data.keys())
    assert read(key, again) == entry


@pytest.mark.rule("R1")
def test_fields_of_a_later_version_are_left_out():
    assert read("pr", {"pr": 3, "try": 1, "of-a-later-version": {}}) == entries.PullOfTask(pr=3, try_=1)


@pytest.mark.rule("R10")
@pytest.mark.parametrize(
    ("key", "data", "message"),
    [
        ("pr", [], "ConfigMap l, entry pr: expected a JSON object, got list"),
        ("pr", {"pr": "three"}, "ConfigMap l, entry pr, pr: .*integer.*, got 'three'"),
        ("pr", {}, "ConfigMap l, entry pr, pr: Field required"),
        ("run-00", {**RUN, "round": "two"}, "ConfigMap l, entry run-00, round: .*integer.*, got 'two'"),
        ("run-00", {**RUN, "outcome": 5}, "ConfigMap l, entry run-00, outcome: .*string.*, got 5"),
    ],
)
def test_an_entry_that_is_not_whole_is_an_error_that_names_ledger_entry_and_field(key, data, message):
    with pytest.raises(InputError, match=message):
        Entries.read({key: data}, "ConfigMap l")


def test_an_entry_is_found_by_its_kind_and_key():
    recorded = Entries.read({key: data for key, _, data in WRITTEN})
    assert recorded.get(entries.TaskVerdict, entries.TaskVerdict.key_of(2)) is recorded.by_key["verdict-2"]
    assert recorded.get(entries.TaskVerdict, entries.TaskVerdict.key_of(5)) is None
    assert recorded.get(entries.Parked, "verdict-2") is None
    assert [verdict.try_ for verdict in recorded.all(entries.TaskVerdict)] == [1, 2]
    assert [run.name for run in recorded.runs_of(3)] == ["run-0123456789ab"]
    assert recorded.runs_of(1) == []
    assert entries.Triage.key_of("check-77") in recorded
    assert entries.Triage.key_of("run-5") in recorded


def test_tries_are_those_that_any_entry_names():
    recorded = Entries.read({"verdict-4": {"outcome": "failed"}, "pr": {"pr": 3, "try": 2}, "run-00": RUN})
    assert sorted(recorded.tries) == [2, 3, 4]
