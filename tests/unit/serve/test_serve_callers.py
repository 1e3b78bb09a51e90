"""Each caller reads its own repositories, and can't tell that there are others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx
import pytest
from github_world import AGENT, REPO, URL
from pydantic import ValidationError
from served import SETTINGS, App, Served, taken

from pressplay.cluster.tokens import ServiceAccount
from pressplay.github import contents, pulls, refs, snapshots
from pressplay.serve.callers import LOCAL, caller
from pressplay.serve.config import AllowedCaller
from pressplay.settings import RepositoryDefaults

pytestmark = [pytest.mark.rule("FR9"), pytest.mark.rule("R8")]
OTHER = "Team-B/Secret.Plans"
"""Listed, and another team's."""
NOWHERE = "Team-B/secret.plants"
"""Listed nowhere, and of the same length."""
TEAM, ALL = {"Authorization": "Bearer a.b.e"}, {"Authorization": "Bearer a.b.c"}
CALLERS = {"team/*": [REPO], "agents/rex": ["*/*"]}
TOOLS = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-06-18"}


class Two(Served):
    """A world with two repositories, each with a pull request and a snapshot."""

    hash = ""
    thread = 0


@pytest.fixture
def two(served: Served) -> Two:
    world = served.world
    world.forge.create_repository(OTHER, world.folder / "source")
    world.forge.grant(OTHER, "maintainer", "admin")
    for app in ("press-play", "rex"):
        world.forge.install(app, OTHER)
    gh = world.access.installation("rex", OTHER, AGENT)
    head = refs.head(gh, OTHER, contents.default_branch(gh, OTHER))
    head = refs.commit_files(gh, OTHER, "work", {"plan.txt": b"plan"}, "Work", head)
    pulls.open_pull(gh, OTHER, "work", "main", "Work", "Please.")
    headers = {"Authorization": f"Bearer {world.forge.user_token('maintainer')}"}
    with httpx.Client(
        transport=httpx.WSGITransport(world.forge.wsgi), base_url=f"{URL}/api/v3/repos/{OTHER}", headers=headers
    ) as person:
        for number in range(3):
            person.post("/issues/1/comments", json={"body": f"the plan is {number}"}).raise_for_status()
        line = {"body": "a secret line", "commit_id": head, "path": "plan.txt", "line": 1}
        thread = person.post("/pulls/1/comments", json=line).raise_for_status().json()["id"]
    harness = world.access.installation("press-play", OTHER, {"contents": "write"})
    kept = replace(taken(2), repository=OTHER)
    snapshots.keep(harness, kept, "main")
    repositories = {REPO: RepositoryDefaults(), OTHER: RepositoryDefaults()}
    settings = SETTINGS.model_copy(update={"repositories": repositories})
    made = Two(world, served.pull, replace(served.source, settings=settings))
    made.hash, made.thread = kept.hash, thread
    return made


def by_http(app: App, repo: str, rest: str, headers: dict[str, str] = TEAM, **params: str) -> tuple[int, str]:
    answer = app.get(f"/v1/repos/{repo}{rest}", params=params, headers=headers)
    return answer.status_code, answer.text


def by_mcp(app: App, name: str, headers: dict[str, str] = TEAM, **arguments: Any) -> tuple[bool, str]:
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": arguments}}
    (answer,) = app.ask(("POST", "/mcp", {"headers": {**headers, **TOOLS}, "json": call}))
    result = answer.json()["result"]
    (content,) = result["content"]
    return result["isError"], content["text"]


@pytest.mark.parametrize(
    ("patterns", "shown"),
    [
        (["acme/shop"], {REPO}),
        (["ACME/Shop"], {REPO}),
        (["*/*"], {REPO, OTHER}),
        (["team-b/*"], {OTHER}),
        (["*/secret.*"], {OTHER}),
        (["acme/*", "Team-B/Secret.Plans"], {REPO, OTHER}),
        (["acme/sho"], set()),
        (["acme/shop*"], {REPO}),
        (["*/hop"], set()),
        # A dot is a dot, and a star goes over no slash.
        (["team-b/secretxplans"], set()),
        (["team-b/secret?plans"], set()),
        (["*"], set()),
    ],
)
def test_a_caller_sees_what_its_patterns_name(patterns: list[str], shown: set[str]):
    settings = SETTINGS.model_copy(update={"repositories": {REPO: RepositoryDefaults(), OTHER: RepositoryDefaults()}})
    entries = [AllowedCaller(service_account="team/reader", repositories=patterns)]
    who = caller(ServiceAccount("team", "reader"), entries)
    assert who is not None
    assert set(who.view(settings).repositories) == shown
    assert set(settings.repositories) == {REPO, OTHER}


def test_the_entries_that_name_an_account_add_up_and_others_do_not_count():
    entries = [
        AllowedCaller(service_account="team/*", repositories=["a/b"]),
        AllowedCaller(service_account="team/reader", repositories=["c/d", "a/b"]),
        AllowedCaller(service_account="team/writer", repositories=["e/f"]),
        AllowedCaller(service_account="teams/*", repositories=["*/*"]),
    ]
    who = caller(ServiceAccount("team", "reader"), entries)
    assert who is not None
    assert who.repositories == ("a/b", "c/d")
    assert caller(ServiceAccount("tea", "reader"), entries) is None


def test_on_a_laptop_there_is_all_that_was_named():
    assert set(LOCAL.view(SETTINGS).repositories) == {REPO}


@pytest.mark.parametrize(
    "entry",
    [
        {"serviceAccount": "*/rex", "repositories": ["a/b"]},
        {"serviceAccount": "rex", "repositories": ["a/b"]},
        {"serviceAccount": "a/b/c", "repositories": ["a/b"]},
        {"serviceAccount": "a/b", "repositories": []},
        {"serviceAccount": "a/b"},
    ],
)
def test_an_entry_that_leaves_open_who_or_what_is_refused(entry: dict[str, Any]):
    with pytest.raises(ValidationError):
        AllowedCaller.model_validate(entry)


REST = ("/pulls/1/comments", "/pulls/1/reviews", "/pulls/1/comments/comment-1", "/pulls/99/reviews")
SPELLINGS = (
    OTHER,
    OTHER.lower(),
    OTHER.upper(),
    OTHER.replace("/", "%2F"),
    f"acme/../{OTHER}",
    f"{REPO}/../../{OTHER}",
)


def test_who_may_read_both_reads_both(two: Two):
    app = App(two, callers=CALLERS)
    for repo in (REPO, OTHER, OTHER.lower()):
        status, text = by_http(app, repo, "/pulls/1/comments", ALL)
        assert status == 200, text
    assert "the plan is 0" in text


@pytest.mark.parametrize("rest", [*REST, "/snapshots/HASH", "/pulls/1/comments/thread-THREAD"])
def test_another_teams_repository_is_as_if_it_were_not_there(two: Two, rest: str):
    app = App(two, callers=CALLERS)
    rest = rest.replace("HASH", two.hash).replace("THREAD", str(two.thread))
    # Who may read it finds something there, or at least learns that there is nothing: the question is a good one.
    assert by_http(app, OTHER, rest, ALL)[0] in (200, 404)
    hidden, absent = by_http(app, OTHER, rest), by_http(app, NOWHERE, rest)
    assert hidden[0] == 403
    assert hidden == (absent[0], absent[1].replace(NOWHERE, OTHER))
    assert "Secret" not in absent[1]
    # What the other caller's question left in memory changes nothing.
    assert by_http(app, OTHER, rest) == hidden


@pytest.mark.parametrize("repo", SPELLINGS)
def test_no_spelling_of_its_name_opens_it(two: Two, repo: str):
    app = App(two, callers=CALLERS)
    status, text = by_http(app, repo, "/pulls/1/comments")
    assert status in (400, 403, 404)
    assert "plan is" not in text
    error, text = by_mcp(app, "list_comments", repo=repo, pull_request=1)
    assert error
    assert "plan is" not in text


@pytest.mark.parametrize("repo", [OTHER, OTHER.lower(), OTHER.upper()])
def test_the_tools_know_it_no_more_than_the_addresses(two: Two, repo: str):
    app = App(two, callers=CALLERS)
    assert by_mcp(app, "list_comments", ALL, repo=repo, pull_request=1)[0] is False
    asked: dict[str, dict[str, Any]] = {
        "list_comments": {"pull_request": 1},
        "list_reviews": {"pull_request": 1},
        "get_comment": {"pull_request": 1, "id": f"thread-{two.thread}"},
        "get_snapshot": {"id": two.hash},
    }
    for name, arguments in asked.items():
        hidden = by_mcp(app, name, repo=repo, **arguments)
        absent = by_mcp(app, name, repo=NOWHERE, **arguments)
        assert hidden == (True, f"repo: {repo} is not served here. Expected one of: {REPO}.")
        assert absent == (True, f"repo: {NOWHERE} is not served here. Expected one of: {REPO}.")


def test_a_cursor_of_another_teams_list_goes_nowhere(two: Two):
    app = App(two, callers=CALLERS)
    first = app.get(f"/v1/repos/{OTHER}/pulls/1/comments", params={"kind": "comment", "limit": "1"}, headers=ALL).json()
    cursor = first["next_cursor"]
    assert "plan is 1" in by_http(app, OTHER, "/pulls/1/comments", ALL, kind="comment", limit="1", cursor=cursor)[1]
    for given in (cursor, "bm9uc2Vuc2U", None):
        more = {"cursor": given} if given else {}
        status, text = by_http(app, OTHER, "/pulls/1/comments", kind="comment", limit="1", **more)
        assert (status, "not_listed" in text) == (403, True)
    status, text = by_http(app, REPO, "/pulls/1/comments", kind="comment", limit="1", cursor=cursor)
    assert (status, "belongs to other arguments" in text) == (400, True)


def test_an_id_of_another_teams_snapshot_or_thread_is_nothing_in_ones_own_repository(two: Two):
    app = App(two, callers=CALLERS)
    # Who may read both has both in memory.
    for rest in (f"/snapshots/{two.hash}", f"/pulls/1/comments/thread-{two.thread}"):
        assert by_http(app, OTHER, rest, ALL)[0] == 200
    status, text = by_http(app, REPO, f"/snapshots/{two.hash}")
    made_up = by_http(app, REPO, "/snapshots/0123456789ab")
    assert (status, text) == (made_up[0], made_up[1].replace("0123456789ab", two.hash))
    for id_ in (f"thread-{two.thread + 7}", f"line-{two.thread}", "comment-2"):
        status, text = by_http(app, REPO, f"/pulls/1/comments/{id_}")
        assert status == 404, text
        assert "secret line" not in text
        assert "plan is" not in text


def test_a_caller_whose_patterns_match_nothing_learns_nothing(two: Two):
    app = App(two, callers={"team/*": ["team-c/*"]})
    for repo in (REPO, OTHER, NOWHERE):
        status, text = by_http(app, repo, "/pulls/1/reviews")
        assert status == 403
        assert f"{repo} is not served here. Expected one of: none." in text


def test_who_is_in_no_entry_does_not_get_in(two: Two):
    app = App(two, callers=CALLERS)
    status, text = by_http(app, REPO, "/pulls/1/reviews", {"Authorization": "Bearer a.b.d"})
    assert (status, "serviceAccount: other/x" in text) == (403, True)
