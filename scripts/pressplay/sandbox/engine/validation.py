"""What a Workflow is refused for before it starts.

`InvalidSpec` is what a real Argo refuses, in its words (workflow/validate/validate.go). `UnknownConstruct` is what this
engine does not do, named by template, path and construct: a real Argo may do it, so to guess would be to drift.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pressplay.cluster.port import Manifest
from pressplay.sandbox.engine.model import InvalidSpec, UnknownConstruct, View
from pressplay.sandbox.engine.substitution import tags
from pressplay.sandbox.engine.templates import Base, Call, Library, NotFound, Template, join

_ROOTS = ("item.", "steps.", "inputs.", "outputs.", "pod.", "workflow.", "tasks.")


def referred(workflow: Manifest, view: View) -> Manifest | None:
    """The WorkflowTemplate that a Workflow refers to, None if to none; NotFound if it is not there."""
    reference = workflow["spec"].get("workflowTemplateRef")
    if not reference:
        return None
    if reference.get("clusterScope"):
        raise UnknownConstruct("spec.workflowTemplateRef.clusterScope: not known to the sandbox")
    found = view.get("WorkflowTemplate", workflow["metadata"].get("namespace", "default"), reference["name"])
    if found is None:
        raise NotFound(f'workflowtemplates.argoproj.io "{reference["name"]}" not found')
    return found


def validate(workflow: Manifest, view: View) -> None:
    """Raise UnknownConstruct for what the engine does not do, InvalidSpec for what a real Argo refuses at the start."""
    try:
        template = referred(workflow, view)
    except NotFound as error:
        raise InvalidSpec(str(error)) from error
    spec = join(workflow["spec"], template["spec"]) if template else workflow["spec"]
    check(workflow, spec, workflow["metadata"].get("namespace", "default"), view)


def check(workflow: Manifest, spec: Mapping[str, Any], namespace: str, view: View) -> dict[str, Any]:
    """`validate` for the spec that runs; the templates of WorkflowTemplates that it reaches, to be frozen."""
    stored: dict[str, Any] = {}
    library = Library(workflow["metadata"]["name"], namespace, spec, stored, view)
    _Checker(workflow, spec, library).run()
    return stored


class _Checker:
    def __init__(self, workflow: Manifest, spec: Mapping[str, Any], library: Library) -> None:
        self.workflow, self.spec, self.library = workflow, spec, library
        self.seen: set[tuple[Base, str]] = set()
        parameters = (spec.get("arguments") or {}).get("parameters") or ()
        self.known = {f"workflow.parameters.{item['name']}" for item in parameters}

    def run(self) -> None:
        entrypoint = self.spec.get("entrypoint")
        if not entrypoint:
            raise InvalidSpec("invalid spec: spec.entrypoint is required")
        self._call(Call({"name": "", "template": entrypoint}), self.library.local, "")
        hook = (self.spec.get("hooks") or {}).get("exit")
        if hook:
            self._call(Call({**hook, "name": "exit"}), self.library.local, "")
        for item in self.spec.get("templates") or ():
            self._call(Call({"name": "", "template": item["name"]}), self.library.local, f"templates.{item['name']} ")

    def _call(self, call: Call, base: Base, prefix: str) -> None:
        try:
            template, inner = self.library.resolve(base, call.template, call.template_ref)
        except NotFound as error:
            ref = call.template_ref
            told = f"template reference {ref['name']}.{ref['template']} not found" if ref else None
            raise InvalidSpec(f"invalid spec: {prefix}{told or _undefined(call)}") from error
        if (inner, template.name) in self.seen:
            return
        self.seen.add((inner, template.name))
        self._template(template, inner, prefix)

    def _template(self, template: Template, base: Base, prefix: str) -> None:
        name = template.name
        for place, calls in _groups(template):
            for call in calls:
                where = f"templates.{name}.{place}{call.name} "
                self._call(call, base, prefix + where)
                for text in self._unresolved(call.raw):
                    raise InvalidSpec(
                        f"invalid spec: {prefix}templates.{name}.{place.split('[')[0].rstrip('.')} "
                        f"failed to resolve {{{{{text}}}}}"
                    )

    def _unresolved(self, raw: Mapping[str, Any]) -> Iterator[str]:
        for tag in tags(dict(raw)):
            name = tag.text.strip()
            if name.startswith("workflow.parameters.") and name not in self.known:
                yield tag.text


def _undefined(call: Call) -> str:
    return f"template name '{call.template}' undefined"


def _groups(template: Template) -> Iterator[tuple[str, tuple[Call, ...]]]:
    if template.kind == "steps":
        for index, group in enumerate(template.steps):
            yield f"steps[{index}].", group
    elif template.kind == "dag":
        yield "tasks.", tuple(template.dag.tasks.values())
