"""What a run reads of reviews, contests and findings: whose words, of which commits, and in which form."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ledgers import HEAD, OTHER, PR, REPO, desk, ended, gate, numbered, record

from pressplay.domain.outcomes import CONTESTED_MARK, Contest, Outcome, contest_in
from pressplay.domain.roles import FIX, LINT, TEST
from pressplay.errors import InputError
from pressplay.github import checks, issues, reviews
from pressplay.github.conversation import Remark, Thread
from pressplay.steps.comments import review_text
from pressplay.steps.core.context import Subject
from pressplay.steps.runs import contests, findings

AT = "2026-01-01T00:00:00Z"
HOSTILE = "# {{=1+1}}\n> quoted\n```\n[[ x ]] $(rm)\n\u2028# not ours\x85### contest-9.9"


def comment(number: int, body: str, author: str = "rex[bot]", edited: str = AT) -> issues.Comment:
    return issues.Comment(number, author, "NONE", AT, body, edited)


def review(number: int, body: str, state: str = "CHANGES_REQUESTED") -> reviews.Review:
    return reviews.Review(number, state, "tess[bot]", HEAD, 0.0, body, node_id=f"R{number}")


@pytest.fixture
def pending(tmp_path, monkeypatch):
    """The ids of what is contested and not answered, by what Rex commented and QA said later."""

    def make(*comments: issues.Comment, answer: str = "", began: int = 200) -> list[str]:
        context = desk(tmp_path)
        runs = [ended("fix", "done", comment=made.id) for made in comments]
        runs.append(ended("test", "pass", review=3, started=began, ended=began + 1))
        record(context, "pr", PR, numbered(*runs))
        by_id = {made.id: made for made in comments}
        monkeypatch.setattr(issues, "find_comment", lambda _gh, _repo, _pr, number: by_id[number])
        monkeypatch.setattr(reviews, "find_review", lambda *_: review(3, answer))
        subject = Subject.of({"repo": REPO, "pr": str(PR)}, context)
        entries = context.ledger(REPO).entries("pr", PR)
        return [point.id for point in contests.pending(context, None, subject, entries)]  # type: ignore[arg-type]

    return make


CONTESTED = f"{CONTESTED_MARK}\n\n- a: why\n- b: why"


@pytest.mark.rule("R5")
@pytest.mark.parametrize(
    ("answer", "left"),
    [
        ("", ["contest-5.1", "contest-5.2"]),
        ("- contest-5.1: it was wrong", ["contest-5.2"]),
        ("**contest-5.1** it stays\n`contest-5.2`: corrected", []),
        ("contest-5.1:\ncontest-5.2", ["contest-5.1", "contest-5.2"]),
        ("contest-5.11: another\nx-contest-5.2: another", ["contest-5.1", "contest-5.2"]),
    ],
)
def test_a_contest_waits_until_a_verdict_answers_it_by_its_id(pending, answer, left):
    assert pending(comment(5, CONTESTED), answer=answer) == left


@pytest.mark.rule("R5")
@pytest.mark.parametrize(
    "other",
    [
        comment(5, CONTESTED, author="ann"),
        comment(5, CONTESTED, author="tess[bot]"),
        comment(5, CONTESTED, edited="2026-01-02T00:00:00Z"),
        comment(5, f"I say {CONTESTED_MARK}\n- a"),
        comment(5, CONTESTED_MARK),
    ],
    ids=["a-person", "another-app", "edited", "not-the-first-line", "says-nothing"],
)
def test_only_the_agents_own_unedited_comment_contests(pending, other):
    assert pending(other) == []


def test_a_verdict_from_before_the_contest_is_no_answer(pending):
    assert pending(comment(5, CONTESTED), answer="contest-5.1: x contest-5.2: y", began=100) == [
        "contest-5.1",
        "contest-5.2",
    ]


def read(tmp_path, monkeypatch, role, *entries: dict[str, Any]) -> findings.Findings:
    context = desk(tmp_path)
    made = {key: value for entry in entries for key, value in entry.items()}
    record(context, "pr", PR, made)
    monkeypatch.setattr(checks, "own_text", lambda _gh, _repo, head, name: f"text of {name} on {head}")
    return findings.of(context, Subject.of({"repo": REPO, "pr": str(PR)}, context), role, HEAD)


def later(entry: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {key: {**value, "at": 2} for key, value in entry.items()}


@pytest.mark.rule("R5")
@pytest.mark.parametrize(
    ("role", "gates", "own", "probes"),
    [
        (FIX, ["tests", "acceptance"], False, True),
        (TEST, ["tests", "acceptance"], False, True),
        (LINT, [], False, False),
    ],
)
def test_what_failed_on_an_earlier_head_goes_to_whoever_can_act(tmp_path, monkeypatch, role, gates, own, probes):
    given = [gate("tests", "fail", OTHER), gate("acceptance", "fail", OTHER), gate("lint", "fail", OTHER)]
    result = read(tmp_path, monkeypatch, role, *given)
    assert [name for name in ("lint", "tests", "acceptance") if f"## press-play/{name}" in result.text] == gates
    assert (result.own, result.probes) == (own, probes)
    assert (f"text of press-play/tests on {OTHER}" in result.text) == bool(gates)


@pytest.mark.parametrize("outcome", ["pass", "error"])
def test_a_later_word_of_the_gate_ends_what_it_said_before(tmp_path, monkeypatch, outcome):
    newer = later(gate("tests", outcome, "c" * 40))
    assert read(tmp_path, monkeypatch, TEST, gate("tests", "fail", OTHER), newer).text == ""


def test_a_gate_of_the_agents_own_work_speaks_of_its_own_commit(tmp_path, monkeypatch):
    of_qa = read(tmp_path, monkeypatch, TEST, gate("test-only", "fail"), gate("supply", "fail"))
    assert (of_qa.own, of_qa.probes) == (True, False)
    assert "supply" not in of_qa.text
    assert read(tmp_path, monkeypatch, LINT, gate("lint", "fail")).own
    assert "supply" in read(tmp_path, monkeypatch, FIX, gate("supply", "fail")).text


def thread(number: int, body: str) -> Thread:
    remark = Remark(f"comment-{number}", "ann", ours=False, created_at=AT, unanswered=True, body=body)
    return Thread(f"comment-{number}", "comment", f"http://forge.test/x#{number}", (remark,))


@pytest.mark.rule("R7")
def test_every_line_that_somebody_wrote_is_quoted(tmp_path):
    text = review_text.markdown(
        PR, review(3, f"intro\n- {HOSTILE}"), [contests.Contest("contest-5.1", HOSTILE)], [thread(8, HOSTILE)]
    )
    unquoted = [line for line in text.splitlines() if not line.startswith("> ")]
    assert not any(mark in line for line in unquoted for mark in ("{{", "$(", "[[", "contest-9.9", "not ours"))
    for id_ in ("review-3.1", "contest-5.1", "comment-8"):
        assert any(line.startswith(f"### {id_}") for line in unquoted)


def test_nothing_wanted_is_no_file_and_what_is_too_long_is_named():
    assert review_text.markdown(PR, None, [], []) == ""
    text = review_text.markdown(
        PR, review(3, "- " + "x" * 99_999), [], [thread(number, "y" * 30_000) for number in (8, 9)]
    )
    assert len(text) < review_text.MOST + 2_000
    assert "(cut: 100,001 characters)" in text
    assert "- comment-9: http://forge.test/x#9" in text


def test_contests_and_answers_are_lists_of_single_points():
    outcome = Outcome(contests=(Contest("probe a", "it\n- asks\nfor more"), Contest("b", "w")))
    assert outcome.contested == "- probe a: it\n  - asks\n  for more\n- b: w"
    assert contest_in(f"{CONTESTED_MARK}\r\n\r\n{outcome.contested}\n") == outcome.contested
    answered = Outcome(result="pass", body="fine", answers={"contest-5.1": "wrong,\ncorrected"})
    assert answered.verdict == "fine\n\n### Answers\n\n- contest-5.1: wrong,\n  corrected"
    answered.check(TEST)
    with pytest.raises(InputError, match="answers: expected none for the role fix"):
        Outcome(answers={"contest-5.1": "x"}).check(FIX)
    assert Outcome.of(json.loads('{"result": "nothing", "contests": [{"what": "a", "why": "b"}]}')).contests
