"""`pressplay serve` as it is used: its own process, the official client over stdio and HTTP, a forge on the network."""

from __future__ import annotations

import json
import signal
import sys
import threading
import time

import anyio
import httpx
import httpx2
import pytest
from hub import PRESSPLAY, REPO, Hub, serving
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from pressplay.github.wire import MOST_BYTES

pytestmark = pytest.mark.rule("FR9")
TOOLS = ["list_comments", "get_comment", "get_snapshot", "list_reviews"]
MEBIBYTE = 1024 * 1024


@pytest.fixture
def hub(tmp_path):
    made = Hub(tmp_path)
    yield made
    made.close()


async def each_tool(client: Client, hub: Hub, thread: int) -> None:
    """List the tools, and call each, with an error each too."""
    assert [tool.name for tool in (await client.list_tools()).tools] == TOOLS
    of_pull = {"repo": REPO, "pull_request": hub.number}
    called = {
        "list_comments": (of_pull, "### comment-1, by maintainer"),
        "get_comment": ({**of_pull, "id": f"thread-{thread}"}, "> why?"),
        "list_reviews": (of_pull, f"head `{hub.head}`"),
    }
    for name, (arguments, words) in called.items():
        answer = await client.call_tool(name, arguments)
        assert not answer.is_error
        assert words in answer.content[0].text
    missing = await client.call_tool("get_snapshot", {"repo": REPO, "id": "0123456789ab"})
    assert missing.is_error
    assert "no snapshot 0123456789ab" in missing.content[0].text
    wrong = await client.call_tool("list_comments", {"repo": REPO, "pull_request": hub.number, "limit": 1000})
    assert wrong.is_error
    assert "less than or equal to 100" in wrong.content[0].text


def test_the_official_client_lists_and_calls_each_tool_over_stdio_and_over_http(hub, tmp_path):
    hub.says("hello")
    thread = hub.on_line("why?")
    by_stdio = StdioServerParameters(command=PRESSPLAY[0], args=[*PRESSPLAY[1:], "serve", "--stdio", *hub.options])

    async def over_stdio():
        async with Client(by_stdio) as client:
            await each_tool(client, hub, thread)

    anyio.run(over_stdio)
    with serving(*hub.options, *hub.listening) as (_, url, lines):

        async def over_http(mode):
            http = httpx2.AsyncClient(headers=hub.headers)
            transport = streamable_http_client(f"{url}/mcp", http_client=http)
            async with http, Client(transport, mode=mode) as client:
                await each_tool(client, hub, thread)

        anyio.run(over_http, "auto")
        anyio.run(over_http, "legacy")
        nobody = httpx.get(f"{url}/v1/repos/{REPO}/pulls/{hub.number}/comments")
        assert nobody.status_code == 401
        rebound = httpx.get(f"{url}/v1/x", headers={**hub.headers, "Host": "evil.example"})
        assert rebound.status_code == 421
        told = httpx.get(f"{url}/metrics").text
    assert 'pressplay_serve_requests_total{operation="list_comments",outcome="ok",surface="mcp"} 2.0' in told
    log = "".join(lines)
    # R9: whatever the server said, it was no token, no key and nobody's words.
    for secret in (hub.headers["Authorization"].split()[1], "PRIVATE KEY", "ghs_", "why?", "hello"):
        assert secret not in log
    events = [json.loads(line) for line in lines if line.startswith("{")]
    assert {event["event"] for event in events} == {"serving", "call"}


MEASURED = """
import signal, sys, tracemalloc
def tell(*_):
    print("PEAK", tracemalloc.get_traced_memory()[1], file=sys.stderr, flush=True)
    tracemalloc.reset_peak()
signal.signal(signal.SIGUSR1, tell)
import pressplay.cli as c
c.run()
"""


@pytest.mark.rule("R4")
def test_three_thousand_comments_take_no_more_memory_than_three_hundred(hub):
    """What the server holds depends on a page, not on how many follow: here some twenty-four megabytes of text."""
    size = 2_000
    hub.pour(size, comments=100, others=100)
    command = [sys.executable, "-X", "tracemalloc", "-c", MEASURED]
    options = [*hub.options, *hub.listening, "--calls-per-minute", "100000"]
    with serving(*options, command=command) as (process, url, lines):

        def peak() -> int:
            """The most that was held since this was asked last, in bytes."""
            process.send_signal(signal.SIGUSR1)
            told = len([line for line in lines if line.startswith("PEAK")])
            until = time.monotonic() + 20
            while len(found := [line for line in lines if line.startswith("PEAK")]) == told:
                assert time.monotonic() < until
                time.sleep(0.01)
            return int(found[-1].split()[1])

        path = f"{url}/v1/repos/{REPO}/pulls/{hub.number}/comments"
        with httpx.Client(headers=hub.headers, timeout=60) as client:
            assert len(set(all_of_it(client, path))) == 300
            peak()
            all_of_it(client, path)
            few = peak()
            hub.pour(size, comments=2600, others=50)
            seen = all_of_it(client, path)
            many = peak()
    assert len(seen) == len(set(seen)) == 3000
    # Answers with an ETag are kept, within a bound: it is less than all of the text.
    assert many - few < MOST_BYTES + 4 * MEBIBYTE, f"{few / MEBIBYTE:.1f} MiB became {many / MEBIBYTE:.1f}"


def all_of_it(client: httpx.Client, path: str) -> list[str]:
    """The ids of everything that was said, page by page."""
    seen: list[str] = []
    query = {"limit": "100"}
    while True:
        answer = client.get(path, params=query)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        seen += [one["id"] for thread in page["threads"] for one in thread["said"]]
        if page["next_cursor"] is None:
            return seen
        query["cursor"] = page["next_cursor"]


def test_without_its_libraries_it_says_how_to_get_them(monkeypatch, capsys):
    from pressplay.cli import main

    monkeypatch.setitem(sys.modules, "mcp", None)
    assert main(["serve", "--stdio"]) == 2
    assert "pip install 'pressplay[serve]'" in capsys.readouterr().err


@pytest.mark.rule("R3")
def test_told_to_stop_it_answers_what_it_took_and_ends_well(hub, tmp_path, monkeypatch):
    hub.says("hello")
    answer, entered = hub.forge._web._answer, threading.Event()

    def slow(method, path, environ):
        if path.endswith("/comments"):
            entered.set()
            time.sleep(1.5)
        return answer(method, path, environ)

    monkeypatch.setattr(hub.forge._web, "_answer", slow)
    with serving(*hub.options, *hub.listening) as (process, url, lines):
        got: list[httpx.Response] = []
        path = f"{url}/v1/repos/{REPO}/pulls/{hub.number}/comments"
        asking = threading.Thread(target=lambda: got.append(httpx.get(path, headers=hub.headers, timeout=30)))
        asking.start()
        assert entered.wait(20)
        process.send_signal(signal.SIGTERM)
        asking.join(30)
        assert process.wait(20) == 0
    assert got[0].status_code == 200
    assert [thread["id"] for thread in got[0].json()["threads"]] == ["comment-1"]
    assert [json.loads(line)["event"] for line in lines if line.startswith("{")] == [
        "serving", "stopping", "call", "stopped",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "--repo, --app-id, --app-key: missing; give a running sandbox's folder (--sandbox DIR)"),
        (["--repo", "shop", "--app-id", "1", "--app-key", "KEY"], "expected owner/name"),
        (["--repo", REPO, "--app-id", "1", "--app-key", "KEY"], "callers must send a token: give --token-file FILE"),
        (["--repo", REPO, "--app-id", "1", "--app-key", "KEY", "--token-file", "KEY"], "others may read it"),
        (["--sandbox", "."], "no sandbox here (no state.db)"),
        (["--config", "KEY"], "expected --settings and --key-folder beside it"),
    ],
)
@pytest.mark.rule("R10")
def test_what_is_missing_is_said_before_anything_is_served(tmp_path, monkeypatch, capsys, options, words):
    from pressplay.cli import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PRESSPLAY_SERVE_TOKEN", raising=False)
    (tmp_path / "KEY").write_text("no key")
    (tmp_path / "KEY").chmod(0o644)
    assert main(["serve", "--listen", "127.0.0.1:0", *options]) == 2
    assert words in capsys.readouterr().err
