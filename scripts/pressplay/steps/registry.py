"""Which steps there are, and how one is run."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from pressplay.errors import InputError, PressPlayError
from pressplay.steps.core import faults
from pressplay.steps.core.context import Context, Inputs, Outputs
from pressplay.steps.core.waiting import Waiting

Step = Callable[[Inputs, Context], Outputs]
Steps = Mapping[str, Step]


def _plan() -> Steps:
    from pressplay.steps.play import plan_steps

    return {"plan": plan_steps.plan}


def _task() -> Steps:
    from pressplay.steps.play import task_steps

    return {"task-begin": task_steps.begin, "task-settle": task_steps.settle}


def _final() -> Steps:
    from pressplay.steps.play import final_steps

    return {"final-look": final_steps.look, "final-verdict": final_steps.verdict}


def _statuses() -> Steps:
    from pressplay.steps.play import status_steps

    return {"play-statuses": status_steps.write}


def _run() -> Steps:
    from pressplay.steps.roles import ROOMS
    from pressplay.steps.runs import run_steps, submit_steps

    return {
        "run-look": submit_steps.look,
        "run-agent": partial(run_steps.carry_out, rooms=ROOMS),
    }


def _documents() -> Steps:
    from pressplay.steps.documents import documents_steps

    return {"docs-look": documents_steps.look, "docs-settle": documents_steps.settle}


def _pull() -> Steps:
    from pressplay.steps.review import pull_steps

    return {"pr-accept": pull_steps.accept, "pr-look": pull_steps.look, "pr-conclude": pull_steps.conclude}


def _retest() -> Steps:
    from pressplay.steps.review import retest_steps

    return {"retest-look": retest_steps.look, "retest-conclude": retest_steps.conclude}


def _update() -> Steps:
    from pressplay.steps.review import update_steps

    return {"retest-update": update_steps.update}


def _changes() -> Steps:
    from pressplay.steps.review import change_steps

    return {
        "gate-changes-read": change_steps.read,
        "gate-changes-verdict": change_steps.verdict,
    }


def _merge() -> Steps:
    from pressplay.steps.review import merge_steps

    return {"gate-merge-plan": merge_steps.plan, "gate-merge-read": merge_steps.read}


def _earlier() -> Steps:
    from pressplay.steps.review import change_steps

    return {"gate-test-only": change_steps.test_only_gate, "gate-supply": change_steps.supply_gate}


def _earlier_deployments() -> Steps:
    from pressplay.steps.review import deploy_steps

    return {
        "deploy-look": deploy_steps.look,
        "deploy-begin": deploy_steps.begin,
        "deploy-collect": deploy_steps.collect,
        "acceptance-plan": deploy_steps.prepare,
    }


def _earlier_tasks() -> Steps:
    from pressplay.steps.play import task_steps

    return {"task-look": task_steps.look}


def _earlier_runs() -> Steps:
    from pressplay.steps.roles import ROOMS
    from pressplay.steps.runs import run_steps

    return {
        "run-prepare": partial(run_steps.prepare, rooms=ROOMS),
        "run-collect": partial(run_steps.collect, rooms=ROOMS),
    }


def _deploy() -> Steps:
    from pressplay.steps.review import deploy_steps

    return {"acceptance-deploy": deploy_steps.deploy}


def _acceptance() -> Steps:
    from pressplay.steps.review import acceptance_steps

    return {"acceptance-probe": acceptance_steps.probe, "acceptance-verdict": acceptance_steps.verdict}


def _comment() -> Steps:
    from pressplay.steps.comments import comment_steps

    return {"comments-gather": comment_steps.gather, "comments-answer": comment_steps.answer}


def _issue() -> Steps:
    from pressplay.steps.intake import issue_steps

    return {"issue-accept": issue_steps.accept, "issue-start": issue_steps.start}


def _security() -> Steps:
    from pressplay.steps.intake import security_steps

    return {"security-accept": security_steps.accept, "security-read": security_steps.read}


def _token() -> Steps:
    from pressplay.steps.gate_pods import token_steps

    return {"gate-token": token_steps.renew}


def _lint() -> Steps:
    from pressplay.steps.gate_pods import lint_steps

    return {
        "gate-lint-plan": lint_steps.plan,
        "gate-lint-checkout": lint_steps.checkout,
        "gate-lint-checks": lint_steps.read_checks,
        "gate-lint-verdict": lint_steps.verdict,
    }


def _tests() -> Steps:
    from pressplay.steps.gate_pods import tests_steps

    return {
        "gate-tests-plan": tests_steps.plan,
        "gate-tests-checkout": tests_steps.checkout,
        "gate-tests-checks": tests_steps.read_checks,
        "gate-tests-verdict": tests_steps.verdict,
    }


def _triage() -> Steps:
    from pressplay.steps.triage import triage_steps

    return {
        "triage-classify": triage_steps.look,
        "triage-rerun": triage_steps.rerun,
        "triage-report": triage_steps.report,
    }


def _signal() -> Steps:
    from pressplay.steps.upkeep import signal_steps

    return {"signal": signal_steps.signal}


def _group() -> Steps:
    from pressplay.steps.merge_queue import group_steps

    return {"group-look": group_steps.look, "group-conclude": group_steps.conclude}


def _reconcile() -> Steps:
    from pressplay.steps.upkeep import reconcile_steps

    return {"reconcile": reconcile_steps.reconcile}


def _agents() -> Steps:
    from pressplay.steps.upkeep import agents_steps

    return {"agents-merge": agents_steps.merge, "agents-remove": agents_steps.remove}


LOADERS: Mapping[str, Callable[[], Steps]] = {
    "plan": _plan,
    "task-": _task,
    "final-": _final,
    "play-": _statuses,
    "run-": _run,
    "docs-": _documents,
    "pr-": _pull,
    "retest-update": _update,
    "retest-": _retest,
    "gate-changes-": _changes,
    "gate-merge-": _merge,
    "acceptance-deploy": _deploy,
    "acceptance-": _acceptance,
    "comments-": _comment,
    "issue-": _issue,
    "security-": _security,
    "gate-token": _token,
    "gate-lint-": _lint,
    "gate-tests-": _tests,
    "triage-": _triage,
    "signal": _signal,
    "group-": _group,
    "reconcile": _reconcile,
    "agents-": _agents,
}
"""How the names of a module's steps begin → its steps. A process runs one step, and imports are most of its time."""

EARLIER: Mapping[str, Callable[[], Steps]] = {
    **dict.fromkeys(("gate-test-only", "gate-supply"), _earlier),
    "task-look": _earlier_tasks,
    **dict.fromkeys(("run-prepare", "run-collect"), _earlier_runs),
    **dict.fromkeys(("deploy-look", "deploy-begin", "deploy-collect", "acceptance-plan"), _earlier_deployments),
}
"""The same for steps that no template has any more: a Workflow goes on with the templates that it began with."""

_SAFE_OUTPUT = re.compile(r"[A-Za-z0-9._/:+=-]*")


def step(name: str) -> Step:
    """The step `name`; InputError with the known ones for an unknown one. Imports what it needs, no more."""
    for beginning, load in (*LOADERS.items(), *EARLIER.items()):
        if name.startswith(beginning) and name in (steps := load()):
            return steps[name]
    raise InputError(f"no step is named {name!r}: expected one of {', '.join(sorted(all_steps()))}")


def all_steps() -> Steps:
    """What each step of the WorkflowTemplates runs, by its name."""
    return {name: registered for load in LOADERS.values() for name, registered in load().items()}


def run(name: str, inputs: Inputs, context: Context) -> Outputs:
    """Run the step `name`; InputError for an unknown one or an output that may not be an Argo parameter (R7).

    Waiting, if it waits for something: what that holds goes on with the same checks.
    """
    return _carry_out(name, inputs, context, partial(step(name), inputs, context))


def _carry_out(name: str, inputs: Inputs, context: Context, work: Callable[[], Outputs]) -> Outputs:
    try:
        outputs = work()
    except Waiting as waiting:
        raise waiting.going_on(partial(_carry_out, name, inputs, context, waiting.wait.then)) from None
    except PressPlayError as error:
        faults.note(context, name, inputs, error)
        raise
    for output, value in outputs.items():
        if not _SAFE_OUTPUT.fullmatch(value):
            raise InputError(f"step {name}, output {output}: text that people wrote may not leave a step")
    return outputs


def function_of(name: str) -> Callable[..., Outputs]:
    """The function of the step `name`, without what is bound to it: for its documentation."""
    registered = step(name)
    return registered.func if isinstance(registered, partial) else registered


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
