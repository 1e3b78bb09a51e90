"""The demo is real: the scripted agents build it, and acceptance from outside tells a built one from any other."""

from pathlib import Path

import pytest

from pressplay import names
from pressplay.backlog.tasks import Task
from pressplay.domain import criteria
from pressplay.gates.acceptance import probe_plan
from pressplay.sandbox.agents import script
from pressplay.sandbox.demo import PROJECT
from pressplay.sandbox.demo.acceptance import acceptance

from .builder import BACKLOG, Builder, levels

BUGGY = 8


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Builder:
    """All tasks solved in waves: every branch of a wave leaves main before any of it is merged."""
    builder = Builder(tmp_path_factory.mktemp("demo"))
    for wave in levels():
        start = builder.git("rev-parse", "main").strip()
        for task in wave:
            builder.solve(task, start)
        for task in wave:
            builder.merge(task)
    return builder


def test_solving_all_makes_a_project_that_is_accepted(built: Builder) -> None:
    result = acceptance(built.repo)
    assert result.failures() == []
    assert result.passed
    assert built.git("status", "--porcelain", "--ignored") == ""


def test_exactly_one_task_is_sent_back_once(built: Builder) -> None:
    expected = {task.number: ["changes", "pass"] if task.number == BUGGY else ["pass"] for task in BACKLOG.tasks}
    assert built.verdicts == expected
    told = built.bodies[BUGGY][0]
    assert "test_what_was_sold_before_is_gone" in told
    assert "AssertionError" in told
    assert str(built.folder) not in told


def test_every_task_is_commits_of_its_roles_on_a_branch(built: Builder) -> None:
    merges = built.git("log", "--merges", "--first-parent", "--format=%P", "main").split("\n")
    assert len(merges) - 1 == len(BACKLOG.tasks)
    for merge in filter(None, merges):
        base, head = merge.split()
        authors = built.git("log", "--format=%an", f"{base}..{head}").split("\n")
        assert 2 <= authors.count("rex (scripted)") <= 4
        assert "qa (scripted)" in authors
    assert built.git("log", "--format=%an", "main").count("clippy (scripted)") == 7
    assert "scripted" in built.git("log", "-1", "--format=%b", "--author=rex", "main")


@pytest.mark.rule("R6")
def test_roles_keep_to_their_files(built: Builder) -> None:
    listed = built.git("log", "--no-merges", "--name-only", "--format=>%an", "main").split(">")
    for entry in filter(None, listed):
        author, *files = entry.split()
        of_tests = {file.startswith(("tests/", ".press-play/acceptance/")) for file in files if "/" in file}
        if author == "qa":
            assert of_tests == {True}
        elif author == "rex":
            assert of_tests == {False}


def test_the_starting_project_is_not_accepted() -> None:
    result = acceptance(PROJECT)
    assert not result.passed
    assert len(result.failures()) >= 6


def test_acceptance_finds_the_bug_where_it_stays_in(built: Builder, tmp_path: Path) -> None:
    built.git("worktree", "add", "--quiet", "--detach", str(tmp_path / "buggy"), "main")
    sell = "stockroom/commands/sell.py"
    (tmp_path / "buggy" / sell).write_bytes((script.SOLUTIONS / str(BUGGY) / "implement" / sell).read_bytes())
    failed = {check.name: check.detail for check in acceptance(tmp_path / "buggy").checks if not check.passed}
    built.git("worktree", "remove", "--force", str(tmp_path / "buggy"))
    assert any(name.startswith("What was sold is gone") for name in failed)
    assert len(failed) == 2, "that check and the project's own tests"


def test_the_backlog_has_diamonds_and_can_be_played() -> None:
    assert 12 <= len(BACKLOG.tasks) <= 14
    assert BACKLOG.problems == ()
    assert len(levels()) == 4
    dependents = [set(task.dependencies) for task in BACKLOG.tasks]
    assert sum(len(one) > 1 for one in dependents) >= 5
    assert {str(task.number) for task in BACKLOG.tasks} == {folder.name for folder in script.SOLUTIONS.iterdir()}


@pytest.mark.parametrize("task", BACKLOG.tasks, ids=lambda task: str(task.number))
def test_each_plan_runs_commands_alone_and_covers_every_criterion(built: Builder, task: Task) -> None:
    where = names.acceptance_plan(task.number)
    ids = {criterion.id for criterion in criteria.of_task(task, {})}
    plan = probe_plan.read((built.repo / where).read_bytes(), where, ids)
    assert set(plan.kinds.values()) == {"command"}
    assert {id_ for covered in plan.covers.values() for id_ in covered} == ids
    tests = "".join(path.read_text() for path in built.repo.glob("tests/test_*.py"))
    assert all(f"def {name}(" in tests for named in plan.tests.values() for name in named)
