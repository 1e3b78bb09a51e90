"""Waits: suspended nodes with a key, and how they are woken (R3).

A wait is a suspended node of a template whose name begins with `await-` and whose inputs hold its key (repo, task …).
Waking reads the Workflow's nodes and sets each match; nothing to wake is not an error (R2).
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pressplay.clock import parse_rfc3339
from pressplay.cluster.port import Cluster, Manifest, NodePhase, NotIn

PHASE_LABEL = "workflows.argoproj.io/phase"
INSTANCE_LABEL = "workflows.argoproj.io/controller-instanceid"
"""The controller that runs a Workflow, if there are several."""
FINISHED = frozenset({"Succeeded", "Failed", "Error"})


@dataclass(frozen=True)
class Wait:
    """A suspended node: where it is, what kind of wait (its template's name), its key, since when."""

    namespace: str
    workflow: str
    node_id: str
    kind: str
    key: Mapping[str, str]
    since: float

    def wake(self, cluster: Cluster, phase: NodePhase, outputs: Mapping[str, str], message: str = "") -> bool:
        """End the wait; False if it has ended meanwhile."""
        return cluster.set_node(self.namespace, self.workflow, self.node_id, phase, outputs, message)


def phase(workflow: Manifest) -> str:
    """A Workflow's phase, `Pending` before a controller has seen it."""
    return str((workflow.get("status") or {}).get("phase") or "Pending")


def nodes(workflow: Manifest) -> dict[str, dict[str, Any]]:
    """A Workflow's nodes by id, unpacked where the controller compressed them (gzip, base64)."""
    status = workflow.get("status") or {}
    packed = status.get("compressedNodes")
    if packed:
        unpacked: dict[str, dict[str, Any]] = json.loads(gzip.decompress(base64.b64decode(packed)))
        return unpacked
    return status.get("nodes") or {}


def inputs(node: Mapping[str, Any]) -> dict[str, str]:
    """A node's input parameters by name."""
    return {p["name"]: str(p.get("value", "")) for p in (node.get("inputs") or {}).get("parameters") or []}


def outputs(workflow: Manifest) -> dict[str, str]:
    """The output parameters of a Workflow's entrypoint by name."""
    entry = nodes(workflow).get(workflow["metadata"]["name"]) or {}
    given = (entry.get("outputs") or {}).get("parameters") or []
    return {parameter["name"]: str(parameter.get("value", "")) for parameter in given}


def deepest_message(workflow: Manifest) -> str:
    """The message of a Workflow's innermost failed node, else the Workflow's own; empty if there is none."""
    failed = [node for node in nodes(workflow).values() if node.get("phase") in ("Failed", "Error")]
    inner = [
        node for node in failed if node.get("message") and node.get("type") in ("Pod", "Suspend", "Plugin", "HTTP")
    ]
    newest = max(inner or failed, key=lambda node: str(node.get("finishedAt") or ""), default={})
    return str(newest.get("message") or (workflow.get("status") or {}).get("message") or "")


def of(workflow: Manifest) -> Iterator[Wait]:
    """The waits of one Workflow."""
    metadata = workflow["metadata"]
    for node_id, node in nodes(workflow).items():
        kind = _template(node)
        if node.get("type") == "Suspend" and node.get("phase") == "Running" and kind.startswith("await-"):
            since = parse_rfc3339(node["startedAt"])
            yield Wait(metadata["namespace"], metadata["name"], node_id, kind, inputs(node), since)


def running(cluster: Cluster, namespace: str, labels: Mapping[str, str]) -> list[Manifest]:
    """The unfinished Workflows with these labels that a controller has taken up."""
    return cluster.list("Workflow", namespace, {**labels, PHASE_LABEL: "Running"})


def unfinished(cluster: Cluster, namespace: str, labels: Mapping[str, str]) -> list[Manifest]:
    """The Workflows with these labels that have not ended, started or not; the server filters by label.

    Ended ones stay for `workflows.ttlSeconds`, some 200 KB each: a week of them is more than a step's memory.
    """
    listed = cluster.list("Workflow", namespace, {**labels, PHASE_LABEL: NotIn(FINISHED)})
    return [workflow for workflow in listed if phase(workflow) not in FINISHED]


def _template(node: Mapping[str, Any]) -> str:
    reference = node.get("templateRef") or {}
    return str(node.get("templateName") or reference.get("template") or "")
