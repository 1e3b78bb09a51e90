"""The templates that a Workflow reaches, each checked once (workflow/validate/validate.go)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pressplay.cluster.port import Manifest
from pressplay.sandbox.engine import conditions, paths
from pressplay.sandbox.engine.conditions import ConditionError
from pressplay.sandbox.engine.expression import ExpressionError
from pressplay.sandbox.engine.substitution import Tag, tags
from pressplay.sandbox.engine.templates import Base, Call, Library, NotFound, Template
from pressplay.sandbox.engine.validation.fields import KEYS, OUTPUT_SOURCES, SPEC, TEMPLATE, Fields, invalid

_TYPE = {"container": "Container", "resource": "Resource", "steps": "Steps", "dag": "DAG", "suspend": "Suspend"}
_ACTIONS = ("apply", "create", "get")
_ROOTS = ("item.", "steps.", "inputs.", "outputs.", "pod.", "workflow.", "tasks.")
_OF_NODES = ("id", "startedAt", "finishedAt", "status", "exitCode")


class Checker:
    """One Workflow's spec and the templates that it reaches."""

    def __init__(self, workflow: Manifest, spec: Mapping[str, Any], library: Library) -> None:
        """`spec` is the one that runs; `library` reads the templates of WorkflowTemplates."""
        self.workflow, self.spec, self.library = workflow, spec, library
        self.name: str = workflow["metadata"]["name"]
        self.fields = Fields(self.name)
        self.seen: set[tuple[Base, str]] = set()
        self.globals = self._globals()

    def _globals(self) -> set[str]:
        metadata, extra = self.workflow["metadata"], self.spec.get("workflowMetadata") or {}
        variables = {
            f"workflow.{key}"
            for key in ("name", "namespace", "mainEntrypoint", "serviceAccountName", "uid", "status", "failures")
        }
        for kind in ("labels", "annotations"):
            variables |= {f"workflow.{kind}.{key}" for key in {**(metadata.get(kind) or {}), **(extra.get(kind) or {})}}
        parameters = (self.spec.get("arguments") or {}).get("parameters") or ()
        variables |= {f"workflow.parameters.{item['name']}" for item in parameters}
        variables |= {"workflow.parameters", "workflow.parameters.json"} if parameters else set()
        return variables | ({"workflow.priority"} if self.spec.get("priority") is not None else set())

    def run(self) -> None:
        """Raise InvalidSpec or UnknownConstruct for the first thing that is refused."""
        if len(self.name) > 63:
            raise invalid(
                f'workflow name "{self.name}" must not be more than 63 characters long (currently {len(self.name)})'
            )
        self._check_spec()
        entrypoint = self.spec.get("entrypoint")
        if not entrypoint:
            raise invalid("spec.entrypoint is required")
        given = {item["name"] for item in (self.spec.get("arguments") or {}).get("parameters") or ()}
        self._check_callee(Call({"name": "", "template": entrypoint}), self.library.local, "", given)
        hook = (self.spec.get("hooks") or {}).get("exit") or {}
        hook = hook or ({"template": self.spec["onExit"]} if self.spec.get("onExit") else {})
        if hook:
            self.fields.check_keys("", "spec.hooks.exit", hook, KEYS["hook"])
            call = Call({**hook, "name": "exit"})
            own = {item["name"] for item in call.parameters}
            self._check_callee(call, self.library.local, "", own or given)
        for item in self.spec.get("templates") or ():
            call = Call({"name": "", "template": item["name"]})
            self._check_callee(call, self.library.local, f"templates.{item['name']} ", None)

    def _check_spec(self) -> None:
        spec = self.spec
        self.fields.check_keys("", "spec", spec, SPEC)
        self.fields.check_keys("", "spec.hooks", spec.get("hooks") or {}, {"exit"})
        self.fields.check_keys(
            "", "spec.workflowMetadata", spec.get("workflowMetadata") or {}, KEYS["workflowMetadata"]
        )
        self.fields.check_keys("", "spec.arguments", spec.get("arguments") or {}, KEYS["arguments"])
        for item in (spec.get("arguments") or {}).get("parameters") or ():
            where = f"spec.arguments.{item['name']}"
            self.fields.check_keys("", where, item, KEYS["parameter"] - {"valueFrom"})
            if item.get("value") is None:
                raise invalid(f"{where}.value or {where}.valueFrom is required")
        self.fields.check_synchronization("", "spec.synchronization", spec.get("synchronization") or {})
        self.fields.check_retry("", "spec.retryStrategy", spec.get("retryStrategy") or {})
        self.fields.check_whole_number("", "spec.parallelism", spec.get("parallelism"))
        self.fields.tags("", {key: value for key, value in spec.items() if key != "templates"}, "spec")

    def _check_callee(self, call: Call, base: Base, prefix: str, given: set[str] | None) -> Template:
        ref = call.template_ref
        if ref:
            self.fields.check_keys("", prefix + "templateRef", ref, KEYS["templateRef"])
        for tag in tags([call.template, dict(ref or {})]):
            raise self.fields.unknown(call.name, "template", tag.raw)
        try:
            template, inner = self.library.resolve(base, call.template, ref)
        except NotFound as error:
            if ref:
                raise invalid(f"{prefix}template reference {ref['name']}.{ref['template']} not found") from error
            raise invalid(f"{prefix}template name '{call.template}' undefined") from error
        self._check_inputs(template, given, prefix)
        if (inner, template.name) not in self.seen:
            self.seen.add((inner, template.name))
            self._check_template(template, inner, prefix)
        return template

    @staticmethod
    def _check_inputs(template: Template, given: set[str] | None, prefix: str) -> None:
        for item in template.inputs if given is not None else ():
            name = item["name"]
            if given is not None and name not in given and item.get("value", item.get("default")) is None:
                raise invalid(f"{prefix}templates.{template.name} inputs.parameters.{name} was not supplied")

    def _check_template(self, template: Template, base: Base, prefix: str) -> None:
        raw, name = template.raw, template.name
        self.fields.check_keys(name, f"templates.{name}", raw, TEMPLATE)
        kinds = [kind for kind in ("container", "steps", "dag", "resource", "suspend") if raw.get(kind) is not None]
        if len(kinds) != 1:
            problem = "template type unspecified" if not kinds else "multiple template types specified"
            choices = "container, containerSet, steps, script, resource, dag, suspend, template, template ref"
            raise invalid(f"{prefix}templates.{name} {problem}. choose one of: {choices}")
        if template.kind not in ("container", "resource") and raw.get("timeout"):
            raise invalid(f"{prefix}{_TYPE[template.kind]} template doesn't support timeout field")
        if template.kind in ("steps", "dag") and raw.get("activeDeadlineSeconds") is not None:
            raise invalid(f"{prefix}templates.{name}.activeDeadlineSeconds is only valid for leaf templates")
        self._check_parameters(template)
        self.fields.check_retry(name, "retryStrategy", raw.get("retryStrategy") or {})
        self.fields.check_synchronization(name, "synchronization", raw.get("synchronization") or {})
        self.fields.check_whole_number(name, "parallelism", raw.get("parallelism"))
        known = self.globals | {f"inputs.parameters.{item['name']}" for item in template.inputs}
        known |= {"inputs.parameters"} if template.inputs else set()
        known |= {"pod.name"} if template.is_pod else set()
        checks: Mapping[str, Callable[[], None]] = {
            "container": lambda: self._check_container(template, prefix, known),
            "suspend": lambda: self._check_suspend(template, prefix, known),
            "resource": lambda: self._check_resource(template, prefix, known),
            "steps": lambda: self._check_steps(template, base, prefix, known),
            "dag": lambda: self._check_dag(template, base, prefix, known),
        }
        checks[template.kind]()

    def _check_parameters(self, template: Template) -> None:
        name = template.name
        for side in ("inputs", "outputs"):
            self.fields.check_keys(name, side, template.raw.get(side) or {}, KEYS["arguments"])
        for item in template.inputs:
            self.fields.check_keys(name, f"inputs.parameters.{item['name']}", item, KEYS["parameter"] - {"valueFrom"})
        for item in template.outputs:
            where = f"outputs.parameters.{item['name']}"
            self.fields.check_keys(name, where, item, KEYS["parameter"])
            source = item.get("valueFrom") or {}
            self.fields.check_keys(name, f"{where}.valueFrom", source, OUTPUT_SOURCES[template.kind])
            kinds = set(source) - {"default"}
            if len(kinds) != 1:
                raise invalid(f"templates.{name}.outputs.parameters.{item['name']} does not have valueFrom specified")
            if "jsonPath" in source:
                try:
                    paths.check_kubectl_jsonpath(source["jsonPath"])
                except paths.PathError as error:
                    raise self.fields.unknown(name, f"{where}.valueFrom.jsonPath", source["jsonPath"]) from error
            if "expression" in source:
                self.fields.check_expression(name, f"{where}.valueFrom.expression", source["expression"])

    def _check_container(self, template: Template, prefix: str, known: set[str]) -> None:
        if not template.raw["container"].get("image"):
            raise invalid(f"{prefix}templates.{template.name}.container.image may not be empty")
        self._check_leaf(template, prefix, known)

    def _check_suspend(self, template: Template, prefix: str, known: set[str]) -> None:
        self.fields.check_keys(template.name, "suspend", template.raw["suspend"] or {}, KEYS["suspend"])
        self._check_leaf(template, prefix, known)

    def _check_resource(self, template: Template, prefix: str, known: set[str]) -> None:
        resource = template.raw["resource"]
        self.fields.check_keys(template.name, "resource", resource, KEYS["resource"])
        if resource.get("action") not in _ACTIONS:
            raise self.fields.unknown(template.name, "resource.action", str(resource.get("action")))
        if not resource.get("manifest"):
            raise self.fields.unknown(template.name, "resource", f"{resource['action']} without a manifest")
        for key in ("successCondition", "failureCondition"):
            text = resource.get(key)
            if text and "{{" not in text:
                try:
                    conditions.selector(text)
                except ConditionError as error:
                    raise self.fields.unknown(template.name, f"resource.{key}", text) from error
        self._check_leaf(template, prefix, known)

    def _check_leaf(self, template: Template, prefix: str, known: set[str]) -> None:
        if template.raw.get("parallelism") is not None:
            raise invalid(f"{prefix}templates.{template.name}.parallelism is only valid for steps and dag templates")
        for tag in self.fields.tags(template.name, template.raw, ""):
            if not self._resolvable(tag, known):
                raise invalid(f"{prefix}templates.{template.name}: failed to resolve {tag.raw}")

    def _check_steps(self, template: Template, base: Base, prefix: str, known: set[str]) -> None:
        name, scope = template.name, set(known)
        steps: set[str] = set()
        for index, group in enumerate(template.steps):
            for call in group:
                place = f"{prefix}templates.{name}.steps[{index}]"
                if call.name in steps:
                    raise invalid(f"{place}.name '{call.name}' is not unique")
                steps.add(call.name)
                self.fields.check_keys(name, f"steps[{index}].{call.name}", call.raw, KEYS["step"])
                scope.add(f"steps.{call.name}.status")
                callee = self._check_call(template, call, base, f"{place}.{call.name} ")
                for tag in self.fields.tags(name, call.raw, f"steps[{index}].{call.name}"):
                    if not self._resolvable(tag, scope | _items(call), call):
                        raise invalid(f"{prefix}templates.{name}.steps failed to resolve {tag.raw}")
                scope |= _outputs("steps", call, callee)
        self._check_outputs(template, prefix, scope)

    def _check_dag(self, template: Template, base: Base, prefix: str, known: set[str]) -> None:
        name, raw = template.name, template.raw["dag"]
        self.fields.check_keys(name, "dag", raw, KEYS["dag"])
        if not raw.get("tasks"):
            raise invalid(f"{prefix}templates.{name} must have at least one task")
        try:
            dag = template.dag
            for task in dag.tasks:
                dag.condition(task)
        except ExpressionError as error:
            raise self.fields.unknown(name, "dag.tasks.depends", str(error)) from error
        if len(dag.tasks) != len(raw["tasks"]):
            raise invalid(f"{prefix}templates.{name} sorting failed: duplicated nodeName")
        self._check_dependency_styles(template, prefix)
        scope = set(known)
        for task, call in dag.tasks.items():
            place = f"{prefix}templates.{name}.tasks.{task} "
            self.fields.check_keys(name, f"dag.tasks.{task}", call.raw, KEYS["step"] | KEYS["task"])
            for dependency in dag.dependencies[task]:
                if dependency not in dag.tasks:
                    raise invalid(f"{prefix}templates.{name} sorting failed: invalid dependency {dependency}")
            if task in dag.ancestors(task):
                raise invalid(f"{prefix}templates.{name} sorting failed: graph with cycle")
            scope |= _outputs("tasks", call, self._check_call(template, call, base, place)) - {f"tasks.{task}.status"}
        for target in dag.targets:
            if target not in dag.tasks:
                raise invalid(f"{prefix}templates.{name}.targets: target '{target}' is not defined")
        for task, call in dag.tasks.items():
            place = f"{prefix}templates.{name}.tasks.{task} "
            own = scope | _items(call) | {f"tasks.{ancestor}.status" for ancestor in dag.ancestors(task)}
            for tag in self.fields.tags(name, call.raw, f"dag.tasks.{task}"):
                if not self._resolvable(tag, own, call):
                    raise invalid(f"{place}failed to resolve {tag.raw}")
            for item in call.parameters:
                text = str(item.get("value", ""))
                other = text.split(".")[1] if text.startswith("{{tasks.") else None
                if other is not None and other not in dag.ancestors(task):
                    raise invalid(f"{place}missing dependency '{other}' for parameter '{item['name']}'")
        self._check_outputs(template, prefix, scope | {f"tasks.{task}.status" for task in dag.tasks})

    @staticmethod
    def _check_dependency_styles(template: Template, prefix: str) -> None:
        tasks = template.raw["dag"]["tasks"]
        place = f"{prefix}templates.{template.name}"
        if not any(task.get("depends") for task in tasks):
            return
        for task in tasks:
            if task.get("dependencies"):
                raise invalid(f"{place} cannot use both 'depends' and 'dependencies' in the same DAG template")
            if task.get("continueOn"):
                raise invalid(
                    f"{place} cannot use 'continueOn' when using 'depends'. "
                    "Instead use 'dep-task.Failed'/'dep-task.Errored'"
                )

    def _check_call(self, template: Template, call: Call, base: Base, place: str) -> Template:
        self.fields.check_keys(
            template.name, place.strip() + ".arguments", call.raw.get("arguments") or {}, KEYS["arguments"]
        )
        self.fields.check_keys(
            template.name, place.strip() + ".continueOn", call.raw.get("continueOn") or {}, KEYS["continueOn"]
        )
        for item in call.parameters:
            where = f"{place.strip()}.arguments.{item['name']}"
            self.fields.check_keys(template.name, where, item, {"name", "value"})
            if item.get("value") is None:
                raise invalid(f"{where}.value or {where}.valueFrom is required")
        if call.with_items is not None and call.with_param.tree:
            raise invalid(f"{place}only one of withItems, withParam, withSequence can be specified")
        return self._check_callee(call, base, place, {item["name"] for item in call.parameters})

    def _check_outputs(self, template: Template, prefix: str, scope: set[str]) -> None:
        for tag in self.fields.tags(template.name, template.raw.get("outputs"), "outputs"):
            if not self._resolvable(tag, scope):
                raise invalid(f"{prefix}templates.{template.name}.outputs failed to resolve {tag.raw}")

    @staticmethod
    def _resolvable(tag: Tag, known: set[str], call: Call | None = None) -> bool:
        name = tag.text.strip()
        if tag.text.startswith("=") or not name.startswith(_ROOTS) or name in known:
            return True
        if name.startswith("item.") and call is not None:
            return bool(call.with_param.tree)
        return name.startswith(("workflow.creationTimestamp", "outputs.", "steps.name", "tasks.name"))


def _items(call: Call) -> set[str]:
    variables = {"item"}
    for item in call.with_items or ():
        if isinstance(item, dict):
            variables |= {f"item.{key}" for key in item}
    return variables


def _outputs(root: str, call: Call, callee: Template) -> set[str]:
    """The variables that a step or task makes for those after it."""
    variables = {f"{root}.{call.name}.{key}" for key in _OF_NODES}
    variables |= {f"{root}.{call.name}.outputs.parameters.{item['name']}" for item in callee.outputs}
    return variables | ({f"{root}.{call.name}.outputs.parameters"} if call.expands else set())
