"""What a run reads of us: each promise has its gate, each gate its line, and all of it has a bound."""

from __future__ import annotations

import importlib
import json
import re
from itertools import chain
from typing import Any, get_args

import pytest
from ledgers import HEAD, PR, REPO, desk
from listed_files import ListedFiles

from pressplay.backlog import tasks
from pressplay.domain import roles
from pressplay.domain.roles import ROLES, Role
from pressplay.github import reviews
from pressplay.settings import RepositoryDefaults
from pressplay.steps.comments import review_text
from pressplay.steps.core.context import Subject
from pressplay.steps.core.verdicts import Gate
from pressplay.steps.runs import contests, project_text
from pressplay.templating import personas, prompts

MOST_TOKENS = 4_500
"""Of our own text, for one role."""
CHARACTERS = 3.8
"""In a token, at least: with o200k_base all text of a role has 3.97 to 4.25 (docs/reference/figures.md)."""

PROMISES: dict[str, str] = {
    # What is said to agents → what holds it: a module and a function of it.
    "Approval is the harness's, after its own checks": "pressplay.steps.review.approval:approve",
    "the approving review is posted by the harness": "pressplay.steps.review.approval:approve",
    "the harness does that": "pressplay.steps.review.approval:approve",
    "a run that changes anything but tests is void": "pressplay.gates.only_tests:only_tests",
    "The harness compares the tests before and after": "pressplay.steps.review.kept_tests:findings",
    "None may be skipped, loosened or removed": "pressplay.steps.review.kept_tests:findings",
    "The harness has had run again what a re-run may fix": "pressplay.steps.triage.classify:classify",
    "the harness compares": "pressplay.steps.review.conflict_role:_judge",
    "The harness merged both to find out": "pressplay.steps.core.merged_trees:merge",
    "the harness' own merge shows none": "pressplay.steps.core.merged_trees:merge",
    "and the harness compares with that commit": "pressplay.steps.core.stack:compared",
    "The harness will run": "pressplay.gates.proving.independent:prepare",
    "which only the harness can open": "pressplay.gates.acceptance.sealing:opened",
    "The plan says what the harness tries on this commit": "pressplay.steps.review.acceptance_steps:probe",
    "counts only with a plan that can fail. Once you passed the commit the harness deploys it": (
        "pressplay.steps.review.test_only:judged"
    ),
    "Without one the harness refuses the verdict": "pressplay.steps.runs.contests:pending",
    "The harness refused what you left in this round": "pressplay.steps.runs.findings:of",
    "what the harness itself refused": "pressplay.steps.runs.findings:of",
    "The harness ran the project's own commands on this commit": "pressplay.steps.gate_pods.lint_steps:verdict",
    "then the run is stopped and counts as failed": "pressplay.steps.runs.outcomes:of",
    "A run that changes nothing and contests nothing parks the pull request": (
        "pressplay.steps.review.round_roles:_fixed"
    ),
    "All tests run on the base and on the commit": "pressplay.steps.gate_pods.tests_steps:verdict",
    "where this change brings it in": "pressplay.gates.supply.judge:inspect",
    "A linter's configuration and the gates' contract count as they are on the default branch": (
        "pressplay.gates.lint.configuration:settle"
    ),
}
GATES: dict[Gate, tuple[str, ...]] = {
    # Each gate → lines that speak of it, of which each role that it can refuse has one.
    "lint": ("Format and lint, on each commit", "formatter, linter and all tests"),
    "test-only": ("a run that changes anything but tests is void", "Tests that are there are not removed"),
    "supply": ("where this change brings it in",),
    "tests": ("All tests run on the base and on the commit",),
    "acceptance": ("The plan says what the harness tries on this commit", "then QA's probes ask it"),
    "limits": ("then the run is stopped and counts as failed",),
}
PYTHON = {"pyproject.toml": "[tool.ruff]\n", "tests/test_it.py": "import unittest\n", "AGENTS.md": ""}
DEPLOYS = {"deploy": {"mode": "github-deployment"}}


@pytest.fixture
def given(tmp_path, monkeypatch):
    """Our own texts that a run of a role reads at most: of a task that says nothing, in a small project."""

    def make(role: Role, *, by_file: bool = True) -> dict[str, str]:
        context = desk(tmp_path, repositories={REPO: RepositoryDefaults.model_validate(DEPLOYS)})
        monkeypatch.setattr(project_text, "Listing", lambda *_: ListedFiles(PYTHON))
        subject = Subject.of({"repo": REPO, "task": "3"}, context)
        backlog = tasks.read(json.dumps({"master": {"tasks": [{"id": 3, "title": ""}]}}), "tasks.json")
        known: dict[str, Any] = {
            "repo": REPO,
            "task": 3,
            "branch": "b",
            "base": "main",
            "attempt": 1,
            "by_file": by_file,
        }
        known["budget"] = {"rounds": 3, "attempts": 2, "minutes": 60}
        known["begun_on"] = {"dependency": "#6", "commit": HEAD}
        if role.stage != "task":
            known |= {"pr": PR, "head": HEAD, "round": 2, "cause": "c"}
        if role.stage == "round":
            known |= {"findings": True, "refused_own": role != roles.FIX, "refused_probes": role == roles.TEST}
            known["review"] = role != roles.LINT
        if role == roles.TEST:
            known["proving"] = dict.fromkeys(("plan", "environment", "namespaces", "hosts"), "x") | {"workload": ""}
        texts = {"persona": personas.body(role.persona)}
        if role == roles.PLAN:
            texts["request.md"] = prompts.documents_request(run="run-1", repo=REPO, base="main", tasks=[3], attempt=1)
            return texts
        texts |= prompts.task_files(backlog.tasks[0], backlog)
        texts["instructions.md"] = prompts.instructions(role.name, **known)
        texts["project.md"] = project_text.text(context, None, subject, "main", HEAD)  # type: ignore[arg-type]
        if known.get("review"):
            verdict = reviews.Review(3, "CHANGES_REQUESTED", "tess[bot]", HEAD, 0.0, "- x")
            texts["review.md"] = review_text.markdown(PR, verdict, [contests.Contest("contest-5.1", "y")], [])
        return texts

    return make


@pytest.mark.parametrize("by_file", [True, False], ids=["by-file", "on-github"])
@pytest.mark.parametrize("role", ROLES.values(), ids=lambda role: role.name)
def test_our_own_text_has_a_bound_for_each_role(given, role: Role, by_file: bool) -> None:
    texts = given(role, by_file=by_file)
    tokens = {name: round(len(text) / CHARACTERS) for name, text in texts.items()}
    assert sum(tokens.values()) <= MOST_TOKENS, tokens


@pytest.mark.parametrize("role", [role for role in ROLES.values() if role != roles.PLAN], ids=lambda role: role.name)
def test_only_the_hand_over_that_applies_is_said(given, role: Role) -> None:
    of_file = "\n".join(given(role, by_file=True).values())
    on_github = "\n".join(given(role, by_file=False).values())
    assert "PRESSPLAY_RESULT" not in on_github
    for line in ("as your own App. Its first line", "Otherwise push", "Push `b`", "then push `b`", "gh api"):
        assert line.lower() not in of_file.lower()
    assert of_file != on_github


def _ours() -> list[str]:
    """The sentences of prompts and personas that speak of the harness."""
    texts = [file.read_text(encoding="utf-8") for file in prompts.TEMPLATES.glob("*.mustache")]
    texts += [personas.body(name) for name in personas.known()]
    joined = (" ".join(text.split()) for text in texts)
    sentences = chain.from_iterable(re.split(r"(?<=[.!?]) ", text) for text in joined)
    return [sentence for sentence in dict.fromkeys(sentences) if "harness" in sentence.lower()]


@pytest.mark.parametrize("sentence", _ours())
def test_each_promise_of_the_harness_has_what_holds_it(sentence: str) -> None:
    assert any(promise in sentence for promise in map(_last, PROMISES)), "name in PROMISES what holds it"


def _last(promise: str) -> str:
    """The end of a promise that goes over two sentences."""
    return re.split(r"(?<=[.!?]) ", promise)[-1]


@pytest.mark.parametrize(("promise", "place"), PROMISES.items())
def test_each_row_is_said_somewhere_and_its_gate_is_there(given, promise: str, place: str) -> None:
    module, _, function = place.partition(":")
    assert callable(getattr(importlib.import_module(module), function))
    texts = [file.read_text(encoding="utf-8") for file in prompts.TEMPLATES.glob("*.mustache")]
    texts += [text for role in ROLES.values() for text in given(role).values()]
    assert any(promise in " ".join(text.split()) for text in texts)


@pytest.mark.parametrize("gate", get_args(Gate))
def test_each_gate_has_its_line_for_the_roles_that_it_can_refuse(given, gate: Gate) -> None:
    refuses = {"acceptance": [roles.TEST, roles.FIX], "limits": [role for role in ROLES.values() if role != roles.PLAN]}
    for role in refuses.get(gate, [roles.IMPLEMENT, roles.FIX, roles.TEST]):
        text = " ".join(" ".join(given(role).values()).split())
        assert any(line in text for line in GATES[gate]), (gate, role.name)


@pytest.mark.rule("R9")
@pytest.mark.parametrize("role", ROLES.values(), ids=lambda role: role.name)
def test_who_may_ask_may_comment_where_it_asks(role: Role) -> None:
    if "blocked" in role.results or role == roles.FIX:
        written = {permission.name for permission in role.permissions if permission.level == "write"}
        assert written & {"pull_requests", "issues"}
