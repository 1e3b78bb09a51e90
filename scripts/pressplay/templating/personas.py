"""The agents' personas: who each one is, what it may touch, how it works, what it hands over.

Sources: `personas/<id>.md.j2`, with what all share in `personas/shared/`. `generate` makes of them the files that the
chart carries in `chart/agents/`; `render` shows a persona as an agent will find it, for any values.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from pressplay import names
from pressplay.errors import InputError
from pressplay.templating import engine

SOURCES = Path(__file__).with_name("personas")
FOLDER = "chart/agents"
VERDICT_PASS = "press-play: pass"  # noqa: S105 - no password
"""How QA's comment begins that lets a pull request pass."""
_ENDING = ".md.j2"


def known() -> tuple[str, ...]:
    """The ids of the personas that we bring along."""
    return tuple(sorted(file.name.removesuffix(_ENDING) for file in SOURCES.glob(f"*{_ENDING}")))


@cache
def body(agent: str) -> str:
    """The system prompt of a persona that we bring along, without front matter; InputError for another id."""
    if agent not in known():
        raise InputError(f"persona {agent!r}: expected one of {', '.join(known())}")
    return engine.render(SOURCES / f"{agent}{_ENDING}", {"id": agent, "verdict_pass": VERDICT_PASS}).strip() + "\n"


def generate() -> dict[str, str]:
    """What `pressplay generate` writes for the chart: path in the repository → text."""
    return {f"{FOLDER}/{agent}.md": body(agent) for agent in known()}


def render(name: str, values: Mapping[str, Any]) -> str:
    """The file that the agent will find, byte for byte: front matter, then the system prompt.

    `name` is an agent's id or githubApp, `values` the chart's values, merged. `systemPrompt` takes the place of what we
    bring along, `extraInstructions` follow it; neither is evaluated. The same as `press-play.persona` in the chart's
    helpers. InputError for an unknown name or an agent without any prompt.
    """
    agents: Mapping[str, Any] = values["agents"]
    for agent, settings in agents.items():
        if name in (agent, settings["githubApp"]):
            return _file(agent, settings, names.served_tools(agent, values))
    listed = ", ".join(f"{agent} ({settings['githubApp']})" for agent, settings in sorted(agents.items()))
    raise InputError(f"no agent has the id or githubApp {name!r}: expected one of {listed}")


def _file(agent: str, settings: Mapping[str, Any], served: Sequence[str]) -> str:
    prompt = settings.get("systemPrompt") or (body(agent) if agent in known() else "")
    if not prompt.strip():
        raise InputError(f"agents.{agent}.systemPrompt: expected a system prompt; the chart brings none for this id")
    tools = settings.get("tools") or {}
    front = {
        "name": settings["githubApp"],
        "description": settings["description"],
        "tools": ", ".join([*(tools.get("local") or []), *dict.fromkeys([*(tools.get("remote") or []), *served])]),
        "model": settings["model"],
    }
    lines = ["---", *(f"{key}: {_json(value)}" for key, value in front.items()), "---", "", prompt.strip()]
    if extra := (settings.get("extraInstructions") or "").strip():
        lines += ["", extra]
    return "\n".join(lines) + "\n"


def _json(value: object) -> str:
    """As Helm's toRawJson (Go's encoding/json without its escapes for HTML) writes a text."""
    text = json.dumps(value, ensure_ascii=False)
    return text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
