"""The criteria of a task, as its ledger knows them."""

from __future__ import annotations

from pressplay.domain.entries import CriterionIds
from pressplay.steps.core.context import Context, Subject


def ids(context: Context, subject: Subject) -> frozenset[str] | None:
    """The ids that the criteria of the subject's task have, those that are gone included; None where none are known."""
    if subject.task is None:
        return None
    known = context.ledger(subject.repo).entries("task", subject.task).get(CriterionIds)
    return frozenset(known.ids.values()) if known and known.ids else None
