"""Pull requests that a merge queue merges, from the press to the merge (R2, R3, R5)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from base_moves import TAKES_AWAY, USES, adds, commits_of_main, is_green, played
from harness import REPO, Deaf, World, after, project, task, world
from merge_queues import Queue, rule
from people import agent, person

from pressplay.github import refs
from pressplay.sandbox.setup import MAINTAINER
from pressplay.sandbox.summary import summarize
from pressplay.steps.core.approvals import ACCEPTANCE_CHECK

pytestmark = pytest.mark.rule("R5")


def queue(made: World, login: str = MAINTAINER, **parameters: object) -> Queue:
    """The repository's merge queue, as somebody."""
    if parameters or login == MAINTAINER:
        made.sandbox.forge.create_ruleset(REPO, "queue", rules=[rule(**parameters)])
    return Queue(person(made, login), made.sandbox.settings.github.api_url, REPO)


def approved(tmp_path: Path, count: int = 2, **options: Any) -> World:
    """A play whose tasks are approved, and that waits for people to merge."""
    source = project(tmp_path, [task(number + 1) for number in range(count)])
    made = world(tmp_path / "state", source=source, merge=False, **options)
    made.play()
    assert [result.state for result in summarize(made.sandbox).tasks] == ["approved"] * count
    return made


def check(made: World, commit: str) -> dict[str, Any] | None:
    with person(made) as api:
        runs = api.get(f"commits/{commit}/check-runs", params={"check_name": ACCEPTANCE_CHECK}).json()["check_runs"]
    return runs[0] if runs else None


def reasons(made: World) -> list[str]:
    """Why entries were thrown out of the queue."""
    return [
        event.payload["reason"] for event in made.sandbox.forge.events() if event.payload.get("action") == "dequeued"
    ]


def labels(made: World, number: int) -> list[str]:
    with person(made) as api:
        return [label["name"] for label in api.get(f"issues/{number}").json()["labels"]]


def on_pull(made: World, number: int) -> str:
    """All comments on a pull request."""
    with person(made) as api:
        return "\n".join(comment["body"] for comment in api.get(f"issues/{number}/comments").json())


def main(made: World) -> str:
    return refs.head(agent(made, "rex"), REPO, "main")


@pytest.mark.parametrize("method", ["MERGE", "SQUASH", "REBASE"])
def test_two_approved_pull_requests_are_merged_by_a_queue(tmp_path, method):
    linted = {"defaults": {"lint": {"enabled": True, "commands": ["test -e README.md"]}}}
    made = approved(tmp_path, settings=linted)
    entered = queue(made, merge_method=method)
    for number in (1, 2):
        assert "errors" not in entered.enter(number)
    groups = [entered.group(1)[1], entered.group(2)[1]]
    made.settle()
    assert [result.state for result in summarize(made.sandbox).tasks] == ["merged", "merged"]
    assert main(made) == groups[1]
    assert reasons(made) == []
    for group in groups:
        given = check(made, group)
        assert given is not None
        assert (given["conclusion"], given["external_id"]) == ("success", "merge-group")


def test_a_play_names_a_queue_that_waits_too_short(tmp_path):
    made = world(tmp_path / "state", source=project(tmp_path, [task(1)]), merge=False)
    queue(made, check_response_timeout_minutes=1)
    made.play()
    assert [line for line in made.said if "the merge queue of main waits 1 minutes for checks" in line]


@pytest.mark.rule("R2")
def test_a_group_whose_event_was_lost_is_answered_within_two_minutes(tmp_path):
    made = approved(tmp_path, 1)
    entered = queue(made)
    # `reconcile` looks for a new queue every quarter of an hour.
    after(made, 16)
    made.sandbox.network = Deaf(made.sandbox.network.hook)
    entered.enter(1)
    began = made.sandbox.clock.now()
    made.sandbox.run(lambda: not entered.entries())
    assert summarize(made.sandbox).tasks[0].pr == 1
    assert made.sandbox.clock.now() - began <= 120


def test_a_group_of_strangers_is_answered_and_runs_no_gate(tmp_path):
    made = approved(tmp_path, 1)
    number = of_person(made)
    after(made, 1)
    entered = queue(made)
    assert "errors" not in entered.enter(number)
    commit = entered.group(number)[1]
    after(made, 1)
    given = check(made, commit)
    assert given is not None
    assert (given["conclusion"], given["external_id"]) == ("success", "not-under-press-play")
    assert main(made) == commit


def test_a_group_upon_one_of_ours_is_judged_with_it(tmp_path):
    made = approved(tmp_path, 1)
    number = of_person(made)
    after(made, 1)
    entered = queue(made)
    entered.enter(1)
    entered.enter(number)
    commit = entered.group(number)[1]
    made.settle()
    given = check(made, commit)
    assert given is not None
    assert (given["conclusion"], given["external_id"]) == ("success", "merge-group")
    assert main(made) == commit


def of_person(made: World, branch: str = "by-hand") -> int:
    """A pull request that nobody asked Press Play to review."""
    with person(made) as api:
        sha = api.get("git/ref/heads/main").json()["object"]["sha"]
        api.post("git/refs", json={"ref": f"refs/heads/{branch}", "sha": sha}).raise_for_status()
        content = {"message": "Mine", "content": "bWluZQo=", "branch": branch}
        api.put(f"contents/{branch}.txt", json=content).raise_for_status()
        answer = api.post("pulls", json={"title": branch, "head": branch, "base": "main", "body": ""})
        number = int(answer.json()["number"])
    made.sandbox.forge.create_user("colleague")
    made.sandbox.forge.grant(REPO, "colleague", "write")
    with person(made, "colleague") as api:
        api.post(f"pulls/{number}/reviews", json={"event": "APPROVE"}).raise_for_status()
    return number


def test_of_five_two_break_each_other_and_the_queue_merges_all_but_one_with_main_green_each_time(tmp_path):
    changes = {1: TAKES_AWAY, 2: USES, **{number: adds(f"plus{number}", number + 3) for number in (3, 4, 5)}}
    made = played(tmp_path, changes, merge=False, strategy="off")
    made.play()
    assert [result.state for result in summarize(made.sandbox).tasks] == ["approved"] * 5
    entered = queue(made)
    for number in changes:
        entered.enter(number)
    second = entered.group(2)[1]
    made.settle()
    assert [result.state for result in summarize(made.sandbox).tasks] == ["merged", "parked", *["merged"] * 3]
    commits = commits_of_main(made)
    assert len(commits) == 5
    assert all(is_green(made, tmp_path, sha) for sha in commits)
    assert not is_green(made, tmp_path, second)
    given = check(made, second)
    assert given is not None
    assert given["conclusion"] == "failure"
    assert "press-play/tests" in given["output"]["summary"]
    assert reasons(made) == ["CI_FAILURE"]
    assert "press-play/parked" in labels(made, 2)
    assert "press-play/tests: 1 new or changed test fail" in on_pull(made, 2)
    made.sandbox.close()
