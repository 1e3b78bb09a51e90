"""`pressplay plan`, called as the console script calls it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from pressplay.cli import main

DATA = Path(__file__).parents[2] / "data" / "tasks"


@pytest.fixture
def tasks_file(tmp_path):
    def write(*tasks, **other):
        path = tmp_path / "tasks.json"
        path.write_text(json.dumps({"master": {"tasks": list(tasks)}, **other}), encoding="utf-8")
        return str(path)

    return write


def test_json_has_the_issues_shape(tasks_file, capsys):
    file = tasks_file(
        {"id": 1, "status": "done"},
        {"id": 2, "title": "two", "dependencies": [1]},
        {"id": "x", "title": "ex", "dependencies": ["2", 99]},
        {"id": 4, "title": "four", "dependencies": [2]},
    )
    assert main(["plan", file, "-o", "json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made.pop("resolved")["tag"] == {"value": "master", "why": "", "change": "--tag"}
    assert made == {
        "tag": "master",
        "tasks": [
            {"id": "2", "title": "two", "state": "ready", "dependencies": ["1"], "order": 1, "slack": 0},
            {"id": "4", "title": "four", "state": "waiting", "dependencies": ["2"], "order": 2, "slack": 0},
            {"id": "x", "title": "ex", "state": "blocked", "dependencies": ["2", "99"], "order": 3, "slack": None},
        ],
        "ready": ["2"],
        "critical_path": ["2", "4"],
        "lacks": [],
        "problems": [
            {
                "task": "x",
                "problem": 'depends on "99", which does not exist; correct the id or take the dependency out',
                "path": "$.master.tasks[2].dependencies",
            }
        ],
    }


def test_the_table_tells_what_starts_first_the_path_the_estimate_and_the_problems(capsys):
    assert main(["plan", str(DATA / "ckboost.json"), "--parallel", "1", "--minutes", "15"]) == 0
    out = capsys.readouterr().out
    assert "10 of 10 tasks can play." in out
    assert "Starts first:  2\n" in out
    assert "Critical path: 2 → 4 → 5 → 6 → 7 → 10 (1 h 30 min)" in out
    assert "Estimate:      2 h 30 min with 1 at once and 15 minutes a task" in out


def test_a_backlog_with_problems_exits_0_and_shows_them(tasks_file, capsys):
    assert main(["plan", tasks_file({"id": 1, "dependencies": [1]}, {"id": 2})]) == 0
    out = capsys.readouterr().out
    assert "1 of 2 tasks can play, 1 blocked." in out
    assert "task 1 depends on itself (1 → 1); take that dependency out" in out


@pytest.mark.rule("R7")
def test_hostile_titles_do_nothing_to_a_terminal(tasks_file, capsys):
    file = tasks_file({"id": "\x1b]0;id", "title": "\x1b[31m[bold]red[/bold]\r\n:smile: {{ nope"})
    assert main(["plan", file]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\r" not in out
    assert "[bold]red[/bold]" in out.replace("\n", "").replace(" ", "")
    assert ":smile:" in out


def test_workflow_prints_what_would_be_submitted(capsys):
    assert main(["plan", str(DATA / "testcraft.json"), "-o", "workflow", "--repo", "acme/shop"]) == 0
    template, workflow = yaml.safe_load_all(capsys.readouterr().out)
    assert (template["kind"], workflow["kind"]) == ("WorkflowTemplate", "Workflow")
    assert template["spec"]["templates"][0]["dag"]["target"].startswith("t28-merged ")


def test_another_tag_is_planned(tasks_file, capsys):
    file = tasks_file({"id": 1}, v2={"tasks": [{"id": 5}]})
    assert main(["plan", file, "--tag", "v2", "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["ready"] == ["5"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ["no-such.json"],
            "no-such.json: expected a project's folder, or the tasks.json that Taskmaster writes; No such",
        ),
        ([str(DATA / "ckboost.json"), "--tag", "mastr"], 'did you mean "master"?'),
        ([str(DATA / "ckboost.json"), "--parallel", "0"], "0 is not in the range"),
        ([str(DATA / "ckboost.json"), "-o", "workflow", "--repo", "nothing"], "expected owner/name"),
    ],
)
def test_bad_input_exits_2_and_says_what_to_do(arguments, told, capsys):
    assert main(["plan", *arguments]) == 2
    assert told in capsys.readouterr().err


def test_nothing_left_names_other_tags_with_work(tmp_path, capsys):
    file = tmp_path / "tasks.json"
    done = {"tasks": [{"id": 1, "status": "done"}]}
    file.write_text(json.dumps({"master": done, "later": {"tasks": [{"id": 1}, {"id": 2}]}, "old": done}))
    assert main(["plan", str(file)]) == 0
    out = capsys.readouterr().out
    assert "Nothing left to play in the tag master." in out
    assert "Other tags with tasks to do: later (2); plan one with --tag" in out
    assert main(["plan", str(file), "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["other_tags"] == {"later": 2}


def test_planning_loads_neither_jsonschema_nor_pydantic():
    """They alone would cost half of the second that ten thousand tasks have."""
    heavy = ("jsonschema", "pydantic", "rich", "yaml")
    code = f"import sys, pressplay.commands.plan; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
