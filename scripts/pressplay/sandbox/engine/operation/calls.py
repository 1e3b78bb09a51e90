"""Steps and tasks before they are executed: their arguments, their `when`, and their items.

Source: workflow/controller/steps.go (resolveReferences, expandStep), dag.go (resolveDependencyReferences, expandTask).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from pressplay.sandbox.engine import conditions, gojson
from pressplay.sandbox.engine.conditions import ConditionError
from pressplay.sandbox.engine.model import Node
from pressplay.sandbox.engine.operation.state import Arguments, Context, State
from pressplay.sandbox.engine.substitution import ABSENT, EVERYTHING, STRICT, Mode, Scope, substitute_text
from pressplay.sandbox.engine.templates import Base, Call


@dataclass(frozen=True)
class ResolvedCall:
    """A step or task, or one item of it, with its references replaced."""

    name: str
    """Its own name or, for an item, the name with the item's number and value."""
    call: Call
    when: str = ""
    arguments: Arguments = field(default_factory=list)


def resolve(state: State, call: Call, node_name: str, context: Context) -> ResolvedCall:
    """Resolve a call without items; one that has a node keeps the inputs of the node.

    MissingVariable where a step or task that it refers to has no node yet; SubstitutionError, ConditionError.
    """
    if state.nodes.by_name(node_name) is not None:
        return ResolvedCall(call.name, call)
    when = call.when.fill(context.scope, STRICT)
    if not conditions.when(when):
        return ResolvedCall(call.name, call, when)
    return ResolvedCall(call.name, call, when, _arguments(call, context.scope, STRICT))


def expand(call: Call, scope: Scope) -> list[ResolvedCall]:
    """Resolve a call with items, one for each item; the errors are those of `resolve`."""
    when = call.when.fill(scope, STRICT)
    goes_ahead: bool | None
    try:
        goes_ahead = conditions.when(when)
    except ConditionError:
        # It may depend on the item.
        goes_ahead = None
    items = _items(call, scope, goes_ahead)
    # Resolved before it is expanded, so that what is missing makes the whole group wait, as in Argo.
    if goes_ahead is not False:
        _arguments(call, scope, STRICT)
    resolved = []
    for index, item in enumerate(items):
        values, described = _item_variables(item)
        name = f"{call.name}({index}:{described.replace('(', '').replace(')', '')})"
        if goes_ahead is False:
            resolved.append(ResolvedCall(name, call, when))
            continue
        inner = scope.with_values(values)
        own_when = call.when.fill(inner, EVERYTHING)
        resolved.append(ResolvedCall(name, call, own_when, _arguments(call, inner, EVERYTHING)))
    return resolved


def origin(call: Call, base: Base) -> dict[str, Any]:
    """The fields by which a node records its template."""
    return {
        "templateName": call.template,
        "templateRef": call.template_ref,
        "templateScope": "/".join(base),
    }


def add_unexecuted(state: State, name: str, call: Call, context: Context, phase: str, message: str) -> Node:
    """The node of a call that is never executed: Skipped, Omitted or Error."""
    return state.nodes.add(name, "Skipped", phase, context.boundary, message, **origin(call, context.base))


def add_if_not_due(state: State, resolved: ResolvedCall, name: str, context: Context) -> Node | None:
    """The node of a call whose `when` is false (Skipped) or cannot be evaluated (Error); None if it goes ahead."""
    try:
        if conditions.when(resolved.when):
            return None
    except ConditionError as error:
        return add_unexecuted(state, name, resolved.call, context, "Error", str(error))
    return add_unexecuted(state, name, resolved.call, context, "Skipped", f"when '{resolved.when}' evaluated false")


def _arguments(call: Call, scope: Scope, mode: Mode) -> Arguments:
    arguments = []
    for name, body in call.arguments:
        text = gojson.any_string(body.tree)
        if scope.refs and _is_absent_output(text, scope):
            arguments.append((name, ABSENT))
        else:
            arguments.append((name, substitute_text(text, scope, mode)))
    return arguments


def _is_absent_output(text: str, scope: Scope) -> bool:
    """Whether an argument is nothing but a reference to an output that a skipped step did not make."""
    if not text.startswith("{{") or not text.endswith("}}") or text.count("{{") != 1:
        return False
    return scope.get(text[2:-2].strip()) is None


def _items(call: Call, scope: Scope, goes_ahead: bool | None) -> list[Any]:
    if call.with_items is not None:
        filled: list[Any] = call.items.fill(scope, STRICT)
        return filled
    text = call.with_param.tree if goes_ahead is False else call.with_param.fill(scope, STRICT)
    try:
        items = json.loads(text)
        if not isinstance(items, list):
            raise ValueError("not a list")
    except ValueError as error:
        if goes_ahead is False:
            return []
        raise ConditionError(f"withParam value could not be parsed as a JSON list: {text.strip()}: {error}") from error
    return items


def _item_variables(item: Any) -> tuple[dict[str, Any], str]:
    """The variables of one item, and its text in the node's name."""
    if isinstance(item, dict):
        texts = {key: _item_text(value) for key, value in item.items()}
        values: dict[str, Any] = {f"item.{key}": text for key, text in texts.items()}
        values["item"] = gojson.dumps(item)
        return values, ",".join(sorted(f"{key}:{text}" for key, text in texts.items()))
    if isinstance(item, list):
        return {"item": gojson.dumps(item)}, "[" + " ".join(_item_text(part) for part in item) + "]"
    return {"item": _item_text(item)}, _item_text(item)


def _item_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)
