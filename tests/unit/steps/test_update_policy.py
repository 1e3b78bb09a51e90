"""Bringing approved heads up to date: whose turn it is, which branches, and whether GitHub wants it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ledgers import HEAD, OTHER, REPO, desk, pull

from pressplay.domain.entries import Entries, Retest, TaskOfPull
from pressplay.errors import TryAgain
from pressplay.github import merge_queue, pushes
from pressplay.github.calls import GitHubRefused
from pressplay.github.merge_queue import QueueRule
from pressplay.github.rules import Protection
from pressplay.settings import RepositoryDefaults, Settings
from pressplay.steps.core import approvals, update_advice
from pressplay.steps.core.context import Subject
from pressplay.steps.review import retest, retests, updates

pytestmark = pytest.mark.rule("R5")
TIP, OLD = "c" * 40, "d" * 40


def settings(strategy: str) -> RepositoryDefaults:
    return RepositoryDefaults.model_validate({"lint": {"enabled": True}, "base": {"strategy": strategy}})


def head(number: int, state: str, onto: str = TIP, base: str = "main", **more: Any) -> Any:
    sha = f"{number:040x}"
    known = Retest(head=sha, state=state, onto=onto, **more)  # type: ignore[arg-type]
    return retests._Approved(pull(number=number, head_sha=sha, base_ref=base), known, TIP)


READY, BEHIND, WAITS = head(1, "proven"), head(2, "proven", OLD), head(3, "pending", OLD)
UPDATE = head(4, "pending", of=OTHER)


@pytest.mark.parametrize(
    ("strategy", "heads", "turn"),
    [
        ("retest", [READY, BEHIND, WAITS], [2, 3]),
        # Each merge leaves all others behind: one at a time is brought up to date.
        ("strict", [READY, BEHIND, WAITS], []),
        ("strict", [BEHIND, WAITS], [2, 3]),
        # What is an update already is judged before all others, and needs nobody's merge.
        ("strict", [READY, BEHIND, UPDATE], [4]),
        # A person's branch that lacks the newest commit keeps nobody waiting, nor does one that waits for another base.
        ("strict", [head(1, "proven", behind=True), WAITS], [3]),
        ("strict", [head(1, "proven", base="release"), WAITS], [3]),
        ("strict", [head(1, "conflict"), WAITS], [3]),
        ("strict", [READY], []),
    ],
)
def test_whose_turn_it_is(monkeypatch, strategy, heads, turn):
    monkeypatch.setattr(approvals, "is_approved", lambda *_: True)
    chosen = retests._in_turn(SimpleNamespace(), REPO, settings(strategy), heads)  # type: ignore[arg-type]
    assert [each.pull.number for each in chosen] == turn


def test_a_head_whose_approval_fell_keeps_nobody_waiting(monkeypatch):
    monkeypatch.setattr(approvals, "is_approved", lambda *_: False)
    chosen = retests._in_turn(SimpleNamespace(), REPO, settings("strict"), [READY, WAITS])  # type: ignore[arg-type]
    assert [each.pull.number for each in chosen] == [3]


OURS, PERSON = "rex[bot]", "ann"
TASK = {"task": TaskOfPull(task=7)}


def moves(*logins: str, begins: str = pushes.NOTHING) -> list[pushes.Push]:
    shas = [begins, *(f"{at:040x}" for at in range(1, len(logins))), HEAD]
    return [pushes.Push(shas[at], shas[at + 1], login) for at, login in enumerate(logins)]


@pytest.mark.parametrize(
    ("fields", "entries", "record", "queue", "may"),
    [
        ({}, TASK, moves(OURS, "press-play[bot]"), None, True),
        ({"fork": True}, TASK, moves(OURS), None, False),
        ({"draft": True}, TASK, moves(OURS), None, False),
        ({"author": PERSON}, TASK, moves(OURS), None, False),
        ({}, {}, moves(OURS), None, False),
        ({}, TASK, moves(OURS, PERSON), None, False),
        # An account that is gone, and a record that does not reach back to the branch's creation.
        ({}, TASK, moves(OURS, ""), None, False),
        ({}, TASK, moves(OURS, begins=OLD), None, False),
        ({}, TASK, GitHubRefused("no record", 404), None, False),
        ({}, TASK, moves(OURS), QueueRule(60, all_green=True), False),
    ],
)
def test_only_branches_of_our_tasks_that_our_apps_alone_moved(
    monkeypatch, tmp_path, fields, entries, record, queue, may
):
    def life(*_: Any) -> list[pushes.Push]:
        if isinstance(record, Exception):
            raise record
        return list(record)

    monkeypatch.setattr(pushes, "life", life)
    monkeypatch.setattr(merge_queue, "rule", lambda *_: queue)
    context = desk(tmp_path)
    subject = Subject.of({"repo": REPO, "pr": "7"}, context)
    assert updates.may_update(context, subject, pull(**{"author": OURS, **fields}), Entries(entries)) is may


def test_a_record_that_can_not_be_read_is_no_answer(monkeypatch, tmp_path):
    def life(*_: Any) -> list[pushes.Push]:
        raise TryAgain("not listed yet")

    monkeypatch.setattr(pushes, "life", life)
    monkeypatch.setattr(merge_queue, "rule", lambda *_: None)
    context = desk(tmp_path)
    subject = Subject.of({"repo": REPO, "pr": "7"}, context)
    with pytest.raises(TryAgain):
        updates.may_update(context, subject, pull(author=OURS), Entries(TASK))


def values(strategy: str) -> Settings:
    return Settings(
        namespace="n", controller_namespace="c", repositories={REPO: RepositoryDefaults()}, defaults=settings(strategy)
    )


def protection(*, strict: bool, queue: bool = False) -> Protection:
    rule = QueueRule(60, all_green=True) if queue else None
    return Protection((), (), 1, dismisses_stale_reviews=True, queue=rule, strict=strict)


@pytest.mark.parametrize(
    ("strategy", "strict", "queue", "fault", "advice"),
    [
        ("strict", True, False, "", ""),
        ("strict", False, False, "no ruleset requires", ""),
        ("strict", True, True, "", "merges what is behind as well"),
        ("retest", True, False, "", "nobody brings pull requests up to date"),
        ("off", True, False, "", "nobody brings pull requests up to date"),
        ("off", True, True, "", ""),
        ("retest", False, False, "", ""),
    ],
)
def test_values_and_rulesets_must_want_the_same(strategy, strict, queue, fault, advice):
    given = (values(strategy), REPO, "main", protection(strict=strict, queue=queue))
    faults, advised = list(update_advice.faults(*given)), list(update_advice.advice(*given))
    assert [bool(faults), bool(advised)] == [bool(fault), bool(advice)]
    assert all(fault in each.message and each.do for each in faults)
    assert all(advice in each.message and each.do for each in advised)


@pytest.mark.parametrize(
    ("strategy", "overtaken", "green"), [("retest", 3, True), ("retest", 2, False), ("strict", 9, False)]
)
def test_a_base_that_is_always_faster_is_no_reason_under_the_strict_policy(strategy, overtaken, green):
    assert retest.is_overtaken(settings(strategy), Retest(head=HEAD, state="pending", overtaken=overtaken)) is green


def test_the_gates_judged_the_commit_that_was_updated():
    assert retest.judged_commit(Retest(head=HEAD, state="pending", of=OTHER)) == OTHER
    assert retest.judged_commit(Retest(head=HEAD, state="pending")) == HEAD


@pytest.mark.parametrize(("strategy", "on"), [("strict", True), ("retest", False), ("off", False)])
def test_without_a_gate_that_could_judge_a_merge_the_strict_policy_is_served_still(strategy, on):
    assert (
        retest.is_on(
            RepositoryDefaults.model_validate(
                {
                    "lint": {"enabled": False},
                    "tests": {"enabled": False},
                    "base": {"strategy": strategy},
                }
            )
        )
        is on
    )
