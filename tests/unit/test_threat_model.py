"""The threat model names, for each way in, a test that exists."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "explanation" / "security.md"
FOLDERS = ("tests", "tests/scenarios")


def _rows() -> list[list[str]]:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines if line.startswith("| ")]
    return [row for row in cells if row[0] != "asset"]


ROWS = _rows()


def test_it_covers_each_promise():
    assert len(ROWS) > 20
    assert {"the base branch", "the approval", "the cluster"} <= {row[0] for row in ROWS}


@pytest.mark.parametrize("row", ROWS, ids=[f"{row[0]}: {row[2]}" for row in ROWS])
def test_each_way_in_is_stopped_by_what_a_test_holds(row: list[str]):
    assert len(row) == 5
    assert all(row)
    file, _, name = row[4].strip("`").partition("::")
    (path,) = [ROOT / folder / file for folder in FOLDERS if (ROOT / folder / file).is_file()]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
