"""Approved pull requests whose base branch moves on."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import REPO, World, git, project, task, world
from lint_gate import Gate
from team import Does, Played, Team, commit
from team import played as team_played

from pressplay.domain.entries import Retest

BASE = {
    "helper.py": "def twice(number):\n    return number * 2\n",
    "double.py": "import helper\n\n\ndef double(number):\n    return helper.twice(number)\n",
    "test_double.py": "import unittest\n\nimport double\n\n\nclass T(unittest.TestCase):\n"
    "    def test_double(self):\n        self.assertEqual(double.double(3), 6)\n",
}
# Task 1 takes `twice` away, which nothing but `double` uses; task 2 brings another user of it.
TAKES_AWAY = {
    "helper.py": "def times(number, by):\n    return number * by\n",
    "double.py": "import helper\n\n\ndef double(number):\n    return helper.times(number, 2)\n",
    "test_times.py": "import unittest\n\nimport helper\n\n\nclass T(unittest.TestCase):\n"
    "    def test_times(self):\n        self.assertEqual(helper.times(3, 5), 15)\n",
}
USES = {
    "four.py": "import helper\n\n\ndef four(number):\n    return helper.twice(helper.twice(number))\n",
    "test_four.py": "import unittest\n\nimport four\n\n\nclass T(unittest.TestCase):\n"
    "    def test_four(self):\n        self.assertEqual(four.four(3), 12)\n",
}


def adds(name: str, result: int) -> dict[str, str]:
    """A change that gets on with every other."""
    return {
        f"{name}.py": f"def {name}(number):\n    return number + {result - 3}\n",
        f"test_{name}.py": f"import unittest\n\nimport {name}\n\n\nclass T(unittest.TestCase):\n"
        f"    def test_{name}(self):\n        self.assertEqual({name}.{name}(3), {result})\n",
    }


def team(changes: Mapping[int, Mapping[str, str]], does: Mapping[str, Does], silent: set[tuple[str, int]]) -> Team:
    def implements(tree: Path, env: Mapping[str, str]) -> None:
        for path, text in changes[int(env["PRESSPLAY_TASK"])].items():
            commit(tree, path, text)

    return Team(does={"implement": implements, **does}, silent=silent)


def played(
    tmp_path: Path,
    changes: Mapping[int, Mapping[str, str]],
    does: Mapping[str, Does] | None = None,
    silent: set[tuple[str, int]] | None = None,
    merge: bool = True,
    **base: Any,
) -> World:
    source = project(tmp_path, [task(number) for number in changes])
    for path, text in BASE.items():
        (source / path).write_text(text)
    tests = {"enabled": True, "repeat": 2, "controls": {"most": 1}}
    settings = {"defaults": {"tests": tests, "base": base}}
    agents = team(changes, does or {}, silent or set())
    return world(tmp_path / "state", agents, source=source, merge=merge, settings=settings)


def commits_of_main(made: World) -> list[str]:
    """Oldest first, those by which pull requests were merged."""
    bare = made.sandbox.options.directory / "git" / f"{REPO}.git"
    return git(bare, "rev-list", "--reverse", "--first-parent", "main").split()


def is_green(made: World, tmp_path: Path, sha: str) -> bool:
    """Whether the tests of a commit of main pass: what no play can talk round."""
    bare, tree = made.sandbox.options.directory / "git" / f"{REPO}.git", tmp_path / "trees" / sha
    tree.mkdir(parents=True)
    git(bare, f"--work-tree={tree}", "checkout", "-q", sha, "--", ".")
    command = [sys.executable, "-B", "-m", "unittest", "-q"]
    return subprocess.run(command, cwd=tree, capture_output=True, check=False).returncode == 0


def retests(made: World) -> list[Retest]:
    return [entry for pr in made.sandbox.context.ledger(REPO).kept("pr") for entry in pr.entries.all(Retest)]


def states(made: World, summary: Any) -> dict[str, str]:
    return {str(row.id): row.state for row in summary.tasks}


def merges_the_base(tree: Path, env: Mapping[str, str]) -> None:
    """Rex does what his orders say: he merges the base's commit, and repairs what does not hold with it."""
    orders = json.loads((tree / "task" / "conflict.json").read_text())
    git(tree, "merge", "-q", "--no-ff", "-m", f"Merge {orders['base_commit']}", orders["base_commit"])
    commit(tree, "four.py", "import helper\n\n\ndef four(number):\n    return helper.times(number, 4)\n")


LINTED = {"lint": {"enabled": True, "commands": ["test ! -e ugly.txt"]}}
"""A gate that costs milliseconds: what it judges is a merged tree as well."""


@dataclass
class Approved:
    """A pull request that waits for a person's merge, and a base branch that others push to."""

    flow: Played

    @property
    def made(self) -> World:
        return self.flow.made

    @property
    def known(self) -> Retest:
        (entry,) = retests(self.made)
        return entry

    def base(self, files: Mapping[str, bytes]) -> str:
        """Others push to the base branch; its newest commit."""
        Gate(self.made).base(files)
        return git(self.made.sandbox.forge.git_path(REPO), "rev-parse", "main")

    def settle(self) -> None:
        self.made.settle()

    def rest(self, seconds: float = 300) -> str:
        """Let time pass until nothing but people is waited for; the head then."""
        clock = self.made.sandbox.clock
        end = clock.now() + seconds
        self.made.sandbox.run(lambda: clock.now() >= end and self.made.sandbox.only_people_are_waited_for())
        return self.flow.head

    def state(self) -> str:
        check = self.flow.check("acceptance")
        return str(check["conclusion"] or check["status"])


def approved(tmp_path: Path, gates: Mapping[str, Any] = LINTED, **base: Any) -> Approved:
    """Its Rex repairs nothing. `gates`: the settings of those that judge it."""
    settings = {"defaults": {**gates, "base": {"strategy": "retest", **base}}}
    made = Approved(team_played(tmp_path, Team(silent={("conflict", 1)}), settings=settings))
    assert made.state() == "success"
    return made
