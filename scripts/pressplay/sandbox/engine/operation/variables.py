"""Variables of the Workflow, of a node and of a retry, as templates refer to them.

Source: workflow/controller/operator.go (setGlobalParameters, addRetryVariables, getFailedNodes).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from pressplay.clock import parse_rfc3339, rfc3339
from pressplay.cluster.port import Manifest
from pressplay.sandbox.engine import gojson
from pressplay.sandbox.engine.model import FAILED, Node, timestamp
from pressplay.sandbox.engine.nodes import Nodes
from pressplay.sandbox.engine.substitution import Scope, substitute_text
from pressplay.sandbox.engine.templates import Template

WORKFLOW_PHASE: Mapping[str, str] = {
    "Pending": "Pending",
    "Running": "Running",
    "Succeeded": "Succeeded",
    "Skipped": "Succeeded",
    "Omitted": "Succeeded",
    "Failed": "Failed",
    "Error": "Error",
}
"""The phase of the Workflow by the phase of its entry node."""
_CREATION_FORMATS = "aAbBcdHIjmMpSUwWxXyYZ"


def workflow_variables(workflow: Manifest, spec: Mapping[str, Any], phase: str | None, now: float) -> dict[str, Any]:
    """`workflow.…`, for all of a Workflow's templates; `spec` is the one that runs, `phase` the Workflow's."""
    metadata = workflow["metadata"]
    parameters = (spec.get("arguments") or {}).get("parameters") or []
    added = spec.get("workflowMetadata") or {}
    flat: dict[str, Any] = {
        "workflow.name": metadata["name"],
        "workflow.namespace": metadata.get("namespace", "default"),
        "workflow.mainEntrypoint": spec.get("entrypoint", ""),
        "workflow.serviceAccountName": spec.get("serviceAccountName", ""),
        "workflow.uid": metadata.get("uid", ""),
        "workflow.status": phase or "Running",
        **_creation_time(metadata.get("creationTimestamp") or rfc3339(now)),
    }
    if spec.get("priority") is not None:
        flat["workflow.priority"] = str(spec["priority"])
    for item in parameters:
        flat[f"workflow.parameters.{item['name']}"] = gojson.any_string(item.get("value"))
    flat["workflow.parameters"] = flat["workflow.parameters.json"] = gojson.dumps(parameters)
    for kind in ("labels", "annotations"):
        for key, value in {**(metadata.get(kind) or {}), **(added.get(kind) or {})}.items():
            flat[f"workflow.{kind}.{key}"] = value
    # The parameters of a WorkflowTemplate may themselves name the Workflow's (substituteGlobalVariables).
    for item in parameters:
        name = f"workflow.parameters.{item['name']}"
        if "{{" in flat[name]:
            flat[name] = substitute_text(flat[name], Scope(flat))
    return flat


@lru_cache(maxsize=256)
def _creation_time(created: str) -> Mapping[str, str]:
    moment = datetime.fromtimestamp(parse_rfc3339(created), UTC)
    root = "workflow.creationTimestamp"
    formatted = {f"{root}.{letter}": moment.strftime(f"%{letter}") for letter in _CREATION_FORMATS}
    return {**formatted, root: created, f"{root}.RFC3339": created, f"{root}.s": str(int(moment.timestamp()))}


def outcome_variables(root: Node, nodes: Nodes) -> dict[str, Any]:
    """How the Workflow ended, for exit handlers; `root` is its entry node."""
    return {"workflow.status": WORKFLOW_PHASE[root["phase"]], "workflow.failures": _failures(nodes)}


def _failures(nodes: Nodes) -> str:
    failed = [node for node in nodes.all.values() if node["phase"] in FAILED]
    failed.sort(key=lambda node: (node.get("finishedAt") or "", node["name"]))
    listed = [
        {
            "displayName": node["displayName"],
            "message": node.get("message", ""),
            "templateName": node.get("templateName") or (node.get("templateRef") or {}).get("template", ""),
            "phase": node["phase"],
            "podName": node["id"],
            "finishedAt": node.get("finishedAt"),
        }
        for node in failed
    ]
    text = "[" + ",".join(_in_order(item) for item in listed) + "]" if listed else "null"
    return json.dumps(text, ensure_ascii=False)


def _in_order(item: Mapping[str, Any]) -> str:
    """As Go encodes a struct: its fields in the order in which they are declared."""
    return "{" + ",".join(f"{gojson.dumps(key)}:{gojson.dumps(value)}" for key, value in item.items()) + "}"


def node_variables(nodes: Nodes, name: str, template: Template) -> dict[str, str]:
    """`node.name` and, for a Pod, `pod.name` of the node with this name."""
    own = {"node.name": name}
    if template.is_pod:
        own["pod.name"] = nodes.id(name)
    return own


def input_variables(parameters: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """`inputs.parameters.…` of a node's input parameters."""
    return {
        f"inputs.parameters.{item['name']}": gojson.any_string(item["value"])
        for item in parameters
        if item.get("value") is not None
    }


def retry_variables(count: int, last: Node | None, unknown_exit_code: str = "0") -> dict[str, Any]:
    """`retries` and `lastRetry.…` for an attempt after `count` others, of which `last` was the last."""
    values: dict[str, Any] = {
        "retries": str(count),
        "lastRetry.exitCode": "0",
        "lastRetry.status": "",
        "lastRetry.duration": "0",
        "lastRetry.message": "",
    }
    if last is not None:
        span = timestamp(last, "finishedAt") - timestamp(last) if last.get("finishedAt") else 0.0
        code = (last.get("outputs") or {}).get("exitCode")
        values["lastRetry.exitCode"] = unknown_exit_code if code is None else code
        values["lastRetry.status"] = last["phase"]
        values["lastRetry.duration"] = gojson.sprint(span)
        values["lastRetry.message"] = last.get("message", "")
    return values
