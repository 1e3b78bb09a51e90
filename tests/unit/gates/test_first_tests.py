"""A project's first tests are run: what runs them is of the base, but for the runner of their language."""

from __future__ import annotations

import pytest
from trees import tree

from pressplay.gates.only_tests import Paths
from pressplay.gates.proving import environment
from pressplay.gates.proving.first_tests import with_first_tests
from pressplay.gates.proving.model import Environment

BASE = {"pyproject.toml": '[project]\nname = "a"\n', "a/__init__.py": "", "a/calc.py": "x = 1\n"}
UNITTEST = {"tests/__init__.py": "", "tests/test_calc.py": "import unittest\n\nclass T(unittest.TestCase): ...\n"}
PYTEST = {"tests/test_calc.py": "import pytest\n\ndef test_x(): ...\n"}
VALUES = {"projects": [{"folder": ".", "language": "python"}]}


def commands(head: dict[str, str], contract: Environment | None = None) -> list[tuple[str, str, str]]:
    base, after = tree(BASE), tree({**BASE, **head})
    made = with_first_tests(contract or environment.choose(base), head, after, base, Paths().match)
    return [(project.folder, project.test.split(" --")[0], project.report) for project in made.projects]


def test_the_base_has_no_command() -> None:
    assert commands({}) == [("", "", "exit")]


@pytest.mark.parametrize(
    ("tests", "command"),
    [(UNITTEST, ("", "python3 -m unittest discover -v", "unittest")),
     (PYTEST, ("", "python3 -m pytest -q -p no:cacheprovider", "junit"))],
)  # fmt: skip
def test_the_first_tests_have_a_runner(tests: dict[str, str], command: tuple[str, str, str]) -> None:
    assert commands(tests) == [command]


@pytest.mark.rule("R6")
def test_what_is_no_test_decides_nothing() -> None:
    configured = {"pyproject.toml": '[project]\nname = "a"\n\n[tool.pytest.ini_options]\naddopts = "-p a.plugin"\n'}
    assert commands(configured) == [("", "", "exit")]
    assert commands({**configured, **UNITTEST}) == commands(UNITTEST)
    assert commands({**UNITTEST, "package.json": '{"scripts": {"test": "true"}}'}) == commands(UNITTEST)


@pytest.mark.rule("R6")
def test_what_people_wrote_stays() -> None:
    written = environment.from_values(VALUES, "values")
    assert commands(UNITTEST, written) == [("", "", "exit")]
