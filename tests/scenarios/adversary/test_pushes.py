"""Attacks by pushes outside of an agent's run, and what an honest push does (R6)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from harness import PLAN, REPO, git
from team import Does, Played, Team, played, writes

from pressplay.github import pushes, refs
from pressplay.github.calls import GitHubRefused, call
from pressplay.steps.review import pushed

pytestmark = pytest.mark.rule("R6")
TEST = "def test_it():\n    assert 1\n"


def pushing(team: Team, app: str, files: Mapping[str, bytes]) -> Does:
    """Push with an App's token while somebody else's run goes on, once; the run then ends as one that sees it."""
    done: list[str] = []

    def does(_tree: Path, env: Mapping[str, str]) -> None:
        if done or team.made is None:
            return
        gh = team.made.sandbox.github.installation(app, REPO, {"contents": "write"})
        branch = env["PRESSPLAY_BRANCH"]
        done.append(refs.commit_files(gh, REPO, branch, files, "By the way", refs.head(gh, REPO, branch)))

    return does


@pytest.mark.parametrize("role", ["lint", "fix"])
def test_qas_app_pushes_source_outside_its_run(tmp_path, role):
    """Seen: the gate said that QA had changed nothing, and the source was merged."""
    team = Team(wants_changes={1: 1})
    team.does[role] = pushing(team, "qa-agent", {"program.py": b"x = 1\n"})
    one = played(tmp_path, team, merge=False)
    one.assert_not_approved()
    assert one.reason == ("press-play/test-only: QA may change only tests, but changed 1 file outside the tests' paths")
    assert "`program.py`" in one.check("test-only")["output"]["text"]


@pytest.mark.parametrize("role", ["lint", "fix"])
def test_qas_app_pushes_a_test_outside_its_run(tmp_path, role):
    team = Team(wants_changes={1: 1})
    team.does[role] = pushing(team, "qa-agent", {"tests/test_more.py": b"def test_more():\n    assert 1\n"})
    one = played(tmp_path, team, merge=False)
    assert one.state == "approved", one.reason


@pytest.mark.parametrize("app", ["morgan", "security-agent", "triage-agent"])
def test_an_app_that_has_no_part_in_it_pushes_a_plan(tmp_path, app):
    team = Team()
    team.does["lint"] = pushing(team, app, {".press-play/acceptance/1.yaml": f"{PLAN}# weaker\n".encode()})
    one = played(tmp_path, team, merge=False)
    one.assert_not_approved()
    assert one.reason.startswith("press-play/test-only: ")
    assert one.reason.endswith(" changed the plan of probes, and that is QA's")


def test_rex_pushes_after_qa_passed_it(tmp_path):
    """A new head has no verdict: what was passed before it is no word on it."""
    one = played(tmp_path, merge=False)
    passed = one.head
    assert one.approvals() == [passed]
    gh = one.made.sandbox.github.installation("rex", REPO, {"contents": "write"})
    branch = str(one.get("/pulls/1")["head"]["ref"])
    refs.commit_files(gh, REPO, branch, {".press-play/acceptance/1.yaml": f"{PLAN}# weaker\n".encode()}, "x", passed)
    assert one.head != passed
    one.go_on()
    assert all(run["conclusion"] != "success" for run in acceptance(one))
    assert not one.can_be_merged()


def acceptance(one: Played) -> list[dict[str, Any]]:
    return list(one.get(f"/commits/{one.head}/check-runs?check_name=press-play/acceptance")["check_runs"])


def test_nobody_pushes_after_qa_passed_it(tmp_path):
    one = played(tmp_path, merge=False)
    assert one.approvals() == [one.head]
    assert one.can_be_merged()


def keeps_no_record(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise GitHubRefused("Not Found", 404)

    monkeypatch.setattr(pushes, "life", refused)


def test_qa_edits_source_where_github_keeps_no_record_of_pushes(tmp_path, monkeypatch):
    """An old GitHub Enterprise Server: all that changed since QA began counts as QA's."""
    keeps_no_record(monkeypatch)
    one = played(tmp_path, Team(does={"test": writes("program.py", "x = 1\n")}), merge=False)
    one.assert_not_approved()
    assert "QA may change only tests, but changed 1 file outside the tests' paths" in one.reason


def test_qa_adds_tests_where_github_keeps_no_record_of_pushes(tmp_path, monkeypatch):
    keeps_no_record(monkeypatch)
    one = played(
        tmp_path, Team(does={"test": writes("tests/test_it.py", "def test_it():\n    assert 1\n")}), merge=False
    )
    assert one.state == "approved", one.reason


def test_the_record_of_pushes_lacks_the_beginning(tmp_path, monkeypatch):
    """Who pushed what it lacks nobody can say: it counts as QA's."""
    whole = pushes.life
    monkeypatch.setattr(pushes, "life", lambda *args: whole(*args)[1:])
    one = played(tmp_path, Team(does={"test": writes("tests/test_it.py", TEST)}), merge=False)
    one.assert_not_approved()
    assert "QA may change only tests, but changed 1 file outside the tests' paths" in one.reason


def test_the_record_of_pushes_is_whole(tmp_path):
    one = played(tmp_path, Team(does={"test": writes("tests/test_it.py", TEST)}), merge=False)
    assert one.state == "approved", one.reason


def test_agents_push_more_than_can_be_looked_through(tmp_path, monkeypatch):
    monkeypatch.setattr(pushed, "MOST", 1)
    one = played(tmp_path, Team(does={"test": writes("tests/test_it.py", TEST)}), merge=False)
    one.assert_not_approved()
    assert one.reason == "press-play/test-only: more than 1 pushes of agents' Apps since it was last passed"


def test_rex_takes_qas_test_out_by_a_forced_push(tmp_path):
    """What a forced push takes out shows in no comparison that begins where both parted."""
    team = Team(wants_changes={1: 1})
    team.does["test"] = writes("tests/test_qa.py", "def test_qa():\n    assert 2 == 2\n", once=True)

    done: list[str] = []

    def fix(tree: Path, env: Mapping[str, str]) -> None:
        if done or team.made is None:
            return
        done.append(git(tree, "rev-parse", "HEAD~1"))
        gh = team.made.sandbox.github.installation("rex", REPO, {"contents": "write"})
        moved = {"sha": done[0], "force": True}
        call(gh, "PATCH", f"/repos/{REPO}/git/refs/heads/{env['PRESSPLAY_BRANCH']}", json=moved)
        git(tree, "reset", "-q", "--hard", done[0])

    team.does["fix"] = fix
    one = played(tmp_path, team, merge=False)
    one.assert_not_approved()
    assert one.reason.startswith("press-play/test-only: rex weakened tests of this pull request that others wrote: 1 ")


def test_rex_takes_a_commit_of_his_own_out_by_a_forced_push(tmp_path):
    team = Team(wants_changes={1: 1})
    done: list[str] = []
    gone = pushing(team, "rex", {"notes.txt": b"first\n"})

    def takes_it_back(tree: Path, env: Mapping[str, str]) -> None:
        gone(tree, env)
        if done or team.made is None:
            return
        done.append(git(tree, "rev-parse", "HEAD"))
        gh = team.made.sandbox.github.installation("rex", REPO, {"contents": "write"})
        moved = {"sha": done[0], "force": True}
        call(gh, "PATCH", f"/repos/{REPO}/git/refs/heads/{env['PRESSPLAY_BRANCH']}", json=moved)

    team.does["fix"] = takes_it_back
    one = played(tmp_path, team, merge=False)
    assert one.state == "approved", one.reason
