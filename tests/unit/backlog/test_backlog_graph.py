"""From backlog to plan: the given files worked out by hand, every problem by name, and what holds for any graph."""

import itertools
import json
import random
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pressplay.backlog.graph import plan
from pressplay.backlog.tasks import read
from pressplay.errors import InputError

DATA = Path(__file__).parents[2] / "data" / "tasks"


def backlog(*tasks, **other):
    return read(json.dumps({"master": {"tasks": list(tasks)}, **other}), "tasks.json")


def task(task_id, *needs, **fields):
    return {"id": task_id, "dependencies": list(needs), **fields}


def problems(result):
    return {problem.task: problem.problem for problem in result.problems}


def states(result):
    return {row.task.id: row.state for row in result.tasks}


# --- The given files ---------------------------------------------------------------------------------------------


def test_ckboost_as_worked_out_by_hand():
    """Only task 1 is done. What the others wait for, without it:

    2: -, 3: -, 4: 2 3, 5: 4, 6: 2 5, 7: 3 6, 8: 6, 9: 4 5, 10: 7 8, 11: 9

    Ready are therefore 2 and 3. Task 5 is `in-progress` in the file, but its 4 is not done, so it waits.
    Earliest places: 2 3 → 1, 4 → 2, 5 → 3, 6 and 9 → 4, 7, 8 and 11 → 5, 10 → 6. The longest chain has six tasks and
    ends in 10: (2 or 3), 4, 5, 6, (7 or 8), 10. Of 2 and 3 (both high) and of 7 and 8 (both medium) the smaller id
    counts. Only 9 and 11 have slack: 4-5-9-11 ends a place before 10 does.
    """
    result = plan(read((DATA / "ckboost.json").read_text(encoding="utf-8"), "ckboost.json"))
    assert result.ready == ("2", "3")
    assert result.critical_path == ("2", "4", "5", "6", "7", "10")
    assert result.length == 6
    assert {row.task.id: row.slack for row in result.tasks if row.slack} == {"9": 1, "11": 1}
    assert result.problems == ()


def test_testcraft_as_worked_out_by_hand():
    """Done are 1-20, 22, 29 and 31 (there are no 26, 27). To do, with what is not done of their dependencies:

    21: -, 23: -, 24: -, 25: -, 28: -, 30: -, 32: 28, 33: 28 32, 34: -, 35: -, 36: 35

    All without a rest are ready. Chains: 28-32-33 (three), 35-36 (two), the others alone; so 28, 32, 33 is the critical
    path, and slack is 3 - 2 = 1 for 35 and 36, 3 - 1 = 2 for those alone. 28 starts first with two behind it, then 35
    with one; of those with none the priority high (23, 24, 30, 34) goes before medium (21, 25).
    """
    result = plan(read((DATA / "testcraft.json").read_text(encoding="utf-8"), "testcraft.json"), parallelism=8)
    assert result.ready == ("28", "35", "23", "24", "30", "34", "21", "25")
    assert result.critical_path == ("28", "32", "33")
    assert {row.task.id: row.slack for row in result.tasks} == {
        **dict.fromkeys(["28", "32", "33"], 0),
        **dict.fromkeys(["35", "36"], 1),
        **dict.fromkeys(["21", "23", "24", "25", "30", "34"], 2),
    }
    assert result.problems == ()


# --- Statuses ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["done", "completed", "Done"])
def test_a_finished_dependency_is_satisfied(status):
    result = plan(backlog(task(1, status=status), task(2, 1)))
    assert (result.ready, result.problems) == (("2",), ())


def test_a_cancelled_dependency_is_satisfied_as_in_taskmaster_and_told():
    result = plan(backlog(task(1, status="cancelled"), task(2, 1)))
    assert result.ready == ("2",)
    assert problems(result) == {"2": 'depends on "1", which is cancelled; taken as satisfied, as Taskmaster does'}


def test_a_deferred_task_is_not_played_and_blocks_what_depends_on_it():
    result = plan(backlog(task(1, status="deferred"), task(2, 1), task(3, 2), task(4)))
    assert states(result) == {"4": "ready", "2": "blocked", "3": "blocked"}
    assert problems(result) == {
        "2": 'depends on "1", which is deferred; set that to pending or take the dependency out'
    }


@pytest.mark.parametrize("status", ["pending", "in-progress", "review"])
def test_what_can_be_worked_on_plays(status):
    assert plan(backlog(task(1, status=status))).ready == ("1",)


def test_a_task_marked_blocked_is_told_and_blocks():
    result = plan(backlog(task(1, status="blocked"), task(2, 1)))
    assert states(result) == {"1": "blocked", "2": "blocked"}
    assert problems(result) == {"1": "has the status blocked; set it to pending once it may be worked on"}


@pytest.mark.rule("R10")
def test_an_unknown_status_is_told_and_blocks():
    result = plan(backlog(task(1, status="wip"), task(2)))
    assert result.ready == ("2",)
    assert problems(result)["1"].startswith('has the unknown status "wip"; expected one of blocked, cancelled,')


# --- Dependencies ------------------------------------------------------------------------------------------------


def test_an_unknown_id_is_told_and_blocks():
    result = plan(backlog(task(1, 99), task(2, 1), task(3)))
    assert states(result) == {"3": "ready", "1": "blocked", "2": "blocked"}
    assert problems(result) == {"1": 'depends on "99", which does not exist; correct the id or take the dependency out'}
    assert result.tasks[1].waits_for == ("99",)


def test_a_dependency_on_another_tag_is_told_with_that_tag():
    result = plan(backlog(task(1, 7), other={"tasks": [{"id": "7"}]}))
    assert result.ready == ()
    assert problems(result)["1"].startswith('depends on "7", which is not in the tag "master" but in "other"')


def test_a_dependency_on_itself_is_told():
    result = plan(backlog(task(1, 1), task(2)))
    assert result.ready == ("2",)
    assert problems(result) == {"1": "depends on itself (1 → 1); take that dependency out"}


def test_each_cycle_is_told_with_its_path_and_blocks_what_depends_on_it():
    result = plan(backlog(task(1, 3), task(2, 1), task(3, 2), task(4, 5, 1), task(5, 4), task(6, 5), task(7)))
    assert result.ready == ("7",)
    told = "waits for itself in a cycle: {} (each depends on the next); take one of these dependencies out"
    assert problems(result) == {"1": told.format("1 → 3 → 2 → 1"), "4": told.format("4 → 5 → 4")}
    assert [row.task.id for row in result.tasks if row.state == "blocked"] == ["1", "2", "3", "4", "5", "6"]


def test_a_cycle_through_a_done_task_is_none():
    assert plan(backlog(task(1, 2, status="done"), task(2, 1))).ready == ("2",)


def test_a_dependency_on_a_subtask_is_one_on_its_task():
    parts = [{"id": 1, "status": "done"}, {"id": 2, "status": "pending"}]
    result = plan(
        backlog(task(11, subtasks=parts), task(12, "11.2"), task(13, "11.1"), task(14, "14.1", subtasks=parts))
    )
    assert states(result) == {"11": "ready", "12": "waiting", "13": "ready", "14": "ready"}
    assert result.problems == ()


# --- The plan ----------------------------------------------------------------------------------------------------


def test_the_longest_chain_starts_first_and_waiting_tasks_start_as_slots_allow():
    chain = [task(10), task(11, 10), task(12, 11)]
    result = plan(backlog(task(1), task(2), *chain), parallelism=2)
    # 10 has two behind it; then 1 by id. At 1: 11 and 2. At 2: 12.
    assert [(row.task.id, row.start) for row in result.tasks] == [("10", 0), ("1", 0), ("11", 1), ("2", 1), ("12", 2)]
    assert [row.order for row in result.tasks] == [1, 2, 3, 4, 5]
    assert (result.length, result.makespan) == (3, 3)


def test_weights_lengthen_the_chains():
    result = plan(backlog(task(1), task(2, 1), task(3)), weights={"3": 5})
    assert result.critical_path == ("3",)
    assert {row.task.id: row.slack for row in result.tasks} == {"3": 0, "1": 3, "2": 3}
    with pytest.raises(InputError, match="expected a number above 0"):
        plan(backlog(task(1)), weights={"1": 0})


def test_a_play_of_some_tasks_blocks_on_the_undone_rest():
    result = plan(backlog(task(1), task(2, 1), task(3)), only=["2", "3"])
    assert states(result) == {"3": "ready", "2": "blocked"}
    assert problems(result)["2"].startswith('depends on "1", which is not done and not among the tasks asked for')
    assert plan(backlog(task(1), task(2, 1)), only=["2"], done=["1"]).ready == ("2",)
    with pytest.raises(InputError, match='tasks "9": expected ids'):
        plan(backlog(task(1)), only=["9"])


def test_an_empty_backlog_has_an_empty_plan():
    result = plan(backlog(task(1, status="done")))
    assert (result.tasks, result.critical_path, result.length, result.makespan) == ((), (), 0, 0)


def test_ten_thousand_tasks_are_planned_well_under_a_second():
    rng = random.Random(3)
    tasks = [task(i, *rng.sample(range(1, i), min(i - 1, rng.randint(0, 4)))) for i in range(1, 10_001)]
    text = json.dumps({"master": {"tasks": tasks}})
    started = time.process_time()
    result = plan(read(text, "f"))
    assert time.process_time() - started < 1
    assert len(result.tasks) == 10_000


@pytest.mark.parametrize("shape", ["chain", "ring"])
def test_ten_thousand_tasks_in_a_row_need_no_deep_stack(shape):
    tasks = [task(i, *([i - 1] if i > 1 else [10_000] if shape == "ring" else [])) for i in range(1, 10_001)]
    result = plan(backlog(*tasks))
    if shape == "chain":
        assert result.length == 10_000
    else:
        assert result.playable == ()
        assert problems(result)["1"].count("→") == 10_000


# --- What holds for any backlog -----------------------------------------------------------------------------------

STATUSES = ["pending", "pending", "pending", "in-progress", "review", "done", "cancelled", "deferred", "blocked", "odd"]


@st.composite
def any_tasks(draw, acyclic=False):
    count = draw(st.integers(1, 12))
    ids = list(range(1, count + 1))
    return [
        task(
            i,
            *draw(
                st.lists(st.sampled_from(ids[: i - 1] if acyclic else [*ids, 77]), max_size=3)
                if i > 1 or not acyclic
                else st.just([])
            ),
            status="pending" if acyclic else draw(st.sampled_from(STATUSES)),
            priority=draw(st.sampled_from(["high", "medium", "low", None])),
        )
        for i in ids
    ]


def edges(result):
    playable = {row.task.id: row for row in result.playable}
    return [(name, need) for name, row in playable.items() for need in row.waits_for], playable


@given(any_tasks(), st.integers(1, 4))
@settings(max_examples=60, deadline=None)
def test_the_order_is_topological_and_slots_are_kept(tasks, slots):
    result = plan(backlog(*tasks), parallelism=slots)
    pairs, playable = edges(result)
    for name, need in pairs:
        assert playable[need].start + 1 <= playable[name].start
        assert playable[need].order < playable[name].order
        assert playable[need].rank > playable[name].rank
    starts = [row.start for row in playable.values()]
    assert starts == sorted(starts)
    assert all(starts.count(moment) <= slots for moment in starts)


@given(any_tasks(), st.integers(1, 4))
@settings(max_examples=60, deadline=None)
def test_the_critical_path_is_a_path_and_no_chain_is_longer(tasks, slots):
    result = plan(backlog(*tasks), parallelism=slots)
    _, playable = edges(result)

    def longest(name):
        return 1 + max((longest(need) for need in playable[name].waits_for), default=0)

    path = result.critical_path
    assert len(path) == result.length == max((longest(name) for name in playable), default=0)
    assert all(first in playable[second].waits_for for first, second in itertools.pairwise(path))
    assert all(playable[name].slack == 0 for name in path)
    # Graham's bound for list scheduling.
    assert max(result.length, len(playable) / slots) <= result.makespan
    assert result.makespan <= result.length + (len(playable) - result.length) / slots


@given(any_tasks())
@settings(max_examples=60, deadline=None)
def test_blocked_is_exactly_what_a_problem_reaches(tasks):
    result = plan(backlog(*tasks))
    rows = {row.task.id: row for row in result.tasks}
    roots = {problem.task for problem in result.problems if problem.blocks}
    assert all(rows[name].state == "blocked" for name in roots)
    for name, row in rows.items():
        reached, look = set(), [name]
        while look:
            for need in rows[look.pop()].waits_for:
                if need in rows and need not in reached:
                    reached.add(need)
                    look.append(need)
        assert (row.state == "blocked") == bool(({name} | reached) & roots)
        assert (row.state == "ready") == (row.state != "blocked" and not row.waits_for)


@given(any_tasks(), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_a_shuffled_file_makes_the_same_plan(tasks, rng):
    shuffled = list(tasks)
    rng.shuffle(shuffled)
    assert plan(backlog(*shuffled)) == plan(backlog(*tasks))


@given(any_tasks(acyclic=True))
@settings(max_examples=50, deadline=None)
def test_an_acyclic_backlog_has_no_problem_and_plays_whole(tasks):
    result = plan(backlog(*tasks))
    assert result.problems == ()
    assert len(result.playable) == len(tasks)
