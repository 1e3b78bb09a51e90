"""Attacks by an agent whose task was begun on another one's approved head, and what an honest one does (R5, R6)."""

from __future__ import annotations

import pytest
from harness import REPO, after
from stacks import chain, files_of, writes_over
from team import Team

from pressplay import names
from pressplay.github import refs
from pressplay.github.calls import call

pytestmark = pytest.mark.rule("R5")
TEST = "test_part_1.py"


def test_a_dependent_that_adds_to_the_tests_of_its_dependency_lands(tmp_path):
    more = files_of(1)[TEST] + "        self.assertEqual(part_1.value(0), 1)\n"
    flow = chain(tmp_path, does={"implement": writes_over(TEST, more, of=2)})
    flow.settle()
    assert [flow.state(number) for number in (1, 2)] == ["success", "held"]
    for number in (1, 2):
        assert flow.merge(number) == 200
        flow.settle()
    assert flow.states() == ["merged", "merged"]
    flow.made.sandbox.close()


@pytest.mark.rule("R6")
def test_a_dependent_that_weakens_the_tests_of_its_dependency_is_refused(tmp_path):
    """Compared with the base branch nothing would be lost: it has none of them."""
    flow = chain(tmp_path, does={"implement": writes_over(TEST, "x = 1\n", of=2)}, team=Team(silent={("fix", 2)}))
    flow.settle()
    assert flow.state(2) == "action_required"
    assert "the tests are weaker than" in flow.check(2)["output"]["summary"]
    assert flow.on(2).held == ""
    flow.made.sandbox.close()


@pytest.mark.parametrize("onto", ["main", "dependency"])
def test_a_dependent_that_claims_another_base_is_approved_by_nothing(tmp_path, onto):
    """It moves its branch off the commit that it was begun on, or onto it, where the dependency's check is green."""
    flow = chain(tmp_path)
    flow.settle()
    gh = flow.made.sandbox.github.installation("rex", REPO, {"contents": "write"})
    branch, begun = names.task_branch(2), flow.on(2).head
    sha = begun if onto == "dependency" else refs.head(gh, REPO, "main")
    call(gh, "PATCH", f"/repos/{REPO}/git/refs/heads/{branch}", json={"sha": sha, "force": True})
    if onto == "main":
        flow.push(2, {"part_2.py": b"x = 1\n"})
    after(flow.made, 15)
    assert flow.state(2) == "action_required"
    expected = {
        "main": f"its branch does not hold commit {begun[:12]} of task 1 (#1), which it was begun on",
        "dependency": " leads the same commit into main, where its check would count, too",
    }
    assert expected[onto] in flow.check(2)["output"]["summary"]
    assert flow.merge(2) == 405
    flow.made.sandbox.close()
