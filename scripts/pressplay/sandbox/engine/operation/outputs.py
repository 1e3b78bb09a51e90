"""What a node's end gives the nodes after it, and what a steps or dag template outputs.

Source: workflow/controller/operator.go (buildLocalScope, processAggregateNodeOutputs, addSkippedNodeOutputsToScope,
getTemplateOutputsFromScope).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pressplay.sandbox.engine import gojson
from pressplay.sandbox.engine.expression import ExpressionError, program
from pressplay.sandbox.engine.model import Node
from pressplay.sandbox.engine.operation.state import State
from pressplay.sandbox.engine.substitution import MISSING, Scope, SubstitutionError, substitute_text
from pressplay.sandbox.engine.templates import Base, Call, Template


def call_variables(state: State, node: Node, call: Call | None, base: Base) -> dict[str, Any]:
    """`steps.X.…` or `tasks.X.…` without that beginning; `call` is None for the group of an expanded call."""
    declared = node
    if node["type"] == "Retry":
        attempts = state.nodes.attempts(node)
        node = state.nodes.all[attempts[-1]] if attempts else node
    values: dict[str, Any] = {"id": node["id"], "startedAt": node["startedAt"], "status": node["phase"]}
    if node.get("finishedAt"):
        values["finishedAt"] = node["finishedAt"]
    outputs = node.get("outputs") or {}
    if outputs.get("exitCode") is not None:
        values["exitCode"] = outputs["exitCode"]
    for item in outputs.get("parameters") or ():
        if item.get("value") is not None:
            values[f"outputs.parameters.{item['name']}"] = item["value"]
    if call is not None and not declared.get("outputs") and declared["phase"] in ("Skipped", "Omitted"):
        template, _ = state.library.resolve(base, call.template, call.template_ref)
        for item in template.outputs:
            default = (item.get("valueFrom") or {}).get("default")
            values[f"outputs.parameters.{item['name']}"] = None if default is None else gojson.any_string(default)
    return values


def aggregate(children: list[Node]) -> dict[str, Any]:
    """The outputs of an expanded call's nodes as JSON lists, by the order of its items."""
    items = [child for child in children if not child.get("nodeFlag")]
    if not items:
        return {}
    items.sort(key=lambda child: int(child["name"].rpartition("(")[2].partition(":")[0]))
    together: list[dict[str, str]] = []
    lists: dict[str, list[str]] = {}
    for child in items:
        parameters = (child.get("outputs") or {}).get("parameters") or ()
        if child["phase"] != "Succeeded" or not parameters:
            continue
        together.append({item["name"]: gojson.any_string(item.get("value")) for item in parameters})
        for item in parameters:
            lists.setdefault(item["name"], []).append(gojson.any_string(item.get("value")))
    values: dict[str, Any] = {"outputs.result": "[]", "outputs.parameters": gojson.dumps(together)}
    for name, texts in lists.items():
        values[f"outputs.parameters.{name}"] = gojson.dumps(_parsed_if_structured(texts))
    return values


def _parsed_if_structured(texts: list[str]) -> list[Any]:
    try:
        parsed = [json.loads(text) for text in texts]
    except ValueError:
        return texts
    return parsed if all(isinstance(value, list | dict) for value in parsed) else texts


def put_outputs(state: State, node_id: str, template: Template, scope: Scope) -> None:
    """Give a steps or dag node the outputs that its template declares; SubstitutionError or ExpressionError."""
    if not template.outputs:
        return
    local = Scope({key: value for key, value in scope.flat.items() if key.startswith("inputs.")}, scope.refs)
    parameters = []
    for item in template.outputs:
        source, name = item.get("valueFrom") or {}, item["name"]
        default = source.get("default")
        try:
            value = _output(source, scope, local)
            if value is None and default is None:
                raise SubstitutionError(
                    f'output parameter "{name}": "{source.get("parameter", "")}" is an absent optional '
                    "(skipped/omitted node output with no default)"
                )
        except (SubstitutionError, ExpressionError):
            if default is None:
                raise
            value = None
        text = gojson.sprint(default if value is None else value)
        rest = {key: value for key, value in item.items() if key != "valueFrom"}
        parameters.append({**rest, "value": text})
    state.nodes.put(node_id, outputs={"parameters": parameters})


def _output(source: Mapping[str, Any], scope: Scope, local: Scope) -> Any:
    outer = Scope(scope.flat)
    if source.get("expression"):
        value = program(substitute_text(source["expression"], outer)).run(local.environment)
        if value is None:
            raise SubstitutionError(f'failed to evaluate expression "{source["expression"]}"')
        return value
    text = substitute_text(source["parameter"], outer).strip().removeprefix("{{").removesuffix("}}").strip()
    if text.startswith("="):
        return program(text[1:]).run(local.environment)
    value = local.get(text)
    if value is MISSING:
        raise SubstitutionError(f'Unable to resolve: "{text}"')
    return value
