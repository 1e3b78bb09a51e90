"""Plays of tasks that add something at the same place of one file, and what becomes of their pull requests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from harness import REPO, Agents, World, after, git, merge_base, project, task, world

from pressplay.github import contents, pulls
from pressplay.sandbox.setup import MAINTAINER

FILE = "CHANGES.md"
TESTS = "tests/test_changes.py"
BASE = "# Changes\n\n"
Resolves = Callable[["Writers", Path, Mapping[str, str]], None]


def both_sides(_: Writers, tree: Path, env: Mapping[str, str]) -> None:
    merge_base(tree, env)


def a_line(tree: Path, number: str) -> None:
    file = tree / FILE
    file.write_text(f"{file.read_text()}- task {number}\n")


@dataclass
class Writers(Agents):
    """Agents that each add something at the same place; a conflict is resolved as the test says."""

    resolves: Resolves = both_sides
    adds: Callable[[Path, str], None] = a_line
    folders: list[dict[str, str]] = field(default_factory=list)
    made: World | None = None

    def __call__(self, tree: Path, env: Mapping[str, str]) -> int:
        role, number = env["PRESSPLAY_ROLE"], env["PRESSPLAY_TASK"]
        if role == "implement":
            self.adds(tree, number)
            git(tree, "add", "-A")
            git(tree, "commit", "-qm", f"Add to task {number}")
        if role == "conflict":
            self.folders.append({path.name: path.read_text() for path in (tree / "task").iterdir()})
            self.resolves(self, tree, env)
            return 0
        return super().__call__(tree, env)


@dataclass
class Conflicting:
    """A play of two tasks whose pull requests conflict."""

    made: World
    writers: Writers

    def call(self, method: str, path: str, **fields: Any) -> Any:
        sandbox = self.made.sandbox
        with httpx.Client(
            base_url=f"{sandbox.settings.github.api_url}/repos/{REPO}",
            headers={"Authorization": f"Bearer {sandbox.forge.user_token(MAINTAINER)}"},
            transport=httpx.WSGITransport(app=sandbox.forge.wsgi),
        ) as client:
            answer = client.request(method, path, **fields)
            answer.raise_for_status()
            return answer.json()

    def pull(self, number: int) -> pulls.Pull:
        return pulls.pull(self.made.sandbox.context.harness(REPO, pull_requests="read"), REPO, number)

    def roles(self) -> list[str]:
        return [line.split()[2] for line in self.made.starts()]

    def comments(self, number: int) -> list[str]:
        return [comment["body"] for comment in self.call("GET", f"/issues/{number}/comments")]

    def labels(self, number: int) -> set[str]:
        return {label["name"] for label in self.call("GET", f"/issues/{number}")["labels"]}

    def check(self, number: int) -> dict[str, Any]:
        head = self.pull(number).head_sha
        path = f"/commits/{head}/check-runs?check_name=press-play/acceptance"
        (run,) = self.call("GET", path)["check_runs"]
        return dict(run)

    def merge(self, number: int) -> None:
        self.call("PUT", f"/pulls/{number}/merge", json={"sha": self.call("GET", f"/pulls/{number}")["head"]["sha"]})

    def changes(self) -> list[str]:
        """The lines that tasks added on the base branch."""
        gh = self.made.sandbox.context.harness(REPO, contents="read")
        text = (contents.read_file(gh, REPO, FILE, "main") or b"").decode()
        return sorted(text.removeprefix(BASE).splitlines())


def conflicting(
    tmp_path: Path,
    resolves: Resolves = both_sides,
    *,
    adds: Callable[[Path, str], None] = a_line,
    merge: bool = False,
    tasks: int = 2,
    names: bool = False,
    **options: Any,
) -> Conflicting:
    """Play tasks that add to one file; without `merge` all are approved, and a person merges them one by one.

    `names`: their tasks name the file.
    """
    writers = Writers(resolves=resolves, adds=adds)
    files = {"relevantFiles": [{"path": FILE, "action": "modify"}]} if names else {}
    source = project(tmp_path, [task(number + 1, **files) for number in range(tasks)])
    (source / FILE).write_text(BASE)
    (source / "tests").mkdir()
    (source / TESTS).write_text("def test_nothing():\n    assert 1\n")
    made = writers.made = world(tmp_path / "state", writers, source=source, merge=merge, **options)
    made.play()
    return Conflicting(made, writers)


def first_merged(tmp_path: Path, resolves: Resolves = both_sides, **options: Any) -> Conflicting:
    """Both were approved, then a person merged the first; the second's conflict was worked on."""
    state = conflicting(tmp_path, resolves, **options)
    assert {state.check(number)["conclusion"] for number in (1, 2)} == {"success"}
    state.merge(1)
    after(state.made, 20)
    return state
