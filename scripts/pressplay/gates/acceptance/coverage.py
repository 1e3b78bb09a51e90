"""Which of a task's criteria are shown, and by what."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from pressplay.domain.criteria import Criterion
from pressplay.gates.acceptance.probe_plan import ProbePlan

_BEFORE_A_NAME = frozenset(" :/.#>\t\n([\"'")
"""What may be before a test's name in its id."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """What shows a criterion."""

    criterion: Criterion
    tests: tuple[str, ...]
    """The ids of tests."""
    probes: tuple[str, ...]
    """The names of probes."""

    @property
    def shown(self) -> bool:
        """Whether anything does; if not, it is listed as "Not shown"."""
        return bool(self.tests or self.probes)


def coverage(
    plan: ProbePlan, criteria: Sequence[Criterion], proving: Collection[str], held: Collection[str]
) -> list[Coverage]:
    """What shows each criterion, in their order, by what the plan says and only where it counts.

    `proving`: the ids of the tests that prove something. `held`: the names of the probes that held and are not known to
    hold on the base.
    """
    named, probes = plan.tests, plan.covers
    return [
        Coverage(
            criterion,
            tuple(sorted({id_ for name in named.get(criterion.id, ()) for id_ in proving if _means(name, id_)})),
            tuple(name for name, covered in probes.items() if criterion.id in covered and name in held),
        )
        for criterion in criteria
    ]


def _means(name: str, test: str) -> bool:
    """Whether a name that a plan gives is a test's: its id, or the end of it from where a name begins."""
    return name == test or (test.endswith(name) and test[-len(name) - 1] in _BEFORE_A_NAME)
