"""Attacks on "this task has landed": merged elsewhere, by somebody who must not, for an earlier backlog, or undone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from harness import REPO, Deaf, World, after, project, task, world
from people import agent, merge, opened, person, push, retarget
from team import Played, Team

from pressplay.github import refs
from pressplay.github.calls import call
from pressplay.sandbox.summary import TaskResult, summarize

pytestmark = pytest.mark.rule("R5")
PR = 1


def two_tasks(tmp_path: Path, team: Team | None = None, **options: Any) -> Played:
    """A play of two tasks, the second of which depends on the first; nobody merges but the test."""
    team = team or Team()
    made = team.made = world(
        tmp_path / "state", team, source=project(tmp_path, [task(1), task(2, 1)]), merge=False, **options
    )
    return Played(made, made.play(), team)


def first(played: Played) -> TaskResult:
    return summarize(played.made.sandbox).tasks[0]


def branch(made: World, name: str) -> None:
    head = refs.head(agent(made, "rex"), REPO, "main")
    call(agent(made, "rex"), "POST", f"/repos/{REPO}/git/refs", json={"ref": f"refs/heads/{name}", "sha": head})


def started(played: Played) -> set[str]:
    return {line.split()[1] for line in played.made.starts()}


def person_merges(played: Played, number: int = PR) -> None:
    answered = person(played.made).put(f"pulls/{number}/merge", json={})
    assert answered.status_code == 200, answered.text


def on_pull(played: Played, number: int = PR) -> str:
    return "\n".join(comment["body"] for comment in played.get(f"/issues/{number}/comments"))


def test_a_task_whose_pull_request_a_person_merged_into_main_has_landed(tmp_path):
    played = two_tasks(tmp_path)
    person_merges(played)
    played.go_on()
    assert [result.state for result in played.summary.tasks] == ["merged", "approved"]
    assert started(played) == {"1", "2"}


def test_an_agent_that_merges_its_unreviewed_pull_request_into_a_branch_of_its_own_has_landed_nothing(tmp_path):
    team = Team()

    def lint(_tree: Path, _env: Mapping[str, str]) -> None:
        assert team.made is not None
        gh = agent(team.made, "rex")
        if "release" not in [one["name"] for one in person(team.made).get("branches").json()]:
            branch(team.made, "release")
            retarget(gh, PR, "release")
            merge(gh, PR)

    team.does["lint"] = lint
    played = two_tasks(tmp_path, team)
    assert (first(played).state, first(played).reason) == (
        "parked",
        "pull request #1 was merged into release, not main",
    )
    assert started(played) == {"1"}
    assert "was merged into release, not main" in on_pull(played)
    # The next press plays it again.
    assert played.made.play().tasks[0].pr == 2
    assert "task 1 is not taken as done: #1 was merged into release, not main" in played.made.said


def test_a_maintainer_who_merges_an_approved_pull_request_elsewhere_is_told_and_dependents_wait(tmp_path):
    played = two_tasks(tmp_path)
    branch(played.made, "release")
    person(played.made).patch(f"pulls/{PR}", json={"base": "release"}).raise_for_status()
    person_merges(played)
    played.go_on()
    assert (first(played).state, first(played).reason) == (
        "parked",
        "pull request #1 was merged into release, not main",
    )
    assert started(played) == {"1"}


def unguarded(made: World) -> None:
    """Take the rulesets away: what stops an agent then is the answer alone."""
    with person(made) as api:
        for ruleset in api.get("rulesets").json():
            api.delete(f"rulesets/{ruleset['id']}").raise_for_status()


def test_an_agent_that_merges_into_main_where_no_ruleset_keeps_it_from_it_has_landed_nothing(tmp_path):
    played = two_tasks(tmp_path)
    unguarded(played.made)
    merge(agent(played.made, "rex"), PR)
    played.go_on()
    assert (first(played).state, first(played).reason) == (
        "parked",
        "pull request #1 was merged by rex[bot], an App of Press Play's: only people merge",
    )
    assert started(played) == {"1"}


@pytest.mark.parametrize(("entered_by", "state"), [("maintainer", "merged"), ("rex[bot]", "parked")])
def test_a_merge_queue_counts_as_whoever_entered_the_pull_request(tmp_path, entered_by, state):
    played = two_tasks(tmp_path)
    person_merges(played)
    played.made.sandbox.forge.merged_by_queue(REPO, PR, entered_by)
    played.go_on()
    assert first(played).state == state


def test_a_pull_request_of_an_earlier_backlog_with_the_same_branch_is_not_this_tasks(tmp_path):
    """Ids start at 1 in each backlog."""
    source = project(tmp_path, [task(1), task(2, 1)])
    made = world(tmp_path / "state", Team(), source=source, merge=False, settings={"allowUnprotected": True})
    unguarded(made)
    push(agent(made, "rex"), made, "feature/task-1-implementation", path="old.txt")
    number = opened(agent(made, "rex"), "feature/task-1-implementation")
    assert person(made).put(f"pulls/{number}/merge", json={}).status_code == 200
    made.sandbox.forge.sync(REPO)
    played = Played(made, made.play(), Team(made=made))
    assert started(played) == {"1"}
    assert first(played).pr == 2
    said = "task 1 is not taken as done: #1 was merged from its branch, but not for this task: Press Play has no record"
    assert any(line.startswith(said) for line in made.said)


def test_a_merge_that_was_taken_out_of_main_again_is_not_done_at_the_next_press(tmp_path):
    played = two_tasks(tmp_path, settings={"allowUnprotected": True})
    before = refs.head(agent(played.made, "rex"), REPO, "main")
    person_merges(played)
    played.go_on()
    unguarded(played.made)
    person(played.made).patch("git/refs/heads/main", json={"sha": before, "force": True}).raise_for_status()
    result = first(played)
    assert result.state == "parked"
    assert "which is not part of main any more" in result.reason
    played.made.play(mode="show")
    assert any(line.startswith("task 1 is not taken as done: #1 was merged as ") for line in played.made.said)


def test_a_task_that_is_asked_for_by_name_is_played_again_though_it_has_landed(tmp_path):
    played = two_tasks(tmp_path)
    person_merges(played)
    played.go_on()
    person_merges(played, 2)
    played.go_on()
    assert [result.state for result in played.summary.tasks] == ["merged", "merged"]
    summary = played.made.play(tasks="1")
    assert "played again, because they were asked for by name: 1 (#1)" in played.made.said
    assert (summary.tasks[0].state, summary.tasks[0].pr) == ("approved", 3)
    assert summary.tasks[1].state == "merged"


def changed_base(made: World) -> None:
    branch(made, "release")
    retarget(agent(made, "rex"), PR, "release")


def second_pull(made: World) -> None:
    branch(made, "release")
    opened(agent(made, "rex"), "feature/task-1-implementation", "release")


@pytest.mark.parametrize(
    ("attack", "reason"),
    [
        (changed_base, "its base branch is release, and it was reviewed for main"),
        (
            second_pull,
            "pull request #2 leads the same commit into release, where its check would count, too",
        ),
    ],
    ids=["base", "twin"],
)
@pytest.mark.parametrize("heard", [True, False], ids=["event", "no-event"])
def test_what_was_approved_for_main_is_void_for_another_branch(tmp_path, attack, reason, heard):
    played = two_tasks(tmp_path)
    assert played.check("acceptance")["conclusion"] == "success"
    if not heard:
        played.made.sandbox.network = Deaf(played.made.sandbox.network.hook)
    attack(played.made)
    after(played.made, 2)
    assert played.check("acceptance")["conclusion"] == "action_required"
    assert played.approvals() == []
    assert reason in on_pull(played)
    # Set right again it is still a person's turn; then what was proven before counts.
    person(played.made).patch(f"pulls/{PR}", json={"base": "main"})
    person(played.made).patch("pulls/2", json={"state": "closed"})
    after(played.made, 2)
    assert not played.can_be_merged()
    person(played.made).post(f"issues/{PR}/comments", json={"body": "/press-play retry"}).raise_for_status()
    after(played.made, 10)
    assert played.check("acceptance")["conclusion"] == "success"
    assert played.can_be_merged()
