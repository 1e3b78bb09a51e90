"""Semaphores and mutexes of the Workflow and of its templates (`synchronization`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pressplay.sandbox.engine import conditions, gojson
from pressplay.sandbox.engine.locks import LockError, locks_of
from pressplay.sandbox.engine.model import Node, timestamp
from pressplay.sandbox.engine.operation.errors import LockTimeout
from pressplay.sandbox.engine.operation.shutdown import stop_message
from pressplay.sandbox.engine.operation.state import Invocation, State
from pressplay.sandbox.engine.operation.status import set_phase
from pressplay.sandbox.engine.substitution import Body, Scope, substitute_text
from pressplay.sandbox.engine.templates import Template


def lock_workflow(state: State) -> bool:
    """Take the Workflow's own locks; False where it must wait for one, or can never get one."""
    if not state.spec.get("synchronization"):
        return True
    try:
        refused = _take(state, "", Body(state.spec["synchronization"]).fill(Scope(state.variables)))
    except LockError as error:
        set_phase(state, "Failed", f"Failed to acquire the synchronization lock. {error}")
        return False
    if refused is None:
        return True
    if state.shutdown == "Terminate" and state.status.get("phase") == "Pending":
        state.locks.waiting.clear()
        set_phase(state, "Failed", stop_message(state))
    else:
        set_phase(state, state.status.get("phase") or "Pending", refused[0])
    return False


def lock_node(state: State, invocation: Invocation, node_type: str) -> bool:
    """Take the locks of a template for its node; False (and the node made, of `node_type`) where it must wait."""
    template, name = invocation.template, invocation.name
    if not template.synchronization.tree:
        return True
    node_id = state.nodes.id(name)
    refused = _take(state, node_id, template.synchronization.fill(invocation.context.scope))
    node = state.nodes.by_name(name)
    if refused is None:
        if node is not None and node.get("synchronizationStatus"):
            state.nodes.put(node_id, synchronizationStatus=None, message=None)
        return True
    message, lock = refused
    if node is None:
        node = state.nodes.add(name, node_type, "Pending", invocation.context.boundary, **invocation.fields)
    state.nodes.put(node_id, synchronizationStatus={"waiting": lock})
    state.nodes.mark(node_id, node["phase"], message)
    return False


def check_timeout(state: State, node: Node | None, template: Template, scope: Scope) -> None:
    """Fail a node, and raise LockTimeout, if it has waited for its locks longer than its template's `timeout`."""
    timeout = template.raw.get("timeout")
    if not timeout or node is None or node["phase"] != "Pending" or not node.get("synchronizationStatus"):
        return
    deadline = timestamp(node) + conditions.duration(substitute_text(gojson.any_string(timeout), scope))
    state.requests.wake(deadline)
    if state.now >= deadline:
        state.nodes.mark(node["id"], "Failed", "timeout")
        raise LockTimeout("timeout")


def _take(state: State, node_id: str, synchronization: Mapping[str, Any]) -> tuple[str, str] | None:
    wanted = locks_of(synchronization, state.namespace)
    refused = state.locks.take(node_id, wanted)
    if refused is not None:
        for lock in wanted:
            if lock.kind == "semaphore":
                namespace, _, name, _ = lock.name.split("/")
                state.requests.watches.add(("ConfigMap", namespace, name))
    return refused
