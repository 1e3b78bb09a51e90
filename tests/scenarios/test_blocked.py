"""An agent that is blocked asks a person: its question is posted, its work is parked, and no other attempt is spent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from harness import REPO, Agents, World, git, project, task, world
from people import agent, person
from team import PR, Team, played

from pressplay.github.calls import call
from pressplay.sandbox.summary import Summary

QUESTION = "Is a price of 0 free, or refused?\n\n```\n<b>&{{=1+1}}\n```\nkey: ghp_0123456789abcdefghijABCDEFGHIJ012345"


@dataclass
class Asking(Agents):
    """Agents of which one role is blocked, in its first run or in each; the role comments does what it is told."""

    asks: str = ""
    always: bool = False
    hands_over: Mapping[str, Any] = field(default_factory=lambda: {"result": "blocked", "question": QUESTION})
    asked: list[str] = field(default_factory=list)

    def __call__(self, tree: Path, env: Mapping[str, str]) -> int:
        role, result = env["PRESSPLAY_ROLE"], Path(env["PRESSPLAY_RESULT"])
        if role == self.asks and (self.always or not self.asked):
            self.asked.append(env["PRESSPLAY_RUN"])
            result.write_text(json.dumps(self.hands_over))
            return 0
        if role == "comments":
            (tree / "answered.txt").write_text((tree / "task" / "comments.md").read_text())
            git(tree, "add", "-A")
            git(tree, "commit", "-qm", "Do as the answer says")
        return super().__call__(tree, env)


@dataclass
class Play:
    """A play of one task whose agents ask."""

    made: World
    agents: Asking
    summary: Summary

    def get(self, path: str) -> Any:
        with person(self.made) as api:
            return api.get(path).json()

    def say(self, text: str) -> None:
        with person(self.made) as api:
            api.post(f"issues/{PR}/comments", json={"body": text}).raise_for_status()

    def comments(self) -> list[tuple[str, str]]:
        return [(one["user"]["login"], one["body"]) for one in self.get(f"issues/{PR}/comments")]

    def labels(self) -> list[str]:
        return [label["name"] for label in self.get(f"issues/{PR}/labels")]

    def runs(self) -> list[str]:
        return [" ".join(line.split()[2:]) for line in self.made.starts()]

    def outcomes(self) -> list[str]:
        runs = self.made.sandbox.context.ledger(REPO).entries("pr", PR).runs
        return [run.outcome for run in sorted(runs, key=lambda run: (run.started or 0, run.round))]

    def messages(self) -> list[str]:
        found = self.made.sandbox.cluster.list("CodeRun", self.made.sandbox.settings.controller_namespace)
        return [run["status"]["message"] for run in found if run["status"].get("message")]

    def go_on(self) -> None:
        self.summary = self.made.go_on()

    def merge(self) -> None:
        self.made.sandbox._maintainers[0].merge_what_is_ready()
        self.go_on()


def play(tmp_path: Path, asks: str, **options: Any) -> Play:
    agents = Asking(asks=asks, **options)
    made = world(tmp_path / "state", agents, source=project(tmp_path, [task(1)]), merge=False)
    return Play(made, agents, made.play())


def is_parked_with_its_question(it: Play, agent_id: str) -> None:
    assert it.summary.tasks[0].state == "parked"
    assert it.summary.tasks[0].reason == (
        f"{agent_id}: it is blocked and asks a person to decide; its question is on pull request #1"
    )
    assert it.labels() == ["press-play/parked"]
    by, text = it.comments()[-1]
    assert by == "press-play[bot]"
    # The question is data: within a fence that it can't close, without its key.
    assert "\n````text\nIs a price of 0 free, or refused?\n\n```\n<b>&{{=1+1}}\n```\nkey: [redacted: " in text
    assert "ghp_" not in text
    assert "answer the question in a comment, then comment `/press-play fix`" in text


@pytest.mark.rule("R4")
def test_an_implementation_that_is_blocked_opens_its_pull_request_with_the_question_and_goes_on_once_it_is_answered(
    tmp_path,
):
    it = play(tmp_path, "implement")
    assert it.runs() == ["implement 0"], "a question is no failed attempt"
    assert it.get(f"pulls/{PR}")["body"] == f"press-play: blocked\n\n{QUESTION}"
    assert it.get(f"pulls/{PR}")["changed_files"] == 0
    is_parked_with_its_question(it, "rex")
    it.say("A price of 0 is refused.")
    it.say("/press-play fix")
    it.go_on()
    assert it.runs() == ["implement 0", "comments 0", "lint 0", "test 0"]
    assert it.labels() == []
    it.merge()
    assert it.summary.tasks[0].state == "merged"
    assert "A price of 0 is refused." in git(it.made.sandbox.forge.git_path(REPO), "show", "main:answered.txt")


@pytest.mark.rule("R4")
@pytest.mark.parametrize(("asks", "agent_id", "runs"), [("lint", "clippy", 2), ("test", "qa", 3)])
def test_an_agent_that_is_blocked_in_a_review_asks_in_a_comment_and_goes_on_once_it_is_answered(
    tmp_path, asks, agent_id, runs
):
    it = play(tmp_path, asks)
    assert len(it.runs()) == runs
    assert it.runs()[-1] == f"{asks} 0"
    assert it.comments()[0][1].startswith(f"press-play: blocked\n\n{QUESTION}")
    is_parked_with_its_question(it, agent_id)
    it.say("/press-play fix\nA price of 0 is refused.")
    it.go_on()
    assert it.runs()[runs:] == ["comments 0", "lint 0", "test 0"]
    it.merge()
    assert it.summary.tasks[0].state == "merged"


@pytest.mark.rule("R4")
def test_an_answer_in_words_that_changes_nothing_lets_the_blocked_agent_run_again(tmp_path):
    it = play(tmp_path, "test")
    it.agents.silent = {("comments", 1)}
    it.say("/press-play retry")
    it.go_on()
    assert it.runs()[3:] == ["lint 0", "test 0"]
    assert it.get(f"pulls/{PR}")["labels"] == []


@pytest.mark.rule("R2")
def test_a_question_of_an_earlier_run_does_not_block_a_later_one(tmp_path):
    it = play(tmp_path, "test")
    it.say("/press-play retry")
    it.go_on()
    assert it.outcomes() == ["done", "blocked", "done", "pass"]
    it.merge()
    assert it.summary.tasks[0].state == "merged"


@pytest.mark.rule("R4")
def test_an_agent_that_stays_blocked_is_parked_again(tmp_path):
    it = play(tmp_path, "test", always=True)
    it.say("/press-play fix\nDo as you like.")
    it.go_on()
    assert it.runs()[3:] == ["comments 0", "lint 0", "test 0"]
    assert it.labels() == ["press-play/parked"]
    assert it.outcomes().count("blocked") == 2


@pytest.mark.rule("R10")
@pytest.mark.parametrize(
    ("asks", "hands_over", "message"),
    [
        (
            "lint",
            {"result": "pass"},
            "PRESSPLAY_RESULT: result: expected one of done, nothing, blocked for the role lint",
        ),
        ("test", {"result": "blocked"}, 'PRESSPLAY_RESULT:1:1: $: expected the key "question", got none'),
    ],
)
def test_what_breaks_the_contract_fails_the_run_and_its_status_says_why(tmp_path, asks, hands_over, message):
    it = play(tmp_path, asks, hands_over=hands_over)
    assert it.runs().count(f"{asks} 1") == 1
    assert [text[: len(message)] for text in it.messages()] == [message]
    assert it.summary.tasks[0].state == "approved"


@pytest.mark.rule("R4")
def test_an_agent_that_is_blocked_by_a_comment_takes_the_approval_back_until_it_is_answered(tmp_path):
    it = play(tmp_path, "comments")
    assert it.summary.tasks[0].state == "approved"
    it.say("Make it simpler.")
    it.go_on()
    assert it.runs()[3:] == ["comments 0"]
    assert it.labels() == ["press-play/parked"]
    asked = [text for by, text in it.comments() if by == "rex[bot]"]
    assert [text.partition("\n")[0] for text in asked] == ["press-play: blocked"]
    it.say("/press-play fix\nA price of 0 is refused.")
    it.go_on()
    assert it.runs()[4:] == ["comments 0", "lint 0", "test 0"]
    assert it.labels() == []


@pytest.mark.rule("R3")
def test_an_agent_that_asks_and_fails_is_blocked_and_not_tried_again(tmp_path):
    """On a cluster an agent posts its question itself, and may well end with another status than 0 afterwards."""
    team = Team(fails={("lint", 1)})

    def asks(_tree: Path, _env: Mapping[str, str]) -> None:
        assert team.made is not None
        gh = agent(team.made, "clippy-agent", pull_requests="write")
        body = {"body": f"press-play: blocked\n\n{QUESTION}"}
        call(gh, "POST", f"/repos/{REPO}/issues/{PR}/comments", json=body)

    team.does["lint"] = asks
    one = played(tmp_path, team)
    assert (one.state, one.roles()) == ("parked", ["implement", "lint"])
    assert one.reason.startswith("clippy: it is blocked")
