"""Criteria first: whether a task wants independent criteria, and those that are recorded."""

from __future__ import annotations

from pressplay import names
from pressplay.backlog.tasks import Task
from pressplay.domain import criteria
from pressplay.domain.entries import IndependentPlan
from pressplay.domain.profiles import Profile
from pressplay.gates.acceptance.probe_plan import ProbePlan
from pressplay.github.calls import Client
from pressplay.steps.core import backlog_file
from pressplay.steps.core.context import Context, Subject

_PROFILES: frozenset[Profile] = frozenset({"feature", "fix"})
"""Whose tasks ask for new behaviour, which a text can say before there is code."""


def asks(subject: Subject, profile: Profile) -> bool:
    """Whether the values ask for independent criteria of the subject's work, a task of the backlog."""
    of_backlog = subject.task is not None and names.kind_of(subject.task) == "task"
    tests = subject.settings.tests
    return of_backlog and tests.enabled and tests.criteria_first and not tests.checks and profile in _PROFILES


def wanted(context: Context, gh: Client, subject: Subject) -> str:
    """The digest of the task's text where independent criteria of it must be written yet; empty where none must.

    InputError where the backlog can't be read, or does not hold the task.
    """
    if not asks(subject, backlog_file.profile(context, gh, subject)):
        return ""
    cause = digest(backlog_file.task(context, gh, subject, subject.base(gh)))
    recorded = context.ledger(subject.repo).entries("task", subject.task_number).get(IndependentPlan)
    return "" if recorded is not None and recorded.cause == cause else cause


def digest(task: Task) -> str:
    """Stands for all of a task's text that says what it must do."""
    texts = [criterion.text for criterion in criteria.of_task(task, {})]
    parts = [text for part in task.subtasks for text in (part.title, part.description, part.details)]
    # Only where there are some: the digest of a task without them stays as earlier versions made it.
    parts += [
        text for guidance in (task.guidance, *(part.guidance for part in task.subtasks)) for text in guidance.demands
    ]
    return names.digest("criteria", task.title, task.description, task.details, *parts, *texts, length=12)


def recorded(context: Context, subject: Subject) -> ProbePlan | None:
    """The plan that is recorded for the subject's task; None where there is none."""
    entry = context.ledger(subject.repo).entries("task", subject.task_number).get(IndependentPlan)
    return ProbePlan.unpack(entry.plan, "the plan of independent criteria") if entry and entry.plan else None
