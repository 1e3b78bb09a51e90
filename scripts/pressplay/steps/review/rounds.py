"""The round in which a review continues."""

from __future__ import annotations

from pressplay.domain import roles
from pressplay.domain.entries import Entries
from pressplay.domain.roles import FIX
from pressplay.steps.core.context import Subject
from pressplay.steps.runs.judging import BLOCKED


def next_round(entries: Entries, subject: Subject) -> int:
    """The round to continue with: the one after the last fix of this try, else the last round.

    A request restarts the count: a person (or a new failure) wants something else than QA did. A round in which an
    agent was blocked is over: its runs have their outcomes, and an answer needs new runs.
    """
    own = entries.runs_of(subject.attempt_of_person)
    newest_ask = max((run.started or 0 for run in own if run.role in roles.named("ask")), default=0)
    rounds = [run for run in own if run.role in roles.named("round") and run.began >= newest_ask]
    last = max((run.round for run in rounds), default=1)
    fixed = any(run.round == last and run.role == FIX.name and run.outcome == "done" for run in rounds)
    blocked = max((run.round for run in own if run.outcome == BLOCKED), default=0)
    return max(last + 1 if fixed else last, blocked + 1)
