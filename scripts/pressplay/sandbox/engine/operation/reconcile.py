"""Compare the leaves with the cluster (podReconciliation)."""

from __future__ import annotations

import math
from dataclasses import replace

from pressplay.sandbox.engine import pods, resources
from pressplay.sandbox.engine.assessment import Assessment
from pressplay.sandbox.engine.model import Node, fulfilled
from pressplay.sandbox.engine.operation import leaves
from pressplay.sandbox.engine.operation.shutdown import STEP_PAST_DEADLINE
from pressplay.sandbox.engine.operation.state import State
from pressplay.sandbox.engine.substitution import Scope, SubstitutionError
from pressplay.sandbox.engine.templates import NotFound, Template


def reconcile(state: State) -> None:
    """Take in what has become of each leaf, start those that have not started, stop those whose time is up."""
    for node in list(state.nodes.all.values()):
        if node["type"] != "Pod" or (node.get("synchronizationStatus") or {}).get("waiting"):
            continue
        if not fulfilled(node):
            state.pods.started += 1
            _reconcile_leaf(state, node)
        elif node.get("message") in (pods.PAST_DEADLINE, STEP_PAST_DEADLINE, _shutdown_message(state)):
            _stop_pod(state, node)


def _reconcile_leaf(state: State, node: Node) -> None:
    assessment = _assess(state, node)
    state.requests.watches.update(assessment.watches)
    deadline = leaves.deadline(state, node)
    if assessment.unfinished:
        if deadline is not None:
            state.requests.wake(deadline)
        reason = _reason_to_end(state, node, deadline)
        if reason:
            _end(state, node, reason)
            return
    if assessment.apply is not None:
        state.requests.apply(assessment.apply)
    elif assessment.unfinished:
        state.pods.seen += 1
        state.pods.seen_by_boundary[node.get("boundaryID", "")] += 1
    leaves.settle(state, node, assessment)


def _reason_to_end(state: State, node: Node, deadline: float | None) -> str:
    """The message of a leaf that must not go on; empty if it may."""
    if deadline is not None and state.now >= deadline:
        return pods.PAST_DEADLINE
    on_exit = state.nodes.on_exit(node)
    if not state.may_run(on_exit):
        return _shutdown_message(state)
    return STEP_PAST_DEADLINE if state.is_past_deadline and not on_exit else ""


def _shutdown_message(state: State) -> str:
    # Two spaces, as in Argo.
    return f"workflow shutdown with strategy:  {state.shutdown}"


def _assess(state: State, node: Node) -> Assessment:
    try:
        template = state.library.of_node(node)
        return _assess_by_kind(state, node, template, leaves.scope(state, node, template))
    except resources.ManifestError as error:
        return resources.failed(str(error))
    except (SubstitutionError, NotFound) as error:
        return Assessment("Error", str(error))


def _assess_by_kind(state: State, node: Node, template: Template, scope: Scope) -> Assessment:
    body = template.body.fill(scope)
    declared = (body.get("outputs") or {}).get("parameters") or []
    if template.kind == "resource":
        manifest = resources.manifest_of(state.workflow, body["resource"])
        key = (manifest["kind"], manifest["metadata"]["namespace"], manifest["metadata"]["name"])
        assessment = resources.assess(node, manifest, state.view.get(*key), body["resource"], declared)
        return replace(assessment, watches=(key,))
    key = ("Pod", state.namespace, node["id"])
    pod = state.view.get(*key)
    if pod is not None:
        return replace(pods.assess(pod, declared), watches=(key,))
    if node["phase"] == "Running":
        return Assessment("Error", pods.LOST)
    deadline = leaves.deadline(state, node)
    seconds_left = None if deadline is None else max(1.0, math.ceil(deadline - state.now))
    manifest = pods.manifest(state.workflow, node, body, state.spec, seconds_left)
    return Assessment(None, apply=manifest, watches=(key,))


def _end(state: State, node: Node, message: str) -> None:
    if message == pods.PAST_DEADLINE:
        kind = state.library.of_node(node).kind
        state.nodes.put(node["id"], outputs={"exitCode": pods.EXIT_CODE_PAST_DEADLINE[kind]})
    state.nodes.mark(node["id"], "Failed", message)
    _stop_pod(state, state.nodes.all[node["id"]])


def _stop_pod(state: State, node: Node) -> None:
    pod = state.view.get("Pod", state.namespace, node["id"])
    if pod is not None and ((pod.get("status") or {}).get("phase") or "Pending") in ("Pending", "Running"):
        state.requests.apply(pods.stop(state.namespace, node))
