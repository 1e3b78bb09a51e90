"""Templates with a `retryStrategy` (workflow/controller/operator.go, processNodeRetries)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

from pressplay.sandbox.engine import conditions, gojson
from pressplay.sandbox.engine.conditions import ConditionError
from pressplay.sandbox.engine.expression import ExpressionError, program
from pressplay.sandbox.engine.model import FAILED, Node, fulfilled, timestamp
from pressplay.sandbox.engine.operation.errors import NodeError
from pressplay.sandbox.engine.operation.shutdown import stop_message
from pressplay.sandbox.engine.operation.state import Invocation, State
from pressplay.sandbox.engine.operation.variables import input_variables, node_variables, retry_variables
from pressplay.sandbox.engine.substitution import Scope, SubstitutionError, substitute_text

Retry = Mapping[str, Any]
"""A `retryStrategy`, tags replaced."""


@dataclass(frozen=True)
class _Decision:
    """What follows a failed attempt."""

    action: Literal["retry", "wait", "stop"]
    message: str = ""


_RETRY = _Decision("retry")
_WAIT = _Decision("wait")


def run_with_retries(state: State, run: Callable[[Invocation], Node], invocation: Invocation, retry: Retry) -> Node:
    """Start an attempt, or go on with one; the Retry node above the attempts. `run` executes one attempt."""
    name, nodes = invocation.name, state.nodes
    parent = nodes.by_name(name)
    if parent is None:
        parent = nodes.add(name, "Retry", "Running", invocation.context.boundary, **invocation.fields)
    parent_id = parent["id"]
    if _is_backing_off(state, parent, retry):
        return nodes.all[parent_id]
    parent = nodes.all[parent_id]
    attempts = nodes.attempts(parent)
    last = nodes.all[attempts[-1]] if attempts else None
    if fulfilled(parent):
        if last is not None:
            nodes.put(parent_id, outputs=last.get("outputs"))
        return nodes.all[parent_id]
    running = last is not None and not fulfilled(last)
    attempt = _attempt(state, invocation, len(attempts) - 1 if running else len(attempts))
    try:
        run(attempt)
    except (NodeError, SubstitutionError, ConditionError) as error:
        if nodes.by_name(attempt.name) is not None:
            nodes.mark(nodes.id(attempt.name), "Error", str(error))
        if _policy(retry) not in ("Always", "OnError"):
            nodes.add_child(parent_id, nodes.id(attempt.name))
            raise NodeError(str(error)) from error
    nodes.add_child(parent_id, nodes.id(attempt.name))
    return nodes.all[parent_id]


def _attempt(state: State, invocation: Invocation, count: int) -> Invocation:
    """The attempt after `count` others, with its own variables."""
    name, fields = f"{invocation.name}({count})", invocation.fields
    previous = state.nodes.by_name(f"{invocation.name}({count - 1})") if count else None
    values = {**node_variables(state.nodes, name, invocation.template), **retry_variables(count, previous)}
    scope = invocation.context.scope.with_values(values)
    inputs = [
        {**item, "value": substitute_text(item["value"], scope)}
        for item in (fields.get("inputs") or {}).get("parameters") or ()
    ]
    own_fields = {**fields, "nodeFlag": {**(fields.get("nodeFlag") or {}), "retried": True}}
    if inputs:
        own_fields["inputs"] = {"parameters": inputs}
    context = replace(invocation.context, scope=scope.with_values(input_variables(inputs)))
    return Invocation(name, invocation.template, context, own_fields)


def _is_backing_off(state: State, parent: Node, retry: Retry) -> bool:
    """Take in how the last attempt ended, which may end the Retry node; True while a backoff lasts."""
    attempts = state.nodes.attempts(parent)
    if fulfilled(parent) or not attempts:
        return False
    last = state.nodes.all[attempts[-1]]
    if not fulfilled(last):
        return False
    if last["phase"] not in FAILED:
        state.nodes.put(parent["id"], outputs=last.get("outputs"))
        state.nodes.mark(parent["id"], "Succeeded")
        return False
    decision = _decide(state, parent, attempts, last, retry)
    if decision.action == "stop":
        state.nodes.mark(parent["id"], last["phase"], decision.message)
    return decision is _WAIT


def _decide(state: State, parent: Node, attempts: list[str], last: Node, retry: Retry) -> _Decision:
    if state.shutdown:
        return _Decision("stop", stop_message(state))
    if state.deadline is not None and state.is_past_deadline:
        moment = datetime.fromtimestamp(state.deadline, UTC)
        return _Decision("stop", f"retry exceeded workflow deadline {moment:%Y-%m-%d %H:%M:%S} +0000 UTC")
    limit = retry.get("limit")
    allowed = None if limit in (None, "") else int(gojson.any_string(limit))
    if retry.get("backoff"):
        decision = _back_off(state, parent, attempts, retry["backoff"], allowed)
        if decision is not _RETRY:
            return decision
        state.nodes.mark(parent["id"], parent["phase"], "")
    if _policy(retry) not in ("Always", {"Failed": "OnFailure", "Error": "OnError"}[last["phase"]]):
        return _Decision("stop", last.get("message", ""))
    if allowed is not None and len(attempts) > allowed:
        return _Decision("stop", "No more retries left")
    if retry.get("expression") and not _evaluate(retry["expression"], len(attempts), last):
        return _Decision("stop", "retryStrategy.expression evaluated to false")
    return _RETRY


def _policy(retry: Retry) -> str:
    return retry.get("retryPolicy") or ("Always" if retry.get("expression") else "OnFailure")


def _evaluate(expression: str, attempts: int, last: Node) -> bool:
    values = {**retry_variables(attempts, last, unknown_exit_code="-1"), "retries": str(attempts - 1)}
    try:
        return program(expression).test(Scope(values).environment)
    except ExpressionError as error:
        raise NodeError(str(error)) from error


def _back_off(
    state: State, parent: Node, attempts: list[str], backoff: Mapping[str, Any], allowed: int | None
) -> _Decision:
    end: float | None = None
    if backoff.get("maxDuration"):
        end = timestamp(state.nodes.all[attempts[0]]) + _duration(backoff["maxDuration"])
        if state.now > end:
            return _Decision("stop", "Max duration limit exceeded")
    if not backoff.get("duration"):
        raise NodeError("no base duration specified for retryStrategy")
    wait = _duration(backoff["duration"])
    factor = backoff.get("factor")
    if factor not in (None, "") and int(gojson.any_string(factor)) > 0:
        wait *= float(int(gojson.any_string(factor))) ** min(len(attempts) - 1, 64)
    if backoff.get("cap"):
        wait = min(wait, _duration(backoff["cap"]))
    until = timestamp(state.nodes.all[attempts[-1]], "finishedAt") + wait
    if end is not None and until > end:
        return _Decision("stop", "Backoff would exceed max duration limit")
    if state.now < until and allowed is not None and len(attempts) <= allowed:
        state.requests.wake(until)
        state.nodes.mark(parent["id"], parent["phase"], f"Backoff for {conditions.humanize(wait)}")
        return _WAIT
    return _RETRY


def _duration(value: Any) -> float:
    return conditions.duration(gojson.any_string(value))
