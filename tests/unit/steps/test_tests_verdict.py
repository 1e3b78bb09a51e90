"""The tests gate's verdict of a judgement."""

from __future__ import annotations

import pytest

from pressplay.gates.proving.judgement import Finding, Judgement, Outcome
from pressplay.steps.gate_pods.tests_steps import verdict_of

SETUP = "at the head, its packages could not be fetched or set up"
NPM = "npm error code E404 npm error 404 no such package: tape"


@pytest.mark.rule("R6")
@pytest.mark.parametrize(
    ("outcome", "finding", "verdict", "reason"),
    [
        ("undecided", Finding("no-results", SETUP, (NPM,)), "error", f"{SETUP}: “{NPM}”"),
        ("undecided", Finding("no-results", SETUP), "error", None),
        ("fail", Finding("build", "it does not build", ("expected `;`",)), "fail", "it does not build: “expected `;`”"),
        ("pass", Finding("hunk", "a hunk is not noticed", ("a.py:3",), refuses=False), "pass", None),
    ],
)
def test_what_a_run_printed_reaches_the_reason(
    outcome: Outcome, finding: Finding, verdict: str, reason: str | None
) -> None:
    made = verdict_of(Judgement("feature", outcome, (finding,)))
    assert made.outcome == verdict
    assert (made.why.line() if made.why else None) == reason
