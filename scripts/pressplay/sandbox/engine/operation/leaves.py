"""Leaves: the nodes of type Pod, from a `container` or a `resource` template.

A leaf's template and variables are derived from the node alone, so that a later pass can look at it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pressplay.sandbox.engine import conditions, gojson, pods, resources
from pressplay.sandbox.engine.assessment import Assessment
from pressplay.sandbox.engine.conditions import ConditionError
from pressplay.sandbox.engine.model import Node, fulfilled, timestamp
from pressplay.sandbox.engine.operation.state import Invocation, State
from pressplay.sandbox.engine.operation.variables import (
    input_variables,
    node_variables,
    outcome_variables,
    retry_variables,
)
from pressplay.sandbox.engine.substitution import Scope, SubstitutionError
from pressplay.sandbox.engine.templates import NotFound, Template


def start(state: State, invocation: Invocation) -> None:
    """Make a leaf's node. Its object is asked for when the pass next looks at the nodes (`reconcile`).

    What cannot be made raises SubstitutionError here and now, so that the parent fails too.
    """
    node = state.nodes.add(invocation.name, "Pod", "Pending", invocation.context.boundary, **invocation.fields)
    if not state.may_run(invocation.context.on_exit):
        state.nodes.mark(node["id"], "Failed", f"workflow shutdown with strategy: {state.shutdown}")
        return
    body = invocation.template.body.fill(scope(state, node, invocation.template))
    state.pods.started += 1
    if invocation.template.kind == "container":
        pods.manifest(state.workflow, node, body, state.spec, None)
        return
    try:
        manifest = resources.manifest_of(state.workflow, body["resource"])
    except resources.ManifestError:
        return
    metadata = manifest["metadata"]
    # Later passes cannot tell an object that existed before from one that this node created.
    if invocation.template.raw["resource"]["action"] == "create" and state.view.get(
        manifest["kind"], metadata["namespace"], metadata["name"]
    ):
        settle(state, node, resources.already_exists(manifest))


def settle(state: State, node: Node, assessment: Assessment) -> None:
    """Record what a leaf's state means."""
    if assessment.phase is None:
        return
    outputs: dict[str, Any] = {}
    if assessment.parameters:
        outputs["parameters"] = assessment.parameters
    if assessment.exit_code is not None:
        outputs["exitCode"] = assessment.exit_code
    if outputs:
        state.nodes.put(node["id"], outputs=outputs)
    state.nodes.mark(node["id"], assessment.phase, assessment.message)


def scope(state: State, node: Node, template: Template) -> Scope:
    """The variables with which a leaf was started."""
    flat = {**_workflow_variables(state, node), **node_variables(state.nodes, node["name"], template)}
    flat.update(input_variables((node.get("inputs") or {}).get("parameters") or ()))
    if (node.get("nodeFlag") or {}).get("retried"):
        stem, _, number = node["name"].rpartition("(")
        count = int(number[:-1])
        previous = state.nodes.by_name(f"{stem}({count - 1})") if count else None
        flat.update(retry_variables(count, previous))
    return Scope(flat)


def _workflow_variables(state: State, node: Node) -> Mapping[str, Any]:
    """An exit handler's leaves know how the Workflow ended."""
    root = state.nodes.by_name(state.name)
    if root is None or not fulfilled(root) or not state.nodes.on_exit(node):
        return state.variables
    return {**state.variables, **outcome_variables(root, state.nodes)}


def deadline(state: State, node: Node) -> float | None:
    """When a leaf must have ended, in seconds since the epoch; None where it has no (readable) limit."""
    try:
        template = state.library.of_node(node)
        variables = scope(state, node, template)
        limits = template.limits.fill(variables)
        spans = [conditions.duration(gojson.any_string(limit)) for limit in limits.values() if limit not in (None, "")]
        moments = [timestamp(node) + span for span in spans]
        retry = template.retry.fill(variables) or state.spec.get("retryStrategy") or {}
        longest = (retry.get("backoff") or {}).get("maxDuration")
        if longest and (node.get("nodeFlag") or {}).get("retried") and not node["name"].endswith("(0)"):
            first = state.nodes.by_name(f"{node['name'].rpartition('(')[0]}(0)")
            if first is not None:
                moments.append(timestamp(first) + conditions.duration(gojson.any_string(longest)))
    except (NotFound, SubstitutionError, ConditionError):
        return None
    return min(moments, default=None)
