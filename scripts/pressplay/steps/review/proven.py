"""What is known of an approved commit, gathered for its proof. What nobody looked at stays absent."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Literal

from pressplay import __version__, names
from pressplay.backlog.tasks import Task
from pressplay.clock import rfc3339
from pressplay.domain import criteria
from pressplay.domain.criteria import Criterion
from pressplay.domain.entries import CriterionIds, Entries, GateEntry, GivenProfile, Retest, Waiver
from pressplay.domain.profiles import Profile
from pressplay.errors import InputError
from pressplay.gates.acceptance.coverage import coverage
from pressplay.gates.acceptance.probe_plan import ProbePlan
from pressplay.gates.acceptance.proof import Proof
from pressplay.gates.proof import build
from pressplay.gates.proof import statement as parts
from pressplay.gates.proving.judgement import Judgement
from pressplay.github import issues, pulls, refs
from pressplay.github.calls import Client, GitHubRefused
from pressplay.steps.core import backlog_file, evidence, stack, task_profile, verdicts
from pressplay.steps.core.context import Context, Subject
from pressplay.steps.review import plans, proofs


def statement(
    context: Context, subject: Subject, pull: pulls.Pull, entries: Entries, proof: Proof | None
) -> parts.Statement:
    """The Statement of a pull request's head; `proof` is what the acceptance gate captured of it."""
    gh = context.harness(subject.repo, contents="read", pull_requests="read")
    task = _task_of_backlog(context, gh, subject)
    records = evidence.kept(context, subject.repo, pull.number, pull.head_sha)
    judgement = Judgement.unpack(records[evidence.JUDGEMENT]) if evidence.JUDGEMENT in records else None
    plan = _plan(context, subject, pull.head_sha)
    waivers = {entry.subject: entry for entry in entries.all(Waiver) if entry.head == pull.head_sha}
    merge_base = stack.compared(context, gh, subject, pull.base_ref, pull.head_sha).merge_base
    known = entries.get(Retest, Retest.key_of(pull.head_sha))
    update = known if known is not None and known.of else None
    return build.statement(
        source=f"{context.settings.github.web_url}/{subject.repo}",
        task=_task(subject, task, entries, _profile(context, gh, subject, entries, judgement)),
        change=parts.Change(
            head=pull.head_sha,
            base=pull.base_ref,
            base_commit=pull.base_sha,
            merge_base=merge_base,
            tree=refs.tree(gh, subject.repo, pull.head_sha),
            update_of=update.of if update else None,
            update_onto=update.onto if update else None,
        ),
        made_at=context.clock.now(),
        gates=[build.gate(entry) for entry in _gates(entries, pull.head_sha)],
        versions=parts.Versions(pressplay=__version__, environment=_contract(records)),
        criteria=None
        if task is None
        else _criteria(context, subject, task, waivers, _coverage(plan, judgement, proof)),
        tests=build.tests(judgement) if judgement else None,
        controls=build.controls(judgement) if judgement else None,
        waivers=[build.waiver(entry) for entry in waivers.values()],
        changed_expectations=_expectations(records),
        probes=build.probes(proof, judgement, plan.digest if plan else ""),
        independent=build.independent(judgement) if judgement else None,
        supply=proofs.supply(records, pull.head_sha),
        people=list(_people(context, subject, pull)) or None,
    )


def _plan(context: Context, subject: Subject, head: str) -> ProbePlan | None:
    try:
        return plans.kept(context, subject, head)
    except plans.NotRead:
        # An earlier version's Workflow judged the commit.
        return None


def _contract(records: Mapping[str, str]) -> parts.Contract | None:
    origins: tuple[Literal["file", "values", "detected"], ...] = ("file", "values", "detected")
    origin = next((origin for origin in origins if origin == records.get(evidence.CONTRACT)), None)
    return parts.Contract(origin=origin) if origin else None


def _expectations(records: Mapping[str, str]) -> list[parts.ChangedExpectation] | None:
    if evidence.EXPECTATIONS not in records:
        return None
    return [parts.ChangedExpectation(**change) for change in json.loads(records[evidence.EXPECTATIONS])]


Shown = Callable[[Criterion], list[parts.Evidence] | None]
"""What shows a criterion; None where nobody looked."""


def _coverage(plan: ProbePlan | None, judgement: Judgement | None, proof: Proof | None) -> Shown:
    """What shows each criterion, by the plan where it counts, and by independent probes."""
    independent = judgement.independent if judgement else None
    if (plan is None or (judgement is None and proof is None)) and independent is None:
        return lambda _criterion: None
    held = {probe.name for probe in proof.probes if probe.passed} if proof else set()
    held |= {p.name for p in judgement.probes if p.held and p.newness != "not new"} if judgement else set()
    proving = judgement.proving if judgement else frozenset()

    def shown(criterion: Criterion) -> list[parts.Evidence]:
        evidence = []
        if plan is not None:
            (covered,) = coverage(plan, [criterion], proving, held)
            evidence += [parts.Evidence(kind="test", name=name) for name in covered.tests]
            evidence += [parts.Evidence(kind="probe", name=name) for name in covered.probes]
        if independent is not None and criterion.id in independent.held:
            evidence.append(parts.Evidence(kind="independent", name=independent.plan))
        return evidence

    return shown


def _profile(context: Context, gh: Client, subject: Subject, entries: Entries, judgement: Judgement | None) -> Profile:
    """The profile that the commit was judged by; where no tests were judged, the one that counts now."""
    return judgement.profile if judgement else task_profile.of(context, gh, subject, entries)


def _task(subject: Subject, task: Task | None, entries: Entries, profile: Profile) -> parts.Task:
    kind = names.kind_of(subject.work_number)
    given = entries.get(GivenProfile)
    stated = "tasks.json" if task is not None and task.profile else None
    return parts.Task(
        repo=subject.repo,
        pull=subject.pull_number,
        kind=kind,
        number=subject.work_number,
        tag=subject.tag if kind == "task" else None,
        profile=profile,
        profile_source=f"comment {given.comment} by {given.by}" if given else stated,
        title=task.title if task else None,
        title_digest=parts.digest(task.title) if task else None,
    )


def _task_of_backlog(context: Context, gh: Client, subject: Subject) -> Task | None:
    """The task as the backlog has it; None for other work, and where the backlog can't be read."""
    if subject.task is None or names.kind_of(subject.task) != "task":
        return None
    try:
        backlog = backlog_file.read(context, gh, subject, subject.base(gh))
    except GitHubRefused:
        raise
    except InputError:
        context.say("the backlog can't be read: the proof has neither the task's title nor its criteria")
        return None
    return next((task for task in backlog.tasks if task.number == subject.task), None)


def _criteria(
    context: Context, subject: Subject, task: Task, waivers: Mapping[str, Waiver], shown: Shown
) -> list[parts.CriterionShown]:
    known = context.ledger(subject.repo).entries("task", task.number).get(CriterionIds) or CriterionIds(ids={})
    return [
        build.criterion(criterion, shown(criterion), waivers.get(criterion.id))
        for criterion in criteria.of_task(task, known.ids)
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
