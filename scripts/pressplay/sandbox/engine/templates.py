"""Templates as the engine reads them: parsed once, resolved by reference, and frozen at a Workflow's start.

A template's dictionary is never changed. The same text, loaded again from a database, is recognised and not parsed a
second time. Sources: workflow/templateresolution/context.go, pkg/apis/workflow/v1alpha1/workflow_types.go
(resolveTemplateReference), workflow/util/merge.go (JoinWorkflowSpec), workflow/common/ancestry.go.
"""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from pressplay.sandbox.engine.expression import Program, program
from pressplay.sandbox.engine.model import Node
from pressplay.sandbox.engine.substitution import Body, tags
from pressplay.sandbox.engine.view import View

KINDS = ("container", "steps", "dag", "resource", "suspend")
Base = tuple[str, str]
"""Where a template name is looked up: ("local", Workflow) or ("namespaced", WorkflowTemplate)."""

_TASK = re.compile(r"([a-zA-Z0-9][-a-zA-Z0-9]*?\.[A-Z][a-zA-Z]+)|([a-zA-Z0-9][-a-zA-Z0-9]*)")


class Call:
    """A step or task: a template and what it is called with."""

    def __init__(self, raw: Mapping[str, Any]) -> None:
        """From a step or task as written."""
        self.raw = raw
        self.name: str = raw["name"]
        self.template: str = raw.get("template", "")
        self.template_ref: Mapping[str, Any] | None = raw.get("templateRef")
        self.parameters: list[Mapping[str, Any]] = (raw.get("arguments") or {}).get("parameters") or []
        self.arguments = [(item["name"], Body(item.get("value"))) for item in self.parameters]
        self.when = Body(raw.get("when") or "")
        self.with_items: list[Any] | None = raw.get("withItems") or None
        self.items = Body(raw.get("withItems") or [])
        self.with_param = Body(raw.get("withParam") or "")
        continue_on = raw.get("continueOn") or {}
        self.continues_on = frozenset(
            phase for phase, key in (("Failed", "failed"), ("Error", "error")) if continue_on.get(key)
        )

    @property
    def expands(self) -> bool:
        """Whether it stands for one call for each item."""
        return bool(self.with_items or self.with_param.tree)


class Dag:
    """A DAG's tasks and what each waits for."""

    def __init__(self, raw: Mapping[str, Any]) -> None:
        """From `dag` as written; ExpressionError where a `depends` cannot be read."""
        self.tasks = {task["name"]: Call(task) for task in raw["tasks"]}
        self.fail_fast: bool = raw.get("failFast") is not False
        self.dependencies: dict[str, tuple[str, ...]] = {}
        self.logic: dict[str, str] = {}
        for name, task in self.tasks.items():
            self.dependencies[name], self.logic[name] = self._depends(task)
        leaves = sorted(set(self.tasks) - {name for names in self.dependencies.values() for name in names})
        self.targets: tuple[str, ...] = tuple((raw.get("target") or "").split()) or tuple(leaves)
        self._ancestors: dict[str, tuple[str, ...]] = {}
        self.order: tuple[str, ...] = tuple(self._walk())

    def _walk(self) -> dict[str, None]:
        """The tasks in the order in which Argo comes to them: each target after its dependencies."""
        done: dict[str, None] = {}
        for target in self.targets:
            stack: list[tuple[str, bool]] = [(target, False)]
            while stack:
                name, ready = stack.pop()
                if ready:
                    done[name] = None
                elif name not in done:
                    stack.append((name, True))
                    stack.extend((below, False) for below in reversed(self.dependencies.get(name, ())))
        return done

    def _depends(self, task: Call) -> tuple[tuple[str, ...], str]:
        depends = task.raw.get("depends")
        if not depends:
            names = task.raw.get("dependencies") or ()
            return tuple(dict.fromkeys(names)), " && ".join(self._expanded(name) for name in names)
        names = (match.group().split(".")[0] for match in _TASK.finditer(depends))
        logic = _TASK.sub(lambda match: match[1] or self._expanded(match[2]), depends)
        return tuple(dict.fromkeys(names)), logic

    def _expanded(self, name: str) -> str:
        results = ["Succeeded", "Skipped", "Daemoned"]
        task = self.tasks.get(name)
        if task is not None:
            results += ["Errored"] if "Error" in task.continues_on else []
            results += ["Failed"] if "Failed" in task.continues_on else []
        return "(" + " || ".join(f"{name}.{result}" for result in results) + ")"

    def condition(self, name: str) -> Program | None:
        """What decides, over the results of its dependencies, whether a task runs; None where it has none."""
        logic = self.logic[name].replace("-", "_")
        return program(logic) if logic else None

    def ancestors(self, name: str) -> tuple[str, ...]:
        """All tasks that a task hangs on, directly or not."""
        if name not in self._ancestors:
            seen: dict[str, None] = {}
            stack = list(self.dependencies[name])
            while stack:
                current = stack.pop()
                if current not in seen:
                    seen[current] = None
                    stack.extend(self.dependencies.get(current, ()))
            self._ancestors[name] = tuple(seen)
        return self._ancestors[name]


class Template:
    """One template."""

    def __init__(self, raw: Mapping[str, Any]) -> None:
        """From a template as written; it must be of one kind that the engine knows (see `validation`)."""
        self.raw = raw
        self.name: str = raw.get("name", "")
        self.kind: str = next((kind for kind in KINDS if raw.get(kind) is not None), "")
        self.inputs: list[Mapping[str, Any]] = (raw.get("inputs") or {}).get("parameters") or []
        self.outputs: list[Mapping[str, Any]] = (raw.get("outputs") or {}).get("parameters") or []
        self.retry: Body = Body(raw.get("retryStrategy"))
        self.synchronization = Body(raw.get("synchronization"))
        self.parallelism: int = raw.get("parallelism") or 0
        self.limits = Body({key: raw[key] for key in ("activeDeadlineSeconds", "timeout") if key in raw})
        self.is_pod = self.kind in ("container", "resource")

    @cached_property
    def wants_all_inputs(self) -> bool:
        """Whether all inputs together are asked for, as `{{inputs.parameters}}`."""
        return any(tag.text.strip() == "inputs.parameters" for tag in tags(dict(self.raw)))

    @cached_property
    def body(self) -> Body:
        """The part named for the template's kind, with its outputs and the Pod's metadata."""
        keys = (self.kind, "outputs", "metadata", "serviceAccountName", "nodeSelector", "securityContext")
        return Body({key: self.raw[key] for key in (*keys, "volumes", "tolerations", "affinity") if key in self.raw})

    @cached_property
    def steps(self) -> tuple[tuple[Call, ...], ...]:
        """The groups of a `steps` template."""
        return tuple(tuple(Call(step) for step in group) for group in self.raw["steps"])

    @cached_property
    def dag(self) -> Dag:
        """The graph of a `dag` template."""
        return Dag(self.raw["dag"])

    @cached_property
    def calls(self) -> tuple[Call, ...]:
        """All steps or tasks."""
        if self.kind == "steps":
            return tuple(call for group in self.steps for call in group)
        return tuple(self.dag.tasks.values()) if self.kind == "dag" else ()


_KEPT = 4096
_by_identity: OrderedDict[int, tuple[Mapping[str, Any], Template]] = OrderedDict()
_by_text: OrderedDict[str, Template] = OrderedDict()


def template(raw: Mapping[str, Any]) -> Template:
    """The Template of a dictionary, which must not change afterwards."""
    # The dictionary is kept with the entry, so its id cannot be another's.
    known = _by_identity.get(id(raw))
    if known is not None:
        return known[1]
    text = json.dumps(raw, sort_keys=True)
    parsed = _by_text.get(text)
    if parsed is None:
        parsed = _by_text[text] = Template(raw)
        if len(_by_text) > _KEPT:
            _by_text.popitem(last=False)
    _by_identity[id(raw)] = (raw, parsed)
    if len(_by_identity) > _KEPT:
        _by_identity.popitem(last=False)
    return parsed


class NotFound(Exception):
    """A template or WorkflowTemplate that is not there; the text is Argo's."""


class Library:
    """The templates that one Workflow may use; those of WorkflowTemplates are read once and then kept in its status."""

    def __init__(
        self, workflow: str, namespace: str, spec: Mapping[str, Any], stored: dict[str, Any], view: View
    ) -> None:
        """`spec` is the one that runs (own or stored); `stored` is `status.storedTemplates`, a copy that may grow."""
        self.local: Base = ("local", workflow)
        self._namespace, self._view = namespace, view
        self._own = {item["name"]: item for item in spec.get("templates") or ()}
        self.stored = stored
        self._resolved: dict[tuple[Base, str, str], tuple[Template, Base]] = {}

    def resolve(self, base: Base, name: str, ref: Mapping[str, Any] | None) -> tuple[Template, Base]:
        """The template called `name` seen from `base`, or the one that `ref` names, and the base of its own calls."""
        key = (base, ref["name"], ref["template"]) if ref else (base, "", name)
        resolved = self._resolved.get(key)
        if resolved is None:
            resolved = self._resolved[key] = self._resolve(base, name, ref)
        return resolved

    def of_node(self, node: Node) -> Template:
        """The template that a node was started with; NotFound if it is gone."""
        kind, _, name = (node.get("templateScope") or "local/").partition("/")
        base = self.local if kind == "local" else (kind, name)
        return self.resolve(base, node.get("templateName", ""), node.get("templateRef"))[0]

    def _resolve(self, base: Base, name: str, ref: Mapping[str, Any] | None) -> tuple[Template, Base]:
        if ref:
            base, name = ("namespaced", ref["name"]), ref["template"]
        if base[0] == "local":
            if name not in self._own:
                raise NotFound(f"template {name} not found")
            return template(self._own[name]), base
        place = f"namespaced/{base[1]}/{name}"
        if place not in self.stored:
            self.stored[place] = self._fetch(base[1], name)
        return template(self.stored[place]), base

    def _fetch(self, holder: str, name: str) -> Mapping[str, Any]:
        manifest = self._view.get("WorkflowTemplate", self._namespace, holder)
        if manifest is None:
            raise NotFound(f"workflow template {holder} not found")
        for item in manifest["spec"].get("templates") or ():
            if item["name"] == name:
                fetched: Mapping[str, Any] = item
                return fetched
        raise NotFound(f"template {name} not found in workflow template {holder}")


# --- a Workflow that refers to a WorkflowTemplate --------------------------------------------------------------------

_MERGED_BY = {"templates": "name", "parameters": "name", "artifacts": "name", "volumes": "name", "tolerations": "key"}


def _merged(under: Any, over: Any, key: str = "") -> Any:
    if isinstance(under, dict) and isinstance(over, dict):
        result = dict(under)
        for name, value in over.items():
            result[name] = _merged(under[name], value, name) if name in under else value
        return result
    by = _MERGED_BY.get(key)
    if isinstance(under, list) and isinstance(over, list) and by:
        result_by = {item.get(by): item for item in under}
        for item in over:
            result_by[item.get(by)] = _merged(result_by[item.get(by)], item) if item.get(by) in result_by else item
        return list(result_by.values())
    return over


def join(own: Mapping[str, Any], referred: Mapping[str, Any]) -> dict[str, Any]:
    """The spec that runs: the Workflow's own over the WorkflowTemplate's; a parameter comes whole from one."""
    joined: dict[str, Any] = _merged(dict(referred), dict(own))
    joined.pop("suspend", None)
    if "suspend" in own:
        joined["suspend"] = own["suspend"]
    mine = {item["name"]: item for item in (own.get("arguments") or {}).get("parameters") or ()}
    if mine:
        parameters = [mine.get(item["name"], item) for item in joined["arguments"]["parameters"]]
        joined["arguments"] = {**joined["arguments"], "parameters": parameters}
    if "hooks" in own or "hooks" in referred:
        joined["hooks"] = {**(referred.get("hooks") or {}), **(own.get("hooks") or {})}
    return joined
