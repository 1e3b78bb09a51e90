"""A token that one account mints and another uses: for what it was minted, for as long as it lasts, and no key (R9)."""

from __future__ import annotations

import json

import httpx
import pytest
from github_world import REPO, URL

from pressplay.errors import InputError
from pressplay.github import contents
from pressplay.github.given import GivenToken, TokenSpent

pytestmark = pytest.mark.rule("R9")
READ = {"contents": "read", "pull_requests": "read"}


@pytest.fixture
def given(github_world) -> GivenToken:
    minted = github_world.access.mint("press-play", REPO, READ)
    return GivenToken.unpack(minted.pack())


def test_it_reads_what_it_was_minted_for(github_world, given):
    gh = github_world.access.with_token(given).installation("press-play", REPO, {"contents": "read"})
    assert contents.default_branch(gh, REPO) == "main"
    assert gh.login == "press-play[bot]"
    assert gh.app_id == github_world.apps["press-play"].id
    assert github_world.access.with_token(given).token("press-play", REPO, READ) == given.token


@pytest.mark.parametrize(
    ("app", "repo", "permissions"),
    [
        ("press-play", REPO, {"contents": "write"}),
        ("press-play", REPO, {"checks": "read"}),
        ("press-play", REPO, {**READ, "checks": "write"}),
        ("press-play", "acme/other", READ),
        ("qa", REPO, READ),
    ],
)
def test_it_is_good_for_nothing_else(github_world, given, app, repo, permissions):
    with pytest.raises(InputError, match="this step has no key, only a token of the App 'press-play' for acme/shop"):
        github_world.access.with_token(given).installation(app, repo, permissions)


def test_there_is_no_key_beside_it(github_world, given):
    alone = github_world.access.with_token(given)
    for ask in (
        lambda: alone.app_id("press-play"),
        lambda: alone.itself("press-play"),
        lambda: alone.secret_for("press-play", "x"),
    ):
        with pytest.raises(InputError, match="no key of the App 'press-play'"):
            ask()


def test_github_itself_refuses_it_what_it_may_not(github_world, given):
    """The walls are GitHub's, not ours: whoever takes the token out of the step gets no further."""
    headers = {"Authorization": f"Bearer {given.token}"}
    with httpx.Client(
        transport=httpx.WSGITransport(github_world.forge.wsgi), base_url=f"{URL}/api/v3/repos/{REPO}", headers=headers
    ) as client:
        assert client.get("/branches/main").status_code == 200
        blob = client.post("/git/blobs", json={"content": "x", "encoding": "utf-8"})
        check = client.post("/check-runs", json={"name": "press-play/acceptance", "head_sha": "a" * 40})
    assert (blob.status_code, check.status_code) == (403, 403)


def test_it_is_spent_shortly_before_it_ends(github_world, given):
    github_world.clock.sleep(54 * 60)
    assert github_world.access.with_token(given).token("press-play", REPO, READ) == given.token
    github_world.clock.sleep(2 * 60)
    with pytest.raises(TokenSpent, match="waited too long"):
        github_world.access.with_token(given).token("press-play", REPO, READ)


def test_one_that_github_takes_back_is_spent(github_world, given):
    gh = github_world.access.with_token(given).installation("press-play", REPO, {"contents": "read"})
    github_world.forge.revoke_tokens("press-play")
    with pytest.raises(TokenSpent, match="GitHub answered 401 to the token"):
        contents.default_branch(gh, REPO)


def test_each_that_is_minted_is_new(github_world, given):
    """One from a cache would end at any moment."""
    assert github_world.access.mint("press-play", REPO, READ).token != given.token


@pytest.mark.parametrize("content", [b"", b"ghs_secret", b"[]", b'{"token": "ghs_secret"}', b"\xff"])
def test_what_is_no_token_is_refused_without_a_word_of_it(content):
    with pytest.raises(InputError, match="does not hold one") as refused:
        GivenToken.unpack(content)
    assert "ghs_secret" not in f"{refused.value} {refused.value.__cause__} {refused.value.__context__ and ''}"


def test_it_is_in_no_representation(given):
    assert given.token not in repr(given)
    assert json.loads(given.pack())["token"] == given.token
