"""The runs of the role `issue`: what the Issue agent must have left on the issue."""

from __future__ import annotations

from pressplay.cluster.ledger import Entry
from pressplay.github.calls import Client
from pressplay.steps.core import landing
from pressplay.steps.core.context import Context
from pressplay.steps.intake import issue_texts
from pressplay.steps.runs.role_work import RoleWork
from pressplay.steps.runs.run import Run


def _judge(context: Context, _gh: Client, run: Run, _entry: Entry) -> Entry:
    """What it left in this try: a task, or questions."""
    begun = context.ledger(run.subject.repo).entries("task", run.number).get(landing.BEGUN) or {}
    newest = issue_texts.by_agent(context, run.subject.repo, run.number, after=begun.get("comment", 0))
    if newest is None:
        return {"outcome": "failed", "reason": "the Issue agent left neither a task nor questions", "again": True}
    if newest.is_task:
        return {"outcome": "done", "comment": newest.comment}
    return {"outcome": "nothing", "reason": "the Issue agent asks something first", "comment": newest.comment}


ISSUE = RoleWork(judge=_judge)
