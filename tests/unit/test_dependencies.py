"""What is imported is declared: a dependency of a dependency may go any day."""

from __future__ import annotations

import ast
import itertools
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = {"serve": ("serve/", "commands/serve.py"), "sandbox": ("sandbox/",)}
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


def test_each_requirement_is_a_range_from_the_version_that_is_locked_to_the_next_major_one():
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    locked = {normal(name): version for name, version in re.findall(r"^([\w.-]+)==(\S+)$", lock, re.MULTILINE)}
    wrong = []
    for requirement in [*PROJECT["dependencies"], *itertools.chain(*PROJECT["optional-dependencies"].values())]:
        if requirement.startswith("pressplay["):
            continue
        name, version = re.split(r"[\[>]", requirement)[0], locked[normal(re.split(r"[\[>]", requirement)[0])]
        major, minor = version.split(".")[:2]
        following = f"0.{int(minor) + 1}" if major == "0" else str(int(major) + 1)
        if not requirement.endswith(f">={version},<{following}"):
            wrong.append(f"{requirement}: expected {name}>={version},<{following}")
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
