"""Suspend nodes: wait for a person or for a duration (executeSuspend)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pressplay.sandbox.engine import conditions, gojson
from pressplay.sandbox.engine.model import Node, timestamp
from pressplay.sandbox.engine.operation.state import Invocation, State
from pressplay.sandbox.engine.substitution import SubstitutionError, substitute_text
from pressplay.sandbox.engine.templates import Template


def suspend(state: State, invocation: Invocation) -> None:
    """Start to wait, or end the node once its duration is over."""
    template, context = invocation.template, invocation.context
    node = state.nodes.by_name(invocation.name)
    if node is None:
        fields = {**invocation.fields, **_awaited_outputs(template)}
        node = state.nodes.add(invocation.name, "Suspend", "Pending", context.boundary, **fields)
    duration = gojson.any_string((template.raw["suspend"] or {}).get("duration", ""))
    span = substitute_text(duration, context.scope)
    if span:
        end = timestamp(node) + conditions.duration(span)
        if state.now >= end:
            _resume(state, node)
            return
        state.requests.wake(end)
    state.nodes.mark(node["id"], "Running")


def _awaited_outputs(template: Template) -> dict[str, Any]:
    supplied = [
        _with_input_default(item, template)
        for item in template.outputs
        if (item.get("valueFrom") or {}).get("supplied") is not None
    ]
    return {"outputs": {"parameters": supplied}} if supplied else {}


def _with_input_default(item: Mapping[str, Any], template: Template) -> Mapping[str, Any]:
    if "default" not in item["valueFrom"]:
        for parameter in template.inputs:
            if parameter["name"] == item["name"] and "default" in parameter:
                return {**item, "valueFrom": {**item["valueFrom"], "default": parameter["default"]}}
    return item


def _resume(state: State, node: Node) -> None:
    parameters = []
    for item in (node.get("outputs") or {}).get("parameters") or ():
        source = item.get("valueFrom") or {}
        if source.get("supplied") is None:
            parameters.append(item)
            continue
        if source.get("default") is None:
            raise SubstitutionError(
                f"raw output parameter '{item['name']}' has not been set and does not have a default value"
            )
        rest = {key: value for key, value in item.items() if key != "valueFrom"}
        parameters.append({**rest, "value": gojson.any_string(source["default"])})
    if parameters:
        state.nodes.put(node["id"], outputs={**node["outputs"], "parameters": parameters})
    state.nodes.mark(node["id"], "Succeeded")
