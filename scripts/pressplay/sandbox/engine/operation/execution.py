"""Execute one template as a node (workflow/controller/operator.go, executeTemplate)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pressplay.sandbox.engine import gojson
from pressplay.sandbox.engine.conditions import ConditionError
from pressplay.sandbox.engine.expression import ExpressionError
from pressplay.sandbox.engine.locks import LockError
from pressplay.sandbox.engine.model import Node, fulfilled
from pressplay.sandbox.engine.operation import leaves
from pressplay.sandbox.engine.operation.calls import origin
from pressplay.sandbox.engine.operation.dag import Graph
from pressplay.sandbox.engine.operation.errors import DepthExceeded, NodeError
from pressplay.sandbox.engine.operation.locking import check_timeout, lock_node
from pressplay.sandbox.engine.operation.parallelism import check_parallelism
from pressplay.sandbox.engine.operation.retries import run_with_retries
from pressplay.sandbox.engine.operation.state import Arguments, Context, Invocation, State
from pressplay.sandbox.engine.operation.steps import Steps
from pressplay.sandbox.engine.operation.suspend import suspend
from pressplay.sandbox.engine.operation.variables import input_variables, node_variables
from pressplay.sandbox.engine.substitution import ABSENT, Scope, SubstitutionError, substitute_text
from pressplay.sandbox.engine.templates import Call, NotFound, Template

MAX_DEPTH = 100
_MAX_DEPTH_MESSAGE = "Maximum recursion depth exceeded. See https://argo-workflows.readthedocs.io/en/latest/scaling/"
_NODE_TYPES = {"container": "Pod", "resource": "Pod", "steps": "Steps", "dag": "DAG", "suspend": "Suspend"}


class Executor:
    """Executes the templates of one pass; steps and dags call it again for what they consist of."""

    def __init__(self, state: State) -> None:
        """For one pass."""
        self._state, self._nodes = state, state.nodes
        self._depth = 0

    def execute(
        self,
        name: str,
        call: Call,
        context: Context,
        arguments: Arguments,
        names: Mapping[str, str],
        flag: Mapping[str, Any] | None = None,
    ) -> Node:
        """Start the template that `call` names as the node `name`, or go on with that node.

        A new node takes `arguments`; `names` are variables of its own, such as `steps.name`, and `flag` is its
        `nodeFlag`. An ExecutionError says why its caller must not wait for it in this pass.
        """
        node = self._nodes.by_name(name)
        if node is not None and fulfilled(node):
            return node
        self._depth += 1
        try:
            if self._depth >= MAX_DEPTH:
                self._end_in_error(name, call, context, flag, _MAX_DEPTH_MESSAGE)
                raise DepthExceeded(_MAX_DEPTH_MESSAGE)
            return self._start(name, call, context, arguments, names, flag)
        except (NotFound, SubstitutionError, ConditionError, LockError) as error:
            self._end_in_error(name, call, context, flag, str(error))
            raise NodeError(str(error)) from error
        finally:
            self._depth -= 1

    def _end_in_error(
        self, name: str, call: Call, context: Context, flag: Mapping[str, Any] | None, error: str
    ) -> None:
        node = self._nodes.by_name(name)
        if node is not None:
            self._nodes.mark(node["id"], "Error", error)
            return
        fields = {"nodeFlag": flag, **origin(call, context.base)}
        self._nodes.add(name, "Skipped", "Error", context.boundary, error, **fields)

    def _start(
        self,
        name: str,
        call: Call,
        context: Context,
        arguments: Arguments,
        names: Mapping[str, str],
        flag: Mapping[str, Any] | None,
    ) -> Node:
        state, node = self._state, self._nodes.by_name(name)
        template, base = state.library.resolve(context.base, call.template, call.template_ref)
        flat = {**state.variables, **names, **node_variables(self._nodes, name, template)}
        if node is None:
            inputs = _inputs(template, arguments, Scope(flat))
        else:
            inputs = (node.get("inputs") or {}).get("parameters") or []
        flat.update(input_variables(inputs))
        if inputs and template.wants_all_inputs:
            flat["inputs.parameters"] = gojson.dumps(inputs)
        scope = Scope(flat)
        check_timeout(state, node, template, scope)
        check_parallelism(state, template, node, context)
        fields = origin(call, context.base)
        if inputs:
            fields["inputs"] = {"parameters": inputs}
        if flag:
            fields["nodeFlag"] = flag
        invocation = Invocation(name, template, Context(base, context.boundary, scope, context.on_exit), fields)
        retry = template.retry.fill(scope) or state.spec.get("retryStrategy")
        if not lock_node(state, invocation, "Retry" if retry else _NODE_TYPES[template.kind]):
            return self._nodes.all[self._nodes.id(name)]
        if retry:
            return run_with_retries(state, self.run, invocation, retry)
        return self.run(invocation)

    def run(self, invocation: Invocation) -> Node:
        """Run a template by its kind; its node."""
        name, template = invocation.name, invocation.template
        if template.kind in ("steps", "dag"):
            self._run_calls(invocation)
        elif template.kind == "suspend":
            suspend(self._state, invocation)
        elif self._nodes.by_name(name) is None:
            leaves.start(self._state, invocation)
        return self._nodes.all[self._nodes.id(name)]

    def _run_calls(self, invocation: Invocation) -> None:
        name, kind, context = invocation.name, invocation.template.kind, invocation.context
        node = self._nodes.by_name(name)
        if node is None:
            node = self._nodes.add(name, _NODE_TYPES[kind], "Running", context.boundary, **invocation.fields)
        inner = replace(invocation, context=replace(context, boundary=node["id"]))
        try:
            (Steps if kind == "steps" else Graph)(self._state, self.execute, inner).run()
        except (NodeError, NotFound, SubstitutionError, ExpressionError, ConditionError) as error:
            self._nodes.mark(node["id"], "Error", str(error))
            raise NodeError(str(error)) from error


def _inputs(template: Template, arguments: Arguments, scope: Scope) -> list[dict[str, Any]]:
    """A new node's input parameters; SubstitutionError where one has no value (ProcessArgs)."""
    given = dict(arguments)
    inputs = []
    for parameter in template.inputs:
        name = parameter["name"]
        value = parameter.get("value", parameter.get("default"))
        supplied = given.get(name)
        if supplied is not None and supplied != ABSENT:
            value = supplied
        elif supplied == ABSENT and value is None:
            raise SubstitutionError(
                f"inputs.parameters.{name}: argument references an absent optional "
                "(skipped/omitted node output with no default)"
            )
        if value is None:
            raise SubstitutionError(f"inputs.parameters.{name} was not supplied")
        inputs.append({**parameter, "value": substitute_text(gojson.any_string(value), scope)})
    return inputs
