"""Which of a ledger's reasons a task's verdict gives: one row a case."""

from __future__ import annotations

from typing import Any

import pytest

from pressplay.domain.entries import Entries
from pressplay.domain.reasons import Reason
from pressplay.steps.play.task_verdicts import newest_reason

pytestmark = pytest.mark.rule("R4")
SHA = "a" * 40
RUN = {"role": "implement", "agent": "rex", "try": 2, "started": 100}
FAILED = {**RUN, "outcome": "failed", "reason": "the agent's run failed", "ended": 200}
PARKED = {"try": 2, "head": SHA, "ended": 300, "reason": "3 rounds"}
LINT = {"gate": "lint", "head": SHA, "outcome": "fail", "reason": "ruff found an unused name"}


@pytest.mark.parametrize(
    ("recorded", "expected"),
    [
        ({}, None),
        ({"run-1": RUN}, None),
        ({"run-1": {**RUN, "outcome": "done", "ended": 200}}, None),
        ({"run-1": FAILED}, "rex: the agent's run failed"),
        ({"run-1": {**FAILED, "try": 1}}, None),
        ({"run-1": FAILED, "run-2": {**FAILED, "attempt": 1, "reason": "none opened"}}, "rex: none opened"),
        ({"run-1": FAILED, "parked-2": PARKED}, "3 rounds"),
        ({"run-1": FAILED, "parked-1": {**PARKED, "try": 1}}, "rex: the agent's run failed"),
        ({"fault": {"reason": "step plan: no tasks.json", "ended": 250, "try": 2}, "run-1": FAILED}, "step plan"),
        ({"fault": {"reason": "step plan: no tasks.json", "ended": 250, "try": 1}, "run-1": FAILED}, "rex: "),
        # A verdict on an earlier try is no reason of this one.
        ({"verdict-1": {"outcome": "failed", "reason": "closed", "ended": 400}}, None),
        # A gate's verdict has no time of its own: whatever ended is newer.
        ({f"gate-lint-{SHA}": LINT}, "ruff found an unused name"),
        ({f"gate-lint-{SHA}": LINT, "run-1": FAILED}, "rex: the agent's run failed"),
        # A failed check says when it ended as GitHub does, which is no number.
        (
            {"triage-5": {"head": SHA, "plan": "report", "reason": "r", "cause": "check-5", "ended": "z", "try": 2}},
            "r",
        ),
    ],
)
def test_the_newest_reason_of_a_try_counts(recorded: dict[str, Any], expected: str | None):
    reason = newest_reason(Entries.read(recorded), 2)
    assert (reason is None) if expected is None else (reason is not None and reason.what.startswith(expected))


def test_what_is_known_beside_the_clause_comes_along():
    details = {"detail": "Invalid API key", "look": "CodeRun run-1"}
    reason = newest_reason(Entries.read({"run-1": {**FAILED, "details": details}}), 2)
    assert reason == Reason(what="rex: the agent's run failed", detail="Invalid API key", look="CodeRun run-1")
