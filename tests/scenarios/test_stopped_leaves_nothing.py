"""A run that was stopped leaves no branch in the project's repository for ever."""

from __future__ import annotations

import pytest
from conversation import Rex, Talk
from harness import after, project, task, world


def slow(_role: str, _task: int) -> float:
    return 3000.0


@pytest.mark.rule("R4")
def test_the_context_of_a_run_whose_workflow_was_terminated_goes(tmp_path):
    made = world(tmp_path / "state", Rex(seconds=slow), source=project(tmp_path, [task(1)]))
    made.sandbox.press()
    after(made, 5)
    assert len(made.context_branches()) == 1
    cluster = made.sandbox.cluster
    (flow,) = cluster.list("Workflow", "press-play", {"press-play/flow": "task"})
    metadata = {"name": flow["metadata"]["name"], "namespace": "press-play"}
    identity = {key: flow[key] for key in ("apiVersion", "kind")}
    cluster.apply({**identity, "metadata": metadata, "spec": {"shutdown": "Terminate"}})
    after(made, 30)
    assert made.context_branches() == []
    made.sandbox.close()


@pytest.mark.rule("R4")
def test_the_context_of_a_run_that_a_person_stopped_goes(tmp_path):
    agents = Rex()
    made = world(tmp_path / "state", agents, source=project(tmp_path, [task(1)]))
    agents.seconds = lambda role, _task: 3000.0 if role == "test" else 60.0
    made.sandbox.press()
    after(made, 10)
    assert len(made.context_branches()) >= 1
    Talk(made, agents).say("/press-play stop")
    after(made, 30)
    assert made.context_branches() == []
    made.sandbox.close()
