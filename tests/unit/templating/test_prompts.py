"""Task folders: what all agents of a task read, and what one run is asked."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pressplay import cli
from pressplay.backlog import tasks
from pressplay.domain.outcomes import BLOCKED_MARK
from pressplay.errors import InputError
from pressplay.templating import prompts

HEAD = "0123456789abcdef0123456789abcdef01234567"
HOSTILE = 'T {{x}} {{=1+1}} {{ nope [[ y ]] $(rm -rf) "q" \'\n---\n- yaml: &a [\n<b>'


def backlog(**changes: Any) -> tasks.Backlog:
    first = {"id": 1, "title": "First", "status": "done"}
    second = {"id": "2", "title": "Second", "dependencies": [1], **changes}
    return tasks.read(json.dumps({"master": {"tasks": [first, second]}}), "tasks.json")


def folder(**changes: Any) -> dict[str, str]:
    read = backlog(**changes)
    return prompts.task_files(read.tasks[1], read)


@pytest.mark.rule("R7")
@pytest.mark.parametrize("field", ["title", "description", "details"])
def test_a_tasks_text_goes_through_unharmed(field: str) -> None:
    assert HOSTILE in folder(**{field: HOSTILE})["task.md"]


@pytest.mark.rule("R7")
def test_a_test_strategy_and_the_texts_of_parts_go_through_unharmed() -> None:
    part = {"id": 1, "title": HOSTILE, "description": HOSTILE, "details": HOSTILE, "testStrategy": HOSTILE}
    made = folder(testStrategy=HOSTILE, subtasks=[part])
    assert made["task.md"].count(HOSTILE) == 3
    assert made["acceptance-criteria.md"].count(HOSTILE) == 3


def test_the_folder_tells_dependencies_and_parts_by_name() -> None:
    made = folder(details="How", subtasks=[{"id": 1, "title": "A part", "details": "Its details"}])
    assert set(made) == {"prompt.md", "task.md", "acceptance-criteria.md"}
    assert "- Task 1: First\n" in made["task.md"]
    assert "### 1. A part" in made["task.md"]
    assert "no details beyond" not in made["task.md"]
    assert "- **AC1** Part 1 is done: A part" in made["acceptance-criteria.md"]
    assert "# Task 2: Second" in made["prompt.md"]


def test_a_bare_task_makes_a_folder_too_without_its_backlog() -> None:
    made = prompts.task_files(backlog().tasks[1])
    assert "no details beyond" in made["task.md"]
    assert "- Task 1\n" in made["task.md"]
    assert "## Parts" not in made["task.md"]


@pytest.mark.rule("R10")
def test_a_users_template_wins_and_its_missing_names_are_told(tmp_path: Path) -> None:
    read = backlog()
    own = tmp_path / "prompt.md.mustache"
    own.write_text("Mine: {{title}} of {{tag}}")
    made = prompts.task_files(read.tasks[1], read, tmp_path)
    assert made["prompt.md"] == "Mine: Second of master"
    assert made["task.md"] == prompts.task_files(read.tasks[1], read)["task.md"]
    own.write_text("\n{{testStrategy}}")
    with pytest.raises(InputError) as error:
        prompts.task_files(read.tasks[1], read, tmp_path)
    assert f"{own}:2: nothing is named 'testStrategy'; did you mean 'test_strategy'?" in str(error.value)


@pytest.mark.parametrize("role", ["lint", "test", "fix", "triage"])
def test_instructions_for_a_pull_request_begin_with_its_head(role: str) -> None:
    text = prompts.instructions(
        role, repo="acme/shop", task=12, branch="feature/x", base="main", head=HEAD, pr=7, round=2
    )
    begin = text.index("Begin by checking out the head")
    assert f"git checkout -B feature/x {HEAD}" in text[begin : text.index("## What is asked")]
    assert "| pull request | #7 |" in text
    assert "| round | 2 |" in text
    assert "Don't" in text[text.index("## Hand over") :]


def test_instructions_differ_by_role_and_tell_each_its_own() -> None:
    told = {"repo": "acme/shop", "task": 12, "branch": "b", "base": "main", "head": HEAD, "pr": 7}
    texts = {role: prompts.instructions(role, **told) for role in prompts.roles()}  # type: ignore[arg-type]
    assert set(texts) == {"criteria", "implement", "lint", "test", "fix", "issue", "comments", "triage", "conflict"}
    assert len(set(texts.values())) == len(texts)
    assert "press-play: pass" in texts["test"]
    assert "This is round" not in texts["test"]
    assert "press-play: contested" in texts["fix"]
    assert '"contests": [{"what"' in prompts.instructions("fix", by_file=True, **told)  # type: ignore[arg-type]
    assert "sh task/seal.sh task/criteria.yaml" in texts["criteria"]
    assert "task/conflict.md" in texts["conflict"]
    # Its question would tell whoever implements what is asked.
    assert [role for role, text in texts.items() if "If you are blocked" not in text] == ["criteria", "issue"]


def test_instructions_for_a_new_task_know_no_pull_request() -> None:
    text = prompts.instructions("implement", repo="acme/shop", task=12, branch="b", base="develop")
    assert "Begin from the newest `develop`" in text
    assert "pull request |" not in text
    assert "An earlier attempt" not in text
    assert "An earlier attempt" in prompts.instructions(
        "implement", repo="a/b", task=1, branch="b", base="m", attempt=1
    )


@pytest.mark.rule("R10")
def test_an_unknown_role_or_a_missing_head_is_refused(tmp_path: Path) -> None:
    told = {"repo": "acme/shop", "task": 12, "branch": "b", "base": "main"}
    with pytest.raises(
        InputError,
        match="role 'deploy': expected one of comments, conflict, criteria, fix, implement, issue, lint, test, triage",
    ):
        prompts.instructions("deploy", **told)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="role 'test': expected a pull request and its head commit"):
        prompts.instructions("test", pr=7, **told)  # type: ignore[arg-type]
    (tmp_path / "instructions-deploy.md.mustache").write_text("Deploy {{repo}}")
    text = prompts.instructions("deploy", pr=7, head=HEAD, templates_dir=tmp_path, **told)  # type: ignore[arg-type]
    assert "\nDeploy acme/shop\n## If you are blocked\n" in text


def test_what_a_number_stands_for_may_have_instructions_of_its_own(tmp_path: Path) -> None:
    told = {"repo": "acme/shop", "task": 512345678, "branch": "b", "base": "main"}
    text = prompts.instructions("implement", kind="alerts", **told)  # type: ignore[arg-type]
    assert "Remedy the alerts" in text
    assert "| role | implement |" in text
    plain = prompts.instructions("implement", kind="issue", **told)  # type: ignore[arg-type]
    assert "Implement task 512345678 completely" in plain
    (tmp_path / "instructions-implement.issue.md.mustache").write_text("Mine for {{task}}")
    own = prompts.instructions("implement", kind="issue", templates_dir=tmp_path, **told)  # type: ignore[arg-type]
    assert "\nMine for 512345678\n## If you are blocked\n" in own
    assert prompts.roles(tmp_path) == prompts.roles()


@pytest.mark.rule("R7")
def test_the_request_for_documents_names_numbers_places_and_files_and_no_text_of_a_task(tmp_path: Path) -> None:
    told: dict[str, Any] = {"run": "run-0123456789ab", "repo": "acme/shop", "base": "main", "tasks": [12, 412345678]}
    text = prompts.documents_request(**told)
    for number in told["tasks"]:
        place = f"`.taskmaster/press-play/run-0123456789ab/task-{number}.json` | `.taskmaster/docs/task-{number}/`"
        assert f"| {number} | {place} |" in text
    assert all(f"- `{name}`\n" in text for name in prompts.TASK_FILES)
    assert "An earlier attempt" not in text
    assert "An earlier attempt" in prompts.documents_request(**told, attempt=1)
    (tmp_path / "documents-request.md.mustache").write_text("Mine for {{#tasks}}{{number}} {{/tasks}}")
    assert prompts.documents_request(**told, templates_dir=tmp_path) == "Mine for 12 412345678 "


@pytest.mark.parametrize("role", ["implement", "lint", "test", "fix", "comments", "triage"])
def test_each_role_is_told_how_to_ask_where_it_is_blocked(role: str) -> None:
    told: dict[str, Any] = {"repo": "acme/shop", "task": 12, "branch": "b", "base": "main"}
    if role != "implement":
        told |= {"pr": 7, "head": HEAD, "cause": "c"}
    on_github, by_file = (prompts.instructions(role, by_file=way, **told) for way in (False, True))
    asks = on_github[on_github.index("## If you are blocked") :]
    assert f"\n      {BLOCKED_MARK}\n" in asks
    assert ("one new comment on #7" in asks) == (role != "implement")
    assert ("open its pull request against `main`" in asks) == (role == "implement")
    assert '{"result": "blocked", "question": "Markdown"}' in by_file[by_file.index("## If you are blocked") :]


def test_the_issue_agent_is_told_both_ways_to_hand_over() -> None:
    given: dict[str, Any] = {"repo": "acme/shop", "task": 200000007, "branch": "b", "base": "main"}
    ways = {
        False: ("press-play: task\n", "press-play: question", "## Acceptance criteria"),
        True: ('{"result": "done", "task": "…"}', '{"result": "blocked", "question": "…"}', "## Acceptance criteria"),
    }
    for by_file, lines in ways.items():
        text = prompts.instructions("issue", by_file=by_file, **given)
        assert all(line in text for line in lines)


@pytest.mark.rule("R7")
def test_criteria_and_alerts_go_through_unharmed() -> None:
    assert f"\n{HOSTILE}\n" in prompts.task_files(backlog().tasks[1], criteria=HOSTILE)["acceptance-criteria.md"]
    assert "agreed on beforehand" not in folder()["acceptance-criteria.md"]
    alert = {
        "number": 3,
        "title": HOSTILE,
        "severity": "high",
        "details": [{"name": "Rule", "value": HOSTILE}],
        "locations": [{"place": "a.py:1", "commit": ""}, {"place": "b.py:2", "commit": "c0ffee"}],
        "link": "https://github.com/acme/shop/security/code-scanning/3",
        "text": HOSTILE,
    }
    text = prompts.alerts([alert], secrets=False)
    assert text.count(HOSTILE) == 3
    assert "- At `a.py:1`\n- At `b.py:2` in commit `c0ffee`\n" in text
    assert "rotation" not in text
    assert "rotation" in prompts.alerts([alert], secrets=True)


def command(folder: Path, *more: str) -> int:
    return cli.main(["prompts", str(folder / "tasks.json"), "-o", str(folder / "out"), *more])


@pytest.fixture
def project(tmp_path: Path) -> Path:
    tagged = {"tasks": [{"id": 5, "title": "Of a tag"}]}
    listed = [{"id": 1, "title": "Done", "status": "done"}, {"id": 2, "title": "Open {{x}}"}]
    (tmp_path / "tasks.json").write_text(json.dumps({"master": {"tasks": listed}, "next": tagged}))
    return tmp_path


def test_a_fault_of_one_task_leaves_that_one_out_and_is_named(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    listed = [{"id": 1, "details": {}}, {"id": 2}, {"id": 3, "status": "done", "details": {}}]
    (project / "tasks.json").write_text(json.dumps({"master": {"tasks": listed}}))
    assert command(project) == 0
    assert sorted(file.name for file in (project / "out").iterdir()) == ["task-2"]
    problems = [line for line in capsys.readouterr().err.splitlines() if line.startswith("task ")]
    assert [line.endswith(": left out") for line in problems] == [True, False]
    assert "($.master.tasks[0].details)" in problems[0]


def test_of_a_folder_the_commit_counts_that_would_be_played(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for line in ("init -qb develop", "add tasks.json", "-c user.name=a -c user.email=a@b commit -qm x"):
        subprocess.run(["git", *line.split()], cwd=project, check=True)
    (project / "tasks.json").write_text("{}")
    assert cli.main(["prompts", str(project), "-o", str(project / "out"), "--tag", "next"]) == 0
    errors = capsys.readouterr().err
    assert "branch      develop" in errors
    assert "note: not committed, so not played: tasks.json" in errors
    (folder,) = (project / "out").iterdir()
    assert "Of a tag" in (folder / "prompt.md").read_text()


def test_the_command_writes_what_is_still_to_do(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(project) == 0
    told = capsys.readouterr()
    assert told.out == ""
    assert sorted(file.name for file in (project / "out").iterdir()) == ["task-2"]
    assert sorted(file.name for file in (project / "out/task-2").iterdir()) == sorted(prompts.TASK_FILES)
    assert "Open {{x}}" in (project / "out/task-2/prompt.md").read_text()
    assert told.err.count(": written\n") == 3
    assert command(project) == 0
    assert capsys.readouterr().err.count(": up to date\n") == 3


def test_the_command_reads_a_tag_by_its_own_numbers(project: Path) -> None:
    assert command(project, "--tag", "next") == 0
    (made,) = (project / "out").iterdir()
    assert made.name == f"task-{tasks.read((project / 'tasks.json').read_bytes(), '', 'next').tasks[0].number}"


def test_the_command_keeps_what_people_wrote_unless_forced(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = project / "out/task-2/prompt.md"
    own.parent.mkdir(parents=True)
    own.write_text("mine")
    assert command(project) == 0
    assert own.read_text() == "mine"
    assert f"{own}: kept as it is" in capsys.readouterr().err
    assert command(project, "--force") == 0
    assert own.read_text().startswith("# Task 2")
    assert f"{own}: written over" in capsys.readouterr().err


@pytest.mark.rule("R10")
def test_the_command_writes_nothing_where_a_template_is_wrong(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    templates = project / "templates"
    templates.mkdir()
    (templates / "acceptance-criteria.md.mustache").write_text("{{nope}}")
    assert command(project, "--templates", str(templates)) == 2
    assert "nothing is named 'nope'" in capsys.readouterr().err
    assert not (project / "out").exists()


@pytest.mark.rule("R10")
def test_the_command_says_what_is_wrong_with_its_input(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["prompts", str(project / "gone.json"), "-o", str(project / "out")]) == 2
    assert "gone.json: expected a project's folder, or the tasks.json" in capsys.readouterr().err
    assert command(project, "--tag", "nxt") == 2
    assert 'did you mean "next"' in capsys.readouterr().err
    (project / "out").write_text("a file")
    assert command(project) == 2
    assert "out" in capsys.readouterr().err
