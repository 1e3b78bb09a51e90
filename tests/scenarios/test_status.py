"""`pressplay status`: what a play in the sandbox made of the statuses in the user's own tasks.json."""

from __future__ import annotations

import json

import pytest
from harness import REPO, Agents, World, project, task, world

from pressplay.cli import main
from pressplay.domain.entries import TaskVerdict

FILE = ".taskmaster/tasks/tasks.json"


@pytest.fixture
def played(tmp_path):
    """Three tasks, of which the second depends on the first; nobody merges until the test does."""
    source = project(tmp_path, [task(1), task(2, 1), task(3)])
    made = world(tmp_path / "state", source=source, merge=False)
    (tmp_path / "state" / "play.json").write_text(json.dumps({"project": str(source)}))
    made.play()
    yield made, source
    made.sandbox.close()


def status(source, tmp_path, *options: str) -> int:
    return main(["status", str(source), "--state", str(tmp_path / "state"), *options])


def seconds(_role: str, number: int) -> float:
    """Task 2 takes so long that task 1 has ended meanwhile."""
    return 60.0 if number == 1 else 50_000.0


def is_parked(made: World) -> bool:
    entries = made.sandbox.context.ledger(REPO).entries("task", 1)
    return any(verdict.outcome == "parked" for verdict in entries.all(TaskVerdict))


def listed(source) -> dict[int, str]:
    document = json.loads((source / FILE).read_text())
    return {entry["id"]: entry["status"] for entry in document["master"]["tasks"]}


@pytest.mark.rule("R2")
def test_what_waits_is_in_review_and_what_a_person_merged_is_done(played, tmp_path, capsys):
    made, source = played
    before = (source / FILE).read_text()
    assert status(source, tmp_path) == 0
    shown = capsys.readouterr()
    assert shown.out == "task 1: pending → review\ntask 3: pending → review\n"
    assert "2 statuses would change; --write sets them" in shown.err
    assert (source / FILE).read_text() == before

    made.sandbox._maintainers[0].merge_what_is_ready()
    made.go_on()
    assert status(source, tmp_path, "--write", "--json") == 0
    assert json.loads(capsys.readouterr().out)["changes"] == [
        {"id": "1", "before": "pending", "after": "done"},
        {"id": "2", "before": "pending", "after": "review"},
        {"id": "3", "before": "pending", "after": "done"},
    ]
    assert listed(source) == {1: "done", 2: "review", 3: "done"}
    assert (source / FILE).read_text().replace('"done"', '"pending"').replace('"review"', '"pending"') == before
    assert status(source, tmp_path, "--write") == 0
    assert "every status is as the play has it" in capsys.readouterr().err


def next_task(source) -> int | None:
    """Taskmaster's `next`, as its documentation has it: a task to begin whose dependencies are done."""
    entries = json.loads((source / FILE).read_text())["master"]["tasks"]
    done = {entry["id"] for entry in entries if entry["status"] == "done"}
    ready = (entry for entry in entries if entry["status"] in ("pending", "in-progress"))
    return next((entry["id"] for entry in ready if done.issuperset(entry["dependencies"])), None)


@pytest.mark.rule("R2")
def test_taskmaster_goes_on_behind_what_was_merged(tmp_path):
    """The case "status is not written back": it gave the merged task again."""
    source = project(tmp_path, [task(1), task(2, 1)])
    made = world(tmp_path / "state", source=source, merge=False)
    (tmp_path / "state" / "play.json").write_text(json.dumps({"project": str(source)}))
    made.play(tasks="1")
    assert status(source, tmp_path, "--write") == 0
    assert next_task(source) is None
    made.sandbox._maintainers[0].merge_what_is_ready()
    made.go_on()
    assert status(source, tmp_path, "--write") == 0
    assert next_task(source) == 2
    made.sandbox.close()


@pytest.mark.rule("R2")
def test_what_is_worked_on_is_in_progress_and_what_was_parked_is_in_review(tmp_path, capsys):
    source = project(tmp_path, [task(1), task(2), task(3, 2)])
    made = world(tmp_path / "state", Agents(fails={("test", 1)}, seconds=seconds), source=source, merge=False)
    (tmp_path / "state" / "play.json").write_text(json.dumps({"project": str(source)}))
    made.sandbox.press()
    made.sandbox.run(lambda: is_parked(made))
    assert status(source, tmp_path, "--write") == 0
    assert capsys.readouterr().out == "task 1: pending → review\ntask 2: pending → in-progress\n"
    assert listed(source) == {1: "review", 2: "in-progress", 3: "pending"}
    made.sandbox.close()


@pytest.mark.rule("R10")
def test_a_backlog_that_was_rewritten_is_refused_and_left_as_it_is(played, tmp_path, capsys):
    _made, source = played
    rewritten = (source / FILE).read_text().replace('"Task 1"', '"Quite another one"')
    (source / FILE).write_text(rewritten)
    assert status(source, tmp_path, "--write") == 2
    assert 'task "1" is "Quite another one" in it, and was played as "Task 1"' in capsys.readouterr().err
    assert (source / FILE).read_text() == rewritten


@pytest.mark.rule("R10")
def test_the_sandbox_of_another_project_is_refused(played, tmp_path, capsys):
    _made, _source = played
    (tmp_path / "other").mkdir()
    assert status(tmp_path / "other", tmp_path) == 2
    assert "expected the sandbox in which" in capsys.readouterr().err
    assert main(["status", str(tmp_path / "other"), "--state", str(tmp_path / "none")]) == 2
