"""Which steps there are, and how one is run."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import cast

from pressplay.errors import InputError, PressPlayError
from pressplay.steps import faults
from pressplay.steps.context import Context, Inputs, Outputs

STEPS = {
    "plan": "plan:plan",
    "task-begin": "tasks:begin",
    "task-look": "tasks:look",
    "task-settle": "tasks:settle",
    "run-prepare": "runs:prepare",
    "run-collect": "runs:collect",
    "docs-look": "documents_flow:look",
    "docs-settle": "documents_flow:settle",
    "pr-accept": "pulls:accept",
    "pr-look": "pulls:look",
    "pr-conclude": "pulls:conclude",
    "gate-test-only": "qa_gate:gate",
    "deploy-look": "deploy:look",
    "deploy-begin": "deploy:begin",
    "deploy-collect": "deploy:collect",
    "acceptance-plan": "acceptance:prepare",
    "acceptance-probe": "acceptance:probe",
    "acceptance-verdict": "acceptance:verdict",
    "comments-gather": "comments:gather",
    "comments-answer": "comments:answer",
    "issue-accept": "issue:accept",
    "issue-start": "issue:start",
    "security-accept": "security:accept",
    "security-read": "security:read",
    "gate-lint-plan": "lint:plan",
    "gate-lint-checkout": "lint:checkout",
    "gate-lint-checks": "lint:read_checks",
    "gate-lint-verdict": "lint:verdict",
    "triage-classify": "triage:look",
    "triage-rerun": "triage:rerun",
    "triage-report": "triage:report",
    "signal": "signals:signal",
    "reconcile": "reconcile:reconcile",
    "agents-merge": "agents:merge",
    "agents-remove": "agents:remove",
}
"""Name → module:function in this package."""

_SAFE_OUTPUT = re.compile(r"[A-Za-z0-9._/:+=-]*")


def run(name: str, inputs: Inputs, context: Context) -> Outputs:
    """Run the step `name`; InputError for an unknown one or an output that may not be an Argo parameter (R7)."""
    if name not in STEPS:
        raise InputError(f"no step is named {name!r}: expected one of {', '.join(sorted(STEPS))}")
    module, function = STEPS[name].split(":")
    step = cast(
        Callable[[Inputs, Context], Outputs], getattr(importlib.import_module(f"{__package__}.{module}"), function)
    )
    try:
        outputs = step(inputs, context)
    except PressPlayError as error:
        faults.note(context, name, inputs, error)
        raise
    for output, value in outputs.items():
        if not _SAFE_OUTPUT.fullmatch(value):
            raise InputError(f"step {name}, output {output}: text that people wrote may not leave a step (R7)")
    return outputs


def parse_inputs(text: str) -> Inputs:
    """The `--in` of a step: a JSON object of strings; InputError otherwise."""
    try:
        given = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"--in: expected a JSON object: {error}") from error
    if not isinstance(given, dict) or not all(isinstance(value, str) for value in given.values()):
        raise InputError("--in: expected a JSON object whose values are all strings")
    return given


def write_outputs(outputs: Outputs, directory: Path) -> None:
    """Write each output as a file of its name; each appears whole or not at all."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, value in outputs.items():
        half = directory / f".{name}"
        half.write_text(value)
        half.replace(directory / name)
