"""The request to Morgan in a try, and its verdict, in the ledger."""

from __future__ import annotations

from dataclasses import replace

from pressplay.cluster.port import Manifest
from pressplay.domain.entries import Begun, Result, TaskVerdict
from pressplay.domain.entries import Run as RunEntry
from pressplay.errors import InputError
from pressplay.steps.core.context import Context
from pressplay.steps.runs.run import Run


def request_of(context: Context, run: Run) -> tuple[str, tuple[int, ...]]:
    """The commit whose tasks.json was read for a run, and the numbers of the tasks that need documents.

    InputError if no request has the run's cause.
    """
    begun = context.ledger(run.subject.repo).entries("task", run.number).get(Begun)
    if begun is None or begun.cause != run.cause:
        raise InputError(
            f"{run.subject.repo}: no documents are asked for under the cause {run.cause}; start the flow "
            "docsrun-template, whose step docs-look notes what is asked"
        )
    return begun.head or "", begun.tasks or ()


def record_verdict(context: Context, repo: str, number: int, verdict: TaskVerdict) -> None:
    """Record how a try ended."""
    context.ledger(repo).record("task", number, replace(verdict, ended=int(context.clock.now())))


def end_orphan(context: Context, repo: str, run: Manifest) -> None:
    """Record that a DocsRun was deleted because nobody waits for it any more."""
    number = int(run["metadata"]["labels"]["press-play/task"])
    entry = context.ledger(repo).entries("task", number).get(RunEntry, run["metadata"]["name"])
    if entry is None or entry.result is not None:
        return
    result = Result(outcome="timeout", reason="its Workflow was stopped or is gone")
    context.ledger(repo).record("task", number, entry.with_result(result, context.clock.now()))
    link = f"{context.settings.github.web_url}/{repo}"
    verdict = TaskVerdict(try_=entry.try_, outcome=result.outcome, reason=result.reason, link=link)
    record_verdict(context, repo, number, verdict)
