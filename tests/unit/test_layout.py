"""How the tests lie: what several of them need is in tests/support, and no test is built on another."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
NOT_OURS = {"data", "base", "cases"}
"""Folders of what tests read: recorded files, and the projects of the corpus."""
FILES = sorted(path for path in TESTS.rglob("*.py") if NOT_OURS.isdisjoint(path.relative_to(TESTS).parts))


def imported(tree: ast.Module) -> set[str]:
    modules = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            modules |= {node.module or "", *(alias.name for alias in node.names)} if not of_ours(node) else set()
    return modules


def of_ours(node: ast.ImportFrom) -> bool:
    return (node.module or "").partition(".")[0] == "pressplay"


def is_test(module: str) -> bool:
    return any(part == "tests" or part == "conftest" or part.startswith("test_") for part in module.split("."))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(TESTS)))
def test_no_test_imports_another(path):
    modules = imported(ast.parse(path.read_text(encoding="utf-8")))
    tests = sorted(name for name in modules if is_test(name))
    assert not tests, f"move what is shared to tests/support: {tests}"
