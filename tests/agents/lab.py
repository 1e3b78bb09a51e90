"""A real command line with a model server that answers by a script, and a project to play."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import project

BIN = Path(__file__).parents[2] / ".cache" / "agents" / "node_modules" / ".bin"
NAMES = ("claude", "codex", "opencode", "gemini")
OPTIONS = {
    "claude": "",
    "codex": " --model scripted-1",
    "opencode": " --model scripted/m1",
    "gemini": " --model gemini-2.5-pro",
}
_KEYS = ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY")


@dataclass
class Lab:
    """One command line with its model server, in a folder and a home of its own."""

    name: str
    folder: Path
    url: str
    log: Path

    @property
    def calls(self) -> list[str]:
        """What the project's MCP server was called with."""
        file = self.folder / "calls"
        return file.read_text().splitlines() if file.exists() else []

    @property
    def requests(self) -> list[dict[str, object]]:
        """The requests to the model server."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def environment(self, script: str) -> dict[str, str]:
        """Where the command line finds its model: at the server, by this script. No key is a real one."""
        home = self.folder / "home"
        (home / ".codex").mkdir(parents=True, exist_ok=True)
        base = f"{self.url}/{script}"
        provider = f'name="scripted"\nbase_url="{base}/v1"\nwire_api="responses"\nenv_key="OPENAI_API_KEY"\n'
        (home / ".codex" / "config.toml").write_text(
            f'model_provider="scripted"\n[model_providers.scripted]\n{provider}'
        )
        cost = {"input": 3, "output": 15, "cache_read": 0.3}
        models = {"m1": {"name": "m1", "cost": cost, "limit": {"context": 200_000, "output": 8_000}}}
        options = {"baseURL": f"{base}/v1", "apiKey": "scripted"}
        scripted = {"npm": "@ai-sdk/openai-compatible", "name": "scripted", "options": options, "models": models}
        (home / "opencode.json").write_text(json.dumps({"provider": {"scripted": scripted}}))
        return {
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "HOME": str(home),
            "ANTHROPIC_BASE_URL": base,
            "GOOGLE_GEMINI_BASE_URL": base,
            "OPENCODE_CONFIG": str(home / "opencode.json"),
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            # Tools are then in each request: a scripted model searches for none.
            "ENABLE_TOOL_SEARCH": "false",
            "OPENCODE_DISABLE_MODELS_FETCH": "1",
            **dict.fromkeys(_KEYS, "scripted"),
        }

    def play(self, script: str, *options: str, agent: str = "") -> subprocess.CompletedProcess[str]:
        """Play the project (three tasks) by the real command line."""
        if not (self.folder / "shop").exists():
            project.make(self.folder / "shop", self.folder / "calls")
        command = f"pressplay agent {self.name}{OPTIONS[self.name]} {agent}"
        return subprocess.run(
            [sys.executable, "-m", "pressplay", "play", "shop", "--agent", command, "--json", *options],
            cwd=self.folder,
            env=self.environment(script),
            capture_output=True,
            text=True,
            timeout=900,
        )

    def run(self, script: str, *options: str, role: str = "implement") -> tuple[int, dict[str, object], str]:
        """One run by `pressplay agent` in a work tree: exit status, what was handed over, and the log."""
        tree = self.folder / "tree"
        if not tree.exists():
            project.make(tree, self.folder / "calls")
            (tree / "task").mkdir()
            (tree / "task" / "instructions.md").write_text("Implement task 1.\n")
            with (tree / ".git" / "info" / "exclude").open("a") as file:
                file.write("/task/\n")
            for key, value in (("user.name", "rex"), ("user.email", "rex@example.com")):
                subprocess.run(["git", "config", key, value], cwd=tree, check=True)
        (self.folder / "persona.md").write_text("---\nname: rex\n---\nYou are Rex.\n")
        head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=tree, capture_output=True, text=True, check=True)
        result = self.folder / "result.json"
        result.unlink(missing_ok=True)
        orders = {
            "PRESSPLAY_ROLE": role,
            "PRESSPLAY_TASK": "1",
            "PRESSPLAY_HEAD": head.stdout.strip(),
            "PRESSPLAY_MODEL": "claude-sonnet-4-5",
            "PRESSPLAY_PERSONA": str(self.folder / "persona.md"),
            "PRESSPLAY_RESULT": str(result),
        }
        words = [*OPTIONS[self.name].split(), *options]
        done = subprocess.run(
            [sys.executable, "-m", "pressplay", "agent", self.name, *words],
            cwd=tree,
            env={**self.environment(script), **orders},
            capture_output=True,
            text=True,
            timeout=300,
        )
        handed_over = json.loads(result.read_text()) if result.exists() else {}
        return done.returncode, handed_over, done.stdout + done.stderr
