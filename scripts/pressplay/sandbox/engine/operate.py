"""One pass over a Workflow: what Argo's controller does when it looks at one, as a function of what it sees.

The order of things, and every message, follow Argo 4.1.2: workflow/controller/operator.go (operate, executeTemplate,
processNodeRetries, checkParallelism), steps.go, dag.go, exec_control.go, scope.go. What differs, on purpose:

* A node that is there keeps the inputs it was given; Argo works them out anew each time, with the same result.
* Nothing waits for an informer, so a Pod that was seen and is gone is lost at once.
* A step group is done only when each of its steps has a node (Argo takes an empty group for a finished one).
* A value with `{{` in it is refused (see `substitution`).
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from pressplay.clock import parse_rfc3339, rfc3339
from pressplay.cluster.port import Manifest
from pressplay.sandbox.engine import conditions, gojson, leaves
from pressplay.sandbox.engine.conditions import ConditionError
from pressplay.sandbox.engine.expression import ExpressionError, program
from pressplay.sandbox.engine.locks import Lock, LockError, Locks, locks_of
from pressplay.sandbox.engine.model import COMPLETED, FAILED, Node, Object, View, fulfilled
from pressplay.sandbox.engine.nodes import Nodes
from pressplay.sandbox.engine.substitution import (
    ABSENT,
    EVERYTHING,
    MISSING,
    STRICT,
    Body,
    MissingVariable,
    Refs,
    Scope,
    SubstitutionError,
    substitute_text,
)
from pressplay.sandbox.engine.templates import Base, Call, Library, NotFound, Template

MAX_DEPTH = 100
_MAX_DEPTH = "Maximum recursion depth exceeded. See https://argo-workflows.readthedocs.io/en/latest/scaling/"

_ENTRY_PHASE = {
    "Pending": "Pending",
    "Running": "Running",
    "Succeeded": "Succeeded",
    "Skipped": "Succeeded",
    "Omitted": "Succeeded",
    "Failed": "Failed",
    "Error": "Error",
}
_CREATED_FORMATS = "aAbBcdHIjmMpSUwWxXyYZ"


class _Blocked(Exception):
    """Parallelism is reached: not now."""


class _TooDeep(Exception):
    """The recursion limit: the node has been made an error."""


class _TimedOut(Exception):
    """A node waited for too long for its locks."""


class _Fault(Exception):
    """An error that ends the node and is told upwards."""


@dataclass
class _Place:
    """Where a template is being run."""

    base: Base
    boundary: str
    scope: Scope
    on_exit: bool


@dataclass(frozen=True)
class _Planned:
    """A step or task about to be run, one for each item."""

    name: str
    call: Call
    arguments: Callable[[], list[tuple[str, str]]]
    when: str = ""
    fault: str = ""

    def proceeds(self) -> bool:
        return conditions.when(self.when)


def _seconds(node: Node, key: str = "startedAt") -> float:
    return parse_rfc3339(node[key])


def _parameter_values(parameters: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    return {
        f"inputs.parameters.{item['name']}": gojson.any_string(item["value"])
        for item in parameters
        if item.get("value") is not None
    }


class Operation:
    """One pass. `run` works; `status`, `actions`, `watches` and `wake_at` are what came of it."""

    def __init__(
        self, workflow: Manifest, status: dict[str, Any], spec: Mapping[str, Any], view: View, now: float
    ) -> None:
        """`spec` is what runs; `status` is not changed."""
        metadata = workflow["metadata"]
        self.workflow, self.spec, self.view, self.now = workflow, spec, view, now
        self.name: str = metadata["name"]
        self.namespace: str = metadata.get("namespace", "default")
        self.before = status
        self.status = dict(status)
        self.stored: dict[str, Any] = dict(status.get("storedTemplates") or {})
        # As in Argo, nodes of a Workflow that refers to a WorkflowTemplate have the scope `local/`.
        holder = "" if workflow["spec"].get("workflowTemplateRef") else self.name
        self.library = Library(holder, self.namespace, spec, self.stored, view)
        self.locks = Locks(view.locks, workflow, status, self._limit)
        self.nodes = Nodes(self.name, status.get("nodes") or {}, now, self.locks.release)
        self.actions: dict[Object, Manifest] = {}
        self.watches: set[Object] = set()
        self.wake_at: float | None = None
        self.shutdown: str = workflow["spec"].get("shutdown") or spec.get("shutdown") or ""
        self.globals = self._globals()
        self.deadline = self._deadline()
        self.pods = 0
        self.pods_seen = 0
        self.seen_by_boundary: dict[str, int] = {}
        self.attempted: set[str] = set()
        self.depth = 0

    # --- the whole Workflow -----------------------------------------------------------------------------------------

    def run(self) -> None:
        """Do the pass."""
        try:
            self._operate()
        finally:
            self._finish()

    def _operate(self) -> None:
        if self.spec.get("synchronization") and not self._lock_workflow():
            return
        if not self.status.get("startedAt"):
            self._phase("Running", "")
            self.deadline = self._deadline()
        self._reconcile()
        self._enforce()
        if self.workflow["spec"].get("suspend") or self.spec.get("suspend"):
            return
        if self.status.get("phase") == "Pending":
            self._phase("Running", "")
        entry = Call({"name": "", "template": self.spec["entrypoint"]})
        parameters = (self.spec.get("arguments") or {}).get("parameters") or ()
        arguments = [(item["name"], self._text(item.get("value"))) for item in parameters]
        root = self._top(self.name, entry, arguments, "entry", on_exit=False)
        if root is None or not fulfilled(root):
            return
        self._complete(root, _ENTRY_PHASE[root["phase"]])

    def _complete(self, root: Node, phase: str) -> None:
        exit_node: Node | None = None
        hook = (self.spec.get("hooks") or {}).get("exit")
        if hook is None and self.spec.get("onExit"):
            hook = {"template": self.spec["onExit"]}
        name = f"{self.name}.onExit"
        if hook and (self.nodes.by_name(name) is not None or self._may_run(on_exit=True)):
            self.globals = {**self.globals, **self._outcome(root)}
            scope = Scope(self.globals)
            call = Call({**hook, "name": "onExit"})
            parameters = (hook.get("arguments") or self.spec.get("arguments") or {}).get("parameters") or ()
            arguments = [(item["name"], substitute_text(self._text(item.get("value")), scope)) for item in parameters]
            exit_node = self._top(name, call, arguments, "exit", on_exit=True)
            if exit_node is None or not fulfilled(exit_node):
                return
        message = root.get("message", "")
        if root["phase"] in FAILED and self.shutdown:
            message = f"Stopped with strategy '{self.shutdown}'"
        if phase == "Succeeded" and exit_node is not None and exit_node["phase"] in FAILED:
            self._phase(exit_node["phase"], exit_node.get("message", ""))
        else:
            self._phase(phase, "" if phase == "Succeeded" else message)

    def _top(self, name: str, call: Call, arguments: list[tuple[str, str]], what: str, on_exit: bool) -> Node | None:
        place = _Place(self.library.local, "", Scope(self.globals), on_exit)
        flag = {"hooked": True} if on_exit else None
        try:
            # To Argo the entry template is a step without a name.
            return self._execute(name, call, place, lambda: arguments, {"steps.name": ""}, flag=flag)
        except _Blocked:
            return None
        except (_TooDeep, _TimedOut, _Fault) as error:
            told = f"error in {'entry' if what == 'entry' else 'exit'} template execution"
            self._phase("Error", f"{told}{' ' if what == 'exit' else ''}: {error}")
            return None

    def _phase(self, phase: str, message: str) -> None:
        self.status["phase"] = phase
        if not self.status.get("startedAt") and phase != "Pending":
            self.status["startedAt"] = rfc3339(self.now)
        if message:
            self.status["message"] = message
        else:
            self.status.pop("message", None)
        root = self.nodes.by_name(self.name)
        if phase == "Error" and root is not None and root["phase"] == "Running":
            self.nodes.mark(self.name, "Error", "Workflow operation error")
        if phase in COMPLETED:
            self.status["finishedAt"] = rfc3339(self.now)

    def _finish(self) -> None:
        ended = self.status.get("phase") in COMPLETED
        if not ended and any(
            node.get("synchronizationStatus") and node["id"] not in self.attempted for node in self.nodes.all.values()
        ):
            self.locks.keep_waiting(self.before)
        synchronization = None if ended else self.locks.status()
        if synchronization:
            self.status["synchronization"] = synchronization
        else:
            self.status.pop("synchronization", None)
        if self.stored:
            self.status["storedTemplates"] = self.stored
        self.status["nodes"] = self.nodes.all

    def _lock_workflow(self) -> bool:
        try:
            refused = self._take("", Body(self.spec["synchronization"]).fill(Scope(self.globals)))
        except LockError as error:
            self._phase("Failed", f"Failed to acquire the synchronization lock. {error}")
            return False
        if refused is None:
            return True
        if self.shutdown == "Terminate" and self.status.get("phase") == "Pending":
            self.locks.waiting.clear()
            self._phase("Failed", f"Stopped with strategy '{self.shutdown}'")
        else:
            self._phase(self.status.get("phase") or "Pending", refused[0])
        return False

    def _take(self, node: str, synchronization: Mapping[str, Any]) -> tuple[str, str] | None:
        wanted: tuple[Lock, ...] = locks_of(synchronization, self.namespace)
        refused = self.locks.take(node, wanted)
        if refused is not None:
            for lock in wanted:
                if lock.kind == "semaphore":
                    where, _, name, _ = lock.name.split("/")
                    self.watches.add(("ConfigMap", where, name))
        return refused

    def _limit(self, lock: str) -> int:
        where, _, name, key = lock.split("/")
        found = self.view.get("ConfigMap", where, name) or {}
        value = str((found.get("data") or {}).get(key, ""))
        return int(value) if value.isdigit() else 0

    def _may_run(self, on_exit: bool) -> bool:
        return not self.shutdown or (self.shutdown == "Stop" and on_exit)

    def _deadline(self) -> float | None:
        seconds = self.spec.get("activeDeadlineSeconds")
        if seconds is None or not self.status.get("startedAt"):
            return None
        deadline = parse_rfc3339(self.status["startedAt"]) + float(seconds)
        self._wake(deadline)
        return deadline

    def _overdue(self) -> bool:
        return self.deadline is not None and self.now >= self.deadline

    def _wake(self, moment: float) -> None:
        if moment > self.now and (self.wake_at is None or moment < self.wake_at):
            self.wake_at = moment

    @staticmethod
    def _text(value: Any) -> str:
        return gojson.any_string(value)

    def _globals(self) -> dict[str, Any]:
        metadata, spec = self.workflow["metadata"], self.spec
        created = metadata.get("creationTimestamp") or rfc3339(self.now)
        parameters = (spec.get("arguments") or {}).get("parameters") or []
        extra = spec.get("workflowMetadata") or {}
        labels = {**(metadata.get("labels") or {}), **(extra.get("labels") or {})}
        annotations = {**(metadata.get("annotations") or {}), **(extra.get("annotations") or {})}
        flat: dict[str, Any] = {
            "workflow.name": self.name,
            "workflow.namespace": self.namespace,
            "workflow.mainEntrypoint": spec.get("entrypoint", ""),
            "workflow.serviceAccountName": spec.get("serviceAccountName", ""),
            "workflow.uid": metadata.get("uid", ""),
            "workflow.status": self.status.get("phase") or "Running",
            **_created_at(created),
        }
        if spec.get("priority") is not None:
            flat["workflow.priority"] = str(spec["priority"])
        for item in parameters:
            flat[f"workflow.parameters.{item['name']}"] = self._text(item.get("value"))
        flat["workflow.parameters"] = flat["workflow.parameters.json"] = gojson.dumps(parameters)
        for key, value in labels.items():
            flat[f"workflow.labels.{key}"] = value
        for key, value in annotations.items():
            flat[f"workflow.annotations.{key}"] = value
        # The parameters of a WorkflowTemplate may themselves name the Workflow's (substituteGlobalVariables).
        for item in parameters:
            name = f"workflow.parameters.{item['name']}"
            if "{{" in flat[name]:
                flat[name] = substitute_text(flat[name], Scope(flat))
        return flat

    def _failures(self) -> str:
        failed = [node for node in self.nodes.all.values() if node["phase"] in FAILED]
        failed.sort(key=lambda node: (node.get("finishedAt") or "", node["name"]))
        listed = [
            {
                "displayName": node["displayName"],
                "message": node.get("message", ""),
                "templateName": node.get("templateName") or (node.get("templateRef") or {}).get("template", ""),
                "phase": node["phase"],
                "podName": node["id"],
                "finishedAt": node.get("finishedAt"),
            }
            for node in failed
        ]
        text = "[" + ",".join(_in_order(item) for item in listed) + "]" if listed else "null"
        return json.dumps(text, ensure_ascii=False)

    # --- what the cluster says --------------------------------------------------------------------------------------

    def _reconcile(self) -> None:
        for node in list(self.nodes.all.values()):
            if node["type"] != "Pod" or (node.get("synchronizationStatus") or {}).get("waiting"):
                continue
            if fulfilled(node):
                if node.get("message") in self._stopping():
                    self._stop(node)
                continue
            self.pods += 1
            self._reconcile_leaf(node)

    def _reconcile_leaf(self, node: Node) -> None:
        try:
            template, scope = self._leaf(node)
            verdict = self._look(node, template, scope)
        except leaves.ManifestError as error:
            verdict = leaves.failed(str(error))
        except (SubstitutionError, NotFound) as error:
            verdict = leaves.Verdict("Error", str(error))
        self.watches.update(verdict.watches)
        limit = self._leaf_deadline(node)
        if verdict.phase in (None, "Running") and limit is not None:
            self._wake(limit)
            if self.now >= limit:
                self._end_pod(node, leaves.DEADLINE)
                return
        if verdict.phase in (None, "Running") and not self._may_run(self.nodes.on_exit(node)):
            self._end_pod(node, f"workflow shutdown with strategy:  {self.shutdown}")
            return
        if verdict.phase in (None, "Running") and self._overdue() and not self.nodes.on_exit(node):
            self._end_pod(node, "Step exceeded its deadline")
            return
        if verdict.apply is not None:
            metadata = verdict.apply["metadata"]
            self.actions[(verdict.apply["kind"], metadata["namespace"], metadata["name"])] = verdict.apply
        elif verdict.phase in (None, "Running"):
            self.pods_seen += 1
            boundary = node.get("boundaryID", "")
            self.seen_by_boundary[boundary] = self.seen_by_boundary.get(boundary, 0) + 1
        self._settle(node, verdict)

    def _settle(self, node: Node, verdict: leaves.Verdict) -> None:
        if verdict.phase is None:
            return
        outputs: dict[str, Any] = {}
        if verdict.parameters:
            outputs["parameters"] = verdict.parameters
        if verdict.exit_code is not None:
            outputs["exitCode"] = verdict.exit_code
        if outputs:
            self.nodes.put(node["id"], outputs=outputs)
        self.nodes.mark(node["id"], verdict.phase, verdict.message)

    def _look(self, node: Node, template: Template, scope: Scope) -> leaves.Verdict:
        body = template.body.fill(scope)
        declared = (body.get("outputs") or {}).get("parameters") or []
        if template.kind == "container":
            return self._look_at_pod(node, body, declared)
        resource = body["resource"]
        manifest = leaves.manifest_of(self.workflow, resource)
        where = (manifest["kind"], manifest["metadata"]["namespace"], manifest["metadata"]["name"])
        found = self.view.get(*where)
        verdict = self._look_at_object(node, manifest, found, resource, declared)
        return leaves.Verdict(
            verdict.phase, verdict.message, verdict.parameters, verdict.exit_code, verdict.apply, (where,)
        )

    def _look_at_pod(self, node: Node, body: Mapping[str, Any], declared: list[Mapping[str, Any]]) -> leaves.Verdict:
        where = ("Pod", self.namespace, node["id"])
        found = self.view.get(*where)
        if found is not None:
            verdict = leaves.judge_pod(found, declared)
        elif node["phase"] == "Running":
            return leaves.Verdict("Error", leaves.LOST_POD)
        else:
            deadline = self._leaf_deadline(node)
            left = None if deadline is None else max(1.0, math.ceil(deadline - self.now))
            verdict = leaves.Verdict(None, apply=leaves.pod(self.workflow, node, body, self.spec, left))
        return leaves.Verdict(
            verdict.phase, verdict.message, verdict.parameters, verdict.exit_code, verdict.apply, (where,)
        )

    def _look_at_object(
        self,
        node: Node,
        manifest: Manifest,
        found: Manifest | None,
        resource: Mapping[str, Any],
        declared: list[Mapping[str, Any]],
    ) -> leaves.Verdict:
        if found is None:
            if node["phase"] == "Running":
                return leaves.gone()
            if resource["action"] == "get":
                return leaves.missing(manifest)
            return leaves.Verdict(None, apply=leaves.applied(node, manifest))
        if node["phase"] == "Pending" and resource["action"] == "apply" and not leaves.is_applied(node, found):
            # It is there from an earlier time, or from another Workflow: applied, and judged when it is.
            return leaves.Verdict(None, apply=leaves.applied(node, manifest))
        return leaves.judge_object(found, resource, declared)

    def _end_pod(self, node: Node, message: str) -> None:
        if message == leaves.DEADLINE:
            template, _ = self._leaf(node)
            self.nodes.put(node["id"], outputs={"exitCode": leaves.KILLED[template.kind]})
        self.nodes.mark(node["id"], "Failed", message)
        self._stop(self.nodes.all[node["id"]])

    def _stopping(self) -> frozenset[str]:
        return frozenset(
            {leaves.DEADLINE, "Step exceeded its deadline", f"workflow shutdown with strategy:  {self.shutdown}"}
        )

    def _stop(self, node: Node) -> None:
        found = self.view.get("Pod", self.namespace, node["id"])
        if found is not None and ((found.get("status") or {}).get("phase") or "Pending") in ("Pending", "Running"):
            self.actions[("Pod", self.namespace, node["id"])] = leaves.stop(self.namespace, node)

    def _leaf(self, node: Node) -> tuple[Template, Scope]:
        """A leaf's template and the scope in which it was started, from what the node records."""
        kind, _, name = (node.get("templateScope") or "local/").partition("/")
        base = self.library.local if kind == "local" else (kind, name)
        template, _ = self.library.resolve(base, node.get("templateName", ""), node.get("templateRef"))
        flat = {**self._globals_of(node), **self._own_names(node["name"], template)}
        flat.update(_parameter_values((node.get("inputs") or {}).get("parameters") or ()))
        if (node.get("nodeFlag") or {}).get("retried"):
            stem, _, number = node["name"].rpartition("(")
            count = int(number[:-1])
            previous = self.nodes.by_name(f"{stem}({count - 1})") if count else None
            flat.update(_retry_values(count, previous))
        return template, Scope(flat)

    def _globals_of(self, node: Node) -> Mapping[str, Any]:
        """The global names for a leaf: an exit handler's know how the Workflow ended."""
        root = self.nodes.by_name(self.name)
        if root is None or not fulfilled(root) or not self.nodes.on_exit(node):
            return self.globals
        return {**self.globals, **self._outcome(root)}

    def _outcome(self, root: Node) -> dict[str, Any]:
        return {"workflow.status": _ENTRY_PHASE[root["phase"]], "workflow.failures": self._failures()}

    def _leaf_deadline(self, node: Node) -> float | None:
        try:
            template, scope = self._leaf(node)
            limits = template.limits.fill(scope)
            spans = [conditions.duration(self._text(value)) for value in limits.values() if value not in (None, "")]
            moments = [_seconds(node) + span for span in spans]
            retry = template.retry.fill(scope) or self.spec.get("retryStrategy") or {}
            longest = (retry.get("backoff") or {}).get("maxDuration")
            if longest and (node.get("nodeFlag") or {}).get("retried") and not node["name"].endswith("(0)"):
                first = self.nodes.by_name(f"{node['name'].rpartition('(')[0]}(0)")
                if first is not None:
                    moments.append(_seconds(first) + conditions.duration(self._text(longest)))
        except (NotFound, SubstitutionError, ConditionError):
            return None
        return min(moments, default=None)

    def _enforce(self) -> None:
        """End what no Pod stands for, at a shutdown or past the Workflow's deadline."""
        if not self.shutdown and not self._overdue():
            return
        for node in list(self.nodes.all.values()):
            if fulfilled(node):
                continue
            on_exit = self.nodes.on_exit(node)
            suspended = node["type"] == "Suspend" and node["phase"] == "Running"
            if self.shutdown and not self._may_run(on_exit):
                waiting = node["phase"] == "Pending" and (node.get("synchronizationStatus") or {}).get("waiting")
                retry = node["type"] == "Retry" and self.nodes.settled(node) and node.get("children")
                if suspended or waiting or retry:
                    self.nodes.mark(node["id"], "Failed", f"Stopped with strategy '{self.shutdown}'")
                    continue
            if self._overdue() and not on_exit and (node["phase"] == "Pending" or suspended):
                self.nodes.mark(node["id"], "Failed", "Step exceeded its deadline")

    # --- one template -----------------------------------------------------------------------------------------------

    def _own_names(self, name: str, template: Template) -> dict[str, str]:
        own = {"node.name": name}
        if template.is_pod:
            own["pod.name"] = self.nodes.id(name)
        return own

    def _error_node(self, name: str, call: Call, place: _Place, flag: Mapping[str, Any] | None, error: str) -> None:
        node = self.nodes.by_name(name)
        if node is not None:
            self.nodes.mark(node["id"], "Error", error)
            return
        self.nodes.add(name, "Skipped", "Error", place.boundary, error, nodeFlag=flag, **self._origin(call, place.base))

    def _origin(self, call: Call, base: Base) -> dict[str, Any]:
        return {
            "templateName": call.template,
            "templateRef": call.template_ref,
            "templateScope": "/".join(base),
        }

    def _execute(
        self,
        name: str,
        call: Call,
        place: _Place,
        arguments: Callable[[], list[tuple[str, str]]],
        names: Mapping[str, str] | None = None,
        flag: Mapping[str, Any] | None = None,
    ) -> Node:
        """Start a template, or go on with it (executeTemplate)."""
        node = self.nodes.by_name(name)
        if node is not None and fulfilled(node):
            return node
        self.depth += 1
        try:
            if self.depth >= MAX_DEPTH:
                self._error_node(name, call, place, flag, _MAX_DEPTH)
                raise _TooDeep(_MAX_DEPTH)
            return self._start(name, call, place, arguments, names, flag)
        except (NotFound, SubstitutionError, ConditionError, LockError) as error:
            self._error_node(name, call, place, flag, str(error))
            raise _Fault(str(error)) from error
        finally:
            self.depth -= 1

    def _start(
        self,
        name: str,
        call: Call,
        place: _Place,
        arguments: Callable[[], list[tuple[str, str]]],
        names: Mapping[str, str] | None,
        flag: Mapping[str, Any] | None,
    ) -> Node:
        node = self.nodes.by_name(name)
        template, base = self.library.resolve(place.base, call.template, call.template_ref)
        flat = {**self.globals, **(names or {}), **self._own_names(name, template)}
        if node is None:
            inputs = self._inputs(template, arguments(), Scope(flat))
        else:
            inputs = (node.get("inputs") or {}).get("parameters") or []
        flat.update(_parameter_values(inputs))
        if inputs and template.wants_all_inputs:
            flat["inputs.parameters"] = gojson.dumps(inputs)
        scope = Scope(flat)
        self._check_timeout(node, template, scope)
        self._check_parallelism(template, node, place)
        origin = self._origin(call, place.base)
        if inputs:
            origin["inputs"] = {"parameters": inputs}
        if flag:
            origin["nodeFlag"] = flag
        retry = template.retry.fill(scope) or self.spec.get("retryStrategy")
        if template.synchronization.tree:
            node_id = self.nodes.id(name)
            self.attempted.add(node_id)
            refused = self._take(node_id, template.synchronization.fill(scope))
            if refused is not None:
                if node is None:
                    kind = "Retry" if retry else _NODE_TYPES[template.kind]
                    self.nodes.add(name, kind, "Pending", place.boundary, **origin)
                self.nodes.put(node_id, synchronizationStatus={"waiting": refused[1]})
                return self.nodes.mark(node_id, self.nodes.all[node_id]["phase"], refused[0])
            if node is not None and node.get("synchronizationStatus"):
                self.nodes.put(node_id, synchronizationStatus=None, message=None)
                node = self.nodes.all[node_id]
        inner = _Place(base, place.boundary, scope, place.on_exit)
        if retry:
            return self._with_retries(name, template, inner, origin, retry)
        return self._run(name, template, inner, origin)

    def _inputs(self, template: Template, arguments: list[tuple[str, str]], scope: Scope) -> list[dict[str, Any]]:
        given = dict(arguments)
        found = []
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
            found.append({**parameter, "value": substitute_text(self._text(value), scope)})
        return found

    def _check_timeout(self, node: Node | None, template: Template, scope: Scope) -> None:
        timeout = template.raw.get("timeout")
        if not timeout or node is None or node["phase"] != "Pending" or not node.get("synchronizationStatus"):
            return
        deadline = _seconds(node) + conditions.duration(substitute_text(self._text(timeout), scope))
        self._wake(deadline)
        if self.now >= deadline:
            self.nodes.mark(node["id"], "Failed", "timeout")
            raise _TimedOut("timeout")

    def _check_parallelism(self, template: Template, node: Node | None, place: _Place) -> None:
        allowed = self.spec.get("parallelism")
        # Pods that the cluster has not seen yet were started by this Workflow all the same: they count against a new
        # node, but must not keep an old one from being looked at.
        if allowed is not None and (self.pods if node is None else self.pods_seen) >= allowed:
            raise _Blocked
        if node is not None:
            seen = self.seen_by_boundary.get(node["id"], 0)
            if template.parallelism and template.kind in ("steps", "dag") and seen >= template.parallelism:
                raise _Blocked
            if node["phase"] in ("Pending", "Running"):
                return
        boundary = self.nodes.all.get(place.boundary)
        if boundary is None or not (boundary.get("templateName") or boundary.get("templateRef")):
            return
        kind, _, holder = (boundary.get("templateScope") or "local/").partition("/")
        base = self.library.local if kind == "local" else (kind, holder)
        owner, _ = self.library.resolve(base, boundary.get("templateName", ""), boundary.get("templateRef"))
        if owner.parallelism and self.nodes.active_children[place.boundary] >= owner.parallelism:
            raise _Blocked

    def _run(self, name: str, template: Template, place: _Place, origin: Mapping[str, Any]) -> Node:
        if template.kind in ("steps", "dag"):
            node = self.nodes.by_name(name)
            if node is None:
                node = self.nodes.add(name, _NODE_TYPES[template.kind], "Running", place.boundary, **origin)
            inner = _Place(place.base, node["id"], place.scope, place.on_exit)
            try:
                if template.kind == "steps":
                    self._steps(name, template, inner)
                else:
                    self._dag(name, template, inner)
            except (_Fault, NotFound, SubstitutionError, ExpressionError, ConditionError) as error:
                self.nodes.mark(node["id"], "Error", str(error))
                raise _Fault(str(error)) from error
        elif template.kind == "suspend":
            self._suspend(name, template, place, origin)
        elif self.nodes.by_name(name) is None:
            self._start_leaf(name, template, place, origin)
        return self.nodes.all[self.nodes.id(name)]

    def _start_leaf(self, name: str, template: Template, place: _Place, origin: Mapping[str, Any]) -> None:
        node = self.nodes.add(name, "Pod", "Pending", place.boundary, **origin)
        if not self._may_run(place.on_exit):
            self.nodes.mark(node["id"], "Failed", f"workflow shutdown with strategy: {self.shutdown}")
            return
        # What cannot be made is an error here and now, told to the parent too; the object itself is asked for when the
        # nodes are next looked at.
        _, scope = self._leaf(node)
        body = template.body.fill(scope)
        self.pods += 1
        if template.kind == "container":
            leaves.pod(self.workflow, node, body, self.spec, None)
            return
        try:
            manifest = leaves.manifest_of(self.workflow, body["resource"])
        except leaves.ManifestError:
            return
        metadata = manifest["metadata"]
        # Only now can an object that was there before be told from one that this node made.
        if template.raw["resource"]["action"] == "create" and self.view.get(
            manifest["kind"], metadata["namespace"], metadata["name"]
        ):
            self._settle(node, leaves.exists(manifest))

    def _suspend(self, name: str, template: Template, place: _Place, origin: Mapping[str, Any]) -> None:
        node = self.nodes.by_name(name)
        if node is None:
            supplied = [
                self._with_input_default(item, template)
                for item in template.outputs
                if (item.get("valueFrom") or {}).get("supplied") is not None
            ]
            outputs: dict[str, Any] = {"outputs": {"parameters": supplied}} if supplied else {}
            node = self.nodes.add(name, "Suspend", "Pending", place.boundary, **origin, **outputs)
        span = substitute_text(self._text((template.raw["suspend"] or {}).get("duration", "")), place.scope)
        if span:
            end = _seconds(node) + conditions.duration(span)
            if self.now >= end:
                self._resume(node)
                return
            self._wake(end)
        self.nodes.mark(node["id"], "Running")

    @staticmethod
    def _with_input_default(item: Mapping[str, Any], template: Template) -> Mapping[str, Any]:
        if "default" not in item["valueFrom"]:
            for parameter in template.inputs:
                if parameter["name"] == item["name"] and "default" in parameter:
                    return {**item, "valueFrom": {**item["valueFrom"], "default": parameter["default"]}}
        return item

    def _resume(self, node: Node) -> None:
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
            parameters.append({**rest, "value": self._text(source["default"])})
        if parameters:
            self.nodes.put(node["id"], outputs={**node["outputs"], "parameters": parameters})
        self.nodes.mark(node["id"], "Succeeded")

    # --- retries ----------------------------------------------------------------------------------------------------

    def _with_retries(
        self, name: str, template: Template, place: _Place, origin: Mapping[str, Any], retry: Mapping[str, Any]
    ) -> Node:
        parent = self.nodes.by_name(name)
        if parent is None:
            parent = self.nodes.add(name, "Retry", "Running", place.boundary, **origin)
        if not self._go_on(parent, retry):
            return self.nodes.all[parent["id"]]
        parent = self.nodes.all[parent["id"]]
        attempts = self.nodes.attempts(parent)
        last = self.nodes.all[attempts[-1]] if attempts else None
        if fulfilled(parent):
            if last is not None:
                self.nodes.put(parent["id"], outputs=last.get("outputs"))
            return self.nodes.all[parent["id"]]
        running = last is not None and not fulfilled(last)
        count = len(attempts) - 1 if running else len(attempts)
        child_name = f"{name}({count})"
        previous = self.nodes.by_name(f"{name}({count - 1})") if count else None
        values = {**self._own_names(child_name, template), **_retry_values(count, previous)}
        scope = place.scope.with_values(values)
        inputs = [
            {**item, "value": substitute_text(item["value"], scope)}
            for item in (origin.get("inputs") or {}).get("parameters") or ()
        ]
        scope = scope.with_values(_parameter_values(inputs))
        child = {**origin, "nodeFlag": {**(origin.get("nodeFlag") or {}), "retried": True}}
        if inputs:
            child["inputs"] = {"parameters": inputs}
        try:
            self._run(child_name, template, _Place(place.base, place.boundary, scope, place.on_exit), child)
        except (_Fault, SubstitutionError, ConditionError) as error:
            if self.nodes.by_name(child_name) is not None:
                self.nodes.mark(self.nodes.id(child_name), "Error", str(error))
            if _policy(retry) not in ("Always", "OnError"):
                self.nodes.add_child(parent["id"], self.nodes.id(child_name))
                raise _Fault(str(error)) from error
        self.nodes.add_child(parent["id"], self.nodes.id(child_name))
        return self.nodes.all[parent["id"]]

    def _go_on(self, parent: Node, retry: Mapping[str, Any]) -> bool:
        """Judge the last attempt; False while waiting for a backoff (processNodeRetries)."""
        attempts = self.nodes.attempts(parent)
        if fulfilled(parent) or not attempts:
            return True
        last = self.nodes.all[attempts[-1]]
        if not fulfilled(last):
            return True
        if last["phase"] not in FAILED:
            self.nodes.put(parent["id"], outputs=last.get("outputs"))
            self.nodes.mark(parent["id"], "Succeeded")
            return True
        verdict = self._stops_retrying(parent, attempts, last, retry)
        if verdict is None:
            return True
        if verdict == "":
            return False
        self.nodes.mark(parent["id"], last["phase"], verdict)
        return True

    def _stops_retrying(self, parent: Node, attempts: list[str], last: Node, retry: Mapping[str, Any]) -> str | None:
        """Why there is no further attempt; "" to wait; None to go on."""
        if self.shutdown:
            return f"Stopped with strategy '{self.shutdown}'"
        if self.deadline is not None and self._overdue():
            moment = datetime.fromtimestamp(self.deadline, UTC)
            return f"retry exceeded workflow deadline {moment:%Y-%m-%d %H:%M:%S} +0000 UTC"
        limit = retry.get("limit")
        allowed = None if limit in (None, "") else int(self._text(limit))
        backoff = retry.get("backoff")
        if backoff:
            waiting = self._backoff(parent, attempts, last, backoff, allowed)
            if waiting is not None:
                return waiting
            self.nodes.mark(parent["id"], parent["phase"], "")
        policy = _policy(retry)
        again = policy == "Always" or policy == {"Failed": "OnFailure", "Error": "OnError"}[last["phase"]]
        if not again:
            return last.get("message", "") or " "
        if allowed is not None and len(attempts) > allowed:
            return "No more retries left"
        condition = retry.get("expression")
        if condition:
            values = _retry_values(len(attempts), last, unknown_exit="-1")
            values["retries"] = str(len(attempts) - 1)
            try:
                if not program(condition).test(Scope(values).environment):
                    return "retryStrategy.expression evaluated to false"
            except ExpressionError as error:
                raise _Fault(str(error)) from error
        return None

    def _backoff(
        self, parent: Node, attempts: list[str], last: Node, backoff: Mapping[str, Any], allowed: int | None
    ) -> str | None:
        end: float | None = None
        if backoff.get("maxDuration"):
            longest = conditions.duration(self._text(backoff["maxDuration"]))
            end = _seconds(self.nodes.all[attempts[0]]) + longest
            if self.now > end:
                return "Max duration limit exceeded"
        if not backoff.get("duration"):
            raise _Fault("no base duration specified for retryStrategy")
        wait = conditions.duration(self._text(backoff["duration"]))
        factor = backoff.get("factor")
        if factor not in (None, "") and int(self._text(factor)) > 0:
            wait *= float(int(self._text(factor))) ** min(len(attempts) - 1, 64)
        if backoff.get("cap"):
            wait = min(wait, conditions.duration(self._text(backoff["cap"])))
        until = _seconds(last, "finishedAt") + wait
        if end is not None and until > end:
            return "Backoff would exceed max duration limit"
        if self.now < until and allowed is not None and len(attempts) <= allowed:
            self._wake(until)
            self.nodes.mark(parent["id"], parent["phase"], f"Backoff for {conditions.humanize(wait)}")
            return ""
        return None

    # --- steps ------------------------------------------------------------------------------------------------------

    def _steps(self, name: str, template: Template, place: _Place) -> None:
        node_id = place.boundary
        visible: dict[str, str] = {}
        refs = Refs(visible, lambda step: self._step_values(step, visible[step], template, place))
        scope = Scope(place.scope.flat, {"steps": refs}, place.scope)
        inner = _Place(place.base, place.boundary, scope, place.on_exit)
        for index, group in enumerate(template.steps):
            group_name = f"{name}[{index}]"
            node = self.nodes.by_name(group_name)
            if node is None:
                node = self.nodes.add(group_name, "StepGroup", "Running", node_id, templateScope="/".join(place.base))
                self._connect_group(name, index, node["id"])
            node = self._group(group, group_name, inner)
            if not fulfilled(node):
                return
            if node["phase"] in FAILED:
                self._outbound_of_steps(name, template)
                self.nodes.mark(node_id, "Failed", node.get("message", ""))
                return
            for step in group:
                visible[step.name] = group_name
        self._outbound_of_steps(name, template)
        self._put_outputs(node_id, template, scope)
        self.nodes.mark(node_id, "Succeeded")

    def _connect_group(self, name: str, index: int, group_id: str) -> None:
        if index == 0:
            self.nodes.add_child(self.nodes.id(name), group_id)
            return
        previous = self.nodes.all[self.nodes.id(f"{name}[{index - 1}]")]
        children = previous.get("children") or ()
        for parent in [out for child in children for out in self.nodes.outbound(child)] or [previous["id"]]:
            self.nodes.add_child(parent, group_id)

    def _outbound_of_steps(self, name: str, template: Template) -> None:
        for index in reversed(range(len(template.steps))):
            node = self.nodes.by_name(f"{name}[{index}]")
            if node is not None:
                out = [each for child in node.get("children") or () for each in self.nodes.outbound(child)]
                self.nodes.put(self.nodes.id(name), outboundNodes=out)
                return

    def _group(self, group: tuple[Call, ...], group_name: str, place: _Place) -> Node:
        group_id = self.nodes.id(group_name)
        node = self.nodes.all[group_id]
        if fulfilled(node):
            return node
        try:
            planned = list(self._plan_group(group, group_name, place))
        except MissingVariable:
            return node
        except (SubstitutionError, ConditionError, ExpressionError) as error:
            return self.nodes.mark(group_id, "Error", f"failed to resolve references: {error}")
        for plan in planned:
            ended = self._run_step(plan, group_name, place)
            if ended is not None:
                return ended
        return self._judge_group(group_name, planned)

    def _run_step(self, plan: _Planned, group_name: str, place: _Place) -> Node | None:
        """Start or go on with one step; the group's node if that ends the group."""
        group_id, child_name = self.nodes.id(group_name), f"{group_name}.{plan.name}"
        child = self.nodes.by_name(child_name)
        child_id = self.nodes.id(child_name)
        if child is None:
            try:
                if plan.fault:
                    raise ConditionError(plan.fault)
                proceed = plan.proceeds()
            except ConditionError as error:
                self._add_skipped(child_name, plan.call, place, "Error", str(error))
                self.nodes.add_child(group_id, child_id)
                return self.nodes.mark(group_id, "Error", str(error))
            if not proceed:
                self._add_skipped(child_name, plan.call, place, "Skipped", f"when '{plan.when}' evaluated false")
                self.nodes.add_child(group_id, child_id)
                return None
        elif fulfilled(child):
            return None
        try:
            self._execute(child_name, plan.call, place, plan.arguments, {"steps.name": plan.name})
        except (_Blocked, _TooDeep):
            pass
        except _TimedOut as error:
            self._adopt(group_id, child_id)
            return self.nodes.mark(group_id, "Failed", str(error))
        except _Fault as error:
            self._adopt(group_id, child_id)
            told = f"step group deemed errored due to child {child_name} error: {error}"
            return self.nodes.mark(group_id, "Error", told)
        self._adopt(group_id, child_id)
        return None

    def _adopt(self, parent_id: str, child_id: str) -> None:
        if child_id in self.nodes.all:
            self.nodes.add_child(parent_id, child_id)

    def _add_skipped(self, name: str, call: Call, place: _Place, phase: str, message: str) -> Node:
        return self.nodes.add(name, "Skipped", phase, place.boundary, message, **self._origin(call, place.base))

    def _judge_group(self, group_name: str, planned: list[_Planned]) -> Node:
        group_id = self.nodes.id(group_name)
        node = self.nodes.all[group_id]
        calls = {f"{group_name}.{plan.name}": plan.call for plan in planned}
        children = [self.nodes.by_name(name) for name in calls]
        if any(child is None or not fulfilled(child) for child in children):
            return node
        for child_id in node.get("children") or ():
            child = self.nodes.all[child_id]
            call = calls.get(child["name"])
            if child["phase"] in FAILED and (call is None or child["phase"] not in call.continues_on):
                return self.nodes.mark(group_id, "Failed", f"child '{child_id}' failed")
        return self.nodes.mark(group_id, "Succeeded")

    def _plan_group(self, group: tuple[Call, ...], group_name: str, place: _Place) -> Iterator[_Planned]:
        for call in group:
            if not call.expands:
                yield self._plan(call, f"{group_name}.{call.name}", place)
                continue
            expanded = self._expand(call, place.scope)
            if not expanded and self.nodes.by_name(f"{group_name}.{call.name}") is None:
                self._add_skipped(f"{group_name}.{call.name}", call, place, "Skipped", "Skipped, empty params")
                self._adopt(self.nodes.id(group_name), self.nodes.id(f"{group_name}.{call.name}"))
            yield from expanded

    def _plan(self, call: Call, node_name: str, place: _Place) -> _Planned:
        """Resolve a call that stands for itself; one that has a node is resolved already."""
        if self.nodes.by_name(node_name) is not None:
            return _Planned(call.name, call, list)
        when = call.when.fill(place.scope, STRICT)
        if not conditions.when(when):
            return _Planned(call.name, call, list, when)
        arguments = self._arguments(call, place.scope)
        return _Planned(call.name, call, lambda: arguments, when)

    def _arguments(self, call: Call, scope: Scope, everything: bool = False) -> list[tuple[str, str]]:
        found = []
        for name, body in call.arguments:
            text = self._text(body.tree)
            if scope.refs and _absent(text, scope):
                found.append((name, ABSENT))
            else:
                found.append((name, substitute_text(text, scope, EVERYTHING if everything else STRICT)))
        return found

    def _expand(self, call: Call, scope: Scope) -> list[_Planned]:
        when = call.when.fill(scope, STRICT)
        goes: bool | None
        try:
            goes = conditions.when(when)
        except ConditionError:
            goes = None
        items = self._items(call, scope, goes)
        # Resolved before it is expanded, so that what is missing makes the whole group wait, as in Argo.
        if goes is not False:
            self._arguments(call, scope)
        planned = []
        for index, item in enumerate(items):
            values, described = _item(item)
            name = f"{call.name}({index}:{described.replace('(', '').replace(')', '')})"
            inner = scope.with_values(values)
            if goes is False:
                planned.append(_Planned(name, call, list, when))
                continue
            own = call.when.fill(inner, EVERYTHING)
            arguments = self._arguments(call, inner, everything=True)
            planned.append(_Planned(name, call, lambda found=arguments: found, own))  # type: ignore[misc]
        return planned

    def _items(self, call: Call, scope: Scope, goes: bool | None) -> list[Any]:
        if call.with_items is not None:
            filled: list[Any] = call.items.fill(scope, STRICT)
            return filled
        text = call.with_param.tree if goes is False else call.with_param.fill(scope, STRICT)
        try:
            items = json.loads(text)
            if not isinstance(items, list):
                raise ValueError("not a list")
        except ValueError as error:
            if goes is False:
                return []
            raise ConditionError(
                f"withParam value could not be parsed as a JSON list: {text.strip()}: {error}"
            ) from error
        return items

    def _step_values(self, step: str, group_name: str, template: Template, place: _Place) -> dict[str, Any]:
        node = self.nodes.by_name(f"{group_name}.{step}")
        call = next(call for call in template.calls if call.name == step)
        if node is not None:
            return self._node_values(node, call, place.base)
        group = self.nodes.all[self.nodes.id(group_name)]
        children = [self.nodes.all[child] for child in group.get("children") or ()]
        prefix = f"{group_name}.{step}("
        expanded = [child for child in children if child["name"].startswith(prefix) and child["type"] != "Skipped"]
        return {**self._aggregate(expanded), **self._node_values(group, None, place.base)}

    # --- variables that nodes make ----------------------------------------------------------------------------------

    def _node_values(self, node: Node, call: Call | None, base: Base) -> dict[str, Any]:
        """`steps.X.…` or `tasks.X.…` without that beginning (buildLocalScope, addSkippedNodeOutputsToScope)."""
        declared = node
        if node["type"] == "Retry":
            attempts = self.nodes.attempts(node)
            node = self.nodes.all[attempts[-1]] if attempts else node
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
            template, _ = self.library.resolve(base, call.template, call.template_ref)
            for item in template.outputs:
                default = (item.get("valueFrom") or {}).get("default")
                values[f"outputs.parameters.{item['name']}"] = None if default is None else self._text(default)
        return values

    def _aggregate(self, children: list[Node]) -> dict[str, Any]:
        """The outputs of an expanded call as JSON lists (processAggregateNodeOutputs)."""
        kept = [child for child in children if not child.get("nodeFlag")]
        if not kept:
            return {}
        kept.sort(key=lambda child: int(child["name"].rpartition("(")[2].partition(":")[0]))
        together: list[dict[str, str]] = []
        lists: dict[str, list[str]] = {}
        for child in kept:
            parameters = (child.get("outputs") or {}).get("parameters") or ()
            if child["phase"] != "Succeeded" or not parameters:
                continue
            together.append({item["name"]: self._text(item.get("value")) for item in parameters})
            for item in parameters:
                lists.setdefault(item["name"], []).append(self._text(item.get("value")))
        values: dict[str, Any] = {"outputs.result": "[]", "outputs.parameters": gojson.dumps(together)}
        for name, texts in lists.items():
            values[f"outputs.parameters.{name}"] = gojson.dumps(_if_structured(texts))
        return values

    def _put_outputs(self, node_id: str, template: Template, scope: Scope) -> None:
        """What a steps or dag template puts out (getTemplateOutputsFromScope)."""
        if not template.outputs:
            return
        local = Scope({key: value for key, value in scope.flat.items() if key.startswith("inputs.")}, scope.refs)
        parameters = []
        for item in template.outputs:
            source, name = item.get("valueFrom") or {}, item["name"]
            default = source.get("default")
            try:
                value = self._output(source, scope, local)
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
            rest = {key: kept for key, kept in item.items() if key != "valueFrom"}
            parameters.append({**rest, "value": text})
        self.nodes.put(node_id, outputs={"parameters": parameters})

    @staticmethod
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

    # --- graphs -----------------------------------------------------------------------------------------------------

    def _dag(self, name: str, template: Template, place: _Place) -> None:
        dag = template.dag
        for task in dag.order:
            self._task(name, template, task, place)
        phase = self._assess(name, template, place)
        if phase == "Running":
            return
        out = [
            each
            for target in dag.targets
            if (node := self.nodes.by_name(f"{name}.{target}")) is not None
            for each in self.nodes.outbound(node["id"])
        ]
        if phase == "Succeeded":
            names = [task for task in dag.tasks if self.nodes.by_name(f"{name}.{task}") is not None]
            refs = Refs(names, lambda task: self._task_values(name, task, template, place))
            self._put_outputs(place.boundary, template, Scope(place.scope.flat, {"tasks": refs}))
        self.nodes.put(place.boundary, outboundNodes=out)
        self.nodes.mark(place.boundary, phase)

    def _task_values(self, name: str, task: str, template: Template, place: _Place) -> dict[str, Any] | None:
        node = self.nodes.by_name(f"{name}.{task}")
        if node is None:
            return None
        values = self._node_values(node, template.dag.tasks[task], place.base)
        if node["type"] == "TaskGroup":
            values.update(self._aggregate([self.nodes.all[child] for child in self._group_members(node)]))
        return values

    def _group_members(self, group: Node) -> list[str]:
        prefix = group["name"] + "("
        return [child for child in group.get("children") or () if self.nodes.all[child]["name"].startswith(prefix)]

    def _connect_task(self, name: str, task: str, child_id: str, template: Template, group: Node | None) -> None:
        dependencies = template.dag.dependencies[task]
        if group is not None:
            self.nodes.add_child(group["id"], child_id)
        elif not dependencies:
            self.nodes.add_child(self.nodes.id(name), child_id)
        for dependency in () if group is not None else dependencies:
            for parent in self.nodes.outbound(self.nodes.id(f"{name}.{dependency}")):
                self.nodes.add_child(parent, child_id)

    def _task(self, name: str, template: Template, task: str, place: _Place) -> None:
        """Start a task or go on with it (executeDAGTask)."""
        node_name = f"{name}.{task}"
        node = self.nodes.by_name(node_name)
        if node is not None and fulfilled(node):
            return
        dag, call = template.dag, template.dag.tasks[task]
        if node is None and not self._ready(name, template, task, place):
            return
        refs = Refs(dag.ancestors(task), lambda ancestor: self._task_values(name, ancestor, template, place))
        scope = Scope(place.scope.flat, {"tasks": refs}, place.scope)
        inner = _Place(place.base, place.boundary, scope, place.on_exit)
        group = node if node is not None and node["type"] == "TaskGroup" else None
        try:
            planned = self._expand(call, inner.scope) if call.expands else [self._plan(call, node_name, inner)]
        except MissingVariable:
            return
        except (SubstitutionError, ConditionError, ExpressionError) as error:
            self._refuse_task(name, template, task, place, "Error", str(error))
            return
        if call.expands and group is None:
            if not planned:
                self._refuse_task(name, template, task, place, "Skipped", "Skipped, empty params")
                return
            origin = self._origin(call, place.base)
            group = self.nodes.add(node_name, "TaskGroup", "Running", place.boundary, **origin)
            self._connect_task(name, task, group["id"], template, None)
        for plan in planned:
            if not self._run_task(plan, name, template, task, inner, group):
                return
        if group is not None:
            self._judge_task_group(group, [f"{name}.{plan.name}" for plan in planned])

    def _refuse_task(self, name: str, template: Template, task: str, place: _Place, phase: str, message: str) -> None:
        node = self.nodes.by_name(f"{name}.{task}")
        if node is not None:
            self.nodes.mark(node["id"], phase, message)
            return
        node = self._add_skipped(f"{name}.{task}", template.dag.tasks[task], place, phase, message)
        self._connect_task(name, task, node["id"], template, None)

    def _ready(self, name: str, template: Template, task: str, place: _Place) -> bool:
        """Whether a task may start now; one that never may is given its node (evaluateDependsLogic)."""
        results: dict[str, Any] = {}
        for dependency in template.dag.dependencies[task]:
            node = self.nodes.by_name(f"{name}.{dependency}")
            if node is None or not fulfilled(node):
                return False
            results[dependency.replace("-", "_")] = self._results(node)
        try:
            condition = template.dag.condition(task)
            execute = condition is None or condition.test(results)
        except ExpressionError as error:
            logic = template.dag.logic[task].replace("-", "_")
            told = f"unable to evaluate expression '{logic}': {error}"
            self._refuse_task(name, template, task, place, "Error", told)
            return False
        if not execute:
            self._refuse_task(name, template, task, place, "Omitted", "omitted: depends condition not met")
        return execute

    def _results(self, node: Node) -> dict[str, bool]:
        phases = [self.nodes.all[child]["phase"] for child in node.get("children") or ()]
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

    def _run_task(
        self, plan: _Planned, name: str, template: Template, task: str, place: _Place, group: Node | None
    ) -> bool:
        """Start or go on with one task; False to leave the rest of its items for later."""
        node_name = f"{name}.{plan.name}"
        node_id = self.nodes.id(node_name)
        node = self.nodes.by_name(node_name)
        if node is None:
            try:
                proceed = plan.proceeds()
            except ConditionError as error:
                self._add_skipped(node_name, plan.call, place, "Error", str(error))
                self._connect_task(name, task, node_id, template, group)
                return True
            if not proceed:
                self._add_skipped(node_name, plan.call, place, "Skipped", f"when '{plan.when}' evaluated false")
                self._connect_task(name, task, node_id, template, group)
                return True
        elif fulfilled(node):
            return True
        fault: Exception | None = None
        try:
            self._execute(node_name, plan.call, place, plan.arguments, {"tasks.name": plan.name})
        except (_Blocked, _TooDeep, _TimedOut, _Fault) as error:
            fault = error
        if node is None and node_id in self.nodes.all:
            self._connect_task(name, task, node_id, template, group)
        if isinstance(fault, _TimedOut):
            self.nodes.mark(node_id, "Failed", str(fault))
            return False
        if isinstance(fault, _Fault):
            self.nodes.mark(node_id, "Error", f"task '{node_name}' errored: {fault}")
            return False
        return node_id in self.nodes.all

    def _judge_task_group(self, group: Node, members: list[str]) -> None:
        phase = "Succeeded"
        for member in members:
            node = self.nodes.by_name(member)
            if node is None or not fulfilled(node):
                return
            if node["phase"] in FAILED:
                phase = node["phase"]
        self.nodes.mark(group["id"], phase)

    def _assess(self, name: str, template: Template, place: _Place) -> str:
        """What has become of a graph (assessDAGPhase)."""
        if self.shutdown and not place.on_exit:
            return "Failed"
        dag = template.dag
        targets = {self.nodes.id(f"{name}.{target}"): target for target in dag.targets}
        phases: dict[str, str] = dict.fromkeys(targets, "")
        queue = [(child, "Succeeded") for child in self.nodes.all[place.boundary].get("children") or ()]
        seen = set(queue)
        at = 0
        while at < len(queue):
            node_id, branch = queue[at]
            at += 1
            node = self.nodes.all.get(node_id)
            if node is None or not fulfilled(node):
                return "Running"
            if node["phase"] in COMPLETED:
                branch = node["phase"]
            if node_id in phases and phases[node_id] not in FAILED:
                phases[node_id] = branch
            for child in self._below(node):
                if (child, branch) not in seen:
                    seen.add((child, branch))
                    queue.append((child, branch))
        result = "Succeeded"
        for node_id, target in targets.items():
            if not phases[node_id]:
                result = "Running"
                if not dag.fail_fast:
                    break
            elif phases[node_id] in FAILED:
                if phases[node_id] in dag.tasks[target].continues_on:
                    continue
                result = phases[node_id]
                if dag.fail_fast:
                    break
        return result

    def _below(self, node: Node) -> list[str]:
        children: list[str] = node.get("children") or []
        if node["type"] != "Retry":
            return children
        # An attempt tells nothing that the Retry node does not: go on with what hangs below the attempts.
        return [below for child in reversed(children) for below in self.nodes.all[child].get("children") or ()]


_NODE_TYPES = {"container": "Pod", "resource": "Pod", "steps": "Steps", "dag": "DAG", "suspend": "Suspend"}


@lru_cache(maxsize=256)
def _created_at(created: str) -> Mapping[str, str]:
    moment = datetime.fromtimestamp(parse_rfc3339(created), UTC)
    root = "workflow.creationTimestamp"
    found = {f"{root}.{letter}": moment.strftime(f"%{letter}") for letter in _CREATED_FORMATS}
    return {**found, root: created, f"{root}.RFC3339": created, f"{root}.s": str(int(moment.timestamp()))}


def _policy(retry: Mapping[str, Any]) -> str:
    return retry.get("retryPolicy") or ("Always" if retry.get("expression") else "OnFailure")


def _retry_values(count: int, last: Node | None, unknown_exit: str = "0") -> dict[str, Any]:
    values: dict[str, Any] = {
        "retries": str(count),
        "lastRetry.exitCode": "0",
        "lastRetry.status": "",
        "lastRetry.duration": "0",
        "lastRetry.message": "",
    }
    if last is not None:
        span = _seconds(last, "finishedAt") - _seconds(last) if last.get("finishedAt") else 0.0
        code = (last.get("outputs") or {}).get("exitCode")
        values["lastRetry.exitCode"] = unknown_exit if code is None else code
        values["lastRetry.status"] = last["phase"]
        values["lastRetry.duration"] = gojson.sprint(span)
        values["lastRetry.message"] = last.get("message", "")
    return values


def _absent(text: str, scope: Scope) -> bool:
    """Whether an argument is nothing but a reference to an output that a skipped step did not make."""
    if not text.startswith("{{") or not text.endswith("}}") or text.count("{{") != 1:
        return False
    return scope.get(text[2:-2].strip()) is None


def _item(item: Any) -> tuple[dict[str, Any], str]:
    """The variables of one item, and how it is told in the node's name."""
    if isinstance(item, dict):
        texts = {key: _told(value) for key, value in item.items()}
        values: dict[str, Any] = {f"item.{key}": text for key, text in texts.items()}
        values["item"] = gojson.dumps(item)
        return values, ",".join(sorted(f"{key}:{text}" for key, text in texts.items()))
    if isinstance(item, list):
        return {"item": gojson.dumps(item)}, "[" + " ".join(_told(each) for each in item) + "]"
    return {"item": _told(item)}, _told(item)


def _told(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _if_structured(texts: list[str]) -> list[Any]:
    try:
        parsed = [json.loads(text) for text in texts]
    except ValueError:
        return texts
    return parsed if all(isinstance(value, list | dict) for value in parsed) else texts


def _in_order(item: Mapping[str, Any]) -> str:
    return "{" + ",".join(f"{gojson.dumps(key)}:{gojson.dumps(value)}" for key, value in item.items()) + "}"
