"""The object of a `resource` template: its manifest, and what its state means for the node that waits for it.

Argo lets a Pod of its own wait for the object. Here the engine looks at the object itself, with the same conditions
and the same messages. Source: workflow/executor/resource.go, workflow/controller/operator.go (executeResource).
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import yaml

from pressplay import names
from pressplay.cluster.port import Manifest
from pressplay.sandbox.engine import conditions, gojson, paths
from pressplay.sandbox.engine.assessment import Assessment, output_parameters
from pressplay.sandbox.engine.model import Node
from pressplay.sandbox.engine.substitution import SubstitutionError, tags

APPLIED = "applied.press-play"
"""The annotation, before a hash of the node's id, that says that a node applied an object.

The object's other fields cannot say it: two Workflows may want one object with different fields, and would apply it in
turn for ever. In a cluster the waiting Pod applies the manifest once.
"""


def _annotation(node: Node) -> str:
    return f"{APPLIED}/{names.digest(node['id'], length=12)}"


def _with_annotation(node: Node, manifest: Manifest) -> Manifest:
    """The manifest with the annotation that says that `node` applied it."""
    metadata = manifest["metadata"]
    return {
        **manifest,
        "metadata": {**metadata, "annotations": {**(metadata.get("annotations") or {}), _annotation(node): "true"}},
    }


def _is_applied(node: Node, resource: Manifest) -> bool:
    return _annotation(node) in (resource["metadata"].get("annotations") or {})


class ManifestError(Exception):
    """A resource template's manifest that kubectl would refuse; the text says why."""


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
    manifest: Manifest = copy.deepcopy(parsed)
    metadata = workflow["metadata"]
    manifest["metadata"].setdefault("namespace", metadata.get("namespace", "default"))
    manifest["metadata"]["name"] = gojson.any_string(manifest["metadata"]["name"])
    if resource.get("setOwnerReference"):
        manifest["metadata"].setdefault("ownerReferences", []).append(
            {
                "apiVersion": "argoproj.io/v1alpha1",
                "kind": "Workflow",
                "name": metadata["name"],
                "uid": metadata.get("uid", ""),
                "controller": True,
                "blockOwnerDeletion": True,
            }
        )
    return manifest


def failed(why: str) -> Assessment:
    """A failed resource node, as Argo's executor reports it."""
    return Assessment("Failed", f"main: Error (exit code 64): {why}", exit_code="64")


def assess(
    node: Node,
    manifest: Manifest,
    actual: Manifest | None,
    resource: Mapping[str, Any],
    declared: list[Mapping[str, Any]],
) -> Assessment:
    """What `actual`, the object that `manifest` names (None: there is none), means for its node.

    `resource` is the template's, with all tags replaced; `declared` are its output parameters.
    """
    if actual is None:
        if node["phase"] == "Running":
            return failed("The resource has been deleted while its status was still being checked. Will not be retried")
        if resource["action"] == "get":
            return failed(f"no more retries Error from server (NotFound): {_described(manifest)} not found")
        return Assessment(None, apply=_with_annotation(node, manifest))
    if node["phase"] == "Pending" and resource["action"] == "apply" and not _is_applied(node, actual):
        # An earlier run or another Workflow made it: apply first, assess when that is done.
        return Assessment(None, apply=_with_annotation(node, manifest))
    return _assess_conditions(actual, resource, declared)


def already_exists(manifest: Manifest) -> Assessment:
    """The failure of `create` where the object exists."""
    return failed(
        'no more retries Error from server (AlreadyExists): error when creating "/tmp/manifest.yaml": '
        f"{_described(manifest)} already exists"
    )


def _assess_conditions(actual: Manifest, resource: Mapping[str, Any], declared: list[Mapping[str, Any]]) -> Assessment:
    failure, success = resource.get("failureCondition"), resource.get("successCondition")
    if failure:
        for requirement in conditions.selector(failure):
            if requirement.matches(actual):
                return failed(f"failure condition '{requirement}' evaluated true")
    if (failure or success) and not all(part.matches(actual) for part in conditions.selector(success or "")):
        return Assessment("Running")
    values = {
        item["name"]: paths.kubectl_jsonpath(actual, item["valueFrom"]["jsonPath"])
        for item in declared
        if (item.get("valueFrom") or {}).get("jsonPath")
    }
    try:
        return Assessment("Succeeded", parameters=output_parameters(declared, values), exit_code="0")
    except SubstitutionError as error:
        return Assessment("Error", str(error), exit_code="0")


def _described(manifest: Manifest) -> str:
    group, _, _ = manifest.get("apiVersion", "").rpartition("/")
    plural = manifest["kind"].lower() + "s"
    return (
        f'{plural}.{group} "{manifest["metadata"]["name"]}"' if group else f'{plural} "{manifest["metadata"]["name"]}"'
    )
