"""Alerts as GitHub's API and webhooks have them: numbers, states, places, pages, refusals, and the secret itself."""

from __future__ import annotations

import json

import pytest
from github_world import REPO, make_world
from githubkit.webhooks import parse

from pressplay.errors import InputError
from pressplay.github import refs

SECRET = "ghp_0123456789abcdefghijABCDEFGHIJ456789"
CODE, DEPENDABOT, SECRETS = "code-scanning", "dependabot", "secret-scanning"


def raised(world, kind, **fields):
    defaults = {CODE: {"rule": "py/sql-injection", "path": "src/app.py"}, DEPENDABOT: {"package": "requests"}}
    place = {"path": "src/app.py", "line": 1}
    return world.forge.create_alert(REPO, kind, **defaults.get(kind, {"secret": SECRET, "locations": [place]}) | fields)


def told(world, after=0):
    return [(event.name, event.payload["action"]) for event in world.forge.events(after) if "alert" in event.name]


def states(person, kind, **query):
    return {one["number"]: one["state"] for one in person.get(f"/{kind}/alerts", params=query).json()}


def test_each_kind_counts_for_itself_and_tells_github_as_sender(github_world):
    assert [raised(github_world, kind) for kind in (CODE, DEPENDABOT, DEPENDABOT, SECRETS)] == [1, 1, 2, 1]
    events = github_world.forge.events()
    assert told(github_world) == [
        ("code_scanning_alert", "created"),
        ("dependabot_alert", "created"),
        ("dependabot_alert", "created"),
        ("secret_scanning_alert", "created"),
        ("secret_scanning_alert_location", "created"),
    ]
    for event in events:
        parse(event.name, json.dumps(event.payload))
        assert event.payload["sender"]["login"] == "github"
    head = refs.head(github_world.client("rex"), REPO, "main")
    assert (events[0].payload["ref"], events[0].payload["commit_oid"]) == ("refs/heads/main", head)


@pytest.mark.rule("R9")
def test_the_api_gives_the_secret_unless_told_not_to_and_no_event_has_it(github_world):
    person = github_world.person()
    raised(github_world, SECRETS)
    [listed] = person.get("/secret-scanning/alerts").json()
    assert listed["secret"] == person.get("/secret-scanning/alerts/1").json()["secret"] == SECRET
    for path in ("/secret-scanning/alerts", "/secret-scanning/alerts/1"):
        assert SECRET not in person.get(path, params={"hide_secret": "true"}).text
    [place] = person.get("/secret-scanning/alerts/1/locations").json()
    assert (place["type"], place["details"]["path"], place["details"]["start_line"]) == ("commit", "src/app.py", 1)
    blob = person.get(place["details"]["blob_url"]).json()
    assert blob["sha"] == place["details"]["blob_sha"]
    github_world.forge.fix_alert(REPO, SECRETS, 1)
    assert SECRET not in json.dumps([event.payload for event in github_world.forge.events()])


@pytest.mark.parametrize(("kind", "ended"), [(CODE, "fixed"), (DEPENDABOT, "fixed"), (SECRETS, "resolved")])
def test_an_alert_ends_and_begins_again(github_world, kind, ended):
    world, person = github_world, github_world.person()
    raised(world, kind)
    raised(world, kind)
    seen = world.forge.events()[-1].seq
    world.forge.fix_alert(REPO, kind, 1)
    assert states(person, kind) == {2: "open", 1: ended}
    assert states(person, kind, state="open") == {2: "open"}
    world.forge.reopen_alert(REPO, kind, 1)
    assert states(person, kind, state="open") == {2: "open", 1: "open"}
    assert [action for _, action in told(world, seen)] == [ended, "reopened"]
    for event in world.forge.events(seen):
        parse(event.name, json.dumps(event.payload))


@pytest.mark.parametrize(
    ("kind", "fields", "actions", "state"),
    [
        (CODE, {"state": "dismissed", "dismissed_reason": "won't fix"}, ["closed_by_user", "reopened_by_user"], "open"),
        (DEPENDABOT, {"state": "dismissed", "dismissed_reason": "not_used"}, ["dismissed", "reopened"], "open"),
        (SECRETS, {"state": "resolved", "resolution": "wont_fix"}, ["resolved", "reopened"], "open"),
    ],
)
def test_people_dismiss_and_open_again(github_world, kind, fields, actions, state):
    world, person = github_world, github_world.person()
    raised(world, kind)
    seen = world.forge.events()[-1].seq
    assert person.patch(f"/{kind}/alerts/1", json={**fields, "state": "gone"}).status_code == 422
    wrong = {"state": fields["state"], "dismissed_reason": "x", "resolution": "x"}
    assert person.patch(f"/{kind}/alerts/1", json=wrong).status_code == 422
    assert person.patch(f"/{kind}/alerts/1", json=fields).json()["state"] == fields["state"]
    assert states(person, kind, state="open") == {}
    assert person.patch(f"/{kind}/alerts/1", json={"state": "open"}).json()["state"] == state
    assert [action for _, action in told(world, seen)] == actions
    for event in world.forge.events(seen):
        parse(event.name, json.dumps(event.payload))
        assert event.payload["sender"]["login"] == "maintainer"


def test_dependabots_alerts_come_back_by_other_ways_too(github_world):
    raised(github_world, DEPENDABOT)
    for action in ("reintroduced", "auto_reopened"):
        github_world.forge.fix_alert(REPO, DEPENDABOT, 1)
        github_world.forge.reopen_alert(REPO, DEPENDABOT, 1, action)
        event = github_world.forge.events()[-1]
        assert event.payload["action"] == action
        parse(event.name, json.dumps(event.payload))


def test_code_scanning_tells_branches_apart(github_world):
    world, person = github_world, github_world.person()
    pull = world.pull()
    ref = f"refs/pull/{pull.number}/merge"
    assert raised(world, CODE) == 1
    assert raised(world, CODE, rule="py/weak-hash", ref=ref) == 2
    assert (states(person, CODE), states(person, CODE, ref=ref)) == ({1: "open"}, {2: "open"})
    assert states(person, CODE, pr=pull.number) == {2: "open"}
    world.forge.alert_in_branch(REPO, 1, pull.head_ref)
    event = world.forge.events()[-1]
    assert (event.payload["action"], event.payload["ref"]) == ("appeared_in_branch", f"refs/heads/{pull.head_ref}")
    assert event.payload["commit_oid"] == pull.head_sha
    parse(event.name, json.dumps(event.payload))
    world.forge.fix_alert(REPO, CODE, 1, ref=pull.head_ref)
    assert states(person, CODE) == {1: "open"}, "still in the default branch"
    found = person.get("/code-scanning/alerts/1/instances").json()
    assert [(one["ref"], one["state"]) for one in found] == [
        ("refs/heads/main", "open"),
        (f"refs/heads/{pull.head_ref}", "fixed"),
    ]
    world.forge.fix_alert(REPO, CODE, 1)
    assert states(person, CODE) == {1: "fixed"}


def test_alerts_are_found_by_what_they_say(github_world):
    world, person = github_world, github_world.person()
    raised(world, DEPENDABOT, package="left-pad", ecosystem="npm", severity="low", patched=None, cve="CVE-2026-1")
    raised(world, DEPENDABOT)
    raised(world, CODE, tool="Semgrep", severity="warning", security_severity=None)
    raised(world, CODE)
    assert list(states(person, DEPENDABOT, package="left-pad,other")) == [1]
    assert list(states(person, DEPENDABOT, severity="high", ecosystem="pip")) == [2]
    assert list(states(person, CODE, tool_name="Semgrep")) == [1]
    assert list(states(person, CODE, severity="warning")) == [1]
    assert list(states(person, CODE, severity="high")) == [2]
    assert list(states(person, DEPENDABOT, direction="asc")) == [1, 2]
    low = person.get("/dependabot/alerts/1").json()
    assert low["security_vulnerability"]["first_patched_version"] is None
    assert low["security_advisory"]["cve_id"] == "CVE-2026-1"


def test_dependabots_list_goes_by_cursor_alone(github_world):
    world, person = github_world, github_world.person()
    for number in range(5):
        raised(world, DEPENDABOT, package=f"p{number}")
    refused = person.get("/dependabot/alerts", params={"page": 1})
    assert (refused.status_code, "`page` parameter is not supported" in refused.json()["message"]) == (400, True)
    first = person.get("/dependabot/alerts", params={"per_page": 2, "state": "open"})
    # What the cursor names is fixed meanwhile: the next page goes on all the same.
    world.forge.fix_alert(REPO, DEPENDABOT, first.json()[-1]["number"])
    second = person.get(first.links["next"]["url"])
    third = person.get(second.links["next"]["url"])
    assert [one["number"] for one in first.json() + second.json() + third.json()] == [5, 4, 3, 2, 1]
    assert "next" not in third.links
    assert [one["number"] for one in person.get(third.links["prev"]["url"]).json()] == [3, 2]
    assert person.get("/dependabot/alerts", params={"after": "nonsense"}).status_code == 422
    pages = [
        [one["number"] for one in person.get("/dependabot/alerts", params={"per_page": size}).json()] for size in (3, 9)
    ]
    assert pages == [[5, 4, 3], [5, 4, 3, 2, 1]]


def test_secret_scannings_list_goes_by_page_or_cursor(github_world):
    world, person = github_world, github_world.person()
    for number in range(3):
        raised(world, SECRETS, secret_type=f"type_{number}")
    paged = person.get("/secret-scanning/alerts", params={"per_page": 2, "page": 2})
    assert [one["number"] for one in paged.json()] == [1]
    cursor = person.get("/secret-scanning/alerts", params={"per_page": 2, "after": ""})
    assert [one["number"] for one in person.get(cursor.links["next"]["url"]).json()] == [1]
    assert list(states(person, SECRETS, secret_type="type_1")) == [2]
    world.forge.fix_alert(REPO, SECRETS, 3)
    assert list(states(person, SECRETS, resolution="revoked")) == [3]


def test_a_kind_that_is_off_or_was_never_scanned_is_refused_as_github_does(github_world):
    world, person = github_world, github_world.person()
    never = person.get("/code-scanning/alerts")
    assert (never.status_code, never.json()["message"]) == (404, "no analysis found")
    assert (person.get("/dependabot/alerts").json(), person.get("/secret-scanning/alerts").json()) == ([], [])
    raised(world, CODE)
    for kind, status in ((CODE, 403), (DEPENDABOT, 403), (SECRETS, 404)):
        world.forge.disable_alerts(REPO, kind)
        assert person.get(f"/{kind}/alerts").status_code == status
        assert person.get(f"/{kind}/alerts/1").status_code == status


@pytest.mark.rule("R9")
def test_alerts_are_shown_to_whom_github_shows_them(github_world):
    world = github_world
    for kind in (CODE, DEPENDABOT, SECRETS):
        raised(world, kind)
    world.forge.grant(REPO, "reader", "read")
    world.forge.grant(REPO, "writer", "write")
    for login, allowed in (("reader", []), ("writer", [CODE, DEPENDABOT]), ("maintainer", [CODE, DEPENDABOT, SECRETS])):
        person = world.person(login)
        seen = [kind for kind in (CODE, DEPENDABOT, SECRETS) if person.get(f"/{kind}/alerts").is_success]
        assert seen == allowed
    refused = world.client("rex").rest.dependabot
    with pytest.raises(Exception, match="403"):
        refused.list_alerts_for_repo("acme", "shop")


@pytest.mark.parametrize(
    ("raise_", "said"),
    [
        (lambda forge: forge.create_alert(REPO, "virus"), "kind 'virus'"),
        (lambda forge: forge.create_alert(REPO, CODE, rule="r", colour="red"), "unknown colour"),
        (lambda forge: forge.create_alert(REPO, CODE), "rule"),
        (lambda forge: forge.create_alert(REPO, CODE, rule="r", ref="none"), "ref 'none'"),
        (lambda forge: forge.create_alert(REPO, CODE, rule="r", ref="refs/pull/9/merge"), "refs/pull/9/merge"),
        (lambda forge: forge.create_alert(REPO, SECRETS, secret="s", locations=[{"path": "no"}]), "no file 'no'"),
        (lambda forge: forge.create_alert(REPO, SECRETS, secret="s", locations=[{"line": 1}]), "location"),
        (lambda forge: forge.fix_alert(REPO, DEPENDABOT, 7), "there is none"),
        (lambda forge: forge.reopen_alert(REPO, CODE, 1, "reintroduced"), "action 'reintroduced'"),
    ],
)
def test_a_wrong_alert_is_refused_and_leaves_nothing(github_world, raise_, said):
    raised(github_world, CODE)
    before = github_world.forge.events()
    with pytest.raises(InputError, match=said):
        raise_(github_world.forge)
    assert github_world.forge.events() == before


@pytest.mark.rule("R3")
def test_alerts_outlive_the_process(github_world):
    raised(github_world, DEPENDABOT)
    again = make_world(github_world.folder, github_world.clock)
    again.forge.fix_alert(REPO, DEPENDABOT, 1)
    assert states(github_world.person(), DEPENDABOT) == {1: "fixed"}
    again.forge.close()
