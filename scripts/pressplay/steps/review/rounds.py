"""The round in which a review goes on."""

from __future__ import annotations

from pressplay.cluster.ledger import Entry
from pressplay.domain import roles
from pressplay.domain.roles import FIX
from pressplay.steps.core.context import Subject
from pressplay.steps.runs import limits


def next_round(entries: dict[str, Entry], subject: Subject) -> int:
    """The round to go on with: after the last one of this try that ended in a fix, else the last one itself.

    An ask begins anew: a person (or a new failure) wants something else than QA did.
    """
    own = [entry for entry in entries.values() if entry.get("try") == subject.attempt_of_person and "round" in entry]
    asked = max((entry.get("started", 0) for entry in own if entry["role"] in roles.named("ask")), default=0)
    rounds = [e for e in own if e["role"] in roles.named("round") and limits.began(e) >= asked]
    last = max((entry["round"] for entry in rounds), default=1)
    fixed = any(e["round"] == last and e["role"] == FIX.name and e.get("outcome") == "done" for e in rounds)
    return last + 1 if fixed else last
