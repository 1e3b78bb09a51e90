"""The runs of the role `implement`: where they begin, and the result that a task's run must have."""

from __future__ import annotations

from pressplay.domain import entries
from pressplay.github.calls import Client
from pressplay.steps.core import landing, stack
from pressplay.steps.core.context import Context
from pressplay.steps.play import stacking
from pressplay.steps.runs.role_work import RoleWork
from pressplay.steps.runs.run import Run


def _judge(context: Context, gh: Client, run: Run, _entry: entries.Run) -> entries.Result:
    """An open or merged pull request of the task; without one, another attempt may do better."""
    pull = landing.pull_of(context, gh, run.subject)
    if pull is None or (pull.state == "closed" and not pull.merged):
        return entries.Result(outcome="failed", reason="the run succeeded but no pull request is open", again=True)
    on = stack.recorded(context, run.subject)
    if on is not None and pull.head_sha == on.head:
        reason = f"its pull request adds nothing to {stack.name(on)}, which it was begun on"
        return entries.Result(outcome="failed", reason=reason, again=True)
    return entries.Result(outcome="done", pr=pull.number, new_head=pull.head_sha)


IMPLEMENT = RoleWork(judge=_judge, begins_at=stacking.begins_at)
