"""What agents hand over: one form for all roles, the early one besides, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pressplay.domain.outcomes import Contest, CriterionResult, Outcome, question_in
from pressplay.domain.roles import ROLES
from pressplay.errors import InputError
from pressplay.validation import outcomes


def read(data: Any) -> Outcome:
    return outcomes.read(json.dumps(data).encode(), "result.json")


@pytest.mark.parametrize(
    ("data", "outcome"),
    [
        ({"result": "done"}, Outcome()),
        ({"result": "nothing", "notes": "n"}, Outcome(result="nothing", notes="n")),
        ({"result": "blocked", "question": "Q?"}, Outcome(result="blocked", question="Q?")),
        ({"result": "done", "title": "t", "body": "b"}, Outcome(title="t", body="b")),
        ({"result": "done", "task": "# T"}, Outcome(task="# T")),
        ({"result": "done", "answers": {"thread-1": "a"}}, Outcome(answers={"thread-1": "a"})),
        (
            {"result": "done", "usage": {"inputTokens": 5, "costUSD": 0.5}},
            Outcome(usage={"inputTokens": 5, "costUSD": 0.5}),
        ),
        (
            {"result": "pass", "criteria": [{"id": "AC1", "met": True, "evidence": "e"}]},
            Outcome(result="pass", criteria=(CriterionResult("AC1", met=True, evidence="e"),)),
        ),
        (
            {"result": "changes", "contests": [{"what": "AC2", "why": "w"}]},
            Outcome(result="changes", contests=(Contest("AC2", "w"),)),
        ),
    ],
)
def test_todays_form(data: Any, outcome: Outcome) -> None:
    assert read(data) == outcome


@pytest.mark.parametrize(
    ("data", "outcome"),
    [
        ({}, Outcome()),
        ({"verdict": "pass", "body": "b"}, Outcome(result="pass", body="b")),
        ({"verdict": "changes", "body": "b"}, Outcome(result="changes", body="b")),
        ({"verdict": None, "title": "t", "body": None}, Outcome(title="t")),
        ({"task": "# T"}, Outcome(task="# T")),
        ({"question": "Q?"}, Outcome(result="blocked", question="Q?")),
        ({"task": "# T", "question": "Q?"}, Outcome(task="# T", question="Q?")),
        ({"verdict": "changes", "question": "Q?"}, Outcome(result="changes", question="Q?")),
        ({"answers": {"thread-1": "a"}}, Outcome(answers={"thread-1": "a"})),
        ({"verdict": "pass", "notes": ["another's own"], "own": 1}, Outcome(result="pass")),
    ],
)
def test_the_early_form(data: Any, outcome: Outcome) -> None:
    assert read(data) == outcome


@pytest.mark.rule("R10")
@pytest.mark.parametrize(
    ("data", "said"),
    [
        (["a list"], ("$", "a map", "a list")),
        ({"result": "finished"}, ("$.result", 'one of "done", "nothing", "blocked", "pass", "changes"', '"finished"')),
        ({"verdict": "{{=1+1}}"}, ("$.verdict", 'one of "pass", "changes"', "{{=1+1}}")),
        ({"verdict": ["pass"]}, ("$.verdict", '"pass"')),
        ({"result": "blocked"}, ('expected the key "question"',)),
        ({"result": "blocked", "question": " \n"}, ("$.question", "a question that is not blank")),
        ({"result": "blocked", "question": None}, ("$.question", "a text")),
        ({"result": "done", "notse": "n"}, ("$.notse", "did you mean 'notes'?")),
        ({"result": "pass", "verdict": "pass"}, ("$.verdict",)),
        ({"result": "done", "title": 5}, ("$.title", "a text", "5")),
        ({"result": "pass", "criteria": [{"id": "1", "met": True, "evidence": "e"}]}, ("$.criteria[0].id", "AC1")),
        ({"result": "pass", "criteria": [{"id": "AC1", "met": "yes", "evidence": "e"}]}, ("$.criteria[0].met",)),
        ({"result": "pass", "criteria": [{"id": "AC1", "met": True}]}, ("$.criteria[0]", '"evidence"')),
        ({"result": "done", "contests": [{"what": "AC1", "why": ""}]}, ("$.contests[0].why",)),
        ({"result": "done", "usage": {"inputTokens": -1}}, ("$.usage.inputTokens", "at least 0", "-1")),
        ({"answers": ["done"]}, ("$.answers", "a map")),
        ({"answers": {"thread-1": " "}}, ("$.answers", "not blank")),
    ],
)
def test_what_breaks_the_form_is_refused_by_path(data: Any, said: tuple[str, ...]) -> None:
    with pytest.raises(InputError) as error:
        read(data)
    assert [part for part in ("result.json", *said) if part not in str(error.value)] == []


@pytest.mark.parametrize("content", [b"no JSON", b"\xff\xfe", b"[" * 100_000, b'"' + b"x" * outcomes.LIMIT + b'"'])
def test_what_is_no_json_is_refused(content: bytes) -> None:
    with pytest.raises(InputError, match=r"result\.json"):
        outcomes.read(content, "result.json")


@pytest.mark.rule("R6")
@pytest.mark.parametrize(
    ("role", "data", "said"),
    [
        ("test", {"result": "done"}, "expected one of pass, changes, blocked for the role test, got done"),
        ("test", {"body": "a review without a verdict"}, "for the role test, got done"),
        ("implement", {"result": "pass"}, "expected one of done, nothing, blocked for the role implement, got pass"),
        ("lint", {"verdict": "pass"}, "for the role lint, got pass"),
        ("issue", {"result": "nothing"}, "expected one of done, blocked for the role issue, got nothing"),
        ("fix", {"answers": {"thread-1": "a"}}, "only the role comments answers reviewers"),
        (
            "test",
            {"result": "pass", "criteria": [{"id": "AC2", "met": False, "evidence": "e"}]},
            "expected changes where a criterion is not met, got pass and AC2",
        ),
    ],
)
def test_what_does_not_fit_the_role_is_refused(role: str, data: Any, said: str) -> None:
    with pytest.raises(InputError) as error:
        read(data).check(ROLES[role])
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("role", "data"),
    [
        ("test", {"result": "changes", "criteria": [{"id": "AC2", "met": False, "evidence": "e"}]}),
        ("comments", {"result": "nothing", "answers": {"thread-1": "a"}}),
        ("issue", {"question": "Q?"}),
        *((role, {"result": "blocked", "question": "Q?"}) for role in ROLES if role != "criteria"),
    ],
)
def test_what_fits_the_role_is_taken(role: str, data: Any) -> None:
    read(data).check(ROLES[role])


def test_what_is_said_of_criteria_follows_the_body() -> None:
    outcome = Outcome(
        result="changes",
        body="Seen.",
        criteria=(
            CriterionResult("AC1", met=True, evidence="`make`"),
            CriterionResult("AC2", met=False, evidence="500"),
        ),
        contests=(Contest("AC3", "contradicts AC1"),),
        notes="n",
    )
    assert outcome.markdown == (
        "Seen.\n\n### Acceptance criteria\n\n- AC1, met: `make`\n- AC2, not met: 500\n\n"
        "### Contested\n\n- AC3: contradicts AC1\n\n### Notes\n\nn"
    )


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("press-play: blocked\n\nQ?\nmore\n", "Q?\nmore"),
        ("press-play: blocked\r\n\r\nQ?", "Q?"),
        ("press-play: blocked", ""),
        ("press-play: blocked \n", ""),
        ("press-play: blocked by a question\n\nQ?", ""),
        (" press-play: blocked\n\nQ?", ""),
        ("> press-play: blocked\n\nQ?", ""),
        ("Once:\npress-play: blocked\n\nQ?", ""),
        ("", ""),
    ],
)
def test_a_question_stands_below_a_first_line_that_is_exactly_the_mark(text: str, question: str) -> None:
    assert question_in(text) == question
