"""What a task costs the API server and GitHub: calls by step, and the sizes of the objects that are left.

Of plays under the virtual clock without the gates of lint and tests, which check out and run what a project has.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from typing import Any

import pytest
from harness import World, project, reconciled, task, world

from pressplay.github.wire import Wire
from pressplay.sandbox.kubelet import Kubelet
from pressplay.sandbox.step_rights import StepCluster

TASKS = 10
VERBS = ("get", "list", "create", "apply", "set_status", "delete", "set_node", "logs", "may")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> dict[str, Counter[str]]:
    """Calls to `Kubernetes` and to `GitHub`, by the step that makes them."""
    counted: dict[str, Counter[str]] = defaultdict(Counter)
    at_work: list[str] = []
    step = Kubelet._step

    def noted(self: Kubelet, pod: Any, *args: Any) -> Any:
        at_work.append(pod["spec"]["containers"][0]["command"][2])
        try:
            return step(self, pod, *args)
        finally:
            at_work.pop()

    def counting(whose: str, call: Any) -> Any:
        def counts(*args: Any, **options: Any) -> Any:
            if at_work:
                counted[whose][at_work[-1]] += 1
            return call(*args, **options)

        return counts

    monkeypatch.setattr(Kubelet, "_step", noted)
    monkeypatch.setattr(Wire, "handle_request", counting("GitHub", Wire.handle_request))
    for verb in VERBS:
        monkeypatch.setattr(StepCluster, verb, counting("Kubernetes", getattr(StepCluster, verb)))
    return counted


def sizes(made: World, kind: str, **labels: str) -> list[float]:
    """KB of each object of a kind with these labels, as JSON."""
    wanted = {f"press-play/{name}": value for name, value in labels.items()}
    listed = made.sandbox.cluster.list(kind, made.sandbox.settings.namespace, wanted)
    return [len(json.dumps(manifest, separators=(",", ":"))) / 1000 for manifest in listed]


def test_what_a_task_costs(tmp_path, figures, calls):
    # Reconcile's own calls are per minute, not per task.
    made = world(
        tmp_path / "state",
        source=project(tmp_path, [task(number) for number in range(1, TASKS + 1)]),
        chart=reconciled("0 * * * *"),
    )
    summary = made.play()
    assert {result.state for result in summary.tasks} == {"merged"}
    for whose, wanted in (("Kubernetes", 120), ("GitHub", 60)):
        by_step = calls[whose]
        figures.record(f"calls to {whose} a task", "calls", by_step.total() / TASKS, wanted=wanted)
        for step, count in by_step.most_common():
            figures.record(f"calls to {whose} a task, by {step}", "calls", count / TASKS)
        assert by_step["run-agent"] >= 3 * TASKS
    workflows = sizes(made, "Workflow", flow="task")
    assert len(workflows) == TASKS
    figures.record("a task's Workflow", "KB", *workflows)
    figures.record("ConfigMaps", "KB", *sizes(made, "ConfigMap"))
