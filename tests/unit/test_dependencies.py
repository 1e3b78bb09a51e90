"""What is imported is declared: a dependency of a dependency may go any day."""

from __future__ import annotations

import ast
import itertools
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = {
    "s3": ("gates/proof/stores/s3.py",),
    "serve": ("serve/", "commands/serve.py"),
    "sandbox": ("sandbox/", "cluster/sqlite.py"),
}
"""Each extra, and where its packages are imported. No other module does, not within a function either."""
NOT_OURS = ("sandbox/demo/project", "sandbox/agents/solutions")


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(*extras: str) -> set[str]:
    lists = [PROJECT["dependencies"], *(PROJECT["optional-dependencies"][extra] for extra in extras)]
    return {normal(re.split(r"[\[=<>~! ;]", requirement)[0]) for requirements in lists for requirement in requirements}


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.partition(".")[0])
    return names - {"pressplay"} - sys.stdlib_module_names


def test_each_requirement_is_a_range_up_to_the_next_major_version_and_is_locked_within_it():
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    locked = {normal(name): version for name, version in re.findall(r"^([\w.-]+)==(\S+)$", lock, re.MULTILINE)}
    wrong = []
    for text in [*PROJECT["dependencies"], *itertools.chain(*PROJECT["optional-dependencies"].values())]:
        requirement = Requirement(text)
        if requirement.name == "pressplay":
            continue
        lowest = re.search(r">=(\d+)\.(\d+)", text)
        assert lowest, f"{text}: expected >=VERSION,<NEXT"
        following = f"0.{int(lowest[2]) + 1}" if lowest[1] == "0" else str(int(lowest[1]) + 1)
        version = locked[normal(requirement.name)]
        if not (text.endswith(f",<{following}") and requirement.specifier.contains(version)):
            wrong.append(f"{text}: expected an end at {following}, and {version} within")
    assert wrong == []


def test_each_package_that_is_imported_is_a_declared_dependency():
    of_module = packages_distributions()
    undeclared = {}
    for path in (ROOT / "scripts/pressplay").rglob("*.py"):
        inside = str(path.relative_to(ROOT / "scripts/pressplay"))
        if inside.startswith(NOT_OURS):
            continue
        known = declared(*(extra for extra, places in EXTRAS.items() if inside.startswith(places)))
        for module in imported(path):
            packages = {normal(package) for package in of_module.get(module, [module])}
            if not packages & known:
                undeclared[inside] = module
    assert undeclared == {}
