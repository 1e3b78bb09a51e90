"""The table of attacks names each test here, and each test has its row."""

from __future__ import annotations

import ast
import re
from pathlib import Path

FOLDER = Path(__file__).parent


def defined() -> set[str]:
    return {
        f"{path.stem}::{node.name}"
        for path in FOLDER.glob("test_*.py")
        if path.stem != "test_table"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def rows() -> list[list[str]]:
    lines = (FOLDER / "README.md").read_text().splitlines()
    return [
        [cell.strip() for cell in line.strip("|").split(" | ")] for line in lines if re.match(r"\| (?!attack)", line)
    ]


def test_each_attack_names_its_test_and_its_honest_twin():
    named = set()
    for row in rows():
        assert len(row) == 5, row
        assert all(row), row
        named |= {cell.strip("` ") for cell in row[3:]}
    assert named == defined()
