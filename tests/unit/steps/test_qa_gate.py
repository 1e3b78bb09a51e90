"""From which commit on what QA left is judged."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pressplay.domain.entries import Entries, GateEntry, Result, Run
from pressplay.settings import RepositoryDefaults
from pressplay.steps.core import verdicts
from pressplay.steps.core.context import Subject
from pressplay.steps.review.test_only import began_at

SUBJECT = Subject("acme/shop", RepositoryDefaults(), 1, 7, "master", "", 1)


def run(role: str, started: int, head: str, new_head: str, outcome: str = "done", **fields: Any) -> Run:
    result = Result(outcome=outcome, new_head=new_head)
    return Run(name=f"run-{started}", role=role, agent=role, started=started, head=head, result=result, **fields)


def begin(head: str, *runs: Run, gated: tuple[str, ...] = ()) -> str:
    passed = [GateEntry(gate=verdicts.TEST_ONLY, head=commit, outcome="pass") for commit in gated]
    return began_at(Entries({entry.key(): entry for entry in (*runs, *passed)}), SUBJECT, head)


@pytest.mark.rule("R6")
def test_what_qa_left_is_judged_from_where_it_began():
    assert begin("b", run("test", 1, "a", "b")) == "a"
    assert begin("a", run("test", 1, "a", "a")) == "a"
    assert begin("a") == "a"


@pytest.mark.rule("R6")
def test_a_second_run_is_judged_together_with_the_one_that_was_refused():
    assert begin("c", run("test", 1, "a", "b"), run("test", 2, "b", "c", cause="again")) == "a"


@pytest.mark.rule("R6")
def test_what_a_run_pushed_before_it_failed_counts_in_even_if_the_next_one_changed_nothing():
    failed = run("test", 1, "a", "b", outcome="failed")
    assert begin("b", failed, run("test", 2, "b", "b")) == "a"
    assert begin("c", failed, run("test", 2, "b", "c")) == "a"


@pytest.mark.rule("R6")
def test_clippy_in_between_hides_nothing():
    failed = run("test", 1, "a", "b", outcome="failed")
    assert begin("d", failed, run("lint", 2, "b", "c"), run("test", 3, "c", "d")) == "a"


def test_what_the_gate_passed_and_what_others_did_is_not_judged_again():
    earlier = run("test", 1, "a", "b")
    assert begin("d", earlier, run("fix", 2, "b", "c"), run("test", 3, "c", "d"), gated=("b",)) == "c"
    assert begin("d", earlier, run("comments", 2, "b", "c"), run("test", 3, "c", "d"), gated=("b",)) == "c"
    assert begin("c", earlier, run("lint", 2, "b", "c"), run("test", 3, "c", "c"), gated=("b",)) == "c"


def test_another_try_and_loops_of_heads_lead_to_no_endless_search():
    assert begin("b", replace(run("test", 1, "a", "b"), try_=2)) == "b"
    assert begin("a", run("test", 1, "b", "a"), run("test", 2, "a", "b")) in ("a", "b")
