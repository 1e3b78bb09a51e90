"""A project of three tasks, as a user's own: a git repository with a Taskmaster backlog and an MCP server."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

_HERE = Path(__file__).parent
_FILES = {
    "pyproject.toml": '[project]\nname = "shop"\nversion = "1"\nrequires-python = ">=3.11"\n',
    "README.md": "# Shop\n\nIt greets.\n",
    "shop/__init__.py": '"""Shop."""\n',
    "tests/__init__.py": "",
    "tests/test_shop.py": '''"""Tests of the shop."""

import unittest

import shop


class Shop(unittest.TestCase):
    """The shop is there."""

    def test_it_is_there(self) -> None:
        """It has a name."""
        self.assertEqual(shop.__name__, "shop")
''',
}


def make(folder: Path, calls: Path, tasks: int = 3) -> Path:
    """Write it; its MCP server notes calls in `calls`. Each task but the first needs the one before."""
    for name, text in _FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    backlog = [
        {
            "id": number,
            "title": f"Greet by task {number}",
            "description": f"`shop.task{number}.greet(name)` greets somebody.",
            "status": "pending",
            "dependencies": [number - 1] if number > 1 else [],
            "priority": "medium",
            "details": "",
            "testStrategy": "A unit test.",
            "profile": "feature",
        }
        for number in range(1, tasks + 1)
    ]
    taskmaster = folder / ".taskmaster"
    (taskmaster / "tasks").mkdir(parents=True)
    (taskmaster / "tasks" / "tasks.json").write_text(json.dumps({"master": {"tasks": backlog}}, indent=2))
    server = {
        "command": sys.executable,
        "args": [str(_HERE / "mcp_server.py"), str(calls)],
        "tools": ["look_up"],
        "workingDirectory": "shop",
        "env": {"MCP_MOOD": "calm"},
    }
    (taskmaster / "requirements.yaml").write_text(json.dumps({"localServers": {"glossary": server}}))
    for command in (
        ["init", "--quiet", "--initial-branch=main"],
        ["add", "--all"],
        ["-c", "user.name=ann", "-c", "user.email=ann@example.com", "commit", "--quiet", "--message=Begin"],
    ):
        subprocess.run(["git", *command], cwd=folder, check=True)
    return folder
