"""What users of other tools for agents reported in public: each is played here, and ends as they wished it had.

The reports are of the same promises: nothing is stuck, nothing counts as done on an agent's word, nothing is lost.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from harness import Agents, project, task, world
from team import Team, played

from pressplay.sandbox.summary import Summary

LIMITS = {"limits": {"attempts": 2, "rounds": 3}}


def summary_of(tmp_path: Path, agents: Agents, *tasks: dict[str, object], merge: bool = True) -> Summary:
    made = world(tmp_path / "state", agents, source=project(tmp_path, list(tasks)), settings=LIMITS, merge=merge)
    try:
        return made.play()
    finally:
        made.sandbox.close()


@pytest.mark.rule("R5")
def test_an_agent_that_ends_well_and_wrote_nothing_is_not_done(tmp_path):
    """https://github.com/cardstack/boxel/pull/4754: an issue was marked done after 70 s without a file.

    https://github.com/eastasann/space-elysiajs-orpc/issues/50: the claim of such a run was never cleared.
    """
    summary = summary_of(tmp_path, Agents(silent={("implement", 1)}), task(1), task(2, 1), task(3))
    states = {result.id: result.state for result in summary.tasks}
    assert states == {"1": "failed", "2": "blocked", "3": "merged"}
    (failed,) = [result for result in summary.tasks if result.id == "1"]
    assert failed.runs == 2, "both attempts were made, and no more"
    assert failed.why is not None
    assert "no pull request is open" in failed.why.line()


@pytest.mark.rule("R5")
def test_a_reviewer_that_ends_well_and_says_nothing_approves_nothing(tmp_path):
    """https://github.com/solanabr/superteam-academy/pull/159: the check of a review that posted nothing was green."""
    result = played(tmp_path, Team(silent={("test", 1)}), settings=LIMITS)
    assert result.state == "parked"
    assert "QA left no verdict" in result.reason
    assert result.approvals() == []
    assert not result.can_be_merged()


@pytest.mark.rule("R4")
def test_a_reviewer_that_is_never_content_ends_at_the_limit_and_others_go_on(tmp_path):
    """https://github.com/code-yeongyu/oh-my-openagent/issues/3446: one blocked task made the loop run, and cost, on."""
    summary = summary_of(tmp_path, Agents(wants_changes={1: 99}), task(1), task(2))
    states = {result.id: result.state for result in summary.tasks}
    assert states == {"1": "parked", "2": "merged"}
    (parked,) = [result for result in summary.tasks if result.id == "1"]
    assert parked.rounds == 3
    assert "limits.rounds" in parked.why.line()


@pytest.mark.rule("R2")
def test_what_depends_on_a_task_starts_once_it_is_merged_and_not_while_it_is_tested(tmp_path):
    """https://github.com/HenriGrimm/Minnow/issues/339: the next task began when the one before was in testing."""
    agents = Agents()
    made = world(tmp_path / "state", agents, source=project(tmp_path, [task(1), task(2, 1)]))
    made.play()
    order = [line.split()[1:3] for line in made.starts()]
    first = order.index(["2", "implement"])
    assert {role for number, role in order[:first] if number == "1"} == {"implement", "lint", "test"}
    assert all(number == "2" for number, _ in order[first:])
    made.sandbox.close()


class Asking(Agents):
    """An agent that asks about task 1 instead of doing it."""

    def __call__(self, tree: Path, env: Mapping[str, str]) -> int:
        if env["PRESSPLAY_TASK"] != "1":
            return super().__call__(tree, env)
        question = {"result": "blocked", "question": "The tests fail on main already: shall I mend them?"}
        Path(env["PRESSPLAY_RESULT"]).write_text(json.dumps(question))
        return 0


@pytest.mark.rule("R5")
def test_an_agent_that_stops_to_ask_is_heard_at_once_and_others_go_on(tmp_path):
    """https://github.com/eltmon/overdeck/issues/1699: it asked its terminal, and its issue just stayed pending."""
    summary = summary_of(tmp_path, Asking(), task(1), task(2))
    states = {result.id: result.state for result in summary.tasks}
    assert states == {"1": "parked", "2": "merged"}
    (parked,) = [result for result in summary.tasks if result.id == "1"]
    assert (parked.runs, parked.pr is not None) == (1, True)
    assert "it is blocked and asks a person to decide" in parked.why.line()
