"""GitHub Actions: workflow runs, their attempts and jobs, as scenarios report them and the API re-runs them.

A run has a check suite of its own, and each execution of a job a check run in it, as at GitHub. A re-run leaves the
run queued: nothing here executes jobs, `finish` says how they ended.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from pressplay import names
from pressplay.errors import InputError
from pressplay.sandbox.forge import events, gitdata, shapes
from pressplay.sandbox.forge.errors import ApiError
from pressplay.sandbox.forge.store import JSON, Row, Session

SLUG = "github-actions"
_CONCLUSIONS = ("success", "failure", "neutral", "cancelled", "skipped", "timed_out", "action_required")
_RUN_CONCLUSIONS = (*_CONCLUSIONS, "startup_failure")
_FAILED = ("failure", "timed_out", "cancelled", "action_required")
_RERUN_DAYS = 30
JOBS = (
    "SELECT j.*, r.head_branch, w.name AS workflow_name, c.name, c.status, c.conclusion, c.head_sha, c.started_at,"
    " c.completed_at FROM forge_jobs j JOIN forge_runs r ON r.id = j.run_id"
    " JOIN forge_workflows w ON w.id = r.workflow_id JOIN forge_check_runs c ON c.id = j.check_id"
)


@dataclass(frozen=True)
class CiAnnotation:
    """What a job says of a line of a file; `level` is notice, warning or failure."""

    path: str
    line: int
    message: str
    level: str = "failure"
    title: str | None = None
    end_line: int | None = None


@dataclass(frozen=True)
class CiJob:
    """A job of a run, and how it ended: None if it still runs. A `log` of None is gone, as old ones are."""

    name: str
    conclusion: str | None = "success"
    log: str | None = ""
    annotations: Sequence[CiAnnotation] = ()
    steps: Sequence[tuple[str, str]] = ()
    """Name and conclusion of each step; where none are given, the runner's own around one of the project's."""


@dataclass(frozen=True)
class Rerun:
    """That somebody had a run's jobs run again."""

    attempt: int
    actor: str
    failed_only: bool
    time: float


def report(
    s: Session,
    repo: Row,
    sha: str,
    workflow: str,
    jobs: Sequence[CiJob],
    actor: Row | None,
    conclusion: str | None,
) -> int:
    """A run of a workflow on a commit; its id. It is finished where all of its jobs are (or `conclusion` is given).

    InputError for a commit that the repository does not hold.
    """
    if not gitdata.is_sha(sha) or sha not in s.git(repo):
        raise InputError(f"commit {sha!r}: {repo['full_name']} has none of this full id")
    branch = events.branch_of(s, repo, sha)
    head_repo = repo["id"]
    pull = s.one(
        f"{shapes.PULL} WHERE p.head_sha = ? AND i.repo_id = ? AND i.state = 'open' ORDER BY i.id", sha, repo["id"]
    )
    if pull and pull["head_repo_id"] != repo["id"]:
        head_repo = pull["head_repo_id"]
    if actor is None:
        actor = s.user(pull["last_pusher"] or pull["user_id"]) if pull else s.user(repo["owner_id"])
    of = _workflow(s, repo, workflow)
    earlier = s.row("SELECT COUNT(*) AS n FROM forge_runs WHERE repo_id = ? AND workflow_id = ?", repo["id"], of["id"])
    suite = s.insert(
        "forge_check_suites",
        repo_id=repo["id"],
        app_id=_app(s)["id"],
        head_sha=sha,
        head_branch=branch,
        workflow_id=of["id"],
        created_at=s.now,
        updated_at=s.now,
    )
    number = s.insert(
        "forge_runs",
        repo_id=repo["id"],
        workflow_id=of["id"],
        number=earlier["n"] + 1,
        suite_id=suite,
        event="pull_request" if pull else "push",
        head_sha=sha,
        head_branch=pull["head_ref"] if pull and head_repo != repo["id"] else branch,
        head_repo_id=head_repo,
        title=pull["title"] if pull else gitdata.commit(s.git(repo), sha).message.partition("\n")[0],
        actor_id=actor["id"],
        attempt=1,
        created_at=s.now,
    )
    _attempt(s, number, 1, "queued", actor, failed_only=False)
    _announce(s, "requested", repo, number, actor)
    for job in jobs:
        _begin(s, repo, number, 1, job.name, actor)
    if jobs or conclusion is not None:
        finish(s, number, jobs, conclusion)
    return number


def finish(s: Session, number: int, jobs: Sequence[CiJob], conclusion: str | None) -> None:
    """Say how jobs of a run's attempt ended; with the last of them the run ends, by `conclusion` where it is given.

    InputError for a run that is not there or has ended, and for a conclusion that GitHub does not know.
    """
    run = s.one("SELECT * FROM forge_runs WHERE id = ?", number)
    if run is None:
        raise InputError(f"workflow run {number}: there is none; report_ci comes first")
    repo, attempt = s.repo(run["repo_id"]), attempt_of(s, run)
    if attempt["status"] == "completed":
        raise InputError(f"workflow run {number}: attempt {attempt['attempt']} has ended; a re-run begins another")
    actor = s.user(attempt["actor_id"])
    for job in jobs:
        if job.conclusion is not None and job.conclusion not in _CONCLUSIONS:
            known = ", ".join(_CONCLUSIONS)
            raise InputError(f"job {job.name!r}: conclusion {job.conclusion!r}; expected one of {known}")
        _end(s, repo, run, attempt["attempt"], job, actor)
    if conclusion is not None and conclusion not in _RUN_CONCLUSIONS:
        raise InputError(f"conclusion {conclusion!r}: expected one of {', '.join(_RUN_CONCLUSIONS)}")
    now = newest_jobs(s, number)
    if conclusion is not None:
        # A run that is ended from outside takes its jobs along.
        for row in now:
            if row["status"] != "completed":
                _end(s, repo, run, attempt["attempt"], CiJob(row["name"], "cancelled"), actor)
    elif now and all(row["status"] == "completed" for row in now):
        conclusion = shapes.summed_up(row["conclusion"] for row in now)
    s.run(
        "UPDATE forge_attempts SET status = ?, conclusion = ?, updated_at = ? WHERE run_id = ? AND attempt = ?",
        "completed" if conclusion else "in_progress",
        conclusion,
        s.now,
        number,
        attempt["attempt"],
    )
    if conclusion is not None:
        _announce(s, "completed", repo, number, actor)


def attempt_of(s: Session, run: Row, number: int | None = None) -> Row:
    """An attempt of a run, the newest unless numbered; 404 if there is none."""
    wanted = run["attempt"] if number is None else number
    return s.row_or_404("SELECT * FROM forge_attempts WHERE run_id = ? AND attempt = ?", run["id"], wanted)


def newest_jobs(s: Session, run_id: int, attempt: int | None = None) -> list[Row]:
    """Each job's newest execution, of those up to an attempt where one is given."""
    rows = s.all(f"{JOBS} WHERE j.run_id = ? ORDER BY j.id", run_id)
    return list({row["name"]: row for row in rows if attempt is None or row["attempt"] <= attempt}.values())


def rerun(s: Session, run: Row, actor: Row, *, failed_only: bool, job: str | None = None) -> None:
    """Begin another attempt: of all jobs, of those that failed, or of one; it stays queued until `finish`.

    403 for a run that has not ended, is older than 30 days, or has nothing to run again.
    """
    repo, last = s.repo(run["repo_id"]), attempt_of(s, run)
    if last["status"] != "completed":
        raise ApiError(403, "This workflow is already running")
    if s.now - run["created_at"] > _RERUN_DAYS * 86400:
        raise ApiError(403, "Unable to retry this workflow run because it was created over a month ago")
    again = [
        row["name"]
        for row in newest_jobs(s, run["id"])
        if (row["name"] == job if job is not None else not failed_only or row["conclusion"] in _FAILED)
    ]
    if failed_only and not again:
        raise ApiError(403, "This workflow run cannot be retried: it has no failed jobs")
    attempt = last["attempt"] + 1
    s.run("UPDATE forge_runs SET attempt = ? WHERE id = ?", attempt, run["id"])
    _attempt(s, run["id"], attempt, "queued", actor, failed_only=failed_only)
    _announce(s, "requested", repo, run["id"], actor)
    for name in again:
        _begin(s, repo, run["id"], attempt, name, actor)


def reruns(s: Session, number: int) -> list[Rerun]:
    """Who had a run's jobs run again, oldest first."""
    rows = s.all("SELECT * FROM forge_attempts WHERE run_id = ? AND attempt > 1 ORDER BY attempt", number)
    return [
        Rerun(row["attempt"], s.user(row["actor_id"])["login"], bool(row["failed_only"]), row["started_at"])
        for row in rows
    ]


def _attempt(s: Session, run_id: int, number: int, status: str, actor: Row, *, failed_only: bool) -> None:
    s.insert(
        "forge_attempts",
        run_id=run_id,
        attempt=number,
        status=status,
        actor_id=actor["id"],
        failed_only=int(failed_only),
        started_at=s.now,
        updated_at=s.now,
    )


def _begin(s: Session, repo: Row, run_id: int, attempt: int, name: str, actor: Row) -> None:
    run = s.row("SELECT * FROM forge_runs WHERE id = ?", run_id)
    check = s.insert(
        "forge_check_runs",
        repo_id=repo["id"],
        app_id=_app(s)["id"],
        suite_id=run["suite_id"],
        name=name,
        head_sha=run["head_sha"],
        status="queued",
        started_at=s.now,
        output="{}",
        external_id=names.digest("job", str(run_id), str(attempt), name, length=32),
    )
    job = s.insert("forge_jobs", run_id=run_id, attempt=attempt, check_id=check, log="", steps="[]")
    page = f"{shapes.repo_page(s, repo)}/actions/runs/{run_id}/job/{job}"
    s.run("UPDATE forge_check_runs SET details_url = ? WHERE id = ?", page, check)
    events.check_event(s, "created", repo, _check(s, check), actor)


def _end(s: Session, repo: Row, run: Row, attempt: int, job: CiJob, actor: Row) -> None:
    where = f"{JOBS} WHERE j.run_id = ? AND j.attempt = ? AND c.name = ? AND c.status != 'completed'"
    row = s.one(where, run["id"], attempt, job.name)
    if row is None:
        if job.name in {listed["name"] for listed in newest_jobs(s, run["id"])}:
            raise InputError(f"job {job.name!r} of workflow run {run['id']}: is not under way in attempt {attempt}")
        _begin(s, repo, run["id"], attempt, job.name, actor)
        row = s.row(where, run["id"], attempt, job.name)
    annotations = [_annotation(annotation) for annotation in job.annotations]
    if job.conclusion == "failure":
        # What the runner itself adds to each failed step.
        annotations.append(_annotation(CiAnnotation(".github", 1, "Process completed with exit code 1.")))
    around = [("Set up job", "success"), (f"Run {job.name}", job.conclusion), ("Complete job", "success")]
    steps = json.dumps(list(job.steps) or ([] if job.conclusion == "skipped" else around))
    s.run("UPDATE forge_jobs SET log = ?, steps = ? WHERE id = ?", job.log, steps, row["id"])
    s.run(
        "UPDATE forge_check_runs SET status = ?, conclusion = ?, completed_at = ?, output = ? WHERE id = ?",
        "completed" if job.conclusion else "in_progress",
        job.conclusion,
        s.now if job.conclusion else None,
        json.dumps({"annotations": annotations}),
        row["check_id"],
    )
    s.run("UPDATE forge_check_suites SET updated_at = ? WHERE id = ?", s.now, run["suite_id"])
    if job.conclusion:
        events.check_event(s, "completed", repo, _check(s, row["check_id"]), actor)


def _annotation(annotation: CiAnnotation) -> JSON:
    return {
        "path": annotation.path,
        "start_line": annotation.line,
        "end_line": annotation.end_line or annotation.line,
        "annotation_level": annotation.level,
        "message": annotation.message,
        "title": annotation.title,
    }


def _check(s: Session, number: int) -> Row:
    return s.row("SELECT * FROM forge_check_runs WHERE id = ?", number)


def _announce(s: Session, action: str, repo: Row, number: int, sender: Row) -> None:
    run = s.row("SELECT * FROM forge_runs WHERE id = ?", number)
    of = s.row("SELECT * FROM forge_workflows WHERE id = ?", run["workflow_id"])
    shown = shapes.workflow_run(s, repo, run, attempt_of(s, run))
    events.emit(
        s, "workflow_run", repo, sender, action=action, workflow_run=shown, workflow=shapes.workflow(s, repo, of)
    )


def _workflow(s: Session, repo: Row, name: str) -> Row:
    row = s.one("SELECT * FROM forge_workflows WHERE repo_id = ? AND name = ?", repo["id"], name)
    if row is None:
        file = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "workflow"
        path = f".github/workflows/{file}.yml"
        if s.one("SELECT 1 FROM forge_workflows WHERE repo_id = ? AND path = ?", repo["id"], path):
            path = f".github/workflows/{file}-{names.digest('workflow', name, length=6)}.yml"
        number = s.insert("forge_workflows", repo_id=repo["id"], name=name, path=path, created_at=s.now)
        row = s.row("SELECT * FROM forge_workflows WHERE id = ?", number)
    return row


def _app(s: Session) -> Row:
    """The App as which Actions reports; it has no key, so nobody can ask as it."""
    row = s.one("SELECT * FROM forge_apps WHERE slug = ?", SLUG)
    if row is None:
        number = s.insert(
            "forge_apps",
            slug=SLUG,
            name="GitHub Actions",
            client_id="Iv1.05c79e9ad1f6bdfa",
            permissions={"actions": "write", "checks": "write", "contents": "write", "statuses": "write"},
            events=["workflow_run"],
            created_at=s.now,
        )
        s.insert("forge_users", login=f"{SLUG}[bot]", type="Bot", app_id=number, created_at=s.now)
        row = s.app(number)
    return row
