"""Plays of more tasks than one Workflow holds: several Workflows, which are one play in order, end and summary."""

from __future__ import annotations

import pytest
from graphs import ROLES, drawn, list_scheduled, played
from harness import Agents, project, task, world

from pressplay.backlog import workflow
from pressplay.cluster import pause, waits


@pytest.mark.rule("FR5")
def test_several_workflows_lose_no_time_and_never_work_on_more_tasks_than_allowed(tmp_path, monkeypatch):
    """Twenty-four tasks in three Workflows; `make bench` has graphs of hundreds.

    Argo frees a place and gives it away in one walk over a DAG, so the order is not list scheduling's to the second.
    """
    monkeypatch.setattr(workflow, "TASKS_A_WORKFLOW", 9)
    graph, slots = drawn(24, seed=4), 4
    play = played(tmp_path, graph, slots)
    assert play.makespan <= 1.05 * list_scheduled(graph, slots)[0]
    left = dict.fromkeys((timed.id for timed in graph), len(ROLES))
    begun: set[int] = set()
    for number, _role in play.starts:
        begun.add(number)
        left[number] -= 1
        # A task whose last run has started may have ended by the time of the next start.
        assert len([number for number in begun if left[number]]) <= slots


@pytest.mark.rule("R3")
@pytest.mark.rule("R4")
def test_a_task_that_fails_stops_what_depends_on_it_in_the_other_workflows_too_and_nothing_else(tmp_path, monkeypatch):
    """Ten tasks a Workflow; 7 fails in the first, and of the six in the second three need it, three need 8."""
    monkeypatch.setattr(workflow, "TASKS_A_WORKFLOW", 10)
    tasks = [task(number) for number in range(1, 11)]
    tasks += [task(number, 7) for number in (11, 12, 13)] + [task(number, 8) for number in (14, 15, 16)]
    agents = Agents(fails={("implement", 7)})
    made = world(tmp_path / "state", agents, source=project(tmp_path, tasks), parallelism=4)
    summary = made.play()
    assert len(made.sandbox.plays()) == 2
    ends = {result.id: (result.state, result.reason) for result in summary.tasks if result.state != "merged"}
    assert ends == {
        "7": ("failed", "rex: the agent's run failed"),
        **dict.fromkeys(("11", "12", "13"), ("blocked", "needs task 7, which is failed")),
    }
    assert summary.state == "failed"
    assert all(waits.phase(part) in waits.FINISHED for part in made.sandbox.plays())
    agents.fails.clear()
    again = made.play()
    assert {result.state for result in again.tasks} == {"merged"}
    # Only what is left, 7 and then the three that need it; its merge is a moment for all three.
    assert again.seconds == 6 * 60
    starts = [line.split()[0] for line in made.starts()]
    assert len(set(starts)) == len(starts), "a run was started twice"


@pytest.mark.rule("R4")
def test_a_large_play_that_is_paused_waits_for_a_person_alone(tmp_path, monkeypatch):
    """Tasks of the second Workflow wait for the places of the first's, which wait for `pressplay continue`."""
    monkeypatch.setattr(workflow, "TASKS_A_WORKFLOW", 3)
    tasks = [task(number) for number in range(1, 10)]
    made = world(tmp_path / "state", Agents(), source=project(tmp_path, tasks), parallelism=2)
    cluster, namespace = made.sandbox.cluster, made.sandbox.settings.namespace
    pause.pause(cluster, namespace, None)
    paused = made.play()
    assert len(made.sandbox.plays()) == 3
    assert paused.state == "waiting"
    assert made.starts() == []
    pause.go_on(cluster, namespace, None)
    assert made.go_on().state == "merged"
