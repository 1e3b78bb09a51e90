"""What a task of tests or of documents may change: never the program (R6)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pressplay.domain.profiles import Profile
from pressplay.gates.only_tests import Paths
from pressplay.gates.proving.beside import beside
from pressplay.github.comparison import Changed, Comparison

pytestmark = pytest.mark.rule("R6")
PATHS = Paths()


class Side:
    """The files of a commit: text by path, or a mode where that is no plain file's."""

    def __init__(self, files: dict[str, str]) -> None:
        self.files = files

    def text(self, path: str) -> str:
        return self.files.get(path, "")

    def mode(self, path: str) -> str | None:
        if path not in self.files:
            return None
        return "120000" if self.files[path].startswith("-> ") else "100644"


def touched(profile: Profile, path: str, was: str | None, now: str | None) -> list[str]:
    status = "added" if was is None else "removed" if now is None else "modified"
    sides = [Side({path: text} if text is not None else {}) for text in (was, now)]
    return beside(profile, Comparison("base", (Changed(path, path, status),)), *sides, PATHS)


@pytest.mark.parametrize("path", ["README.md", "docs/use.rst", "docs/conf.py", "LICENSE", "LICENSE-MIT", "CHANGELOG"])
@pytest.mark.parametrize(("was", "now"), [("a", "b"), (None, "b"), ("a", None)])
@pytest.mark.parametrize("profile", ["docs", "tests"])
def test_documents_may_change(profile: Profile, path: str, was: str | None, now: str | None) -> None:
    assert touched(profile, path, was, now) == []


COMMENTS = [
    ("a.py", "x = 1\n", "# one\nx = 1  # two\n"),
    ("a.py", "def f():\n    return 1\n", 'def f():\n    """One."""\n    return 1\n'),
    ("a.py", '"""Old."""\nx = 1\n', '"""New."""\n\nx = 1\n'),
    ("src/a.rs", "pub fn f() -> u8 { 1 }\n", "/// One.\npub fn f() -> u8 { 1 } // one\n"),
    ("a.go", "package a\n\nfunc F() int { return 1 }\n", "package a\n\n// F is 1.\nfunc F() int { return 1 }\n"),
    ("a.js", "f(1);\n", "/** One. */\nf(1);\n"),
]


@pytest.mark.parametrize(("path", "was", "now"), COMMENTS)
def test_comments_are_documents(path: str, was: str, now: str) -> None:
    assert touched("docs", path, was, now) == []
    assert touched("tests", path, was, now) == []


PROGRAM = [
    ("a.py", "x = 1\n", "x = 2\n"),
    ("a.py", "if a:\n    b()\n    c()\n", "if a:\n    b()\nc()\n"),
    ("a.py", "# -*- coding: utf-8 -*-\nx = 'a'\n", "# -*- coding: latin-1 -*-\nx = 'a'\n"),
    ("a.py", "x = 'a'\n", "x = 'b'\n"),
    ("a.py", "x = 1\n", "x = (\n"),
    ("a.js", "'use strict';\nf();\n", "f();\n"),
    ("a.js", "return\nf();\n", "return f();\n"),
    ("a.go", "package a\n", "//go:build ignore\n\npackage a\n"),
    ("src/a.rs", "fn f() -> u8 { 1 }\n", "fn f() -> u8 { 2 }\n"),
    ("new.py", None, "# only a comment\n"),
    ("old.py", "x = 1\n", None),
    ("config.yaml", "a: 1\n", "a: 2\n"),
    ("run.sh", "a\n", "b\n"),
    ("README.md", "text\n", "-> run.sh"),
    (".github/README.md", "a\n", "b\n"),
]


@pytest.mark.parametrize(("path", "was", "now"), PROGRAM)
@pytest.mark.parametrize("profile", ["docs", "tests"])
def test_the_program_may_not_change(profile: Profile, path: str, was: str | None, now: str | None) -> None:
    assert touched(profile, path, was, now) == [path]


@pytest.mark.parametrize("path", ["tests/test_a.py", "a_test.go", "pyproject.toml", "requirements-dev.txt", "tox.ini"])
def test_only_a_task_of_tests_may_change_tests_and_how_they_run(path: str) -> None:
    assert touched("tests", path, "a = 1\n", "a = 2\n") == []
    assert touched("docs", path, "a = 1\n", "a = 2\n") == [path]


def test_a_program_that_becomes_a_document_is_gone() -> None:
    renamed = Comparison("base", (Changed("a.md", "a.py", "renamed"),))
    sides = Side({"a.py": "x = 1\n"}), Side({"a.md": "x = 1\n"})
    assert beside("docs", renamed, *sides, PATHS) == ["a.py"]


@pytest.mark.parametrize("profile", ["feature", "fix", "refactor", "removal", "dependencies"])
def test_other_tasks_may_change_everything(profile: Profile) -> None:
    assert touched(profile, "a.py", "x = 1\n", "x = 2\n") == []


@given(
    st.sampled_from(["+", "-", "*"]), st.integers(0, 9), st.sampled_from([case for case in COMMENTS if "py" in case[0]])
)
def test_a_comment_hides_no_change(sign: str, number: int, case: tuple[str, str, str]) -> None:
    path, was, now = case
    assert touched("docs", path, was, f"{now}y = 1 {sign} {number}\n") == [path]
