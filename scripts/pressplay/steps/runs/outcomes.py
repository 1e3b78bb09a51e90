"""The result of a run, judged by what is on GitHub: the phase `Succeeded` alone means nothing."""

from __future__ import annotations

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
REPORT_ANNOTATION = "press-play/agent-report"
"""On a run, by whoever carried it out: JSON with `usage`, `model` and `failure`, as its agent's command line says."""
HELD_ANNOTATION = "press-play/held-seconds"
"""On a run, by whoever carried it out: the seconds that it waited for the model's server."""
READ = {"contents": "read", "pull_requests": "read"}


def held(manifest: Manifest | None) -> int:
    """For how many seconds a run waited for the model's server, as far as whoever carries it out says."""
    annotations = (manifest or {}).get("metadata", {}).get("annotations") or {}
    seconds = str(annotations.get(HELD_ANNOTATION, ""))
    return int(seconds) if seconds.isdecimal() else 0


def of(context: Context, run: Run, entry: RunEntry, judge: Judge, refused: str = "") -> Result:
    """The result of a run that has ended, or was never created (`refused`: the API server's message)."""
    manifest = context.cluster.get(run.resource, context.settings.controller_namespace, run.name)
    if manifest is None:
        reason = f"the {run.resource} could not be created" if refused else f"the {run.resource} is gone"
        details = Details.of(Reason(what="", detail=ending(refused), look=f"{run.resource} {run.name}"))
        return Result(outcome="failed", reason=reason, details=details)
    phase = (manifest.get("status") or {}).get("phase")
    if phase not in ("Succeeded", "Failed"):
        take_away(context, run.subject.repo, run.resource, run.name)
        reason = f"not finished within {context.settings.limits.run_minutes} minutes"
        return Result(
            outcome="timeout", reason=reason, details=Details.of(status_reason(manifest)), new_head=_left(context, run)
        )
    gh = context.harness(run.subject.repo, **READ)
    if phase == "Failed":
        result = Result(
            outcome="failed",
            reason="the agent's run failed",
            details=Details.of(status_reason(manifest)),
            again=True,
            new_head=_left(context, run),
        )
    else:
        result = judge(context, gh, run, entry)
    if result.outcome == "refused":
        # A refused push counts more than a question (R6).
        return result
    # Also for a failed run: another attempt would only ask again.
    return judging.blocked(context, gh, run, entry) or result


def _left(context: Context, run: Run) -> str | None:
    """The head after a run of QA, which may have pushed before it failed; None for other roles."""
    if run.role != TEST:
        return None
    return pulls.pull(context.harness(run.subject.repo, **READ), run.subject.repo, run.number).head_sha


def status_reason(manifest: Manifest, what: str = "") -> Reason:
    """Why a CodeRun or DocsRun ended as it did, by its controller's `status.message`, and where its log is."""
    metadata, message = manifest["metadata"], str((manifest.get("status") or {}).get("message") or "")
    log = str((metadata.get("annotations") or {}).get(LOG_ANNOTATION) or f"{manifest['kind']} {metadata['name']}")
    return Reason(what=what, detail=ending(message), look=log)
