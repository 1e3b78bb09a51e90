"""The scripted agents: their contract with the runner, and their knobs."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pressplay.errors import InputError
from pressplay.sandbox import agents

from .builder import Builder


@pytest.fixture
def shop(tmp_path: Path) -> Builder:
    builder = Builder(tmp_path)
    builder.branch(1)
    return builder


def test_an_agent_is_a_process_started_in_the_work_tree(shop: Builder) -> None:
    env = {**os.environ, **shop.env("implement", 1)}
    done = subprocess.run(
        [sys.executable, "-m", "pressplay.sandbox.agents"], cwd=shop.repo, env=env, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "")
    assert "rex (scripted): committed: Add money" in done.stderr
    assert shop.git("log", "--format=%s", "main..HEAD").split("\n")[:2] == ["Describe money for its users", "Add money"]
    told = json.loads((shop.folder / "result.json").read_text())
    assert told["title"] == "Amounts of money (task 1)"
    assert "scripted" in told["body"]


def test_an_agent_imports_little() -> None:
    code = "import sys, pressplay.sandbox.agents.script; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "pressplay.sandbox.agents.script" in loaded
    for heavy in ("githubkit", "pydantic", "kr8s", "httpx", "jinja2", "yaml", "click", "asyncio"):
        assert heavy not in loaded


@pytest.mark.rule("R3")
def test_doing_a_run_twice_is_the_same_as_once(shop: Builder) -> None:
    for role in ("implement", "lint", "test"):
        shop.agent(role, 1)
        head = shop.git("rev-parse", "HEAD")
        shop.agent(role, 1)
        assert shop.git("rev-parse", "HEAD") == head
    assert shop.agent("test", 1)["result"] == "pass"


def test_implementing_again_does_not_bring_a_mended_bug_back(shop: Builder) -> None:
    shop.agent("implement", 8)
    shop.review("test_what_was_sold_before_is_gone fails")
    shop.agent("fix", 8)
    mended = (shop.repo / "stockroom/commands/sell.py").read_bytes()
    shop.agent("implement", 8)
    assert (shop.repo / "stockroom/commands/sell.py").read_bytes() == mended


def test_rex_fixes_what_the_review_names_and_nothing_else(shop: Builder, capsys: pytest.CaptureFixture[str]) -> None:
    """A recorded answer shows nothing unless it follows from what the run is given."""
    shop.agent("implement", 8)
    head = shop.git("rev-parse", "HEAD")
    assert agents.run(shop.repo, shop.env("fix", 8)) == 1
    assert "task/review.md: expected what is wanted" in capsys.readouterr().err
    shop.review("the help text is too short")
    shop.agent("fix", 8)
    assert shop.git("rev-parse", "HEAD") == head
    shop.review("- `test_what_was_sold_before_is_gone (tests.test_sell.Sell)` fails")
    shop.agent("fix", 8)
    assert shop.git("rev-parse", "HEAD") != head


def test_clippy_tidies_what_the_branch_changed_and_nothing_else(shop: Builder) -> None:
    (shop.repo / "untidy.md").write_bytes(b"not of this branch  \r\n")
    shop.git("checkout", "--quiet", "main")
    shop.git("add", "untidy.md")
    shop.git("commit", "--quiet", "--message=Untidy")
    shop.branch(7)
    shop.agent("implement", 7)
    assert b"\r\n" in (shop.repo / "stockroom/commands/receive.py").read_bytes()
    shop.agent("lint", 7)
    tidied = (shop.repo / "stockroom/commands/receive.py").read_text()
    assert "\r" not in tidied
    assert tidied.startswith('"""Take a delivery into stock."""\n\nimport argparse\n\nfrom stockroom.catalogue import')
    assert shop.git("show", "--name-only", "--format=%an", "HEAD").split() == [
        "clippy",
        "(scripted)",
        "stockroom/commands/receive.py",
    ]
    assert (shop.repo / "untidy.md").read_bytes() == b"not of this branch  \r\n"


def test_clippy_leaves_what_it_cannot_read(shop: Builder) -> None:
    shop.agent("implement", 3)
    (shop.repo / "stockroom" / "broken.py").write_text("def broken(:  \n")
    shop.git("add", ".")
    shop.git("commit", "--quiet", "--message=Broken")
    shop.agent("lint", 3)
    assert (shop.repo / "stockroom" / "broken.py").read_text() == "def broken(:  \n"


def test_qa_wants_changes_where_tests_fail_or_do_not_end(shop: Builder, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.agent("implement", 1)
    (shop.repo / "tests/test_odd.py").write_text(
        "import unittest\nclass T(unittest.TestCase):\n  def test_it(self): self.fail('```\\n# not a heading')\n"
    )
    verdict = shop.agent("test", 1)
    assert verdict["result"] == "changes"
    assert "- `test_it (tests.test_odd.T.test_it)`" in verdict["body"]
    assert "````text" in verdict["body"], "the fence is longer than what is quoted"
    (shop.repo / "tests/test_odd.py").write_text("while True: pass\n")
    monkeypatch.setattr("pressplay.sandbox.agents.script.TEST_SECONDS", 0.2)
    assert "did not come to an end" in shop.agent("test", 1)["body"]


def test_the_projects_tests_learn_nothing_of_the_run(shop: Builder) -> None:
    (shop.repo / "tests/test_odd.py").write_text(
        "import os, unittest\nclass T(unittest.TestCase):\n"
        "  def test_it(self): self.assertEqual([n for n in os.environ if n.startswith('PRESSPLAY_')], [])\n"
    )
    shop.agent("implement", 1)
    assert shop.agent("test", 1)["result"] == "pass"


@pytest.mark.parametrize(
    ("sabotage", "fails"),
    [("rex", True), ("rex:1", True), ("qa,rex:1", True), ("rex:2", False), ("qa", False), ("", False), ("re", False)],
)
def test_sabotage_makes_an_agent_fail(
    shop: Builder, capsys: pytest.CaptureFixture[str], sabotage: str, fails: bool
) -> None:
    code = agents.run(shop.repo, shop.env("implement", 1, PRESSPLAY_SABOTAGE=sabotage))
    assert code == (1 if fails else 0)
    assert ("sabotaged by PRESSPLAY_SABOTAGE" in capsys.readouterr().err) is fails
    assert (shop.git("log", "--format=%s", "main..HEAD") == "") is fails


@pytest.mark.rule("R1")
def test_every_start_leaves_one_line_in_the_agents_log(shop: Builder) -> None:
    log = shop.folder / "agents.log"
    command = [sys.executable, "-m", "pressplay.sandbox.agents"]
    for attempt in ("0", "1"):
        env = shop.env("implement", 1, PRESSPLAY_AGENT_LOG=str(log), PRESSPLAY_ATTEMPT=attempt)
        done = subprocess.run(command, cwd=shop.repo, env={**os.environ, **env, "PRESSPLAY_SABOTAGE": "rex"})
        assert done.returncode == 1
    assert log.read_text() == "run-implement-1 1 implement 0\nrun-implement-1 1 implement 1\n"


@pytest.mark.parametrize("script", ["demo", "notes"])
def test_rex_merges_the_base_and_keeps_the_lines_of_both_sides(shop: Builder, script: str) -> None:
    def note(text: str) -> None:
        (shop.repo / "CHANGES.md").write_text(text)
        shop.git("add", "CHANGES.md")
        shop.git("commit", "--quiet", f"--message={text.split()[-1]}")

    shop.git("checkout", "--quiet", "main")
    note("# Changes\n")
    shop.branch(1)
    note("# Changes\n- branch\n")
    before = shop.git("rev-parse", "HEAD").strip()
    shop.git("checkout", "--quiet", "main")
    note("# Changes\n- base\n")
    shop.git("checkout", "--quiet", "feature/task-1-implementation")
    for _ in range(2):
        shop.agent("conflict", 1, PRESSPLAY_SCRIPT=script)
    assert sorted((shop.repo / "CHANGES.md").read_text().splitlines()) == ["# Changes", "- base", "- branch"]
    assert shop.git("show", "--no-patch", "--format=%P", "HEAD").split() == [
        before,
        shop.git("rev-parse", "main").strip(),
    ]
    assert shop.git("status", "--porcelain") == ""


def test_rex_says_what_git_cannot_merge(shop: Builder, capsys: pytest.CaptureFixture[str]) -> None:
    shop.git("checkout", "--quiet", "main")
    (shop.repo / "README.md").unlink()
    shop.git("commit", "--quiet", "--all", "--message=Remove")
    shop.branch(1, "main~1")
    (shop.repo / "README.md").write_text("more\n")
    shop.git("commit", "--quiet", "--all", "--message=More")
    assert agents.run(shop.repo, shop.env("conflict", 1)) == 1
    assert "git merge in" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"PRESSPLAY_ROLE": "deploy"}, "expected one of criteria, implement, lint, test, fix"),
        ({"PRESSPLAY_TASK": "99"}, "know the tasks of the demo project and no others"),
        ({"PRESSPLAY_TASK": "../1"}, "PRESSPLAY_TASK '../1': expected the task's number"),
        ({"PRESSPLAY_ROLE": "lint", "PRESSPLAY_BASE": "gone"}, "PRESSPLAY_BASE 'gone': expected a branch"),
        ({"PRESSPLAY_SCRIPT": "novel"}, "PRESSPLAY_SCRIPT 'novel': expected demo or notes"),
    ],
)
def test_what_an_agent_cannot_do_it_says(
    shop: Builder, capsys: pytest.CaptureFixture[str], changes: dict[str, str], said: str
) -> None:
    assert agents.run(shop.repo, shop.env("implement", 1, **changes)) == 1
    assert said in capsys.readouterr().err


def test_an_agent_writes_through_no_link_out_of_the_work_tree(
    shop: Builder, capsys: pytest.CaptureFixture[str]
) -> None:
    (shop.folder / "outside").mkdir()
    (shop.repo / "docs" / "version.md").unlink()
    (shop.repo / "docs").rmdir()
    (shop.repo / "docs").symlink_to(shop.folder / "outside")
    assert agents.run(shop.repo, shop.env("implement", 1)) == 1
    assert "leads out of the work tree" in capsys.readouterr().err
    assert list((shop.folder / "outside").iterdir()) == []


@pytest.mark.rule("R7")
def test_notes_serve_any_project_and_copy_its_text_unharmed(shop: Builder) -> None:
    text = "# {{x}} {{=1+1}} $(rm -rf)\n---\nyaml: [\r\n"
    (shop.repo / "task").mkdir()
    (shop.repo / "task/task.md").write_bytes(text.encode())
    notes = {"PRESSPLAY_SCRIPT": "notes", "PRESSPLAY_SEND_BACK": "3,77:2"}
    assert shop.agent("implement", 77, **notes)["title"] == "Note task 77"
    assert (shop.repo / "notes/task-77.md").read_bytes() == text.encode()
    seen = [shop.agent("test", 77, **notes, PRESSPLAY_ROUND=str(turn))["result"] for turn in (1, 2, 3)]
    assert seen == ["changes", "changes", "pass"]
    head = shop.git("rev-parse", "HEAD")
    shop.review("again")
    shop.agent("fix", 77, **notes)
    assert shop.git("rev-parse", "HEAD") != head
    assert "Answered in round 1: review-1.1." in (shop.repo / "notes/task-77.md").read_text()
    assert shop.git("status", "--porcelain") == ""


def test_durations_come_from_the_table_or_are_set() -> None:
    env = {"PRESSPLAY_ROLE": "implement", "PRESSPLAY_TASK": "12"}
    assert agents.duration(env) == 1200
    env["PRESSPLAY_DURATIONS"] = json.dumps({"implement": 2, "implement:12": 0.5})
    assert agents.duration(env) == 30
    assert agents.duration({**env, "PRESSPLAY_TASK": "13"}) == 120
    for wrong in (
        {"PRESSPLAY_ROLE": "deploy"},
        {"PRESSPLAY_DURATIONS": "["},
        {"PRESSPLAY_DURATIONS": '{"implement:12": -1}'},
    ):
        with pytest.raises(InputError):
            agents.duration({**env, **wrong})


def test_an_agent_is_fast(shop: Builder) -> None:
    env = {**os.environ, **shop.env("implement", 1)}
    command = [sys.executable, "-m", "pressplay.sandbox.agents"]
    best = 9.0
    for task in ("1", "2", "3"):
        begin = time.perf_counter()
        subprocess.run(command, cwd=shop.repo, env={**env, "PRESSPLAY_TASK": task}, capture_output=True, check=True)
        best = min(best, time.perf_counter() - begin)
    assert best < 1.0, "0.15 s on a quiet machine; the bound leaves room for a busy one"
