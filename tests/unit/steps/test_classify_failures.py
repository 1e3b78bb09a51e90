"""What a failed check's failure is: each line of the table, and which one comes first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pressplay.steps.triage.classify import Evidence, classify

REAL = Evidence("failure", job=True, failed_step="Run cargo test", log="assertion failed")
SHUT = "##[error]The runner has received a shutdown signal. This can happen when the runner service is stopped."
LOST = "The hosted runner: GitHub Actions 9 lost communication with the server. Anything in your workflow that …"
PAYMENT = (
    "The job was not started because recent account payments have failed or your spending limit needs to be increased."
)
TOO_LONG = "The job running on runner GitHub Actions 5 has exceeded the maximum execution time of 30 minutes."
FETCH = "fatal: unable to access 'https://github.com/acme/shop/': The requested URL returned error: 503"


@pytest.mark.parametrize(
    ("changes", "kind", "rerun"),
    [
        ({}, "real", False),
        ({"conclusion": "timed_out"}, "real", False),
        ({"job": False, "failed_step": None}, "real", False),
        ({"conclusion": "cancelled"}, "none", False),
        ({"conclusion": "cancelled", "words": (SHUT,)}, "infrastructure", True),
        ({"conclusion": "cancelled", "words": (TOO_LONG,)}, "real", False),
        ({"conclusion": "cancelled", "words": (TOO_LONG,), "failed_step": None}, "real", False),
        ({"words": (SHUT,)}, "infrastructure", True),
        ({"words": (LOST,)}, "infrastructure", True),
        (
            {"words": ("The job was not acquired by Runner of type hosted even after multiple attempts",)},
            "infrastructure",
            True,
        ),
        ({"words": ("##[error]No space left on device : '/home/runner/runners/_diag/x.log'",)}, "infrastructure", True),
        ({"words": ("##[error]Failed to resolve action download info. Error: 503",)}, "infrastructure", True),
        ({"words": (PAYMENT,)}, "infrastructure", False),
        ({"words": (SHUT,), "run_again": True}, "infrastructure", False),
        ({"began": False, "failed_step": None}, "infrastructure", True),
        ({"failed_step": None}, "infrastructure", True),
        ({"failed_step": "Run actions/checkout@v4", "log": FETCH}, "infrastructure", True),
        (
            {"failed_step": "Set up job", "log": "Error: API rate limit exceeded for installation"},
            "infrastructure",
            True,
        ),
        ({"failed_step": "Run actions/checkout@v4", "log": "fatal: bad revision"}, "real", False),
        ({"failed_step": "Run cargo test", "log": FETCH}, "real", False),
        ({"log": SHUT.removeprefix("##[error]")}, "real", False),
        ({"passed_here": True}, "flaky", True),
        ({"passed_here": True, "on_base": "failure"}, "flaky", True),
        ({"passed_here": True, "run_again": True}, "real", False),
        ({"on_base": "failure"}, "base", False),
        ({"on_base": "timed_out", "flaky_on_base": True}, "base", False),
        ({"on_base": "cancelled"}, "real", False),
        ({"on_base": "success"}, "real", False),
        ({"on_merge_base": "failure"}, "base", False),
        ({"on_merge_base": "failure", "on_base": "success"}, "base", False),
        ({"on_merge_base": "success", "on_base": "success"}, "real", False),
        ({"flaky_on_base": True}, "flaky", True),
        ({"flaky_on_base": True, "run_again": True}, "real", False),
        ({"words": (SHUT,), "on_base": "failure"}, "infrastructure", True),
        ({"conclusion": "startup_failure", "job": False}, "infrastructure", True),
        ({"conclusion": "startup_failure", "job": False, "run_again": True}, "infrastructure", False),
        ({"conclusion": "startup_failure", "job": False, "workflow_changed": True}, "real", False),
        ({"conclusion": "startup_failure", "job": False, "on_base": "startup_failure"}, "base", False),
        ({"conclusion": "startup_failure", "workflow_changed": True, "on_base": "startup_failure"}, "real", False),
    ],
)
def test_the_first_line_of_the_table_that_fits_decides(changes, kind, rerun):
    verdict = classify(replace(REAL, **changes))
    assert (verdict.kind, verdict.rerun) == (kind, rerun)
    assert verdict.reason


@pytest.mark.rule("R7")
def test_a_reason_quotes_nobody():
    hostile = "Zz {{=1+1}} `x`"
    for changes in (
        {},
        {"words": (f"{hostile} {SHUT}",)},
        {"failed_step": f"Set up job {hostile}", "log": hostile + FETCH},
    ):
        assert "Zz" not in classify(replace(REAL, **changes)).reason
