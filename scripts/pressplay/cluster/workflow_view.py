"""A cluster whose unfinished Workflows are listed once, for whoever looks at all of them again and again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pressplay.clock import Clock
from pressplay.cluster.port import Account, Cluster, Labels, Manifest, NodePhase, NotIn, matches
from pressplay.cluster.waits import FINISHED, PHASE_LABEL

_FRESH = 10.0
"""Seconds for which a list serves whoever is about to start something."""
_UNREAD = ("storedTemplates", "storedWorkflowTemplateSpec")
"""Parts of a Workflow's status that only Argo reads, and that are a third of it."""


class WorkflowView:
    """See `Cluster`. For one pass over an installation: make another one for the next pass.

    An unfinished Workflow is what it was when they were listed. All else is read when somebody wants it, also a
    Workflow by its name that was not in the list: whether one has ended, or is gone, never comes from the list.
    Making a Workflow through the view ends the list.
    """

    def __init__(self, cluster: Cluster, namespace: str, clock: Clock) -> None:
        """`namespace`: the one whose Workflows are looked at."""
        self._cluster, self._namespace, self._clock = cluster, namespace, clock
        self._unfinished: dict[str, Manifest] | None = None
        self._listed_at = 0.0

    def renew(self) -> None:
        """Have them listed again where the list is older than a few seconds: before something is started by it."""
        if self._clock.now() - self._listed_at > _FRESH:
            self._unfinished = None

    def get(self, kind: str, namespace: str, name: str) -> Manifest | None:
        """See `Cluster.get`."""
        known = (self._unfinished or {}).get(name) if (kind, namespace) == ("Workflow", self._namespace) else None
        return known or self._cluster.get(kind, namespace, name)

    def list(self, kind: str, namespace: str, labels: Labels | None = None) -> list[Manifest]:
        """See `Cluster.list`."""
        wanted = labels or {}
        if (kind, namespace) != ("Workflow", self._namespace) or not _only_unfinished(wanted):
            return self._cluster.list(kind, namespace, labels)
        if self._unfinished is None:
            self._listed_at = self._clock.now()
            listed = self._cluster.list("Workflow", namespace, {PHASE_LABEL: NotIn(FINISHED)})
            self._unfinished = {workflow["metadata"]["name"]: _read_of(workflow) for workflow in listed}
        return [workflow for workflow in self._unfinished.values() if matches(workflow, wanted)]

    def create(self, manifest: Manifest) -> bool:
        """See `Cluster.create`."""
        if manifest["kind"] == "Workflow":
            self._unfinished = None
        return self._cluster.create(manifest)

    def apply(self, manifest: Manifest) -> Manifest:
        """See `Cluster.apply`."""
        if manifest["kind"] == "Workflow":
            self._unfinished = None
        return self._cluster.apply(manifest)

    def set_status(self, kind: str, namespace: str, name: str, status: Mapping[str, Any]) -> bool:
        """See `Cluster.set_status`."""
        return self._cluster.set_status(kind, namespace, name, status)

    def delete(self, kind: str, namespace: str, name: str) -> bool:
        """See `Cluster.delete`."""
        return self._cluster.delete(kind, namespace, name)

    def set_node(
        self,
        namespace: str,
        workflow: str,
        node_id: str,
        phase: NodePhase,
        outputs: Mapping[str, str],
        message: str = "",
    ) -> bool:
        """See `Cluster.set_node`: the Argo Server itself looks whether the node still waits."""
        return self._cluster.set_node(namespace, workflow, node_id, phase, outputs, message)

    def logs(self, namespace: str, pod: str, container: str, since_seconds: int, limit_bytes: int) -> bytes | None:
        """See `Cluster.logs`."""
        return self._cluster.logs(namespace, pod, container, since_seconds, limit_bytes)

    def server_version(self) -> str:
        """See `Cluster.server_version`."""
        return self._cluster.server_version()

    def may(self, account: Account, verb: str, resource: str, namespace: str, name: str = "") -> bool:
        """See `Cluster.may`."""
        return self._cluster.may(account, verb, resource, namespace, name)


def _only_unfinished(labels: Labels) -> bool:
    """Whether these labels are those of unfinished Workflows alone."""
    if PHASE_LABEL not in labels:
        return False
    phase = labels[PHASE_LABEL]
    return phase >= FINISHED if isinstance(phase, NotIn) else phase not in FINISHED


def _read_of(workflow: Manifest) -> Manifest:
    status = workflow.get("status") or {}
    return {**workflow, "status": {key: value for key, value in status.items() if key not in _UNREAD}}
