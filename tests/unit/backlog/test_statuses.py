"""Statuses written back to tasks.json: which change, and that nothing else of the file does."""

from __future__ import annotations

import difflib
import json
from pathlib import Path

import pytest

from pressplay.backlog import statuses, tasks
from pressplay.backlog.statuses import Change, Standing
from pressplay.errors import InputError

ODD = """\ufeff{\r
\t"other": {"tasks": [ {"id":1,"title":"First","status":"pending"} ]},
  "master":{"metadata" : {"updated":"2026-01-01", "x": 1.50e3},
    "tasks": [
      { "id" : 1, "title": "First", "status":"pending",  "status" : "Pending" , "note": "\\u00e9 \\/ é" },
      {"id":"2","title":"Second","dependencies":[1],"subtasks":[
        {"id":1,"title":"a"}, {"id": 2, "title": "b", "status": "cancelled"},
        {"id": "2.3", "title": "c", "status": "done"},
        {"id": 4, "title": "d", "status": "in-progress", "subtasks": [{"id": 1, "title": "e", "status": "pending"}]}]},
      {"id": 3, "title": "Third", "status": "deferred"},
      {"id": 4, "title": "Fourth", "status": "review"},
      {"id": 5, "title": "Fifth", "status": "cancelled"}
    ]}
}

"""


def standing(number: int, status: str = "done", title: str = "") -> Standing:
    name = ("First", "Second", "Third", "Fourth", "Fifth")[number - 1]
    return Standing(str(number), title or name, status)


def edited(*standings: Standing, text: str = ODD, tag: str = "master") -> tuple[str, tuple[Change, ...]]:
    edit = statuses.edit(text.encode(), "tasks.json", tag, standings)
    return edit.content.decode(), edit.changes


def added(before: str, after: str) -> str:
    """What was put in the place of something, word for word."""
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    return "|".join(after[b1:b2] for op, _a1, _a2, b1, b2 in matcher.get_opcodes() if op != "equal")


def test_one_status_changes_and_no_other_byte():
    text, changes = edited(standing(1))
    assert changes == (Change("1", "pending", "done"),)
    # Of a key that is there twice the last one counts.
    assert text == ODD.replace('"status" : "Pending"', '"status" : "done"')


def test_what_is_done_has_its_parts_done_and_a_status_that_was_lacking():
    text, changes = edited(standing(2))
    assert [(change.id, change.before) for change in changes] == [
        ("2", "pending"),
        ("2.1", "pending"),
        ("2.4", "in-progress"),
        ("2.4.1", "pending"),
    ]
    assert '{"id":"2","status":"done","title":"Second"' in text
    assert '{"id":1,"status":"done","title":"a"}, {"id": 2, "title": "b", "status": "cancelled"},\n' in text
    assert text.startswith('\ufeff{\r\n\t"other"')
    assert added(ODD, text).count("done") <= 4


@pytest.mark.parametrize(
    ("number", "wanted", "after"),
    [
        (1, "in-progress", "in-progress"),
        (1, "review", "review"),
        # A person's word stays while work goes on; what is merged is done.
        (3, "in-progress", None),
        (3, "done", "done"),
        (4, "review", None),
        (4, "in-progress", "in-progress"),
        (5, "done", None),
        (5, "review", None),
    ],
)
def test_what_may_replace_what(number, wanted, after):
    text, changes = edited(standing(number, wanted))
    assert [change.after for change in changes] == ([after] if after else [])
    assert (text == ODD) is (after is None)


def test_a_list_at_the_root_is_the_tag_master():
    text = '{"tasks":[{"id":1,"title":"First"}]}'
    assert edited(standing(1), text=text)[0] == '{"tasks":[{"id":1,"status":"done","title":"First"}]}'


def test_another_tag_is_left_alone():
    text, _changes = edited(standing(1), tag="other")
    assert text == ODD.replace('"First","status":"pending"', '"First","status":"done"')


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"master":{"tasks":[{"id":2,"title":"First"}]}}', 'task "1" is not in it'),
        ('{"master":{"tasks":[{"id":1,"title":"Other"}]}}', 'task "1" is "Other" in it, and was played as "First"'),
        (
            '{"master":{"tasks":[{"id":1,"title":"First"},{"id":1,"title":"First","details":"d"}]}}',
            'task "1" is in it several times, with different contents',
        ),
        ('{"master":{"tasks":{"1":{"title":"First"}}}}', "expected a list of tasks or null"),
        ('{"master":[]}', 'expected {"<tag>": {"tasks": [...]}}'),
        ('{"master":{"tasks":[', "expected JSON, got something else"),
        ('{"next":{"tasks":[]}}', 'expected the tag "master", got the tags "next"'),
    ],
)
@pytest.mark.rule("R10")
def test_a_file_of_another_shape_is_refused(text, message):
    with pytest.raises(InputError) as refused:
        edited(standing(1), text=text)
    assert message in str(refused.value)


def next_task(document: dict) -> str | None:
    """What `task-master next` gives, by the rule in Taskmaster's `find-next-task.js`, for a backlog without parts.

    Pending or in progress, every dependency done or completed; by priority, then fewer dependencies, then id.
    """
    listed = document["master"]["tasks"]
    done = {str(task["id"]) for task in listed if task.get("status") in ("done", "completed")}
    eligible = [
        task
        for task in listed
        if task.get("status", "pending") in ("pending", "in-progress")
        and all(str(dependency) in done for dependency in task.get("dependencies", ()))
    ]
    weight = {"high": 3, "medium": 2, "low": 1}
    eligible.sort(key=lambda t: (-weight.get(t.get("priority"), 2), len(t.get("dependencies", ())), t["id"]))
    return str(eligible[0]["id"]) if eligible else None


def test_taskmaster_goes_on_with_the_task_after_the_merged_one():
    """The backlog of the case `status is not written back`."""
    case = {
        "title": "First",
        "description": "what it is",
        "status": "pending",
        "priority": "medium",
        "dependencies": [],
    }
    second = {**case, "title": "Second", "dependencies": [1]}
    text = json.dumps({"master": {"tasks": [{"id": 1, **case}, {"id": 2, **second}]}}, indent=1)
    assert next_task(json.loads(text)) == "1"
    text, _changes = edited(Standing("1", "First", "done"), text=text)
    assert next_task(json.loads(text)) == "2"
    text, _changes = edited(Standing("2", "Second", "review"), text=text)
    assert next_task(json.loads(text)) is None


def test_every_shape_of_the_examples_survives():
    root = Path(__file__).parents[3] / "scripts/pressplay/sandbox/demo/project/.taskmaster/tasks/tasks.json"
    content = root.read_bytes()
    backlog = tasks.read(content, "tasks.json")
    edit = statuses.edit(
        content, "tasks.json", "master", [Standing(task.id, task.title, "done") for task in backlog.tasks]
    )
    after = tasks.read(edit.content, "tasks.json")
    assert {task.status for task in after.tasks} <= tasks.FINISHED
    assert edit.changes
