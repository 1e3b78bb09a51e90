"""`advance` and `set_node`: the two things that can happen to a Workflow.

R3: a Workflow's status is all there is. `advance` on its own result, with the same view, changes nothing and asks for
the same again; so the caller may be killed anywhere between committing a status and carrying the actions out.

R7: a value from outside with `{{` in it (a Workflow's own arguments, what `set_node` supplies, what Pods and objects
put out) ends the Workflow or node in Error and names the parameter. A real Argo evaluates `{{=…}}` and `{{name}}` in
such a value, and with a stray `{{` leaves the Workflow unprocessed for ever.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pressplay.clock import rfc3339
from pressplay.cluster.port import Manifest
from pressplay.errors import InputError
from pressplay.sandbox.engine import gojson, validation
from pressplay.sandbox.engine.model import (
    WORKFLOW_ENDED,
    Advance,
    InvalidSpec,
    Node,
    UnknownConstruct,
)
from pressplay.sandbox.engine.operation import State, operate
from pressplay.sandbox.engine.substitution import Refused, refuse_template
from pressplay.sandbox.engine.templates import NotFound, join
from pressplay.sandbox.engine.view import View

_MOST_PASSES = 10_000


def advance(workflow: Manifest, view: View, now: float) -> Advance:
    """Take a Workflow as far as it goes at this moment. The arguments are not changed.

    What a real Argo refuses at the start gives phase Failed with its message and no nodes; what this engine does not
    know, and what R7 forbids, gives phase Error with a message that names it. No content of a Workflow makes it raise.
    """
    status: dict[str, Any] = dict(workflow.get("status") or {})
    if status.get("phase") in WORKFLOW_ENDED:
        return Advance(status, (), frozenset(), None)
    if not status.get("phase"):
        refused = _start(workflow, status, view, now)
        if refused is not None:
            return Advance(refused, (), frozenset(), None)
    spec = running_spec(workflow, status)
    for _ in range(_MOST_PASSES):
        state = State(workflow, status, spec, view, now)
        operate(state)
        settled = state.status == status
        status = state.status
        if settled or status.get("phase") in WORKFLOW_ENDED:
            break
    requests = state.requests
    actions = tuple(requests.actions.values())
    if status.get("phase") in WORKFLOW_ENDED:
        return Advance(status, actions, frozenset(), None)
    return Advance(status, actions, frozenset(requests.watches), requests.wake_at)


def running_spec(workflow: Manifest, status: Mapping[str, Any]) -> Mapping[str, Any]:
    """The spec that runs: the one frozen at the start where the Workflow refers to a WorkflowTemplate, else its own."""
    spec: Mapping[str, Any] = status.get("storedWorkflowTemplateSpec") or workflow["spec"]
    return spec


def _start(workflow: Manifest, status: dict[str, Any], view: View, now: float) -> dict[str, Any] | None:
    """Freeze and check; a status that ends the Workflow, or None (and `status` filled) if it may start."""
    namespace = workflow["metadata"].get("namespace", "default")
    try:
        _refuse_arguments(workflow)
        referred = validation.referred(workflow, view)
        if referred is not None:
            status["storedWorkflowTemplateSpec"] = join(workflow["spec"], referred["spec"])
        stored = validation.check(workflow, running_spec(workflow, status), namespace, view)
    except InvalidSpec as error:
        return _ended(status, "Failed", str(error), now)
    except (UnknownConstruct, Refused, NotFound) as error:
        return _ended(status, "Error", str(error), now)
    if stored:
        status["storedTemplates"] = stored
    status.setdefault("nodes", {})
    return None


def _ended(status: Mapping[str, Any], phase: str, message: str, now: float) -> dict[str, Any]:
    moment = rfc3339(now)
    ended = {**status, "phase": phase, "message": message, "startedAt": moment, "finishedAt": moment}
    ended.setdefault("nodes", {})
    return ended


def _refuse_arguments(workflow: Manifest) -> None:
    for item in (workflow["spec"].get("arguments") or {}).get("parameters") or ():
        refuse_template(gojson.any_string(item.get("value")), f"spec.arguments.parameters.{item.get('name')}")


def set_node(
    workflow: Manifest,
    node_id: str,
    phase: Literal["Succeeded", "Failed"],
    outputs: Mapping[str, str],
    message: str,
    now: float,
) -> dict[str, Any] | None:
    """The status after a suspended node was ended from outside, or None where there is no such node, or it has ended.

    As the Argo Server's `set` does it (workflow/util/util.go, updateSuspendedNode): outputs that are not given stay
    without a value, whatever their default; an output that the node does not expect is refused (InputError) and
    nothing changes. A value that a real Argo would evaluate ends the node in Error (R7).
    """
    status: dict[str, Any] = workflow.get("status") or {}
    node: Node | None = (status.get("nodes") or {}).get(node_id)
    if node is None or node["type"] != "Suspend" or node["phase"] != "Running":
        return None
    changed: Node = {**node, "phase": phase, "finishedAt": rfc3339(now)}
    if message:
        changed["message"] = message
    expected = (node.get("outputs") or {}).get("parameters") or []
    try:
        changed_outputs = _supplied(expected, outputs)
        if changed_outputs:
            changed["outputs"] = {**node["outputs"], "parameters": changed_outputs}
    except Refused as error:
        changed["phase"], changed["message"] = "Error", str(error)
    return {**status, "nodes": {**status["nodes"], node_id: changed}}


def _supplied(expected: list[dict[str, Any]], given: Mapping[str, str]) -> list[dict[str, Any]]:
    open_names = {item["name"] for item in expected if (item.get("valueFrom") or {}).get("supplied") is not None}
    for name, value in given.items():
        if name not in open_names:
            raise InputError(f"node is not expecting output parameter '{name}': expected one of {sorted(open_names)}")
        refuse_template(value, f"output parameter {name!r}")
    return [
        {**{key: value for key, value in item.items() if key != "valueFrom"}, "value": given[item["name"]]}
        if item["name"] in given
        else item
        for item in expected
    ]
