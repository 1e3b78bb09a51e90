"""What a person accepts of a commit: whose word, of what, of which commit (R5, R8); one row a case."""

from __future__ import annotations

import pytest
from ledgers import HEAD, OTHER, PR, REPO, desk, gate, pull, record

from pressplay.clock import rfc3339
from pressplay.domain.entries import GivenProfile, Waiver
from pressplay.github import issues
from pressplay.steps.comments import commands
from pressplay.steps.comments.conversation import Command, command_of
from pressplay.steps.core.context import Subject
from pressplay.steps.review import approval

pytestmark = pytest.mark.rule("R5")
ASKED = 100
"""When the gate held the approval, in Unix seconds."""


def held(*subjects: str, head: str = HEAD, name: str = "tests", at: int = ASKED):
    (entry,) = gate(name, "pass", head).values()
    return {f"gate-{name}-{head}": {**entry, "holds": list(subjects), "at": at}}


def command(name: str, rest: str, at: int = ASKED + 1) -> Command:
    return Command("comment-5", name, rfc3339(at), "ann", rest)


@pytest.fixture
def decide(tmp_path, monkeypatch):
    """Carries out one command on a pull request whose head is HEAD; what the ledger has, and what was answered."""

    def carry_out(given: Command, entries):
        context, answers = desk(tmp_path), []
        monkeypatch.setattr(issues, "comment", lambda *given, **_: answers.append(given[3]))
        record(context, "pr", PR, entries)
        subject = Subject.of({"repo": REPO, "pr": str(PR)}, context)
        decided = commands.decide(context, subject, pull(), [given])
        return decided, context.ledger(REPO).entries("pr", PR), answers

    return carry_out


@pytest.mark.parametrize(
    ("rest", "entries", "accepted"),
    [
        ("AC3: totals are rounded", held("AC3"), "AC3"),
        ("ac3 :  totals are rounded", held("AC3"), "AC3"),
        ("supply: ours", held("supply", name="supply"), "supply"),
        ("AC3: totals are rounded", held("AC1", "AC3"), "AC3"),
        # A reason belongs to it.
        ("AC3", held("AC3"), None),
        ("AC3:   ", held("AC3"), None),
        ("", held("AC3"), None),
        ("AC3 totals are rounded", held("AC3"), None),
        ("AC03: totals are rounded", held("AC3"), None),
        # Nothing is held, or something else is.
        ("AC3: totals are rounded", {}, None),
        ("AC3: totals are rounded", held("AC1"), None),
        ("AC3: totals are rounded", gate("tests", "pass"), None),
        ("AC3: totals are rounded", held("AC3", head=OTHER), None),
    ],
)
def test_a_person_accepts_what_is_held_of_this_commit(decide, rest, entries, accepted):
    decided, after, answers = decide(command("accept", rest), entries)
    assert decided is (accepted is not None)
    if accepted is None:
        assert not after.all(Waiver)
        assert "Nothing was accepted" in answers[0]
        return
    (waiver,) = after.all(Waiver)
    assert (waiver.subject, waiver.head, waiver.by, waiver.comment) == (accepted, HEAD, "ann", "comment-5")
    assert waiver.because in {"totals are rounded", "ours"}
    assert not answers


def test_a_comment_does_not_accept_what_was_asked_after_it(decide):
    """An agent pushes a weaker commit while the comment waits for its window to end."""
    decided, after, _ = decide(command("accept", "AC3: fine", at=ASKED - 1), held("AC3"))
    assert not decided
    assert not after.all(Waiver)


def test_a_reason_is_kept_as_plain_text_and_bounded(decide):
    _, after, _ = decide(command("accept", "AC3: a\u202eb\x1b[31m" + "x" * 9_000), held("AC3"))
    (waiver,) = after.all(Waiver)
    assert len(waiver.because) <= 500
    assert "\x1b" not in waiver.because


@pytest.mark.parametrize(("rest", "profile"), [("refactor", "refactor"), ("Docs", "docs"), ("other", None), ("", None)])
def test_a_person_gives_a_profile(decide, rest, profile):
    decided, after, answers = decide(command("profile", rest), {})
    given = after.get(GivenProfile)
    assert decided is (profile is not None)
    assert (given.profile if given else None) == profile
    assert bool(answers) is (profile is None)


@pytest.mark.parametrize(
    ("entries", "waits"),
    [
        ({}, []),
        (gate("tests", "pass"), []),
        (held("AC3"), ["tests"]),
        ({**held("AC3"), f"waiver-AC3-{HEAD}": {"by": "ann", "comment": "c", "because": "b"}}, []),
        ({**held("AC1", "AC3"), f"waiver-AC3-{HEAD}": {"by": "ann", "comment": "c", "because": "b"}}, ["tests"]),
        ({**held("AC3"), f"waiver-AC3-{OTHER}": {"by": "ann", "comment": "c", "because": "b"}}, ["tests"]),
    ],
)
def test_an_approval_waits_until_all_is_accepted_of_its_own_commit(tmp_path, entries, waits):
    context = desk(tmp_path)
    record(context, "pr", PR, entries)
    ledger = context.ledger(REPO).entries("pr", PR)
    assert [entry.gate for entry in approval.waiting(ledger, HEAD)] == waits


@pytest.mark.parametrize(
    "body", ["/press-play accept AC3: ok", "/press-play Accept\tAC3: ok", "/press-play profile docs"]
)
def test_they_are_commands(body):
    assert command_of(body) in {"accept", "profile"}
