"""Drives the engine: the sandbox's workflow controller.

It keeps nothing that it could not read from the cluster again. Each pass commits a Workflow's new status before its
actions are carried out, and carrying one out twice is harmless, so it may be killed anywhere (R3).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from cronsim import CronSim

from pressplay.clock import Clock, parse_rfc3339, rfc3339
from pressplay.cluster.port import Manifest
from pressplay.cluster.sqlite import Key, SqliteCluster, key_of
from pressplay.cluster.waits import FINISHED, PHASE_LABEL, phase
from pressplay.sandbox.engine import LockTable, advance
from pressplay.sandbox.engine.model import fulfilled

COMPLETED_LABEL = "workflows.argoproj.io/completed"
CRON_LABEL = "workflows.argoproj.io/cron-workflow"
_SCHEDULED = "workflows.argoproj.io/scheduled-time"


class WorkflowController:
    """Advances the Workflows that something moved, and starts what CronWorkflows schedule."""

    def __init__(self, cluster: SqliteCluster, clock: Clock) -> None:
        """Mark every unfinished Workflow of the cluster to be advanced."""
        self._cluster = cluster
        self._clock = clock
        self._workflows: dict[Key, Manifest] = {}
        self._watchers: dict[Key, set[Key]] = defaultdict(set)
        self._watches: dict[Key, frozenset[Key]] = {}
        self._wake_at: dict[Key, float] = {}
        self._objects: dict[Key, Manifest | None] = {}
        self._dirty: dict[Key, None] = {}
        self._crons: list[tuple[Manifest, float]] | None = None
        self.locks = LockTable()
        for workflow in cluster.list("Workflow", ""):
            if phase(workflow) not in FINISHED:
                self._dirty[key_of(workflow)] = None
                self.locks.replace(workflow, workflow.get("status") or {})

    def extend_limits(self, seconds: float) -> None:
        """Extend the time limits of what is under way by the whole `seconds` for which the sandbox was stopped."""
        for key in list(self._dirty):
            self.extend_limits_of(key, seconds)

    def extend_limits_of(self, key: Key, seconds: float) -> None:
        """Extend the time limits of what is under way in one Workflow by the whole `seconds`."""
        workflow = self._cluster.get(*key)
        status = (workflow or {}).get("status") or {}
        everything = status.get("nodes") or {}
        under_way = {node["name"] for node in everything.values() if not fulfilled(node)}
        nodes = {
            name: {**node, "startedAt": rfc3339(parse_rfc3339(node["startedAt"]) + int(seconds))}
            for name, node in everything.items()
            # A retry under way counts from its first attempt.
            if node.get("startedAt") and not under_way.isdisjoint((node["name"], node["name"].removesuffix("(0)")))
        }
        if workflow is not None and nodes and seconds >= 1:
            self._cluster.put_status(workflow, {**status, "nodes": {**status["nodes"], **nodes}}, {})
            self._workflows.pop(key, None)
            self._dirty[key] = None

    def get(self, kind: str, namespace: str, name: str) -> Manifest | None:
        """The engine's view of an object, read once until it changes."""
        key = Key(kind, namespace, name)
        if key not in self._objects:
            self._objects[key] = self._cluster.get(*key)
        return self._objects[key]

    def changed(self, changes: Mapping[Key, int]) -> None:
        """Mark what these changes may move."""
        for key, version in changes.items():
            self._objects.pop(key, None)
            if key.kind == "CronWorkflow":
                self._crons = None
            known = self._workflows.get(key)
            if key.kind == "Workflow" and (known is None or known["metadata"]["resourceVersion"] != str(version)):
                self._workflows.pop(key, None)
                self._dirty[key] = None
            for watcher in self._watchers.get(key, ()):
                self._dirty[watcher] = None

    def advance(self) -> bool:
        """Advance every Workflow that something moved or whose time has come; whether there was one."""
        now = self._clock.now()
        for key, moment in self._wake_at.items():
            if moment <= now:
                self._dirty[key] = None
        if not self._dirty:
            return False
        for key in list(self._dirty):
            del self._dirty[key]
            self._advance(key, now)
        return True

    def unfinished(self) -> list[Manifest]:
        """The Workflows that have not ended, as they stand after the last `advance`."""
        return list(self._workflows.values())

    def next_wake(self) -> float | None:
        """The next moment at which time alone moves something."""
        return min([*self._wake_at.values(), *(moment for _, moment in self._scheduled())], default=None)

    def _advance(self, key: Key, now: float) -> None:
        workflow = self._workflows.get(key) or self._cluster.get(*key)
        if workflow is None or phase(workflow) in FINISHED:
            self._forget(key)
            return
        result = advance(workflow, self, now)
        old = workflow.get("status") or {}
        if result.status != old:
            labels = {PHASE_LABEL: result.status["phase"]}
            if result.status["phase"] in FINISHED:
                labels[COMPLETED_LABEL] = "true"
            version = self._cluster.put_status(workflow, result.status, labels)
            if version is None:
                # Somebody ended a wait meanwhile: decide again, on the current status.
                self._workflows.pop(key, None)
                self._dirty[key] = None
                return
            metadata = {
                **workflow["metadata"],
                "resourceVersion": version,
                "labels": {**(workflow["metadata"].get("labels") or {}), **labels},
            }
            self._workflows[key] = {**workflow, "metadata": metadata, "status": result.status}
            self._objects.pop(key, None)
            self._wake_waiters(self.locks.replace(workflow, result.status))
        else:
            self._workflows[key] = workflow
        for manifest in result.actions:
            self._carry_out(manifest)
        if result.status["phase"] in FINISHED:
            self._forget(key)
            return
        self._watch(key, frozenset(Key(*watched) for watched in result.watches))
        self._wake_at.pop(key, None)
        if result.wake_at is not None:
            self._wake_at[key] = result.wake_at

    def _carry_out(self, manifest: Manifest) -> None:
        # An existing Pod is never changed, since its status is the kubelet's; but it may get the request to stop.
        if manifest["kind"] == "Pod" and "spec" in manifest:
            self._cluster.create(manifest)
        elif manifest["kind"] == "Pod" and self._cluster.get(*key_of(manifest)) is None:
            pass
        else:
            self._cluster.apply(manifest)
        self._objects.pop(key_of(manifest), None)

    def _watch(self, key: Key, watches: frozenset[Key]) -> None:
        before = self._watches.get(key, frozenset())
        for gone in before - watches:
            self._watchers[gone].discard(key)
        for new in watches - before:
            self._watchers[new].add(key)
        self._watches[key] = watches

    def _forget(self, key: Key) -> None:
        self._watch(key, frozenset())
        self._watches.pop(key, None)
        self._wake_at.pop(key, None)
        self._workflows.pop(key, None)
        # Also one that was deleted, and is not known any more: as a real Argo, its locks go with it.
        self._wake_waiters(self.locks.remove(key.namespace, key.name))

    def _wake_waiters(self, freed: Iterable[str]) -> None:
        for namespace, name in self.locks.waiters(freed):
            self._dirty[Key("Workflow", namespace, name)] = None

    def run_cron(self) -> bool:
        """Start what the CronWorkflows schedule for now; whether anything was started."""
        now, started = self._clock.now(), False
        for cron, moment in self._scheduled():
            if moment <= now:
                started |= self._start_cron(cron, _newest(cron, moment, now))
        return started

    def _start_cron(self, cron: Manifest, due: float) -> bool:
        metadata = cron["metadata"]
        namespace, name = metadata["namespace"], metadata["name"]
        self._keep_history(cron, namespace, name)
        running = self._cluster.list("Workflow", namespace, {CRON_LABEL: name, PHASE_LABEL: "Running"})
        started = not running and self._cluster.create(
            {
                "apiVersion": "argoproj.io/v1alpha1",
                "kind": "Workflow",
                "metadata": {
                    "name": f"{name}-{int(due)}",
                    "namespace": namespace,
                    "labels": {**(metadata.get("labels") or {}), CRON_LABEL: name},
                    "annotations": {_SCHEDULED: rfc3339(due)},
                },
                "spec": cron["spec"]["workflowSpec"],
            }
        )
        self._cluster.set_status("CronWorkflow", namespace, name, {"lastScheduledTime": rfc3339(due)})
        self._crons = None
        return started

    def _keep_history(self, cron: Manifest, namespace: str, name: str) -> None:
        """Delete what is beyond the CronWorkflow's history limits, oldest first, with its Pods."""
        limits = {
            "Succeeded": cron["spec"].get("successfulJobsHistoryLimit", 3),
            "Failed": cron["spec"].get("failedJobsHistoryLimit", 1),
        }
        for ended, limit in limits.items():
            workflows = self._cluster.list("Workflow", namespace, {CRON_LABEL: name, PHASE_LABEL: ended})
            for workflow in workflows[: max(0, len(workflows) - limit)]:
                self._cluster.delete("Workflow", namespace, workflow["metadata"]["name"])
                for node_id in (workflow.get("status") or {}).get("nodes") or {}:
                    self._cluster.delete("Pod", namespace, node_id)

    def _scheduled(self) -> list[tuple[Manifest, float]]:
        """The CronWorkflows that are not suspended, with when each is next due; read once until one changes."""
        if self._crons is None:
            crons = self._cluster.list("CronWorkflow", "")
            self._crons = [(cron, _next(cron)) for cron in crons if not cron["spec"].get("suspend")]
        return self._crons


def _next(cron: Manifest) -> float:
    """When a CronWorkflow is next due: by its schedules, after it was last scheduled or made."""
    status: dict[str, Any] = cron.get("status") or {}
    last = parse_rfc3339(status.get("lastScheduledTime") or cron["metadata"]["creationTimestamp"])
    return min(_after(schedule, last) for schedule in cron["spec"]["schedules"])


def _newest(cron: Manifest, moment: float, now: float) -> float:
    """The newest moment for which it is due, after `moment` that has come; earlier missed moments are dropped."""
    while (following := min(_after(schedule, moment) for schedule in cron["spec"]["schedules"])) <= now:
        moment = following
    return moment


def _after(schedule: str, moment: float) -> float:
    from datetime import UTC, datetime

    return next(CronSim(schedule, datetime.fromtimestamp(moment, UTC))).timestamp()
