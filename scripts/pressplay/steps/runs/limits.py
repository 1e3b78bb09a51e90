"""The limits on runs (R4), counted from the ledger and the tallies, and checked once before each run."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from pressplay.domain.entries import Entries, PullOfTask, TaskOfPull
from pressplay.domain.entries import Run as RunEntry
from pressplay.domain.roles import FIX, LINT, TRIAGE
from pressplay.domain.usage import Usage
from pressplay.steps.core.context import Context, Subject
from pressplay.steps.core.verdicts import ACCEPTANCE, SUPPLY, TEST_ONLY, TESTS, check_name, verdict_on
from pressplay.steps.core.verdicts import LINT as LINT_GATE
from pressplay.steps.runs.run import Run

_MARKS = ("(limits.", "(budget.")
"""In the reason of a run that was refused at a limit: the value that says so."""


def day(context: Context, at: float | None = None) -> str:
    """The day (UTC) of a time (Unix seconds), over which runs are counted; today without one."""
    return datetime.fromtimestamp(context.clock.now() if at is None else at, UTC).date().isoformat()


def spans(context: Context, run: Run, began: float | None = None) -> list[str]:
    """The spans over which a run is counted: the day on which it `began`, and its play if it has one."""
    return [day(context, began), *([run.subject.play] if run.subject.play else [])]


def of_day(context: Context, subject: Subject) -> tuple[int, str]:
    """How many runs a repository may have in a day, and the key of the values that says so."""
    if subject.settings.budget.runs_per_day:
        return subject.settings.budget.runs_per_day, "budget.runsPerDay"
    return context.settings.limits.runs_per_repository_and_day, "limits.runsPerRepositoryAndDay"


def of_play(context: Context, subject: Subject) -> tuple[int, str]:
    """How many runs a play of a repository may have, and the key of the values that says so."""
    if subject.settings.budget.runs_per_play:
        return subject.settings.budget.runs_per_play, "budget.runsPerPlay"
    return context.settings.limits.runs_per_play, "limits.runsPerPlay"


def started(entries: Entries, subject: Subject) -> list[RunEntry]:
    """The runs that count: those of this try. A person's retry, or a new press, has its own allowance."""
    return [run for run in entries.runs_of(subject.attempt_of_person) if run.started is not None]


def triaged(runs: Iterable[RunEntry]) -> set[str]:
    """The causes of the Triage agent's runs: all attempts at one cause count once."""
    return {run.cause for run in runs if run.role == TRIAGE.name}


def minutes(runs: Iterable[RunEntry]) -> int:
    """The total minutes of the runs that have ended."""
    ended = (run for run in runs if run.ended and run.started is not None)
    return sum(max(0, (run.ended or 0) - (run.started or 0) - (run.held or 0)) for run in ended) // 60


def newest(entries: Entries, subject: Subject) -> RunEntry | None:
    """The newest run of this try. Within the same second a run that parks is the newer one."""

    def when(run: RunEntry) -> tuple[int, bool, int, int]:
        return run.ended or run.began, run.outcome in ("parked", "blocked"), run.round, run.attempt

    return max(entries.runs_of(subject.attempt_of_person), key=when, default=None)


def refusal(entries: Entries, subject: Subject) -> str:
    """Why the newest run of this try was refused at a limit; empty if it was not."""
    last = newest(entries, subject)
    at_limit = last is not None and last.outcome == "parked" and any(mark in last.reason for mark in _MARKS)
    return last.reason if last and at_limit else ""


def reached(context: Context, run: Run, entries: Entries) -> str:
    """Why no further run may start; empty if one may. `entries` is the run's ledger."""
    limits, ledger = context.settings.limits, context.ledger(run.subject.repo)
    own = started(entries, run.subject)
    allowed_runs = limits.runs_per_task if run.kind == "task" else limits.runs_per_pull_request
    today, *play = spans(context, run)
    if (run.role == FIX and run.round >= limits.rounds) or (run.role == LINT and run.round > limits.rounds):
        still = _still_open(entries, run)
        return f"{limits.rounds} {'round' if limits.rounds == 1 else 'rounds'} and {still} (limits.rounds)"
    tries = triaged(own) - {run.cause}
    if run.role == TRIAGE and len(tries) >= limits.triage_tries:
        return f"{len(tries)} failing checks of this pull request were triaged already (limits.triageTries)"
    if len(own) >= allowed_runs:
        what = "task (limits.runsPerTask)" if run.kind == "task" else "pull request (limits.runsPerPullRequest)"
        return f"{len(own)} runs for this {what}"
    spent, allowed = minutes(own), limits.minutes_per_task if run.kind == "task" else limits.minutes_per_pull_request
    if spent >= allowed:
        what = "task (limits.minutesPerTask)" if run.kind == "task" else "pull request (limits.minutesPerPullRequest)"
        return f"{spent} minutes of runs for this {what}"
    spent_too_much = _beyond_budget(context, run, own)
    if spent_too_much:
        return spent_too_much
    most, key = of_day(context, run.subject)
    if ledger.tally(today) >= most:
        return f"{most} runs of this repository today ({key})"
    most, key = of_play(context, run.subject)
    if play and ledger.tally(play[0]) >= most:
        return f"{most} runs in this play ({key})"
    if reason := _too_expensive(context, run, today):
        return reason
    if sum(context.ledger(repo).tally(today) for repo in context.settings.repositories) >= limits.runs_per_day:
        return f"{limits.runs_per_day} runs of the whole installation today (limits.runsPerDay)"
    return ""


def _beyond_budget(context: Context, run: Run, own: Iterable[RunEntry]) -> str:
    """Whether the runs for a task and its pull request used what they may, by what they reported; empty if not."""
    limits = context.settings.limits
    if not (limits.tokens_per_task or limits.cost_per_task):
        return ""
    used = Usage.of(entry.usage for entry in (*own, *_beside(context, run)))
    if limits.tokens_per_task and used.tokens >= limits.tokens_per_task:
        return f"{used.tokens} tokens for this task (limits.tokensPerTask)"
    if limits.cost_per_task and used.cost >= limits.cost_per_task:
        return f"{used.money} for this task (limits.costPerTask)"
    return ""


def _too_expensive(context: Context, run: Run, today: str) -> str:
    """Whether the runs of this day, or of the play, cost what they may, by what they reported; empty if not."""
    budget, ledger = run.subject.settings.budget, context.ledger(run.subject.repo)
    if budget.cost_per_day and (spent := ledger.spent(today)) >= budget.cost_per_day:
        return f"${spent:.2f} for runs of this repository today (budget.costPerDay)"
    if budget.cost_per_play and run.subject.play and (spent := ledger.spent(run.subject.play)) >= budget.cost_per_play:
        return f"${spent:.2f} for runs of this play (budget.costPerPlay)"
    most = context.settings.limits.cost_per_day
    if most and (spent := sum(context.ledger(repo).spent(today) for repo in context.settings.repositories)) >= most:
        return f"${spent:.2f} for runs of the whole installation today (limits.costPerDay)"
    return ""


def _beside(context: Context, run: Run) -> list[RunEntry]:
    """The runs for the same task that another ledger has: the pull request's for a task's, and the other way round."""
    ledger = context.ledger(run.subject.repo)
    entries = ledger.entries(run.kind, run.number)
    if run.kind == "task":
        pull = entries.get(PullOfTask)
        return started(ledger.entries("pr", pull.pr), run.subject) if pull else []
    task = entries.get(TaskOfPull)
    return started(ledger.entries("task", task.task), run.subject) if task else []


def _still_open(entries: Entries, run: Run) -> str:
    """What is still open after the last round, as a clause."""
    for gate in (LINT_GATE, TEST_ONLY, SUPPLY, TESTS, ACCEPTANCE):
        verdict = verdict_on(entries, gate, run.head)
        if verdict is not None and verdict.outcome == "fail":
            return f"{check_name(gate)} still fails: {verdict.reason}"
    return "QA still wants changes"
