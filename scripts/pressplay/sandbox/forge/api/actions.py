"""GitHub Actions: workflows, runs, jobs, logs, re-runs."""

from __future__ import annotations

import hashlib
import hmac
from urllib.parse import quote

from pressplay.clock import rfc3339
from pressplay.sandbox.forge import ci, shapes
from pressplay.sandbox.forge.errors import ApiError
from pressplay.sandbox.forge.http import ApiAnswer, ApiCall, route
from pressplay.sandbox.forge.store import JSON, Row

_REPO = "/repos/<owner>/<name>"
_RUN = f"{_REPO}/actions/runs/<int:number>"
_LOG_SECONDS = 60


@route("GET", f"{_REPO}/actions/workflows", actions="read")
def list_workflows(call: ApiCall) -> JSON:
    """The repository's workflows."""
    rows, total = call.rows("SELECT * FROM forge_workflows WHERE repo_id = ? ORDER BY id", call.repo["id"])
    return {"total_count": total, "workflows": [shapes.workflow(call.s, call.repo, row) for row in rows]}


def _workflow(call: ApiCall) -> Row:
    """The workflow that the path names, by its id or its file."""
    given = call.args["workflow"]
    row = call.s.one(
        "SELECT * FROM forge_workflows WHERE repo_id = ? AND (CAST(id AS TEXT) = ? OR path = ?)",
        call.repo["id"],
        given,
        f".github/workflows/{given}",
    )
    if row is None:
        raise ApiError(404, "Not Found")
    return row


@route("GET", f"{_REPO}/actions/workflows/<workflow>", actions="read")
def get_workflow(call: ApiCall) -> JSON:
    """One workflow by its id or the name of its file."""
    return shapes.workflow(call.s, call.repo, _workflow(call))


@route("GET", f"{_REPO}/actions/workflows/<workflow>/runs", actions="read")
def list_runs_of_workflow(call: ApiCall) -> JSON:
    """A workflow's runs, newest first."""
    return _runs(call, _workflow(call)["id"])


@route("GET", f"{_REPO}/actions/runs", actions="read")
def list_runs(call: ApiCall) -> JSON:
    """Runs by branch, commit, event, status or conclusion, actor, suite and time; newest first."""
    return _runs(call, None)


def _runs(call: ApiCall, workflow: int | None) -> JSON:
    where, args = ["r.repo_id = ?"], [call.repo["id"]]
    if workflow is not None:
        where.append("r.workflow_id = ?")
        args.append(workflow)
    columns = {
        "branch": "r.head_branch = ?",
        "head_sha": "r.head_sha = ?",
        "event": "r.event = ?",
        "check_suite_id": "CAST(r.suite_id AS TEXT) = ?",
        "actor": "r.actor_id = (SELECT id FROM forge_users WHERE login = ?)",
    }
    for key, condition in columns.items():
        if call.query.get(key):
            where.append(condition)
            args.append(call.query[key])
    if call.query.get("status"):
        # One parameter for both: GitHub takes a status or a conclusion.
        where.append("? IN (a.status, a.conclusion)")
        args.append(call.query["status"])
    rows, total = call.rows(
        "SELECT r.* FROM forge_runs r JOIN forge_attempts a ON a.run_id = r.id AND a.attempt = r.attempt"  # noqa: S608 - conditions are ours
        f" WHERE {' AND '.join(where)} ORDER BY r.id DESC",
        *args,
    )
    return {"total_count": total, "workflow_runs": [_shown(call, row) for row in rows]}


def _shown(call: ApiCall, row: Row, attempt: int | None = None) -> JSON:
    shown = shapes.workflow_run(call.s, call.repo, row, ci.attempt_of(call.s, row, attempt))
    if call.query.get("exclude_pull_requests") == "true":
        shown["pull_requests"] = []
    return shown


def _run(call: ApiCall) -> Row:
    return call.s.row_or_404(
        "SELECT * FROM forge_runs WHERE repo_id = ? AND id = ?", call.repo["id"], call.args["number"]
    )


@route("GET", _RUN, actions="read")
def get_run(call: ApiCall) -> JSON:
    """One run, as it is in its newest attempt."""
    return _shown(call, _run(call))


@route("GET", f"{_RUN}/attempts/<int:attempt>", actions="read")
def get_attempt(call: ApiCall) -> JSON:
    """One run, as it was in an attempt."""
    return _shown(call, _run(call), call.args["attempt"])


@route("GET", f"{_RUN}/jobs", actions="read")
def list_jobs(call: ApiCall) -> JSON:
    """A run's jobs: each one's newest execution, or with `filter=all` every one."""
    run = _run(call)
    if call.query.get("filter") == "all":
        return _jobs(call, call.s.all(f"{ci.JOBS} WHERE j.run_id = ? ORDER BY j.id", run["id"]))
    return _jobs(call, ci.newest_jobs(call.s, run["id"]))


@route("GET", f"{_RUN}/attempts/<int:attempt>/jobs", actions="read")
def list_jobs_of_attempt(call: ApiCall) -> JSON:
    """The jobs as they stood in an attempt."""
    run = _run(call)
    attempt = ci.attempt_of(call.s, run, call.args["attempt"])
    return _jobs(call, ci.newest_jobs(call.s, run["id"], attempt["attempt"]))


def _jobs(call: ApiCall, rows: list[Row]) -> JSON:
    return {"total_count": len(rows), "jobs": [shapes.job(call.s, call.repo, row) for row in call.page(rows)]}


def _job(call: ApiCall) -> Row:
    return call.s.row_or_404(f"{ci.JOBS} WHERE r.repo_id = ? AND j.id = ?", call.repo["id"], call.args["job"])


@route("GET", f"{_REPO}/actions/jobs/<int:job>", actions="read")
def get_job(call: ApiCall) -> JSON:
    """One job."""
    return shapes.job(call.s, call.repo, _job(call))


@route("GET", f"{_REPO}/actions/jobs/<int:job>/logs", actions="read")
def job_log(call: ApiCall) -> ApiAnswer:
    """A redirect to a finished job's log, good for a minute; 410 where the log is gone."""
    row = _job(call)
    if row["status"] != "completed":
        raise ApiError(404, "Not Found")
    if row["log"] is None:
        raise ApiError(410, "Gone")
    ends = str(int(call.s.now) + _LOG_SECONDS)
    signed = quote(_signature(call, row["id"], ends))
    return ApiAnswer(302, None, {"Location": f"{call.s.store.web_url}/_logs/jobs/{row['id']}?se={ends}&sig={signed}"})


def _signature(call: ApiCall, job: int, ends: str) -> str:
    return hmac.new(call.s.store.secret, f"{job} {ends}".encode(), hashlib.sha256).hexdigest()


@route("GET", "/_logs/jobs/<int:job>", auth="none")
def download_log(call: ApiCall) -> ApiAnswer:
    """The log itself, for whoever has the address that `job_log` gave: lines with their times, as the runner writes."""
    ends = call.query.get("se", "")
    wanted = _signature(call, call.args["job"], ends)
    if not hmac.compare_digest(wanted.encode(), call.query.get("sig", "").encode()) or float(ends) < call.s.now:
        raise ApiError(403, "Server failed to authenticate the request.")
    row = call.s.row(f"{ci.JOBS} WHERE j.id = ?", call.args["job"])
    stamp = rfc3339(row["started_at"]).replace("Z", ".0000000Z")
    text = "".join(f"{stamp} {line}\n" for line in (row["log"] or "").splitlines())
    return ApiAnswer(200, ("\ufeff" + text).encode(), {"Content-Type": "text/plain"})


@route("POST", f"{_RUN}/rerun", actions="write")
def rerun(call: ApiCall) -> ApiAnswer:
    """Run all jobs of a run again."""
    ci.rerun(call.s, _run(call), call.s.acting_user(), failed_only=False)
    return ApiAnswer(201, {})


@route("POST", f"{_RUN}/rerun-failed-jobs", actions="write")
def rerun_failed(call: ApiCall) -> ApiAnswer:
    """Run those jobs of a run again that failed."""
    ci.rerun(call.s, _run(call), call.s.acting_user(), failed_only=True)
    return ApiAnswer(201, {})


@route("POST", f"{_REPO}/actions/jobs/<int:job>/rerun", actions="write")
def rerun_job(call: ApiCall) -> ApiAnswer:
    """Run one job again."""
    job = _job(call)
    run = call.s.row("SELECT * FROM forge_runs WHERE id = ?", job["run_id"])
    ci.rerun(call.s, run, call.s.acting_user(), failed_only=True, job=job["name"])
    return ApiAnswer(201, {})
