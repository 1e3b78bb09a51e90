"""`pressplay validate`, called as the console script calls it."""

import json
from pathlib import Path

import pytest

from pressplay.cli import main

DATA = Path(__file__).parents[2] / "data" / "tasks"


@pytest.mark.parametrize("name", ["ckboost.json", "testcraft.json"])
def test_public_files_are_right(name, capsys):
    assert main(["validate", "--tasks", str(DATA / name)]) == 0
    assert capsys.readouterr().out.endswith(f"{name}: 0 errors, 0 warnings\n")


def test_without_options_the_charts_own_values_are_checked(capsys):
    assert main(["validate"]) == 0
    assert capsys.readouterr().out == "the chart's own values: 0 errors, 0 warnings\n"


def test_everything_wrong_in_all_files_is_told_at_once(tmp_path, capsys):
    one, two, tasks = (tmp_path / name for name in ("1.yaml", "2.yaml", "tasks.json"))
    one.write_text("limit: 1\n")
    two.write_text("allowUnprotected: maybe\n")
    tasks.write_text(
        '{"master": {"tasks": [\n{"id": 1},\n{"id": 2, "dependencies": [9]}]},\n'
        '"v2": {"tasks": [{"id": 1, "dependencies": [1]}]}}'
    )
    assert main(["validate", "-f", str(one), "-f", str(two), "--tasks", str(tasks)]) == 2
    captured = capsys.readouterr()
    assert [line.removeprefix(str(tmp_path)).split(": ")[0] for line in captured.err.splitlines()] == [
        "/1.yaml:1:1",
        "/2.yaml:1:1",
        "/tasks.json:3:11",
        "/tasks.json:4:28",
    ]
    assert captured.out == f"{one}, {two}, {tasks}: 4 errors, 0 warnings\n"


def test_json_lists_errors_and_warnings(tmp_path, capsys):
    tasks = tmp_path / "tasks.json"
    tasks.write_text('{"tasks": [{"id": 1, "status": "cancelled"}, {"id": 2, "dependencies": [1]}]}')
    assert main(["validate", "--tasks", str(tasks), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "valid": True,
        "problems": [
            {
                "file": str(tasks),
                "line": 1,
                "column": 56,
                "path": "$.tasks[1].dependencies",
                "message": 'task 2 depends on "1", which is cancelled; taken as satisfied, as Taskmaster does',
                "hint": "",
                "severity": "warning",
            }
        ],
    }


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('{"master": {"tasks": [{"title": "x"}]}}', '$.master.tasks[0]: expected the key "id", got none; add it'),
        ('{"master": {"tasks": [{"id": ""}]}}', "$.master.tasks[0].id: expected an id: a whole number"),
        ('{"master": {"tasks": {}}}', "$.master.tasks: expected a list or nothing (null), got {}"),
        ("{", "tasks.json:1:2: $: expected JSON"),
        ("{}", 'expected {"<tag>": {"tasks": [...]}}'),
    ],
)
def test_a_bad_tasks_file_exits_2_with_its_place(content, told, tmp_path, capsys):
    tasks = tmp_path / "tasks.json"
    tasks.write_text(content)
    assert main(["validate", "--tasks", str(tasks)]) == 2
    assert told in capsys.readouterr().err


def test_a_file_that_is_not_there_exits_2(tmp_path, capsys):
    assert main(["validate", "-f", str(tmp_path / "none.yaml")]) == 2
    assert "expected a readable file: No such file or directory" in capsys.readouterr().err
