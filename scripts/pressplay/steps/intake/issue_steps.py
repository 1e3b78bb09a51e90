"""The flow `issue`: whether an issue may become a task (R8), and the start of the task that the Issue agent made of it.

A try of an issue ends with a verdict in the ledger of its number (`names.issue_number`). To ask again, a person removes
the label and adds it again. If somebody without write access edits the issue after that, the request is void: a comment
asks for the label again (`steps.core.consent`).
"""

from __future__ import annotations

from pressplay import names
from pressplay.domain.entries import Begun, TaskVerdict
from pressplay.errors import InputError
from pressplay.github import issues
from pressplay.steps.core import shares, task_source
from pressplay.steps.core.context import Context, Inputs, Outputs, number
from pressplay.steps.core.start import hand_over, seconds_left
from pressplay.steps.intake import issue_state, issue_texts
from pressplay.steps.play import task_verdicts, tries


def accept(inputs: Inputs, context: Context) -> Outputs:
    """Whether an issue may become a task: state `go`, or why not; the seconds left of the window; its task and try.

    Why not: `respelled` (see `start.hand_over`), `pull-request`, `closed`, `unasked` (nobody with write access asked),
    `edited` (somebody without it changed the issue since), `done` (and nobody asked since).
    """
    repo, issue = _named(inputs, context)
    task = names.issue_number(issue)
    if hand_over(context, issue_state.FLOW, inputs["repo"], repo, issue):
        return {"state": "respelled", "seconds": "0", "task": str(task), "try": "1"}
    state, try_ = issue_state.state_of(context, repo, issues.issue(context.harness(repo, issues="read"), repo, issue))
    if state == "go":
        subject = issue_state.subject_of(context, repo, task, try_)
        newest = issue_texts.by_agent(context, repo, task)
        tries.begin_try(context, subject, comment=newest.comment if newest else 0)
    else:
        context.say(f"issue {issue}: nothing is started: {state}")
    if state == issue_state.EDITED:
        task_source.ended(context, issue_state.subject_of(context, repo, task, try_), issue_state.EDITED)
    return {"state": state, "seconds": str(seconds_left(inputs, context)), "task": str(task), "try": str(try_)}


def _named(inputs: Inputs, context: Context) -> tuple[str, int]:
    repo = context.settings.listed(inputs["repo"])
    issue = number(inputs, "issue")
    if issue is None:
        raise InputError("parameter issue: expected an issue's number")
    return repo, issue


def start(inputs: Inputs, context: Context) -> Outputs:
    """Start the Workflow `task` of an issue that became a task, by its fixed name; else comment on the issue why not.

    `outcome` is that of the Issue agent's run. As exit hook of a Workflow that ended early it is `failed`.
    """
    repo, issue = _named(inputs, context)
    task, outcome = names.issue_number(issue), inputs.get("outcome", "none")
    entries = context.ledger(repo).entries("task", task)
    try_ = issue_state.current_try(entries)
    name = issue_state.workflow_name(repo, issue, try_)
    subject = issue_state.subject_of(context, repo, task, try_)
    there = context.cluster.get("Workflow", context.settings.namespace, name) is not None
    if entries.get(Begun) is None or there or TaskVerdict.key_of(try_) in entries:
        return {"state": "there" if there else "over", "workflow": name}
    if outcome == "done":
        # Before the task's Workflow starts, so that its comments are newer.
        task_source.made(context, subject)
        priority = shares.priority(context, subject.repo, urgent=True)
        context.cluster.create(tries.workflow(context, subject, name, priority=priority))
        return {"state": "started", "workflow": name}
    verdict = task_verdicts.judge(context, subject, "Failed")
    context.ledger(repo).record("task", task, verdict)
    if outcome == "nothing":
        task_source.ended(context, subject, "asked")
    else:
        why = verdict.why if verdict.reason else None
        task_source.ended(context, subject, verdict.outcome, why, verdict.pr)
    return {"state": "over", "workflow": name}
