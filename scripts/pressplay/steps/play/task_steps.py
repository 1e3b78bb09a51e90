"""A task in a play: it begins, and is settled.

The verdict on a try of a task is in the task's ledger (`domain.entries.TaskVerdict`).
"""

from __future__ import annotations

from pressplay import names
from pressplay.domain.entries import TaskVerdict
from pressplay.errors import InputError
from pressplay.steps.core import shares, task_source
from pressplay.steps.core.context import Context, Inputs, Outputs, Subject, number
from pressplay.steps.play import task_verdicts, tries

_RUNNING = "Running"


def begin(inputs: Inputs, context: Context) -> Outputs:
    """Start the Workflow of a task by its fixed name; state `waiting`, or the verdict's outcome if there is one."""
    subject = Subject.of(inputs, context)
    task = subject.task_number
    verdict = task_verdicts.verdict_of(context, subject)
    if verdict is not None:
        return _begun(verdict)
    name = names.task_workflow(subject.play, task)
    try:
        made = tries.workflow(context, subject, name, priority=shares.priority(context, subject.repo))
    except InputError as error:
        # GitHub refuses to say where the task begins, and no Workflow is there that would end with that reason.
        _record(context, subject, task_verdicts.refused(context, subject, error))
        raise
    made["metadata"]["labels"][shares.RANK_LABEL] = str(number(inputs, "rank") or 0)
    context.cluster.create(made)
    return {"state": "waiting"}


def _begun(verdict: TaskVerdict) -> Outputs:
    if not verdict.is_good:
        raise InputError(f"the task ended {verdict.outcome} in this play: {verdict.why.line()}")
    return {"state": verdict.outcome}


def settle(inputs: Inputs, context: Context) -> Outputs:
    """Record the task's verdict, by GitHub and the ledger, and wake the play.

    The Workflow's last step fails if the task failed, so that the Workflow fails too; its exit hook (`status` is then
    the Workflow's) only ensures that the verdict is recorded.
    """
    subject = Subject.of(inputs, context)
    status = inputs.get("status", _RUNNING)
    verdict = task_verdicts.verdict_of(context, subject) or task_verdicts.judge(context, subject, status)
    _record(context, subject, verdict)
    task_verdicts.wake_play(context, subject, verdict)
    if not verdict.is_good and status == _RUNNING:
        raise InputError(f"task {subject.task_number}: {verdict.outcome}: {verdict.why.line()}")
    return {"outcome": verdict.outcome, "pr": str(verdict.pr or "none"), "link": verdict.link}


def _record(context: Context, subject: Subject, verdict: TaskVerdict) -> None:
    context.ledger(subject.repo).record("task", subject.task_number, verdict)
    task_source.ended(context, subject, verdict.outcome, verdict.why if verdict.reason else None, verdict.pr)


# -- as earlier versions' Workflows have it ----------------------------------------------------------------------------


def look(inputs: Inputs, context: Context) -> Outputs:
    """Where the task starts (`tries.begins`), looked at by its Workflow."""
    begins = tries.begins(context, Subject.of(inputs, context))
    return {"state": begins["begins"], "pr": begins["pr"], "criteria": begins["criteria"]}
