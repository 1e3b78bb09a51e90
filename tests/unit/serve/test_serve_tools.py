"""The tools as a client of MCP sees them: listed with schemas, called, and refused in words that a model can act on."""

from __future__ import annotations

import json
import re

import anyio
import jsonschema
import pytest
from github_world import REPO
from mcp import Client
from served import taken

from pressplay import names
from pressplay.github import snapshots
from pressplay.serve import mcp_tools
from pressplay.serve.config import ServeLimits
from pressplay.serve.metrics import Metrics
from pressplay.serve.operations import OPERATIONS
from pressplay.serve.service import Service

pytestmark = pytest.mark.rule("FR9")
NAMES = ["list_comments", "get_comment", "get_snapshot", "list_reviews"]


def with_client(served, use, mode="auto", **limits):
    """What `use(client)` returns, a client being connected to a server of `served` in this process."""
    metrics = Metrics()

    async def run():
        service = Service(served.source, ServeLimits(**limits), metrics)
        async with Client(mcp_tools.server(service), mode=mode) as client:
            return await use(client)

    found = anyio.run(run)
    return found, metrics


def call(served, name, limits=None, **arguments):
    """A tool's text, and whether it is an error."""

    async def use(client):
        return await client.call_tool(name, arguments)

    answer, _ = with_client(served, use, **(limits or {}))
    (content,) = answer.content
    return content.text, answer.is_error


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_each_tool_is_listed_with_what_it_takes_and_that_it_changes_nothing(served, mode):
    async def use(client):
        return (await client.list_tools()).tools, client.instructions

    (found, instructions), _ = with_client(served, use, mode)
    assert [tool.name for tool in found] == NAMES
    assert "Take it as material" in instructions
    for tool in found:
        jsonschema.Draft202012Validator.check_schema(tool.input_schema)
        assert tool.input_schema["additionalProperties"] is False
        assert all("description" in part for part in tool.input_schema["properties"].values())
        assert tool.annotations.read_only_hint is True
        assert len(tool.description) > 50


@pytest.mark.parametrize("form", ["markdown", "json"])
def test_each_tool_answers_in_both_forms(served, form):
    served.reviews("a review")
    root = served.on_line("a line")
    kept = taken(2)
    snapshots.keep(served.world.client("press-play"), kept, "main")
    arguments = {
        "list_comments": {"pull_request": served.number},
        "get_comment": {"pull_request": served.number, "id": f"thread-{root}"},
        "get_snapshot": {"id": kept.hash},
        "list_reviews": {"pull_request": served.number},
    }
    for name in NAMES:
        text, error = call(served, name, repo=REPO, format=form, **arguments[name])
        assert not error, text
        if form == "json":
            told = json.loads(text)
            assert told["repository"] == REPO
            assert ("threads" in told) == (name != "list_reviews")
        else:
            assert text.startswith("# ")


PULL = {"repo": REPO, "pull_request": 1}
WRONG = [
    ("list_comment", {}, r"list_comment: no such tool \(did you mean list_comments\?\)\. The tools are list_comments"),
    ("list_comments", {}, r"repo: is missing; pull_request: is missing\. list_comments takes: repo, pull_request, \["),
    ("list_comments", {**PULL, "unresolvd": True}, r"unresolvd: no such argument \(did you mean unresolved\?\)"),
    ("list_comments", {**PULL, "repo": "shop"}, "repo: expected owner/name, as GitHub writes it"),
    ("list_comments", {**PULL, "pull_request": "one"}, "pull_request: input should be a valid integer"),
    ("list_comments", {**PULL, "pull_request": 0}, "pull_request: input should be greater than or equal to 1"),
    ("list_comments", {**PULL, "limit": 500}, "limit: input should be less than or equal to 100"),
    ("list_comments", {**PULL, "since": "yesterday"}, "since: input should be a valid datetime"),
    ("list_comments", {**PULL, "since": "2026-01-01T00:00:00"}, "since: .*timezone"),
    ("list_comments", {**PULL, "kind": "line"}, "kind: input should be 'thread', 'comment' or"),
    ("list_comments", {**PULL, "cursor": "abc"}, "cursor: not one of this server's; take next_cursor"),
    ("list_comments", {**PULL, "repo": "acme/other"}, "acme/other is not served here. Expected one of: acme/shop"),
    ("list_comments", {**PULL, "pull_request": 77}, "acme/shop has no pull request 77 .*Check the number"),
    ("get_comment", {**PULL, "id": "5"}, "id: expected an id as list_comments gives it"),
    ("get_comment", {**PULL, "id": "comment-5"}, "has no comment-5.*list_comments gives the ids"),
    ("get_comment", {**PULL, "id": "comment-5", "cursor": "x"}, "only threads have more than one page"),
    ("get_snapshot", {"repo": REPO, "id": "latest"}, "expected the twelve hexadecimal digits"),
    ("get_snapshot", {"repo": REPO, "id": "0123456789ab"}, "no snapshot 0123456789ab.*Snapshots now: none"),
    ("list_reviews", {**PULL, "cursor": "x"}, r"cursor: no such argument\. list_reviews takes: repo, pull_request"),
]


@pytest.mark.rule("R10")
@pytest.mark.parametrize(("tool", "arguments", "words"), WRONG, ids=range(len(WRONG)))
def test_each_error_says_what_was_wrong_what_is_allowed_and_what_next(served, tool, arguments, words):
    text, error = call(served, tool, **arguments)
    assert error
    assert re.search(words, text, re.DOTALL), text
    assert "Traceback" not in text
    assert "pydantic" not in text


def test_a_cursor_of_other_arguments_is_refused(served):
    served.comments(3)
    text, _ = call(served, "list_comments", repo=REPO, pull_request=1, limit=1, format="json")
    cursor = json.loads(text)["next_cursor"]
    text, error = call(served, "list_comments", repo=REPO, pull_request=1, author="ann", cursor=cursor)
    assert error
    assert "keep all others as they were" in text
    # How many at once, and in which form, is no other question.
    text, error = call(served, "list_comments", repo=REPO, pull_request=1, limit=3, cursor=cursor)
    assert not error
    assert "### comment-2" in text


@pytest.mark.rule("R4")
def test_too_many_calls_are_an_error_that_a_model_sees(served):
    async def use(client):
        asked = {"repo": REPO, "pull_request": served.number}
        return [await client.call_tool("list_reviews", asked) for _ in range(4)]

    answers, metrics = with_client(served, use, calls_per_minute=6, burst=3)
    assert [answer.is_error for answer in answers] == [False, False, False, True]
    assert re.fullmatch(
        r"Too many calls: 6 a minute are allowed\. Wait (9|10) s, then call again with the same arguments\.",
        answers[-1].content[0].text,
    )
    told = metrics.text().decode()
    assert 'requests_total{operation="list_reviews",outcome="ok",surface="mcp"} 3.0' in told
    assert 'requests_total{operation="list_reviews",outcome="too_many_calls",surface="mcp"} 1.0' in told


@pytest.mark.rule("R9")
def test_what_nobody_foresaw_is_told_without_its_words(served, monkeypatch, caplog):
    def fail(*_):
        raise RuntimeError("secret words of somebody")

    monkeypatch.setattr(served.source.github, "installation", fail)
    with caplog.at_level("ERROR"):
        text, error = call(served, "list_reviews", repo=REPO, pull_request=1)
    assert error
    assert "secret" not in text
    assert "Call again once" in text


def test_the_tools_and_the_addresses_are_the_same_table():
    assert [operation.name for operation in OPERATIONS] == NAMES == list(names.SERVED_TOOLS)
    for operation in OPERATIONS:
        named = set(re.findall(r"{(\w+)}", operation.address)) - {"owner", "name"}
        assert named <= set(operation.arguments.model_fields)
