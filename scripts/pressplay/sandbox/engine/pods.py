"""The Pod of a `container` template: its manifest, and what its status means for the node.

Source: workflow/controller/workflowpod.go (createWorkflowPod), operator.go (assessNodeStatus, inferFailedReason).
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any

from pressplay.cluster.port import Manifest
from pressplay.sandbox.engine import gojson
from pressplay.sandbox.engine.assessment import Assessment, output_parameters, output_parameters_of_failed
from pressplay.sandbox.engine.model import ANNOTATION_OUTPUTS, ANNOTATION_STOP, LABEL_WORKFLOW, Node
from pressplay.sandbox.engine.substitution import Refused, SubstitutionError, tags

LOST = "pod deleted"
PAST_DEADLINE = "Pod was active on the node longer than the specified deadline"
EXIT_CODE_PAST_DEADLINE = {"container": "143", "resource": "64"}
"""The exit code of a node that was stopped at its deadline, by the kind of its template."""


def manifest(
    workflow: Manifest, node: Node, body: Mapping[str, Any], spec: Mapping[str, Any], deadline: float | None
) -> Manifest:
    """The Pod for a container node; SubstitutionError if a tag in it was left unresolved."""
    for tag in tags(body["container"]):
        raise SubstitutionError(f"failed to resolve {tag.raw}")
    metadata = workflow["metadata"]
    shared, own = spec.get("podMetadata") or {}, body.get("metadata") or {}
    outputs = [
        {"name": item["name"], "path": item["valueFrom"]["path"]}
        | ({"default": gojson.any_string(item["valueFrom"]["default"])} if "default" in item["valueFrom"] else {})
        for item in (body.get("outputs") or {}).get("parameters") or ()
    ]
    pod_spec: dict[str, Any] = {
        key: copy.deepcopy(value)
        for key, value in {**spec, **body}.items()
        if key in ("volumes", "nodeSelector", "securityContext", "tolerations", "affinity", "serviceAccountName")
    }
    pod_spec["restartPolicy"] = "Never"
    pod_spec["containers"] = [{**copy.deepcopy(body["container"]), "name": "main"}]
    if deadline is not None:
        pod_spec["activeDeadlineSeconds"] = int(deadline)
    labels = {**(shared.get("labels") or {}), **(own.get("labels") or {}), LABEL_WORKFLOW: metadata["name"]}
    annotations = {**(shared.get("annotations") or {}), **(own.get("annotations") or {})}
    annotations[ANNOTATION_OUTPUTS] = json.dumps(outputs)
    annotations["workflows.argoproj.io/node-id"] = node["id"]
    annotations["workflows.argoproj.io/node-name"] = node["name"]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": node["id"],
            "namespace": metadata.get("namespace", "default"),
            "labels": labels,
            "annotations": annotations,
        },
        "spec": pod_spec,
    }


def stop(namespace: str, node: Node) -> Manifest:
    """The annotation on a node's Pod that asks the kubelet to stop it."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": node["id"],
            "namespace": namespace,
            "annotations": {ANNOTATION_STOP: node.get("message", "stopped")},
        },
    }


def assess(pod: Manifest, declared: list[Mapping[str, Any]]) -> Assessment:
    """What a Pod's status means for its node; `declared` are the template's output parameters."""
    status = pod.get("status") or {}
    phase = status.get("phase") or "Pending"
    if phase == "Pending":
        return Assessment(None)
    if phase == "Running":
        return Assessment("Running")
    code = status.get("exitCode")
    exit_code = None if code is None else str(code)
    # Argo strips one line end from a file's text.
    values = {name: value.removesuffix("\n") for name, value in (status.get("outputs") or {}).items()}
    try:
        if phase == "Succeeded":
            return _assess_succeeded(declared, values, exit_code)
        if phase == "Failed":
            message = _failure(pod, exit_code, status.get("message") or "")
            return Assessment("Failed", message, output_parameters_of_failed(declared, values), exit_code)
    except Refused as error:
        return Assessment("Error", str(error), exit_code=exit_code)
    return Assessment("Error", f"Unexpected pod phase for {pod['metadata']['name']}: {phase}")


def _assess_succeeded(
    declared: list[Mapping[str, Any]], values: Mapping[str, str], exit_code: str | None
) -> Assessment:
    try:
        return Assessment("Succeeded", parameters=output_parameters(declared, values), exit_code=exit_code or "0")
    except Refused:
        raise
    except SubstitutionError as error:
        saved = output_parameters_of_failed(declared, values)
        return Assessment("Error", f"wait: Error (exit code 64): {error}", saved, exit_code)


def _failure(pod: Manifest, exit_code: str | None, message: str) -> str:
    """The message of a container that failed, in Argo's words, then its runner's own message."""
    if exit_code is None:
        return message or f"can't find failed message for pod {pod['metadata']['name']}"
    if message.startswith("Error (exit code"):
        return f"main: {message}"
    return f"main: Error (exit code {exit_code})" + (f": {message}" if message else "")
