"""Reading tasks.json: a fixture for every oddity that is found in public."""

import json
import re

import pytest

from pressplay import names
from pressplay.backlog.graph import plan
from pressplay.backlog.tasks import read
from pressplay.errors import InputError
from pressplay.validation.report import json_path


def tagged(*tasks, **other):
    return json.dumps({"master": {"tasks": list(tasks)}, **other})


def test_an_older_file_without_tags_is_the_tag_master():
    backlog = read('{"tasks": [{"id": 1, "title": "one"}], "metadata": {}}', "tasks.json")
    assert backlog.tag == "master"
    assert [task.title for task in backlog.tasks] == ["one"]


def test_integer_and_string_ids_are_the_same_ids():
    backlog = read(tagged({"id": "1", "status": "done"}, {"id": 2, "dependencies": ["1"]}, {"id": 3.0}), "f")
    assert [task.id for task in backlog.tasks] == ["1", "2", "3"]
    assert plan(backlog).ready == ("2", "3")


def test_odd_string_ids_are_kept_and_get_a_number():
    backlog = read(tagged({"id": "HAM-1"}, {"id": " api/v2 "}, {"id": "b", "dependencies": ["HAM-1"]}), "f")
    assert [task.id for task in backlog.tasks] == ["HAM-1", "api/v2", "b"]
    assert [task.number for task in backlog.tasks] == [names.task_number(i) for i in ("HAM-1", "api/v2", "b")]


def test_null_fields_are_as_if_absent():
    null = dict.fromkeys(
        ["title", "description", "details", "testStrategy", "priority", "status", "dependencies", "subtasks"]
    )
    (task,) = read(tagged({"id": 4, **null}), "f").tasks
    assert (task.title, task.description, task.priority, task.status) == ("Task 4", "", "medium", "pending")
    assert (task.dependencies, task.subtasks) == ((), ())


def test_extra_keys_are_kept_and_ignored():
    (task,) = read(tagged({"id": 1, "complexity": {"score": 8}}, version=3), "f").tasks
    assert task.raw["complexity"] == {"score": 8}


def test_subtasks_are_parts_of_their_task():
    (task,) = read(tagged({"id": 11, "subtasks": [{"id": 1, "title": "a"}, {"id": 2, "dependencies": [1]}]}), "f").tasks
    assert [(part.id, part.dependencies) for part in task.subtasks] == [("1", ()), ("2", ("1",))]


@pytest.mark.parametrize(("written", "read_as"), [("In_Progress", "in-progress"), ("DONE", "done"), ("", "pending")])
def test_statuses_are_read_as_taskmaster_compares_them(written, read_as):
    assert read(tagged({"id": 1, "status": written}), "f").tasks[0].status == read_as


def test_of_several_tags_master_is_taken_or_the_one_asked_for():
    text = tagged({"id": 1, "title": "here"}, **{"feature x": {"tasks": [{"id": 1, "title": "there"}]}})
    assert read(text, "f").tasks[0].title == "here"
    there = read(text, "f", "feature x")
    assert there.tasks[0].title == "there"
    assert there.tasks[0].number == names.task_number(1, "feature x") != 1


def test_the_only_tag_is_taken_and_one_of_several_must_be_named():
    assert read('{"v2": {"tasks": []}}', "f").tag == "v2"
    with pytest.raises(
        InputError, match=r'f: \$: expected the tag "master" or a current one, got the tags "a", "b"; choose'
    ):
        read('{"a": {"tasks": []}, "b": {"tasks": []}}', "f")


def test_an_unknown_tag_is_answered_with_the_nearest():
    with pytest.raises(InputError, match='did you mean "release"'):
        read('{"release": {"tasks": []}}', "f", "relase")


def test_the_same_task_twice_is_taken_once_and_told():
    result = plan(read(tagged({"id": 1}, {"id": "1"}, {"id": 2, "dependencies": [1, "1"]}), "f"))
    assert result.ready == ("1",)
    assert [row.task.id for row in result.tasks] == ["1", "2"]
    assert [(p.task, p.problem) for p in result.problems] == [
        ("1", "is in the file 2 times, always the same; taken once")
    ]


@pytest.mark.parametrize("statuses", [("done", "pending"), ("pending", "done"), ("deferred", "pending")])
def test_one_id_for_different_tasks_blocks_it_and_what_depends_on_it(statuses):
    doubles = [{"id": 1, "status": status} for status in statuses]
    result = plan(read(tagged(*doubles, {"id": 2, "dependencies": [1]}, {"id": 3}), "f"))
    assert result.ready == ("3",)
    assert {row.task.id: row.state for row in result.tasks} == {"1": "blocked", "2": "blocked", "3": "ready"}
    assert [p.task for p in result.problems] == ["1"]
    assert "with different contents" in result.problems[0].problem


def test_two_ids_with_one_number_block_each_other(monkeypatch):
    monkeypatch.setattr(names, "task_number", lambda task_id, tag="master": 7 if task_id in "ab" else 8)
    result = plan(read(tagged({"id": "a"}, {"id": "b"}, {"id": "c"}), "f"))
    assert result.ready == ("c",)
    assert [(p.task, p.problem) for p in result.problems] == [
        ("a", 'shares the number 7 with task "b"; give one of them another id'),
        ("b", 'shares the number 7 with task "a"; give one of them another id'),
    ]


@pytest.mark.rule("R10")
def test_everything_of_the_wrong_shape_is_a_problem_of_its_task_all_at_once_with_its_path():
    bad = [
        {"id": 1, "dependencies": [1, {"x": 1}]},
        {"id": True, "title": ["a", 3]},
        {"title": "x", "subtasks": [7]},
        "four",
        {"id": 5, "dependencies": "1,2", "status": 3},
        {"id": 6},
        {"id": 7, "dependencies": [5]},
    ]
    backlog = read(json.dumps({"odd tag": {"tasks": bad}}), "dir/tasks.json")
    assert [(problem.task, json_path(problem.where), problem.blocks) for problem in backlog.problems] == [
        ("1", '$["odd tag"].tasks[0].dependencies[1]', True),
        ("at place 2", '$["odd tag"].tasks[1].id', True),
        ("at place 2", '$["odd tag"].tasks[1].title', True),
        ("at place 3", '$["odd tag"].tasks[2].id', True),
        ("at place 3", '$["odd tag"].tasks[2].subtasks[0]', True),
        ("at place 4", '$["odd tag"].tasks[3]', True),
        ("5", '$["odd tag"].tasks[4].status', True),
        ("5", '$["odd tag"].tasks[4].dependencies', True),
    ]
    assert str(backlog.problems[-1]) == (
        'task 5 is wrong: expected a list of ids or null, got "1,2"; write it in square brackets '
        '($["odd tag"].tasks[4].dependencies)'
    )
    planned = plan(backlog)
    assert {row.task.id: row.state for row in planned.tasks} == {
        "1": "blocked",
        "5": "blocked",
        "6": "ready",
        "7": "blocked",
    }
    # Task 1 also depends on itself: all of its problems are listed, and those of tasks without an id.
    assert len(planned.problems) == len(backlog.problems) + 1


@pytest.mark.parametrize(
    ("entry", "path"),
    [
        ({"subtasks": [{"id": 1.1}]}, "$.master.tasks[0].subtasks[0].id"),
        ({"details": {"steps": ["a"]}}, "$.master.tasks[0].details"),
        ({"subtasks": [7]}, "$.master.tasks[0].subtasks[0]"),
        ({"priority": []}, "$.master.tasks[0].priority"),
    ],
)
@pytest.mark.parametrize(("status", "blocks"), [("done", False), ("cancelled", False), ("pending", True)])
def test_a_fault_of_one_task_blocks_it_only_if_it_is_unfinished(entry, path, status, blocks):
    planned = plan(read(tagged({"id": 1, "status": status, **entry}, {"id": 2}, {"id": 3, "dependencies": [1]}), "f"))
    assert [(p.task, json_path(p.where), p.blocks) for p in planned.problems if p.task == "1"] == [("1", path, blocks)]
    assert planned.ready == (("2",) if blocks else ("2", "3"))


def parted(number, *dependencies, status="pending", **fields):
    """A task with a part that is done, and one that depends on these."""
    parts = [{"id": 1, "status": "done"}, {"id": 2, "dependencies": list(dependencies), "status": status}]
    return {"id": number, "subtasks": parts, **fields}


@pytest.mark.parametrize(
    ("written", "status", "dependencies"),
    [
        ("1.2", "pending", ("1",)),
        ("3", "pending", ()),
        # Done already, of no use any more, or beside it.
        ("1.1", "pending", ()),
        ("1.2", "done", ()),
        ("1.2", "deferred", ()),
        (1, "pending", ()),
        ("2.1", "pending", ()),
    ],
)
def test_what_a_part_depends_on_in_another_task_its_task_waits_for(written, status, dependencies):
    backlog = read(tagged(parted(1), parted(2, written, status=status), {"id": 3}), "f")
    task = backlog.tasks[1]
    assert task.dependencies == dependencies
    assert plan(backlog).ready == (("1", "3") if dependencies else ("1", "2", "3"))
    if dependencies:
        lifted = task.lifted["1"]
        assert (lifted.part, lifted.written) == ("2", "1.2")


@pytest.mark.parametrize(
    ("written", "problem", "blocks"),
    [
        ("1.9", 'depends, by its part 2, on "1.9", which does not exist; correct the id or take', True),
        (9, 'has a part "2" that depends on "9", and no such part; ignored', False),
        (1, "", False),
        (3, 'depends on "3", and no such part; if task 3 is meant, write it into the task\'s own dependencies', False),
    ],
)
def test_what_a_part_depends_on_and_is_nowhere_is_a_problem_with_its_path(written, problem, blocks):
    planned = plan(read(tagged(parted(1), parted(2, written), {"id": 3}), "f"))
    if not problem:
        assert planned.problems == ()
        return
    (entry,) = planned.problems
    assert problem in entry.problem
    assert (entry.task, entry.blocks) == ("2", blocks)
    assert json_path(entry.where) == "$.master.tasks[1].subtasks[1].dependencies"


def test_a_cycle_by_parts_names_the_parts():
    planned = plan(read(tagged(parted(1, "2.2"), parted(2, "1.2")), "f"))
    (problem,) = planned.problems
    assert "1 → 2 → 1 (each depends on the next, 1 by its part 2, 2 by its part 2)" in problem.problem


@pytest.mark.parametrize(
    ("written", "near"),
    [
        ("#12", "12"),
        ("task-12", "12"),
        ("Task 12", "12"),
        ("012", "12"),
        ("api-logn", "api-login"),
        ("API-Login", "api-login"),
        ("12.01", ""),
        ("13", ""),
        ("112", ""),
        ("0", ""),
    ],
)
def test_an_id_that_does_not_exist_is_answered_with_the_one_that_was_probably_meant(written, near):
    backlog = read(tagged({"id": 12}, {"id": "api-login"}, {"id": 2, "dependencies": [written]}), "f")
    (problem,) = plan(backlog).problems
    hint = f'did you mean "{near}"?' if near else "correct the id"
    assert hint in problem.problem
    with pytest.raises(InputError, match=re.escape(hint) if near else "pressplay plan lists them"):
        plan(backlog, only=[written])


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('{"master": {"tasks": [}]}', r"f:1:23: \$: expected JSON"),
        (b"\xff\xfe{", "expected UTF-8, got byte 0"),
        ("[1, 2]", r'expected \{"<tag>": \{"tasks": \[...\]\}\}'),
        ('{"metadata": {}}', r'expected \{"<tag>"'),
        ('{"master": {"tasks": 3}}', r"\$\.master\.tasks: expected a list of tasks or null, got 3"),
        ("[" * 100_000, "expected the JSON that Taskmaster writes"),
        ('{"tasks": [{"id": ' + "1" * 5000 + "}]}", "expected the JSON that Taskmaster writes"),
    ],
)
def test_what_is_no_backlog_is_an_input_error(content, told):
    with pytest.raises(InputError, match=told):
        read(content, "f")


def test_a_byte_order_mark_is_no_harm():
    assert read(b'\xef\xbb\xbf{"tasks": []}', "f").tasks == ()


@pytest.mark.rule("R7")
def test_hostile_text_goes_through_unharmed():
    title = "\"'`{{workflow.uid}} {{=1+1}} {{ nope $(rm -rf) : - #\n---\n🦀 \x1b[31m"
    (task,) = read(tagged({"id": 1, "title": title}), "f").tasks
    assert task.title == title


def test_half_a_surrogate_does_not_reach_a_terminal():
    (task,) = read('{"tasks": [{"id": "a\\ud800", "title": "b\\udfff"}]}', "f").tasks
    assert (task.id, task.title) == ("a?", "b?")
