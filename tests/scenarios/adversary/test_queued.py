"""Attacks on the merge queue: who enters what, what a group brings along, and commits that are no group's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from harness import REPO, World, after, project, task, world
from merge_queues import Queue, rule
from people import agent, bot, opened, person

from pressplay.github import checks
from pressplay.github.calls import call
from pressplay.sandbox.summary import summarize
from pressplay.steps.core.approvals import ACCEPTANCE_CHECK

pytestmark = pytest.mark.rule("R5")


def approved(tmp_path: Path, count: int = 1) -> World:
    """Approved pull requests, and a branch with a merge queue."""
    source = project(tmp_path, [task(number + 1) for number in range(count)])
    made = world(tmp_path / "state", source=source, merge=False)
    made.play()
    made.sandbox.forge.create_ruleset(REPO, "queue", rules=[rule()])
    return made


def queue(made: World, by: Any = None) -> Queue:
    return Queue(by or person(made), made.sandbox.settings.github.api_url, REPO)


class AsApp(Queue):
    """The queue as an App, by its key."""

    def __init__(self, made: World, app: str) -> None:
        super().__init__(person(made), made.sandbox.settings.github.api_url, REPO)
        self._gh = agent(made, app)

    def ask(self, query: str, **variables: object) -> dict[str, Any]:
        return {"data": self._gh.graphql.request(query, variables)}


def check(made: World, commit: str) -> dict[str, Any] | None:
    with person(made) as api:
        runs = api.get(f"commits/{commit}/check-runs", params={"check_name": ACCEPTANCE_CHECK}).json()["check_runs"]
    return dict(runs[0]) if runs else None


def is_merged(made: World, number: int) -> bool:
    with person(made) as api:
        return bool(api.get(f"pulls/{number}").json()["merged"])


def labels(made: World, number: int) -> list[str]:
    with person(made) as api:
        return [label["name"] for label in api.get(f"issues/{number}").json()["labels"]]


def on_pull(made: World, number: int) -> str:
    with person(made) as api:
        return "\n".join(comment["body"] for comment in api.get(f"issues/{number}/comments").json())


def set_check(made: World, commit: str, conclusion: str, external_id: str) -> None:
    """The harness's check on a commit, as something before made it."""
    gh = made.sandbox.context.harness(REPO, checks="write")
    words = {"title": "t", "summary": "s", "details_url": "https://x.example", "external_id": external_id}
    checks.set_check(gh, REPO, ACCEPTANCE_CHECK, commit, conclusion=conclusion, **words)


def test_what_a_person_enters_is_merged(tmp_path):
    made = approved(tmp_path)
    queue(made).enter(1)
    made.settle()
    assert is_merged(made, 1)
    assert summarize(made.sandbox).tasks[0].state == "merged"


def test_what_an_agent_enters_is_taken_out_and_parked(tmp_path):
    made = approved(tmp_path)
    entered = AsApp(made, "rex")
    entered.enter(1)
    commit = queue(made).group(1)[1]
    made.settle()
    assert not is_merged(made, 1)
    assert queue(made).order() == []
    given = check(made, commit)
    assert given is not None
    assert given["conclusion"] == "failure"
    assert "entered into the merge queue by rex[bot]" in given["output"]["summary"]
    assert "press-play/parked" in labels(made, 1)
    assert "only people merge" in on_pull(made, 1)


def test_an_agent_that_enters_a_persons_entry_anew_is_the_one_that_counts(tmp_path):
    made = approved(tmp_path)
    queue(made).enter(1)
    rex = AsApp(made, "rex")
    rex.leave(1)
    rex.enter(1)
    made.settle()
    assert not is_merged(made, 1)


def submit(made: World, commit: str) -> None:
    """The flow on a commit of anybody's, as a forged event would start it."""
    made.sandbox.submit("merge-group", f"merge-group-{commit[:12]}", {"repo": REPO, "commit": commit})
    after(made, 1)


def made_commit(made: World, branch: str, on: str) -> str:
    """A commit of a writer's on a branch of a queue's name, by an agent's key."""
    gh = agent(made, "rex")
    call(gh, "POST", f"/repos/{REPO}/git/refs", json={"ref": f"refs/heads/{branch}", "sha": on})
    content = {"message": "Merge", "content": "eA==", "branch": branch}
    return str(call(gh, "PUT", f"/repos/{REPO}/contents/evil.txt", json=content)["commit"]["sha"])


def test_a_branch_of_a_groups_name_is_no_group(tmp_path):
    made = approved(tmp_path)
    with person(made) as api:
        head = api.get("git/ref/heads/main").json()["object"]["sha"]
    commit = made_commit(made, f"gh-readonly-queue/main/pr-1-{head}", head)
    submit(made, commit)
    assert check(made, commit) is None


def test_nor_is_one_upon_a_groups_commit(tmp_path):
    made = approved(tmp_path)
    made.sandbox.forge.create_ruleset(REPO, "ci", required_check="ci")
    set_ci(made, 1)
    assert "errors" not in queue(made).enter(1)
    group = queue(made).group(1)[1]
    commit = made_commit(made, f"gh-readonly-queue/main/pr-2-{group}", group)
    submit(made, commit)
    assert check(made, commit) is None
    assert (check(made, group) or {})["conclusion"] == "success"


def set_ci(made: World, number: int) -> None:
    """Another required check, which the queue goes on waiting for."""
    with person(made) as api:
        head = api.get(f"pulls/{number}").json()["head"]["sha"]
        api.post(f"statuses/{head}", json={"state": "success", "context": "ci"}).raise_for_status()


def test_the_check_is_never_set_on_a_pull_requests_own_head(tmp_path):
    """The head of a pull request to another branch is a group's commit: its check would count there."""
    made = approved(tmp_path)
    queue(made).enter(1)
    group = queue(made).group(1)[1]
    gh = agent(made, "rex")
    with person(made) as api:
        main = api.get("git/ref/heads/main").json()["object"]["sha"]
    for name, sha in (("release", main), ("copy", group)):
        call(gh, "POST", f"/repos/{REPO}/git/refs", json={"ref": f"refs/heads/{name}", "sha": sha})
    opened(gh, "copy", "release")
    after(made, 3)
    runs = [event.payload["check_run"] for event in made.sandbox.forge.events() if event.name == "check_run"]
    assert [run["conclusion"] for run in runs if run["external_id"] == "merge-group"] == []
    assert "success" not in {run["conclusion"] for run in runs if run["head_sha"] == group}
    assert not is_merged(made, 1)


def test_a_member_whose_approval_fell_after_it_was_entered_is_refused(tmp_path):
    made = approved(tmp_path)
    queue(made).enter(1)
    group = queue(made).group(1)[1]
    with person(made) as api:
        head = api.get("pulls/1").json()["head"]["sha"]
    set_check(made, head, "action_required", head)
    made.settle()
    assert not is_merged(made, 1)
    assert "is not approved at its head" in (check(made, group) or {})["output"]["summary"]


def test_one_before_it_that_is_refused_takes_nobody_with_it(tmp_path):
    made = approved(tmp_path, 2)
    for number in (1, 2):
        queue(made).enter(number)
    with person(made) as api:
        head = api.get("pulls/1").json()["head"]["sha"]
    built_upon_it = queue(made).group(2)[1]
    set_check(made, head, "action_required", head)
    made.settle()
    assert check(made, built_upon_it) is None
    assert [is_merged(made, number) for number in (1, 2)] == [False, True]


def test_a_pull_request_of_a_persons_brings_none_of_ours_along_unapproved(tmp_path):
    """It is stacked on one of ours, and its own check was green before."""
    made = approved(tmp_path)
    with person(made) as api:
        head = api.get("pulls/1").json()["head"]["sha"]
        api.post("git/refs", json={"ref": "refs/heads/by-hand", "sha": head}).raise_for_status()
        content = {"message": "Mine", "content": "bWluZQo=", "branch": "by-hand"}
        api.put("contents/by-hand.txt", json=content).raise_for_status()
        fields = {"title": "by-hand", "head": "by-hand", "base": "main", "body": ""}
        pull = api.post("pulls", json=fields).json()
    forge = made.sandbox.forge
    forge.create_user("colleague")
    forge.grant(REPO, "colleague", "write")
    with person(made, "colleague") as api:
        api.post(f"pulls/{pull['number']}/reviews", json={"event": "APPROVE"}).raise_for_status()
    set_check(made, head, "action_required", head)
    set_check(made, pull["head"]["sha"], "success", "not-under-press-play")
    entered = queue(made).enter(pull["number"])
    assert "errors" not in entered, entered
    after(made, 3)
    assert not is_merged(made, pull["number"])
    assert not is_merged(made, 1)


def test_what_another_bot_enters_is_not_merged(tmp_path):
    made = approved(tmp_path)
    gh = bot(made, "mergifier")
    with person(made) as api:
        node = api.get("pulls/1").json()["node_id"]
    text = "mutation($id: ID!) { enqueuePullRequest(input: {pullRequestId: $id}) { clientMutationId } }"
    gh.graphql.request(text, {"id": node})
    made.settle()
    assert not is_merged(made, 1)
