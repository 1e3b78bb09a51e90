"""A task in a play: it begins, is looked at, and is settled.

The verdict on a try of a task is in the task's ledger (`domain.entries.TaskVerdict`).
"""

from __future__ import annotations

from pressplay import names
from pressplay.domain.entries import PullOfTask, TaskOfPull, TaskVerdict
from pressplay.errors import InputError
from pressplay.steps.core import criteria_first, landing, shares, task_source
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
    made = tries.workflow(context, subject, name, priority=shares.priority(context, subject.repo))
    made["metadata"]["labels"][shares.RANK_LABEL] = str(number(inputs, "rank") or 0)
    context.cluster.create(made)
    return {"state": "waiting"}


def _begun(verdict: TaskVerdict) -> Outputs:
    if not verdict.is_good:
        raise InputError(f"the task ended {verdict.outcome} in this play: {verdict.why.line()}")
    return {"state": verdict.outcome}


def look(inputs: Inputs, context: Context) -> Outputs:
    """Where the task starts: `implement`, `review` (its pull request is open), or `merged`.

    `criteria`: the cause of a run that writes independent criteria first; `none` where none are wanted. They are also
    wanted where a pull request is open: it may be there to keep them from being written.
    """
    subject = Subject.of(inputs, context)
    gh = context.harness(subject.repo, **landing.NEEDS)
    pull = landing.pull_of(context, gh, subject)
    if pull is not None and pull.merged:
        return {"state": "merged", "pr": str(pull.number), "criteria": "none"}
    cause = criteria_first.wanted(context, gh, subject) or "none"
    if pull is not None and pull.state == "open":
        ledger = context.ledger(subject.repo)
        ledger.record("task", subject.task_number, PullOfTask(pr=pull.number, try_=subject.attempt_of_person))
        ledger.record("pr", pull.number, TaskOfPull(task=subject.task_number, tag=subject.tag))
        task_source.opened(context, subject, pull.number)
        return {"state": "review", "pr": str(pull.number), "criteria": cause}
    return {"state": "implement", "pr": "none", "criteria": cause}


def settle(inputs: Inputs, context: Context) -> Outputs:
    """Record the task's verdict, by GitHub and the ledger, and wake the play.

    The Workflow's last step fails if the task failed, so that the Workflow fails too; its exit hook (`status` is then
    the Workflow's) only ensures that the verdict is recorded.
    """
    subject = Subject.of(inputs, context)
    status = inputs.get("status", _RUNNING)
    verdict = task_verdicts.verdict_of(context, subject) or task_verdicts.judge(context, subject, status)
    context.ledger(subject.repo).record("task", subject.task_number, verdict)
    why = verdict.why if verdict.reason else None
    task_source.ended(context, subject, verdict.outcome, why, verdict.pr)
    task_verdicts.wake_play(context, subject, verdict)
    if not verdict.is_good and status == _RUNNING:
        raise InputError(f"task {subject.task_number}: {verdict.outcome}: {verdict.why.line()}")
    return {"outcome": verdict.outcome, "pr": str(verdict.pr or "none"), "link": verdict.link}
