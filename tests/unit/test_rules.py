"""Each rule that is cited is defined, and each definition names files that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/reference/rules.md"
RULE = re.compile(r"\bR(?:1[0-9]|[1-9])\b")
PARTS = re.split(r"^## (R\d+)$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
RULES = dict(zip(PARTS[::2], PARTS[1::2], strict=True))
CITING = [
    path
    for folder, endings in {
        "scripts": ("py", "md", "j2", "mustache"),
        "chart": ("yaml", "tpl", "txt", "md"),
        "docs": ("md",),
        "tests": ("py", "md"),
    }.items()
    for ending in endings
    for path in sorted((ROOT / folder).rglob(f"*.{ending}"))
]


def test_each_cited_rule_has_a_heading():
    cited = {rule: path for path in CITING for rule in RULE.findall(path.read_text(encoding="utf-8"))}
    assert {rule: str(path.relative_to(ROOT)) for rule, path in cited.items() if rule not in RULES} == {}
    assert cited.keys() == RULES.keys()


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_names_the_code_that_enforces_it_and_tests_that_hold_it(rule):
    enforced = re.search(r"^- Enforced in: (.+)$", RULES[rule], re.MULTILINE)
    held = re.search(r"^- Held by: (.+)$", RULES[rule], re.MULTILINE)
    assert enforced, rule
    assert held, rule
    for name in re.findall(r"`([^`]+)`", enforced[1]):
        module = name.partition(".py")[0] if name.endswith(".py") else name.rpartition(".")[0] or name
        places = (ROOT / "scripts/pressplay" / name, ROOT / name, ROOT / "scripts/pressplay" / f"{module}.py")
        assert any(place.exists() for place in places), f"{rule}: there is no {name}"
    for name in re.findall(r"`([^`]+)`", held[1]):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert f'rule("{rule}")' in text, f"{rule}: {name} does not hold it"
