"""The plan of probes that a commit holds for its pull request: read once, where no key is, and kept by commit.

QA writes the file. Only the step that reads a change parses it, and only that step has no key: everybody else takes
what was kept, as JSON of ours.
"""

from __future__ import annotations

from collections.abc import Collection

from pressplay import names
from pressplay.errors import InputError
from pressplay.gates.acceptance import probe_plan
from pressplay.gates.acceptance.probe_plan import ProbePlan
from pressplay.github import contents
from pressplay.github.calls import Client
from pressplay.steps.core import evidence
from pressplay.steps.core.context import Context, Subject

_NO_PLAN = "none"


class NotRead(InputError):
    """Nobody has read the commit's plan yet; the message says so."""


def read(gh: Client, subject: Subject, head: str, criteria: Collection[str] | None = None) -> ProbePlan | None:
    """The plan at a commit; None if it holds none. For steps without a key alone: it parses what QA wrote.

    `criteria`: the ids of the task's criteria, where they are known. InputError if it is not one that proves anything,
    or has commands where the tests gate, which carries them out, is off.
    """
    where = names.acceptance_plan(subject.work_number)
    content = contents.read_file(gh, subject.repo, where, head)
    plan = None if content is None else probe_plan.read(content, where, criteria)
    if plan is not None and "command" in plan.kinds.values() and not subject.settings.tests.enabled:
        raise InputError(f"{where}: expected no commands, since the tests gate, which runs them, is off; take them out")
    return plan


def keep(context: Context, subject: Subject, head: str, plan: ProbePlan | None) -> None:
    """Keep what `read` gave for a commit; None also for a plan that proves nothing."""
    evidence.keep(context, subject, head, {evidence.PLAN: plan.pack() if plan else _NO_PLAN})


def kept(context: Context, subject: Subject, head: str) -> ProbePlan | None:
    """The plan that was kept of a commit; None if it holds none that proves anything. NotRead where nobody read it."""
    packed = evidence.kept(context, subject.repo, subject.pull_number, head).get(evidence.PLAN)
    if packed is None:
        raise NotRead(f"the plan of probes of commit {head} has not been read: have the pull request reviewed again")
    return None if packed == _NO_PLAN else ProbePlan.unpack(packed, "the kept plan of probes")


def probes_deployment(context: Context, subject: Subject, head: str) -> bool:
    """Whether a commit's plan has probes of its deployment.

    Where nobody has read it, it has, unless nothing is ever deployed: an earlier version did not keep plans.
    """
    try:
        plan = kept(context, subject, head)
    except NotRead:
        return subject.settings.deploy.mode != "none"
    return plan is not None and plan.needs_deployment
