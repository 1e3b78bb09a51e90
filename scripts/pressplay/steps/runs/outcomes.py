"""What came of a run, judged by what GitHub holds: `Succeeded` alone means nothing."""

from __future__ import annotations

from pressplay.cluster import waits
from pressplay.cluster.ledger import Entry
from pressplay.domain.roles import TEST
from pressplay.github import pulls
from pressplay.steps.core.context import Context
from pressplay.steps.runs.role_work import Judge
from pressplay.steps.runs.run import Run, take_away

READ = {"contents": "read", "pull_requests": "read"}


def of(context: Context, run: Run, entry: Entry, judge: Judge) -> Entry:
    """What the ledger's entry of an ended (or never created) run gains: outcome, reason, new_head, pr, again."""
    namespace = context.settings.controller_namespace
    found = context.cluster.get(run.resource, namespace, run.name)
    status = (found or {}).get("status") or {}
    if status.get("phase") not in ("Succeeded", "Failed"):
        if found is None:
            why = _why_not_created(context, run)
            return {"outcome": "failed", "reason": f"the {run.resource} could not be created: {why}"}
        take_away(context, run.subject.repo, run.resource, run.name)
        reason = f"not finished within {context.settings.limits.run_minutes} minutes"
        return {"outcome": "timeout", "reason": reason, **_left(context, run)}
    if status["phase"] == "Failed":
        return {"outcome": "failed", "reason": "the agent's run failed", "again": True, **_left(context, run)}
    gh = context.harness(run.subject.repo, **READ)
    return judge(context, gh, run, entry)


def _left(context: Context, run: Run) -> Entry:
    """What a run that failed may have pushed all the same: QA's gate must know."""
    if run.role != TEST:
        return {}
    return {"new_head": pulls.pull(context.harness(run.subject.repo, **READ), run.subject.repo, run.number).head_sha}


def _why_not_created(context: Context, run: Run) -> str:
    """What the API server said of the CodeRun, as the node that applied it tells."""
    workflow = context.cluster.get("Workflow", context.settings.namespace, run.workflow) if run.workflow else None
    said = [
        str(node["message"])
        for node in (waits.nodes(workflow) if workflow else {}).values()
        if str(node.get("displayName", "")).startswith("apply(")
        and node.get("phase") in waits.FINISHED
        and node.get("message")
    ]
    return said[-1] if said else "its node's message says why"
