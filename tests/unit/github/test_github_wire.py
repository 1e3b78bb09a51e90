"""What has not changed is not sent again and counts for nothing; what has changed is never kept back."""

from __future__ import annotations

import json

import httpx
import pytest
from github_world import REPO, URL

from pressplay import settings
from pressplay.clock import VirtualClock
from pressplay.errors import TryAgain
from pressplay.github import contents, issues, pulls, refs
from pressplay.github.access import AppKey, GitHubAccess
from pressplay.github.breaker import Breaker
from pressplay.github.calls import call, pages, raw
from pressplay.github.wire import LARGEST_ANSWER, AnswerCache, Wire
from pressplay.sandbox.forge import Fault

API = "http://forge.test/api/v3"


def statuses(world, monkeypatch):
    """The statuses with which the forge answers from now on."""
    seen, whole = [], httpx.WSGITransport.handle_request

    def handle(self, request):
        response = whole(self, request)
        seen.append(response.status_code)
        return response

    monkeypatch.setattr(httpx.WSGITransport, "handle_request", handle)
    return seen


def used(world, gh):
    return call(gh, "GET", "/rate_limit")["resources"]["core"]["used"]


def test_what_has_not_changed_is_asked_for_but_neither_sent_nor_counted(github_world, monkeypatch):
    gh = github_world.client("rex")
    first = contents.read_file(gh, REPO, "README.md", "main")
    seen, before = statuses(github_world, monkeypatch), used(github_world, gh)
    assert [contents.read_file(gh, REPO, "README.md", "main") for _ in range(5)] == [first] * 5
    assert seen[1:] == [304] * 5
    assert used(github_world, gh) == before


@pytest.mark.rule("R2")
def test_an_answer_from_before_a_push_is_never_given(github_world):
    gh = github_world.client("rex")
    for number in range(5):
        sha = github_world.branch("main", {"README.md": str(number).encode()})
        assert refs.head(gh, REPO, "main") == sha
        assert contents.read_file(gh, REPO, "README.md", "main") == str(number).encode()
        assert contents.read_file(gh, REPO, "README.md", "main") == str(number).encode()


@pytest.mark.rule("R9")
def test_answers_are_given_to_whom_they_were_given_and_to_nobody_else(github_world, monkeypatch):
    narrow, wide = github_world.client("rex", contents="read"), github_world.client("rex", contents="write")
    seen = statuses(github_world, monkeypatch)
    for gh in (narrow, wide, github_world.client("qa", contents="read")):
        contents.default_branch(gh, REPO)
    assert seen.count(304) == 0
    contents.default_branch(narrow, REPO)
    assert seen[-1] == 304


def test_another_media_type_is_another_answer(github_world):
    gh = github_world.client("rex")
    path = f"/repos/{REPO}/contents/README.md"
    for _ in range(2):
        assert json.loads(json.dumps(call(gh, "GET", path)))["name"] == "README.md"
        assert raw(gh, path) == b"# Shop\n"


def test_an_answer_that_broke_off_is_not_kept(github_world):
    gh = github_world.client("rex")
    github_world.forge.faults.append(Fault(path=f"/repos/{REPO}$", truncate=40))
    with pytest.raises(TryAgain, match="broke off"):
        contents.default_branch(gh, REPO)
    assert contents.default_branch(gh, REPO) == "main"


def test_a_last_page_that_was_full_is_followed_by_the_next_once_there_is_one(github_world):
    """Its ETag stays the same: only the Link header tells of the page that follows."""
    gh = github_world.client("rex")
    for number in range(100):
        call(gh, "POST", f"/repos/{REPO}/issues", json={"title": str(number)})
    path = f"/repos/{REPO}/issues"
    query = {"sort": "created", "direction": "asc"}
    for wanted in (100, 101, 102):
        assert [len(list(pages(gh, path, query))) for _ in range(2)] == [wanted] * 2
        call(gh, "POST", path, json={"title": "one more"})


def test_a_page_that_others_follow_is_not_sent_again_and_leads_on(github_world, monkeypatch):
    gh = github_world.client("rex")
    for number in range(150):
        call(gh, "POST", f"/repos/{REPO}/issues", json={"title": str(number)})
    assert len(issues.open_issues(gh, REPO)) == 150
    seen = statuses(github_world, monkeypatch)
    assert len(issues.open_issues(gh, REPO)) == 150
    assert seen == [304, 304]


# -- its bounds --------------------------------------------------------------------------------------------------------


def answer(etag, body=b"{}", **headers):
    headers = {"etag": etag, "content-type": "application/json", **headers}
    return httpx.Response(200, headers=headers, content=body, request=httpx.Request("GET", API))


def test_what_was_not_asked_for_the_longest_time_goes_first():
    kept = AnswerCache(most=2)
    for key in "abc":
        kept.keep(key, answer(f'"{key}"'))
        assert kept.of("a") is not None or key == "c"
    assert [kept.of(key) is not None for key in "abc"] == [True, False, True]


def test_the_bytes_that_are_held_are_bounded():
    kept = AnswerCache(most_bytes=100_000)
    for number in range(200):
        kept.keep(number % 50, answer(f'"{number}"', json.dumps("x" * 9000).encode()))
        assert kept.bytes <= 100_000
    assert 5 < len(kept) < 12


@pytest.mark.parametrize(
    "response",
    [
        answer('"x"', b"{"),
        answer('"x"', json.dumps("x" * LARGEST_ANSWER).encode()),
        answer(""),
        answer('"x"', **{"content-type": "text/plain"}),
        httpx.Response(203, headers={"etag": '"x"', "content-type": "application/json"}, content=b"{}"),
    ],
    ids=["broken", "large", "without an ETag", "no JSON", "not 200"],
)
def test_what_is_not_to_be_kept_is_not(response):
    kept = AnswerCache()
    kept.keep("a", response)
    assert (len(kept), kept.bytes) == (0, 0)


def test_what_was_sent_compressed_is_given_again_plain():
    import gzip

    def handle(request):
        if request.headers.get("if-none-match") == '"1"':
            headers = {"etag": '"1"', "x-ratelimit-remaining": "7", "content-encoding": "gzip"}
            return httpx.Response(304, headers=headers)
        headers = {"etag": '"1"', "content-type": "application/json", "content-encoding": "gzip", "link": "<l>"}
        return httpx.Response(200, headers=headers, content=gzip.compress(b'{"a": 1}'))

    clock = VirtualClock()
    wire = Wire(
        httpx.MockTransport(handle), httpx.URL(API), clock, Breaker(clock), AnswerCache(), "rex", ("a", "b"), "me"
    )
    with httpx.Client(transport=wire) as client:
        found = [client.get(f"{API}/x") for _ in range(3)]
    assert [(one.status_code, one.json(), one.headers["link"]) for one in found] == [(200, {"a": 1}, "<l>")] * 3
    assert [one.headers.get("x-ratelimit-remaining") for one in found] == [None, "7", "7"]


def test_where_github_sends_us_on_to_is_left_alone():
    """The storage of logs has ETags and limits of its own, and no business with our token."""
    asked = []

    def handle(request):
        asked.append(request)
        if request.url.host == "forge.test":
            return httpx.Response(302, headers={"location": "http://logs.test/log?x", "etag": '"1"'})
        return httpx.Response(429, headers={"retry-after": "900", "etag": '"2"'}, text="no")

    clock = VirtualClock()
    breaker = Breaker(clock)
    wire = Wire(httpx.MockTransport(handle), httpx.URL(API), clock, breaker, AnswerCache(), "rex", ("a", "b"), "me")
    with httpx.Client(transport=wire, follow_redirects=True, headers={"Authorization": "Bearer x"}) as client:
        assert [client.get(f"{API}/x").status_code for _ in range(2)] == [429, 429]
    breaker.check(["a", "b"], "")
    assert [request.headers.get("if-none-match") for request in asked] == [None] * 4
    assert [request.headers.get("authorization") for request in asked] == ["Bearer x", None] * 2


def test_over_a_real_connection_it_is_the_same_and_one_connection_serves(github_world, monkeypatch):
    opened = []
    whole = httpx.HTTPTransport.handle_request

    def handle(self, request):
        response = whole(self, request)
        opened.append(response.extensions["network_stream"].get_extra_info("client_addr"))
        return response

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", handle)
    server = github_world.forge.serve()
    real = GitHubAccess(
        settings.GitHub(apiURL=f"{server.url}/api/v3", gitURL=server.url, webURL=server.url),
        lambda app: AppKey(github_world.apps[app].id, github_world.apps[app].private_key),
        github_world.clock,
    )
    try:
        gh = real.installation("rex", REPO, {"contents": "read", "pull_requests": "read"})
        for _ in range(3):
            assert contents.default_branch(gh, REPO) == "main"
            assert pulls.all_pulls(gh, REPO) == []
        assert len(opened) == 8
        # Waitress, the forge's server, ends a connection after a 304.
        assert len(set(opened[:4])) == 1
    finally:
        real.close()
        server.close()


def test_the_environments_proxy_is_used(github_world, monkeypatch):
    """A transport that is handed to httpx would leave it out; a company's network often has no other way out."""
    server = github_world.forge.serve()
    monkeypatch.setenv("HTTP_PROXY", server.url)
    monkeypatch.delenv("NO_PROXY", raising=False)
    far = GitHubAccess(
        settings.GitHub(apiURL="http://ghes.invalid/api/v3", gitURL=URL, webURL=URL),
        lambda app: AppKey(github_world.apps[app].id, github_world.apps[app].private_key),
        github_world.clock,
    )
    try:
        assert far.login("rex") == "rex[bot]"
    finally:
        far.close()
        server.close()
