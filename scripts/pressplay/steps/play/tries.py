"""The start of a task's try: its Workflow, and the cleanup after the try before."""

from __future__ import annotations

from pressplay import names
from pressplay.cluster.port import Manifest
from pressplay.domain.entries import Begun, PullOfTask, TaskOfPull
from pressplay.github import pulls, refs
from pressplay.steps.core import criteria_first, landing, start, task_source
from pressplay.steps.core.context import Context, Subject


def workflow(context: Context, subject: Subject, name: str, *, priority: int, agent: str = "rex") -> Manifest:
    """The Workflow `task` of a play's task, of an issue or of a group of alerts; `agent` implements.

    Its parameters say where it begins: whoever makes it may ask GitHub, so that no pod of its own does.
    """
    task = subject.task_number
    arguments = {
        "repo": subject.repo,
        "task-id": str(task),
        "tag": subject.tag,
        "play": subject.play,
        "try": str(subject.attempt_of_person),
        "agent": agent,
        **begins(context, subject),
    }
    labels = {"press-play/task": str(task), **({"press-play/play": subject.play} if subject.play else {})}
    return start.workflow(context, "task", name, arguments, labels, priority)


def begins(context: Context, subject: Subject) -> dict[str, str]:
    """Where a task begins: with `implement`, `review` (its pull request `pr` is open), or not at all (`merged`).

    `criteria`: the cause of a run that writes independent criteria first; `none` where none are wanted. They are also
    wanted where a pull request is open: it may be there to keep them from being written.
    """
    gh = context.harness(subject.repo, **landing.NEEDS)
    pull = landing.pull_of(context, gh, subject)
    if pull is not None and pull.merged:
        return {"begins": "merged", "pr": str(pull.number), "criteria": "none"}
    cause = criteria_first.wanted(context, gh, subject) or "none"
    if pull is not None and pull.state == "open":
        ledger = context.ledger(subject.repo)
        ledger.record("task", subject.task_number, PullOfTask(pr=pull.number, try_=subject.attempt_of_person))
        ledger.record("pr", pull.number, TaskOfPull(task=subject.task_number, tag=subject.tag))
        task_source.opened(context, subject, pull.number)
        return {"begins": "review", "pr": str(pull.number), "criteria": cause}
    return {"begins": "implement", "pr": "none", "criteria": cause}


def begin_try(context: Context, subject: Subject, comment: int | None = None) -> None:
    """Record, once, that a new try begins: of an issue, of a group of alerts, or of a task requested by name.

    `comment` is the Issue agent's newest comment before the try. The pull request will be a new one, so the branch of a
    closed one is deleted: an agent would continue from it.
    """
    ledger = context.ledger(subject.repo)
    begun = ledger.entries("task", subject.task_number).get(Begun)
    if begun is not None and begun.try_ == subject.attempt_of_person:
        return
    branch = names.task_branch(subject.task_number)
    gh = context.harness(subject.repo, contents="write", pull_requests="read")
    before = pulls.find_pull(gh, subject.repo, branch)
    closed = before is not None and before.state == "closed"
    if before is not None and closed and refs.find_head(gh, subject.repo, branch) == before.head_sha:
        refs.delete_branch(gh, subject.repo, branch)
    after = before.number if before is not None and closed else 0
    now = int(context.clock.now())
    entry = Begun(try_=subject.attempt_of_person, after=after, began=now, comment=comment)
    ledger.record("task", subject.task_number, entry)
