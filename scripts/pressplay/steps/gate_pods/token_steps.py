"""The step `gate-token`: another token for a checkout that waited longer than the first one lasts."""

from __future__ import annotations

from pressplay import names
from pressplay.errors import InputError
from pressplay.steps.core.context import Context, Inputs, Outputs, Subject, number
from pressplay.steps.gate_pods import gate_tokens


def renew(inputs: Inputs, context: Context) -> Outputs:
    """Make the token with this number for the checkout of a gate's run (`name`). Idempotent; no outputs."""
    counted = number(inputs, "number")
    if counted is None:
        raise InputError("parameter number: expected which token of this run to make")
    run = names.checked(inputs["name"], "name")
    gate_tokens.hand_over(context, Subject.of(inputs, context), run, counted)
    return {}
