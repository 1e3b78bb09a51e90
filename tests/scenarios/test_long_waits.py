"""A wait is as old as what it waits for, and no wait is left behind by another Workflow's end."""

from __future__ import annotations

import pytest
from harness import Agents, project, reconciled, task, world

from pressplay.backlog import workflow
from pressplay.cluster import pause, waits

DAY = 86_400


def days(made, count: float) -> None:
    end = made.sandbox.clock.now() + count * DAY
    made.sandbox.run(lambda: made.sandbox.clock.now() >= end and not made.sandbox.kubelet.busy)


@pytest.mark.rule("R3")
def test_a_wait_for_another_workflows_task_is_as_old_as_its_approval(tmp_path, monkeypatch):
    monkeypatch.setattr(workflow, "TASKS_A_WORKFLOW", 1)
    source = project(tmp_path, [task(1), task(2, 1)])
    made = world(tmp_path / "state", Agents(), source=source, merge=False, chart=reconciled("0 */6 * * *"))
    cluster, namespace = made.sandbox.cluster, made.sandbox.settings.namespace
    pause.pause(cluster, namespace, None)
    made.sandbox.press()
    days(made, 15)
    assert made.starts() == []
    pause.go_on(cluster, namespace, None)
    days(made, 1)
    # The pull request has been there for a day: nobody had fourteen to merge it.
    assert {waits.phase(part) for part in made.sandbox.plays()} == {"Running"}
    days(made, 14)
    assert {waits.phase(part) for part in made.sandbox.plays()} == {"Failed"}
    made.sandbox.close()


@pytest.mark.rule("R3")
@pytest.mark.parametrize("how", ["deleted", "stopped"])
def test_a_play_does_not_wait_for_a_part_of_it_that_is_gone(tmp_path, monkeypatch, how):
    monkeypatch.setattr(workflow, "TASKS_A_WORKFLOW", 2)
    source = project(tmp_path, [task(1), task(2, 1), task(3, 2)])
    made = world(tmp_path / "state", Agents(), source=source, merge=False, chart=reconciled("0 */6 * * *"))
    made.play()
    first, _second = made.sandbox.plays()
    cluster, name = made.sandbox.cluster, first["metadata"]["name"]
    if how == "deleted":
        cluster.delete("Workflow", first["metadata"]["namespace"], name)
    else:
        metadata = {"name": name, "namespace": first["metadata"]["namespace"]}
        identity = {key: first[key] for key in ("apiVersion", "kind")}
        cluster.apply({**identity, "metadata": metadata, "spec": {"shutdown": "Terminate"}})
    days(made, 30)
    assert {waits.phase(part) for part in made.sandbox.plays()} <= waits.FINISHED
    made.sandbox.close()
