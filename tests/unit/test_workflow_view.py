"""One list of the unfinished Workflows for a whole pass of `reconcile`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pressplay.clock import VirtualClock
from pressplay.cluster import waits
from pressplay.cluster.port import NotIn
from pressplay.cluster.sqlite import SqliteCluster
from pressplay.cluster.workflow_view import WorkflowView

PHASE = waits.PHASE_LABEL


class Counted(SqliteCluster):
    """Counts what is asked of it."""

    lists, gets = 0, 0

    def list(self, *about: Any) -> list[Any]:
        self.lists += 1
        return super().list(*about)

    def get(self, *about: Any) -> Any:
        self.gets += 1
        return super().get(*about)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Counted]:
    made = Counted(tmp_path / "cluster.sqlite", VirtualClock(0.0), lambda *_: None)
    for name, phase, flow in (
        ("a", "Running", "task"),
        ("b", "", "task"),
        ("c", "Failed", "task"),
        ("d", "Pending", "play"),
    ):
        made.create(workflow(name, phase, flow))
    made.lists = made.gets = 0
    yield made
    made.close()


def workflow(name: str, phase: str = "", flow: str = "task") -> dict[str, Any]:
    labels = {"flow": flow, **({PHASE: phase} if phase else {})}
    metadata = {"name": name, "namespace": "ns", "labels": labels}
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": metadata, "spec": {}}


def listed(view: WorkflowView | SqliteCluster, **labels: Any) -> list[str]:
    wanted = {PHASE if label == "phase" else label: value for label, value in labels.items()}
    return [manifest["metadata"]["name"] for manifest in view.list("Workflow", "ns", wanted)]


def test_it_answers_as_the_cluster_does_from_one_list(cluster: Counted):
    clock = VirtualClock(100.0)
    view = WorkflowView(cluster, "ns", clock)
    questions: list[dict[str, Any]] = [
        {"flow": "task", "phase": "Running"},
        {"phase": NotIn(waits.FINISHED)},
        {"flow": "play", "phase": NotIn({*waits.FINISHED, "Running"})},
        {"phase": None},
        {"phase": "Pending", "flow": "task"},
    ]
    answers = [listed(view, **question) for question in questions]
    assert cluster.lists == 1
    assert answers == [listed(cluster, **question) for question in questions]
    assert answers == [["a"], ["a", "b", "d"], ["d"], ["b"], []]


def test_what_may_have_ended_is_listed_and_read_again(cluster: Counted):
    view = WorkflowView(cluster, "ns", VirtualClock(100.0))
    listed(view, phase="Running")
    assert listed(view, flow="task") == ["a", "b", "c"]
    assert listed(view, phase="Failed") == ["c"]
    assert view.list("Workflow", "other") == []
    assert cluster.lists == 4
    cluster.delete("Workflow", "ns", "c")
    assert view.get("Workflow", "ns", "c") is None
    assert cluster.gets == 1
    # Unfinished when it was listed: whoever deletes what ended Workflows leave does nothing about it.
    cluster.delete("Workflow", "ns", "a")
    assert (view.get("Workflow", "ns", "a") or {})["metadata"]["name"] == "a"


def test_the_list_ends_after_seconds_and_with_what_is_made(cluster: Counted):
    clock = VirtualClock(100.0)
    view = WorkflowView(cluster, "ns", clock)
    assert listed(view, phase=None) == ["b"]
    assert view.create(workflow("e"))
    assert listed(view, phase=None) == ["b", "e"]
    cluster.create(workflow("f"))
    clock.sleep(5.0)
    view.renew()
    assert listed(view, phase=None) == ["b", "e"]
    clock.sleep(6.0)
    view.renew()
    assert listed(view, phase=None) == ["b", "e", "f"]
    assert cluster.lists == 3


def test_what_only_argo_reads_is_not_kept(cluster: Counted):
    cluster.set_status("Workflow", "ns", "a", {"phase": "Running", "nodes": {"n": {}}, "storedTemplates": {"x": {}}})
    (found,) = WorkflowView(cluster, "ns", VirtualClock(0.0)).list("Workflow", "ns", {PHASE: "Running"})
    assert found["status"] == {"phase": "Running", "nodes": {"n": {}}}
