"""A gate of commands in a sandbox, on pull requests of a test's own, with the real tools of this machine."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pygit2
from harness import REPO, World, project, world

from pressplay.cluster import waits
from pressplay.domain.entries import GateEntry
from pressplay.github import checks, contents, pulls, refs
from pressplay.sandbox.setup import MAINTAINER
from pressplay.sandbox.world import Sandbox
from pressplay.steps import registry
from pressplay.steps.core import verdicts
from pressplay.steps.gate_pods import gate_runs

CHECK = "press-play/lint"
CommandGateName = Literal["lint", "tests"]
TOOLS = {
    "rust": (["cargo", "clippy", "--version"], ["cargo", "fmt", "--version"]),
    "python": (["ruff", "--version"],),
    "go": (["go", "version"],),
    "typescript": (["npm", "--version"],),
}


def missing(language: str) -> str:
    """What of a language's tools is not on this machine."""
    for command in TOOLS[language]:
        program = shutil.which(command[0]) or shutil.which(command[0], path=str(Path(registry.__file__).parents[3]))
        if language == "python" or (
            program and subprocess.run(command, capture_output=True, check=False).returncode == 0
        ):
            continue
        return " ".join(command[:2])
    return ""


@dataclass
class Gate:
    """A sandbox, pull requests in it, and the gate run on them."""

    made: World
    count: int = 0
    name: CommandGateName = "lint"

    @property
    def sandbox(self) -> Sandbox:
        return self.made.sandbox

    def base(self, files: Mapping[str, bytes]) -> None:
        """Put files on the default branch."""
        gh = self.sandbox.github.installation("rex", REPO, {"contents": "write"})
        main = contents.default_branch(gh, REPO)
        sha = refs.commit_files(gh, REPO, "press", files, "Base", refs.head(gh, REPO, main))
        git = pygit2.Repository(str(self.sandbox.forge.git_path(REPO)))
        git.references[f"refs/heads/{main}"].set_target(sha)
        self.sandbox.forge.sync(REPO, MAINTAINER)

    def pull(self, files: Mapping[str, bytes]) -> pulls.Pull:
        """Open a pull request of Rex's with these files."""
        self.count += 1
        gh = self.sandbox.github.installation("rex", REPO, {"contents": "write", "pull_requests": "write"})
        main = contents.default_branch(gh, REPO)
        refs.commit_files(gh, REPO, f"work-{self.count}", files, "Work", refs.head(gh, REPO, main))
        return pulls.open_pull(gh, REPO, f"work-{self.count}", main, "Work", "Please.")

    def start(self, pull: pulls.Pull, head: str = "") -> str:
        self.count += 1
        name = f"gate-{self.count}"
        parameters = {"repo": REPO, "pr": str(pull.number), "head": head or pull.head_sha}
        self.sandbox.submit(f"gate-{self.name}", name, parameters)
        return name

    def workflow(self, name: str) -> dict[str, Any]:
        return self.sandbox.cluster.get("Workflow", "press-play", name) or {}

    def finish(self, name: str) -> str:
        """Run to the Workflow's end; its outcome."""
        self.sandbox.run(lambda: waits.phase(self.workflow(name)) in waits.FINISHED)
        nodes = waits.nodes(self.workflow(name))
        assert waits.phase(self.workflow(name)) == "Succeeded", [n.get("message") for n in nodes.values()]
        gate_node = next(node for node in nodes.values() if node["displayName"] == self.name)
        return str(gate_node["outputs"]["parameters"][0]["value"])

    def run(self, files: Mapping[str, bytes]) -> tuple[str, pulls.Pull]:
        pull = self.pull(files)
        return self.finish(self.start(pull)), pull

    def verdict(self, pull: pulls.Pull) -> GateEntry:
        """The gate's verdict on the head, which must be there."""
        entries = self.sandbox.context.ledger(REPO).entries("pr", pull.number)
        verdict = verdicts.verdict_on(entries, self.name, pull.head_sha)
        assert verdict is not None
        return verdict

    def text(self, pull: pulls.Pull) -> str:
        return checks.own_text(self.sandbox.context.harness(REPO, checks="read"), REPO, pull.head_sha, CHECK)

    def nothing_is_left(self) -> bool:
        found = [
            *self.sandbox.cluster.list("PersistentVolumeClaim", ""),
            *self.sandbox.cluster.list("Pod", "", gate_runs.FLOW),
            *self.sandbox.cluster.list("Secret", "", gate_runs.FLOW),
        ]
        self.sandbox.step()
        volumes, processes = (self.sandbox.options.directory / name for name in ("volumes", "gates"))
        return not found and not [
            path for folder in (volumes, processes) if folder.exists() for path in folder.iterdir()
        ]


def gate(folder: Path, **defaults: Any) -> Gate:
    settings = {"defaults": {"lint": {"enabled": True, **defaults}}}
    return Gate(world(folder / "state", source=project(folder, []), settings=settings, merge=False))
