"""Attacks by a merge of the base into a pull request's branch, and what an honest merge does (R5, R6)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from conflicts import BASE, FILE, TESTS, Conflicting, Writers, first_merged
from harness import REPO, git

from pressplay.github import refs
from pressplay.github.calls import call

pytestmark = pytest.mark.rule("R5")


def assert_parked(state: Conflicting, reason: str, path: str = "") -> None:
    check = state.check(2)
    assert check["conclusion"] == "action_required"
    assert reason in check["output"]["summary"]
    (comment,) = [text for text in state.comments(2) if "parked this pull request" in text]
    assert path in comment
    assert "press-play/parked" in state.labels(2)


def test_rex_merges_the_base_and_keeps_both_sides(tmp_path):
    state = first_merged(tmp_path)
    assert state.check(2)["conclusion"] == "success"
    state.merge(2)
    assert state.changes() == ["- task 1", "- task 2"]


def drops_all_of_the_base(_: Writers, tree: Path, env: Mapping[str, str]) -> None:
    git(tree, "merge", "-q", "--no-edit", "-s", "ours", f"origin/{env['PRESSPLAY_BASE']}")


def test_rex_merges_the_base_and_drops_what_it_brings(tmp_path):
    """`git merge -s ours`: the base is part of the branch, and nothing of it is there."""
    assert_parked(
        first_merged(tmp_path, drops_all_of_the_base),
        "press-play/test-only: a merge of main does not keep what it has in files without a conflict",
        "task_1_implement_1.txt",
    )


def pushes_by_force(writers: Writers, tree: Path, env: Mapping[str, str]) -> None:
    """A rebase: what a push of the runner's never does, an agent with a token can."""
    assert writers.made is not None
    gh = writers.made.sandbox.github.installation("rex", REPO, {"contents": "write"})
    text = f"{BASE}- task 1\n- task 2\n".encode()
    rebased = refs.commit_files(gh, REPO, "rebased", {FILE: text}, "Task 2", refs.head(gh, REPO, "main"))
    moved = {"sha": rebased, "force": True}
    call(gh, "PATCH", f"/repos/{REPO}/git/refs/heads/{env['PRESSPLAY_BRANCH']}", json=moved)
    git(tree, "reset", "-q", "--hard", rebased)


def test_rex_rebases_and_pushes_by_force(tmp_path):
    state = first_merged(tmp_path, pushes_by_force)
    assert_parked(state, "rex: the branch was pushed by force")
    assert state.roles().count("conflict") == 1


def a_test(tree: Path, number: str) -> None:
    file = tree / TESTS
    file.write_text(f"{file.read_text()}\n\ndef test_{number}():\n    assert {number} == {number}\n")


def takes_its_own_side(_: Writers, tree: Path, env: Mapping[str, str]) -> None:
    git(tree, "merge", "-q", "--no-edit", "-X", "ours", f"origin/{env['PRESSPLAY_BASE']}")


@pytest.mark.rule("R6")
def test_rex_resolves_by_dropping_the_others_test(tmp_path):
    """A dropped line of the program is for the base's tests to notice; a dropped test the harness compares itself."""
    state = first_merged(tmp_path, takes_its_own_side, adds=a_test)
    assert_parked(state, "press-play/test-only: the tests are weaker than on main: ")
    # Rex had one chance to put it back.
    assert state.roles().count("fix") == 1


@pytest.mark.rule("R6")
def test_rex_resolves_by_keeping_both_tests(tmp_path):
    state = first_merged(tmp_path, adds=a_test)
    assert state.check(2)["conclusion"] == "success"
    assert state.roles().count("fix") == 0
