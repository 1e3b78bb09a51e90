"""What is known of an approved commit, gathered for its proof. What nobody looked at stays absent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pressplay import __version__, names
from pressplay.backlog.tasks import Task
from pressplay.clock import rfc3339
from pressplay.domain import criteria
from pressplay.domain.entries import CriterionIds, Entries, GateEntry, Waiver
from pressplay.errors import InputError
from pressplay.gates.acceptance.proof import Proof
from pressplay.gates.proof import build
from pressplay.gates.proof import statement as parts
from pressplay.gates.proving.model import PROFILES
from pressplay.github import comparison, issues, pulls, refs
from pressplay.github.calls import Client, GitHubRefused
from pressplay.steps.core import backlog_file, verdicts
from pressplay.steps.core.context import Context, Subject


def statement(
    context: Context, subject: Subject, pull: pulls.Pull, entries: Entries, proof: Proof | None
) -> parts.Statement:
    """The Statement of a pull request's head; `proof` is what the acceptance gate captured of it."""
    gh = context.harness(subject.repo, contents="read", pull_requests="read")
    task = _task_of_backlog(context, gh, subject)
    waivers = {entry.subject: entry for entry in entries.all(Waiver) if entry.head == pull.head_sha}
    merge_base = comparison.compare(gh, subject.repo, pull.base_ref, pull.head_sha).merge_base
    return build.statement(
        source=f"{context.settings.github.web_url}/{subject.repo}",
        task=_task(subject, task),
        change=parts.Change(
            head=pull.head_sha,
            base=pull.base_ref,
            base_commit=pull.base_sha,
            merge_base=merge_base,
            tree=refs.tree(gh, subject.repo, pull.head_sha),
        ),
        made_at=context.clock.now(),
        gates=[build.gate(entry) for entry in _gates(entries, pull.head_sha)],
        versions=parts.Versions(pressplay=__version__),
        criteria=None if task is None else _criteria(context, subject, task, waivers),
        waivers=[build.waiver(entry) for entry in waivers.values()],
        probes=build.probes(proof) if proof else None,
        people=list(_people(context, subject, pull)) or None,
    )


def _task(subject: Subject, task: Task | None) -> parts.Task:
    kind = names.kind_of(subject.work_number)
    profile = task.raw.get("profile") if task else None
    return parts.Task(
        repo=subject.repo,
        pull=subject.pull_number,
        kind=kind,
        number=subject.work_number,
        tag=subject.tag if kind == "task" else None,
        profile=next((known for known in PROFILES if known == profile), None),
        profile_source="tasks.json" if profile in PROFILES else None,
        title=task.title if task else None,
        title_digest=parts.digest(task.title) if task else None,
    )


def _task_of_backlog(context: Context, gh: Client, subject: Subject) -> Task | None:
    """The task as tasks.json on the base branch has it; None for other work, and where the file can't be read."""
    if subject.task is None or names.kind_of(subject.task) != "task":
        return None
    try:
        backlog = backlog_file.read(gh, subject, subject.base(gh))
    except GitHubRefused:
        raise
    except InputError:
        context.say("tasks.json can't be read: the proof has neither the task's title nor its criteria")
        return None
    return next((task for task in backlog.tasks if task.number == subject.task), None)


def _criteria(
    context: Context, subject: Subject, task: Task, waivers: Mapping[str, Waiver]
) -> list[parts.CriterionShown]:
    known = context.ledger(subject.repo).entries("task", task.number).get(CriterionIds) or CriterionIds(ids={})
    return [
        build.criterion(criterion, None, waivers.get(criterion.id)) for criterion in criteria.of_task(task, known.ids)
    ]


def _gates(entries: Entries, head: str) -> Iterator[GateEntry]:
    """The verdicts on the head, without the count of limits, which says nothing of the commit."""
    for entry in entries.all(GateEntry):
        if entry.head == head and entry.gate != verdicts.LIMITS:
            yield entry


def _people(context: Context, subject: Subject, pull: pulls.Pull) -> Iterator[parts.Person]:
    label = context.settings.events.label
    if label.lower() in (name.lower() for name in pull.labels):
        deed = issues.labelled(context.harness(subject.repo, issues="read"), subject.repo, pull.number, label)
        if deed is not None and deed.is_person:
            yield parts.Person(login=deed.actor, did="asked for it", at=rfc3339(deed.at))
    if not pull.author_is_bot:
        yield parts.Person(login=pull.author, did="opened it")
