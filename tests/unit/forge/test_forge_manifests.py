"""The forge takes the manifests that GitHub takes, and refuses what it would refuse."""

from __future__ import annotations

import json

import httpx
import pytest
from github_world import URL

from pressplay import settings
from pressplay.github import webhooks
from pressplay.github.access import AppKey, GitHubAccess

GOOD = {
    "name": "Octo App",
    "url": "https://www.example.com",
    "hook_attributes": {"url": "https://example.com/github/events"},
    "redirect_url": "https://example.com/redirect",
    "callback_urls": ["https://example.com/callback"],
    "public": True,
    "default_permissions": {"issues": "write", "checks": "write"},
    "default_events": ["issues", "issue_comment", "check_run"],
}
"""The example of GitHub's documentation, without the events of classic suites."""


@pytest.fixture
def web(github_world):
    with httpx.Client(transport=httpx.WSGITransport(github_world.forge.wsgi), base_url=URL) as client:
        yield client


def new(web, manifest, **query):
    return web.post("/settings/apps/new", params=query, data={"manifest": json.dumps(manifest)})


def code(answer):
    return answer.headers["location"].partition("code=")[2].partition("&")[0]


def test_an_app_is_made_and_its_code_exchanged_once(web, github_world):
    answer = new(web, GOOD, state="abc")
    assert answer.headers["location"] == f"https://example.com/redirect?code={code(answer)}&state=abc"
    made = web.post(f"/api/v3/app-manifests/{code(answer)}/conversions")
    assert made.status_code == 201
    found = made.json()
    assert (found["slug"], found["name"]) == ("octo-app", "Octo App")
    assert found["permissions"] == GOOD["default_permissions"]
    assert found["events"] == GOOD["default_events"]
    assert found["pem"].startswith("-----BEGIN RSA PRIVATE KEY-----")
    assert found["webhook_secret"]
    assert web.post(f"/api/v3/app-manifests/{code(answer)}/conversions").status_code == 404
    access = GitHubAccess(
        settings.GitHub(apiURL=f"{URL}/api/v3"),
        lambda _app: AppKey(found["id"], found["pem"]),
        github_world.clock,
        httpx.WSGITransport(github_world.forge.wsgi),
    )
    assert webhooks.of_app(access.as_app("octo-app")).url == GOOD["hook_attributes"]["url"]


def test_a_code_expires_after_an_hour(web, github_world):
    answer = new(web, GOOD)
    github_world.clock.sleep(3600)
    assert web.post(f"/app-manifests/{code(answer)}/conversions").status_code == 404


def test_an_app_without_a_hook_has_no_secret_for_it(web):
    without = {key: value for key, value in GOOD.items() if key not in ("hook_attributes", "default_events")}
    made = web.post(f"/app-manifests/{code(new(web, without))}/conversions").json()
    assert (made["webhook_secret"], made["events"]) == (None, [])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": "Rex"}, "name is already taken"),
        ({"name": "x" * 35}, "name is too long"),
        ({"url": ""}, "url can't be blank"),
        ({"hook_attributes": {"active": False}}, "hook url must be a valid URL"),
        ({"default_events": ["push"]}, "default events are not supported by permissions: push"),
        ({"default_permissions": {"issues": "all"}, "default_events": []}, "issues: all is not a level"),
        ({"webhook": {}}, "webhook is not a known key"),
    ],
)
def test_what_github_would_not_take_is_refused(web, change, words):
    answer = new(web, {**GOOD, **change})
    assert answer.status_code == 422
    assert words in answer.text


@pytest.mark.parametrize("body", ["", "manifest={", "manifest=[]", "x=y"])
def test_what_is_no_manifest_is_refused(web, body):
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert web.post("/organizations/acme/settings/apps/new", content=body, headers=headers).status_code == 422
