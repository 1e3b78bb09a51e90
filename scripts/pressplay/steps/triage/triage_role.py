"""The runs of the role `triage`: the failure that they read, and the result that they must have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pressplay.domain import entries
from pressplay.github.calls import Client
from pressplay.steps.core.context import Context
from pressplay.steps.runs.judging import moved
from pressplay.steps.runs.role_work import RoleWork
from pressplay.steps.runs.run import Run
from pressplay.steps.triage import failure


def _judge(context: Context, gh: Client, run: Run, entry: entries.Run) -> entries.Result:
    """`done` for commits, which a review follows; without a commit the run is parked."""
    result = moved(context, gh, run, entry)
    if result.outcome == "nothing":
        return replace(result, outcome="parked", reason="it changed nothing, though a check fails")
    return result


def _files(context: Context, _gh: Client, run: Run) -> Mapping[str, bytes]:
    return failure.files(context, run.subject, run.number, run.cause)


TRIAGE = RoleWork(judge=_judge, files=_files)
