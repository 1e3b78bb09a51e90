"""The word list of docs/contributing/words.md holds: words that we do not write only become fewer."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/contributing/words.md"
GENERATED = {"docs/reference/values.md", "docs/reference/steps.md", "docs/reference/workflows.md"} | {
    "docs/reference/command-line.md",
    "docs/reference/github-apps.md",
    "docs/reference/roles.md",
    "scripts/pressplay/chart.yaml",
    "scripts/pressplay/validation/schemas/values.yaml",
}
NOT_OURS = {"docs/.taskmaster/docs/prd.md", "docs/contributing/words.md"}
SOURCES = {
    "docs": ("md",),
    "chart/templates": ("yaml", "tpl", "txt"),
    "scripts": ("py", "j2", "mustache"),
}
ALONE = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "AGENTS.md", "chart/values.yaml")
ALLOWED_TEXT: dict[str, int] = {
    ", came": 3,
    "anew": 3,
    "mend": 6,
    "to no end": 1,
    "all the same": 2,
    "is to be": 12,
    "for good": 3,
}
"""How often each word of the first table is still there. Lower a figure as words go; never raise one."""
ALLOWED_NAMES: dict[str, int] = {
    "found": 273,
    "one": 324,
    "told": 105,
    "said": 92,
    "asked": 84,
    "came": 7,
    "heard": 72,
    "mine": 42,
    "leftovers": 32,
}
"""How many definitions still have each name of the second table."""


def _table(heading: str) -> dict[str, list[str]]:
    """The spellings of each row below `heading`, by the first of them."""
    section = PAGE.read_text(encoding="utf-8").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = [re.findall(r"`([^`]+)`", line.split("|")[1]) for line in section.splitlines() if line.startswith("| `")]
    return {spellings[0]: spellings for spellings in rows}


CORPUS = ROOT / "tests" / "corpus"
TEXT = _table("Text")
NAMES = _table("Names")


def _files() -> Iterator[Path]:
    for folder, endings in SOURCES.items():
        for ending in endings:
            yield from (ROOT / folder).rglob(f"*.{ending}")
    yield from (ROOT / name for name in ALONE)


@cache
def _text() -> str:
    """All that we write for people, in lower case, with line breaks as spaces."""
    files = sorted(file for file in _files() if str(file.relative_to(ROOT)) not in GENERATED | NOT_OURS)
    text = "\n".join(file.read_text(encoding="utf-8") for file in files)
    return re.sub(r"\s+(?:# )?", " ", text).lower()


def _defined(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name


@cache
def _names() -> Counter[str]:
    """How often each name is defined: variables, parameters, functions, classes, modules."""
    count: Counter[str] = Counter()
    for folder in ("scripts", "tests"):
        for file in (ROOT / folder).rglob("*.py"):
            if CORPUS in file.parents:
                # Small projects as others write them.
                continue
            count.update(_defined(ast.parse(file.read_text(encoding="utf-8"))))
            count[file.stem] += 1
    return count


def _in_text(spellings: list[str]) -> int:
    pattern = "|".join(rf"\b{re.escape(spelling)}\b" for spelling in spellings)
    return len(re.findall(pattern, _text()))


def test_the_page_has_both_tables():
    assert len(TEXT) > 8
    assert len(NAMES) > 6
    assert ALLOWED_TEXT.keys() <= TEXT.keys()
    assert ALLOWED_NAMES.keys() <= NAMES.keys()


@pytest.mark.parametrize("word", TEXT)
def test_a_word_of_the_text_table_becomes_rarer(word: str):
    allowed = ALLOWED_TEXT.get(word, 0)
    assert _in_text(TEXT[word]) <= allowed, f"{word!r}: see {PAGE.relative_to(ROOT)} for what to write instead"


@pytest.mark.parametrize("name", NAMES)
def test_a_name_of_the_names_table_becomes_rarer(name: str):
    allowed = ALLOWED_NAMES.get(name, 0)
    count = sum(_names()[spelling] for spelling in NAMES[name])
    assert count <= allowed, f"{name!r}: see {PAGE.relative_to(ROOT)} for what to write instead"


CITATIONS = re.compile(
    r"\(design[,)]|(?<![\w/])facts/\w|\bissue \d+, (?:must be )?shown\b|\bissue, shown \d", re.IGNORECASE
)


def _citing() -> Iterator[Path]:
    for folder in ("docs", "chart", "scripts", "tests"):
        for file in (ROOT / folder).rglob("*"):
            if file.suffix in (".py", ".md", ".yaml", ".tpl", ".j2", ".mustache", ".txt") and "data" not in file.parts:
                yield file
    yield ROOT / "pyproject.toml"


def test_nothing_cites_pages_that_are_not_in_the_repository():
    citing = {str(file.relative_to(ROOT)): CITATIONS.findall(file.read_text(encoding="utf-8")) for file in _citing()}
    assert {name: cited for name, cited in citing.items() if cited and name != "tests/unit/test_words.py"} == {}


def _messages(tree: ast.Module) -> Iterator[ast.Constant]:
    """Each string that is not a docstring."""
    documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
            yield node


def test_no_message_cites_a_rule_by_its_number():
    citing = [
        f"{file.relative_to(ROOT)}:{message.lineno}"
        for file in sorted((ROOT / "scripts").rglob("*.py"))
        for message in _messages(ast.parse(file.read_text(encoding="utf-8")))
        if re.search(r"\bR(?:1[01]|[1-9])\b", str(message.value))
    ]
    assert citing == []
