"""The failure as the Triage agent gets it: `failure.md` to read, `failure.json` to process.

Others wrote everything in it (R7): it is passed as data, without control codes for terminals and editors, in a fence
that it can't close, and without secrets (R9).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pressplay.domain.entries import Triage
from pressplay.github import actions, checks
from pressplay.github.calls import Client
from pressplay.plaintext import plain
from pressplay.steps.core.context import Context, Subject
from pressplay.templating import prompts
from pressplay.validation.markdown import code, fence
from pressplay.validation.redaction import redact

LOG_LINES = 200
ANNOTATIONS = 50
_LINE, _MESSAGE = 2_000, 4_000
"""The most characters of a log's line, and of an annotation's text: a minified file in one line helps nobody."""


def files(context: Context, subject: Subject, pr: int, cause: str) -> Mapping[str, bytes]:
    """The two files by name, with the failures of `cause`, read from GitHub each time."""
    gh = context.harness(subject.repo, actions="read", checks="read")
    entries = context.ledger(subject.repo).entries("pr", pr)
    own = entries.get(Triage, Triage.key_of(cause))
    ids = [entry.id for entry in entries.all(Triage) if entry.cause == cause and entry.plan == "repair"]
    failures = [_failure(gh, subject.repo, id_) for id_ in ids or [Triage.id_of(cause)]]
    content = {
        "head": own.head if own else "",
        "class": own.kind if own else "real",
        "reason": own.reason if own else "",
        "failures": failures,
    }
    text = prompts.failure({**content, "failures": [_for_template(failure) for failure in failures]})
    return {"failure.json": json.dumps(content, indent=2, ensure_ascii=False).encode(), "failure.md": text.encode()}


def _failure(gh: Client, repo: str, id_: str) -> dict[str, Any]:
    """One failed check (its id) or workflow run that did not start (`run-<id>`), as `failure.json` has it."""
    if id_.startswith("run-"):
        return _shown(None, actions.run(gh, repo, int(id_.removeprefix("run-"))), None, [], None)
    check = checks.check(gh, repo, int(id_))
    run = actions.run_of_suite(gh, repo, check.suite) if check.app == actions.APP else None
    jobs = actions.jobs(gh, repo, run.id) if run is not None else []
    job = next((job for job in jobs if job.check == check.id), None)
    log = actions.log_tail(gh, repo, job.id, LOG_LINES) if job is not None else None
    return _shown(check, run, job, checks.annotations_of(gh, repo, check.id, ANNOTATIONS), log)


def _shown(
    check: checks.CheckRun | None,
    run: actions.WorkflowRun | None,
    job: actions.WorkflowJob | None,
    noted: list[checks.Annotation],
    log: str | None,
) -> dict[str, Any]:
    step = job.failed_step if job is not None else None
    return {
        "check": check.id if check is not None else None,
        "name": _clean(check.name if check is not None else run.name if run is not None else ""),
        "app": check.app if check is not None else actions.APP,
        "conclusion": (check.conclusion if check is not None else run.conclusion if run is not None else None) or "",
        "url": check.html_url if check is not None else "",
        "workflow": _clean(run.name) if run is not None else "",
        "workflow_file": _clean(run.path) if run is not None else "",
        "event": run.event if run is not None else "",
        "attempt": job.attempt if job is not None else run.attempt if run is not None else 1,
        "step": _clean(step.name) if step is not None else "",
        "annotations": [
            {
                "path": _clean(annotation.path),
                "line": annotation.start_line,
                "end_line": annotation.end_line,
                "level": annotation.level,
                "title": _clean(annotation.title),
                "message": _clean(annotation.message)[:_MESSAGE],
            }
            for annotation in noted
        ],
        "log": None if log is None else _clean("\n".join(line[:_LINE] for line in log.split("\n"))),
    }


def _clean(text: str) -> str:
    return redact(plain(text))


def _for_template(shown: Mapping[str, Any]) -> dict[str, object]:
    """A failure for the template of `failure.md`: others' text is in code spans or fences."""
    log = shown["log"]
    noted = "\n".join(
        f"{note['path']}:{note['line']}: {note['level']}: {' '.join((note['title'], note['message'])).strip()}"
        for note in shown["annotations"]
    )
    return {
        **{key: code(shown[key]) for key in ("name", "app", "conclusion", "workflow", "workflow_file", "step")},
        "check": shown["check"] or 0,
        "attempt": shown["attempt"],
        "url": shown["url"],
        "has_url": bool(shown["url"]),
        "has_workflow": bool(shown["workflow_file"]),
        "has_step": bool(shown["step"]),
        "has_annotations": bool(noted),
        "annotations": noted,
        "annotations_fence": fence(noted),
        "has_log": log is not None,
        "log": log or "",
        "log_fence": fence(log or ""),
    }
