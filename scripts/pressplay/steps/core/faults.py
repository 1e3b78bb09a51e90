"""What a step that failed said, kept where people look for a reason: in the ledger of its task or pull request (R3).

A Workflow's node says no more of it than an exit status, and a pod's log is gone with its Workflow. The entry `fault`
is a lasting fault, which is the `reason` of whatever it ended; `passing-fault` is one that may have passed since, told
only where nothing else is known.
"""

from __future__ import annotations

import contextlib

from pressplay.cluster.ledger import Entry
from pressplay.errors import InputError, PressPlayError, TryAgain
from pressplay.steps.core.context import Context, Inputs, Subject

FAULT, PASSING = "fault", "passing-fault"
_LENGTH = 600
"""Characters of it that are kept."""


def note(context: Context, step: str, inputs: Inputs, error: PressPlayError) -> None:
    """Keep what a step said. Where that is not possible, its log still has it."""
    if not isinstance(error, InputError | TryAgain) or "repo" not in inputs:
        return
    with contextlib.suppress(PressPlayError):
        subject = Subject.of(inputs, context)
        said = f"step {step}: {' '.join(str(error).split())[:_LENGTH]}"
        lasting = isinstance(error, InputError)
        entry = {
            "reason" if lasting else "said": said,
            "ended": int(context.clock.now()),
            "try": subject.attempt_of_person,
        }
        ledger = context.ledger(subject.repo)
        if subject.task is not None:
            ledger.record("task", subject.task, FAULT if lasting else PASSING, entry)
        if subject.pr is not None:
            ledger.record("pr", subject.pr, FAULT if lasting else PASSING, entry)


def lasting(entries: dict[str, Entry], subject: Subject) -> str:
    """The last lasting fault of this try, as a part of a sentence; empty where there was none."""
    entry = entries.get(FAULT)
    return f": {entry['reason']}" if entry and entry["try"] == subject.attempt_of_person else ""


def passing(entries: dict[str, Entry], subject: Subject) -> str:
    """The last passing fault of this try, as a part of a sentence; empty where there was none."""
    entry = entries.get(PASSING)
    return f"; last fault: {entry['said']}" if entry and entry["try"] == subject.attempt_of_person else ""
