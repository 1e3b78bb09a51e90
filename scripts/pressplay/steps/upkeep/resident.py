"""`reconcile` in one process that stays: a pass when its schedule says so, whatever came of the last one (R2, R3)."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from cronsim import CronSim, CronSimError

from pressplay.clock import Clock
from pressplay.errors import InputError, PressPlayError

LONGEST = 660.0
"""Seconds after which a pass counts as hung: a little more than the ten minutes of the step's template."""
LATE = 300.0
"""Seconds by which a pass may be late: the doctor's patience, too."""
_BEAT = 60.0
_SHOWN = 600
"""Characters of a fault that the log shows."""


class Resident:
    """A pass whenever a schedule says so, with two files for the probes of the pod.

    Each holds a time in Unix seconds: the process is alive, and reconciling is in order, until then. Nobody has to end
    what hangs to see it: a time that passes says so by itself.
    """

    def __init__(
        self, schedule: str, probes: Path, clock: Clock, rest: Callable[[float], bool], say: Callable[[str], None]
    ) -> None:
        """`schedule`: five fields of cron, in UTC; InputError for any other text.

        `rest` waits for so many seconds, and is true once the process is to end. `say` writes a line to the log.
        """
        try:
            CronSim(schedule, datetime.now(UTC))
        except CronSimError as error:
            raise InputError(
                f"reconcile.schedule {schedule!r}: expected five fields of cron, for example '* * * * *': {error}"
            ) from error
        self._schedule, self._clock, self._rest, self._say = schedule, clock, rest, say
        self._alive, self._ready = probes / "alive", probes / "ready"
        probes.mkdir(parents=True, exist_ok=True)

    def run(self, work: Callable[[], None]) -> None:
        """Do `work` at once and then by the schedule, until `rest` says that it is the end.

        What is missed while a pass runs is dropped, as where Argo runs it.
        """
        while True:
            self._until(self._alive, self._clock.now() + LONGEST)
            done = self._pass(work)
            now = self._clock.now()
            due = float(next(CronSim(self._schedule, datetime.fromtimestamp(now, UTC))).timestamp())
            self._until(self._ready, due + LATE if done else 0.0)
            while now < due:
                self._until(self._alive, now + LONGEST)
                if self._rest(min(due - now, _BEAT)):
                    return
                now = self._clock.now()

    def _pass(self, work: Callable[[], None]) -> bool:
        """Whether a pass came to its end; its fault goes to the log and ends nothing."""
        try:
            work()
        except PressPlayError as error:
            self._say(reason(error))
            return False
        except Exception as error:
            # A fault of ours in one pass must not keep the next from being made.
            self._say(f"{reason(error)}\n{''.join(traceback.format_tb(error.__traceback__))}")
            return False
        return True

    def _until(self, file: Path, moment: float) -> None:
        half = file.with_suffix(".new")
        half.write_text(f"{int(moment)}\n")
        half.replace(file)


def reason(error: BaseException) -> str:
    """What went wrong, and the deepest cause of it where that is another."""
    deepest = error
    while deepest.__cause__ is not None:
        deepest = deepest.__cause__
    own = _line(error)
    return own if deepest is error else f"{own}; because of {_line(deepest)}"


def _line(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:_SHOWN]
