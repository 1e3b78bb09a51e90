"""The engine makes of the lab's questions what a real Argo 4.1.2 made of them: messages, exit codes and ids included.

`sets` are waits that were ended from outside while they ran, `lost` Pods that were deleted while they ran, `shutdown`
how the Workflow was stopped.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from engine_harness import NAMESPACE, World, parameters, plain

LAB = Path(__file__).parent / "lab"
QUESTIONS = [(path.stem, name) for path in sorted(LAB.glob("*.json")) for name in json.loads(path.read_text())]


def told(node: dict[str, Any]) -> dict[str, Any]:
    outputs = node.get("outputs") or {}
    found = {
        "type": node["type"],
        "phase": node["phase"],
        "message": node.get("message"),
        "exitCode": outputs.get("exitCode"),
        "outputs": parameters(outputs),
        "inputs": parameters(node.get("inputs")),
    }
    return {key: value for key, value in found.items() if value}


def interfere(world: World, name: str, expected: dict[str, Any]) -> bool:
    """Do what was done to the running Workflow; whether anything was."""
    workflow = world.objects[("Workflow", NAMESPACE, name)]
    nodes = workflow["status"]["nodes"].values()
    if "shutdown" in expected and "shutdown" not in workflow["spec"]:
        workflow["spec"]["shutdown"] = expected["shutdown"]
        return True
    running = {plain(name, node["name"]): node for node in nodes if node["phase"] == "Running"}
    for wait in expected.get("sets", []):
        if running.get(wait["node"], {}).get("type") == "Suspend":
            outputs, phase = wait.get("outputs", {}), wait.get("phase", "Succeeded")
            return world.set(name, wait["node"], outputs, phase, wait.get("message", ""))
    for pod in expected.get("lost", []):
        if running.get(pod, {}).get("type") == "Pod":
            world.delete("Pod", running[pod]["id"])
            return True
    return False


@pytest.mark.parametrize(("group", "name"), QUESTIONS)
def test_a_question_gets_a_real_argos_answer(group: str, name: str) -> None:
    expected = json.loads((LAB / f"{group}.json").read_text())[name]
    world = World()
    for document in yaml.safe_load_all((LAB / f"{group}.yaml").read_text()):
        if document["kind"] != "Workflow":
            world.put(document)
        elif document["metadata"]["name"] == name:
            world.submit(document)
    while True:
        world.settle()
        if not interfere(world, name, expected) and not world.tick():
            break
    workflow = world.objects[("Workflow", NAMESPACE, name)]
    nodes = {plain(name, node["name"]): told(node) for node in workflow["status"]["nodes"].values()}
    assert nodes == expected["nodes"]
    assert (workflow["status"]["phase"], workflow["status"].get("message", "")) == (
        expected["phase"],
        expected["message"],
    )
