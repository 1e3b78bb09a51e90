"""The step `gate-token`: another token for a reading step that waited longer than the first one lasts."""

from __future__ import annotations

from pressplay import names
from pressplay.errors import InputError
from pressplay.steps.core.context import Context, Inputs, Outputs, Subject, number
from pressplay.steps.gate_pods import gate_runs, gate_tokens


def renew(inputs: Inputs, context: Context) -> Outputs:
    """Make the token with this number for the reading step of a gate's run (`name`). Idempotent; no outputs.

    It belongs to the `owner`, the run's volume or the `workflow` with its `uid`.
    """
    counted = number(inputs, "number")
    if counted is None:
        raise InputError("parameter number: expected which token of this run to make")
    run, subject = names.checked(inputs["name"], "name"), Subject.of(inputs, context)
    owner = (
        gate_tokens.workflow(inputs, gate_runs.labels(subject, run))
        if inputs["owner"] == "workflow"
        else gate_tokens.volume(context, run)
    )
    gate_tokens.hand_over(context, subject, run, counted, owner)
    return {}
