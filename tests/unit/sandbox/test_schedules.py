"""Schedules in the sandbox: one runs unless it is suspended, and `reconcile` is not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pressplay.chart import rendered_chart
from pressplay.clock import VirtualClock
from pressplay.cluster.sqlite import Key, SqliteCluster
from pressplay.sandbox.configuration import install
from pressplay.sandbox.controller import WorkflowController

RECONCILE = ("CronWorkflow", "press-play", "reconcile")


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[SqliteCluster]:
    made = SqliteCluster(tmp_path / "cluster.sqlite", VirtualClock(0.0), lambda *_: None)
    yield made
    made.close()


@pytest.mark.rule("R2")
def test_the_schedule_that_a_service_replaces_in_a_cluster_runs_in_the_sandbox(cluster: SqliteCluster):
    (rendered,) = (manifest for manifest in rendered_chart() if manifest["kind"] == "CronWorkflow")
    settings = install(cluster, rendered_chart(), "http://127.0.0.1", ["acme/shop"], 4, {})
    assert (rendered["spec"]["suspend"], settings.reconcile.mode) == (True, "cron")
    installed = cluster.get(*RECONCILE)
    assert installed is not None
    assert installed["spec"] == {**rendered["spec"], "suspend": False}


def test_a_suspended_schedule_starts_nothing(cluster: SqliteCluster):
    install(cluster, rendered_chart(), "http://127.0.0.1", ["acme/shop"], 4, {})
    clock = VirtualClock(120.0)
    controller = WorkflowController(cluster, clock)
    kind, namespace, name = RECONCILE
    schedule = {"apiVersion": "argoproj.io/v1alpha1", "kind": kind, "metadata": {"name": name, "namespace": namespace}}
    cluster.apply({**schedule, "spec": {"suspend": True}})
    assert (controller.run_cron(), controller.next_wake()) == (False, None)
    cluster.apply({**schedule, "spec": {"suspend": False}})
    controller.changed({Key(*RECONCILE): 1})
    assert controller.run_cron()
    assert [flow["metadata"]["name"] for flow in cluster.list("Workflow", namespace)] == ["reconcile-120"]
