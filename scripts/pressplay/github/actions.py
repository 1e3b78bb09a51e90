"""GitHub Actions: workflow runs, their jobs in all attempts, logs, and running again what failed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice
from typing import Any

from pressplay.github.calls import Client, call, pages, tail
from pressplay.plaintext import plain

APP = "github-actions"
"""The slug of the App as which GitHub Actions reports."""
LOG_BYTES = 512_000
"""How much of the end of a job's log is read."""

_STAMP = re.compile(r"^\ufeff?\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d+Z ", re.MULTILINE)


@dataclass(frozen=True)
class WorkflowRun:
    """A workflow run, as it is in its newest attempt."""

    id: int
    workflow: int
    """The workflow's number."""
    name: str
    """The workflow's name, which people gave it (R7)."""
    path: str
    head_sha: str
    event: str
    status: str
    conclusion: str | None
    attempt: int
    suite: int


@dataclass(frozen=True)
class Step:
    """A step of a job. Its name is people's (R7)."""

    number: int
    name: str
    status: str
    conclusion: str | None


@dataclass(frozen=True)
class WorkflowJob:
    """One execution of a job: each attempt that runs it has its own, with a check run of its own."""

    id: int
    run: int
    name: str
    attempt: int
    status: str
    conclusion: str | None
    check: int
    """The check run's number."""
    steps: tuple[Step, ...]

    @property
    def failed_step(self) -> Step | None:
        """The first step that did not end well."""
        return next((step for step in self.steps if step.conclusion in ("failure", "timed_out", "cancelled")), None)

    @property
    def ran(self) -> bool:
        """Whether a step of the project's own began: the first one is the runner's."""
        return any(step.status != "queued" and step.conclusion != "skipped" for step in self.steps[1:])


def _run(item: dict[str, Any]) -> WorkflowRun:
    return WorkflowRun(
        id=item["id"],
        workflow=item["workflow_id"],
        name=item["name"] or "",
        path=item["path"],
        head_sha=item["head_sha"],
        event=item["event"],
        status=item["status"],
        conclusion=item["conclusion"],
        attempt=item["run_attempt"],
        suite=item["check_suite_id"],
    )


def _job(item: dict[str, Any]) -> WorkflowJob:
    return WorkflowJob(
        id=item["id"],
        run=item["run_id"],
        name=item["name"],
        attempt=item["run_attempt"],
        status=item["status"],
        conclusion=item["conclusion"],
        check=int(item["check_run_url"].rpartition("/")[2]),
        steps=tuple(
            Step(step["number"], step["name"], step["status"], step["conclusion"]) for step in item.get("steps") or ()
        ),
    )


def runs_of_commit(gh: Client, repo: str, sha: str) -> list[WorkflowRun]:
    """The workflow runs of a commit, newest first."""
    return [_run(item) for item in pages(gh, f"/repos/{repo}/actions/runs", {"head_sha": sha}, key="workflow_runs")]


def run_of_suite(gh: Client, repo: str, suite: int) -> WorkflowRun | None:
    """The workflow run that a check suite belongs to; None if it belongs to none."""
    runs = pages(gh, f"/repos/{repo}/actions/runs", {"check_suite_id": suite}, key="workflow_runs")
    return next((_run(item) for item in runs), None)


def run(gh: Client, repo: str, number: int) -> WorkflowRun:
    """One workflow run; GitHubRefused if there is none."""
    return _run(call(gh, "GET", f"/repos/{repo}/actions/runs/{number}"))


def runs_of_workflow(gh: Client, repo: str, workflow: int, branch: str, most: int) -> list[WorkflowRun]:
    """The newest `most` finished runs of a workflow on a branch."""
    params = {"branch": branch, "status": "completed"}
    runs = pages(gh, f"/repos/{repo}/actions/workflows/{workflow}/runs", params, key="workflow_runs")
    return [_run(item) for item in islice(runs, most)]


def jobs(gh: Client, repo: str, number: int) -> list[WorkflowJob]:
    """All executions of a run's jobs, in all its attempts."""
    items = pages(gh, f"/repos/{repo}/actions/runs/{number}/jobs", {"filter": "all"}, key="jobs")
    return [_job(item) for item in items]


def log_tail(gh: Client, repo: str, job: int, lines: int) -> str | None:
    """The last lines of a job's log, without the runner's times, terminal codes and control characters.

    None if the log is gone. It is data that the job wrote (R7), and may hold secrets (`validation.redaction`).
    """
    log = tail(gh, f"/repos/{repo}/actions/jobs/{job}/logs", LOG_BYTES)
    if log is None:
        return None
    return "\n".join(plain(_STAMP.sub("", log.decode(errors="replace"))).rstrip("\n").split("\n")[-lines:])


def rerun_failed(gh: Client, repo: str, number: int) -> None:
    """Run a finished run's failed jobs again. GitHubRefused if GitHub does not (a run of over a month ago)."""
    call(gh, "POST", f"/repos/{repo}/actions/runs/{number}/rerun-failed-jobs")


def rerun(gh: Client, repo: str, number: int) -> None:
    """Run a finished run again as a whole: one that never started has no failed jobs. Raises like `rerun_failed`."""
    call(gh, "POST", f"/repos/{repo}/actions/runs/{number}/rerun")
