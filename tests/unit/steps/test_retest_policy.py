"""A merge with the base branch: which gates judge it, what their verdicts come to, and what counts as approved."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ledgers import HEAD, OTHER, PR, REPO, desk, record

from pressplay.domain.entries import Entries, MergedEntry
from pressplay.settings import RepositoryDefaults
from pressplay.steps.core import approvals
from pressplay.steps.core.context import Subject
from pressplay.steps.core.verdicts import GateVerdict
from pressplay.steps.gate_pods.candidate import Candidate
from pressplay.steps.review import retest

pytestmark = pytest.mark.rule("R5")
TIP, TREE = "c" * 40, "d" * 40
BOTH: dict[str, Any] = {"lint": {"enabled": True}, "tests": {"enabled": True}, "base": {"strategy": "retest"}}
CHECKS = [{"name": "ci", "app": "github-actions"}]


def settings(**given: Any) -> RepositoryDefaults:
    return RepositoryDefaults.model_validate(BOTH | given)


@pytest.mark.parametrize(
    ("given", "judging"),
    [
        ({}, ("lint", "tests")),
        ({"base": {"strategy": "off"}}, ()),
        ({"lint": {"enabled": False}}, ("tests",)),
        ({"lint": {"enabled": False}, "tests": {"enabled": False}}, ()),
        # A CI sees what was pushed, and a merge is not.
        ({"tests": {"enabled": True, "checks": CHECKS}}, ("lint",)),
    ],
)
def test_the_gates_that_run_commands_judge_a_merge(given, judging):
    assert retest.gates(settings(**given)) == judging


def test_a_configuration_of_an_earlier_chart_wants_no_retest():
    """Its chart has no flow that could judge a merge: approvals would be pending for ever."""
    assert retest.gates(RepositoryDefaults.model_validate({"lint": {"enabled": True}})) == ()


def merged(gate: str, outcome: str, onto: str = TIP) -> dict[str, dict[str, Any]]:
    entry = {"gate": gate, "head": HEAD, "onto": onto, "outcome": outcome, "reason": f"{gate} says {outcome}"}
    return {f"merged-{gate}-{HEAD}": {**entry, "tree": TREE, "at": 1}}


@pytest.mark.parametrize(
    ("entries", "outcome", "why"),
    [
        (merged("lint", "pass") | merged("tests", "pass"), "pass", ""),
        (merged("lint", "pass") | merged("tests", "fail"), "fail", "press-play/tests: tests says fail"),
        (merged("lint", "fail") | merged("tests", "pass"), "fail", "press-play/lint: lint says fail"),
        # What an agent can fix comes before what only a person can.
        (merged("lint", "error") | merged("tests", "fail"), "fail", "press-play/tests: tests says fail"),
        (merged("lint", "error") | merged("tests", "pass"), "error", "press-play/lint: lint says error"),
        (merged("lint", "pass"), "error", "press-play/tests could not judge it"),
        ({}, "error", "press-play/lint could not judge it"),
        # A verdict on another merge says nothing about this one.
        (merged("lint", "pass", OTHER) | merged("tests", "pass"), "error", "press-play/lint could not judge it"),
    ],
)
def test_every_gate_must_have_passed_this_very_merge(entries, outcome, why):
    result, reason = retest.outcome(Entries.read(entries), settings(), HEAD, TIP)
    assert (result, reason.what if reason else "") == (outcome, why)


@pytest.mark.parametrize(
    ("conclusion", "external_id", "counts"),
    [
        ("success", HEAD, True),
        (None, approvals.retest_id(HEAD), True),
        # Proven, and what it was begun on is still to land.
        (None, approvals.stacked_id(HEAD), True),
        (None, approvals.stacked_id(OTHER), False),
        # Under review, parked, not under Press Play, another commit's.
        (None, HEAD, False),
        ("action_required", HEAD, False),
        ("action_required", approvals.retest_id(HEAD), False),
        ("success", approvals.OTHERS, False),
        ("success", OTHER, False),
        (None, approvals.retest_id(OTHER), False),
    ],
)
def test_an_approval_whose_merge_is_judged_is_one_still(conclusion, external_id, counts):
    check = SimpleNamespace(conclusion=conclusion, external_id=external_id, head_sha=HEAD)
    assert approvals.is_approval(check) is counts


@pytest.mark.parametrize(("waived", "outcome"), [((), "fail"), (("AC2",), "fail"), (("AC1", "AC2"), "pass")])
def test_a_merge_that_loses_tests_passes_only_where_a_person_accepted_that(tmp_path, waived, outcome):
    context = desk(tmp_path)
    waiver = {"by": "ann", "comment": "comment-1", "because": "it goes"}
    record(context, "pr", PR, {f"waiver-{criterion}-{HEAD}": waiver for criterion in waived})
    subject = Subject.of({"repo": REPO, "pr": str(PR)}, context)
    passed = GateVerdict("pass", "It holds", "all hold", holds=("AC1", "AC2"))
    assert Candidate(HEAD, TIP).conclude(context, subject, "tests", passed, TREE) == outcome
    entries = context.ledger(REPO).entries("pr", PR)
    (entry,) = entries.all(MergedEntry)
    assert (entry.outcome, entry.onto, entry.tree) == (outcome, TIP, TREE)
    assert Candidate(HEAD, TIP).outcome(entries, "tests") == outcome
    assert Candidate(HEAD, OTHER).outcome(entries, "tests") == ""
    assert Candidate(HEAD).outcome(entries, "tests") == ""
    assert Candidate(HEAD, OTHER).is_proven(entries, "tests", TREE) is (outcome == "pass")


@pytest.mark.parametrize("onto", ["main; rm -rf /", "$(id)", "{{workflow.uid}}"])
def test_the_commit_of_the_base_branch_is_a_checked_name(onto):
    with pytest.raises(Exception, match="onto"):
        Candidate.of({"head": HEAD, "onto": onto})
