"""One run of an agent, from a step's inputs: its role, its key (R1) and its ledger.

A CodeRun or a DocsRun carries it out.
"""

from __future__ import annotations

from dataclasses import dataclass

from pressplay import names
from pressplay.cluster import waits
from pressplay.cluster.ledger import Subject as LedgerSubject
from pressplay.cluster.port import Manifest
from pressplay.domain.entries import Run as RunEntry
from pressplay.domain.roles import ROLES, Role
from pressplay.errors import InputError
from pressplay.github import refs
from pressplay.steps.core.context import Context, Inputs, Subject, number
from pressplay.steps.core.tried_merge import NONE, TriedMerge

AGAIN = "again"
"""The cause of QA's second run in a round: the harness refused the first one's commits."""
KINDS = ("CodeRun", "DocsRun")


@dataclass(frozen=True)
class Run:
    """A run with its key (R1)."""

    subject: Subject
    agent_id: str
    role: Role
    round: int
    head: str
    cause: str
    """What an ask is about: the snapshot's hash, the check's id, or the commits in conflict; for the role `plan` the
    tasks' hash. AGAIN for QA's second run in a round, else empty."""
    attempt: int
    workflow: str
    tried: TriedMerge | None = None
    """What git makes of the commits in conflict; None for other runs, and where nobody could try."""

    @staticmethod
    def of(inputs: Inputs, context: Context) -> Run:
        """Read and check a step's inputs; InputError, with the parameter's name, for a wrong one."""
        role = ROLES.get(inputs["role"])
        if role is None:
            raise InputError(f"parameter role: expected one of {', '.join(ROLES)}, got {inputs['role']!r}")
        cause = inputs.get("cause", "none")
        if role.has_cause and cause in ("", "none"):
            raise InputError(f"parameter cause: expected what the role {role.name} is to answer, got {cause!r}")
        return Run(
            subject=Subject.of(inputs, context),
            agent_id=context.settings.agent(inputs["github-app"])[0],
            role=role,
            round=number(inputs, "round") or 1,
            head=names.checked(inputs["head"], "head") if inputs.get("head") else "",
            cause=names.checked(cause, "cause") if role.has_cause or cause == AGAIN else "",
            attempt=number(inputs, "attempt") or 0,
            workflow=names.checked(inputs["workflow"], "workflow") if inputs.get("workflow") else "",
            tried=TriedMerge.unpack(inputs.get("merge", NONE)),
        )

    @property
    def kind(self) -> LedgerSubject:
        """The kind of ledger that has the run's entry."""
        return self.role.works_on

    @property
    def resource(self) -> str:
        """The kind of the custom resource that carries the run out."""
        return self.role.resource

    def entry(self) -> RunEntry:
        """A new ledger entry of the run: only its key is known."""
        return RunEntry(
            name=self.name,
            role=self.role.name,
            agent=self.agent_id,
            round=self.round,
            cause=self.cause,
            attempt=self.attempt,
            try_=self.subject.attempt_of_person,
        )

    @property
    def work(self) -> int:
        """The number under which the agent works: its CodeRun's taskId, and the name of its branch and folder."""
        number = self.subject.work_number
        return names.independent_number(number) if self.role.is_apart else number

    @property
    def context_branch(self) -> str:
        """The branch with the run's instructions."""
        return names.context_branch(self.name)

    @property
    def number(self) -> int:
        """The task's or the pull request's number; InputError where the step was given none."""
        value = self.subject.task if self.kind == "task" else self.subject.pr
        if value is None:
            raise InputError(f"role {self.role.name}: expected the parameter {self.kind}")
        return value

    @property
    def name(self) -> str:
        """The name of its CodeRun or DocsRun, a hash of the run's key."""
        cause = "+".join([self.head, str(self.round), *([AGAIN] if self.cause == AGAIN else [])])
        if self.role.has_cause:
            cause = f"{self.role.name}+{self.cause}"
        elif self.role.stage == "task":
            cause = self.role.name
        docs = self.subject.settings.docs_project_directory or ""
        who = (self.subject.repo, self.kind, str(self.number), self.subject.tag, docs, self.agent_id)
        return names.run_name((*who, cause, str(self.attempt), str(self.subject.attempt_of_person)))


def has_ended(run: Manifest) -> bool:
    """Whether a CodeRun or DocsRun has ended."""
    return (run.get("status") or {}).get("phase") in waits.FINISHED


def take_away(context: Context, repo: str, kind: str, name: str) -> None:
    """Delete a CodeRun or DocsRun that nobody waits for any more, with its context branch.

    The branch goes first: a branch without a run looks like that of a run that is about to start, and would stay.
    """
    refs.delete_branch(context.harness(repo, contents="write"), repo, names.context_branch(name))
    context.cluster.delete(kind, context.settings.controller_namespace, name)
