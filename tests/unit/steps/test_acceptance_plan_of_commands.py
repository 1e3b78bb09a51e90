"""Commands of a plan are the tests gate's: without it there is no plan, and no deployment is asked for them."""

from __future__ import annotations

import pytest
from ledgers import HEAD, PR, REPO, desk, gate, record

from pressplay.errors import InputError
from pressplay.gates.acceptance import probe_plan
from pressplay.github import contents
from pressplay.settings import RepositoryDefaults
from pressplay.steps.core import task_criteria, verdicts
from pressplay.steps.core.context import Subject
from pressplay.steps.review import deploy_steps, plans

pytestmark = pytest.mark.rule("R5")

COMMANDS = b"probes: [{name: x, covers: [AC2], command: {argv: [shop], expect: {stdout: {contains: [sold 2 TEA]}}}}]\n"
INPUTS = {"repo": REPO, "pr": str(PR), "task": "3", "head": HEAD}


@pytest.fixture
def prepared(tmp_path, monkeypatch):
    """The verdict that the acceptance gate posts on a commit whose plan has commands alone."""

    def make(entries):
        deploys = {"tests": {"enabled": True}, "deploy": {"mode": "github-deployment"}}
        context = desk(tmp_path, repositories={REPO: RepositoryDefaults.model_validate(deploys)})
        record(context, "pr", PR, entries)
        posted = []
        monkeypatch.setattr(type(context), "harness", lambda *_args, **_permissions: None)
        plans.keep(context, of(context), HEAD, probe_plan.read(COMMANDS, "plan"))
        monkeypatch.setattr(verdicts, "post", lambda *given: posted.append(given[-1]) or given[-1].outcome)
        outputs = deploy_steps.deploy({**INPUTS, "woken": "false"}, context)
        assert outputs == {"state": "over", "outcome": posted[0].outcome if posted else "none"}
        return posted

    return make


def test_what_the_tests_gate_proved_needs_no_deployment(prepared):
    assert prepared(gate("tests", "pass")) == []


@pytest.mark.parametrize("entries", [{}, gate("lint", "pass")])
def test_what_no_tests_gate_judged_has_no_proof(prepared, entries):
    (verdict,) = prepared(entries)
    assert verdict.outcome == "fail"
    assert "has not proven this commit" in verdict.reason


def of(context) -> Subject:
    return Subject.of(INPUTS, context)


def with_tests(enabled: bool) -> dict[str, RepositoryDefaults]:
    return {REPO: RepositoryDefaults.model_validate({"tests": {"enabled": enabled}})}


def test_where_the_tests_gate_is_off_a_plan_with_commands_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(contents, "read_file", lambda *_: COMMANDS)
    subject = of(desk(tmp_path, repositories=with_tests(False)))
    with pytest.raises(InputError, match="expected no commands, since the tests gate, which runs them, is off"):
        plans.read(None, subject, HEAD)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("mode", "kept", "wanted"),
    [
        # What nobody has read may ask for anything.
        ("github-deployment", "nothing", True),
        ("none", "nothing", False),
        ("github-deployment", None, False),
        ("github-deployment", COMMANDS, False),
        ("github-deployment", b"probes: [{name: x, http: {path: /, expect: {status: 200, contains: [tea]}}}]\n", True),
    ],
)
def test_a_kept_plan_says_whether_a_deployment_is_probed(tmp_path, mode, kept, wanted):
    settings = RepositoryDefaults.model_validate({"deploy": {"mode": mode}})
    context = desk(tmp_path, repositories={REPO: settings})
    subject = of(context)
    if kept != "nothing":
        plans.keep(context, subject, HEAD, kept and probe_plan.read(kept, "plan"))
    assert plans.probes_deployment(context, subject, HEAD) is wanted


def test_a_plan_that_nobody_has_read_is_no_plan_that_is_absent(tmp_path):
    context = desk(tmp_path)
    with pytest.raises(plans.NotRead, match=f"commit {HEAD} has not been read"):
        plans.kept(context, of(context), HEAD)
    plans.keep(context, of(context), HEAD, None)
    assert plans.kept(context, of(context), HEAD) is None


def test_criteria_of_the_plan_must_be_the_task_s_where_they_are_known(tmp_path, monkeypatch):
    context = desk(tmp_path, repositories=with_tests(True))
    monkeypatch.setattr(contents, "read_file", lambda *_: COMMANDS)
    subject = of(context)
    assert task_criteria.ids(context, subject) is None
    record(context, "task", 3, {"criteria": {"ids": {"k1": "AC1"}}})
    known = task_criteria.ids(context, subject)
    assert known == {"AC1"}
    with pytest.raises(InputError, match='expected a criterion of the task, got "AC2"'):
        plans.read(None, subject, HEAD, known)  # type: ignore[arg-type]
    assert plans.read(None, subject, HEAD) is not None  # type: ignore[arg-type]
