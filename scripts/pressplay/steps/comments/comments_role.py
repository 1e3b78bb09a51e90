"""The runs of the role `comments`: the snapshot that they read, and what they must have left."""

from __future__ import annotations

from collections.abc import Mapping

from pressplay.cluster.ledger import Entry
from pressplay.github.calls import Client
from pressplay.github.snapshots import PREFIX
from pressplay.steps.comments import answers, snapshot
from pressplay.steps.comments.answers import Answers
from pressplay.steps.core.context import Context
from pressplay.steps.runs.judging import moved
from pressplay.steps.runs.orders import CONTEXT
from pressplay.steps.runs.role_work import RoleWork
from pressplay.steps.runs.run import Run


def _judge(context: Context, gh: Client, run: Run, entry: Entry) -> Entry:
    """Comments are answered by commits (`done`), or in words alone (`nothing` was changed); by neither they are not."""
    outcome = moved(context, gh, run, entry)
    if outcome["outcome"] == "done" or Answers.of(context, gh, run.subject.repo, run.number, entry):
        return outcome
    return {**outcome, "outcome": "parked", "reason": "it changed nothing and answered nothing, though reviewers ask"}


def _files(context: Context, gh: Client, run: Run) -> Mapping[str, bytes]:
    kept = context.ledger(run.subject.repo).entries("pr", run.number).get(f"{PREFIX}{run.cause}") or {}
    return snapshot.files(gh, run.subject.repo, run.cause, kept.get(CONTEXT, ""))


def _newest(_context: Context, gh: Client, run: Run) -> Entry:
    return answers.newest(gh, run.subject.repo, run.number)


COMMENTS = RoleWork(judge=_judge, files=_files, note=_newest)
