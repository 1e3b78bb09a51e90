"""What holds for every Workflow: order, idempotence, and the same end wherever the loop is killed (R3)."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from engine_harness import NAMESPACE, World, parameters
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pressplay.sandbox.engine import Advance, advance

SLOW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])

RUN: dict[str, Any] = {
    "name": "run",
    "inputs": {"parameters": [{"name": "id"}, {"name": "end"}, {"name": "seconds"}]},
    "resource": {
        "action": "apply",
        "successCondition": "status.phase in (Succeeded)",
        "failureCondition": "status.phase in (Failed)",
        "manifest": (
            'kind: CodeRun\nmetadata: {name: "{{workflow.name}}-{{inputs.parameters.id}}"}\n'
            'spec: {env: {SECONDS: "{{inputs.parameters.seconds}}", END: "{{inputs.parameters.end}}"}}\n'
        ),
    },
    "outputs": {"parameters": [{"name": "phase", "valueFrom": {"jsonPath": "{.status.phase}"}}]},
}


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, Any]:
    """A Workflow of a random graph: conditions, items, retries, locks, parallelism."""
    count = draw(st.integers(1, 9))
    tasks: list[dict[str, Any]] = []
    for number in range(count):
        end = draw(st.sampled_from(["Succeeded", "Succeeded", "Succeeded", "Failed"]))
        seconds = draw(st.integers(0, 4))
        given = {"id": f"r{number}", "end": end, "seconds": str(seconds)}
        task: dict[str, Any] = {"name": f"t{number}", "template": draw(st.sampled_from(["run", "wrapped", "tried"]))}
        if draw(st.integers(0, 4)) == 0:
            task["withItems"] = ["a", "b"]
            given["id"] += "-{{item}}"
        if draw(st.integers(0, 5)) == 0:
            task["when"] = draw(st.sampled_from(["1 == 2", "'{{workflow.name}}' != ''"]))
        task["arguments"] = {"parameters": [{"name": key, "value": value} for key, value in given.items()]}
        needs = draw(st.lists(st.integers(0, number - 1), unique=True, max_size=3)) if number else []
        suffix = st.sampled_from(["", "", ".Succeeded", ".Failed", ".Skipped"])
        if needs:
            task["depends"] = draw(st.sampled_from([" && ", " || "])).join(f"t{need}{draw(suffix)}" for need in needs)
        tasks.append(task)
    handed = [
        {"name": item["name"], "value": f"{{{{inputs.parameters.{item['name']}}}}}"}
        for item in RUN["inputs"]["parameters"]
    ]
    wrapped: dict[str, Any] = {
        "name": "wrapped",
        "inputs": RUN["inputs"],
        "steps": [[{"name": "r", "template": "run", "arguments": {"parameters": handed}}]],
    }
    if draw(st.booleans()):
        wrapped["synchronization"] = {"semaphores": [{"configMapKeyRef": {"name": "slots", "key": "two"}}]}
    retry = {"limit": "1", "retryPolicy": "Always", "backoff": {"duration": "2s"}}
    tried = {**RUN, "name": "tried", "retryStrategy": retry}
    manifest = RUN["resource"]["manifest"].replace('"}\n', '-{{retries}}"}\n', 1)
    tried["resource"] = {**RUN["resource"], "manifest": manifest}
    main: dict[str, Any] = {"name": "main", "dag": {"tasks": tasks, "failFast": draw(st.booleans())}}
    if draw(st.booleans()):
        main["parallelism"] = draw(st.integers(1, 3))
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": "w", "namespace": NAMESPACE},
        "spec": {"entrypoint": "main", "templates": [main, wrapped, tried, RUN]},
    }


def world_of(*workflows: dict[str, Any]) -> World:
    world = World()
    world.put({"kind": "ConfigMap", "metadata": {"name": "slots", "namespace": NAMESPACE}, "data": {"two": "2"}})
    for each in workflows:
        world.submit(each)
    return world


def ends(world: World, name: str = "w") -> dict[str, Any]:
    status = world.objects[("Workflow", NAMESPACE, name)]["status"]
    nodes = {
        node["name"]: (node["type"], node["phase"], parameters(node.get("outputs")), node.get("message", ""))
        for node in status["nodes"].values()
    }
    return {"phase": status["phase"], "nodes": nodes}


@SLOW
@given(graphs())
def test_every_graph_comes_to_its_end_and_no_task_starts_before_what_it_depends_on(workflow: dict[str, Any]) -> None:
    world = world_of(workflow)

    def check(_before: dict[str, Any], result: Advance) -> None:
        nodes = {node["name"]: node for node in result.status["nodes"].values()}
        for task in workflow["spec"]["templates"][0]["dag"]["tasks"]:
            if f"w.{task['name']}" in nodes:
                for word in task.get("depends", "").replace("&&", " ").replace("||", " ").split():
                    assert nodes[f"w.{word.split('.')[0]}"].get("finishedAt"), (task["name"], word)

    world.check = check
    world.run()
    status = world.objects[("Workflow", NAMESPACE, "w")]["status"]
    assert status["phase"] in ("Succeeded", "Failed")
    assert all(node["phase"] not in ("Pending", "Running") for node in status["nodes"].values())
    assert "synchronization" not in status
    allowed = workflow["spec"]["templates"][0].get("parallelism")
    # As in Argo, a further attempt is not held up: parallelism is asked about once, for the node that is retried.
    retried = any(node["type"] == "Retry" for node in status["nodes"].values())
    assert allowed is None or retried or world.most_running <= allowed


@SLOW
@given(graphs())
@pytest.mark.rule("R3")
def test_advance_on_its_own_result_changes_nothing_and_asks_for_the_same(workflow: dict[str, Any]) -> None:
    world = world_of(workflow)

    def check(before: dict[str, Any], result: Advance) -> None:
        status = json.loads(json.dumps(result.status))
        again = advance({**before, "status": status}, world, world.clock.now())
        assert again.status == status
        if status["phase"] in ("Pending", "Running"):
            assert again == Advance(status, result.actions, result.watches, result.wake_at)

    world.check = check
    world.run()
    assert world.advances > 1


@SLOW
@given(graphs(), st.integers(0, 2**16))
@pytest.mark.rule("R3")
def test_killed_between_commit_and_action_the_end_is_the_same(workflow: dict[str, Any], seed: int) -> None:
    plain = world_of(workflow)
    plain.run()
    killed, chance = world_of(workflow), random.Random(seed)
    killed.run(act=lambda: chance.random() < 0.5)
    # Killed for the last time: what is then asked for is done.
    killed.run()
    assert ends(killed) == ends(plain)
    assert sorted(killed.created) == sorted(plain.created)
    assert len(set(killed.created)) == len(killed.created)


@SLOW
@given(graphs(), graphs(), st.integers(0, 3))
def test_a_semaphore_is_never_held_by_more_than_it_has_slots(
    one: dict[str, Any], two: dict[str, Any], priority: int
) -> None:
    other = {**two, "metadata": {**two["metadata"], "name": "v"}, "spec": {**two["spec"], "priority": priority}}
    world = world_of(one, other)
    lock = f"{NAMESPACE}/ConfigMap/slots/two"

    def check(_before: dict[str, Any], _result: Advance) -> None:
        assert len(world.locks.holders(lock)) <= 2

    world.check = check
    world.run()
    assert all(each["status"]["phase"] in ("Succeeded", "Failed") for each in world.workflows())
    assert not world.locks.holders(lock)
