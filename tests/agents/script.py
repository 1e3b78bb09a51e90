"""What the scripted model says, by the script's name and by what the conversation holds so far.

A script knows only what its client sends: the tools, and the results of calls that were made. So a session that is
resumed goes on where it was, and one that is lost begins again. `limit-20` and `busy-20` answer with a usage limit, or
an overload, for 20 seconds from their first answer on. `later-key` is `key`, but for the
harness's trial, which is answered.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

_SHELLS: dict[str, Callable[[str], dict[str, Any]]] = {
    "Bash": lambda line: {"command": line, "description": "work"},
    "bash": lambda line: {"command": line, "description": "work"},
    "exec_command": lambda line: {"cmd": line},
    "shell_command": lambda line: {"command": line},
    "shell": lambda line: {"command": ["bash", "-lc", line]},
    "run_shell_command": lambda line: {"command": line, "description": "work"},
}
"""Each client's tool that runs a command, and how it takes one."""


@dataclass(frozen=True)
class Request:
    """What a client asks with."""

    model: str
    tools: list[str]
    results: list[str]
    """Of the calls of tools so far, oldest first."""
    text: str = ""
    """The whole request."""


@dataclass(frozen=True)
class Say:
    """A last word: the client ends."""

    text: str


@dataclass(frozen=True)
class Call:
    """A call of a tool."""

    tool: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class Wait:
    """No answer for a while."""

    seconds: float


@dataclass(frozen=True)
class Fault:
    """An error of the API's."""

    status: int
    kind: str
    message: str
    headers: list[tuple[str, str]] = field(default_factory=list)
    resets_at: int = 0
    """Of a usage limit: when it ends (Unix seconds)."""


Answer = Say | Call | Wait | Fault

_MODULE = '''"""Task {n}."""


def greet(name: str) -> str:
    """Greet somebody, as task {n} asks."""
    return f"task {n} greets {{name}}"
'''
_TEST = '''"""Tests of task {n}."""

import unittest

from shop.task{n} import greet


class Greeting(unittest.TestCase):
    """A greeting has the name in it."""

    def test_name(self) -> None:
        """The name comes back."""
        self.assertEqual(greet("ann"), "task {n} greets ann")
'''
_PLAN = """description: Task {n} greets
probes:
  - name: greets
    command:
      argv: [python3, -c, "from shop.task{n} import greet; print(greet('ann'))"]
      expect: {{exitStatus: 0, stdout: {{contains: [task {n} greets ann]}}}}
"""
_LOOK = (
    "echo role=$PRESSPLAY_ROLE task=$PRESSPLAY_TASK pr=$PRESSPLAY_PR repo=$PRESSPLAY_REPO; ls task; "
    "git log --oneline -3; head -c 400 task/instructions.md"
)
_LATER = "later-"
_TRIAL = "Answer with the one word ready"
_since: dict[str, float] = {}
_lock = threading.Lock()


def answer(script: str, request: Request) -> Answer:
    """The answer to one request."""
    is_trial = _TRIAL in request.text
    fault = _fault(script.removeprefix(_LATER)) if not (is_trial and script.startswith(_LATER)) else None
    if fault is not None:
        return fault
    if is_trial or not request.tools:
        return Say("ready")
    if script == "nothing":
        return Say("Everything is as it should be, so I changed nothing.")
    if script == "stall":
        return Wait(3_600)
    steps = _steps(script, request)
    return steps[len(request.results)] if len(request.results) < len(steps) else Say("Done.")


def _fault(script: str) -> Fault | None:
    if script == "key":
        return Fault(401, "authentication_error", "invalid x-api-key")
    if script == "model":
        return Fault(404, "not_found_error", "model: claude-none does not exist or you do not have access to it")
    kind, _, seconds = script.partition("-")
    left = _left(script, float(seconds)) if seconds else 0.0
    if kind == "limit" and left > 0:
        at = int(time.time() + left) + 1
        headers = [("retry-after", "1"), ("anthropic-ratelimit-unified-reset", str(at))]
        return Fault(
            429, "rate_limit_error", f"You've hit your usage limit. Your limit resets at {_iso(at)}.", headers, at
        )
    if kind == "busy" and left > 0:
        return Fault(529, "overloaded_error", "Overloaded")
    return None


def _left(script: str, seconds: float) -> float:
    """Seconds that are left of a fault that begins with its first answer."""
    with _lock:
        return _since.setdefault(script, time.time()) + seconds - time.time()


def _iso(moment: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))


def _steps(script: str, request: Request) -> list[Answer]:
    steps: list[Answer] = [_shell(request, _LOOK)]
    if not request.results:
        return steps
    role = _word(request.results[0], r"role=(\w*)")
    number = _word(request.results[0], r"task=(\d*)")
    if script == "long":
        steps += [_shell(request, f"echo still looking, {count}") for count in range(6)]
    comments = next((tool for tool in request.tools if "list_comments" in tool), None)
    pull = _word(request.results[0], r"pr=(\d+)")
    if comments and pull:
        owner_and_name = _word(request.results[0], r"repo=(\S+)")
        steps.append(Call(comments, {"repo": owner_and_name, "pull_request": int(pull)}))
    lookup = next((tool for tool in request.tools if "look_up" in tool), None)
    if lookup:
        steps.append(Call(lookup, {"word": f"task {number}"}))
    if script == "crash":
        steps.append(_shell(request, "kill -9 $PPID"))
    if role in ("implement", "fix"):
        steps.append(_shell(request, _write(f"shop/task{number}.py", _MODULE.format(n=number))))
        if script == "half":
            steps += [_shell(request, _commit(f"Half of task {number}")), Wait(3_600)]
        if script != "uncommitted":
            steps.append(_shell(request, _commit(f"Greet by task {number}")))
    if role == "test":
        plan = f".press-play/acceptance/{number}.yaml"
        steps.append(_shell(request, _write(f"tests/test_task{number}.py", _TEST.format(n=number))))
        steps.append(_shell(request, f"mkdir -p .press-play/acceptance; {_write(plan, _PLAN.format(n=number))}"))
        verdict = json.dumps({"result": "pass", "body": "The tests pass."})
        steps.append(_shell(request, f"{_commit(f'Test task {number}')}; echo '{verdict}' > task/result.json"))
    return steps


def _word(text: str, pattern: str) -> str:
    matched = re.search(pattern, text)
    return matched[1] if matched else ""


def _shell(request: Request, line: str) -> Answer:
    name = next((name for name in request.tools if name in _SHELLS), None)
    return Call(name, _SHELLS[name](line)) if name else Say(f"No shell among {', '.join(request.tools)}")


def _write(path: str, text: str) -> str:
    return f"cat > {path} <<'END'\n{text}END"


def _commit(subject: str) -> str:
    return f"git add --all && git commit --quiet --message '{subject}' && git log --oneline -1"
