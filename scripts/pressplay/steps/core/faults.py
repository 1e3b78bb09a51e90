"""The message of a failed step, kept where people look for a reason: in the ledger of its task or pull request (R3).

A Workflow's node keeps only an exit status, and a pod's log goes with its Workflow. The entry `fault` is a permanent
fault: the `reason` of what it ended. `passing-fault` is a temporary one: it is shown only if no other reason is known.
"""

from __future__ import annotations

import contextlib

from pressplay.domain.entries import Entries, Fault, PassingFault
from pressplay.errors import InputError, PressPlayError, TryAgain
from pressplay.steps.core.context import Context, Inputs, Subject
from pressplay.validation.details import beginning

_LENGTH = 600
"""Characters of the message that are kept."""


def note(context: Context, step: str, inputs: Inputs, error: PressPlayError) -> None:
    """Record a step's message. If that fails, the step's log still has it."""
    if not isinstance(error, InputError | TryAgain) or "repo" not in inputs:
        return
    with contextlib.suppress(PressPlayError):
        subject = Subject.of(inputs, context)
        text = f"step {step}: {' '.join(beginning(str(error)).split())[:_LENGTH]}"
        now, try_ = int(context.clock.now()), subject.attempt_of_person
        entry: Fault | PassingFault = (
            Fault(reason=text, ended=now, try_=try_)
            if isinstance(error, InputError)
            else PassingFault(said=text, ended=now, try_=try_)
        )
        ledger = context.ledger(subject.repo)
        if subject.task is not None:
            ledger.record("task", subject.task, entry)
        if subject.pr is not None:
            ledger.record("pr", subject.pr, entry)


def lasting(entries: Entries, subject: Subject) -> str:
    """The last permanent fault of this try, as a part of a sentence; empty if there was none."""
    fault = entries.get(Fault)
    return f": {fault.reason}" if fault and fault.try_ == subject.attempt_of_person else ""


def passing(entries: Entries, subject: Subject) -> str:
    """The last passing fault of this try, which may quote other people's text; empty where there was none."""
    fault = entries.get(PassingFault)
    return fault.said if fault and fault.try_ == subject.attempt_of_person else ""
