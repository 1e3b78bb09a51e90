"""The flow of documents: the request to Morgan, and its result. `run-agent` does the run.

What is asked stands in the ledger of the number that stands for the documents of a backlog (`names.documents_number`),
under `begun`: {try, cause, tasks, head, why, began}. A try ends with its verdict; a press after that is the next try.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace

from pressplay import names
from pressplay.backlog.tasks import Task
from pressplay.domain.entries import Begun, Documents, Entries, TaskVerdict
from pressplay.domain.roles import PLAN
from pressplay.errors import InputError
from pressplay.github import pulls, refs
from pressplay.github.calls import Client
from pressplay.steps.core import backlog_file, landing
from pressplay.steps.core.context import Context, Inputs, Outputs, Subject
from pressplay.steps.documents import docs_requests, task_documents


def look(inputs: Inputs, context: Context) -> Outputs:
    """What lacks documents, and what Morgan shall write: state `go` with tag, task (its number), cause, try.

    Nothing to do: `nothing` (no task lacks any), `open` (an open pull request brings all that lacks; pr and link).
    `asked` and `later` count the tasks that are asked for, and those for which there is no room in one run.
    """
    subject = Subject.of(inputs, context)
    why = names.checked(inputs.get("why") or "asked", "why")
    context.settings.agent(task_documents.AGENT)
    gh = context.harness(subject.repo, contents="read", pull_requests="read")
    if not (inputs.get("tag") or subject.settings.tag):
        # Taskmaster's current one, as for a press.
        subject = replace(subject, tag=names.checked(backlog_file.resolved(gh, subject).tag.value, "tag"))
    number = names.documents_number(subject.tag, subject.settings.docs_project_directory or "")
    _label(context, subject, number, inputs.get("workflow", ""))
    base = subject.base(gh)
    head = refs.head(gh, subject.repo, base)
    backlog = backlog_file.read(context, gh, subject, head)
    landed = landing.of_backlog(context, gh, subject, backlog, base).done
    planned = backlog_file.remaining(subject, backlog, landed, inputs.get("tasks", ""))
    wanted = task_documents.lacking(gh, subject, head, (playable.task for playable in planned.playable))
    brought = _brought(context, gh, subject)
    left = [task for task in wanted if task.number not in brought]
    if not left:
        return _nothing(context, subject, wanted, brought)
    now = left[: context.settings.limits.documents_per_run]
    ledger = context.ledger(subject.repo)
    begun = Begun(
        try_=_try(ledger.entries("task", number)),
        # Of the tasks as they stand in the file: what is asked for again after a change is another run.
        cause=names.digest(
            "documents", *(f"{task.number}:{json.dumps(task.raw, sort_keys=True)}" for task in now), length=12
        ),
        tasks=tuple(task.number for task in now),
        head=head,
        why=why,
        began=int(context.clock.now()),
    )
    ledger.record("task", number, begun)
    context.say(f"documents are asked for: tasks {_listed(now)}; for later: {len(left) - len(now)}")
    return {
        **_outputs(context, subject, "go"),
        "task": str(number),
        "cause": str(begun.cause),
        "try": str(begun.try_),
        "asked": str(len(now)),
        "later": str(len(left) - len(now)),
    }


def _nothing(context: Context, subject: Subject, wanted: list[Task], brought: Mapping[int, int]) -> Outputs:
    if not wanted:
        context.say("no open task lacks documents; nothing was started")
        return _outputs(context, subject, "nothing")
    pr = max(brought[task.number] for task in wanted)
    context.say(f"documents of tasks {_listed(wanted)} wait to be merged (pull request {pr}); nothing was started")
    return _outputs(context, subject, "open", pr)


def _listed(tasks: Iterable[Task]) -> str:
    return ", ".join(str(task.number) for task in tasks)


def _outputs(context: Context, subject: Subject, state: str, pr: int | None = None) -> Outputs:
    web = f"{context.settings.github.web_url}/{subject.repo}"
    return {"state": state, "tag": subject.tag, "pr": str(pr or "none"), "link": f"{web}/pull/{pr}" if pr else web}


def _brought(context: Context, gh: Client, subject: Subject) -> dict[int, int]:
    """The tasks whose documents an open pull request brings, with its number."""
    ledger = context.ledger(subject.repo)
    numbers: dict[int, int] = {}
    for pull in pulls.all_pulls(gh, subject.repo, state="open"):
        if task_documents.is_morgans(context, pull):
            brought = ledger.entries("pr", pull.number).get(Documents)
            if brought is not None:
                numbers |= dict.fromkeys(set(brought.tasks) - set(brought.lacking), pull.number)
    return numbers


def _try(entries: Entries) -> int:
    """The try that is under way; once it has its verdict, a new press is the next one (R1)."""
    begun = entries.get(Begun)
    newest = begun.try_ if begun else 1
    return newest + 1 if TaskVerdict.key_of(newest) in entries else newest


def _label(context: Context, subject: Subject, number: int, workflow: str) -> None:
    """Label the Workflow, which `argo submit` made, with what it works on (R11); its waits are found by that."""
    namespace = context.settings.namespace
    if workflow and context.cluster.get("Workflow", namespace, workflow) is not None:
        labels = {"press-play/repo": names.repo_key(subject.repo), "press-play/task": str(number)}
        metadata = {"name": workflow, "namespace": namespace, "labels": labels}
        context.cluster.apply({"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": metadata})


def settle(inputs: Inputs, context: Context) -> Outputs:
    """Record the verdict, by the newest run's outcome; InputError, with the reason, if that is not `done`."""
    subject = Subject.of(inputs, context)
    number = subject.task_number
    try_ = subject.attempt_of_person
    runs = [
        run
        for run in context.ledger(subject.repo).entries("task", number).runs_of(try_)
        if run.role == PLAN.name and run.result is not None
    ]
    newest = max(runs, key=lambda run: (run.ended or 0, run.attempt), default=None)
    if newest is None or newest.result is None:
        raise InputError(f"documents of {subject.repo}: no run has ended in try {try_}")
    result = newest.result
    outputs = _outputs(context, subject, result.outcome, result.pr)
    outcome, reason = outputs.pop("state"), result.reason
    verdict = TaskVerdict(
        try_=try_, outcome=outcome, reason=reason, details=result.details, pr=result.pr, link=outputs["link"]
    )
    docs_requests.record_verdict(context, subject.repo, number, verdict)
    if outcome != "done":
        raise InputError(f"documents of {subject.repo}: {outcome}: {result.why.line()}")
    return {"outcome": outcome, **outputs}
