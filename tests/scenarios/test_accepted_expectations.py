"""An expectation that a criterion changes: shown, held, and accepted by a person for one commit (R5, R6)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from harness import PLAN, REPO, project, task, world
from team import PR, Played, Team, commit

from pressplay.domain.entries import Waiver
from pressplay.sandbox.setup import MAINTAINER

pytestmark = pytest.mark.rule("R5")
TESTS = "import shop\n\n\ndef test_total():\n    assert shop.total(2) == 60\n"
ROUNDED = TESTS.replace("60", "62")
CHANGED = f"changed:\n  AC1: [tests/test_shop.py]\n{PLAN}"


def changes(plan: str = CHANGED) -> Team:
    """Rex changes the total and its test, as the criterion asks; QA's plan says so."""

    def implement(tree: Path, _env: Mapping[str, str]) -> None:
        leave(tree, "shop.py", "def total(n):\n    return n * 31\n")

    def test(tree: Path, _env: Mapping[str, str]) -> None:
        leave(tree, "tests/test_shop.py", ROUNDED)
        leave(tree, ".press-play/acceptance/1.yaml", plan)

    return Team(does={"implement": implement, "test": test})


def leave(tree: Path, path: str, text: str) -> None:
    """Leave a file so, each time."""
    if (tree / path).read_text() != text:
        commit(tree, path, text)


def play(tmp_path: Path, team: Team, **options: Any) -> Played:
    wanted = "The total is 31 for each"
    source = project(tmp_path, [task(1, acceptanceCriteria=[wanted])])
    (source / "tests").mkdir()
    (source / "shop.py").write_text("def total(n):\n    return n * 30\n")
    (source / "tests" / "test_shop.py").write_text(TESTS)
    made = team.made = world(tmp_path / "state", team, source=source, merge=False, **options)
    return Played(made, made.play(), team)


def say(played: Played, body: str) -> None:
    answer = played.ask("POST", f"/issues/{PR}/comments", json={"body": body})
    answer.raise_for_status()


@pytest.mark.rule("R6")
def test_a_change_that_a_criterion_asks_for_waits_for_a_person_and_no_agent_runs_for_it(tmp_path):
    flow = play(tmp_path, changes())
    flow.assert_not_approved()
    assert flow.state == "parked"
    assert flow.reason.startswith("press-play/test-only: expectations change for AC1: 1 assertion removed or altered")
    assert "a person must accept it" in flow.reason
    assert "shop.total(2)==60" in flow.check("test-only")["output"]["text"]
    # What the deployment showed is there already.
    assert flow.roles() == ["implement", "lint", "test"]


def test_once_a_person_accepts_it_the_commit_is_approved_as_it_is_and_says_who_and_why(tmp_path):
    flow = play(tmp_path, changes())
    head, runs = flow.head, flow.roles()
    say(flow, "/press-play accept AC1: totals rose in May")
    flow.go_on()
    assert flow.approvals() == [head]
    assert flow.roles() == runs
    (approval,) = [review for review in flow.get(f"/pulls/{PR}/reviews") if review["state"] == "APPROVED"]
    for words in ("AC1", MAINTAINER, "totals rose in May", "shop.total(2)==60"):
        assert words in approval["body"], words
    (waiver,) = flow.made.sandbox.context.ledger(REPO).entries("pr", PR).all(Waiver)
    assert (waiver.subject, waiver.head, waiver.by) == ("AC1", head, MAINTAINER)
    assert flow.can_be_merged()


@pytest.mark.parametrize("comment", ["/press-play accept AC2: it is fine", "/press-play accept AC1", "AC1 is fine"])
def test_nothing_else_accepts_it(tmp_path, comment):
    flow = play(tmp_path, changes())
    say(flow, comment)
    flow.go_on()
    flow.assert_not_approved()


def test_an_agent_s_comment_accepts_nothing(tmp_path):
    flow = play(tmp_path, changes())
    agent = flow.made.sandbox.github.installation("rex", REPO, {"pull_requests": "write"})
    agent.request("POST", f"/repos/{REPO}/issues/{PR}/comments", json={"body": "/press-play accept AC1: it is fine"})
    flow.go_on()
    flow.assert_not_approved()
    assert flow.made.sandbox.context.ledger(REPO).entries("pr", PR).all(Waiver) == []


@pytest.mark.rule("R6")
@pytest.mark.parametrize("plan", [PLAN, CHANGED.replace("test_shop", "test_other"), CHANGED.replace("AC1", "AC7")])
def test_what_no_criterion_of_the_task_is_named_for_is_refused(tmp_path, plan):
    flow = play(tmp_path, changes(plan), settings={"limits": {"rounds": 1}})
    flow.assert_not_approved()
    assert "a person must accept it" not in flow.reason
    say(flow, "/press-play accept AC1: it is fine")
    flow.go_on()
    flow.assert_not_approved()
