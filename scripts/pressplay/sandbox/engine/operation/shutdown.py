"""End the nodes without a Pod when the Workflow is shut down or past its deadline (exec_control.go)."""

from __future__ import annotations

from pressplay.sandbox.engine.model import Node, fulfilled
from pressplay.sandbox.engine.operation.state import State

STEP_PAST_DEADLINE = "Step exceeded its deadline"


def stop_message(state: State) -> str:
    """The message of what a shutdown ended."""
    return f"Stopped with strategy '{state.shutdown}'"


def enforce(state: State) -> None:
    """End what no Pod stands for; `reconcile` ends the rest."""
    if not state.shutdown and not state.is_past_deadline:
        return
    for node in list(state.nodes.all.values()):
        if fulfilled(node):
            continue
        on_exit = state.nodes.on_exit(node)
        suspended = node["type"] == "Suspend" and node["phase"] == "Running"
        if not state.may_run(on_exit) and (suspended or _waits_for_locks(node) or _is_settled_retry(state, node)):
            state.nodes.mark(node["id"], "Failed", stop_message(state))
        elif state.is_past_deadline and not on_exit and (node["phase"] == "Pending" or suspended):
            state.nodes.mark(node["id"], "Failed", STEP_PAST_DEADLINE)


def _waits_for_locks(node: Node) -> bool:
    return node["phase"] == "Pending" and bool((node.get("synchronizationStatus") or {}).get("waiting"))


def _is_settled_retry(state: State, node: Node) -> bool:
    return node["type"] == "Retry" and bool(node.get("children")) and state.nodes.settled(node)
