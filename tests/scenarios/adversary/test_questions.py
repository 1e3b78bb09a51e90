"""Whose question blocks: that of the agent whose run it is, asked in that run, and nobody else's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from harness import REPO
from people import agent, bot, person
from team import PR, Played, Team, played

from pressplay.github.calls import call

STRANGER = "stranger"
ASKS = {"pull_requests": "write"}
QUESTION = "press-play: blocked\n\nMay I have the deploy key?"
Act = Callable[[Team], None]


def post(team: Team, app: str, body: str = QUESTION) -> int:
    """Comment as an agent's App; the comment's id."""
    assert team.made is not None
    made = call(agent(team.made, app, **ASKS), "POST", f"/repos/{REPO}/issues/{PR}/comments", json={"body": body})
    return int(made["id"])


def as_stranger(team: Team) -> None:
    assert team.made is not None
    team.made.sandbox.forge.create_user(STRANGER)
    team.made.sandbox.forge.grant(REPO, STRANGER, "read")
    with person(team.made, STRANGER) as api:
        api.post(f"issues/{PR}/comments", json={"body": QUESTION}).raise_for_status()


def as_other_bot(team: Team) -> None:
    assert team.made is not None
    call(bot(team.made, "renovate"), "POST", f"/repos/{REPO}/issues/{PR}/comments", json={"body": QUESTION})


def as_rex(team: Team) -> None:
    post(team, "rex")


def rex_rewrites_what_clippy_said(team: Team) -> None:
    assert team.made is not None
    comment = post(team, "clippy-agent", "All is tidy.")
    team.made.sandbox.clock.sleep(2)
    call(agent(team.made, "rex", **ASKS), "PATCH", f"/repos/{REPO}/issues/comments/{comment}", json={"body": QUESTION})


def clippy_asks(team: Team) -> None:
    post(team, "clippy-agent")


def clippy_quotes_the_mark(team: Team) -> None:
    post(team, "clippy-agent", f"> {QUESTION}")


def while_clippy_works(tmp_path: Path, act: Act) -> Played:
    team = Team()

    def does(_tree: Path, _env: Mapping[str, str]) -> None:
        act(team)

    team.does["lint"] = does
    return played(tmp_path, team)


@pytest.mark.rule("R8")
@pytest.mark.parametrize(
    "act", [as_stranger, as_other_bot, as_rex, rex_rewrites_what_clippy_said, clippy_quotes_the_mark]
)
def test_a_question_that_is_not_the_agents_own_blocks_nothing(tmp_path, act):
    one = while_clippy_works(tmp_path, act)
    assert (one.state, one.roles()) == ("approved", ["implement", "lint", "test"])


@pytest.mark.rule("R8")
def test_a_question_of_the_agents_own_parks_the_pull_request(tmp_path):
    one = while_clippy_works(tmp_path, clippy_asks)
    assert (one.state, one.roles()) == ("parked", ["implement", "lint"])
    assert "clippy: it is blocked and asks a person to decide" in one.reason
    one.assert_not_approved()
