"""What a leaf of a Workflow asks the cluster for, and what it makes of the answer: Pods and objects.

A `container` asks for a Pod. A `resource` asks for its manifest's object; Argo lets a Pod of its own wait for it, here
the object itself is looked at, with the same conditions and the same words. Sources: workflow/executor/resource.go,
workflow/controller/operator.go (assessNodeStatus, inferFailedReason, executeResource).
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import yaml

from pressplay import names
from pressplay.cluster.port import Manifest
from pressplay.sandbox.engine import conditions, gojson, paths
from pressplay.sandbox.engine.model import ANNOTATION_OUTPUTS, ANNOTATION_STOP, LABEL_WORKFLOW, Node, Object
from pressplay.sandbox.engine.substitution import Refused, SubstitutionError, refuse_template, tags

LOST_POD = "pod deleted"
DEADLINE = "Pod was active on the node longer than the specified deadline"
KILLED = {"container": "143", "resource": "64"}
"""The exit code of a leaf that was stopped at its deadline, by the kind of its template."""


APPLIED = "applied.press-play"
"""Before a hash of a node's id, the annotation by which a node knows that it applied an object.

What the object else looks like tells nothing: two Workflows may ask for one object differently, and would apply it in
turn for ever. In a cluster the waiter's pod is what applies once.
"""


def _mark(node: Node) -> str:
    return f"{APPLIED}/{names.digest(node['id'], length=12)}"


def applied(node: Node, manifest: Manifest) -> Manifest:
    """The manifest as a node applies it."""
    metadata = manifest["metadata"]
    return {
        **manifest,
        "metadata": {**metadata, "annotations": {**(metadata.get("annotations") or {}), _mark(node): "true"}},
    }


def is_applied(node: Node, found: Manifest) -> bool:
    """Whether a node has applied what was found."""
    return _mark(node) in (found["metadata"].get("annotations") or {})


class ManifestError(Exception):
    """A resource template's manifest that kubectl would not take; the text says why."""


class _GoLoader(yaml.CSafeLoader):
    """YAML as Go's sigs.k8s.io/yaml reads it: `y` and `n` are booleans, `1e3` is a number, dates are text."""


_GoLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}
_GoLoader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^[yYnN]$"), list("yYnN"))
_GoLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?(\.\d+|\d+(\.\d*)?)([eE][-+]?\d+)?$"), list("-+.0123456789")
)
_GoLoader.bool_values = {**yaml.CSafeLoader.bool_values, "y": True, "n": False}


@lru_cache(maxsize=1024)
def _parsed(text: str) -> Any:
    return yaml.load(text, Loader=_GoLoader)  # noqa: S506 - a safe loader


@dataclass(frozen=True)
class Verdict:
    """What a leaf has come to: the phase (None: as it was), the message, and what it put out."""

    phase: str | None
    message: str = ""
    parameters: list[dict[str, Any]] | None = None
    exit_code: str | None = None
    apply: Manifest | None = None
    watches: tuple[Object, ...] = field(default=())


def parameters_out(declared: list[Mapping[str, Any]], value_of: Mapping[str, str | None]) -> list[dict[str, Any]]:
    """A node's output parameters; SubstitutionError where one is missing, Refused where Argo would evaluate one."""
    found = []
    for parameter in declared:
        value = _value(parameter, value_of)
        if value is None:
            source = parameter.get("valueFrom") or {}
            path = f"/var/run/argo/outputs/parameters{source.get('path', '')}"
            raise SubstitutionError(f"open {path}: no such file or directory")
        found.append({**parameter, "value": value})
    return found


def _parameters_of_failed(
    declared: list[Mapping[str, Any]], value_of: Mapping[str, str | None]
) -> list[dict[str, Any]]:
    """The same for a container that failed: Argo saves them all the same, up to the first that is missing."""
    found: list[dict[str, Any]] = []
    missing = False
    for parameter in declared:
        value = None if missing else _value(parameter, value_of)
        missing = value is None
        found.append(dict(parameter) if value is None else {**parameter, "value": value})
    return found


def _value(parameter: Mapping[str, Any], value_of: Mapping[str, str | None]) -> str | None:
    value = value_of.get(parameter["name"])
    if value is None:
        default = (parameter.get("valueFrom") or {}).get("default")
        return None if default is None else gojson.any_string(default)
    refuse_template(value, f"output parameter {parameter['name']!r}")
    return value


# --- containers -----------------------------------------------------------------------------------------------------


def pod(
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
    """What tells whoever runs a node's Pod to stop it."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": node["id"],
            "namespace": namespace,
            "annotations": {ANNOTATION_STOP: node.get("message", "stopped")},
        },
    }


def judge_pod(found: Manifest, declared: list[Mapping[str, Any]]) -> Verdict:
    """What a Pod's status means for its node."""
    status = found.get("status") or {}
    phase = status.get("phase") or "Pending"
    if phase == "Pending":
        return Verdict(None)
    if phase == "Running":
        return Verdict("Running")
    code = status.get("exitCode")
    exit_code = None if code is None else str(code)
    # Argo takes one line end off what was in the file.
    values = {name: value.removesuffix("\n") for name, value in (status.get("outputs") or {}).items()}
    try:
        if phase == "Succeeded":
            try:
                return Verdict("Succeeded", parameters=parameters_out(declared, values), exit_code=exit_code or "0")
            except Refused:
                raise
            except SubstitutionError as error:
                kept = _parameters_of_failed(declared, values)
                return Verdict("Error", f"wait: Error (exit code 64): {error}", kept, exit_code)
        if phase == "Failed":
            message = _failure(found, exit_code, status.get("message") or "")
            return Verdict("Failed", message, _parameters_of_failed(declared, values), exit_code)
    except Refused as error:
        return Verdict("Error", str(error), exit_code=exit_code)
    return Verdict("Error", f"Unexpected pod phase for {found['metadata']['name']}: {phase}")


def _failure(found: Manifest, exit_code: str | None, message: str) -> str:
    """The message of a container that failed, as Argo words it, with what its runner has to say."""
    if exit_code is None:
        return message or f"can't find failed message for pod {found['metadata']['name']}"
    if message.startswith("Error (exit code"):
        return f"main: {message}"
    return f"main: Error (exit code {exit_code})" + (f": {message}" if message else "")


# --- objects --------------------------------------------------------------------------------------------------------


def manifest_of(workflow: Manifest, resource: Mapping[str, Any]) -> Manifest:
    """The object that a resource template asks for.

    SubstitutionError if a tag in it was left unresolved, ManifestError if it names no object.
    """
    text = resource.get("manifest", "")
    for tag in tags(text):
        raise SubstitutionError(f"failed to resolve {tag.raw}")
    try:
        parsed = _parsed(text)
    except yaml.YAMLError as error:
        raise ManifestError(f"error parsing /tmp/manifest.yaml: {error}") from error
    if not isinstance(parsed, dict) or not parsed.get("kind") or not (parsed.get("metadata") or {}).get("name"):
        raise ManifestError("Kind and name are both required but at least one of them is missing from the manifest")
    found: Manifest = copy.deepcopy(parsed)
    metadata = workflow["metadata"]
    found["metadata"].setdefault("namespace", metadata.get("namespace", "default"))
    found["metadata"]["name"] = gojson.any_string(found["metadata"]["name"])
    if resource.get("setOwnerReference"):
        found["metadata"].setdefault("ownerReferences", []).append(
            {
                "apiVersion": "argoproj.io/v1alpha1",
                "kind": "Workflow",
                "name": metadata["name"],
                "uid": metadata.get("uid", ""),
                "controller": True,
                "blockOwnerDeletion": True,
            }
        )
    return found


def failed(why: str) -> Verdict:
    """The end of a resource node whose executor gave up."""
    return Verdict("Failed", f"main: Error (exit code 64): {why}", exit_code="64")


def _named(manifest: Manifest) -> str:
    group, _, _ = manifest.get("apiVersion", "").rpartition("/")
    plural = manifest["kind"].lower() + "s"
    return (
        f'{plural}.{group} "{manifest["metadata"]["name"]}"' if group else f'{plural} "{manifest["metadata"]["name"]}"'
    )


def judge_object(found: Manifest, resource: Mapping[str, Any], declared: list[Mapping[str, Any]]) -> Verdict:
    """What an object's state means for the node that waits for it."""
    failure, success = resource.get("failureCondition"), resource.get("successCondition")
    if failure:
        for requirement in conditions.selector(failure):
            if requirement.matches(found):
                return failed(f"failure condition '{requirement}' evaluated true")
    if (failure or success) and not all(part.matches(found) for part in conditions.selector(success or "")):
        return Verdict("Running")
    values = {
        item["name"]: paths.kubectl_jsonpath(found, item["valueFrom"]["jsonPath"])
        for item in declared
        if (item.get("valueFrom") or {}).get("jsonPath")
    }
    try:
        return Verdict("Succeeded", parameters=parameters_out(declared, values), exit_code="0")
    except SubstitutionError as error:
        return Verdict("Error", str(error), exit_code="0")


def gone() -> Verdict:
    """An object that was there is not there any more."""
    return failed("The resource has been deleted while its status was still being checked. Will not be retried")


def missing(manifest: Manifest) -> Verdict:
    """`get` of an object that is not there."""
    return failed(f"no more retries Error from server (NotFound): {_named(manifest)} not found")


def exists(manifest: Manifest) -> Verdict:
    """`create` of an object that is there."""
    told = 'error when creating "/tmp/manifest.yaml"'
    return failed(f"no more retries Error from server (AlreadyExists): {told}: {_named(manifest)} already exists")
