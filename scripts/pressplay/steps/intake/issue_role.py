"""The runs of the role `issue`: the result that the Issue agent must leave on the issue."""

from __future__ import annotations

from pressplay.domain import entries
from pressplay.github.calls import Client
from pressplay.steps.core.context import Context
from pressplay.steps.intake import issue_texts
from pressplay.steps.runs.role_work import RoleWork
from pressplay.steps.runs.run import Run


def _judge(context: Context, _gh: Client, run: Run, _entry: entries.Run) -> entries.Result:
    """The result of this try: `done` for a task, `nothing` for questions."""
    begun = context.ledger(run.subject.repo).entries("task", run.number).get(entries.Begun)
    after = (begun.comment if begun else None) or 0
    newest = issue_texts.by_agent(context, run.subject.repo, run.number, after)
    if newest is None:
        reason = "the Issue agent left neither a task nor questions"
        return entries.Result(outcome="failed", reason=reason, again=True)
    if newest.is_task:
        return entries.Result(outcome="done", comment=newest.comment)
    reason = "the Issue agent asks something first"
    return entries.Result(outcome="nothing", reason=reason, comment=newest.comment)


ISSUE = RoleWork(judge=_judge)
