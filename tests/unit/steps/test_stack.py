"""What a stacked task's change is compared with, and what keeps its head from an approval: one row a case."""

from __future__ import annotations

from typing import Any

import pytest
from ledgers import REPO, desk, pull, record

from pressplay import names
from pressplay.domain.entries import Stacked
from pressplay.errors import InputError, TryAgain
from pressplay.github import comparison, merges, pulls, refs
from pressplay.github.calls import GitHubRefused
from pressplay.github.comparison import Comparison
from pressplay.github.merges import Merge
from pressplay.settings import RepositoryDefaults
from pressplay.steps.core import approvals, landing, stack
from pressplay.steps.core.context import Context, Subject
from pressplay.steps.core.landing import Landing
from pressplay.steps.play import stacking
from pressplay.steps.runs.role_work import CannotBegin
from pressplay.steps.runs.run import Run

pytestmark = pytest.mark.rule("R5")
BRANCH = names.task_branch(2)

PARENTS: dict[str, list[str]] = {
    "base": [],
    # The dependency: as it was approved when the task began, and as it became.
    "dep": ["base"],
    "dep-later": ["dep"],
    # The task's own heads: begun on it; with the base taken in after a squash; begun elsewhere, before and after.
    "own": ["dep"],
    "own-took-in": ["own", "squashed-later"],
    "stray": ["base"],
    "restarted": ["squashed-later"],
    # The base branch: others' work, and each way in which the dependency may land there.
    "others": ["base"],
    "merged": ["others", "dep"],
    "merged-later": ["others", "dep-later"],
    "squashed": ["others"],
    "squashed-later": ["others"],
    # Another dependency, which landed.
    "second": ["base"],
    "both": ["dep", "second"],
}


def history(sha: str) -> set[str]:
    return {sha}.union(*(history(parent) for parent in PARENTS[sha]))


def compare(_gh: Any, _repo: str, base: str, head: str) -> Comparison:
    if base not in PARENTS or head not in PARENTS:
        raise GitHubRefused("Not Found", 404)
    common = history(base) & history(head)
    return Comparison(max(common, key=lambda sha: len(history(sha))), ())


@pytest.fixture(autouse=True)
def graph(monkeypatch):
    monkeypatch.setattr(comparison, "compare", compare)


def subject(**settings: Any) -> Subject:
    return Subject(REPO, RepositoryDefaults.model_validate(settings), 2, 8, "master", "", 1)


def stacked(tmp_path, monkeypatch, *, commit: str = "", head: str = "dep", problem: str = "", **fields: Any) -> Context:
    """A task that was begun on `dep` of task 1's pull request 7; `commit`: by which that landed, with `head`."""
    context = desk(tmp_path)
    record(context, "task", 2, {"stacked": {"try": 1, "task": 1, "pr": 7, "head": "dep"}})
    made = pull(head_sha=head, merged=bool(commit), state="closed" if commit else "open", **fields)
    monkeypatch.setattr(pulls, "pull", lambda *_: made)
    monkeypatch.setattr(landing, "of", lambda *_: Landing(7, "main", commit, "ann", problem))
    return context


LANDED = [
    # The base's commit, the head, how the dependency landed and with which head; what is compared, and whether the
    # base must be taken in.
    ("base", "own", "", "dep", "dep", False),
    ("others", "own", "", "dep", "dep", False),
    ("others", "own", "", "dep-later", "dep", False),
    ("merged", "own", "merged", "dep", "dep", False),
    ("merged-later", "own", "merged-later", "dep-later", "dep", False),
    ("squashed", "own", "squashed", "dep", "dep", False),
    # Git merges both; what the dependency took back after this had begun would come in again.
    ("squashed-later", "own", "squashed-later", "dep-later", "dep", True),
    ("squashed-later", "own-took-in", "squashed-later", "dep-later", "squashed-later", False),
    ("squashed-later", "restarted", "squashed-later", "dep-later", "squashed-later", False),
]


@pytest.mark.parametrize(("base", "head", "commit", "landed_head", "left", "takes_in"), LANDED)
def test_a_head_is_compared_with_what_it_was_begun_on_until_the_base_has_that(
    tmp_path, monkeypatch, base, head, commit, landed_head, left, takes_in
):
    context = stacked(tmp_path, monkeypatch, commit=commit, head=landed_head)
    assert stack.compared(context, object(), subject(), base, head).merge_base == left
    assert stack.obstacle(context, object(), subject(), base, head) == ""
    built = stack.of(context, object(), subject())
    assert built is not None
    assert built.waits == (not commit)
    assert built.lacks_base(object(), REPO, base, head) == takes_in


@pytest.mark.parametrize("commit", ["", "squashed-later"])
def test_a_head_without_it_is_compared_with_nothing_and_approved_by_nothing(tmp_path, monkeypatch, commit):
    """An agent that begins elsewhere, or takes the commit out of its branch, gains nothing by it."""
    context = stacked(tmp_path, monkeypatch, commit=commit, head="dep-later" if commit else "dep")
    with pytest.raises(InputError, match=r"commit stray does not hold commit dep of task 1 \(#7\), which it was begun"):
        stack.compared(context, object(), subject(), commit or "others", "stray")
    obstacle = stack.obstacle(context, object(), subject(), commit or "others", "stray")
    assert obstacle == "its branch does not hold commit dep of task 1 (#7), which it was begun on"


def test_a_head_that_adds_nothing_shares_the_check_of_the_dependency(tmp_path, monkeypatch):
    context = stacked(tmp_path, monkeypatch)
    assert "GitHub keeps checks by commit" in stack.obstacle(context, object(), subject(), "base", "dep")


@pytest.mark.parametrize("recorded", [{}, {"stacked": {"try": 2}}])
def test_what_was_begun_on_the_base_is_compared_with_the_base(tmp_path, recorded):
    context = desk(tmp_path)
    record(context, "task", 2, recorded)
    assert stack.compared(context, object(), subject(), "base", "own").merge_base == "base"
    assert stack.of(context, object(), subject()) is None
    assert stack.obstacle(context, object(), subject(), "base", "own") == ""


@pytest.mark.parametrize(("head", "problem"), [("own", ""), ("dep", "was merged with nothing but the commits of #7")])
def test_a_merge_that_brings_nothing_of_its_own_lands_no_task(tmp_path, monkeypatch, head, problem):
    context, merge = desk(tmp_path), Merge("main", "merged", "ann", is_person=True)
    record(context, "task", 2, {"stacked": {"try": 1, "task": 1, "pr": 7, "head": "dep"}})
    monkeypatch.setattr(merges, "merge", lambda *_: merge)
    monkeypatch.setattr(comparison, "contains", lambda *_: True)
    made, entries = pull(number=8, head_sha=head, merged=True), context.ledger(REPO).entries("task", 2)
    landed = landing.of(context, object(), subject(), made, entries, "main")
    assert (landed.problem.startswith(problem), bool(landed.problem)) == (True, bool(problem))


PARKED = {"try": 1, "reason": "3 rounds", "head": "dep", "ended": 1}
FALLEN: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({}, {}, ""),
    ({}, {"parked-1": PARKED}, "3 rounds"),
    ({}, {"parked-1": {**PARKED, "cleared": True}}, ""),
    # Another head, or a person's retry: it may be approved again.
    ({}, {"parked-1": {**PARKED, "head": "base"}}, ""),
    ({}, {"parked-1": PARKED, "try": {"try": 2, "command": "c"}}, ""),
    ({}, {"parked-1": {**PARKED, "head": "base", "stopped": True}}, "3 rounds"),
    ({"state": "closed"}, {}, "it was closed without a merge"),
    ({"commit": "merged", "problem": "was merged by rex[bot]"}, {}, "was merged by rex[bot]"),
]


@pytest.mark.parametrize(("fields", "entries", "why"), FALLEN)
def test_an_approval_has_fallen_once_only_a_person_can_bring_it_back(tmp_path, monkeypatch, fields, entries, why):
    closed = "state" in fields
    context = stacked(tmp_path, monkeypatch, **{k: v for k, v in fields.items() if k != "state"})
    if closed:
        monkeypatch.setattr(pulls, "pull", lambda *_: pull(head_sha="dep", state="closed"))
    record(context, "pr", 7, entries)
    built = stack.of(context, object(), subject())
    assert built is not None
    assert built.fallen == why
    expected = f"its dependency task 1 (#7) is not approved any more: {why}" if why else ""
    assert stack.obstacle(context, object(), subject(), "others", "own") == expected


# -- what a task is begun on ------------------------------------------------------------------------------------------

A, B = ("dep", ""), ("second", "")


@pytest.mark.parametrize(
    ("dependencies", "begun_on"),
    [
        ([], None),
        ([("dep", "merged")], None),
        ([A], "dep"),
        # One chain: the last of it holds the rest.
        ([("base", ""), A], "dep"),
        ([A, ("dep-later", "")], "dep-later"),
        # One that landed counts as it was, or as it landed.
        ([("second", "squashed"), ("both", "")], "both"),
        ([("own", "others"), ("merged", "")], "merged"),
    ],
)
def test_a_task_begins_on_the_one_head_that_holds_all_it_needs(tmp_path, monkeypatch, dependencies, begun_on):
    chosen = choose(tmp_path, monkeypatch, dependencies)
    assert (chosen.head if chosen else None) == begun_on


@pytest.mark.parametrize(
    ("dependencies", "fallen", "error", "why"),
    [
        ([A], "3 rounds", CannotBegin, r"task 1 \(#11\), which it needs, is not approved any more: 3 rounds"),
        # A comment on it, say: it is looked at again soon.
        ([A], "", TryAgain, r"task 1 \(#11\), which it needs, is not approved any more, and is under review again"),
        ([A, B], None, CannotBegin, r"no approved commit holds all that it needs \(tasks 1, 2\): it can begin once"),
        # It landed after the other had begun, which does not hold it.
        ([A, ("second", "squashed")], None, CannotBegin, "no approved commit holds all"),
    ],
)
def test_where_there_is_none_it_does_not_begin(tmp_path, monkeypatch, dependencies, fallen, error, why):
    monkeypatch.setattr(stack, "fallen", lambda *_: fallen)
    with pytest.raises(error, match=why):
        choose(tmp_path, monkeypatch, dependencies, approved=fallen is None)


def test_by_default_a_task_begins_on_the_base(tmp_path, monkeypatch):
    assert choose(tmp_path, monkeypatch, [A], release="merged") is None


def choose(tmp_path, monkeypatch, dependencies, *, approved: bool = True, release: str = "approved") -> Stacked | None:
    made = [
        stacking._Dependency(number, pull(number=10 + number, head_sha=head), landed)
        for number, (head, landed) in enumerate(dependencies, start=1)
    ]
    monkeypatch.setattr(stacking, "_dependencies", lambda *_: made)
    monkeypatch.setattr(approvals, "is_approved", lambda *_: approved)
    return stacking._chosen(desk(tmp_path), subject(release=release), "base", 1)


# -- another try -------------------------------------------------------------------------------------------------------

BEFORE = {"try": 1, "task": 1, "pr": 7, "head": "dep"}
CHOSEN = Stacked(try_=2, task=1, pr=7, head="dep-later")


@pytest.mark.parametrize(
    ("before", "branch", "chosen", "begins", "recorded"),
    [
        (None, None, None, "base", None),
        (None, None, CHOSEN, "dep-later", "dep-later"),
        # The agent goes on from the branch of the try before, and so does what it is compared with.
        (BEFORE, "own", CHOSEN, "dep", "dep"),
        (BEFORE, "own", None, "dep", "dep"),
        (BEFORE, None, CHOSEN, "dep-later", "dep-later"),
        (BEFORE, None, None, "base", ""),
        # Begun on nothing, or on another pull request.
        ({"try": 1}, None, CHOSEN, "dep-later", "dep-later"),
        ({**BEFORE, "pr": 6}, "own-took-in", None, "dep", "dep"),
        # This try has begun: nothing is chosen again.
        ({**BEFORE, "try": 2}, None, CHOSEN, "dep", "dep"),
    ],
)
def test_a_try_keeps_what_its_branch_was_begun_on(tmp_path, monkeypatch, before, branch, chosen, begins, recorded):
    context, made = desk(tmp_path), {"main": "base", **({BRANCH: branch} if branch else {})}
    record(context, "task", 2, {"stacked": before} if before else {})
    monkeypatch.setattr(stacking, "_chosen", lambda *_: chosen)
    monkeypatch.setattr(refs, "head", lambda _gh, _repo, name: made[name])
    monkeypatch.setattr(refs, "find_head", lambda _gh, _repo, name: made.get(name))
    monkeypatch.setattr(refs, "create_branch", lambda _gh, _repo, name, sha: made.setdefault(name, sha))
    run = Run.of({"repo": REPO, "task": "2", "role": "implement", "github-app": "rex", "try": "2"}, context)
    assert stacking.begins_at(context, object(), run, "main") == begins  # type: ignore[arg-type]
    entry = context.ledger(REPO).entries("task", 2).get(Stacked)
    assert (entry.head if entry else None) == recorded
    assert made.get(BRANCH) == (branch or (begins if begins != "base" else None))


def test_a_branch_that_lacks_it_must_go_first(tmp_path, monkeypatch):
    monkeypatch.setattr(stacking, "_chosen", lambda *_: CHOSEN)
    monkeypatch.setattr(refs, "head", lambda *_: "base")
    monkeypatch.setattr(refs, "create_branch", lambda *_: "stray")
    run = Run.of({"repo": REPO, "task": "2", "role": "implement", "github-app": "rex", "try": "2"}, desk(tmp_path))
    with pytest.raises(CannotBegin, match="is there already and does not hold commit dep-later of task 1"):
        stacking.begins_at(desk(tmp_path), object(), run, "main")  # type: ignore[arg-type]
