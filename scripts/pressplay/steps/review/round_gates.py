"""The gates that follow a run of Clippy's or QA's, begun by the step that judged the run.

That step has the key of the harness's App, with which it makes the tokens of the steps that read the commit. So no pod
of its own begins a gate.
"""

from __future__ import annotations

from pressplay import names
from pressplay.domain.entries import Result
from pressplay.github import pulls
from pressplay.steps.core import verdicts
from pressplay.steps.core.context import Context, Inputs, Outputs, Subject
from pressplay.steps.gate_pods import gate_runs, gate_tokens
from pressplay.steps.runs.run import Run


def after_lint(context: Context, run: Run, result: Result, inputs: Inputs) -> Outputs:
    """`lint`: what the lint gate of the commit that Clippy left begins with (`gate_runs.begin`)."""
    if result.outcome != "done":
        return {}
    inputs = {**inputs, "head": result.new_head or run.head}
    return {"lint": gate_runs.begin(inputs, context, verdicts.LINT, run.subject.settings.lint)}


def after_test(context: Context, run: Run, result: Result, inputs: Inputs) -> Outputs:
    """`changes`: what the gates that read the change begin with, for each of QA's verdicts.

    Where it is a pass also `tests`, and `lint` where QA pushed.
    """
    if result.outcome not in ("pass", "changes"):
        return {}
    settings, head = run.subject.settings, result.new_head or run.head
    inputs = {**inputs, "head": head}
    begun = {"changes": _changes(context, run.subject, head, inputs)}
    if result.outcome == "pass":
        begun["tests"] = gate_runs.begin(inputs, context, verdicts.TESTS, settings.tests)
        if head != run.head:
            begun["lint"] = gate_runs.begin(inputs, context, verdicts.LINT, settings.lint)
    return begun


def _changes(context: Context, subject: Subject, head: str, inputs: Inputs) -> str:
    """Make the token with which the change is read: the name of the gates' run; SUPERSEDED if the head has changed."""
    pr, workflow = subject.pull_number, names.checked(inputs["workflow"], "workflow")
    pull = pulls.pull(context.harness(subject.repo, pull_requests="read"), subject.repo, pr)
    if not pull.is_open_at(head):
        return verdicts.SUPERSEDED
    # Each round has a token of its own, also where nobody pushed between two.
    name = names.gate_run("changes", subject.repo, pr, head, f"{workflow}.{inputs['round']}.{inputs['cause']}")
    owner = gate_tokens.workflow(inputs, gate_runs.labels(subject, name))
    gate_tokens.hand_over(context, subject, name, 0, owner)
    return name
