"""Which steps there are, and how one is run."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from pressplay.errors import InputError, PressPlayError
from pressplay.steps.comments import comment_steps
from pressplay.steps.core import faults
from pressplay.steps.core.context import Context, Inputs, Outputs
from pressplay.steps.documents import documents_steps
from pressplay.steps.intake import issue_steps, security_steps
from pressplay.steps.lint import lint_steps
from pressplay.steps.play import plan_steps, task_steps
from pressplay.steps.review import acceptance_steps, deploy_steps, pull_steps, test_only_steps
from pressplay.steps.roles import ROOMS
from pressplay.steps.runs import run_steps
from pressplay.steps.triage import triage_steps
from pressplay.steps.upkeep import agents_steps, reconcile_steps, signal_steps

Step = Callable[[Inputs, Context], Outputs]

STEPS: Mapping[str, Step] = {
    "plan": plan_steps.plan,
    "task-begin": task_steps.begin,
    "task-look": task_steps.look,
    "task-settle": task_steps.settle,
    "run-prepare": partial(run_steps.prepare, rooms=ROOMS),
    "run-collect": partial(run_steps.collect, rooms=ROOMS),
    "docs-look": documents_steps.look,
    "docs-settle": documents_steps.settle,
    "pr-accept": pull_steps.accept,
    "pr-look": pull_steps.look,
    "pr-conclude": pull_steps.conclude,
    "gate-test-only": test_only_steps.gate,
    "deploy-look": deploy_steps.look,
    "deploy-begin": deploy_steps.begin,
    "deploy-collect": deploy_steps.collect,
    "acceptance-plan": acceptance_steps.prepare,
    "acceptance-probe": acceptance_steps.probe,
    "acceptance-verdict": acceptance_steps.verdict,
    "comments-gather": comment_steps.gather,
    "comments-answer": comment_steps.answer,
    "issue-accept": issue_steps.accept,
    "issue-start": issue_steps.start,
    "security-accept": security_steps.accept,
    "security-read": security_steps.read,
    "gate-lint-plan": lint_steps.plan,
    "gate-lint-checkout": lint_steps.checkout,
    "gate-lint-checks": lint_steps.read_checks,
    "gate-lint-verdict": lint_steps.verdict,
    "triage-classify": triage_steps.look,
    "triage-rerun": triage_steps.rerun,
    "triage-report": triage_steps.report,
    "signal": signal_steps.signal,
    "reconcile": reconcile_steps.reconcile,
    "agents-merge": agents_steps.merge,
    "agents-remove": agents_steps.remove,
}
"""What each step of the WorkflowTemplates runs."""

_SAFE_OUTPUT = re.compile(r"[A-Za-z0-9._/:+=-]*")


def run(name: str, inputs: Inputs, context: Context) -> Outputs:
    """Run the step `name`; InputError for an unknown one or an output that may not be an Argo parameter (R7)."""
    if name not in STEPS:
        raise InputError(f"no step is named {name!r}: expected one of {', '.join(sorted(STEPS))}")
    try:
        outputs = STEPS[name](inputs, context)
    except PressPlayError as error:
        faults.note(context, name, inputs, error)
        raise
    for output, value in outputs.items():
        if not _SAFE_OUTPUT.fullmatch(value):
            raise InputError(f"step {name}, output {output}: text that people wrote may not leave a step")
    return outputs


def function_of(name: str) -> Callable[..., Outputs]:
    """The function of the step `name`, without what is bound to it: for its documentation."""
    step = STEPS[name]
    return step.func if isinstance(step, partial) else step


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
