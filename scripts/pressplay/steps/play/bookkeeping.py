"""What the statuses of a backlog should be, by GitHub and the ledgers: for tasks.json, from which other tools go on."""

from __future__ import annotations

from collections.abc import Iterator

from pressplay.backlog.statuses import Standing
from pressplay.backlog.tasks import Backlog
from pressplay.github.calls import Client
from pressplay.steps.core import landing
from pressplay.steps.core.context import Context, Subject
from pressplay.steps.play import presses


def standings(context: Context, gh: Client, subject: Subject, backlog: Backlog, base: str) -> Iterator[Standing]:
    """Tasks with a status that is known: what landed is done, what the newest play has under way the rest.

    `gh` has the permissions `landing.NEEDS`. A task that was parked waits for a person like one that was approved.
    Tasks that failed or were never begun are left out.
    """
    done = landing.of_backlog(context, gh, subject, backlog, base).done
    plays = presses.existing(context, subject)
    newest = max([*plays.templates, *plays.workflows], default=0)
    states = {task.number: task.state for task in presses.standing(context, subject, plays, newest)}
    is_under_way = plays.under_way is not None
    for task in backlog.tasks:
        state = states.get(task.number)
        if task.id in done:
            yield Standing(task.id, task.title, "done")
        elif state in (presses.MERGE, presses.PARKED):
            yield Standing(task.id, task.title, "review")
        elif state == presses.AT_WORK and is_under_way:
            yield Standing(task.id, task.title, "in-progress")
