"""The server's HTTP: addresses, statuses, the gate, health and metrics."""

from __future__ import annotations

import json
import logging
import threading

import anyio
import pytest
from github_world import REPO
from served import GOOD, SETTINGS, TOKEN, App

from pressplay.sandbox.forge import Fault
from pressplay.serve import log
from pressplay.serve.buckets import Buckets

pytestmark = pytest.mark.rule("FR9")
PULLS = f"/v1/repos/{REPO}/pulls"
HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
}


@pytest.fixture
def app(served):
    return App(served)


def test_each_operation_has_an_address(app, served):
    root = served.on_line("a line")
    served.says("a comment")
    assert app.get(f"{PULLS}/{served.number}/comments").json()["threads"][0]["id"] == f"thread-{root}"
    one = app.get(f"{PULLS}/{served.number}/comments/thread-{root}")
    assert one.json()["threads"][0]["said"][0]["body"] == "a line"
    assert app.get(f"{PULLS}/{served.number}/reviews").json()["state"] == "open"
    missing = app.get(f"/v1/repos/{REPO}/snapshots/0123456789ab")
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "not_found")
    assert one.headers["cache-control"] == "no-store"


def test_the_query_holds_the_arguments_and_the_form_is_chosen_by_it_or_by_accept(app, served):
    served.on_line("a line")
    served.comments(3)
    path = f"{PULLS}/{served.number}/comments"
    page = app.get(path, params={"kind": "comment", "limit": "2", "unresolved": "true"})
    assert [thread["id"] for thread in page.json()["threads"]] == ["comment-1", "comment-2"]
    rest = app.get(
        path, params={"kind": "comment", "unresolved": "true", "cursor": page.json()["next_cursor"], "format": "json"}
    )
    assert [thread["id"] for thread in rest.json()["threads"]] == ["comment-3"]
    for asked in ({"params": {"format": "markdown"}}, {"headers": {**GOOD, "Accept": "text/markdown"}}):
        shown = app.get(path, **asked)
        assert shown.headers["content-type"].startswith("text/markdown")
        assert shown.text.startswith(f"# Comments on {REPO}#{served.number}")


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        (f"{PULLS}/77/comments", 404, "has no pull request 77"),
        (f"{PULLS}/one/comments", 400, "pull_request: input should be a valid integer"),
        (f"{PULLS}/1/comments?limit=0", 400, "limit: input should be greater"),
        (f"{PULLS}/1/comments?Limit=5", 400, "Limit: no such argument (did you mean limit?)"),
        (f"{PULLS}/1/comments?limit=5&limit=6", 400, "each argument may be given once"),
        (f"{PULLS}/1/comments?repo=acme/other", 200, ""),
        ("/v1/repos/acme/other/pulls/1/comments", 403, "acme/other is not served here"),
        ("/v1/repos/acme/..%2f..%2fuser/pulls/1/comments", 404, "nothing at this address"),
        ("/v1/repos/acme/%00/pulls/1/comments", 400, "expected owner/name"),
        ("/v1/other", 404, "nothing at this address. There is: /v1/repos/{owner}"),
        ("/", 404, "nothing at this address"),
        (f"{PULLS}/1/comments?author={'x' * 9000}", 414, "too long"),
    ],
)
def test_what_is_wrong_is_told_by_status_and_words(app, path, status, words):
    answer = app.get(path)
    assert answer.status_code == status, answer.text
    if words:
        assert words in answer.json()["error"]["message"]


def test_everything_is_a_get(app):
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        (answer,) = app.ask((method, f"{PULLS}/1/comments", {}))
        assert answer.status_code == 405
        assert answer.json()["error"]["code"] == "method"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": f"Bearer {TOKEN}"}, 200),
        ({"Authorization": "Bearer a.b.c"}, 200),
        ({"Authorization": "Bearer a.b.d"}, 403),
        ({**GOOD, "Host": "evil.example"}, 421),
        ({**GOOD, "Host": "evil.example:8090"}, 421),
        ({**GOOD, "Host": "localhost.evil.example:8090"}, 421),
        ({**GOOD, "Host": "127.0.0.1:1"}, 200),
        ({**GOOD, "Host": "[::1]:8090"}, 200),
        ({**GOOD, "Host": "press-play-serve.press-play.svc:8080"}, 200),
        ({**GOOD, "Origin": "https://evil.example"}, 403),
        ({**GOOD, "Origin": "null"}, 403),
        ({**GOOD, "Origin": "https://tools.example"}, 200),
        ({**GOOD, "Content-Length": "99999999"}, 413),
        ({**GOOD, "Content-Length": "-1"}, 413),
    ],
)
@pytest.mark.parametrize("surface", ["http", "mcp"])
def test_the_gate_stands_before_both_surfaces(served, headers, status, surface):
    app = App(served, hosts=["press-play-serve.press-play.svc"], origins=["https://tools.example"])
    if surface == "http":
        answer = app.get(f"{PULLS}/{served.number}/reviews", headers=headers)
    else:
        accept = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
        sent = {"headers": {**accept, **headers}, "content": json.dumps(HELLO)}
        (answer,) = app.ask(("POST", "/mcp", sent))
    assert answer.status_code == status, answer.text
    if status == 401:
        assert answer.headers["www-authenticate"] == 'Bearer realm="press-play"'
        assert "Authorization: Bearer <token>" in answer.json()["error"]["message"]


def test_mcp_is_posts_only_and_a_body_beyond_the_limit_is_not_read(app):
    assert app.get("/mcp").status_code == 405
    (ended,) = app.ask(("DELETE", "/mcp", {}))
    assert ended.status_code == 405

    async def much():
        for _ in range(100):
            yield b"x" * 10_000

    headers = {**GOOD, "Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    (large,) = app.ask(("POST", "/mcp", {"headers": headers, "content": much()}))
    assert large.status_code == 413


def test_a_proxy_of_tools_may_send_single_messages_without_a_session(app, served):
    """As toolman does: an old protocol, no session, no `initialized`, the answer as JSON or as one event."""
    hello = {**HELLO, "params": {**HELLO["params"], "protocolVersion": "2024-11-05"}}
    listing = {"jsonrpc": "2.0", "id": 2, "method": "tools/list", "params": {}}
    arguments = {"repo": REPO, "pull_request": served.number}
    call = {**listing, "method": "tools/call", "params": {"name": "list_reviews", "arguments": arguments}}
    headers = {**GOOD, "Accept": "application/json,text/event-stream"}
    asked = [("POST", "/mcp", {"headers": headers, "json": message}) for message in (hello, listing, call)]
    greeted, listed, called = app.ask(*asked)
    assert greeted.json()["result"]["protocolVersion"] == "2024-11-05"
    assert "mcp-session-id" not in greeted.headers
    tools = listed.json()["result"]["tools"]
    assert (tools[0]["name"], tools[0]["inputSchema"]["type"]) == ("list_comments", "object")
    assert called.json()["result"]["content"][0]["text"].startswith("# Reviews of acme/shop#")


@pytest.mark.rule("R4")
def test_a_caller_who_asks_too_often_is_told_when_to_come_back_and_others_are_not(served):
    app = App(served, limits={"calls_per_minute": 6, "burst": 2})
    path = f"{PULLS}/{served.number}/reviews"
    other = {"headers": {"Authorization": "Bearer a.b.c"}}
    answers = app.ask(*[("GET", path, {})] * 3, ("GET", path, other))
    assert [answer.status_code for answer in answers] == [200, 200, 429, 200]
    assert answers[2].headers["retry-after"] in ("9", "10")
    assert answers[2].json()["error"]["code"] == "too_many_calls"


@pytest.mark.rule("R4")
def test_a_bucket_fills_by_its_rate_and_no_further_than_its_burst():
    clock = [0.0]
    buckets = Buckets(60, 3, lambda: clock[0])
    assert [buckets.take("a") for _ in range(5)] == [0, 0, 0, 1, 1]
    assert buckets.take("b") == 0
    clock[0] = 1.0
    assert [buckets.take("a") for _ in range(2)] == [0, 1]
    clock[0] = 100.0
    assert [buckets.take("a") for _ in range(4)] == [0, 0, 0, 1]


@pytest.mark.rule("R4")
def test_more_than_can_wait_is_turned_away_and_all_that_was_taken_is_answered(served, monkeypatch):
    app = App(served, limits={"at_once": 1, "burst": 100})
    seen, mint = [], served.source.github.installation
    turned_away = threading.Event()

    def slow(*asked):
        turned_away.wait(30)
        return mint(*asked)

    monkeypatch.setattr(served.source.github, "installation", slow)

    async def run():
        async with app.client() as client, anyio.create_task_group() as tasks:

            async def one():
                answer = await client.get(f"{PULLS}/{served.number}/reviews", headers=GOOD)
                seen.append((answer.status_code, answer.headers.get("retry-after")))
                if answer.status_code == 503:
                    turned_away.set()

            for _ in range(20):
                tasks.start_soon(one)

    anyio.run(run)
    assert len(seen) == 20
    assert set(seen) == {(200, None), (503, "5")}
    assert seen.count((200, None)) >= 5


def test_github_not_answering_is_503_with_the_time_to_wait(app, served):
    served.world.forge.faults.append(Fault(path=r"/pulls/1$", status=429, headers={"Retry-After": "12"}))
    answer = app.get(f"{PULLS}/1/comments")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "12")
    assert answer.json()["error"]["code"] == "github_unavailable"


def test_health_needs_no_token_and_readiness_says_what_is_missing(served):
    ready, waiting = App(served), App(served, missing="no key of App 'press-play'")
    nobody = {"headers": {"Host": "10.0.0.7:8080"}}
    assert [
        answer.status_code for answer in ready.ask(*[("GET", path, nobody) for path in ("/healthz", "/readyz")])
    ] == [
        200,
        200,
    ]
    alive, missing = waiting.ask(("GET", "/healthz", nobody), ("GET", "/readyz", nobody))
    assert alive.status_code == 200
    assert (missing.status_code, missing.text) == (503, "no key of App 'press-play'\n")
    ready.state.stopping = True
    assert ready.get("/readyz").text == "stopping\n"


@pytest.mark.rule("R9")
def test_metrics_and_logs_hold_no_id_no_token_and_no_text(served, caplog):
    app = App(served)
    root = served.on_line("words of somebody", path="task-1-implementation.txt")
    with caplog.at_level(logging.INFO, logger="pressplay.serve"):
        app.ask(
            ("GET", f"{PULLS}/{served.number}/comments", {"params": {"author": "maintainer", "path": "secret/path"}}),
            ("GET", f"{PULLS}/{served.number}/comments/thread-{root}", {}),
            ("GET", f"{PULLS}/47114711/comments", {}),
            ("GET", "/v1/nowhere", {}),
            ("GET", f"{PULLS}/1/comments", {"headers": {"Authorization": "Bearer guessed-token-0123"}}),
        )
        told = app.get("/metrics").text
    assert 'pressplay_serve_requests_total{operation="list_comments",outcome="not_found",surface="http"} 1.0' in told
    assert 'pressplay_serve_authentications_total{outcome="unauthorized"} 1.0' in told
    assert "pressplay_serve_in_flight 0.0" in told
    lines = [log._Lines().format(record) for record in caplog.records if record.name == "pressplay.serve"]
    assert len(lines) == 3
    assert json.loads(lines[0])["event"] == "call"
    for text in (told, *lines):
        for word in (TOKEN, "guessed", "words of", "secret/path", "acme", "maintainer", f"thread-{root}", "47114711"):
            assert word not in text, word


def test_what_libraries_log_is_reduced_to_where_it_was_said():
    record = logging.LogRecord(
        "mcp.server", logging.ERROR, "/x/site-packages/mcp/a.py", 7, "Host: evil %s", ("x",), None
    )
    assert json.loads(log._Lines().format(record)) == {
        "time": json.loads(log._Lines().format(record))["time"],
        "level": "error",
        "event": "library",
        "logger": "mcp.server",
        "line": "a.py:7",
    }


def test_the_settings_of_the_tests_are_an_installations():
    assert SETTINGS.is_ours("rex[bot]")
    assert SETTINGS.is_ours("Press-Play[bot]")
    assert not SETTINGS.is_ours("rex")
