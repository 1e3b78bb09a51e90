"""The gates that judge a merged tree: a head with its base branch, or a group of a merge queue."""

from __future__ import annotations

from pressplay.settings import CommandGate, RepositoryDefaults
from pressplay.steps.core import verdicts
from pressplay.steps.core.verdicts import Gate


def judging(settings: RepositoryDefaults) -> dict[Gate, CommandGate]:
    """The gates that judge a merged tree. Named checks of a CI that stand for one see what was pushed alone."""
    gates: tuple[tuple[Gate, CommandGate], ...] = ((verdicts.LINT, settings.lint), (verdicts.TESTS, settings.tests))
    return {gate: own for gate, own in gates if own.enabled and not own.checks}
