"""Issues as GitHub keeps them: who labelled, what a merge closes, what changed since when."""

from __future__ import annotations

import json

import pytest
from github_world import REPO, URL
from githubkit.webhooks import parse

from pressplay.github import issues, refs

API = f"{URL}/api/v3"


def opened(person, title="Broken", **more):
    return person.post("/issues", json={"title": title, **more}).json()["number"]


def merged(world, body="", base="main", **options):
    """A pull request with this description, merged by the maintainer."""
    pull = world.pull(f"b/{len(world.forge.events())}", title=options.pop("title", "Work"))
    person = world.person()
    person.patch(f"/pulls/{pull.number}", json={"body": body, "base": base})
    assert person.put(f"/pulls/{pull.number}/merge", json=options).is_success
    return pull


@pytest.mark.rule("R8")
def test_who_labelled_is_told_by_the_events(github_world):
    person, harness = github_world.person(), github_world.client("press-play")
    number = opened(person)
    issues.add_labels(harness, REPO, number, ["press-play"])
    issues.remove_label(harness, REPO, number, "press-play")
    person.post(f"/issues/{number}/labels", json={"labels": ["press-play"]})
    told = [
        (event["event"], event["actor"]["login"], event["label"]["name"])
        for event in person.get(f"/issues/{number}/events").json()
    ]
    assert told == [
        ("labeled", "press-play[bot]", "press-play"),
        ("unlabeled", "press-play[bot]", "press-play"),
        ("labeled", "maintainer", "press-play"),
    ]
    payloads = [event.payload for event in github_world.forge.events() if event.name == "issues"]
    assert [payload["action"] for payload in payloads] == ["opened", "labeled", "unlabeled", "labeled"]
    assert payloads[-1]["sender"]["login"] == "maintainer"
    assert [label["name"] for label in payloads[-1]["issue"]["labels"]] == ["press-play"]


@pytest.mark.rule("R8")
def test_who_may_write_is_told_by_the_permission_not_by_the_association(github_world):
    """GitHub calls everybody who was invited a collaborator, also who may only read."""
    world = github_world
    pull = world.pull()
    assert world.person("stranger").post(f"/issues/{pull.number}/comments", json={"body": "hi"}).status_code == 404
    world.forge.publish(REPO)
    world.forge.publish(REPO)
    world.forge.grant(REPO, "reader", "read")
    told = {}
    for login in ("stranger", "reader", "maintainer", "acme"):
        made = world.person(login).post(f"/issues/{pull.number}/comments", json={"body": "hi"}).json()
        allowed = world.person().get(f"/collaborators/{login}/permission").json()["permission"]
        told[login] = (made["author_association"], allowed)
    assert told == {
        "stranger": ("NONE", "read"),
        "reader": ("COLLABORATOR", "read"),
        "maintainer": ("COLLABORATOR", "admin"),
        "acme": ("OWNER", "admin"),
    }
    assert world.person("stranger").post(f"/issues/{pull.number}/labels", json={"labels": ["x"]}).status_code == 403
    assert world.person("stranger").get("").json()["visibility"] == "public"


def test_a_timeline_holds_everything_in_order(github_world):
    pull, clock = github_world.pull(), github_world.clock
    person = github_world.person()
    for step in (
        lambda: person.post(f"/issues/{pull.number}/comments", json={"body": "hello"}),
        lambda: person.post(f"/pulls/{pull.number}/reviews", json={"event": "COMMENT", "body": "fine"}),
        lambda: person.patch(f"/pulls/{pull.number}", json={"title": "Better"}),
        lambda: person.patch(f"/pulls/{pull.number}", json={"state": "closed"}),
        lambda: person.patch(f"/pulls/{pull.number}", json={"state": "open"}),
        lambda: person.put(f"/pulls/{pull.number}/merge", json={}),
    ):
        clock.sleep(10)
        assert step().is_success
    entries = person.get(f"/issues/{pull.number}/timeline").json()
    wanted = ["committed", "commented", "reviewed", "renamed", "closed", "reopened", "merged", "closed"]
    assert [entry["event"] for entry in entries] == wanted
    assert entries[2]["state"] == "commented"
    assert entries[3]["rename"] == {"from": "Work", "to": "Better"}
    assert entries[6]["commit_id"] == person.get(f"/pulls/{pull.number}").json()["merge_commit_sha"]
    pages = [person.get(f"/issues/{pull.number}/timeline", params={"per_page": 3, "page": n}).json() for n in (1, 2, 3)]
    assert [entry for page in pages for entry in page] == entries


@pytest.mark.parametrize(
    "text",
    [
        "Fixes #{n}",
        "closes: #{n}.",
        "This RESOLVES #{n}, at last",
        "resolved acme/shop#{n}",
        "fix GH-{n}",
        f"fixed {URL}/{REPO}/issues/{{n}}",
        "first\n\n- close #{n}",
    ],
)
def test_a_merge_into_the_default_branch_closes_what_its_description_names(github_world, text):
    person = github_world.person()
    number = opened(person)
    merged(github_world, text.format(n=number))
    issue = person.get(f"/issues/{number}").json()
    assert (issue["state"], issue["state_reason"]) == ("closed", "completed")
    closed = [event.payload for event in github_world.forge.events() if event.name == "issues"][-1]
    assert (closed["action"], closed["sender"]["login"]) == ("closed", "maintainer")
    parse("issues", json.dumps(closed))


@pytest.mark.parametrize(
    "text",
    [
        "See #{n}",
        "prefixes #{n}",
        "fixes#{n}",
        "fixes #{n}7",
        "Fixes other/shop#{n}",
        "```\nfixes #{n}\n```",
        "`fixes #{n}`",
        "<!-- fixes #{n} -->",
        "``` fixes #{n}",
    ],
)
def test_what_only_looks_like_a_closing_keyword_closes_nothing(github_world, text):
    person = github_world.person()
    number = opened(person)
    merged(github_world, text.format(n=number))
    assert person.get(f"/issues/{number}").json()["state"] == "open"


def test_a_merge_elsewhere_closes_nothing_and_a_pull_request_is_never_closed_so(github_world):
    person = github_world.person()
    number, other = opened(person), github_world.pull("b/other")
    base = refs.head(github_world.client("rex"), REPO, "main")
    person.post("/git/refs", json={"ref": "refs/heads/next", "sha": base})
    merged(github_world, f"Fixes #{number}", base="next")
    merged(github_world, f"Fixes #{other.number}")
    assert person.get(f"/issues/{number}").json()["state"] == "open"
    assert person.get(f"/pulls/{other.number}").json()["state"] == "open"


def test_a_commit_that_reaches_the_default_branch_closes_what_its_message_names(github_world):
    person = github_world.person()
    number = opened(person)
    base = refs.head(github_world.client("rex"), REPO, "main")
    sha = refs.commit_files(
        github_world.client("rex"), REPO, "next", {"a.txt": b"a"}, f"Tidy up\n\nFixes #{number}", base
    )
    assert person.get(f"/issues/{number}").json()["state"] == "open"
    assert person.patch("/git/refs/heads/main", json={"sha": sha}).is_success
    assert person.get(f"/issues/{number}").json()["state"] == "closed"
    [event] = [one for one in person.get(f"/issues/{number}/events").json() if one["event"] == "closed"]
    assert event["commit_id"] == sha


def test_another_repositorys_issue_is_closed_only_by_who_may_write_there(github_world):
    forge = github_world.forge
    forge.create_repository("acme/docs")
    forge.grant("acme/docs", "maintainer", "read")
    person, docs = github_world.person(), github_world.person()
    docs.base_url = f"{API}/repos/acme/docs"
    number = opened(docs)
    merged(github_world, f"Fixes acme/docs#{number}")
    assert docs.get(f"/issues/{number}").json()["state"] == "open"
    forge.grant("acme/docs", "maintainer", "write")
    merged(github_world, f"Fixes acme/docs#{number}")
    assert docs.get(f"/issues/{number}").json()["state"] == "closed"
    assert person.get("").json()["open_issues_count"] == 0


def test_a_hostile_description_costs_no_time(github_world):
    text = "<!--" * 20_000 + "```" * 20_000 + "fixes acme/" * 10_000 + "close " * 10_000
    merged(github_world, text)


def test_comments_of_the_whole_repository_are_listed_since_a_moment(github_world):
    world, person, clock = github_world, github_world.person(), github_world.clock
    pull, number = world.pull(), opened(world.person())
    line = {"commit_id": pull.head_sha, "path": "task-1-implementation.txt", "line": 1}
    made = []
    for at in range(3):
        made.append(clock.now())
        person.post(f"/issues/{number}/comments", json={"body": f"issue {at}"})
        person.post(f"/issues/{pull.number}/comments", json={"body": f"pull {at}"})
        person.post(f"/pulls/{pull.number}/comments", json={"body": f"line {at}", **line})
        clock.sleep(60.4)
    first, review = (person.get(path).json()[0] for path in ("/issues/comments", "/pulls/comments"))
    assert person.patch(f"/issues/comments/{first['id']}", json={"body": "issue 0, edited"}).is_success
    assert person.patch(f"/pulls/comments/{review['id']}", json={"body": "line 0, edited"}).is_success

    def bodies(path, **query):
        return [comment["body"] for comment in person.get(path, params=query).json()]

    moment = person.get("/issues/comments").json()[-1]["created_at"]
    assert bodies("/issues/comments", since=moment) == ["issue 0, edited", "issue 2", "pull 2"]
    assert bodies("/pulls/comments", since=moment) == ["line 0, edited", "line 2"]
    assert bodies("/pulls/comments", since=moment, sort="updated", direction="desc") == ["line 0, edited", "line 2"]
    assert bodies(f"/issues/{pull.number}/comments", since=moment) == ["pull 2"]
    assert bodies(f"/pulls/{pull.number}/comments", since=moment) == ["line 0, edited", "line 2"]
    assert bodies("/issues/comments", per_page=2, page=2) == ["issue 1", "pull 1"]
    assert [one["number"] for one in person.get("/issues", params={"since": moment}).json()] == [number, pull.number]
    clock.sleep(60)
    issues.add_labels(world.client("press-play"), REPO, pull.number, ["ready"])
    later = person.get(f"/issues/{pull.number}").json()["updated_at"]
    assert [one["number"] for one in person.get("/issues", params={"since": later}).json()] == [pull.number]
    assert person.get("/issues/comments", params={"since": "yesterday"}).status_code == 422


def test_edits_and_deletions_are_announced(github_world):
    world, person = github_world, github_world.person()
    pull, number = world.pull(), opened(world.person(), body="b")
    comment = person.post(f"/issues/{number}/comments", json={"body": "one"}).json()["id"]
    line = {"commit_id": pull.head_sha, "path": "task-1-implementation.txt", "line": 1, "body": "why?"}
    review = person.post(f"/pulls/{pull.number}/comments", json=line).json()["id"]
    seen = world.forge.events()[-1].seq
    for method, path, fields in (
        ("PATCH", f"/issues/comments/{comment}", {"body": "two"}),
        ("DELETE", f"/issues/comments/{comment}", None),
        ("PATCH", f"/pulls/comments/{review}", {"body": "who?"}),
        ("DELETE", f"/pulls/comments/{review}", None),
        ("PATCH", f"/issues/{number}", {"title": "Mended", "body": "c"}),
        ("PATCH", f"/issues/{pull.number}", {"body": "d"}),
        ("PATCH", f"/issues/{number}", {"state": "closed", "state_reason": "not_planned"}),
        ("PATCH", f"/issues/{number}", {"state": "open"}),
    ):
        assert person.request(method, path, json=fields).is_success
    told = world.forge.events(seen)
    assert [(event.name, event.payload["action"]) for event in told] == [
        ("issue_comment", "edited"),
        ("issue_comment", "deleted"),
        ("pull_request_review_comment", "edited"),
        ("pull_request_review_comment", "deleted"),
        ("issues", "edited"),
        ("pull_request", "edited"),
        ("issues", "closed"),
        ("issues", "reopened"),
    ]
    assert told[0].payload["changes"] == {"body": {"from": "one"}}
    for event in told:
        parse(event.name, json.dumps(event.payload))
    assert person.get(f"/issues/comments/{comment}").status_code == 404
    assert person.get(f"/pulls/comments/{review}").status_code == 404


def test_an_issue_says_what_people_plan_with_it(github_world):
    person = github_world.person()
    number, part, blocker = (person.post("/issues", json={"title": title}).json() for title in "abc")
    for title in ("Version 1", "Version 2"):
        assert person.post("/milestones", json={"title": title}).status_code == 201
    assert person.post("/milestones", json={"title": "Version 1"}).status_code == 422
    at = f"/issues/{number['number']}"
    assert person.patch(at, json={"milestone": 2}).json()["milestone"]["title"] == "Version 2"
    assert person.post(f"{at}/sub_issues", json={"sub_issue_id": part["id"]}).status_code == 201
    again = person.post(f"/issues/{blocker['number']}/sub_issues", json={"sub_issue_id": part["id"]})
    assert (again.status_code, again.json()["message"]) == (422, "Issue may only have one parent")
    assert person.post(f"{at}/dependencies/blocked_by", json={"issue_id": blocker["id"]}).status_code == 201
    assert person.post(f"{at}/dependencies/blocked_by", json={"issue_id": number["id"]}).status_code == 422
    assert person.post(f"{at}/dependencies/blocked_by", json={"issue_id": 999}).status_code == 404
    assert person.patch(f"/issues/{blocker['number']}", json={"state": "closed"}).json()["state"] == "closed"

    shown = person.get(at).json()
    assert shown["sub_issues_summary"] == {"total": 1, "completed": 0, "percent_completed": 0}
    dependencies = {"blocked_by": 0, "total_blocked_by": 1, "blocking": 0, "total_blocking": 0}
    assert shown["issue_dependencies_summary"] == dependencies
    listed = person.get(f"{at}/sub_issues").json()
    assert [(each["number"], each["parent_issue_url"]) for each in listed] == [(part["number"], shown["url"])]
    assert [each["number"] for each in person.get(f"{at}/dependencies/blocked_by").json()] == [blocker["number"]]
    for milestone, numbers in (("2", [number["number"]]), ("1", [])):
        answer = person.get("/issues", params={"milestone": milestone, "state": "all"})
        assert [each["number"] for each in answer.json()] == numbers
    assert person.get("/issues", params={"milestone": "3"}).status_code == 422
    assert [each["title"] for each in person.get("/milestones").json()] == ["Version 1", "Version 2"]
    assert person.patch("/milestones/1", json={"state": "closed"}).json()["closed_at"]
    assert [each["title"] for each in person.get("/milestones", params={"state": "closed"}).json()] == ["Version 1"]

    assert person.request("DELETE", f"{at}/sub_issue", json={"sub_issue_id": part["id"]}).status_code == 200
    assert person.delete(f"{at}/dependencies/blocked_by/{blocker['id']}").status_code == 200
    assert person.patch(at, json={"milestone": None}).json()["milestone"] is None
    assert person.get(at).json()["issue_dependencies_summary"]["total_blocked_by"] == 0


def test_who_may_only_read_plans_nothing(github_world):
    github_world.forge.create_user("reader")
    github_world.forge.grant(REPO, "reader", "read")
    maintainer, reader = github_world.person(), github_world.person("reader")
    maintainer.post("/milestones", json={"title": "Version 1"})
    made = reader.post("/issues", json={"title": "t", "milestone": 1}).json()
    assert made["milestone"] is None
    assert reader.patch(f"/issues/{made['number']}", json={"milestone": 1}).json()["milestone"] is None
    body = {"issue_id": made["id"]}
    assert reader.post(f"/issues/{made['number']}/dependencies/blocked_by", json=body).status_code == 403
