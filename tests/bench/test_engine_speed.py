"""A generated play's Workflow of 100 tasks (200 DAG tasks, some 700 nodes): how long one advance of it takes."""

from __future__ import annotations

import random
import time
from typing import Any

import yaml
from engine_harness import NAMESPACE, World

PARTS = yaml.safe_load("""
kind: WorkflowTemplate
metadata: {name: parts, namespace: agents}
spec:
  templates:
  - name: start
    inputs: {parameters: [{name: task}, {name: seconds}]}
    steps:
    - - name: begin
        template: pod
        arguments: {parameters: [{name: task, value: '{{inputs.parameters.task}}'}]}
    - - name: verdict
        template: wait
        when: "'{{steps.begin.outputs.parameters.made}}' == 'waiting'"
        arguments: {parameters: [{name: seconds, value: '{{inputs.parameters.seconds}}'}]}
    outputs:
      parameters:
      - name: outcome
        valueFrom:
          expression: "steps.begin.outputs.parameters.made == 'waiting' ? steps.verdict.outputs.parameters.outcome : ''"
  - name: pod
    inputs: {parameters: [{name: task}]}
    retryStrategy: {limit: '3', expression: 'asInt(lastRetry.exitCode) not in [1, 2]', backoff: {duration: 10s}}
    container: {image: any, env: [{name: OUT, value: waiting}, {name: TASK, value: '{{inputs.parameters.task}}'}]}
    outputs: {parameters: [{name: made, valueFrom: {path: /tmp/out}}]}
  - name: wait
    inputs: {parameters: [{name: seconds}]}
    suspend: {duration: '{{inputs.parameters.seconds}}s'}
    outputs: {parameters: [{name: outcome, valueFrom: {supplied: {}, default: done}}]}
""")


def play(tasks: int) -> dict[str, Any]:
    """A play as the planner makes one: two DAG tasks for each task, a random graph, eight at once."""
    dice, nodes = random.Random(7), []
    for number in range(tasks):
        needs = sorted(dice.sample(range(number), min(number, dice.randint(0, 3))))
        given = {"task": str(number), "seconds": str(dice.randint(20, 400))}
        start: dict[str, Any] = {"name": f"t{number}", "templateRef": {"name": "parts", "template": "start"}}
        start["arguments"] = {"parameters": [{"name": key, "value": value} for key, value in given.items()]}
        if needs:
            start["depends"] = " && ".join(f"t{need}-merged" for need in needs)
        merged = {
            "name": f"t{number}-merged",
            "depends": f"t{number}",
            "templateRef": {"name": "parts", "template": "wait"},
            "arguments": {"parameters": [{"name": "seconds", "value": "5"}]},
        }
        nodes += [start, merged]
    main = {"name": "play", "parallelism": 8, "dag": {"failFast": False, "tasks": nodes}}
    metadata = {"name": "play", "namespace": NAMESPACE}
    return {"kind": "Workflow", "metadata": metadata, "spec": {"entrypoint": "play", "templates": [main]}}


def test_an_advance_of_a_big_play_takes_milliseconds() -> None:
    world, spans = World(), []
    world.put(PARTS)
    world.submit(play(100))
    step = world.step

    def timed(workflow: dict[str, Any], act: bool = True) -> Any:
        begun = time.perf_counter()
        result = step(workflow, act)
        spans.append(time.perf_counter() - begun)
        return result

    world.step = timed  # type: ignore[method-assign]
    world.run()
    workflow = world.workflows()[0]
    assert workflow["status"]["phase"] == "Succeeded"
    mean = 1000 * sum(spans) / len(spans)
    print(f"{len(workflow['status']['nodes'])} nodes, {len(spans)} advances, mean {mean:.1f} ms with its commit")
    # The span holds the harness's own copy of the status, about as dear as the advance.
    assert mean < 30
