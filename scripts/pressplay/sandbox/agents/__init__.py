"""The sandbox's default agents: scripted, and saying so wherever they speak.

The runner starts `python -m pressplay.sandbox.agents` in a git work tree (docs/explanation/sandbox-and-cluster.md,
What an agent gets). By role: *implement* commits a task's recorded solution, *lint* really tidies what the branch
changed, *test* commits the recorded tests, really runs the project's tests and gives its verdict, *fix* commits the
recorded answer to a verdict. They know the demo project alone; `PRESSPLAY_SCRIPT=notes` makes them write a note for
each task instead, for any project (tests and simulations). *plan* writes the documents that are asked for, of any
project, by the same templates that take their place where there are none.

Knobs, all environment variables:
`PRESSPLAY_SABOTAGE`   `rex`, `rex:8`, or several with commas: those agents fail, always, or for that task.
`PRESSPLAY_AGENT_LOG`  a file to which every start appends `run task role attempt`, in one write.
`PRESSPLAY_SCRIPT`     `demo` (the default) or `notes`.
`PRESSPLAY_SEND_BACK`  with `notes`: `8`, `8:2`, or several with commas: QA sends task 8 back in its first (two) rounds.
`PRESSPLAY_DURATIONS`  minutes under virtual time as a JSON object, by `role` or `role:task`.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from pressplay.errors import EXIT_FAILED, InputError, PressPlayError

MINUTES = {"criteria": 8.0, "implement": 20.0, "lint": 3.0, "test": 8.0, "fix": 10.0, "conflict": 6.0, "plan": 10.0}
"""How long each role takes under virtual time, unless `PRESSPLAY_DURATIONS` says otherwise."""
_MINUTE = 60.0


def run(worktree: Path, env: Mapping[str, str]) -> int:
    """Do one run in `worktree`, described by `env` (PRESSPLAY_*); returns the agent's exit status, 0 done, else failed.

    What it has to say goes to stderr, its commits to the work tree's branch, its verdict to `PRESSPLAY_RESULT`.
    """
    from pressplay.sandbox.agents.script import perform

    who = f"{env.get('PRESSPLAY_AGENT', '?')} (scripted)"
    try:
        if _sabotaged(env):
            raise PressPlayError(f"sabotaged by PRESSPLAY_SABOTAGE={env['PRESSPLAY_SABOTAGE']}")
        for line in perform(worktree, env):
            print(f"{who}: {line}", file=sys.stderr)
    except PressPlayError as error:
        print(f"{who}: failed: {error}", file=sys.stderr)
        return EXIT_FAILED
    return 0


def duration(env: Mapping[str, str]) -> float:
    """Seconds of virtual time for the run described by `env`; InputError for an unknown role or setting."""
    role, task = env.get("PRESSPLAY_ROLE", ""), env.get("PRESSPLAY_TASK", "")
    table: dict[str, object] = dict(MINUTES)
    if text := env.get("PRESSPLAY_DURATIONS"):
        try:
            table |= json.loads(text)
        except (TypeError, ValueError) as error:
            raise InputError(
                f"PRESSPLAY_DURATIONS {text!r}: expected a JSON object of minutes by role or role:task ({error})"
            ) from error
    minutes = table.get(f"{role}:{task}", table.get(role))
    if not isinstance(minutes, (int, float)) or minutes < 0:
        raise InputError(
            f"duration of role {role!r}: expected minutes for one of {', '.join(MINUTES)}, got {minutes!r}"
        )
    return minutes * _MINUTE


def log_start(env: Mapping[str, str]) -> None:
    """Record a start in the agents' own log (`PRESSPLAY_AGENT_LOG`): one write, so that starts at once do not mix.

    Apart from `run`, because under virtual time an agent starts when it is launched and works when its time is up.
    """
    if path := env.get("PRESSPLAY_AGENT_LOG"):
        words = (env.get(f"PRESSPLAY_{name}", "") or "-" for name in ("RUN", "TASK", "ROLE", "ATTEMPT"))
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            os.write(file, f"{' '.join(words)}\n".encode())
        finally:
            os.close(file)


def _sabotaged(env: Mapping[str, str]) -> bool:
    wanted = {entry.strip() for entry in env.get("PRESSPLAY_SABOTAGE", "").split(",")}
    agent = env.get("PRESSPLAY_AGENT", "")
    return bool(wanted & {agent, f"{agent}:{env.get('PRESSPLAY_TASK', '')}"} - {""})
