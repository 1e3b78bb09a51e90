"""What users of Taskmaster reported in public about their files: read, or named with what to do.

https://github.com/eyaltoledano/claude-task-master/issues/… by number.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from pressplay.backlog import graph, tasks
from pressplay.errors import InputError


def task(number: object, *dependencies: object, **fields: Any) -> dict[str, Any]:
    return {"id": number, "title": f"T{number}", "status": "pending", "dependencies": list(dependencies), **fields}


def plan(*entries: dict[str, Any], **document: Any) -> graph.WorkPlan:
    return graph.plan(tasks.read(json.dumps({"master": {"tasks": list(entries)}, **document}), "tasks.json"))


def states(made: graph.WorkPlan) -> dict[str, str]:
    return {planned.task.id: planned.state for planned in made.tasks}


def test_921_null_in_the_place_of_texts_and_lists():
    nulls = dict.fromkeys(("description", "details", "testStrategy", "priority"))
    part = {"id": 1, "title": "p", "status": "pending", "dependencies": None, "details": None}
    made = plan({**task(1), **nulls, "dependencies": None, "subtasks": [part]}, {**task(2, 1), "subtasks": None})
    assert states(made) == {"1": "ready", "2": "waiting"}
    assert made.problems == ()


def test_975_a_promoted_part_that_still_depends_on_its_old_neighbour_blocks_itself_alone():
    made = plan(task(16), task(21, 8), task(22, 16))
    assert states(made) == {"16": "ready", "21": "blocked", "22": "waiting"}
    (problem,) = made.problems
    assert '"8", which does not exist' in str(problem)


def test_1053_dependencies_as_texts():
    parts = [{"id": 1, "title": "a", "status": "pending"}, {"id": 2, "title": "b", "dependencies": ["26.1", "1"]}]
    made = plan(task(26, subtasks=parts), task("27", "26"))
    assert states(made) == {"26": "ready", "27": "waiting"}
    assert made.problems == ()


def test_1004_tasks_that_an_older_tool_wrote_beside_the_tags_are_named():
    """There they disappear: the tags are read, and the older list is not."""
    outside = [task(1, title="Only here"), task(2), task(3, status="done")]
    made = plan(task(1, status="done"), task(2), tasks=outside)
    assert states(made) == {"2": "ready"}
    (problem,) = made.problems
    assert "task 1 stands outside of all tags" in str(problem)


def test_a_conflict_in_the_file_is_called_one():
    """https://github.com/github/spec-kit/issues/329: lists of tasks conflict when branches are merged."""
    text = '{"master": {"tasks": [\n<<<<<<< HEAD\n{"id": 1}\n=======\n{"id": 2}\n>>>>>>> other\n]}}'
    with pytest.raises(InputError, match=r"tasks\.json:2:1: .*marks of a merge conflict; resolve the conflict there"):
        tasks.read(text, "tasks.json")
