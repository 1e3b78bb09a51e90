"""The approval, given for the commit that the proof names and void for every other: one row a case."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ledgers import HEAD, OTHER, PR, REPO, desk, gate, pull, record

from pressplay.domain.entries import Entries
from pressplay.errors import InputError
from pressplay.github import checks, reviews
from pressplay.settings import Agent
from pressplay.steps.core import approvals, parking, verdicts
from pressplay.steps.core.context import Subject
from pressplay.steps.review import approval, proofs, proven

pytestmark = pytest.mark.rule("R5")
QA = "qa[bot]"


def review(author: str = QA, state: str = "APPROVED", commit: str = HEAD, id_: int = 1) -> SimpleNamespace:
    return SimpleNamespace(author=author, state=state, commit_id=commit, id=id_)


@pytest.fixture
def desk_of(tmp_path, monkeypatch):
    """A pull request with a proof and reviews; `done` says in order what GitHub was told."""

    def make(*, proof=None, posted=(), entries=None, refuse=None, document=None, login=QA):
        context, done = desk(tmp_path, agents={"qa": Agent(github_app="qa", role="test", model="m")}), []
        context.github.login = login
        record(context, "pr", PR, entries or {})

        def dismiss(*given):
            if refuse is not None:
                raise refuse
            done.append(f"dismiss {given[-2]}: {given[-1]}")

        def keep(*_given):
            done.append("document")
            return DOCUMENT

        monkeypatch.setattr(proofs, "kept", lambda *_: proof)
        monkeypatch.setattr(proofs, "kept_document", lambda *_: document)
        monkeypatch.setattr(proofs, "keep_document", keep)
        monkeypatch.setattr(proven, "statement", lambda *_: None)
        monkeypatch.setattr(approval, "approval_text", lambda _statement: "what was shown")
        monkeypatch.setattr(approval, "markdown", lambda _proof: "shown")
        monkeypatch.setattr(approval, "summary", lambda _proof: "3 probes held")
        monkeypatch.setattr(reviews, "reviews", lambda *_: list(posted))
        monkeypatch.setattr(reviews, "post_review", lambda *given: done.append(f"review {given[-2]} {given[-3][0]}"))
        monkeypatch.setattr(reviews, "dismiss", dismiss)
        monkeypatch.setattr(parking, "clear", lambda *_: done.append("clear"))
        monkeypatch.setattr(verdicts, "show", lambda *given: done.append(f"check {given[-2]} {given[-1].outcome}"))
        return context, done

    return make


def proof(*, passed: bool = True, commit: str = HEAD) -> SimpleNamespace:
    return SimpleNamespace(passed=passed, commit=commit)


STATEMENT = SimpleNamespace(predicate=SimpleNamespace(change=SimpleNamespace(update_of=None)))
DOCUMENT = proofs.Document("{}", STATEMENT, "the document")  # type: ignore[arg-type]
GIVEN = ["document", "review APPROVE a", "clear", "check acceptance pass"]


@pytest.mark.parametrize(
    ("proof_", "posted", "expected"),
    [
        (proof(), [], GIVEN),
        (None, [], []),
        (proof(passed=False), [], []),
        (proof(commit=OTHER), [], []),
        (proof(passed=False, commit=OTHER), [], []),
        # Done again, it is the same: the harness's own approval of this very commit, and no other's.
        (proof(), [review()], GIVEN[2:]),
        (proof(), [review("mallory")], GIVEN),
        (proof(), [review(commit=OTHER)], GIVEN),
        (proof(), [review(state="DISMISSED")], GIVEN),
        (proof(), [review("mallory"), review()], GIVEN[2:]),
    ],
)
def test_an_approval_is_given_once_for_the_commit_that_was_proven(desk_of, proof_, posted, expected):
    # What a posted review names is there, and does not change under it.
    context, done = desk_of(proof=proof_, posted=posted, document=DOCUMENT)
    subject = Subject.of({"repo": REPO, "pr": str(PR), "try": "1"}, context)
    lines = approval.give(context, subject, pull(), Entries())
    assert done == expected
    assert ("the proof of this commit is gone" in str(lines)) is not bool(expected)


def test_nothing_is_approved_as_an_app_that_nobody_could_withdraw_it_of(desk_of):
    """Who voids approvals knows QA's App by its name alone."""
    context, done = desk_of(proof=proof(), login="another[bot]")
    subject = Subject.of({"repo": REPO, "pr": str(PR), "try": "1"}, context)
    refused = approval.give(context, subject, pull(), Entries())
    assert "has the key of another[bot], not of qa[bot]" in refused
    assert done == []


def test_a_document_that_is_gone_is_made_again_for_a_review_that_is_posted(desk_of):
    context, done = desk_of(proof=proof(), posted=[review()])
    approval.give(context, Subject.of({"repo": REPO, "pr": str(PR), "try": "1"}, context), pull(), Entries())
    assert done == ["document", *GIVEN[2:]]


TESTED = gate("tests", "pass")
NOTHING_RAN = {key: {**entry, "proves": False} for key, entry in TESTED.items()}


@pytest.mark.parametrize(
    ("entries", "given"),
    [
        ({}, False),
        (gate("tests", "pass", OTHER), False),
        (NOTHING_RAN, False),
        (TESTED, True),
        # Once it was probed, its answers count.
        ({**TESTED, **gate("acceptance", "pass")}, False),
        ({**TESTED, **gate("acceptance", "fail")}, False),
    ],
)
def test_only_a_commit_that_its_tests_prove_needs_no_answers_of_probes(desk_of, entries, given):
    context, done = desk_of(proof=None)
    subject = Subject.of({"repo": REPO, "pr": str(PR), "try": "1"}, context)
    refused = approval.give(context, subject, pull(), Entries.read(entries))
    assert (done, bool(refused)) == (GIVEN if given else [], not given)


HERE, BEFORE = gate("acceptance", "pass"), gate("acceptance", "pass", OTHER)
MOVED, ELSEWHERE = f"The head is now {HEAD}.", "It was approved for another target."


@pytest.mark.parametrize(
    ("entries", "posted", "whole", "expected"),
    [
        (BEFORE, [review(commit=OTHER)], False, [f"dismiss 1: {MOVED}"]),
        (BEFORE, [review(commit=OTHER), review(id_=2)], False, [f"dismiss 1: {MOVED}"]),
        (BEFORE, [review("mallory", commit=OTHER)], False, []),
        (BEFORE, [review(state="COMMENTED", commit=OTHER)], False, []),
        (HERE, [review()], False, []),
        (HERE, [review()], True, [f"dismiss 1: {ELSEWHERE}"]),
        (BEFORE, [review(commit=OTHER), review(id_=2)], True, [f"dismiss 1: {ELSEWHERE}", f"dismiss 2: {ELSEWHERE}"]),
        # Where no commit was ever judged nobody is asked.
        ({}, [review(commit=OTHER)], True, []),
        (gate("lint", "pass", OTHER), [review(commit=OTHER)], False, []),
    ],
)
def test_approvals_of_other_commits_are_dismissed(desk_of, entries, posted, whole, expected):
    context, done = desk_of(entries=entries, posted=posted)
    subject = Subject.of({"repo": REPO, "pr": str(PR), "try": "1"}, context)
    approval.void(context, subject, pull(), context.ledger(REPO).entries("pr", PR), whole=whole)
    assert done == expected


def test_a_dismissal_that_fails_for_another_reason_than_githubs_refusal_is_no_secret(desk_of):
    context, _done = desk_of(entries=BEFORE, posted=[review(commit=OTHER)], refuse=InputError("no key"))
    subject = Subject.of({"repo": REPO, "pr": str(PR), "try": "1"}, context)
    with pytest.raises(InputError, match="no key"):
        approval.void(context, subject, pull(), context.ledger(REPO).entries("pr", PR))


@pytest.mark.parametrize(
    ("external_id", "approved", "taken_back"),
    [(None, False, False), (HEAD, True, False), (approvals.OTHERS, False, True)],
)
def test_a_check_of_what_was_not_under_review_is_taken_back(monkeypatch, external_id, approved, taken_back):
    check = None if external_id is None else SimpleNamespace(external_id=external_id)
    sent = []
    monkeypatch.setattr(checks, "own", lambda *_: check)
    monkeypatch.setattr(checks, "set_check", lambda *given, **named: sent.append((given[-1], named["conclusion"])))
    monkeypatch.setattr(approvals, "is_approval", lambda result: result is not None and result.external_id == HEAD)
    assert approval.take_up(None, REPO, pull()) is approved
    assert sent == ([(HEAD, None)] if taken_back else [])
