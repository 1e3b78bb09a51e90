"""A command line that prints what the real one printed (tests/data/agents), and notes how it was started."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from pressplay.agents import registry
from pressplay.agents.adapter import Adapter, Call, Report
from pressplay.agents.process import Bounds, carry_out
from pressplay.domain.outcomes import Failure

DATA = Path(__file__).parents[2] / "data" / "agents"
_PROGRAM = """#!/bin/sh
printf '%s\\0' "$@" > {noted}/argv
cat > {noted}/stdin
env > {noted}/environment
pwd > {noted}/folder
[ -f {err} ] && cat {err} >&2
[ -f {out} ] && cat {out}
{does}
exit {code}
"""
_PATIENT = Bounds(20.0, 20.0)


@dataclass
class Fake:
    """A folder for PATH with one such program, a work tree, and a folder beside it."""

    adapter: Adapter
    where: Path

    @staticmethod
    def of(name: str, where: Path, recording: str = "", code: int = 0, does: str = "") -> Fake:
        """The command line `name`, which prints a recording, does something (shell), and ends with `code`."""
        for folder in ("bin", "noted", "tree/task", "folder"):
            (where / folder).mkdir(parents=True, exist_ok=True)
        adapter = registry.adapter(name)
        out, err = DATA / f"{name}-{recording}.jsonl", DATA / f"{name}-{recording}.err"
        program = where / "bin" / adapter.program
        program.write_text(_PROGRAM.format(noted=where / "noted", out=out, err=err, does=does, code=code))
        program.chmod(0o755)
        return Fake(adapter, where)

    @property
    def path(self) -> str:
        return f"{self.where / 'bin'}:{os.environ['PATH']}"

    def call(self, **more: object) -> Call:
        fields: dict[str, object] = {
            "prompt": "Do it.",
            "persona": 'Be "strict" $(touch escaped)',
            "tree": self.where / "tree",
            "folder": self.where / "folder",
            "environment": {"PATH": self.path},
        }
        return Call(**{**fields, **more})  # type: ignore[arg-type]

    def carry_out(self, bounds: Bounds = _PATIENT, **more: object) -> tuple[Report, Failure | None]:
        return carry_out(self.adapter, self.call(**more), bounds, lambda _line: None, None)

    def noted(self, name: str) -> str:
        return (self.where / "noted" / name).read_text()

    @property
    def argv(self) -> list[str]:
        return self.noted("argv").split("\0")[:-1]

    def after(self, option: str) -> str:
        return self.argv[self.argv.index(option) + 1]

    def json(self, name: str) -> dict[str, object]:
        document: dict[str, object] = json.loads((self.where / "folder" / name).read_text())
        return document
