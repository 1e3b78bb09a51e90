"""Where a task's run begins: at the base branch, or at the approved head of what it depends on (`release: approved`).

Only a single chain can be begun on: a commit that holds all that has not landed yet of what the task depends on. The
harness makes the branch there, and its ledger says where that was (`domain.entries.Stacked`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pressplay import names
from pressplay.backlog.tasks import FINISHED
from pressplay.domain.entries import Stacked
from pressplay.errors import TryAgain
from pressplay.github import comparison, pulls, refs
from pressplay.github.calls import Client
from pressplay.steps.core import approvals, backlog_file, landing, stack
from pressplay.steps.core.context import Context, Subject
from pressplay.steps.runs.role_work import CannotBegin
from pressplay.steps.runs.run import Run


def begins_at(context: Context, gh: Client, run: Run, base: str) -> str:
    """The commit that the run of a task begins at; CannotBegin. Idempotent: a try keeps what it was begun on."""
    repo, task, try_ = run.subject.repo, run.number, run.subject.attempt_of_person
    tip, ledger, branch = refs.head(gh, repo, base), context.ledger(run.subject.repo), names.task_branch(run.number)
    on = ledger.entries("task", task).get(Stacked)
    if on is None or on.try_ != try_:
        chosen = _chosen(context, run.subject, tip, try_)
        if chosen is None and on is None:
            return tip
        if on is not None and _goes_on(gh, repo, branch, on, chosen):
            chosen = replace(on, try_=try_)
        on = chosen or Stacked(try_=try_)
        ledger.record("task", task, on)
    if not on.head:
        return tip
    there = refs.create_branch(gh, repo, branch, on.head)
    if not comparison.contains(gh, repo, there, on.head):
        raise CannotBegin(
            f"the branch {branch} is there already and does not hold commit {on.head[:12]} of {stack.name(on)}: "
            "delete it, then press play again"
        )
    return on.head


def _goes_on(gh: Client, repo: str, branch: str, before: Stacked, chosen: Stacked | None) -> bool:
    """Whether the branch of an earlier try is there, begun on the same dependency: the agent goes on from it."""
    there = refs.find_head(gh, repo, branch) if before.head and (chosen is None or chosen.pr == before.pr) else None
    return there is not None and comparison.contains(gh, repo, there, before.head)


@dataclass(frozen=True)
class _Dependency:
    """What a task depends on."""

    task: int
    pull: pulls.Pull
    landed: str
    """The commit by which it landed; empty where it has not."""


def _chosen(context: Context, subject: Subject, tip: str, try_: int) -> Stacked | None:
    """What a task is begun on: the one dependency that holds all others that have not landed; None for the base."""
    if subject.settings.release != "approved" or names.kind_of(subject.task_number) != "task":
        return None
    gh = context.harness(subject.repo, **landing.NEEDS, checks="read")
    dependencies = _dependencies(context, gh, subject, tip)
    waiting = [dependency for dependency in dependencies if not dependency.landed]
    if not waiting:
        return None
    for dependency in waiting:
        if not approvals.is_approved(gh, subject.repo, dependency.pull):
            what = f"task {dependency.task} (#{dependency.pull.number}), which it needs, is not approved any more"
            if why := stack.fallen(context, subject, dependency.pull):
                raise CannotBegin(f"{what}: {why}")
            raise TryAgain(f"{what}, and is under review again")
    top = next((top for top in waiting if _holds(gh, subject.repo, top.pull.head_sha, dependencies)), None)
    if top is None:
        listed = ", ".join(str(dependency.task) for dependency in dependencies)
        raise CannotBegin(f"no approved commit holds all that it needs (tasks {listed}): it can begin once they landed")
    return Stacked(try_=try_, task=top.task, pr=top.pull.number, head=top.pull.head_sha)


def _dependencies(context: Context, gh: Client, subject: Subject, tip: str) -> list[_Dependency]:
    """What the backlog says that the task depends on and that is not done by it, with the pull requests."""
    backlog = backlog_file.read(context, gh, subject, tip)
    by_id = {task.id: task for task in backlog.tasks}
    needed = [by_id[id_] for id_ in backlog_file.of_number(subject, backlog).dependencies if id_ in by_id]
    result = []
    for task in needed:
        if task.status in FINISHED:
            continue
        work = replace(subject, task=task.number)
        pull = landing.pull_of(context, gh, work)
        if pull is None or (pull.state == "closed" and not pull.merged):
            raise CannotBegin(f"task {task.number}, which it needs, has no open pull request")
        landed = ""
        if pull.merged:
            entries = context.ledger(subject.repo).entries("task", task.number)
            landing_ = landing.of(context, gh, work, pull, entries)
            if landing_.problem:
                raise CannotBegin(f"task {task.number}, which it needs: pull request #{pull.number} {landing_.problem}")
            landed = landing_.commit
        result.append(_Dependency(task.number, pull, landed))
    return result


def _holds(gh: Client, repo: str, head: str, dependencies: Sequence[_Dependency]) -> bool:
    """Whether a commit holds every dependency, as it is on its branch or as it landed."""
    return all(
        any(comparison.contains(gh, repo, head, sha) for sha in (each.pull.head_sha, each.landed) if sha)
        for each in dependencies
    )
