"""The wrapper of docs/how-to/real-agent.md keeps the contract, whatever command line stands behind it."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from .builder import Builder

ROOT = Path(__file__).parents[3]
WRAPPER = ROOT / "docs/how-to/agent.sh"
FAKE = """#!/usr/bin/env bash
printf '%s\\0' "$@" > "$FAKE_TOLD"
cat >> "$FAKE_TOLD"
eval "$FAKE_DOES"
"""


class Wrapped:
    """The demo project's work tree with a stand-in for each command line on PATH."""

    def __init__(self, folder: Path) -> None:
        self.builder = Builder(folder)
        self.builder.branch(1)
        self.told = folder / "told"
        self.persona = folder / "persona.md"
        self.persona.write_text('Be "strict" {{x}} $(touch escaped)\n')
        (self.builder.repo / "task").mkdir()
        (folder / "bin").mkdir()
        for name in ("claude", "codex", "opencode"):
            (folder / "bin" / name).write_text(FAKE)
            (folder / "bin" / name).chmod(0o755)
        self.builder.git("config", "user.name", "rex[bot]")
        self.builder.git("config", "user.email", "rex@example.invalid")

    def run(self, cli: str, role: str, does: str, **more: str) -> subprocess.CompletedProcess[str]:
        env = {
            **os.environ,
            **self.builder.env(role, 1),
            "PATH": f"{self.builder.folder / 'bin'}:{os.environ['PATH']}",
            "PRESSPLAY_PERSONA": str(self.persona),
            "PRESSPLAY_MODEL": "model-1",
            "FAKE_TOLD": str(self.told),
            "FAKE_DOES": does,
            **more,
        }
        return subprocess.run([str(WRAPPER), cli], cwd=self.builder.repo, env=env, capture_output=True, text=True)


@pytest.fixture
def wrapped(tmp_path: Path) -> Wrapped:
    return Wrapped(tmp_path)


@pytest.mark.rule("R7")
@pytest.mark.parametrize("cli", ["claude", "codex", "opencode"])
def test_persona_and_prompt_reach_the_agent_and_its_work_is_committed(wrapped: Wrapped, cli: str) -> None:
    done = wrapped.run(cli, "implement", "echo new > new.txt", AGENT_MODEL="own/model")
    assert done.returncode == 0, done.stderr
    told = wrapped.told.read_text()
    assert 'Be "strict" {{x}} $(touch escaped)' in told
    assert "Read task/instructions.md" in told
    assert "--model\0own/model\0" in told
    assert wrapped.builder.git("log", "-1", "--format=%an: %s") == (
        "rex[bot]: What rex left uncommitted (task 1, implement)\n"
    )
    assert wrapped.builder.git("status", "--porcelain") == ""
    assert not (wrapped.builder.repo / "escaped").exists()


def test_the_model_of_the_values_is_claudes(wrapped: Wrapped) -> None:
    assert wrapped.run("claude", "implement", "true").returncode == 0
    assert "--model\0model-1\0" in wrapped.told.read_text()
    assert wrapped.run("codex", "implement", "true").returncode == 0
    assert "--model" not in wrapped.told.read_text()


def test_a_verdict_is_handed_over(wrapped: Wrapped) -> None:
    verdict = {"result": "changes", "body": "It fails"}
    done = wrapped.run("claude", "test", f"echo '{json.dumps(verdict)}' > \"$PRESSPLAY_RESULT\"")
    assert done.returncode == 0, done.stderr
    assert json.loads((wrapped.builder.folder / "result.json").read_text()) == verdict


def test_qa_without_a_verdict_has_failed(wrapped: Wrapped) -> None:
    (wrapped.builder.repo / "task/result.json").write_text('{"result": "pass"}')
    done = wrapped.run("claude", "test", "true")
    assert (done.returncode, "no verdict" in done.stderr) == (1, True)
    assert not (wrapped.builder.folder / "result.json").exists()


def test_an_agent_that_fails_has_failed(wrapped: Wrapped) -> None:
    assert wrapped.run("claude", "implement", "exit 3").returncode == 3
    assert wrapped.run("cursor", "implement", "true").returncode == 2


def test_every_flag_that_is_documented_is_the_wrappers() -> None:
    text, script = (ROOT / "docs/how-to/real-agent.md").read_text(), WRAPPER.read_text()
    for flag in ("--append-system-prompt", "--permission-mode acceptEdits", "--sandbox workspace-write", "--auto"):
        assert flag in text
        assert flag in script
