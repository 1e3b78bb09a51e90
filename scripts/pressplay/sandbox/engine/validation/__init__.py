"""What a Workflow is refused for before it starts.

`InvalidSpec` is what a real Argo refuses, in its words (workflow/validate/validate.go). `UnknownConstruct` is what this
engine does not do, named by template, path and construct: a real Argo may do it, so to guess would be to drift.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pressplay.cluster.port import Manifest
from pressplay.sandbox.engine.model import InvalidSpec
from pressplay.sandbox.engine.templates import Library, NotFound, join
from pressplay.sandbox.engine.validation.checker import Checker
from pressplay.sandbox.engine.validation.fields import KEYS, Fields
from pressplay.sandbox.engine.view import View


def referred(workflow: Manifest, view: View) -> Manifest | None:
    """The WorkflowTemplate that a Workflow refers to, None if to none; NotFound if it is not there."""
    reference = workflow["spec"].get("workflowTemplateRef")
    if not reference:
        return None
    for key in sorted(set(reference) - KEYS["workflowTemplateRef"]):
        raise Fields(workflow["metadata"]["name"]).unknown("", "spec.workflowTemplateRef", key)
    template = view.get("WorkflowTemplate", workflow["metadata"].get("namespace", "default"), reference["name"])
    if template is None:
        raise NotFound(f'workflowtemplates.argoproj.io "{reference["name"]}" not found')
    return template


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
    Checker(workflow, spec, library).run()
    return stored
