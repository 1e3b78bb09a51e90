"""The forge plays a merge queue as GitHub documents it."""

from __future__ import annotations

import pytest
from github_world import CHECK, REPO, URL
from merge_queues import QUEUE, Queue, rule

from pressplay.github import checks, pulls, refs, reviews
from pressplay.github.calls import call
from pressplay.github.graphql import GraphQLRefused, ask
from pressplay.sandbox.forge import Forge
from pressplay.sandbox.setup import PEOPLE


def queued(world, **parameters):
    world.protect()
    world.forge.create_ruleset(REPO, "queue", rules=[rule(**parameters)])
    return Queue(world.person(), f"{URL}/api/v3", REPO)


def set_check(world, sha, conclusion="success"):
    words = {"title": "t", "summary": "s", "details_url": "http://d.test", "external_id": "x"}
    checks.set_check(world.client("press-play"), REPO, CHECK, sha, conclusion=conclusion, **words)


def ready(world, number, text=""):
    """A pull request that may enter the queue."""
    branch = f"work-{number}"
    world.branch(branch, {f"{text or branch}.txt": branch.encode()})
    pull = pulls.open_pull(world.client("rex"), REPO, branch, "main", branch, "Please.")
    set_check(world, pull.head_sha)
    reviews.post_review(world.client("qa"), REPO, pull.number, pull.head_sha, "APPROVE", "fine")
    return pull


def main(world):
    return refs.head(world.client("rex"), REPO, "main")


def is_merged(world, pull):
    return pulls.pull(world.client("rex"), REPO, pull.number).merged


def groups(world, action="checks_requested"):
    events = [event.payload for event in world.forge.events() if event.name == "merge_group"]
    return [event for event in events if event["action"] == action]


def test_groups_are_built_one_upon_the_other_and_merged_once_their_checks_pass(github_world):
    world = github_world
    queue, before = queued(world), main(world)
    first, second = ready(world, 1), ready(world, 2)
    for pull in (first, second):
        assert "errors" not in queue.enter(pull.number)
    assert queue.order() == [(1, "AWAITING_CHECKS"), (2, "AWAITING_CHECKS")]
    (base_1, head_1), (base_2, head_2) = queue.group(1), queue.group(2)
    assert (base_1, base_2) == (before, head_1)
    gh = world.client("rex")
    assert refs.parents(gh, REPO, head_2) == [head_1, second.head_sha]
    assert refs.find_head(gh, REPO, f"gh-readonly-queue/main/pr-2-{head_1}") == head_2
    assert [(event["merge_group"]["base_sha"], event["merge_group"]["head_sha"]) for event in groups(world)] == [
        (before, head_1),
        (head_1, head_2),
    ]
    # The second one's check alone merges nothing: what is before it is not known yet.
    set_check(world, head_2)
    assert main(world) == before
    set_check(world, head_1)
    assert (main(world), queue.order()) == (head_2, [])
    assert is_merged(world, first)
    assert is_merged(world, second)
    merged_by = call(gh, "GET", f"/repos/{REPO}/pulls/1")["merged_by"]
    assert (merged_by["login"], merged_by["type"]) == ("github-merge-queue[bot]", "Bot")
    assert {event["reason"] for event in groups(world, "destroyed")} == {"merged"}
    assert refs.branches_with_prefix(gh, REPO, "gh-readonly-queue/") == {}
    activity = call(gh, "GET", f"/repos/{REPO}/activity?ref=main")[0]
    assert (activity["activity_type"], activity["actor"]["login"]) == ("merge_queue_merge", "github-merge-queue[bot]")


def test_an_entry_whose_check_fails_is_thrown_out_and_its_followers_are_built_again(github_world):
    world = github_world
    queue, before = queued(world), main(world)
    first, second = ready(world, 1), ready(world, 2)
    queue.enter(1)
    queue.enter(2)
    old = queue.group(2)
    set_check(world, queue.group(1)[1], "failure")
    assert queue.order() == [(2, "AWAITING_CHECKS")]
    base, head = queue.group(2)
    assert base == before
    assert (base, head) != old
    set_check(world, head)
    assert not is_merged(world, first)
    assert is_merged(world, second)
    dequeued = [event.payload for event in world.forge.events() if event.payload.get("action") == "dequeued"]
    assert [(event["number"], event["reason"]) for event in dequeued] == [(1, "CI_FAILURE")]
    assert [event["reason"] for event in groups(world, "destroyed")] == ["dequeued", "invalidated", "merged"]


def test_an_entry_whose_check_does_not_come_in_time_is_thrown_out(github_world):
    world = github_world
    queue = queued(world, check_response_timeout_minutes=10)
    ready(world, 1)
    queue.enter(1)
    assert world.forge.next_due() is not None
    world.clock.sleep(9 * 60)
    assert (world.forge.pass_time(), queue.order()) == (False, [(1, "AWAITING_CHECKS")])
    world.clock.sleep(60)
    assert (world.forge.pass_time(), queue.order()) == (True, [])
    assert (world.forge.pass_time(), world.forge.next_due()) == (False, None)


@pytest.mark.parametrize(
    ("conclusion", "merges", "stays"), [("success", True, False), ("neutral", True, False), (None, False, True)]
)
def test_a_required_check_must_have_succeeded(github_world, conclusion, merges, stays):
    world = github_world
    queue = queued(world)
    pull = ready(world, 1)
    queue.enter(1)
    set_check(world, queue.group(1)[1], conclusion)
    assert (is_merged(world, pull), bool(queue.entries())) == (merges, stays)


def test_a_check_of_another_app_counts_for_nothing(github_world):
    world = github_world
    queue = queued(world)
    pull = ready(world, 1)
    queue.enter(1)
    words = {"title": "t", "summary": "s", "details_url": "http://d.test", "external_id": "x"}
    checks.set_check(world.client("rex"), REPO, CHECK, queue.group(1)[1], conclusion="success", **words)
    assert not is_merged(world, pull)


@pytest.mark.parametrize(("method", "parents"), [("SQUASH", 1), ("MERGE", 2), ("REBASE", 1)])
def test_a_group_is_made_by_the_method_of_the_rule(github_world, method, parents):
    queue = queued(github_world, merge_method=method)
    ready(github_world, 1)
    queue.enter(1)
    assert len(refs.parents(github_world.client("rex"), REPO, queue.group(1)[1])) == parents


def test_an_entry_that_conflicts_is_thrown_out(github_world):
    world = github_world
    queue = queued(world)
    ready(world, 1, "same")
    ready(world, 2, "same")
    queue.enter(1)
    queue.enter(2)
    assert queue.order() == [(1, "AWAITING_CHECKS")]


def test_a_push_takes_the_pull_request_out(github_world):
    world = github_world
    queue = queued(world)
    pull = ready(world, 1)
    queue.enter(1)
    world.branch("work-1", {"more.txt": b"more"}, base=pull.head_sha)
    assert queue.order() == []


def test_a_merge_past_the_queue_has_the_groups_built_again(github_world):
    world = github_world
    queue = queued(world)
    ready(world, 1)
    queue.enter(1)
    old = queue.group(1)
    world.forge.create_ruleset(REPO, "press-play", enforcement="disabled")
    world.forge.create_ruleset(REPO, "queue", rules=[rule()], bypass_actors=[{"actor_type": "OrganizationAdmin"}])
    world.person().put("/contents/new.txt", json={"message": "m", "content": "bQo=", "branch": "main"})
    new = queue.group(1) if queue.entries() else ("", "")
    assert new != old


def test_few_entries_wait_for_more_for_a_while(github_world):
    world = github_world
    queue = queued(world, min_entries_to_merge=2, min_entries_to_merge_wait_minutes=5)
    pull = ready(world, 1)
    queue.enter(1)
    set_check(world, queue.group(1)[1])
    assert not is_merged(world, pull)
    assert queue.order() == [(1, "MERGEABLE")]
    world.clock.sleep(5 * 60)
    assert world.forge.pass_time()
    assert is_merged(world, pull)


def test_a_group_that_is_green_at_its_head_is_enough_where_the_rule_says_so(github_world):
    world = github_world
    queue = queued(world, grouping_strategy="HEADGREEN")
    first, second = ready(world, 1), ready(world, 2)
    queue.enter(1)
    queue.enter(2)
    set_check(world, queue.group(1)[1], "failure")
    assert [number for number, _ in queue.order()] == [1, 2]
    set_check(world, queue.group(2)[1])
    assert is_merged(world, first)
    assert is_merged(world, second)


def test_only_what_may_be_merged_enters_and_nobody_merges_otherwise(github_world):
    world = github_world
    queue = queued(world)
    world.branch("raw", {"raw.txt": b"raw"})
    raw = pulls.open_pull(world.client("rex"), REPO, "raw", "main", "raw", "Please.")
    assert queue.enter(raw.number)["errors"][0]["type"] == "UNPROCESSABLE"
    pull = ready(world, 2)
    answer = world.person().put(f"/pulls/{pull.number}/merge", json={})
    assert (answer.status_code, "merge queue" in answer.text) == (405, True)
    world.forge.create_user("stranger")
    world.forge.publish(REPO)
    stranger = Queue(world.person("stranger"), f"{URL}/api/v3", REPO)
    assert stranger.enter(pull.number)["errors"][0]["type"] == "FORBIDDEN"
    queue.enter(pull.number)
    assert queue.enter(pull.number)["errors"][0]["type"] == "UNPROCESSABLE"
    assert "errors" not in queue.leave(pull.number)
    assert queue.order() == []
    assert queue.leave(pull.number)["errors"][0]["type"] == "UNPROCESSABLE"


def test_the_queue_moves_a_branch_that_only_people_may_move(github_world):
    world = github_world
    queue = queued(world)
    world.forge.create_ruleset(REPO, "people", rules=[{"type": "update"}], bypass_actors=PEOPLE)
    pull = ready(world, 1)
    queue.enter(1)
    set_check(world, queue.group(1)[1])
    assert is_merged(world, pull)


def test_an_app_reads_the_queue_only_with_the_permission(github_world):
    world = github_world
    queued(world)
    ready(world, 1)
    owner, _, name = REPO.partition("/")
    gh = world.client("press-play", contents="read")
    with pytest.raises(GraphQLRefused, match="FORBIDDEN"):
        ask(gh, QUEUE, {"owner": owner, "name": name})


def test_a_queue_is_taken_up_after_a_kill(github_world):
    world = github_world
    queue = queued(world)
    ready(world, 1)
    queue.enter(1)
    again = Forge(world.folder / "state.db", world.folder / "git", world.clock, URL)
    world.clock.sleep(3600)
    assert again.pass_time()
    assert queue.order() == []
    again.close()
