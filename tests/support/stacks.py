"""Chains of tasks that are released on approval, and what becomes of their pull requests."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from harness import REPO, World, git, project, task, world
from people import ask
from team import Does, Team, commit

from pressplay import names
from pressplay.domain.entries import Entries, Stacked
from pressplay.github import pulls, refs
from pressplay.github.calls import call

ORDER = "chain.py"
TESTED = {"tests": {"enabled": True, "repeat": 2, "controls": {"most": 1}}}
"""The tests gate as cheap as it gets."""


def files_of(number: int) -> dict[str, str]:
    """What a task adds: a part that is built on the one before, and its test."""
    before = f"part_{number - 1}.value(number)" if number > 1 else "number"
    imported = f"import part_{number - 1}\n\n\n" if number > 1 else ""
    return {
        f"part_{number}.py": f"{imported}def value(number):\n    return {before} + 1\n",
        f"test_part_{number}.py": f"import unittest\n\nimport chain\nimport part_{number}\n\n\n"
        f"class T(unittest.TestCase):\n    def test_part_{number}(self):\n"
        f"        self.assertEqual(part_{number}.value(3), {number + 3})\n"
        f"        self.assertIn({number}, chain.ORDER)\n",
    }


def builds(tree: Path, env: Mapping[str, str]) -> None:
    """Rex adds a part, and a line at the same place of a file as every other task does."""
    number = int(env["PRESSPLAY_TASK"])
    if (tree / f"part_{number}.py").exists():
        # The attempt before left it.
        return
    order = (tree / ORDER).read_text().replace(")", f"    {number},\n)")
    for path, text in {**files_of(number), ORDER: order}.items():
        (tree / path).write_text(text)
    git(tree, "add", "-A")
    git(tree, "commit", "-qm", f"Add part {number}")


def takes_the_base_in(tree: Path, _env: Mapping[str, str]) -> None:
    """Rex does what his orders say: where both sides differ in the dependency alone, the branch's own lines stay."""
    orders = json.loads((tree / "task" / "conflict.json").read_text())
    assert "The branch was begun on commit" in (tree / "task" / "conflict.md").read_text()
    git(tree, "merge", "-q", "--no-ff", "-X", "ours", "-m", "Take the base in", orders["base_commit"])


@dataclass
class Chain:
    """A play of tasks of which each depends on the one before. Pull request N is that of task N."""

    made: World
    team: Team

    def ask(self, method: str, path: str, **fields: Any) -> httpx.Response:
        return ask(self.made, method, path, **fields)

    def pull(self, number: int) -> pulls.Pull:
        return pulls.pull(self.made.sandbox.context.harness(REPO, pull_requests="read"), REPO, number)

    def check(self, number: int) -> dict[str, Any]:
        path = f"/commits/{self.pull(number).head_sha}/check-runs?check_name=press-play/acceptance"
        runs = self.ask("GET", path).json()["check_runs"]
        return dict(runs[0]) if runs else {"external_id": "", "conclusion": None, "status": "none"}

    def state(self, number: int) -> str:
        """`held`, or the check's conclusion."""
        check = self.check(number)
        return "held" if check["external_id"].startswith("stacked-") else str(check["conclusion"] or check["status"])

    def merge(self, number: int, method: str = "merge") -> int:
        """GitHub's status: 200 where a person may merge it."""
        fields = {"sha": self.pull(number).head_sha, "merge_method": method}
        return self.ask("PUT", f"/pulls/{number}/merge", json=fields).status_code

    def say(self, number: int, body: str) -> None:
        self.ask("POST", f"/issues/{number}/comments", json={"body": body}).raise_for_status()

    def push(self, number: int, files: Mapping[str, bytes | None]) -> None:
        """An agent's App pushes a commit on top of a pull request's head; None takes a file out."""
        gh = self.made.sandbox.github.installation("rex", REPO, {"contents": "write"})
        branch = names.task_branch(number)
        head = refs.head(gh, REPO, branch)
        entries = [
            {
                "path": path,
                "mode": "100644",
                "type": "blob",
                **({"sha": None} if text is None else {"content": text.decode()}),
            }
            for path, text in files.items()
        ]
        tree = call(
            gh, "POST", f"/repos/{REPO}/git/trees", json={"base_tree": refs.tree(gh, REPO, head), "tree": entries}
        )
        made = call(
            gh, "POST", f"/repos/{REPO}/git/commits", json={"message": "x", "tree": tree["sha"], "parents": [head]}
        )
        call(gh, "PATCH", f"/repos/{REPO}/git/refs/heads/{branch}", json={"sha": made["sha"]})

    def entries(self, kind: Any, number: int) -> Entries:
        return self.made.sandbox.context.ledger(REPO).entries(kind, number)

    def on(self, number: int) -> Stacked:
        stacked = self.entries("task", number).get(Stacked)
        assert stacked is not None
        return stacked

    def runs(self) -> list[tuple[int, str]]:
        """(task, role) of each start of an agent."""
        return [(int(line.split()[1]), line.split()[2]) for line in self.made.starts()]

    def states(self) -> list[str]:
        return [row.state for row in self.made.go_on().tasks]

    def settle(self) -> None:
        self.made.settle()


def chain(
    tmp_path: Path,
    tasks: int = 2,
    does: Mapping[str, Does] | None = None,
    *,
    release: str = "approved",
    gates: Mapping[str, Any] | None = None,
    team: Team | None = None,
    **options: Any,
) -> Chain:
    """Press play, nobody merges yet; without `gates` only what costs nothing judges."""
    team = team or Team()
    team.does = {"implement": builds, "conflict": takes_the_base_in, **(does or {})}
    source = project(tmp_path, [task(number + 1, *([number] if number else [])) for number in range(tasks)])
    (source / ORDER).write_text("ORDER = (\n)\n")
    (source / "test_chain.py").write_text(
        "import unittest\n\nimport chain\n\n\nclass T(unittest.TestCase):\n    def test_chain(self):\n"
        "        self.assertEqual(list(chain.ORDER), sorted(chain.ORDER))\n"
    )
    settings = {"defaults": {"release": release, **(gates or {})}}
    made = team.made = world(tmp_path / "state", team, source=source, settings=settings, merge=False, **options)
    made.sandbox.press()
    return Chain(made, team)


def writes_over(path: str, text: str | None, *, of: int) -> Does:
    """What Rex does besides, in one task."""

    def does(tree: Path, env: Mapping[str, str]) -> None:
        builds(tree, env)
        if int(env["PRESSPLAY_TASK"]) == of:
            commit(tree, path, text)

    return does
