"""What came of a run, judged by what GitHub holds: `Succeeded` alone means nothing."""

from __future__ import annotations

from pressplay.cluster import waits
from pressplay.cluster.port import Manifest
from pressplay.domain.entries import Details, Result
from pressplay.domain.entries import Run as RunEntry
from pressplay.domain.reasons import Reason
from pressplay.domain.roles import TEST
from pressplay.github import pulls
from pressplay.steps.core.context import Context
from pressplay.steps.runs import judging
from pressplay.steps.runs.role_work import Judge
from pressplay.steps.runs.run import Run, take_away
from pressplay.validation.details import ending

LOG_ANNOTATION = "press-play/log-file"
"""On a run in the sandbox: the path of its log."""
READ = {"contents": "read", "pull_requests": "read"}


def of(context: Context, run: Run, entry: RunEntry, judge: Judge) -> Result:
    """What came of an ended (or never created) run."""
    manifest = context.cluster.get(run.resource, context.settings.controller_namespace, run.name)
    if manifest is None:
        reason, details = f"the {run.resource} could not be created", _why_not_created(context, run)
        return Result(outcome="failed", reason=reason, details=details)
    phase = (manifest.get("status") or {}).get("phase")
    if phase not in ("Succeeded", "Failed"):
        take_away(context, run.subject.repo, run.resource, run.name)
        reason = f"not finished within {context.settings.limits.run_minutes} minutes"
        return Result(outcome="timeout", reason=reason, details=_status_of(run, manifest), new_head=_left(context, run))
    gh = context.harness(run.subject.repo, **READ)
    if phase == "Failed":
        result = Result(
            outcome="failed",
            reason="the agent's run failed",
            details=_status_of(run, manifest),
            again=True,
            new_head=_left(context, run),
        )
    else:
        result = judge(context, gh, run, entry)
    if result.outcome == "refused":
        # What it pushed counts more than what it asks (R6).
        return result
    # Also of a run that failed: another attempt would only ask again.
    return judging.blocked(context, gh, run, entry) or result


def _left(context: Context, run: Run) -> str | None:
    """The head that a run of QA's left, which may have pushed all the same: QA's gate must know."""
    if run.role != TEST:
        return None
    return pulls.pull(context.harness(run.subject.repo, **READ), run.subject.repo, run.number).head_sha


def _details(run: Run, text: str, log: str = "") -> Details | None:
    return Details.of(Reason(what="", detail=ending(text), look=log or f"{run.resource} {run.name}"))


def _status_of(run: Run, manifest: Manifest) -> Details | None:
    """What the controller says of a run: `status.message`."""
    log = str((manifest["metadata"].get("annotations") or {}).get(LOG_ANNOTATION) or "")
    return _details(run, str((manifest.get("status") or {}).get("message") or ""), log)


def _why_not_created(context: Context, run: Run) -> Details | None:
    """What the API server said of the CodeRun, as the node that applied it tells."""
    workflow = context.cluster.get("Workflow", context.settings.namespace, run.workflow) if run.workflow else None
    messages = [
        str(node["message"])
        for node in (waits.nodes(workflow) if workflow else {}).values()
        if str(node.get("displayName", "")).startswith("apply(")
        and node.get("phase") in waits.FINISHED
        and node.get("message")
    ]
    return _details(run, messages[-1] if messages else "")
