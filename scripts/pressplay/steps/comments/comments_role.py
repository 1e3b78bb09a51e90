"""The runs of the role `comments`: the snapshot that they read, and the result that they must have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pressplay.domain import entries
from pressplay.github.calls import Client
from pressplay.steps.comments import answers, snapshot
from pressplay.steps.comments.answers import Answers
from pressplay.steps.core.context import Context
from pressplay.steps.runs.judging import moved
from pressplay.steps.runs.role_work import RoleWork
from pressplay.steps.runs.run import Run


def _judge(context: Context, gh: Client, run: Run, entry: entries.Run) -> entries.Result:
    """`done` for commits, `nothing` for answers without a change; without either the run is parked."""
    result = moved(context, gh, run, entry)
    if result.outcome == "done" or Answers.of(context, gh, run.subject.repo, run.number, entry):
        return result
    reason = "it changed nothing and answered nothing, though reviewers ask"
    return replace(result, outcome="parked", reason=reason)


def _files(context: Context, gh: Client, run: Run) -> Mapping[str, bytes]:
    key = entries.Snapshot.key_of(run.cause)
    entry = context.ledger(run.subject.repo).entries("pr", run.number).get(entries.Snapshot, key)
    return snapshot.files(gh, run.subject.repo, run.cause, (entry.context if entry else None) or "")


def _note(_context: Context, gh: Client, run: Run, entry: entries.Run) -> entries.Run:
    return replace(entry, newest_line=answers.newest_line(gh, run.subject.repo, run.number))


COMMENTS = RoleWork(judge=_judge, files=_files, note=_note)
