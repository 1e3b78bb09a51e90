"""A base branch that moves under approved pull requests: what is merged was proven together with it (R5)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from base_moves import (
    LINTED,
    TAKES_AWAY,
    USES,
    Approved,
    adds,
    approved,
    commits_of_main,
    is_green,
    merges_the_base,
    played,
    retests,
    states,
)
from harness import REPO, git, world
from killing import FULL, Murder, same_end
from people import agent, person, push
from team import PR

from pressplay.clock import VirtualClock
from pressplay.cluster import waits
from pressplay.domain.entries import FinalProof, MergedEntry, Parked
from pressplay.github import checks

pytestmark = [pytest.mark.rule("R5"), pytest.mark.rule("FR10")]


def test_two_changes_that_break_each_other_are_both_merged_once_rex_has_repaired_the_second(tmp_path):
    made = played(tmp_path, {1: TAKES_AWAY, 2: USES}, {"conflict": merges_the_base}, strategy="retest")
    summary = made.play()
    assert states(made, summary) == {"1": "merged", "2": "merged"}
    assert all(is_green(made, tmp_path, sha) for sha in commits_of_main(made))
    assert [line.split()[2] for line in made.starts()].count("conflict") == 1
    (broken,) = [entry for entry in retests(made) if entry.state == "failed"]
    assert broken.runs == 1
    made.sandbox.close()


def test_what_rex_does_not_repair_never_reaches_the_base_and_a_person_reads_what_fails(tmp_path):
    made = played(tmp_path, {1: TAKES_AWAY, 2: USES}, silent={("conflict", 2)}, strategy="retest")
    made.play()
    assert len(commits_of_main(made)) == 2
    assert all(is_green(made, tmp_path, sha) for sha in commits_of_main(made))
    entries = made.sandbox.context.ledger(REPO).entries("pr", 2)
    (parked,) = entries.all(Parked)
    assert "merged with main it does not hold" in parked.reason
    assert parked.details is not None
    assert "module 'helper' has no attribute 'twice'" in parked.details.detail
    made.sandbox.close()


def test_of_five_at_once_two_break_each_other_and_main_is_green_after_each_merge(tmp_path):
    """Merges follow one another within seconds: none may wait for `reconcile` to see that the base moved."""
    changes = {1: TAKES_AWAY, 2: USES, **{number: adds(f"plus{number}", number + 3) for number in (3, 4, 5)}}
    made = played(tmp_path, changes, {"conflict": merges_the_base}, strategy="retest")
    summary = made.play()
    assert states(made, summary) == {str(number): "merged" for number in changes}
    commits = commits_of_main(made)
    assert len(commits) == 6
    assert all(is_green(made, tmp_path, sha) for sha in commits)
    # Four merges move the base under the rest: each is judged once, and the one that broke again after its repair.
    assert sum(entry.runs for entry in retests(made)) == 5
    # Three runs, Rex' repair after the flow's window (40 s), and the runs of its new round: no wait for `reconcile`.
    assert summary.seconds == 3 * 60 + 40 + 3 * 60
    made.sandbox.close()


def test_without_it_both_are_merged_the_base_is_broken_and_the_play_says_by_whom(tmp_path):
    """What the retest is for: this is why it is on unless the values say otherwise."""
    made = played(tmp_path, {1: TAKES_AWAY, 2: USES}, strategy="off", finalProof=True)
    summary = made.play()
    merged = commits_of_main(made)
    assert not is_green(made, tmp_path, merged[-1])
    assert is_green(made, tmp_path, merged[-2])
    assert retests(made) == []
    assert (summary.state, states(made, summary)) == ("merged, broken", {"1": "merged", "2": "merged, broken"})
    why = summary.tasks[1].why
    assert why is not None
    assert "1 test fails that did not fail before the play's first merge" in why.what
    assert "module 'helper' has no attribute 'twice'" in why.detail
    made.sandbox.close()


def test_changes_that_get_on_with_each_other_are_all_merged(tmp_path):
    changes = {number: adds(name, number + 4) for number, name in enumerate(("alpha", "beta", "gamma"), start=1)}
    made = played(tmp_path, changes, strategy="retest", finalProof=True)
    summary = made.play()
    assert set(states(made, summary).values()) == {"merged"}
    assert all(is_green(made, tmp_path, sha) for sha in commits_of_main(made))
    # The last merge was judged as the very tree that the play ended with: its tests need no further run.
    assert summary.final is not None
    before, *_, last = commits_of_main(made)
    assert (summary.final.state, summary.final.commit, summary.final.onto) == ("holds", last, before)
    assert summary.final.why.what == "all tests passed on this tree before, 0 probes held"
    assert waits.phase(made.sandbox.plays()[-1]) == "Succeeded"
    (proof,) = [entry for pr in made.sandbox.context.ledger(REPO).kept("pr") for entry in pr.entries.all(FinalProof)]
    assert proof.tree == git(made.sandbox.forge.git_path(REPO), "rev-parse", f"{last}^{{tree}}")
    assert sorted(proof.tasks) == [1, 2, 3]
    # The last of three was judged again, at most once for each of the others.
    assert 1 <= sum(entry.runs for entry in retests(made)) <= 3
    made.sandbox.close()


MOVES = 144 if FULL else 6
"""How often the base branch moves, each ten minutes: a day, or an hour."""


def test_once_the_base_moves_nobody_can_merge_before_the_merge_was_judged(tmp_path):
    waiting = approved(tmp_path)
    tip = waiting.base({"other.txt": b"theirs\n"})
    held: list[str] = []

    def watch() -> None:
        if waiting.state() == "in_progress" and not held:
            held.append(waiting.flow.check("acceptance")["output"]["summary"])
            assert not waiting.flow.can_be_merged()

    waiting.made.sandbox.run(lambda: waiting.known.onto == tip, watch)
    assert tip in held[0]
    waiting.settle()
    assert waiting.state() == "success"
    assert (waiting.known.state, waiting.known.onto, waiting.known.runs) == ("proven", tip, 1)
    # It says what it is a proof of, and what was shown of the head is still there.
    text = waiting.flow.check("acceptance")["output"]["text"]
    bare = waiting.made.sandbox.forge.git_path(REPO)
    tree = git(bare, "merge-tree", "--write-tree", tip, waiting.flow.head)
    assert f"Merged with `{tip}`" in text
    assert tree in text
    assert f"serving {waiting.flow.head}" in text
    # Nothing was pushed, and nobody reviewed it again.
    assert waiting.flow.roles() == ["implement", "lint", "test"]
    assert waiting.flow.can_be_merged()
    assert git(bare, "rev-parse", "main^{tree}") == tree


def test_what_does_not_hold_together_is_taken_back_says_why_and_is_parked_where_nobody_repairs_it(tmp_path):
    waiting = approved(tmp_path)
    waiting.base({"ugly.txt": b"theirs\n"})
    checks_: list[str] = []
    sandbox = waiting.made.sandbox
    sandbox.run(
        lambda: waiting.state() == "action_required",
        lambda: checks_.append(waiting.flow.check("acceptance")["output"]["title"]),
    )
    assert "It does not hold together with the base branch" in checks_
    assert not waiting.flow.can_be_merged()
    comments = [c["body"] for c in waiting.flow.get(f"/issues/{PR}/comments")]
    (parked,) = [body for body in comments if "Press Play parked this pull request" in body]
    assert "press-play/lint: " in parked
    assert waiting.known.state == "failed"


def test_what_conflicts_is_left_to_those_who_resolve_it(tmp_path):
    waiting = approved(tmp_path)
    tip = waiting.base({"task_1_implement_1.txt": b"theirs\n"})
    waiting.made.sandbox.run(lambda: waiting.state() == "action_required")
    assert waiting.flow.roles()[-1] == "conflict"
    assert waiting.known.runs == 0
    # Nothing judges a merge that git can't make, however often it is looked at.
    clock = waiting.made.sandbox.clock
    end = clock.now() + 600
    waiting.made.sandbox.run(lambda: clock.now() >= end)
    assert sum(entry.runs for entry in retests(waiting.made)) == 0
    started = waiting.made.sandbox.cluster.list("Workflow", "press-play", {"press-play/flow": "retest"})
    assert len(started) <= 2, tip


def test_an_approval_that_was_taken_back_does_not_return_when_the_base_moves_on(tmp_path):
    """A person leads it into another branch, which voids the approval; that branch has commits of its own."""
    waiting = approved(tmp_path)
    agents_ = agent(waiting.made, "rex", contents="write")
    push(agents_, waiting.made, "release")
    with person(waiting.made) as somebody:
        somebody.patch(f"pulls/{PR}", json={"base": "release"}).raise_for_status()
    waiting.rest()
    push(agents_, waiting.made, "release", on="release", path="more.txt")
    waiting.rest()
    assert waiting.state() == "action_required"
    assert waiting.flow.roles() == ["implement", "lint", "test"]


def test_the_same_tree_needs_no_new_run(tmp_path):
    waiting = approved(tmp_path)
    for reason in ("command 1 passed", "the same tree passed before"):
        # The second commit changes nothing.
        tip = waiting.base({"other.txt": b"theirs\n"})
        waiting.made.sandbox.run(lambda tip=tip: waiting.known.onto == tip)
        (entry,) = entries(waiting, MergedEntry)
        assert reason in entry.reason
    assert (waiting.state(), waiting.known.runs) == ("success", 2)
    assert waiting.made.sandbox.cluster.list("PersistentVolumeClaim", "") == []


def entries(waiting: Approved, kind: type[Any]) -> list[Any]:
    return waiting.made.sandbox.context.ledger(REPO).entries("pr", PR).all(kind)


def test_a_base_that_moves_each_ten_minutes_starves_nobody(tmp_path):
    """Each move costs one judgement, and between any two moves a person can merge."""
    waiting = approved(tmp_path)
    clock = waiting.made.sandbox.clock
    green = 0
    for number in range(MOVES):
        tip = waiting.base({f"other_{number}.txt": b"theirs\n"})
        end = clock.now() + 600
        waiting.made.sandbox.run(lambda end=end: clock.now() >= end)
        green += waiting.state() == "success" and waiting.known.onto == tip
    assert (green, waiting.known.runs, waiting.known.overtaken) == (MOVES, MOVES, 0)
    assert waiting.flow.can_be_merged()


def test_a_base_that_moves_during_every_judgement_starves_nobody_either(tmp_path):
    waiting = approved(tmp_path, overtaken=2)
    sandbox, judged = waiting.made.sandbox, {""}
    waiting.base({"other_0.txt": b"theirs\n"})

    def move() -> None:
        if waiting.known.trying not in judged and len(judged) < 5:
            judged.add(waiting.known.trying)
            waiting.base({f"other_{len(judged)}.txt": b"theirs\n"})

    sandbox.run(lambda: waiting.known.overtaken == 2, move)
    # It is proven for a commit that is not the newest, and says which one.
    assert waiting.state() == "success"
    assert waiting.known.onto in waiting.flow.check("acceptance")["output"]["text"]
    sandbox.run(lambda: len(judged) == 5 and waiting.known.overtaken == 0, move)
    assert (waiting.state(), waiting.known.state) == ("success", "proven")
    assert waiting.known.onto == git(sandbox.forge.git_path(REPO), "rev-parse", "main")


@pytest.mark.rule("R3")
@pytest.mark.rule("R1")
def test_killed_at_commit_points_the_judgement_comes_to_the_same_end(tmp_path):
    start = tmp_path / "start"
    start.mkdir()
    waiting = approved(start)
    waiting.base({"other.txt": b"theirs\n"})
    head, now = waiting.flow.head, waiting.made.sandbox.clock.now()
    waiting.made.sandbox.close()

    def life(state: Path, murder: Murder) -> None:
        clock = VirtualClock(now)
        settings = {"defaults": {**LINTED, "base": {"strategy": "retest"}}}
        made = world(state, None, clock, murder, settings=settings, merge=False)
        made.sandbox.run(lambda: clock.now() >= now + 300 and made.sandbox.only_people_are_waited_for())
        made.sandbox.close()

    def end(state: Path) -> tuple[Any, ...]:
        made = world(state, None, VirtualClock(now + 1000), settings={"defaults": LINTED}, merge=False)
        gh = made.sandbox.context.harness(REPO, checks="read")
        check = checks.own(gh, REPO, head, "press-play/acceptance")
        (known,) = retests(made)
        left = made.sandbox.cluster.list("PersistentVolumeClaim", "")
        starts = made.starts()
        made.sandbox.close()
        return check and check.conclusion, known.state, known.runs, len(left), starts

    expected = same_end(start / "state", tmp_path, life, end)
    assert expected[:4] == ("success", "proven", 1, 0)
