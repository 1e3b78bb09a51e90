"""What is asked of Morgan in a try, and the verdict on it, in the ledger."""

from __future__ import annotations

from pressplay.cluster.ledger import Entry
from pressplay.cluster.port import Manifest
from pressplay.errors import InputError
from pressplay.steps.core import landing
from pressplay.steps.core.context import Context
from pressplay.steps.runs.run import Run


def asked(context: Context, run: Run) -> Entry:
    """The tasks that a run is to write documents for, and the commit that they were read at; InputError without any."""
    begun = context.ledger(run.subject.repo).entries("task", run.number).get(landing.BEGUN) or {}
    if begun.get("cause") != run.cause:
        raise InputError(
            f"{run.subject.repo}: no documents are asked for under the cause {run.cause}; start the flow "
            "docsrun-template, whose step docs-look notes what is asked"
        )
    return {"head": begun["head"], "tasks": begun["tasks"]}


def record_verdict(context: Context, repo: str, number: int, attempt_of_person: int, verdict: Entry) -> None:
    """Record how a try ended."""
    entry = {**verdict, "ended": int(context.clock.now())}
    context.ledger(repo).record("task", number, f"verdict-{attempt_of_person}", entry)


def end_orphan(context: Context, repo: str, run: Manifest) -> None:
    """Record that a DocsRun was deleted because nobody waits for it any more."""
    number, entry = _entry_of(context, repo, run)
    if entry is not None and "outcome" not in entry:
        came = {"outcome": "timeout", "reason": "its Workflow was stopped or is gone"}
        name = run["metadata"]["name"]
        ended = {**entry, **came, "ended": int(context.clock.now())}
        context.ledger(repo).record("task", number, name, ended)
        verdict = {**came, "pr": None, "link": f"{context.settings.github.web_url}/{repo}"}
        record_verdict(context, repo, number, entry["try"], verdict)


def _entry_of(context: Context, repo: str, run: Manifest) -> tuple[int, Entry | None]:
    number = int(run["metadata"]["labels"]["press-play/task"])
    return number, context.ledger(repo).entries("task", number).get(run["metadata"]["name"])
