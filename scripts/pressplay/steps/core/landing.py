"""Whether a task has landed: the only place where plans, plays, waits and summaries learn it (R2, R5).

A task has landed where its own pull request, which its ledger knows, was merged into the play's base branch by a person
(or by GitHub's merge queue, which a person added it to), and the merge commit is still part of that branch. For a pull
request that was merged in any other way the reason is shown, and a person takes over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pressplay import names
from pressplay.backlog.tasks import FINISHED, Backlog
from pressplay.clock import parse_rfc3339
from pressplay.domain import entries as entries_
from pressplay.domain.entries import Begun, Entries, Entry, Landed, PullOfTask, Stacked, TaskVerdict
from pressplay.github import comparison, issues, merges, pulls
from pressplay.github.calls import Client
from pressplay.settings import Settings
from pressplay.steps.core.context import Context, Subject

NEEDS = {"contents": "read", "pull_requests": "read"}
"""The permissions that the client needs."""

_SLACK = 120
"""Seconds by which GitHub's clock and ours may differ."""


@dataclass(frozen=True)
class Landing:
    """The result of a task's merged pull request."""

    pr: int
    base: str
    commit: str
    by: str
    problem: str
    """Why the task has not landed despite the merge, as the predicate of a sentence; empty if it has."""


def pull_of(context: Context, gh: Client, subject: Subject) -> pulls.Pull | None:
    """The pull request of a task in this try; None where there is none yet. `gh` has the permissions `NEEDS`.

    The first of: one that has landed, in any try; the newest open one of the task's branch, whoever opened it; the
    newest closed one of this try. Other pull requests that were closed or merged from a branch of that name are not the
    task's: an earlier backlog had tasks with the same numbers.
    """
    number = subject.task
    if number is None:
        return None
    entries = context.ledger(subject.repo).entries("task", number)
    candidates = _candidates(pulls.from_branch(gh, subject.repo, names.task_branch(number)), entries)
    known = recorded(entries)
    for pull in candidates:
        if pull.number in known and pull.merged and not of(context, gh, subject, pull, entries).problem:
            return pull
    for pull in candidates:
        if pull.state == "open" or _is_of_try(pull, entries, subject.attempt_of_person):
            return pull
    return None


def _candidates(listed: Sequence[pulls.Pull], entries: Entries) -> list[pulls.Pull]:
    """The pull requests of a task's branch that can be the task's: open ones first, then the newest first."""
    begun = entries.get(Begun)
    after = (begun.after if begun else None) or 0
    return sorted((pull for pull in listed if pull.number > after), key=lambda pull: pull.state != "open")


def recorded(entries: Entries) -> set[int]:
    """The numbers of the pull requests in a task's ledger, of all tries."""
    return {number for entry in entries if (number := _pull_of(entry))}


def _pull_of(entry: Entry) -> int | None:
    """The pull request that an entry of a task's ledger names."""
    if isinstance(entry, entries_.Run):
        return entry.result.pr if entry.result else None
    return entry.pr if isinstance(entry, PullOfTask | TaskVerdict | Landed) else None


def _is_of_try(pull: pulls.Pull, entries: Entries, try_: int) -> bool:
    """Whether a try recorded a closed pull request, or its run opened it and nothing recorded it yet."""
    if any(_pull_of(entry) == pull.number and getattr(entry, "try_", None) == try_ for entry in entries):
        return True
    if pull.number in recorded(entries):
        # It is of an earlier try; a ledger of an earlier release does not say which one.
        recorded_as = entries.get(PullOfTask)
        is_recorded = recorded_as is not None and recorded_as.pr == pull.number
        return is_recorded and not _has_ended_before(pull, entries, try_)
    began = [run.started for run in entries.runs_of(try_) if run.started is not None]
    return bool(began) and parse_rfc3339(pull.created_at) >= min(began) - _SLACK


def _has_ended_before(pull: pulls.Pull, entries: Entries, try_: int) -> bool:
    """Whether an earlier try's verdict names the pull request."""
    return any(verdict.pr == pull.number and verdict.try_ < try_ for verdict in entries.all(TaskVerdict))


def of(context: Context, gh: Client, subject: Subject, pull: pulls.Pull, entries: Entries, base: str = "") -> Landing:
    """The result of a task's merged pull request; `entries` is the task's ledger, `base` its base branch if known."""
    base = base or subject.base(gh)
    before = entries.get(Landed)
    if before and before.pr == pull.number and before.base == base:
        # Who merged it does not change; the branch may.
        merge: merges.Merge | None = merges.Merge(base, before.commit, before.by, is_person=True)
    else:
        merge = merges.merge(gh, subject.repo, pull.number)
    if merge is None:
        raise ValueError(f"pull request {pull.number} is not merged")
    problem = problem_of(merge, base, context.settings)
    begun_on = entries.get(Stacked)
    if not problem and begun_on is not None and begun_on.head == pull.head_sha:
        problem = f"was merged with nothing but the commits of #{begun_on.pr}, which it was begun on"
    if not problem and not comparison.contains(gh, subject.repo, base, merge.commit):
        problem = f"was merged as {merge.commit[:12]}, which is not part of {names.shown_branch(base)} any more"
    return Landing(pull.number, merge.base, merge.commit, merge.by, problem)


def problem_of(merge: merges.Merge, base: str, settings: Settings) -> str:
    """Why a merge does not land a task on `base`, as the predicate of a sentence; empty if it does."""
    if merge.base != base:
        return f"was merged into {names.shown_branch(merge.base)}, not {names.shown_branch(base)}"
    if not merge.by:
        return "was merged by an account that is gone, so that nobody can say whether a person did"
    if settings.is_ours(merge.by):
        return f"was merged by {merge.by}, an App of Press Play's: only people merge"
    if not merge.is_person:
        return f"was merged by {merge.by}, which is no person"
    return ""


def note(context: Context, subject: Subject, landing: Landing) -> str:
    """Record that a task has landed, or comment on its pull request, once, why it has not.

    Returns the reason, empty if it has landed. Idempotent.
    """
    if not landing.problem:
        entry = Landed(pr=landing.pr, base=landing.base, commit=landing.commit, by=landing.by)
        context.ledger(subject.repo).record("task", subject.task or 0, entry)
        return ""
    reason = f"pull request #{landing.pr} {landing.problem}"
    gh = context.harness(subject.repo, issues="write", pull_requests="write")
    issue = names.issue_of(subject.task or 0)
    how = f"close #{issue} as completed" if issue else "set its status to `done` in tasks.json"
    text = (
        f"Press Play does not take task {subject.task} as done: {reason}. What depends on it does not start. The next "
        f"press plays the task again; to have it taken as done anyway, {how}."
    )
    issues.comment(gh, subject.repo, landing.pr, text, marker=f"not-landed-{subject.task}")
    return reason


@dataclass(frozen=True)
class Landings:
    """Which of a backlog's tasks are done, by their pull requests."""

    done: Mapping[str, int]
    """Ids of tasks that have landed → the number of the pull request."""
    undone: Mapping[str, str]
    """Ids of tasks with a merged pull request that does not count → why, as a sentence of ours."""


def of_backlog(context: Context, gh: Client, subject: Subject, backlog: Backlog, base: str) -> Landings:
    """Which tasks of a backlog have landed on `base`, and which have a merged pull request that does not count.

    Tasks that the backlog has as done are left out.
    """
    merged: dict[str, list[pulls.Pull]] = {}
    for pull in pulls.all_pulls(gh, subject.repo, "closed"):
        if pull.merged and not pull.fork:
            merged.setdefault(pull.head_ref, []).append(pull)
    ledgers = {kept.number: kept.entries for kept in context.ledger(subject.repo).kept("task")} if merged else {}
    done: dict[str, int] = {}
    undone: dict[str, str] = {}
    for task in backlog.tasks:
        if task.status in FINISHED:
            continue
        entries = ledgers.get(task.number, Entries())
        known, work = recorded(entries), replace(subject, task=task.number)
        for pull in _candidates(merged.get(names.task_branch(task.number), []), entries):
            if pull.number not in known:
                why = "was merged from its branch, but not for this task: Press Play has no record of it"
            else:
                why = of(context, gh, work, pull, entries, base).problem
            if not why:
                done[task.id] = pull.number
                break
            undone.setdefault(task.id, f"#{pull.number} {why}")
    return Landings(done, {task: why for task, why in undone.items() if task not in done})
