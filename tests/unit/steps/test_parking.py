"""Parking: whose try it holds in, what is said where, and how it is taken back."""

from __future__ import annotations

import pytest
from ledgers import HEAD, PR, REPO, desk, pull, record

from pressplay.github import checks, issues
from pressplay.steps.core import parking
from pressplay.steps.core.context import Subject

pytestmark = pytest.mark.rule("R4")


def subject(context, attempt: int = 1) -> Subject:
    return Subject.of({"repo": REPO, "pr": str(PR), "try": str(attempt)}, context)


@pytest.fixture
def lines(monkeypatch):
    """What GitHub is told, in place of telling it."""
    sent: dict[str, list] = {"checks": [], "comments": [], "labels": [], "removed": []}
    monkeypatch.setattr(checks, "set_check", lambda *given, **named: sent["checks"].append(named))
    monkeypatch.setattr(issues, "comment", lambda *given, **named: sent["comments"].append((*given[3:], named)))
    monkeypatch.setattr(issues, "add_labels", lambda *given: sent["labels"].append(given[-1]))
    monkeypatch.setattr(issues, "remove_label", lambda *given: sent["removed"].append(given[-1]))
    return sent


ENTRY = {"reason": "QA left no verdict", "head": HEAD, "ended": 1, "try": 1, "stopped": False}


@pytest.mark.parametrize(
    ("entry", "attempt", "parked", "stopped"),
    [
        (ENTRY, 1, True, False),
        ({**ENTRY, "stopped": True}, 1, True, True),
        ({**ENTRY, "cleared": True}, 1, False, False),
        ({**ENTRY, "stopped": True, "cleared": True}, 1, False, False),
        # A retry, or a new press, goes on.
        (ENTRY, 2, False, False),
        ({**ENTRY, "stopped": True}, 2, False, False),
    ],
)
def test_a_parking_holds_in_its_own_try_until_it_is_taken_back(tmp_path, entry, attempt, parked, stopped):
    context = desk(tmp_path)
    record(context, "pr", PR, {"parked-1": entry})
    entries = context.ledger(REPO).entries("pr", PR)
    assert (parking.parked(entries, subject(context, attempt)) is not None) is parked
    assert parking.stopped(entries, subject(context, attempt)) is stopped


@pytest.mark.parametrize(
    ("given", "ways", "marker"),
    [
        ({}, "push a commit, or comment `/press-play retry`", "parked"),
        ({"stopped": True}, "comment `/press-play retry` or `/press-play fix`", "stopped"),
        ({"ways": "close the other one"}, "close the other one", "parked"),
        ({"ways": "close the other one", "stopped": True}, "close the other one", "stopped"),
    ],
)
def test_the_reason_is_in_the_ledger_the_check_and_one_comment(tmp_path, lines, given, ways, marker):
    context = desk(tmp_path)
    parking.park(context, subject(context), pull(), "QA left no verdict", details="A log.", **given)
    entries = context.ledger(REPO).entries("pr", PR)
    assert parking.parked(entries, subject(context)) is not None
    assert parking.stopped(entries, subject(context)) is given.get("stopped", False)
    (check,) = lines["checks"]
    assert (check["conclusion"], check["external_id"], check["text"]) == ("action_required", HEAD, None)
    assert "QA left no verdict" in str(check["summary"])
    assert check["details_url"] == f"http://forge.test/{REPO}/pull/{PR}"
    ((body, named),) = lines["comments"]
    assert "QA left no verdict" in body
    assert "A log." in body
    assert f"Commit `{HEAD}`" in body
    assert ways in body
    assert named["marker"] == f"{marker}-{HEAD}-1"
    assert lines["labels"] == [["press-play/parked"]]


def test_a_parking_is_taken_back_in_its_own_try_alone_and_its_reason_stays(tmp_path, lines):
    context = desk(tmp_path)
    parking.park(context, subject(context, 1), pull(), "one")
    parking.park(context, subject(context, 2), pull(), "two", stopped=True)
    parking.clear(context, subject(context, 2), PR)
    entries = context.ledger(REPO).entries("pr", PR)
    assert parking.parked(entries, subject(context, 1)) is not None
    assert parking.parked(entries, subject(context, 2)) is None
    (stored,) = [item for item in context.cluster.list("ConfigMap", "press-play") if "parked-2" in item["data"]]
    assert '"two"' in stored["data"]["parked-2"]
    assert lines["removed"] == ["press-play/parked"]


def test_where_nothing_is_parked_only_the_label_goes(tmp_path, lines):
    context = desk(tmp_path)
    parking.clear(context, subject(context), PR)
    assert not context.ledger(REPO).entries("pr", PR)
    assert lines["removed"] == ["press-play/parked"]
