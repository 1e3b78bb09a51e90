"""What becomes of a group of the merge queue, by its members, and of its tree."""

from __future__ import annotations

import pytest

from pressplay.domain.entries import Entries, MergedEntry
from pressplay.github.merge_queue import QueueRule
from pressplay.settings import Settings
from pressplay.steps.core import queue_advice
from pressplay.steps.merge_queue import tree
from pressplay.steps.merge_queue.decision import Decision, Member, decide

HEAD, BASE, ELSEWHERE = "a" * 40, "b" * 40, "c" * 40
REPO = "acme/shop"
REVIEWED = Member(1, under_us=True)
STRANGER = Member(2, under_us=False)
UNAPPROVED = Member(3, under_us=True, fault="is not approved at its head")
BY_AGENT = Member(4, under_us=True, fault="was entered by rex[bot]", by_our_app=True)
HELD = Member(5, under_us=False, fault="is held: it holds an agent's commits")


@pytest.mark.rule("R5")
@pytest.mark.parametrize(
    ("before", "own", "state", "pr"),
    [
        ([], [REVIEWED], "gates", 1),
        ([], [STRANGER], "others", None),
        ([STRANGER], [REVIEWED], "gates", 1),
        ([REVIEWED], [STRANGER], "gates", 1),
        ([REVIEWED], [Member(7, under_us=True)], "gates", 7),
        ([STRANGER], [STRANGER], "others", None),
        ([], [UNAPPROVED], "refuse", None),
        ([], [BY_AGENT], "refuse", None),
        ([], [HELD], "refuse", None),
        # Brought along by a stranger's.
        ([], [STRANGER, UNAPPROVED], "refuse", None),
        # An innocent one waits for what is before it.
        ([UNAPPROVED], [REVIEWED], "wait", None),
        ([HELD], [STRANGER], "wait", None),
        # Its own fault counts, whatever is before it.
        ([UNAPPROVED], [BY_AGENT], "refuse", None),
    ],
)
def test_what_becomes_of_a_group(before, own, state, pr):
    decision = decide(before, own)
    assert (decision.state, decision.pr) == (state, pr)
    assert bool(decision.reason) == (state in ("refuse", "wait"))


def test_the_reason_names_the_pull_request():
    assert decide([], [BY_AGENT]) == Decision("refuse", "pull request #4 was entered by rex[bot]")


def settings(**more):
    config = {"namespace": "press-play", "controllerNamespace": "agent-platform", "repositories": {REPO: {}}, **more}
    return Settings.model_validate(config)


@pytest.mark.parametrize(
    ("recorded", "refused"),
    [
        ({}, None),
        ({"lint": "pass"}, None),
        ({"tests": "pass"}, None),
        ({"lint": "pass", "tests": "pass"}, ""),
        ({"lint": "fail", "tests": "pass"}, "press-play/lint: r"),
        ({"lint": "pass", "tests": "error"}, "press-play/tests: r"),
    ],
)
@pytest.mark.rule("R5")
def test_a_tree_that_a_gate_did_not_judge_is_undecided(recorded, refused):
    ledger = entries({gate: (outcome, BASE) for gate, outcome in recorded.items()})
    judged = tree.judged(ledger, settings().repository(REPO), HEAD, BASE)
    if refused is None:
        assert judged is None
        return
    assert judged is not None
    reason = tree.refusal(judged)
    assert (reason.what if reason else "").endswith(refused)
    assert (reason is None) == (refused == "")


@pytest.mark.rule("R5")
def test_a_verdict_upon_another_base_counts_for_nothing():
    ledger = entries({"lint": ("pass", BASE), "tests": ("pass", ELSEWHERE)})
    assert tree.judged(ledger, settings().repository(REPO), HEAD, BASE) is None


def entries(verdicts):
    made = [
        MergedEntry(gate=gate, head=HEAD, onto=onto, outcome=outcome, reason="r")
        for gate, (outcome, onto) in verdicts.items()
    ]
    return Entries({entry.key(): entry for entry in made})


@pytest.mark.parametrize(
    ("minutes", "enabled", "named"),
    [(240, True, ""), (20, True, "waits 20 minutes"), (240, False, "by the values nothing answers")],
)
def test_a_queue_that_gets_no_answer_in_time_is_named(minutes, enabled, named):
    changed = settings(flows={"mergeGroup": {"enabled": enabled, "window": 60}})
    found = [
        advice.message for advice in queue_advice.advice(changed, REPO, "main", QueueRule(minutes, all_green=True))
    ]
    assert bool(found) == bool(named)
    assert named in "".join(found)
    assert list(queue_advice.advice(changed, REPO, "main", None)) == []


def test_a_queue_and_stacked_release_were_not_tried_together():
    stacked = settings(defaults={"release": "approved"}, flows={"mergeGroup": {"enabled": True, "window": 60}})
    rule = QueueRule(240, all_green=True)
    (advice,) = queue_advice.advice(stacked, REPO, "main", rule)
    assert "stacked release was not tried" in advice.message
    assert list(queue_advice.advice(stacked, REPO, "main", None)) == []
