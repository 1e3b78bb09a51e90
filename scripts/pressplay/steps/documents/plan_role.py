"""The runs of the role `plan`: Morgan's DocsRun."""

from __future__ import annotations

from dataclasses import replace

from pressplay.cluster.port import Manifest
from pressplay.domain.entries import Run as RunEntry
from pressplay.steps.core.context import Context
from pressplay.steps.documents import docs_requests, docsrun, documents_pull
from pressplay.steps.runs.role_work import RoleWork
from pressplay.steps.runs.run import Run


def _request(context: Context, run: Run, entry: RunEntry | None, started: bool) -> tuple[Manifest, RunEntry]:
    """The DocsRun; what it is asked is the same for as long as it stands."""
    if entry is None:
        head, tasks = docs_requests.request_of(context, run)
        entry = replace(run.entry(), head=head, tasks=tasks, started=int(context.clock.now()), play="")
    return docsrun.request(context, run, entry, started=started)


PLAN = RoleWork(judge=documents_pull.judged, request=_request)
