"""The runs of the role `plan`: Morgan's DocsRun."""

from __future__ import annotations

from pressplay.cluster.ledger import Entry
from pressplay.cluster.port import Manifest
from pressplay.steps.core.context import Context
from pressplay.steps.documents import docs_requests, docsrun, documents_pull
from pressplay.steps.runs.role_work import RoleWork
from pressplay.steps.runs.run import Run


def _request(context: Context, run: Run, entry: Entry | None, started: bool) -> tuple[Manifest, Entry]:
    """The DocsRun; what it is asked is the same for as long as it stands."""
    asked = entry or {
        **run.identity,
        **docs_requests.asked(context, run),
        "started": int(context.clock.now()),
        "play": "",
    }
    return docsrun.request(context, run, asked, started=started)


PLAN = RoleWork(judge=documents_pull.judged, request=_request)
