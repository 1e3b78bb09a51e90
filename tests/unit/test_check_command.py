"""`pressplay check`: an agent learns before it hands over what the gates will refuse."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pressplay import cli
from pressplay.settings import RepositoryDefaults
from pressplay.steps.runs.check_file import FILE, Rules

TEST = "def test_it():\n    assert 1 + 1 == 2\n"
PLAN = "probes: [{name: adds, covers: [AC1], command: {argv: [shop, add], expect: {stdout: {contains: ['sum: 3']}}}}]\n"
WHERE = ".press-play/acceptance/7.yaml"
SECRET = "key = '-----BEGIN RSA PRIVATE KEY-----'\n"


def git(tree: Path, *words: str) -> str:
    who = ["-c", "user.name=a", "-c", "user.email=a@b.invalid", "-c", "commit.gpgSign=false"]
    done = subprocess.run(["git", *who, *words], cwd=tree, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run's work tree: a base with a test, and a branch that begins there."""
    work = tmp_path / "tree"
    work.mkdir()
    git(work, "init", "-q", "-b", "main")
    (work / ".git/info/exclude").write_text("/task/\n")
    change(work, {"shop.py": "x = 1\n", "tests/test_shop.py": TEST})
    git(work, "update-ref", "refs/remotes/origin/main", "HEAD")
    git(work, "checkout", "-q", "-b", "feature/task-7-implementation")
    (work / "task").mkdir()
    monkeypatch.chdir(work)
    for name in ("PRESSPLAY_ROLE", "PRESSPLAY_RESULT"):
        monkeypatch.delenv(name, raising=False)
    return work


def change(tree: Path, files: dict[str, str | None]) -> None:
    for path, text in files.items():
        file = tree / path
        file.parent.mkdir(parents=True, exist_ok=True)
        if text is None:
            file.unlink()
        else:
            file.write_text(text)
    git(tree, "add", "-A")
    git(tree, "commit", "-q", "-m", "change")


def rules(tree: Path, role: str, **settings: Any) -> None:
    made = Rules.of(
        role, "main", git(tree, "rev-parse", "HEAD"), 7, RepositoryDefaults.model_validate(settings), ["AC1"]
    )
    (tree / "task" / FILE).write_bytes(made.dump())


def checked(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    status = cli.main(["check", *words])
    streams = capsys.readouterr()
    return status, streams.out + streams.err


@pytest.mark.rule("R6")
@pytest.mark.parametrize(
    ("role", "files", "expected"),
    [
        ("implement", {"shop.py": "x = 2\n"}, ""),
        ("implement", {"tests/test_shop.py": "def test_it():\n    pass\n"}, "test-only: tests are weaker"),
        ("fix", {"tests/test_shop.py": None}, "test-only: tests are weaker: 1 test file removed"),
        ("fix", {WHERE: PLAN}, "test-only: a plan of probes is changed, and those are QA's"),
        ("implement", {"shop.py": SECRET}, "supply: "),
        ("test", {"tests/test_more.py": TEST, WHERE: PLAN}, ""),
        ("test", {"shop.py": "x = 2\n"}, "test-only: QA may change only tests, but changed 1 file"),
        ("test", {WHERE: "probes: []\n"}, f"the plan of probes at {WHERE} is not one that proves anything"),
        ("test", {WHERE: PLAN.replace("AC1", "AC9")}, "AC9"),
        ("comments", {"tests/test_shop.py": "def test_it():\n    pass\n"}, ""),
    ],
)  # fmt: skip
def test_it_says_what_the_gates_will_refuse(
    tree: Path, capsys: pytest.CaptureFixture[str], role: str, files: dict[str, str | None], expected: str
) -> None:
    rules(tree, role)
    change(tree, files)
    status, printed = checked(capsys)
    assert (status, expected in printed) == (1 if expected else 0, True), printed
    assert ("nothing is refused so far" in printed) == (not expected)


def test_what_others_committed_before_the_run_is_not_the_roles(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change(tree, {"shop.py": "x = 2\n"})
    rules(tree, "test")
    change(tree, {"tests/test_more.py": TEST})
    assert checked(capsys)[0] == 0


def test_the_installations_settings_count(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rules(tree, "test", testPaths={"python": ["checks/**"]}, supply={"secrets": "show"})
    change(tree, {"checks/it.py": TEST + SECRET})
    assert checked(capsys) == (0, "nothing is refused so far; tests, linters and probes were not run\n")
    change(tree, {"tests/test_more.py": TEST})
    assert "changed 1 file outside the tests' paths" in checked(capsys)[1]


def test_what_is_not_committed_does_not_count(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rules(tree, "implement")
    (tree / "shop.py").write_text("x = 3\n")
    status, printed = checked(capsys)
    assert status == 1
    assert "1 files are not committed" in printed
    assert "    shop.py" in printed


@pytest.mark.parametrize(
    ("role", "result", "expected"),
    [
        ("test", None, "there is no verdict yet"),
        ("test", {"result": "pass"}, "does not answer what is contested"),
        ("test", {"result": "pass", "answers": {"contest-5.1": "corrected"}}, ""),
        ("test", {"result": "pass", "body": "contest-5.1: it stays"}, ""),
        ("fix", {"result": "pass"}, "expected one of done, nothing, blocked for the role fix, got pass"),
        ("fix", {"result": "nothing", "contests": [{"what": "a", "why": "b"}]}, ""),
        ("fix", {"result": "done", "extra": 1}, "extra"),
        ("fix", None, ""),
    ],
)
def test_the_file_that_is_handed_over_is_checked_by_its_contract(
    tree: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    role: str,
    result: dict[str, Any] | None,
    expected: str,
) -> None:
    rules(tree, role)
    (tree / "task" / "review.md").write_text("### contest-5.1\n\n> ### contest-6.1\n")
    file = tree / "task" / "result.json"
    if result is not None:
        file.write_text(json.dumps(result))
    monkeypatch.setenv("PRESSPLAY_RESULT", str(file))
    status, printed = checked(capsys)
    assert (status, expected in printed) == (1 if expected else 0, True), printed
    assert "contest-6.1" not in printed


@pytest.mark.rule("R10")
def test_outside_of_a_run_it_says_what_it_expects(
    tree: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    status, printed = checked(capsys)
    assert (status, f"task/{FILE}: expected the rules of a run" in printed) == (2, True)
    (tree / "task" / FILE).write_text('{"role": 5}')
    assert checked(capsys)[0] == 2
    rules(tree, "implement")
    assert checked(capsys, "--role", "deploy")[0] == 2
    git(tree, "update-ref", "-d", "refs/remotes/origin/main")
    status, printed = checked(capsys)
    assert (status, "expected a work tree with origin/main" in printed) == (2, True)
    monkeypatch.chdir(tmp_path)
    assert checked(capsys)[0] == 2
