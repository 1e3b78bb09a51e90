"""Every change leaves an event, valid for githubkit's webhook models."""

from __future__ import annotations

import json

import pytest
from github_world import CHECK, REPO
from githubkit.webhooks import parse

from pressplay.github import checks, issues, pulls, refs, reviews


def names_of(forge, after=0):
    return [
        f"{event.name}.{event.payload['action']}" if "action" in event.payload else event.name
        for event in forge.events(after)
    ]


def test_a_pull_requests_whole_life_is_recorded_and_valid(github_world):
    world = github_world
    world.protect()
    harness, qa, rex = world.client("press-play"), world.client("qa"), world.client("rex")
    pull = world.pull()
    kw = {"title": "t", "summary": "s", "details_url": "http://d.test", "external_id": "x"}
    checks.set_check(harness, REPO, CHECK, pull.head_sha, conclusion=None, **kw)
    checks.set_check(harness, REPO, CHECK, pull.head_sha, conclusion="success", **kw)
    issues.comment(harness, REPO, pull.number, "hello", "m")
    issues.add_labels(harness, REPO, pull.number, ["ready"])
    reviews.post_review(qa, REPO, pull.number, pull.head_sha, "APPROVE", "fine")
    world.branch(pull.head_ref, {"more.txt": b"more"}, base=pull.head_sha)
    person = world.person()
    comment = {"body": "why?", "commit_id": pull.head_sha, "path": "task-1-implementation.txt", "line": 1}
    assert person.post(f"/pulls/{pull.number}/comments", json=comment).status_code == 201
    assert person.post("/issues", json={"title": "Broken", "labels": ["bug"]}).status_code == 201
    pulls.close(rex, REPO, pull.number)
    assert person.patch(f"/pulls/{pull.number}", json={"state": "open"}).is_success
    issues.remove_label(harness, REPO, pull.number, "ready")
    refs.delete_branch(rex, REPO, pull.head_ref)
    assert names_of(world.forge) == [
        "create",
        "push",
        "pull_request.opened",
        "check_run.created",
        "check_run.completed",
        "issue_comment.created",
        "pull_request.labeled",
        "pull_request_review.submitted",
        "push",
        "pull_request.synchronize",
        "pull_request_review.dismissed",
        "pull_request_review_comment.created",
        "pull_request_review.submitted",
        "issues.opened",
        "issues.labeled",
        "pull_request.closed",
        "pull_request.reopened",
        "pull_request.unlabeled",
        "push",
        "delete",
        "pull_request.closed",
    ]
    for event in world.forge.events():
        parse(event.name, json.dumps(event.payload))


def test_a_merge_is_recorded_once_with_its_push(github_world):
    pull = github_world.pull()
    seen = github_world.forge.events()[-1].seq
    assert github_world.person().put(f"/pulls/{pull.number}/merge", json={"sha": pull.head_sha}).is_success
    assert names_of(github_world.forge, seen) == ["pull_request.closed", "push"]
    closed, push = github_world.forge.events(seen)
    assert closed.payload["pull_request"]["merged"] is True
    assert push.payload["after"] == closed.payload["pull_request"]["merge_commit_sha"]
    parse("pull_request", json.dumps(closed.payload))
    parse("push", json.dumps(push.payload))


def test_events_are_told_apart_and_read_on_from_any(github_world):
    github_world.pull()
    events = github_world.forge.events()
    assert len({event.delivery for event in events}) == len(events)
    assert github_world.forge.events(events[1].seq, limit=1) == [events[2]]


@pytest.mark.rule("R2")
def test_a_push_of_a_pull_requests_head_into_the_base_merges_it(github_world):
    pull = github_world.pull()
    refs_url = "/git/refs/heads/main"
    assert github_world.person().patch(refs_url, json={"sha": pull.head_sha}).is_success
    assert pulls.pull(github_world.client("rex"), REPO, pull.number).merged
