"""The example of docs/contributing/add-a-flow.md: applied to a copy of the repository, generated, rendered, played."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from pressplay.validation import helm

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/contributing/add-a-flow.md"
PATCH = ROOT / "docs/contributing/add-a-flow/deployment-failed.patch"
COPIED = ("chart", "docs", "schemas", "scripts", "tests", "tools")
MOST = 13
"""Hand-written files that a new flow may touch, its tests apart."""
REFRESH = (
    "A file that the example changes is another one now. In a clean clone apply the patch with `git apply --3way`, "
    "resolve what conflicts, and write `git diff -U2 HEAD` of the files that it touches over it."
)


def _touched() -> list[str]:
    return re.findall(r"^\+\+\+ b/(.+)$", PATCH.read_text(encoding="utf-8"), re.MULTILINE)


def test_the_example_touches_few_files_and_the_page_names_each():
    by_hand = [file for file in _touched() if not file.startswith("tests/")]
    assert len(by_hand) <= MOST
    page = PAGE.read_text(encoding="utf-8")
    assert [file for file in _touched() if f"`{file}`" not in page] == []


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository with the example."""
    folder = tmp_path_factory.mktemp("example") / "repository"
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in COPIED:
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", folder)
    apply = ["git", "apply", "-C1", str(PATCH)]
    applied = subprocess.run(apply, cwd=folder, capture_output=True, text=True, check=False)
    assert applied.returncode == 0, f"{applied.stderr}\n{REFRESH}"
    _run(folder, "-c", "import pressplay.cli as c; c.run()", "generate")
    return folder


def _run(folder: Path, *arguments: str) -> str:
    """A Python with the copy's package, and the tools of this repository."""
    path = os.pathsep.join([str(Path(helm.program(ROOT)).parent), os.environ["PATH"]])
    environment = {**os.environ, "PYTHONPATH": str(folder / "scripts"), "PATH": path}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_chart_renders_it_and_its_switch(copy: Path, tmp_path: Path):
    off = tmp_path / "off.yaml"
    off.write_text("flows: {deploymentFailed: {enabled: false}}\n")
    for values, there in (([], True), ([off], False)):
        text = helm.template(copy, values, repositories=["acme/shop"])
        manifests = {(made["kind"], made["metadata"]["name"]): made for made in yaml.safe_load_all(text) if made}
        triggers = manifests["Sensor", "press-play"]["spec"]["triggers"]
        assert ("deployment-failed" in [trigger["template"]["name"] for trigger in triggers]) == there
        assert ("WorkflowTemplate", "deployment-failed") in manifests


def test_its_own_tests_play_it(copy: Path):
    own = [file for file in _touched() if file.startswith("tests/")]
    _run(copy, "-m", "pytest", "-p", "no:xdist", "-p", "no:cacheprovider", *own, "tests/unit/domain")
