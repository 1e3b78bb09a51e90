"""The phase and message of the whole Workflow (markWorkflowPhase)."""

from __future__ import annotations

from pressplay.clock import rfc3339
from pressplay.sandbox.engine.model import COMPLETED
from pressplay.sandbox.engine.operation.state import State


def set_phase(state: State, phase: str, message: str) -> None:
    """Give the Workflow a phase and a message (empty: none), and the times that go with the phase."""
    state.status["phase"] = phase
    if not state.status.get("startedAt") and phase != "Pending":
        state.status["startedAt"] = rfc3339(state.now)
    if message:
        state.status["message"] = message
    else:
        state.status.pop("message", None)
    root = state.nodes.by_name(state.name)
    if phase == "Error" and root is not None and root["phase"] == "Running":
        state.nodes.mark(state.name, "Error", "Workflow operation error")
    if phase in COMPLETED:
        state.status["finishedAt"] = rfc3339(state.now)
