"""Building the demo project in a plain git repository: the scripted agents in order of dependency, no forge."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from pressplay.backlog import tasks
from pressplay.sandbox import agents
from pressplay.sandbox.demo import PROJECT

ROUNDS = 3
BACKLOG = tasks.read((PROJECT / ".taskmaster/tasks/tasks.json").read_bytes(), "the demo's tasks.json")


@dataclass
class Builder:
    """A repository in which agents work on branches that are merged into main."""

    folder: Path
    verdicts: dict[int, list[str]] = field(default_factory=dict)
    bodies: dict[int, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.repo = self.folder / "shop"
        shutil.copytree(PROJECT, self.repo)
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message=Start")

    def git(self, *arguments: str) -> str:
        who = ["-c", "user.name=maintainer", "-c", "user.email=maintainer@example.invalid", "-c", "core.autocrlf=false"]
        done = subprocess.run(["git", *who, *arguments], cwd=self.repo, check=True, capture_output=True, text=True)
        return done.stdout

    def branch(self, task: int, start: str = "main") -> None:
        self.git("checkout", "--quiet", "-B", f"feature/task-{task}-implementation", start)

    def agent(self, role: str, task: int, **more: str) -> dict[str, str]:
        """Run an agent in the work tree; what it handed over. AssertionError where it failed."""
        result = self.folder / "result.json"
        result.unlink(missing_ok=True)
        assert agents.run(self.repo, self.env(role, task, **more)) == 0
        return json.loads(result.read_text()) if result.exists() else {}

    def env(self, role: str, task: int, **more: str) -> dict[str, str]:
        who = {"implement": "rex", "fix": "rex", "lint": "clippy", "test": "qa", "conflict": "rex"}[role]
        return {
            "PRESSPLAY_ROLE": role,
            "PRESSPLAY_AGENT": who,
            "PRESSPLAY_REPO": "acme/shop",
            "PRESSPLAY_TASK": str(task),
            "PRESSPLAY_BASE": "main",
            "PRESSPLAY_ROUND": "1",
            "PRESSPLAY_ATTEMPT": "0",
            "PRESSPLAY_RUN": f"run-{role}-{task}",
            "PRESSPLAY_RESULT": str(self.folder / "result.json"),
            **more,
        }

    def review(self, text: str) -> None:
        """Put what QA wants where the harness puts it."""
        (self.repo / "task").mkdir(exist_ok=True)
        (self.repo / "task" / "review.md").write_text(f"### review-1.1\n\n> {text}\n")

    def solve(self, task: int, start: str = "main") -> None:
        """One task on its branch, from implementation to QA's pass."""
        self.branch(task, start)
        self.agent("implement", task)
        for _ in range(ROUNDS):
            self.agent("lint", task)
            verdict = self.agent("test", task)
            self.verdicts.setdefault(task, []).append(verdict["result"])
            self.bodies.setdefault(task, []).append(verdict["body"])
            if verdict["result"] == "pass":
                return
            self.review(verdict["body"])
            self.agent("fix", task)
            shutil.rmtree(self.repo / "task")
        raise AssertionError(f"task {task}: no pass in {ROUNDS} rounds")

    def merge(self, task: int) -> None:
        self.git("checkout", "--quiet", "main")
        self.git("merge", "--quiet", "--no-ff", f"feature/task-{task}-implementation", "-m", f"Merge task {task}")


def levels() -> list[list[int]]:
    """The tasks' numbers in waves: each wave depends on earlier ones only."""
    left = {task.id: task for task in BACKLOG.tasks}
    waves: list[list[int]] = []
    while left:
        ready = [task for task in left.values() if not set(task.dependencies) & set(left)]
        assert ready, "a cycle in the demo's backlog"
        waves.append([task.number for task in ready])
        for task in ready:
            del left[task.id]
    return waves
