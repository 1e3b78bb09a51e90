"""Dag templates: tasks, each after those that it depends on (workflow/controller/dag.go, executeDAG)."""

from __future__ import annotations

from typing import Any

from pressplay.sandbox.engine.conditions import ConditionError
from pressplay.sandbox.engine.expression import ExpressionError
from pressplay.sandbox.engine.model import COMPLETED, FAILED, Node, fulfilled
from pressplay.sandbox.engine.operation import calls
from pressplay.sandbox.engine.operation.calls import ResolvedCall
from pressplay.sandbox.engine.operation.errors import ExecutionError, LockTimeout, NodeError
from pressplay.sandbox.engine.operation.outputs import aggregate, call_variables, put_outputs
from pressplay.sandbox.engine.operation.state import Context, Execute, Invocation, State
from pressplay.sandbox.engine.substitution import MissingVariable, Refs, Scope, SubstitutionError


class Graph:
    """The tasks of one dag node during one pass."""

    def __init__(self, state: State, execute: Execute, invocation: Invocation) -> None:
        """`invocation`'s context has the dag node itself as its boundary."""
        self._state, self._nodes, self._execute = state, state.nodes, execute
        self._name, self._template, self._context = invocation.name, invocation.template, invocation.context
        self._dag = invocation.template.dag

    def run(self) -> None:
        """Start the tasks that may start, go on with those that run; end the node if they have ended."""
        for task in self._dag.order:
            self._run_task(task)
        phase = self._assess()
        if phase == "Running":
            return
        node_id = self._context.boundary
        outbound = [
            out
            for target in self._dag.targets
            if (node := self._node(target)) is not None
            for out in self._nodes.outbound(node["id"])
        ]
        if phase == "Succeeded":
            refs = Refs([task for task in self._dag.tasks if self._node(task) is not None], self._variables)
            put_outputs(self._state, node_id, self._template, Scope(self._context.scope.flat, {"tasks": refs}))
        self._nodes.put(node_id, outboundNodes=outbound)
        self._nodes.mark(node_id, phase)

    def _node_name(self, task: str) -> str:
        return f"{self._name}.{task}"

    def _node(self, task: str) -> Node | None:
        return self._nodes.by_name(self._node_name(task))

    # --- one task ---------------------------------------------------------------------------------------------------

    def _run_task(self, task: str) -> None:
        """Start a task, or go on with it (executeDAGTask)."""
        node = self._node(task)
        if node is not None and fulfilled(node):
            return
        if node is None and not self._is_ready(task):
            return
        call, outer = self._dag.tasks[task], self._context
        scope = Scope(outer.scope.flat, {"tasks": Refs(self._dag.ancestors(task), self._variables)}, outer.scope)
        context = Context(outer.base, outer.boundary, scope, outer.on_exit)
        try:
            if call.expands:
                resolved = calls.expand(call, scope)
            else:
                resolved = [calls.resolve(self._state, call, self._node_name(task), context)]
        except MissingVariable:
            return
        except (SubstitutionError, ConditionError, ExpressionError) as error:
            self._end_task(task, "Error", str(error))
            return
        if call.expands:
            self._run_items(resolved, task, context)
        else:
            self._run_call(resolved[0], task, context, None)

    def _run_items(self, items: list[ResolvedCall], task: str, context: Context) -> None:
        group = self._node(task)
        if group is None or group["type"] != "TaskGroup":
            if not items:
                self._end_task(task, "Skipped", "Skipped, empty params")
                return
            origin = calls.origin(self._dag.tasks[task], context.base)
            group = self._nodes.add(self._node_name(task), "TaskGroup", "Running", context.boundary, **origin)
            self._connect(task, group["id"], None)
        for item in items:
            if not self._run_call(item, task, context, group):
                return
        self._assess_group(group, items)

    def _run_call(self, call: ResolvedCall, task: str, context: Context, group: Node | None) -> bool:
        """Start a task or one item of it, or go on with it; False to leave the other items for later."""
        name = self._node_name(call.name)
        node = self._nodes.by_name(name)
        is_new = node is None
        if node is None:
            node = calls.add_if_not_due(self._state, call, name, context)
            if node is not None:
                self._connect(task, node["id"], group)
                return True
        elif fulfilled(node):
            return True
        failure: tuple[str, str] | None = None
        try:
            self._execute(name, call.call, context, call.arguments, {"tasks.name": call.name})
        except LockTimeout as error:
            failure = ("Failed", str(error))
        except NodeError as error:
            failure = ("Error", f"task '{name}' errored: {error}")
        except ExecutionError:
            pass
        node_id = self._nodes.id(name)
        if is_new and node_id in self._nodes.all:
            self._connect(task, node_id, group)
        if failure is not None:
            self._nodes.mark(node_id, *failure)
            return False
        return node_id in self._nodes.all

    def _end_task(self, task: str, phase: str, message: str) -> None:
        """End a task that is not executed."""
        node = self._node(task)
        if node is not None:
            self._nodes.mark(node["id"], phase, message)
            return
        name, call = self._node_name(task), self._dag.tasks[task]
        node = calls.add_unexecuted(self._state, name, call, self._context, phase, message)
        self._connect(task, node["id"], None)

    def _connect(self, task: str, node_id: str, group: Node | None) -> None:
        """Hang a node below its group or, without one, below what the task depends on."""
        dependencies = self._dag.dependencies[task]
        if group is not None:
            parents = [group["id"]]
        elif not dependencies:
            parents = [self._nodes.id(self._name)]
        else:
            ids = [self._nodes.id(self._node_name(dependency)) for dependency in dependencies]
            parents = [out for dependency in ids for out in self._nodes.outbound(dependency)]
        for parent in parents:
            self._nodes.add_child(parent, node_id)

    # --- what a task depends on -------------------------------------------------------------------------------------

    def _is_ready(self, task: str) -> bool:
        """Whether a task may start now; ends one that never may (evaluateDependsLogic)."""
        results: dict[str, Any] = {}
        for dependency in self._dag.dependencies[task]:
            node = self._node(dependency)
            if node is None or not fulfilled(node):
                return False
            results[dependency.replace("-", "_")] = self._results(node)
        try:
            condition = self._dag.condition(task)
            execute = condition is None or condition.test(results)
        except ExpressionError as error:
            logic = self._dag.logic[task].replace("-", "_")
            self._end_task(task, "Error", f"unable to evaluate expression '{logic}': {error}")
            return False
        if not execute:
            self._end_task(task, "Omitted", "omitted: depends condition not met")
        return execute

    def _results(self, node: Node) -> dict[str, bool]:
        phases = [self._nodes.all[child]["phase"] for child in node.get("children") or ()]
        group = node["type"] == "TaskGroup"
        return {
            "Succeeded": node["phase"] == "Succeeded",
            "Failed": node["phase"] == "Failed",
            "Errored": node["phase"] == "Error",
            "Skipped": node["phase"] == "Skipped",
            "Omitted": node["phase"] == "Omitted",
            "Daemoned": False,
            "AnySucceeded": group and "Succeeded" in phases,
            "AllFailed": group and bool(phases) and all(phase == "Failed" for phase in phases),
        }

    def _variables(self, task: str) -> dict[str, Any] | None:
        """`tasks.TASK.…`; None before the task has a node."""
        node = self._node(task)
        if node is None:
            return None
        values = call_variables(self._state, node, self._dag.tasks[task], self._context.base)
        if node["type"] == "TaskGroup":
            prefix = node["name"] + "("
            children = [self._nodes.all[child] for child in node.get("children") or ()]
            values.update(aggregate([child for child in children if child["name"].startswith(prefix)]))
        return values

    # --- the end ----------------------------------------------------------------------------------------------------

    def _assess_group(self, group: Node, items: list[ResolvedCall]) -> None:
        phase = "Succeeded"
        for item in items:
            node = self._node(item.name)
            if node is None or not fulfilled(node):
                return
            if node["phase"] in FAILED:
                phase = node["phase"]
        self._nodes.mark(group["id"], phase)

    def _assess(self) -> str:
        """The phase of the whole dag (assessDAGPhase)."""
        if self._state.shutdown and not self._context.on_exit:
            return "Failed"
        phases = self._phases_of_targets()
        if phases is None:
            return "Running"
        result = "Succeeded"
        for target, phase in phases.items():
            if not phase:
                result = "Running"
                if not self._dag.fail_fast:
                    break
            elif phase in FAILED and phase not in self._dag.tasks[target].continues_on:
                result = phase
                if self._dag.fail_fast:
                    break
        return result

    def _phases_of_targets(self) -> dict[str, str] | None:
        """The phase of each target's branch, empty where it has none yet; None while a node runs."""
        targets = {self._nodes.id(self._node_name(target)): target for target in self._dag.targets}
        phases = dict.fromkeys(targets.values(), "")
        queue = [(child, "Succeeded") for child in self._nodes.all[self._context.boundary].get("children") or ()]
        seen = set(queue)
        # Breadth first: the loop also goes over what it appends.
        for node_id, inherited in queue:
            node = self._nodes.all.get(node_id)
            if node is None or not fulfilled(node):
                return None
            phase = node["phase"] if node["phase"] in COMPLETED else inherited
            if node_id in targets and phases[targets[node_id]] not in FAILED:
                phases[targets[node_id]] = phase
            for child in self._below(node):
                if (child, phase) not in seen:
                    seen.add((child, phase))
                    queue.append((child, phase))
        return phases

    def _below(self, node: Node) -> list[str]:
        children: list[str] = node.get("children") or []
        if node["type"] != "Retry":
            return children
        # An attempt's phase adds nothing to the Retry node's: go on with the nodes below the attempts.
        return [below for child in reversed(children) for below in self._nodes.all[child].get("children") or ()]
