"""Tasks that name the same file: which may meet, and an order that keeps them apart and everything else as it was."""

import itertools
import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pressplay.backlog import workflow
from pressplay.backlog.graph import WorkPlan, plan
from pressplay.backlog.overlap import Overlap
from pressplay.backlog.tasks import read

FILES = ["a.py", "b.py", "c.py"]


def task(id_, *needs, files=(), **fields):
    return {"id": id_, "dependencies": list(needs), "relevantFiles": list(files), **fields}


def backlog(*tasks):
    return read(json.dumps({"master": {"tasks": list(tasks)}}), "tasks.json")


def overlaps(*tasks):
    return plan(backlog(*tasks)).overlaps


@pytest.mark.parametrize(
    ("value", "files"),
    [
        (["a.py", "./b.py", "a.py", " "], ("a.py", "b.py")),
        ([{"path": "a.py", "action": "modify"}, {"path": "b.py", "action": "create"}], ("a.py", "b.py")),
        # What is only read meets nobody.
        ([{"path": "a.py", "action": "reference"}, {"path": "b.py"}], ("b.py",)),
        # Others own the file: another shape is nothing of ours.
        ([1, None, {"file": "a.py"}, ["b.py"], {"path": 3}], ()),
        ("a.py", ()),
        ({"path": "a.py"}, ()),
        (None, ()),
    ],
)
@pytest.mark.rule("R10")
def test_the_files_that_a_task_changes(value, files):
    (only,) = backlog({"id": 1, "relevantFiles": value}).tasks
    assert only.changed_files == files


@pytest.mark.parametrize(
    ("tasks", "expected"),
    [
        ([task(1, files=["a.py"]), task(2, files=["a.py"])], [(("1", "2"), ("a.py",))]),
        ([task(1, files=["a.py"]), task(2, files=["b.py"])], []),
        # One waits for the other anyway, directly or not.
        ([task(1, files=["a.py"]), task(2, 1, files=["a.py"])], []),
        ([task(1, files=["a.py"]), task(2, 1), task(3, 2, files=["a.py"])], []),
        # Not ready at once, but free of one another.
        ([task(1), task(2, 1, files=["a.py"]), task(3, files=["a.py"])], [(("3", "2"), ("a.py",))]),
        # Only those that may meet are named.
        (
            [task(1, files=["a.py"]), task(2, 1, files=["a.py"]), task(3, 1, files=["a.py"])],
            [(("2", "3"), ("a.py",))],
        ),
        # The same tasks are one line, whatever they share.
        ([task(1, files=FILES), task(2, files=FILES)], [(("1", "2"), tuple(FILES))]),
        # What is done, or does not play, meets nobody.
        ([task(1, files=["a.py"], status="done"), task(2, files=["a.py"])], []),
        ([task(1, 77, files=["a.py"]), task(2, files=["a.py"])], []),
    ],
)
def test_which_tasks_may_meet(tasks, expected):
    assert [(overlap.tasks, overlap.files) for overlap in overlaps(*tasks)] == expected


@pytest.mark.rule("R7")
def test_the_sentence_quotes_paths_and_is_short():
    files = tuple(f"f{number}\x1b[31m\n.py" for number in range(9))
    sentence = Overlap(("1", "2"), files).sentence(["1", "2"])
    clause, _, listed = sentence.partition(": ")
    assert clause == "tasks 1, 2 name the same files, so their pull requests may conflict"
    assert listed.startswith('"f0\\u001b[31m\\n.py", "f1')
    assert listed.endswith("and 4 more")
    assert sentence.isprintable()


@st.composite
def any_tasks(draw):
    count = draw(st.integers(1, 12))
    return [
        task(
            number,
            *draw(st.lists(st.integers(1, count), max_size=2)),
            files=draw(st.lists(st.sampled_from(FILES), max_size=2)),
            priority=draw(st.sampled_from(["high", "medium", "low"])),
        )
        for number in range(1, count + 1)
    ]


def behind(planned: WorkPlan) -> dict[str, set[str]]:
    """For each task all that it starts after; an endless walk for a cycle would be an error of the test's."""
    rows = {row.task.id: row for row in planned.playable}
    reached: dict[str, set[str]] = {}
    for row in planned.playable:
        own = {*row.waits_for, *row.follows}
        assert own <= reached.keys(), "each comes after everything that it starts after: no cycle"
        reached[row.task.id] = own.union(*(reached[name] for name in own))
    assert reached.keys() == rows.keys()
    return reached


@given(any_tasks(), st.integers(1, 4))
@settings(max_examples=150, deadline=None)
def test_the_order_adds_no_cycle_keeps_dependencies_and_keeps_apart_what_meets(tasks, slots):
    warned, ordered = (plan(backlog(*tasks), parallelism=slots, overlaps=value) for value in ("warn", "order"))
    # The same tasks play, with the dependencies that they had.
    waits = {row.task.id: row.waits_for for row in warned.playable}
    assert {row.task.id: row.waits_for for row in ordered.playable} == waits
    assert ordered.problems == warned.problems
    assert all(not row.follows for row in warned.playable)
    reached = behind(ordered)
    files = {row.task.id: set(row.task.changed_files) for row in ordered.playable}
    for first, second in itertools.combinations(files, 2):
        if files[first] & files[second]:
            assert first in reached[second] or second in reached[first]
    assert ordered.overlaps == ()
    # Nothing follows what it shares no file with, and nothing is said twice.
    for row in ordered.playable:
        assert all(files[row.task.id] & files[name] for name in row.follows)
    # What may meet is known exactly where no order exists.
    free = behind(warned)
    expected = {
        (first, second)
        for first, second in itertools.combinations(files, 2)
        if files[first] & files[second] and first not in free[second] and second not in free[first]
    }
    named = {frozenset(pair) for overlap in warned.overlaps for pair in itertools.combinations(overlap.tasks, 2)}
    assert {frozenset(pair) for pair in expected} <= named
    assert bool(expected) == bool(warned.overlaps)


def test_who_follows_starts_however_the_other_ended():
    planned = plan(backlog(task(1, files=["a.py"]), task(2, files=["a.py"]), task(3, 2)), overlaps="order")
    for release in ("merged", "approved"):
        template, _ = workflow.play_manifests(
            planned, repo="a/b", tag="master", play="play-1", namespace="n", parallelism=2, release=release
        )
        nodes = {node["name"]: node for node in template["spec"]["templates"][0]["dag"]["tasks"]}
        # An approval is not enough: until the merge the other's lines are not on the base.
        after = "(t2-merged || t2-merged.Failed || t2-merged.Errored || t2-merged.Omitted)"
        assert nodes["t1"]["depends"] == after
        assert nodes["t3"]["depends"] == ("t2-merged" if release == "merged" else "t2")
        assert "depends" not in nodes["t2"]


def test_a_follower_in_another_workflow_waits_there(monkeypatch):
    monkeypatch.setattr(workflow, "TASKS_A_WORKFLOW", 1)
    planned = plan(backlog(task(1, files=["a.py"]), task(2, files=["a.py"])), overlaps="order")
    manifests = workflow.play_manifests(planned, repo="a/b", tag="master", play="p", namespace="n", parallelism=2)
    second = manifests[2]["spec"]["templates"][0]["dag"]["tasks"]
    assert [node["name"] for node in second] == ["t1-merged", "t2", "t2-merged"]
    assert second[1]["depends"].startswith("(t1-merged || ")


def test_ten_thousand_tasks_of_few_files_are_compared_in_a_second():
    tasks = [task(n, *([n - 7] if n > 7 else []), files=[f"f{n % 50}.py", "all.py"]) for n in range(1, 10_001)]
    parsed = backlog(*tasks)
    for value in ("warn", "order"):
        started = time.process_time()
        plan(parsed, overlaps=value)
        assert time.process_time() - started < 2
