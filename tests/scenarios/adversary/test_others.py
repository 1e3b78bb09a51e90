"""Nobody else is blocked by the required check, and nobody gets an agent's work through as somebody else's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from harness import REPO, World, after, project, task, world
from people import agent, bot, fork_pull, opened, person, push
from team import Played, Team

from pressplay.github import refs
from pressplay.github.calls import call

pytestmark = pytest.mark.rule("R5")
GREEN = ("success", "Not under Press Play")


def installation(tmp_path: Path, **options: Any) -> Played:
    """An installation on which nothing is played."""
    made = world(tmp_path / "state", Team(), source=project(tmp_path, [task(1)]), merge=False, **options)
    after(made, 1)
    return Played(made, None, Team(made=made))  # type: ignore[arg-type]


def of_person(made: World, branch: str = "by-hand") -> int:
    with person(made) as api:
        sha = api.get("git/ref/heads/main").json()["object"]["sha"]
        api.post("git/refs", json={"ref": f"refs/heads/{branch}", "sha": sha}).raise_for_status()
        content = {"message": "Mine", "content": "bWluZQo=", "branch": branch}
        api.put(f"contents/{branch}.txt", json=content).raise_for_status()
        answer = api.post("pulls", json={"title": branch, "head": branch, "base": "main", "body": ""})
        return int(answer.json()["number"])


def of_bot(made: World, name: str) -> tuple[Any, int, str]:
    gh, branch = bot(made, name), f"{name}/npm/left-pad-2"
    push(gh, made, branch, path="package-lock.json")
    return gh, opened(gh, branch), branch


def head_of(played: Played, number: int) -> str:
    return str(played.get(f"/pulls/{number}")["head"]["sha"])


def check(played: Played, number: int) -> tuple[str | None, str]:
    run = played.check("acceptance", head_of(played, number))
    return run["conclusion"], run["output"]["title"]


def test_a_persons_pull_request_is_green_within_a_minute_and_can_be_merged_after_a_review(tmp_path):
    played = installation(tmp_path)
    number = of_person(played.made)
    after(played.made, 1)
    assert check(played, number) == GREEN
    forge = played.made.sandbox.forge
    forge.create_user("colleague")
    forge.grant(REPO, "colleague", "write")
    with person(played.made, "colleague") as api:
        api.post(f"pulls/{number}/reviews", json={"event": "APPROVE"}).raise_for_status()
        assert api.put(f"pulls/{number}/merge", json={}).status_code == 200


def test_a_forks_pull_request_is_green(tmp_path):
    played = installation(tmp_path)
    number = fork_pull(played.made, "stranger")
    after(played.made, 1)
    assert check(played, number) == GREEN


@pytest.mark.parametrize("name", ["dependabot", "renovate"])
def test_another_bots_pull_request_is_green_and_stays_so_after_its_own_push(tmp_path, name):
    played = installation(tmp_path)
    gh, number, branch = of_bot(played.made, name)
    after(played.made, 1)
    assert check(played, number) == GREEN
    push(gh, played.made, branch, on=branch, path="more.txt")
    after(played.made, 1)
    assert check(played, number) == GREEN


def test_where_every_pull_request_is_to_be_reviewed_a_persons_asks_for_the_label(tmp_path):
    played = installation(tmp_path, settings={"defaults": {"others": "require"}})
    number = of_person(played.made)
    after(played.made, 1)
    assert check(played, number) == ("action_required", "Every pull request is reviewed here")


def test_a_persons_label_takes_the_green_check_back_and_starts_a_review(tmp_path):
    played = installation(tmp_path)
    number = of_person(played.made)
    after(played.made, 1)
    person(played.made).post(f"issues/{number}/labels", json={"labels": ["press-play"]}).raise_for_status()
    played.made.sandbox.run(lambda: check(played, number) == (None, "Under review"))
    after(played.made, 20)
    assert check(played, number)[0] == "success"
    assert played.get(f"/pulls/{number}/reviews")[-1]["state"] == "APPROVED"


def test_an_agent_that_pushes_to_a_bots_branch_as_the_bot_makes_it_ours(tmp_path):
    """Whom a commit names is its maker's choice; who pushed, GitHub tells."""
    played = installation(tmp_path)
    _gh, number, branch = of_bot(played.made, "dependabot")
    after(played.made, 1)
    assert check(played, number) == GREEN
    rex = agent(played.made, "rex")
    tree = call(rex, "GET", f"/repos/{REPO}/git/commits/{head_of(played, number)}")["tree"]["sha"]
    who = {"name": "dependabot[bot]", "email": "49699333+dependabot[bot]@users.noreply.github.com"}
    forged = call(
        rex,
        "POST",
        f"/repos/{REPO}/git/commits",
        json={
            "message": "Bump",
            "tree": tree,
            "parents": [head_of(played, number)],
            "author": who,
            "committer": who,
        },
    )
    call(rex, "PATCH", f"/repos/{REPO}/git/refs/heads/{branch}", json={"sha": forged["sha"]})
    after(played.made, 1)
    assert check(played, number) == ("action_required", "It holds an agent's commits")
    assert "rex[bot]" in played.check("acceptance", head_of(played, number))["output"]["summary"]


def test_an_agent_that_pushes_to_a_persons_branch_makes_it_ours(tmp_path):
    played = installation(tmp_path)
    number = of_person(played.made)
    push(agent(played.made, "qa-agent"), played.made, "by-hand", on="by-hand", path="more.txt")
    after(played.made, 1)
    assert check(played, number) == ("action_required", "It holds an agent's commits")


def test_a_persons_pull_request_of_an_agents_commits_is_ours(tmp_path):
    played = installation(tmp_path)
    push(agent(played.made, "rex"), played.made, "from-rex", path="rex.txt")
    with person(played.made) as api:
        answer = api.post("pulls", json={"title": "x", "head": "from-rex", "base": "main", "body": ""})
    after(played.made, 1)
    assert check(played, answer.json()["number"]) == ("action_required", "It holds an agent's commits")


def test_an_agents_pull_request_that_nothing_asked_for_is_held(tmp_path):
    played = installation(tmp_path)
    rex = agent(played.made, "rex")
    push(rex, played.made, "sneaky", path="sneaky.txt")
    number = opened(rex, "sneaky")
    after(played.made, 1)
    assert check(played, number) == ("action_required", "Nobody asked for this pull request")


def test_an_agent_that_opens_a_pull_request_of_a_bots_green_commit_gets_no_green_check(tmp_path):
    played = installation(tmp_path)
    _gh, number, branch = of_bot(played.made, "dependabot")
    after(played.made, 1)
    assert check(played, number) == GREEN
    rex = agent(played.made, "rex")
    call(
        rex,
        "POST",
        f"/repos/{REPO}/git/refs",
        json={"ref": "refs/heads/copy", "sha": refs.head(rex, REPO, branch)},
    )
    copy = opened(rex, "copy")
    after(played.made, 2)
    assert check(played, copy) == ("action_required", "Nobody asked for this pull request")
    told = [comment["body"] for comment in played.get(f"/issues/{number}/comments")]
    assert any(f"The head of this pull request is that of #{copy}, too" in text for text in told)


def test_a_fork_that_carries_the_label_is_told_that_forks_are_not_reviewed(tmp_path):
    played = installation(tmp_path)
    number = fork_pull(played.made, "stranger")
    person(played.made).post(f"issues/{number}/labels", json={"labels": ["press-play"]}).raise_for_status()
    after(played.made, 1)
    assert check(played, number) == ("action_required", "Forks are not reviewed")


def test_an_agent_that_labels_a_persons_pull_request_does_not_block_it(tmp_path):
    played = installation(tmp_path)
    number = of_person(played.made)
    qa = agent(played.made, "qa-agent", pull_requests="write")
    call(qa, "POST", f"/repos/{REPO}/issues/{number}/labels", json={"labels": ["press-play"]})
    after(played.made, 1)
    assert check(played, number) == GREEN


def test_a_strangers_fork_with_an_approved_head_voids_the_approval_where_its_base_is_another(tmp_path):
    made = world(tmp_path / "state", Team(), source=project(tmp_path, [task(1)]), merge=False)
    played = Played(made, made.play(), Team(made=made))
    assert played.check("acceptance")["conclusion"] == "success"
    rex = agent(made, "rex")
    call(
        rex, "POST", f"/repos/{REPO}/git/refs", json={"ref": "refs/heads/release", "sha": refs.head(rex, REPO, "main")}
    )
    number = fork_pull(made, "stranger", base="release", head=played.head)
    after(made, 2)
    assert played.check("acceptance")["conclusion"] == "action_required"
    assert not played.can_be_merged()
    told = [comment["body"] for comment in played.get(f"/issues/{number}/comments")]
    assert any("The head of this pull request is that of #1, too" in text for text in told)
