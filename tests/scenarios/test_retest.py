"""A base branch that moves under approved pull requests: what is merged was proven together with it (R5)."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from harness import REPO, World, git, project, task, world
from team import Team, commit

from pressplay.domain.entries import Retest

pytestmark = [pytest.mark.rule("R5"), pytest.mark.rule("FR10")]
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


def team(changes: Mapping[int, Mapping[str, str]]) -> Team:
    def implements(tree: Path, env: Mapping[str, str]) -> None:
        for path, text in changes[int(env["PRESSPLAY_TASK"])].items():
            commit(tree, path, text)

    return Team(does={"implement": implements})


def played(tmp_path: Path, changes: Mapping[int, Mapping[str, str]], **base: Any) -> World:
    source = project(tmp_path, [task(number) for number in changes])
    for path, text in BASE.items():
        (source / path).write_text(text)
    tests = {"enabled": True, "repeat": 2, "controls": {"most": 1}}
    settings = {"defaults": {"tests": tests, "base": base}}
    return world(tmp_path / "state", team(changes), source=source, settings=settings)


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


def retests(made: World) -> dict[int, Retest]:
    kept = made.sandbox.context.ledger(REPO).kept("pr")
    return {pr.number: entry for pr in kept for entry in pr.entries.all(Retest)}


def states(made: World, summary: Any) -> dict[str, str]:
    return {str(row.id): row.state for row in summary.tasks}


def test_two_changes_that_break_each_other_do_not_both_reach_the_base(tmp_path):
    made = played(tmp_path, {1: TAKES_AWAY, 2: USES}, strategy="retest")
    summary = made.play()
    assert all(is_green(made, tmp_path, sha) for sha in commits_of_main(made))
    assert sorted(states(made, summary).values()) == ["merged", "parked"] or len(commits_of_main(made)) == 2
    (broken,) = [entry for entry in retests(made).values() if entry.state == "failed"]
    assert broken.runs == 1
    made.sandbox.close()


def test_without_it_both_are_merged_and_the_base_is_broken(tmp_path):
    """What the retest is for: this is why it is on unless the values say otherwise."""
    made = played(tmp_path, {1: TAKES_AWAY, 2: USES}, strategy="off")
    made.play()
    assert not is_green(made, tmp_path, commits_of_main(made)[-1])
    assert retests(made) == {}
    made.sandbox.close()


def test_changes_that_get_on_with_each_other_are_all_merged(tmp_path):
    changes = {number: adds(name, number + 4) for number, name in enumerate(("alpha", "beta", "gamma"), start=1)}
    made = played(tmp_path, changes, strategy="retest")
    summary = made.play()
    assert set(states(made, summary).values()) == {"merged"}
    assert all(is_green(made, tmp_path, sha) for sha in commits_of_main(made))
    # The last of three was judged again, at most once for each of the others.
    assert 1 <= sum(entry.runs for entry in retests(made).values()) <= 3
    # The harness merges in a clone of its own.
    assert list(made.context_branches()) == []
    made.sandbox.close()
