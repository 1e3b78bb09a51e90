"""What a Workflow is refused for before it starts.

`InvalidSpec` is what a real Argo refuses, in its words (workflow/validate/validate.go). `UnknownConstruct` is what this
engine does not do, named by template, path and construct: a real Argo may do it, so to guess would be to drift.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pressplay.cluster.port import Manifest
from pressplay.sandbox.engine import conditions, paths
from pressplay.sandbox.engine.conditions import ConditionError
from pressplay.sandbox.engine.expression import ExpressionError, UnknownFunction, program
from pressplay.sandbox.engine.model import InvalidSpec, UnknownConstruct
from pressplay.sandbox.engine.substitution import Tag, tags
from pressplay.sandbox.engine.templates import Base, Call, Library, NotFound, Template, join
from pressplay.sandbox.engine.view import View

# What has no effect here: it concerns pods, cleaning up, or metrics.
_POD = {
    "serviceAccountName",
    "automountServiceAccountToken",
    "executor",
    "securityContext",
    "nodeSelector",
    "tolerations",
    "affinity",
    "volumes",
    "priorityClassName",
    "schedulerName",
    "metrics",
    "archiveLocation",
}
_SPEC = _POD | {
    "entrypoint",
    "arguments",
    "templates",
    "workflowTemplateRef",
    "synchronization",
    "parallelism",
    "priority",
    "hooks",
    "onExit",
    "activeDeadlineSeconds",
    "shutdown",
    "suspend",
    "retryStrategy",
    "ttlStrategy",
    "podGC",
    "podMetadata",
    "podPriorityClassName",
    "workflowMetadata",
    "imagePullSecrets",
    "archiveLogs",
}
_TEMPLATE = _POD | {
    "name",
    "inputs",
    "outputs",
    "container",
    "steps",
    "dag",
    "resource",
    "suspend",
    "retryStrategy",
    "synchronization",
    "parallelism",
    "timeout",
    "activeDeadlineSeconds",
    "metadata",
}
_KEYS: Mapping[str, set[str]] = {
    "arguments": {"parameters"},
    "parameter": {"name", "value", "default", "valueFrom", "description", "enum"},
    "step": {"name", "template", "templateRef", "arguments", "when", "withItems", "withParam", "continueOn"},
    "task": {"dependencies", "depends"},
    "continueOn": {"failed", "error"},
    "templateRef": {"name", "template"},
    "hook": {"template", "templateRef", "arguments"},
    "dag": {"tasks", "target", "failFast"},
    "resource": {
        "action",
        "manifest",
        "setOwnerReference",
        "successCondition",
        "failureCondition",
        "flags",
        "mergeStrategy",
    },
    "suspend": {"duration"},
    "retryStrategy": {"limit", "retryPolicy", "backoff", "expression", "affinity"},
    "backoff": {"duration", "factor", "maxDuration", "cap"},
    "synchronization": {"semaphores", "mutexes"},
    "semaphore": {"configMapKeyRef", "namespace"},
    "mutex": {"name", "namespace"},
    "workflowMetadata": {"labels", "annotations"},
    "workflowTemplateRef": {"name"},
}
_OUTPUT_SOURCES = {
    "container": {"path", "default"},
    "resource": {"jsonPath", "default"},
    "suspend": {"supplied", "default"},
    "steps": {"parameter", "expression", "default"},
    "dag": {"parameter", "expression", "default"},
}
_TYPE = {"container": "Container", "resource": "Resource", "steps": "Steps", "dag": "DAG", "suspend": "Suspend"}
_POLICIES = ("Always", "OnFailure", "OnError")
_ACTIONS = ("apply", "create", "get")
_ROOTS = ("item.", "steps.", "inputs.", "outputs.", "pod.", "workflow.", "tasks.")
_UNKNOWN_GLOBALS = ("workflow.duration", "workflow.scheduledTime", "workflow.outputs")
_OF_NODES = ("id", "startedAt", "finishedAt", "status", "exitCode")


def referred(workflow: Manifest, view: View) -> Manifest | None:
    """The WorkflowTemplate that a Workflow refers to, None if to none; NotFound if it is not there."""
    reference = workflow["spec"].get("workflowTemplateRef")
    if not reference:
        return None
    for key in sorted(set(reference) - _KEYS["workflowTemplateRef"]):
        raise _unknown(workflow["metadata"]["name"], "", "spec.workflowTemplateRef", key)
    found = view.get("WorkflowTemplate", workflow["metadata"].get("namespace", "default"), reference["name"])
    if found is None:
        raise NotFound(f'workflowtemplates.argoproj.io "{reference["name"]}" not found')
    return found


def validate(workflow: Manifest, view: View) -> None:
    """Raise UnknownConstruct for what the engine does not do, InvalidSpec for what a real Argo refuses at the start."""
    try:
        holder = referred(workflow, view)
    except NotFound as error:
        raise InvalidSpec(str(error)) from error
    spec = join(workflow["spec"], holder["spec"]) if holder else workflow["spec"]
    check(workflow, spec, workflow["metadata"].get("namespace", "default"), view)


def check(workflow: Manifest, spec: Mapping[str, Any], namespace: str, view: View) -> dict[str, Any]:
    """`validate` for the spec that runs; the templates of WorkflowTemplates that it reaches, to be frozen."""
    stored: dict[str, Any] = {}
    library = Library(workflow["metadata"]["name"], namespace, spec, stored, view)
    _Checker(workflow, spec, library).run()
    return stored


def _unknown(workflow: str, name: str, path: str, construct: str) -> UnknownConstruct:
    where = f"template {name}, {path}" if name else path
    return UnknownConstruct(
        f"Workflow {workflow}, {where}: {construct}: not known to the sandbox's engine, which does only what the "
        "chart uses; leave it out, or run this on a real Argo"
    )


def _invalid(text: str) -> InvalidSpec:
    return InvalidSpec(f"invalid spec: {text}")


class _Checker:
    def __init__(self, workflow: Manifest, spec: Mapping[str, Any], library: Library) -> None:
        self.workflow, self.spec, self.library = workflow, spec, library
        self.name: str = workflow["metadata"]["name"]
        self.seen: set[tuple[Base, str]] = set()
        self.globals = self._globals()

    def _globals(self) -> set[str]:
        metadata, extra = self.workflow["metadata"], self.spec.get("workflowMetadata") or {}
        found = {
            f"workflow.{key}"
            for key in ("name", "namespace", "mainEntrypoint", "serviceAccountName", "uid", "status", "failures")
        }
        for kind in ("labels", "annotations"):
            found |= {f"workflow.{kind}.{key}" for key in {**(metadata.get(kind) or {}), **(extra.get(kind) or {})}}
        parameters = (self.spec.get("arguments") or {}).get("parameters") or ()
        found |= {f"workflow.parameters.{item['name']}" for item in parameters}
        found |= {"workflow.parameters", "workflow.parameters.json"} if parameters else set()
        return found | ({"workflow.priority"} if self.spec.get("priority") is not None else set())

    # --- the whole ---

    def run(self) -> None:
        if len(self.name) > 63:
            raise _invalid(
                f'workflow name "{self.name}" must not be more than 63 characters long (currently {len(self.name)})'
            )
        self._spec()
        entrypoint = self.spec.get("entrypoint")
        if not entrypoint:
            raise _invalid("spec.entrypoint is required")
        given = {item["name"] for item in (self.spec.get("arguments") or {}).get("parameters") or ()}
        self._call(Call({"name": "", "template": entrypoint}), self.library.local, "", given)
        hook = (self.spec.get("hooks") or {}).get("exit") or {}
        hook = hook or ({"template": self.spec["onExit"]} if self.spec.get("onExit") else {})
        if hook:
            self._keys("", "spec.hooks.exit", hook, _KEYS["hook"])
            call = Call({**hook, "name": "exit"})
            own = {item["name"] for item in call.parameters}
            self._call(call, self.library.local, "", own or given)
        for item in self.spec.get("templates") or ():
            call = Call({"name": "", "template": item["name"]})
            self._call(call, self.library.local, f"templates.{item['name']} ", None)

    def _spec(self) -> None:
        spec = self.spec
        self._keys("", "spec", spec, _SPEC)
        self._keys("", "spec.hooks", spec.get("hooks") or {}, {"exit"})
        self._keys("", "spec.workflowMetadata", spec.get("workflowMetadata") or {}, _KEYS["workflowMetadata"])
        self._keys("", "spec.arguments", spec.get("arguments") or {}, _KEYS["arguments"])
        for item in (spec.get("arguments") or {}).get("parameters") or ():
            where = f"spec.arguments.{item['name']}"
            self._keys("", where, item, _KEYS["parameter"] - {"valueFrom"})
            if item.get("value") is None:
                raise _invalid(f"{where}.value or {where}.valueFrom is required")
        self._synchronization("", "spec.synchronization", spec.get("synchronization") or {})
        self._retry("", "spec.retryStrategy", spec.get("retryStrategy") or {})
        self._whole("", "spec.parallelism", spec.get("parallelism"))
        self._tags("", {key: value for key, value in spec.items() if key != "templates"}, "spec")

    # --- calls and templates ---

    def _call(self, call: Call, base: Base, prefix: str, given: set[str] | None) -> Template:
        ref = call.template_ref
        if ref:
            self._keys("", prefix + "templateRef", ref, _KEYS["templateRef"])
        for tag in tags([call.template, dict(ref or {})]):
            raise _unknown(self.name, call.name, "template", tag.raw)
        try:
            found, inner = self.library.resolve(base, call.template, ref)
        except NotFound as error:
            if ref:
                told = f"template reference {ref['name']}.{ref['template']} not found"
            else:
                told = f"template name '{call.template}' undefined"
            raise _invalid(f"{prefix}{told}") from error
        self._given(found, given, prefix)
        if (inner, found.name) not in self.seen:
            self.seen.add((inner, found.name))
            self._template(found, inner, prefix)
        return found

    @staticmethod
    def _given(found: Template, given: set[str] | None, prefix: str) -> None:
        for item in found.inputs if given is not None else ():
            name = item["name"]
            if given is not None and name not in given and item.get("value", item.get("default")) is None:
                raise _invalid(f"{prefix}templates.{found.name} inputs.parameters.{name} was not supplied")

    def _template(self, found: Template, base: Base, prefix: str) -> None:
        raw, name = found.raw, found.name
        self._keys(name, f"templates.{name}", raw, _TEMPLATE)
        kinds = [kind for kind in ("container", "steps", "dag", "resource", "suspend") if raw.get(kind) is not None]
        if len(kinds) != 1:
            told = "template type unspecified" if not kinds else "multiple template types specified"
            choices = "container, containerSet, steps, script, resource, dag, suspend, template, template ref"
            raise _invalid(f"{prefix}templates.{name} {told}. choose one of: {choices}")
        if found.kind not in ("container", "resource") and raw.get("timeout"):
            raise _invalid(f"{prefix}{_TYPE[found.kind]} template doesn't support timeout field")
        if found.kind in ("steps", "dag") and raw.get("activeDeadlineSeconds") is not None:
            raise _invalid(f"{prefix}templates.{name}.activeDeadlineSeconds is only valid for leaf templates")
        self._parameters(found)
        self._retry(name, "retryStrategy", raw.get("retryStrategy") or {})
        self._synchronization(name, "synchronization", raw.get("synchronization") or {})
        self._whole(name, "parallelism", raw.get("parallelism"))
        known = self.globals | {f"inputs.parameters.{item['name']}" for item in found.inputs}
        known |= {"inputs.parameters"} if found.inputs else set()
        known |= {"pod.name"} if found.is_pod else set()
        check_kind: Callable[[Template, Base, str, set[str]], None] = getattr(self, f"_{found.kind}")
        check_kind(found, base, prefix, known)

    def _parameters(self, found: Template) -> None:
        name = found.name
        for side in ("inputs", "outputs"):
            self._keys(name, side, found.raw.get(side) or {}, _KEYS["arguments"])
        for item in found.inputs:
            self._keys(name, f"inputs.parameters.{item['name']}", item, _KEYS["parameter"] - {"valueFrom"})
        for item in found.outputs:
            where = f"outputs.parameters.{item['name']}"
            self._keys(name, where, item, _KEYS["parameter"])
            source = item.get("valueFrom") or {}
            self._keys(name, f"{where}.valueFrom", source, _OUTPUT_SOURCES[found.kind])
            kinds = set(source) - {"default"}
            if len(kinds) != 1:
                raise _invalid(f"templates.{name}.outputs.parameters.{item['name']} does not have valueFrom specified")
            if "jsonPath" in source:
                try:
                    paths.check_kubectl_jsonpath(source["jsonPath"])
                except paths.PathError as error:
                    raise _unknown(self.name, name, f"{where}.valueFrom.jsonPath", source["jsonPath"]) from error
            if "expression" in source:
                self._expression(name, f"{where}.valueFrom.expression", source["expression"])

    def _container(self, found: Template, base: Base, prefix: str, known: set[str]) -> None:  # noqa: ARG002 - one shape for all kinds
        if not found.raw["container"].get("image"):
            raise _invalid(f"{prefix}templates.{found.name}.container.image may not be empty")
        self._leaf(found, prefix, known)

    def _suspend(self, found: Template, base: Base, prefix: str, known: set[str]) -> None:  # noqa: ARG002
        self._keys(found.name, "suspend", found.raw["suspend"] or {}, _KEYS["suspend"])
        self._leaf(found, prefix, known)

    def _resource(self, found: Template, base: Base, prefix: str, known: set[str]) -> None:  # noqa: ARG002
        resource = found.raw["resource"]
        self._keys(found.name, "resource", resource, _KEYS["resource"])
        if resource.get("action") not in _ACTIONS:
            raise _unknown(self.name, found.name, "resource.action", str(resource.get("action")))
        if not resource.get("manifest"):
            raise _unknown(self.name, found.name, "resource", f"{resource['action']} without a manifest")
        for key in ("successCondition", "failureCondition"):
            text = resource.get(key)
            if text and "{{" not in text:
                try:
                    conditions.selector(text)
                except ConditionError as error:
                    raise _unknown(self.name, found.name, f"resource.{key}", text) from error
        self._leaf(found, prefix, known)

    def _leaf(self, found: Template, prefix: str, known: set[str]) -> None:
        if found.raw.get("parallelism") is not None:
            raise _invalid(f"{prefix}templates.{found.name}.parallelism is only valid for steps and dag templates")
        for tag in self._tags(found.name, found.raw, ""):
            if not self._resolvable(tag, known):
                raise _invalid(f"{prefix}templates.{found.name}: failed to resolve {tag.raw}")

    def _steps(self, found: Template, base: Base, prefix: str, known: set[str]) -> None:
        name, scope = found.name, set(known)
        steps: set[str] = set()
        for index, group in enumerate(found.steps):
            for call in group:
                place = f"{prefix}templates.{name}.steps[{index}]"
                if call.name in steps:
                    raise _invalid(f"{place}.name '{call.name}' is not unique")
                steps.add(call.name)
                self._keys(name, f"steps[{index}].{call.name}", call.raw, _KEYS["step"])
                scope.add(f"steps.{call.name}.status")
                callee = self._one_call(found, call, base, f"{place}.{call.name} ")
                for tag in self._tags(name, call.raw, f"steps[{index}].{call.name}"):
                    if not self._resolvable(tag, scope | _items(call), call):
                        raise _invalid(f"{prefix}templates.{name}.steps failed to resolve {tag.raw}")
                scope |= _outputs("steps", call, callee)
        self._own_outputs(found, prefix, scope)

    def _dag(self, found: Template, base: Base, prefix: str, known: set[str]) -> None:
        name, raw = found.name, found.raw["dag"]
        self._keys(name, "dag", raw, _KEYS["dag"])
        if not raw.get("tasks"):
            raise _invalid(f"{prefix}templates.{name} must have at least one task")
        try:
            dag = found.dag
            for task in dag.tasks:
                dag.condition(task)
        except ExpressionError as error:
            raise _unknown(self.name, name, "dag.tasks.depends", str(error)) from error
        if len(dag.tasks) != len(raw["tasks"]):
            raise _invalid(f"{prefix}templates.{name} sorting failed: duplicated nodeName")
        self._kinds_of_dependencies(found, prefix)
        scope = set(known)
        for task, call in dag.tasks.items():
            place = f"{prefix}templates.{name}.tasks.{task} "
            self._keys(name, f"dag.tasks.{task}", call.raw, _KEYS["step"] | _KEYS["task"])
            for dependency in dag.dependencies[task]:
                if dependency not in dag.tasks:
                    raise _invalid(f"{prefix}templates.{name} sorting failed: invalid dependency {dependency}")
            if task in dag.ancestors(task):
                raise _invalid(f"{prefix}templates.{name} sorting failed: graph with cycle")
            scope |= _outputs("tasks", call, self._one_call(found, call, base, place)) - {f"tasks.{task}.status"}
        for target in dag.targets:
            if target not in dag.tasks:
                raise _invalid(f"{prefix}templates.{name}.targets: target '{target}' is not defined")
        for task, call in dag.tasks.items():
            place = f"{prefix}templates.{name}.tasks.{task} "
            own = scope | _items(call) | {f"tasks.{ancestor}.status" for ancestor in dag.ancestors(task)}
            for tag in self._tags(name, call.raw, f"dag.tasks.{task}"):
                if not self._resolvable(tag, own, call):
                    raise _invalid(f"{place}failed to resolve {tag.raw}")
            for item in call.parameters:
                text = str(item.get("value", ""))
                other = text.split(".")[1] if text.startswith("{{tasks.") else None
                if other is not None and other not in dag.ancestors(task):
                    raise _invalid(f"{place}missing dependency '{other}' for parameter '{item['name']}'")
        self._own_outputs(found, prefix, scope | {f"tasks.{task}.status" for task in dag.tasks})

    @staticmethod
    def _kinds_of_dependencies(found: Template, prefix: str) -> None:
        tasks = found.raw["dag"]["tasks"]
        place = f"{prefix}templates.{found.name}"
        if not any(task.get("depends") for task in tasks):
            return
        for task in tasks:
            if task.get("dependencies"):
                raise _invalid(f"{place} cannot use both 'depends' and 'dependencies' in the same DAG template")
            if task.get("continueOn"):
                raise _invalid(
                    f"{place} cannot use 'continueOn' when using 'depends'. "
                    "Instead use 'dep-task.Failed'/'dep-task.Errored'"
                )

    def _one_call(self, found: Template, call: Call, base: Base, place: str) -> Template:
        self._keys(found.name, place.strip() + ".arguments", call.raw.get("arguments") or {}, _KEYS["arguments"])
        self._keys(found.name, place.strip() + ".continueOn", call.raw.get("continueOn") or {}, _KEYS["continueOn"])
        for item in call.parameters:
            where = f"{place.strip()}.arguments.{item['name']}"
            self._keys(found.name, where, item, {"name", "value"})
            if item.get("value") is None:
                raise _invalid(f"{where}.value or {where}.valueFrom is required")
        if call.with_items is not None and call.with_param.tree:
            raise _invalid(f"{place}only one of withItems, withParam, withSequence can be specified")
        return self._call(call, base, place, {item["name"] for item in call.parameters})

    def _own_outputs(self, found: Template, prefix: str, scope: set[str]) -> None:
        for tag in self._tags(found.name, found.raw.get("outputs"), "outputs"):
            if not self._resolvable(tag, scope):
                raise _invalid(f"{prefix}templates.{found.name}.outputs failed to resolve {tag.raw}")

    # --- pieces ---

    def _keys(self, name: str, path: str, found: Mapping[str, Any], known: set[str]) -> None:
        for key in found:
            if key not in known and found[key] is not None:
                raise _unknown(self.name, name, path, key)

    def _whole(self, name: str, path: str, value: Any) -> None:
        if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
            raise _unknown(self.name, name, path, str(value))

    def _retry(self, name: str, path: str, retry: Mapping[str, Any]) -> None:
        self._keys(name, path, retry, _KEYS["retryStrategy"])
        self._keys(name, f"{path}.backoff", retry.get("backoff") or {}, _KEYS["backoff"])
        policy = retry.get("retryPolicy")
        if policy and policy not in _POLICIES:
            if policy != "OnTransientError":
                raise _invalid(f"{policy} is not a valid RetryPolicy")
            raise _unknown(self.name, name, f"{path}.retryPolicy", policy)
        if retry.get("expression"):
            self._expression(name, f"{path}.expression", retry["expression"])

    def _synchronization(self, name: str, path: str, found: Mapping[str, Any]) -> None:
        self._keys(name, path, found, _KEYS["synchronization"])
        for item in found.get("semaphores") or ():
            self._keys(name, f"{path}.semaphores", item, _KEYS["semaphore"])
            if not item.get("configMapKeyRef"):
                raise _unknown(self.name, name, f"{path}.semaphores", "semaphore without configMapKeyRef")
        for item in found.get("mutexes") or ():
            self._keys(name, f"{path}.mutexes", item, _KEYS["mutex"])

    def _expression(self, name: str, path: str, text: str) -> None:
        if "{{" in text:
            return
        try:
            program(text)
        except UnknownFunction as error:
            raise _unknown(self.name, name, path, str(error)) from error
        except ExpressionError as error:
            raise _invalid(f"templates.{name} failed to evaluate expression: {error}") from error

    def _tags(self, name: str, tree: Any, path: str) -> list[Tag]:
        """Every tag in a tree; refused are those that reach over the ends of a string, or lie in one another."""
        found: list[Tag] = []
        for text in _strings(tree):
            if "{{" not in text:
                continue
            own = list(tags(text))
            if text.count("{{") != len(own):
                raise _unknown(self.name, name, path or "text", f"'{{{{' without its own '}}}}' in {text[:80]!r}")
            found += own
        for tag in found:
            if tag.text.startswith("="):
                if isinstance(tag.fault, UnknownFunction):
                    raise _unknown(self.name, name, path or "expression", str(tag.fault)) from tag.fault
                if tag.fault is not None:
                    raise _invalid(f"templates.{name} failed to evaluate expression: {tag.fault}")
            names = tag.program.names if tag.program else (tag.text.strip(),)
            for used in names:
                if used.startswith(_UNKNOWN_GLOBALS):
                    raise _unknown(self.name, name, path or "variable", used)
        return found

    @staticmethod
    def _resolvable(tag: Tag, known: set[str], call: Call | None = None) -> bool:
        name = tag.text.strip()
        if tag.text.startswith("=") or not name.startswith(_ROOTS) or name in known:
            return True
        if name.startswith("item.") and call is not None:
            return bool(call.with_param.tree)
        return name.startswith(("workflow.creationTimestamp", "outputs.", "steps.name", "tasks.name"))


def _strings(tree: Any) -> Iterator[str]:
    if isinstance(tree, str):
        yield tree
    elif isinstance(tree, dict):
        for key, value in tree.items():
            yield from _strings(key)
            yield from _strings(value)
    elif isinstance(tree, list):
        for item in tree:
            yield from _strings(item)


def _items(call: Call) -> set[str]:
    found = {"item"}
    for item in call.with_items or ():
        if isinstance(item, dict):
            found |= {f"item.{key}" for key in item}
    return found


def _outputs(root: str, call: Call, callee: Template) -> set[str]:
    """The variables that a step or task makes for those after it."""
    found = {f"{root}.{call.name}.{key}" for key in _OF_NODES}
    found |= {f"{root}.{call.name}.outputs.parameters.{item['name']}" for item in callee.outputs}
    return found | ({f"{root}.{call.name}.outputs.parameters"} if call.expands else set())
