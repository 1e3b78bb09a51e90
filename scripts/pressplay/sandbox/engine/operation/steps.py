"""Steps templates: groups of steps, one after the other (workflow/controller/steps.go, executeSteps)."""

from __future__ import annotations

from typing import Any

from pressplay.sandbox.engine.conditions import ConditionError
from pressplay.sandbox.engine.expression import ExpressionError
from pressplay.sandbox.engine.model import FAILED, Node, fulfilled
from pressplay.sandbox.engine.operation import calls
from pressplay.sandbox.engine.operation.calls import ResolvedCall
from pressplay.sandbox.engine.operation.errors import DepthExceeded, LockTimeout, NodeError, ParallelismReached
from pressplay.sandbox.engine.operation.outputs import aggregate, call_variables, put_outputs
from pressplay.sandbox.engine.operation.state import Context, Execute, Invocation, State
from pressplay.sandbox.engine.substitution import MissingVariable, Refs, Scope, SubstitutionError
from pressplay.sandbox.engine.templates import Call


class Steps:
    """The steps of one node during one pass."""

    def __init__(self, state: State, execute: Execute, invocation: Invocation) -> None:
        """`invocation`'s context has the steps node itself as its boundary."""
        outer = invocation.context
        self._state, self._nodes, self._execute = state, state.nodes, execute
        self._name, self._template, self._node_id = invocation.name, invocation.template, outer.boundary
        self._group_of: dict[str, str] = {}
        """The group's node name of each step that later groups may refer to."""
        scope = Scope(outer.scope.flat, {"steps": Refs(self._group_of, self._variables)}, outer.scope)
        self._context = Context(outer.base, outer.boundary, scope, outer.on_exit)

    def run(self) -> None:
        """Start the steps, or go on with them; end the node if they have ended."""
        for index, group in enumerate(self._template.steps):
            node = self._run_group(group, self._group_node(index))
            if not fulfilled(node):
                return
            if node["phase"] in FAILED:
                self._put_outbound()
                self._nodes.mark(self._node_id, "Failed", node.get("message", ""))
                return
            self._group_of.update((step.name, node["name"]) for step in group)
        self._put_outbound()
        put_outputs(self._state, self._node_id, self._template, self._context.scope)
        self._nodes.mark(self._node_id, "Succeeded")

    def _group_node(self, index: int) -> Node:
        """A group's node, which hangs below all that the group before it ended with."""
        name = f"{self._name}[{index}]"
        node = self._nodes.by_name(name)
        if node is not None:
            return node
        base = "/".join(self._context.base)
        node = self._nodes.add(name, "StepGroup", "Running", self._node_id, templateScope=base)
        parents = [self._node_id]
        if index:
            previous = self._nodes.all[self._nodes.id(f"{self._name}[{index - 1}]")]
            parents = self._outbound_below(previous) or [previous["id"]]
        for parent in parents:
            self._nodes.add_child(parent, node["id"])
        return node

    def _outbound_below(self, node: Node) -> list[str]:
        return [out for child in node.get("children") or () for out in self._nodes.outbound(child)]

    def _put_outbound(self) -> None:
        for index in reversed(range(len(self._template.steps))):
            node = self._nodes.by_name(f"{self._name}[{index}]")
            if node is not None:
                self._nodes.put(self._node_id, outboundNodes=self._outbound_below(node))
                return

    def _run_group(self, group: tuple[Call, ...], node: Node) -> Node:
        if fulfilled(node):
            return node
        try:
            resolved = [each for call in group for each in self._resolve(call, node)]
        except MissingVariable:
            return node
        except (SubstitutionError, ConditionError, ExpressionError) as error:
            return self._nodes.mark(node["id"], "Error", f"failed to resolve references: {error}")
        for call in resolved:
            ended = self._run_step(call, node)
            if ended is not None:
                return ended
        return self._assess_group(self._nodes.all[node["id"]], resolved)

    def _resolve(self, call: Call, group: Node) -> list[ResolvedCall]:
        name = f"{group['name']}.{call.name}"
        if not call.expands:
            return [calls.resolve(self._state, call, name, self._context)]
        expanded = calls.expand(call, self._context.scope)
        if not expanded and self._nodes.by_name(name) is None:
            node = calls.add_unexecuted(self._state, name, call, self._context, "Skipped", "Skipped, empty params")
            self._nodes.add_child(group["id"], node["id"])
        return expanded

    def _run_step(self, step: ResolvedCall, group: Node) -> Node | None:
        """Start one step, or go on with it; the group's node if that ends the group."""
        name = f"{group['name']}.{step.name}"
        node = self._nodes.by_name(name)
        if node is None:
            node = calls.add_if_not_due(self._state, step, name, self._context)
            if node is not None:
                self._nodes.add_child(group["id"], node["id"])
                if node["phase"] == "Error":
                    return self._nodes.mark(group["id"], "Error", node.get("message", ""))
                return None
        elif fulfilled(node):
            return None
        failure: tuple[str, str] | None = None
        try:
            self._execute(name, step.call, self._context, step.arguments, {"steps.name": step.name})
        except (ParallelismReached, DepthExceeded):
            pass
        except LockTimeout as error:
            failure = ("Failed", str(error))
        except NodeError as error:
            failure = ("Error", f"step group deemed errored due to child {name} error: {error}")
        child_id = self._nodes.id(name)
        if child_id in self._nodes.all:
            self._nodes.add_child(group["id"], child_id)
        return self._nodes.mark(group["id"], *failure) if failure else None

    def _assess_group(self, group: Node, resolved: list[ResolvedCall]) -> Node:
        steps = {f"{group['name']}.{step.name}": step.call for step in resolved}
        children = [self._nodes.by_name(name) for name in steps]
        if any(child is None or not fulfilled(child) for child in children):
            return group
        for child_id in group.get("children") or ():
            child = self._nodes.all[child_id]
            call = steps.get(child["name"])
            if child["phase"] in FAILED and (call is None or child["phase"] not in call.continues_on):
                return self._nodes.mark(group["id"], "Failed", f"child '{child_id}' failed")
        return self._nodes.mark(group["id"], "Succeeded")

    def _variables(self, step: str) -> dict[str, Any]:
        """`steps.STEP.…` of a step in a group that has ended."""
        group_name = self._group_of[step]
        node = self._nodes.by_name(f"{group_name}.{step}")
        if node is not None:
            call = next(call for call in self._template.calls if call.name == step)
            return call_variables(self._state, node, call, self._context.base)
        group = self._nodes.all[self._nodes.id(group_name)]
        children = [self._nodes.all[child] for child in group.get("children") or ()]
        prefix = f"{group_name}.{step}("
        items = [child for child in children if child["name"].startswith(prefix) and child["type"] != "Skipped"]
        return {**aggregate(items), **call_variables(self._state, group, None, self._context.base)}
