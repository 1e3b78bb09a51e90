"""The production image has no sandbox: neither `pressplay.sandbox` nor the libraries that it alone needs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAYLOAD = ROOT / "tests/data/webhooks/pull_request/closed.payload.json"
WITHOUT = """
import sys

LEFT_OUT = ("pressplay.sandbox", "graphql", "orjson", "waitress", "werkzeug")


class Without:
    # What a finder finds, but for what the image leaves out.

    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, path=None, target=None):
        left_out = any(name == module or name.startswith(module + ".") for module in LEFT_OUT)
        return None if left_out else self.finder.find_spec(name, path, target)


sys.meta_path[:] = [Without(finder) for finder in sys.meta_path]
"""
COMMAND = WITHOUT + "from pressplay.cli import run; run()"
IMPORT_ALL = (
    WITHOUT
    + """
import importlib, pkgutil
import pressplay

OWN = ("pressplay.commands.play", "pressplay.cluster.sqlite")


def walk(package):
    for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        if module.name == "pressplay.sandbox" or module.name in OWN:
            continue
        imported = importlib.import_module(module.name)
        if module.ispkg:
            walk(imported)


walk(pressplay)
print(len([name for name in sys.modules if name.startswith("pressplay.")]))
"""
)


def python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, cwd=ROOT)


def test_everything_else_can_be_imported():
    """The steps, the server, the doctor: all modules but the sandbox's own command and cluster."""
    ended = python(IMPORT_ALL)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert int(ended.stdout) > 200


@pytest.mark.parametrize("arguments", [["play"], ["play", "--resume"], ["sandbox", "forge"], ["sandbox", "runner"]])
def test_what_needs_the_sandbox_says_how_to_get_it(arguments):
    ended = python(COMMAND, *arguments)
    assert ended.returncode == 2
    assert ended.stderr.startswith("this image has no sandbox (pressplay.sandbox, graphql, orjson, waitress, werkzeug")
    assert "pip install 'pressplay[sandbox]'" in ended.stderr
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments", [["pause", "--state"], ["continue", "--state"]])
def test_a_sandboxs_folder_needs_the_sandbox(tmp_path, arguments):
    (tmp_path / "state.db").touch()
    ended = python(COMMAND, *arguments, str(tmp_path))
    assert ended.returncode == 2
    assert ended.stderr.startswith("this image has no sandbox")


def test_help_lists_the_sandboxs_commands_too():
    ended = python(COMMAND, "--help")
    assert ended.returncode == 0
    assert "  play " in ended.stdout
    assert "  sandbox " in ended.stdout


@pytest.mark.parametrize("command", ["step", "serve", "doctor", "plan", "validate", "event", "pause", "acceptance"])
def test_each_other_command_is_there(command):
    ended = python(COMMAND, command, "--help")
    assert (ended.returncode, ended.stderr) == (0, "")


def test_an_event_is_explained_by_the_packaged_chart():
    ended = python(COMMAND, "event", "explain", "--event", "pull_request", str(PAYLOAD))
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("starts signal: ")


def test_the_image_is_built_without_it():
    build = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert 0 < build.index("rm -r scripts/pressplay/sandbox") < build.index("pip install")
    assert re.findall(r"\.\[(.*)\]", build) == ["s3,serve"]


def test_the_image_has_its_standard_library_compiled():
    """Nothing in a step's pod may write what it compiles: its root is read-only, and the variable forbids it."""
    final = (ROOT / "Dockerfile").read_text(encoding="utf-8").rpartition("\nFROM ")[2]
    assert "PYTHONDONTWRITEBYTECODE=1" in final
    assert re.search(r"^RUN python -m compileall .*\\\n +/usr/local/lib/python3\.11$", final, re.MULTILINE)
