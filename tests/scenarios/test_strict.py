"""GitHub's strict policy: the next to be merged is brought up to date, and its approval carries over (R5)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from base_moves import (
    LINTED,
    TAKES_AWAY,
    USES,
    adds,
    approved,
    commits_of_main,
    is_green,
    merges_the_base,
    played,
    states,
)
from harness import REPO, World, git, world
from killing import FULL, Murder, same_end
from people import person
from team import PR

from pressplay.clock import VirtualClock
from pressplay.domain.entries import Parked
from pressplay.github import checks, pulls
from pressplay.sandbox.setup import MAINTAINER

pytestmark = [pytest.mark.rule("R5"), pytest.mark.rule("FR10")]
BOT = "press-play[bot]"
ADDED = {"other.txt": b"theirs\n"}


def parents(repository: Path, sha: str) -> list[str]:
    return git(repository, "rev-parse", f"{sha}^@").split()


def updates(repository: Path, main: str = "main") -> list[str]:
    """The commits of a branch by which GitHub brought pull requests up to date, as the harness."""
    return git(
        repository, "log", "--format=%H", f"--author={BOT[:-5]}", "--grep=^Merge branch 'main' into", main
    ).split()


def test_two_that_break_each_other_and_one_that_gets_on_are_merged_up_to_date(tmp_path):
    changes = {1: TAKES_AWAY, 2: USES, 3: adds("gamma", 7)}
    made = played(tmp_path, changes, {"conflict": merges_the_base}, strategy="strict")
    summary = made.play()
    assert set(states(made, summary).values()) == {"merged"}
    repository = made.sandbox.forge.git_path(REPO)
    landed = commits_of_main(made)
    assert all(is_green(made, tmp_path, sha) for sha in landed)
    # GitHub saw to it that each was merged at a head that held all before it.
    for before, merge in [parents(repository, sha) for sha in landed[1:]]:
        git(repository, "merge-base", "--is-ancestor", before, merge)
    # Rex repaired the second; the third was brought up to date by itself, and nobody reviewed it again.
    roles = [line.split()[2] for line in made.starts()]
    assert roles.count("conflict") == 1
    assert len(updates(repository)) >= 1
    assert [line.split()[2] for line in made.starts() if line.split()[1] == "3"] == ["implement", "lint", "test"]
    made.sandbox.close()


def test_the_approval_carries_over_to_the_update_whoever_makes_it(tmp_path):
    waiting = approved(tmp_path, strategy="strict")
    repository, roles = waiting.made.sandbox.forge.git_path(REPO), waiting.flow.roles()
    before = waiting.flow.head
    tip = waiting.base(ADDED)
    head = waiting.rest()
    assert parents(repository, head) == [before, tip]
    assert updates(repository, head) == [head]
    assert waiting.state() == "success"
    text = waiting.flow.check("acceptance")["output"]["text"]
    for name in (before, tip, git(repository, "rev-parse", f"{head}^{{tree}}")):
        assert name in text
    # What runs is the update itself, and QA's approval is of it.
    assert f"serving {head}" in text
    assert waiting.flow.approvals()[-1] == head
    assert waiting.flow.check("test-only")["output"]["title"] == "Carried over"

    # A person presses Update branch before the harness gets to it.
    with person(waiting.made) as somebody:
        tip = waiting.base({"more.txt": b"theirs\n"})
        somebody.put(f"pulls/{PR}/update-branch", json={}).raise_for_status()
    pressed = waiting.rest()
    assert parents(repository, pressed) == [head, tip]
    assert (waiting.state(), waiting.flow.approvals()[-1]) == ("success", pressed)

    # A branch that a person moved is left to people from then on: what is green there says what to do.
    tip = waiting.base({"most.txt": b"theirs\n"})
    assert waiting.rest() == pressed
    assert waiting.state() == "success"
    text = waiting.flow.check("acceptance")["output"]["text"]
    assert f"Merged with `{tip}`" in text
    assert "once a person has pressed Update branch" in text
    assert not waiting.flow.can_be_merged()
    # No agent ran again for any of it.
    assert waiting.flow.roles() == roles


def test_what_github_refuses_is_parked_with_what_it_says_and_a_person_updates(tmp_path):
    waiting = approved(tmp_path, strategy="strict")
    head = waiting.flow.head
    waiting.base({".github/workflows/ci.yml": b"on: push\n"})
    assert waiting.rest() == head
    assert waiting.state() == "action_required"
    (parked,) = waiting.made.sandbox.context.ledger(REPO).entries("pr", PR).all(Parked)
    assert parked.reason == "GitHub refuses to merge main into its branch"
    assert parked.details is not None
    assert "refusing to allow a GitHub App to create or update workflow" in parked.details.detail
    assert not waiting.flow.can_be_merged()
    # It is not tried each minute, and a person may do it.
    assert waiting.known.tries <= 1
    with person(waiting.made) as somebody:
        somebody.put(f"pulls/{PR}/update-branch", json={}).raise_for_status()
    waiting.rest()
    assert waiting.state() == "success"
    assert waiting.flow.can_be_merged()


def test_what_came_in_between_is_judged_before_the_approval_carries_over(tmp_path, monkeypatch):
    """The base branch moves on after the judgement: GitHub merges what is there then, and that does not hold."""
    waiting = approved(tmp_path, strategy="strict")
    before, moved, ask = waiting.flow.head, list[str](), pulls.update_branch

    def update(*arguments: Any) -> None:
        moved.append(waiting.base({"ugly.txt": b"theirs\n"}))
        ask(*arguments)

    monkeypatch.setattr(pulls, "update_branch", update)
    waiting.base(ADDED)
    states_: list[str] = []
    waiting.made.sandbox.run(lambda: bool(moved) and waiting.flow.head != before)
    waiting.made.sandbox.run(lambda: waiting.state() == "action_required", lambda: states_.append(waiting.state()))
    head = waiting.rest()
    assert parents(waiting.made.sandbox.forge.git_path(REPO), head) == [before, *moved]
    assert "success" not in states_
    assert waiting.flow.get(f"/commits/{head}/check-runs?check_name=press-play/lint")["check_runs"] == []
    assert not waiting.flow.can_be_merged()
    # Rex was to repair it, and changed nothing.
    assert waiting.flow.roles()[3:] == ["conflict"]


def reads(made: World) -> list[str]:
    """The merges that a step without a key tried."""
    return [
        node["inputs"]["parameters"][0]["value"]
        for workflow in made.sandbox.cluster.list("Workflow", "press-play")
        for node in workflow.get("status", {}).get("nodes", {}).values()
        if (node["type"], node.get("templateName"), node["phase"]) == ("Pod", "gate-merge-read", "Succeeded")
    ]


def test_where_no_gate_judges_merges_the_tree_alone_says_that_it_is_an_update(tmp_path):
    waiting = approved(tmp_path, gates={}, strategy="strict")
    before, tip, roles = waiting.flow.head, waiting.base(ADDED), waiting.flow.roles()
    head = waiting.rest()
    assert parents(waiting.made.sandbox.forge.git_path(REPO), head) == [before, tip]
    assert (waiting.state(), waiting.flow.approvals()[-1]) == ("success", head)
    assert waiting.flow.roles() == roles
    assert len(reads(waiting.made)) == 1


@pytest.mark.parametrize("gates", [LINTED, {}], ids=["judged", "not judged"])
@pytest.mark.parametrize("other", [ADDED, {"CHANGES.md": b"theirs\n"}], ids=["merges", "conflicts"])
def test_a_merge_that_git_would_not_make_is_reviewed_like_any_other_head(tmp_path, gates, other):
    """Its parents are the right ones, and something else came in with it."""
    waiting = approved(tmp_path, gates=gates, strategy="strict")
    before = waiting.flow.head
    repository = waiting.made.sandbox.forge.git_path(REPO)
    work = tmp_path / "work"
    git(tmp_path, "clone", "-q", str(repository), str(work))
    branch = waiting.flow.get(f"/pulls/{PR}")["head"]["ref"]
    git(work, "checkout", "-q", branch)
    tip = waiting.base(other)
    git(work, "fetch", "-q", "origin", "main")
    git(work, "merge", "-q", "--no-commit", "--no-ff", "-s", "ours", "FETCH_HEAD")
    (work / "backdoor.py").write_text("PASSWORD = 'x'\n")
    git(work, "add", "-A")
    git(work, "commit", "-qm", f"Merge branch 'main' into {branch}")
    evil = git(work, "rev-parse", "HEAD")
    assert parents(work, evil) == [before, tip]
    git(work, "push", "-q", "origin", branch)
    waiting.made.sandbox.forge.sync(REPO, MAINTAINER)
    conclusions = set[str]()

    def watch() -> None:
        checks_ = waiting.flow.get(f"/commits/{evil}/check-runs?check_name=press-play/acceptance")["check_runs"]
        conclusions.update(str(check["conclusion"]) for check in checks_)

    waiting.made.sandbox.run(lambda: bool(waiting.flow.roles()[3:]), watch)
    assert "success" not in conclusions
    # What follows is a review as of any head.
    assert waiting.rest() == evil
    assert waiting.flow.check("test-only")["output"]["title"] != "Carried over"


@pytest.mark.rule("R3")
@pytest.mark.rule("R1")
def test_killed_at_commit_points_the_update_comes_to_the_same_end(tmp_path):
    start = tmp_path / "start"
    start.mkdir()
    waiting = approved(start, strategy="strict")
    before, tip = waiting.flow.head, waiting.base(ADDED)
    now = waiting.made.sandbox.clock.now()
    waiting.made.sandbox.close()
    settings = {"defaults": {**LINTED, "base": {"strategy": "strict"}}}

    def life(state: Path, murder: Murder) -> None:
        clock = VirtualClock(now)
        made = world(state, None, clock, murder, settings=settings, merge=False)
        made.sandbox.run(lambda: clock.now() >= now + 400 and made.sandbox.only_people_are_waited_for())
        made.sandbox.close()

    def end(state: Path) -> tuple[Any, ...]:
        made = world(state, None, VirtualClock(now + 1000), settings=settings, merge=False)
        gh = made.sandbox.context.harness(REPO, checks="read", pull_requests="read")
        head = pulls.pull(gh, REPO, PR).head_sha
        check = checks.own(gh, REPO, head, "press-play/acceptance")
        left = made.sandbox.cluster.list("PersistentVolumeClaim", "")
        starts = [line.split()[2] for line in made.starts()]
        repository = made.sandbox.forge.git_path(REPO)
        made.sandbox.close()
        return check and check.conclusion, parents(repository, head) == [before, tip], len(left), starts

    expected = same_end(
        start / "state", tmp_path, life, end, step=1 if FULL else 5, spared=lambda kills: max(1, kills // 10)
    )
    assert expected == ("success", True, 0, ["implement", "lint", "test"])
