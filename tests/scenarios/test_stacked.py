"""Stacked release: dependents begin on the approved head, are judged by their own change, and land after it (R5)."""

from __future__ import annotations

import pytest
from base_moves import LINTED, commits_of_main, is_green
from harness import REPO, after
from stacks import ORDER, TESTED, Chain, chain, files_of, writes_over
from team import Team

from pressplay.gates.proving.judgement import Judgement
from pressplay.steps.core import evidence, stack
from pressplay.steps.review import proofs
from pressplay.steps.review.scope import subject_of

pytestmark = [pytest.mark.rule("R5"), pytest.mark.rule("FR10")]
LATE = 300.0
"""Seconds after which a person merges what may be merged."""
TASKS = 3


def proving(flow: Chain, number: int) -> set[str]:
    """The tests that the tests gate counted as those of a pull request's own change."""
    head = flow.pull(number).head_sha
    kept = evidence.kept(flow.made.sandbox.context, REPO, number, head)
    return {name.rpartition("::")[2] for name in Judgement.unpack(kept[evidence.JUDGEMENT]).proving}


def left(flow: Chain, number: int) -> str:
    """What a pull request's proof says that its change was compared with."""
    context, pull = flow.made.sandbox.context, flow.pull(number)
    subject = subject_of(context, REPO, pull, flow.entries("pr", number))
    document = proofs.kept_document(context, subject, pull.head_sha)
    assert document is not None
    return str(document.statement.predicate.change.merge_base)


def own_change(flow: Chain, number: int) -> set[str]:
    """The files that gates see a pull request change."""
    context, pull = flow.made.sandbox.context, flow.pull(number)
    gh = context.harness(REPO, contents="read", pull_requests="read")
    subject = subject_of(context, REPO, pull, flow.entries("pr", number))
    return {file.path for file in stack.compared(context, gh, subject, "main", pull.head_sha).files}


@pytest.mark.parametrize(("method", "gates"), [("merge", TESTED), ("squash", LINTED)])
def test_a_chain_is_built_before_anything_is_merged_and_lands_in_order(tmp_path, method, gates):
    flow = chain(tmp_path, 3, gates=gates)
    flow.settle()
    for task in (2, 3):
        assert f"task {task} starts on the approved head of task {task - 1}, merged or not" in flow.made.said
    begun = [flow.pull(number).head_sha for number in (1, 2)]
    assert [flow.state(number) for number in (1, 2, 3)] == ["success", "held", "held"]
    assert [flow.on(number).head for number in (2, 3)] == begun
    own = [{*files_of(number), ORDER, f"task_{number}_implement_1.txt"} for number in (1, 2, 3)]
    assert [own_change(flow, number) for number in (1, 2, 3)] == own
    if gates == TESTED:
        assert [proving(flow, number) for number in (1, 2, 3)] == [{f"test_part_{number}"} for number in (1, 2, 3)]
    # Nobody can merge a dependency along with what was begun on it.
    assert flow.check(2)["output"]["title"] == "Waits for #1 (task 1) to land"
    assert [flow.merge(number, method) for number in (3, 2)] == [405, 405]
    assert all(review["state"] != "APPROVED" for review in flow.ask("GET", "/pulls/2/reviews").json())
    for number in (1, 2, 3):
        assert flow.merge(number, method) == 200
        flow.settle()
    assert flow.states() == ["merged"] * 3
    assert all(is_green(flow.made, tmp_path, sha) for sha in commits_of_main(flow.made))
    taken_in = [task for task, role in flow.runs() if role == "conflict"]
    assert taken_in == ([] if method == "merge" else [2, 3])
    # It is proven against what it was begun on, or against the base once that was taken in.
    assert [left(flow, number) for number in (2, 3)] == (
        begun if method == "merge" else commits_of_main(flow.made)[1:3]
    )
    flow.made.sandbox.close()


def makespan(flow: Chain) -> float:
    """How long it takes until all is merged, each pull request LATE after it may be."""
    clock, green = flow.made.sandbox.clock, dict[int, float]()
    begun = clock.now()

    def all_merged() -> bool:
        for listed in flow.ask("GET", "/pulls").json():
            number = int(listed["number"])
            if flow.state(number) == "success" and clock.now() - green.setdefault(number, clock.now()) >= LATE:
                flow.merge(number)
        return len(flow.ask("GET", "/pulls?state=closed").json()) == TASKS

    flow.made.sandbox.run(all_merged)
    return float(clock.now() - begun)


@pytest.mark.rule("FR5")
def test_where_people_merge_late_the_next_task_is_built_meanwhile(tmp_path):
    spans = {}
    for release in ("merged", "approved"):
        team = Team(seconds=lambda role, _task: 420.0 if role == "implement" else 60.0)
        (tmp_path / release).mkdir()
        flow = chain(tmp_path / release, TASKS, release=release, team=team)
        spans[release] = makespan(flow)
        flow.made.sandbox.close()
    # Of three merges only the last is waited for.
    assert spans["merged"] - spans["approved"] >= 1.5 * LATE


# -- the approval falls ------------------------------------------------------------------------------------------------


def test_when_the_approval_falls_it_is_parked_and_a_retry_takes_it_up_without_another_run(tmp_path):
    flow = chain(tmp_path)
    flow.settle()
    runs = flow.runs()
    flow.say(1, "/press-play stop")
    after(flow.made, 5)
    assert flow.state(2) == "action_required"
    why = "its dependency task 1 (#1) is not approved any more: a person stopped it"
    assert flow.check(2)["output"]["summary"].startswith(why)
    assert [row.state for row in flow.made.go_on().tasks] == ["parked", "parked"]
    # A retry of it alone changes nothing.
    flow.say(2, "/press-play retry")
    after(flow.made, 5)
    assert flow.state(2) == "action_required"
    flow.say(1, "/press-play retry")
    after(flow.made, 15)
    flow.say(2, "/press-play retry")
    after(flow.made, 5)
    assert [flow.state(number) for number in (1, 2)] == ["success", "held"]
    assert [run for run in flow.runs() if run[0] == 2] == [run for run in runs if run[0] == 2]
    assert flow.merge(1) == 200
    flow.settle()
    assert flow.state(2) == "success"
    assert flow.merge(2) == 200
    flow.made.sandbox.close()


@pytest.mark.rule("R2")
def test_when_its_dependency_is_closed_it_is_parked_at_once(tmp_path):
    flow = chain(tmp_path)
    flow.settle()
    flow.ask("PATCH", "/pulls/1", json={"state": "closed"}).raise_for_status()
    after(flow.made, 0.5)
    assert "not approved any more: it was closed without a merge" in flow.check(2)["output"]["summary"]
    flow.made.sandbox.close()


# -- what it was begun on changes --------------------------------------------------------------------------------------


def test_what_the_dependency_took_back_does_not_come_in_again_unseen(tmp_path):
    """After a squash git merges it without a conflict, and as long as nobody takes the base in no gate would see it."""
    flow = chain(tmp_path, does={"implement": writes_over("backdoor.txt", "open\n", of=1)})
    flow.settle()
    begun = flow.on(2).head
    flow.push(1, {"backdoor.txt": None})
    after(flow.made, 15)
    assert flow.pull(1).head_sha != begun == flow.on(2).head
    assert [flow.state(number) for number in (1, 2)] == ["success", "held"]
    assert "backdoor.txt" not in own_change(flow, 2)
    assert flow.merge(1, "squash") == 200
    flow.settle()
    assert (2, "conflict") in flow.runs()
    assert "backdoor.txt" in own_change(flow, 2)
    flow.made.sandbox.close()
