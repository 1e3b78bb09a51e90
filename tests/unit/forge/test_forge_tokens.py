"""Tokens expire, are narrowed and are kept as hashes; permissions are enforced on each endpoint (R9)."""

from __future__ import annotations

import sqlite3

import httpx
import jwt
import pytest
from github_world import AGENT, REPO, URL, rsa_key

from pressplay.sandbox.forge.accounts import new_key


def http(world, token, path, method="GET", **kwargs):
    client = httpx.Client(transport=httpx.WSGITransport(world.forge.wsgi), base_url=f"{URL}/api/v3")
    return client.request(method, path, headers={"Authorization": f"Bearer {token}"}, **kwargs)


def app_jwt(world, app="rex", key=None, issued=0, expires=540, **claims):
    now = int(world.clock.now())
    body = {"iss": str(world.apps[app].id), "iat": now + issued, "exp": now + expires, **claims}
    return jwt.encode(body, key or rsa_key(), "RS256")


@pytest.mark.rule("R9")
def test_an_installation_token_is_refused_an_hour_after_it_was_made(github_world):
    token = github_world.access.token("rex", REPO, {"contents": "read"})
    github_world.clock.sleep(3599)
    assert http(github_world, token, f"/repos/{REPO}").status_code == 200
    github_world.clock.sleep(1)
    assert http(github_world, token, f"/repos/{REPO}").status_code == 401


@pytest.mark.rule("R9")
def test_tokens_are_nowhere_in_the_database(github_world):
    tokens = [github_world.access.token("rex", REPO, {"contents": "read"}), github_world.forge.user_token("maintainer")]
    connection = sqlite3.connect(github_world.folder / "state.db")
    dump = "\n".join(connection.iterdump())
    connection.close()
    assert not any(token in dump for token in tokens)


@pytest.mark.parametrize(
    ("what", "made"),
    [
        ("expired", {"expires": 0}),
        ("too long", {"expires": 700}),
        ("from the future", {"issued": 120}),
        ("without an end", {"exp": "soon"}),
    ],
)
def test_an_apps_jwt_must_be_right(github_world, what, made):
    assert http(github_world, app_jwt(github_world, **made), "/app").status_code == 401


def test_a_jwt_of_no_app_is_told_as_github_tells_it(github_world):
    answer = http(github_world, app_jwt(github_world, iss="99"), "/app")
    assert (answer.status_code, answer.json()["message"]) == (404, "Integration not found")


def test_an_apps_jwt_must_be_signed_by_its_key(github_world):
    assert http(github_world, app_jwt(github_world), "/app").json()["slug"] == "rex"
    assert http(github_world, app_jwt(github_world, key=new_key()), "/app").status_code == 401


@pytest.mark.rule("R9")
@pytest.mark.parametrize(
    ("permissions", "method", "path", "body", "status"),
    [
        ({"contents": "read"}, "GET", "/contents/README.md", None, 200),
        ({"contents": "read"}, "POST", "/git/blobs", {"content": "x"}, 403),
        ({"contents": "read"}, "GET", "/pulls", None, 403),
        ({"contents": "read"}, "GET", "", None, 200),
        ({"pull_requests": "read"}, "GET", "/contents/README.md", None, 403),
        ({"pull_requests": "read"}, "POST", "/pulls", {"title": "t", "head": "x", "base": "main"}, 403),
        ({"pull_requests": "write"}, "PUT", "/pulls/1/merge", {}, 403),
        ({"issues": "read"}, "POST", "/issues", {"title": "t"}, 403),
        ({"checks": "read"}, "POST", "/check-runs", {"name": "c", "head_sha": "0" * 40}, 403),
        ({"contents": "write"}, "POST", "/rulesets", {"name": "r", "enforcement": "active"}, 403),
        ({"contents": "write"}, "GET", "/rulesets", None, 200),
    ],
)
def test_a_token_may_do_what_it_was_narrowed_to_and_no_more(github_world, permissions, method, path, body, status):
    token = github_world.access.token("rex", REPO, permissions)
    answer = http(github_world, token, f"/repos/{REPO}{path}", method, json=body)
    assert answer.status_code == status
    if status == 403:
        assert answer.json()["message"] == "Resource not accessible by integration"
        assert "=" in answer.headers["x-accepted-github-permissions"]


def test_a_token_can_not_be_asked_for_more_than_the_app_has(github_world):
    number = github_world.forge.install("rex", REPO)
    path = f"/app/installations/{number}/access_tokens"
    token = app_jwt(github_world)
    assert http(github_world, token, path, "POST", json={"permissions": {"administration": "write"}}).status_code == 422
    assert http(github_world, token, path, "POST", json={"repositories": ["other"]}).status_code == 422
    assert http(github_world, app_jwt(github_world, "qa"), path, "POST", json={}).status_code == 404


def test_a_token_sees_only_the_repositories_it_was_made_for(github_world):
    github_world.forge.create_repository("acme/secret", None)
    github_world.forge.install("rex", "acme/secret")
    token = github_world.access.token("rex", REPO, AGENT)
    assert http(github_world, token, "/repos/acme/secret").status_code == 404
    assert http(github_world, token, f"/repos/{REPO}").status_code == 200


def test_people_may_do_what_their_role_allows(github_world):
    forge = github_world.forge
    for login, role in (("reader", "read"), ("writer", "write")):
        forge.grant(REPO, login, role)
    reader, writer = github_world.person("reader"), github_world.person("writer")
    assert reader.get("/contents/README.md").status_code == 200
    assert reader.post("/git/blobs", json={"content": "x"}).status_code == 403
    assert reader.post("/issues", json={"title": "t"}).status_code == 201
    assert writer.post("/git/blobs", json={"content": "x"}).status_code == 201
    assert writer.post("/rulesets", json={"name": "r", "enforcement": "active"}).status_code == 403
    assert github_world.person("nobody").get("").status_code == 404


def test_without_a_token_nothing_is_told(github_world):
    client = httpx.Client(transport=httpx.WSGITransport(github_world.forge.wsgi), base_url=URL)
    assert client.get(f"/repos/{REPO}").status_code == 401
    assert client.get("/api/v3/rate_limit", headers={"Authorization": "Bearer wrong"}).status_code == 401


def test_the_rate_limit_is_counted_and_where_asked_enforced(github_world):
    person = github_world.person()
    first, second = person.get(""), person.get("")
    assert int(first.headers["x-ratelimit-used"]) + 1 == int(second.headers["x-ratelimit-used"])
    github_world.forge.enforce_rate_limit(2)
    refused = person.get("")
    assert (refused.status_code, refused.headers["x-ratelimit-remaining"]) == (403, "0")
    github_world.clock.sleep(3600)
    assert person.get("").status_code == 200


def test_what_has_not_changed_costs_nothing(github_world):
    """GitHub counts no answer that says 304; so polling with an ETag is free."""
    person = github_world.person()
    first = person.get("/issues", params={"since": "2026-01-01T00:00:00Z"})
    used, tag = int(first.headers["x-ratelimit-used"]), first.headers["etag"]
    query = {"params": {"since": "2026-01-01T00:00:00Z"}, "headers": {"If-None-Match": f'"old", {tag}'}}
    for _ in range(3):
        again = person.get("/issues", **query)
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert int(again.headers["x-ratelimit-used"]) == used
    rates = person.get(f"{URL}/api/v3/rate_limit").json()["resources"]
    assert (rates["core"]["used"], rates["graphql"]["used"]) == (used, 0)
    github_world.pull()
    changed = person.get("/issues", **query)
    assert (changed.status_code, int(changed.headers["x-ratelimit-used"])) == (200, used + 1)
    # Only a token that is good is told so.
    stranger = httpx.Client(transport=httpx.WSGITransport(github_world.forge.wsgi), base_url=URL)
    assert stranger.get(f"/api/v3/repos/{REPO}/issues", headers={"If-None-Match": tag}).status_code == 401


def test_graphql_counts_for_itself_and_tells_its_limit_in_its_own_way(github_world):
    person = github_world.person()
    asked = {"query": "{ viewer { login } }"}
    github_world.forge.enforce_rate_limit(1)
    assert person.get("").status_code == 200
    first, second = person.post(f"{URL}/api/graphql", json=asked), person.post(f"{URL}/api/graphql", json=asked)
    assert (first.headers["x-ratelimit-resource"], first.headers["x-ratelimit-remaining"]) == ("graphql", "0")
    assert first.json()["data"] == {"viewer": {"login": "maintainer"}}
    assert (second.status_code, second.json()["errors"][0]["type"]) == (200, "RATE_LIMITED")
