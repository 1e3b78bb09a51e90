"""Agents that do something of a test's own, plays of one task by them, and what its pull request shows."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from harness import Agents, World, git, project, task, world
from people import ask

from pressplay.sandbox.deployer import Deployment, Running, VirtualStarter
from pressplay.sandbox.summary import Summary

PR = 1
Does = Callable[[Path, Mapping[str, str]], None]


def nothing(_tree: Path, _env: Mapping[str, str]) -> None:
    """What an agent does that does nothing more."""


@dataclass
class Team(Agents):
    """Agents that do something of a test's own first; what each run was told is kept."""

    does: dict[str, Does] = field(default_factory=dict)
    told: list[tuple[str, str]] = field(default_factory=list)
    made: World | None = None

    def __call__(self, tree: Path, env: Mapping[str, str]) -> int:
        role = env["PRESSPLAY_ROLE"]
        findings = tree / "task" / "findings.md"
        self.told.append((role, findings.read_text() if findings.exists() else ""))
        self.does.get(role, nothing)(tree, env)
        return super().__call__(tree, env)

    def findings(self, role: str) -> list[str]:
        return [text for one, text in self.told if one == role]


def commit(tree: Path, path: str, text: str | None) -> None:
    file = tree / path
    file.parent.mkdir(parents=True, exist_ok=True)
    if text is None:
        file.unlink()
    else:
        file.write_text(text)
    git(tree, "add", "-A")
    git(tree, "commit", "-qm", f"{path}")


def seal(tree: Path, plan: str) -> None:
    """Hand over a plan of independent criteria, as a real agent does."""
    (tree / "task" / "criteria.yaml").write_text(plan)
    subprocess.run(["sh", "task/seal.sh", "task/criteria.yaml"], cwd=tree, check=True, capture_output=True)
    git(tree, "add", "-A")
    git(tree, "commit", "-qm", "Hand over sealed criteria")


def writes(path: str, text: str | None, *, once: bool = False) -> Does:
    done: list[str] = []

    def does(tree: Path, env: Mapping[str, str]) -> None:
        if not (once and done) and (text is None) == (tree / path).exists():
            done.append(env["PRESSPLAY_RUN"])
            commit(tree, path, text)

    return does


@dataclass
class Played:
    """A play of one task, and what its pull request shows."""

    made: World
    summary: Summary
    team: Team

    def get(self, path: str) -> Any:
        return self.ask("GET", path).json()

    def ask(self, method: str, path: str, **fields: Any) -> httpx.Response:
        return ask(self.made, method, path, **fields)

    @property
    def head(self) -> str:
        return str(self.get(f"/pulls/{PR}")["head"]["sha"])

    @property
    def reason(self) -> str:
        return str(self.summary.tasks[0].reason)

    @property
    def state(self) -> str:
        return str(self.summary.tasks[0].state)

    def check(self, gate: str, head: str = "") -> dict[str, Any]:
        name = f"press-play/{gate}"
        (run,) = self.get(f"/commits/{head or self.head}/check-runs?check_name={name}")["check_runs"]
        return dict(run)

    def approvals(self) -> list[str]:
        return [one["commit_id"] for one in self.get(f"/pulls/{PR}/reviews") if one["state"] == "APPROVED"]

    def can_be_merged(self) -> bool:
        return self.ask("PUT", f"/pulls/{PR}/merge", json={"sha": self.head}).status_code == 200

    def roles(self) -> list[str]:
        return [line.split()[2] for line in self.made.starts()]

    def go_on(self) -> None:
        self.summary = self.made.go_on()

    def assert_not_approved(self) -> None:
        assert self.check("acceptance")["conclusion"] != "success"
        assert self.approvals() == []
        assert not self.can_be_merged()


def played(
    tmp_path: Path, team: Team | None = None, plan: str | None = None, merge: bool = False, **options: Any
) -> Played:
    """Play a backlog of one task; `plan` is the plan of probes in the repository, empty for none."""
    team = team or Team()
    source = project(tmp_path, [task(1)])
    if plan is not None:
        file = source / ".press-play" / "acceptance" / "1.yaml"
        file.unlink()
        if plan:
            file.write_text(plan)
    made = team.made = world(tmp_path / "state", team, source=source, merge=merge, **options)
    return Played(made, made.play(), team)


def starts(does: Callable[[Deployment, Path], Running]) -> type[VirtualStarter]:
    class Starter(VirtualStarter):
        def start(self, asked: Deployment) -> Running:
            return does(asked, super().start(asked).log)

    return Starter
