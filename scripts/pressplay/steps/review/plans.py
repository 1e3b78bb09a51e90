"""The plan of probes that a commit holds for its pull request."""

from __future__ import annotations

from collections.abc import Collection

from pressplay import names
from pressplay.errors import InputError
from pressplay.gates.acceptance import probe_plan
from pressplay.gates.acceptance.probe_plan import ProbePlan
from pressplay.github import contents
from pressplay.github.calls import Client, GitHubRefused
from pressplay.steps.core.context import Subject


def read(gh: Client, subject: Subject, head: str, criteria: Collection[str] | None = None) -> ProbePlan | None:
    """The plan at a commit; None if it holds none.

    `criteria`: the ids of the task's criteria, where they are known. InputError if it is not one that proves anything,
    or has commands where the tests gate, which carries them out, is off.
    """
    where = names.acceptance_plan(subject.work_number)
    content = contents.read_file(gh, subject.repo, where, head)
    plan = None if content is None else probe_plan.read(content, where, criteria)
    if plan is not None and "command" in plan.kinds.values() and not subject.settings.tests.enabled:
        raise InputError(f"{where}: expected no commands, since the tests gate, which runs them, is off; take them out")
    return plan


def probes_deployment(gh: Client, subject: Subject, head: str) -> bool:
    """Whether a commit's plan has probes of its deployment. A plan that can't be read has: nothing else is known."""
    try:
        plan = read(gh, subject, head)
    except GitHubRefused:
        raise
    except InputError:
        return True
    return plan is not None and plan.needs_deployment
