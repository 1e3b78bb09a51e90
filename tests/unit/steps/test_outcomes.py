"""What came of a run: one row for each way to end."""

from __future__ import annotations

import pytest
from ledgers import HEAD, PR, REPO, desk, pull

from pressplay.domain.entries import Result
from pressplay.github import pulls
from pressplay.settings import Limits
from pressplay.steps.runs import outcomes
from pressplay.steps.runs.run import Run

pytestmark = [pytest.mark.rule("R3"), pytest.mark.rule("R4")]


def of(context, role: str = "lint") -> Run:
    given = {"repo": REPO, "role": role, "task": "3", "pr": str(PR), "github-app": "rex", "head": HEAD, "try": "1"}
    return Run.of({**given, "round": "1", "workflow": "task-1"}, context)


def stored(run: Run, phase: str | None) -> dict:
    metadata = {"name": run.name, "namespace": "agent-platform"}
    return {"kind": run.resource, "metadata": metadata, **({"status": {"phase": phase}} if phase else {})}


def shown(result: Result) -> dict:
    """What a result says beside its defaults, and the deepest detail known."""
    fields = {name: getattr(result, name) for name in ("outcome", "reason", "again", "new_head")}
    return {name: value for name, value in fields.items() if value} | (
        {"detail": result.why.detail} if result.why.detail else {}
    )


@pytest.fixture
def judged(tmp_path, monkeypatch):
    """What an ended run comes to, what was taken away, and whether a judge was asked."""

    def make(phase: str | None, role: str = "lint", refused: str = ""):
        context, took, wanted = desk(tmp_path, limits=Limits(run_minutes=45)), [], []
        run = of(context, role)
        if phase is not None:
            context.cluster.create(stored(run, phase))
            context.cluster.set_status(run.resource, "agent-platform", run.name, {"phase": phase})
        monkeypatch.setattr(pulls, "pull", lambda *_: pull(head_sha="c" * 40))
        monkeypatch.setattr(outcomes, "take_away", lambda *given: took.append(given[-1]))

        def judge(*given):
            wanted.append(given[2].name)
            return outcome

        # Refused: what an agent asks besides does not change that.
        outcome = Result(outcome="refused")
        result = outcomes.of(context, run, run.entry(), judge, refused)
        return shown(result) if result is not outcome else "judged", took == [run.name], bool(wanted)

    return make


@pytest.mark.parametrize(
    ("phase", "role", "expected", "taken_away"),
    [
        ("Failed", "lint", {"outcome": "failed", "reason": "the agent's run failed", "again": True}, False),
        # What QA may have pushed all the same is for its gate to look at.
        (
            "Failed",
            "test",
            {"outcome": "failed", "reason": "the agent's run failed", "again": True, "new_head": "c" * 40},
            False,
        ),
        ("Running", "lint", {"outcome": "timeout", "reason": "not finished within 45 minutes"}, True),
        (
            "Running",
            "test",
            {"outcome": "timeout", "reason": "not finished within 45 minutes", "new_head": "c" * 40},
            True,
        ),
        ("Pending", "lint", {"outcome": "timeout", "reason": "not finished within 45 minutes"}, True),
    ],
)
def test_a_run_that_did_not_end_well(judged, phase, role, expected, taken_away):
    assert judged(phase, role) == (expected, taken_away, False)


def test_succeeded_alone_means_nothing_a_judge_looks_at_what_github_holds(judged):
    assert judged("Succeeded") == ("judged", False, True)


@pytest.mark.parametrize(
    ("refused", "reason", "detail"),
    [("denied", "the CodeRun could not be created", "denied"), ("", "the CodeRun is gone", None)],
)
def test_why_no_run_is_there_is_what_the_api_server_says(judged, refused, reason, detail):
    result, _took, _asked = judged(None, refused=refused)
    assert (result["reason"], result.get("detail")) == (reason, detail)
