"""The supply gate in a play: Rex fixes what is refused, a person decides on what is parked, and the rest is shown."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from team import PR, Team, commit, played, writes

pytestmark = pytest.mark.rule("R6")

TOKEN = "ghp_" + "abC1dEf2GhI3jKl4MnO5pQr6StU7vWx8YzA9"


@pytest.mark.rule("R9")
def test_a_secret_is_refused_and_passes_once_rex_took_it_out(tmp_path):
    does = {
        "implement": writes("shop.py", f"token = '{TOKEN}'\n"),
        "fix": lambda tree, _: commit(tree, "shop.py", "x = 1\n"),
    }
    result = played(tmp_path, Team(does=does))
    assert result.state == "approved", result.reason
    assert result.roles() == ["implement", "lint", "test", "fix", "lint", "test"]
    (instructions,) = result.team.findings("fix")
    assert "press-play/supply" in instructions
    assert "it brings in what is refused: 1 secret" in instructions
    assert "`shop.py:1`" in instructions
    assert TOKEN not in instructions
    assert result.check("supply")["conclusion"] == "success"


def test_a_workflow_file_parks_for_a_person_and_no_agent_is_asked(tmp_path):
    result = played(tmp_path, Team(does={"implement": writes(".github/workflows/ci.yml", "on: push\n")}))
    result.assert_not_approved()
    assert result.state == "parked"
    assert result.reason == "press-play/supply: it brings in 1 workflow file: a person must accept it"
    assert result.roles() == ["implement", "lint", "test"]
    # The other gates went on, and all that the approval waits for is a person.
    assert result.check("supply")["output"]["title"] == "A person must decide"
    comments = "\n".join(comment["body"] for comment in result.get(f"/issues/{PR}/comments"))
    assert "`.github/workflows/ci.yml`" in comments


@pytest.mark.rule("R5")
def test_what_a_person_accepts_of_this_commit_passes(tmp_path):
    result = played(tmp_path, Team(does={"implement": writes(".github/workflows/ci.yml", "on: push\n")}))
    head = result.head
    result.ask("POST", f"/issues/{PR}/comments", json={"body": "/press-play accept supply: our pipeline"})
    result.go_on()
    assert result.approvals() == [head]
    assert result.check("acceptance")["conclusion"] == "success"
    # No agent runs again: the commit is the same.
    assert result.roles() == ["implement", "lint", "test"]
    assert result.check("supply")["conclusion"] == "success"


def test_what_is_never_taken_out_parks_at_the_limit_of_rounds(tmp_path):
    does = {"implement": writes("shop.py", f"token = '{TOKEN}'\n")}
    result = played(tmp_path, Team(does=does), settings={"limits": {"rounds": 2}})
    result.assert_not_approved()
    assert result.reason == (
        "rex: 2 rounds and press-play/supply still fails: it brings in what is refused: 1 secret (limits.rounds)"
    )


def test_new_packages_are_shown_in_the_check_and_in_the_approval(tmp_path):
    result = played(tmp_path, Team(does={"implement": writes("requirements.txt", "left-pad==1.0\n")}))
    assert result.state == "approved", result.reason
    assert result.check("supply")["output"]["title"] == "What it brings in"
    (approval,) = [r for r in result.get(f"/pulls/{PR}/reviews") if r["state"] == "APPROVED"]
    assert "`requirements.txt`: `pypi left-pad ==1.0`" in result.check("supply")["output"]["text"]
    assert "pypi left-pad ==1.0" in approval["body"]


def test_what_the_values_only_show_does_not_park(tmp_path):
    settings = {"defaults": {"supply": {"workflows": "show"}}}
    does = {"implement": writes(".github/workflows/ci.yml", "on: push\n")}
    result = played(tmp_path, Team(does=does), settings=settings)
    assert result.state == "approved", result.reason


def test_where_it_is_off_it_leaves_no_check(tmp_path):
    settings = {"defaults": {"supply": {"enabled": False}}}
    result = played(tmp_path, Team(does={"implement": writes("shop.py", f"t = '{TOKEN}'\n")}), settings=settings)
    assert result.state == "approved", result.reason
    assert result.get(f"/commits/{result.head}/check-runs?check_name=press-play/supply")["check_runs"] == []


def test_what_qa_brings_in_counts_too(tmp_path):
    def test(tree: Path, _env: Mapping[str, str]) -> None:
        if not (tree / "tests/test_it.py").exists():
            commit(tree, "tests/test_it.py", f"def test_it():\n    assert '{TOKEN}'\n")

    result = played(tmp_path, Team(does={"test": test}), settings={"limits": {"rounds": 1}})
    result.assert_not_approved()
    assert "press-play/supply still fails: it brings in what is refused: 1 secret" in result.reason
