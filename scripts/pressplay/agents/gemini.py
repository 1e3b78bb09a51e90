"""Gemini CLI. Source: geminicli.com/docs, Headless mode, Configuration, MCP servers; tried with 0.61.0."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pressplay import patch
from pressplay.agents.adapter import Adapter, Call, Command, Report, Tokens
from pressplay.agents.failures import Fault, status_in
from pressplay.agents.servers import Server

_SETTINGS = "GEMINI_CLI_SYSTEM_SETTINGS_PATH"
_SKIPPED = "Skipping system settings file"


class Gemini(Adapter):
    """`gemini -p`. What it is given for a run it reads as the system's settings, over the user's own."""

    name = "gemini"
    program = "gemini"
    package = "npm install -g @google/gemini-cli"

    def command(self, call: Call) -> Command:
        """See `Adapter.command`. It has no option for a system prompt in addition: the persona heads the prompt."""
        settings: dict[str, Any] = {
            "general": {"enableAutoUpdate": False, "maxAttempts": 1 if call.trial else 4},
            "model": {"maxSessionTurns": call.turns or -1},
            "mcpServers": {server.name: _server(server) for server in call.servers},
        }
        if "GEMINI_API_KEY" in call.environment:
            settings["security"] = {"auth": {"selectedType": "gemini-api-key"}}
        file = call.folder / "gemini-settings.json"
        file.write_text(json.dumps(patch.merge(_system(call.environment), settings), indent=2))
        argv = [self.program, "--output-format", "stream-json", "--approval-mode", "yolo", "--skip-trust"]
        if call.model:
            argv += ["--model", call.model]
        if call.session:
            argv += ["--resume", call.session]
        argv += ["--prompt", f"{call.persona}\n\n{call.prompt}".strip()]
        # It also writes there that a settings file of the system may not lie in a folder that others can write to.
        return Command(argv, {_SETTINGS: str(file), "NO_BROWSER": "1"})

    def read(self, event: Mapping[str, Any], report: Report) -> str:
        """See `Adapter.read`."""
        match event.get("type"):
            case "init":
                report.session = event["session_id"]
            case "message" if event.get("role") == "assistant":
                report.words = (report.words if event.get("delta") else "") + str(event.get("content"))
                return str(event.get("content"))
            case "tool_use":
                report.words = ""
                return f"> {event.get('tool_name')} {json.dumps(event.get('parameters'), ensure_ascii=False)}"
            case "result":
                for model, used in ((event.get("stats") or {}).get("models") or {}).items():
                    cached = used.get("cached", 0)
                    fresh = used.get("input_tokens", 0) - cached
                    report.use(model, Tokens(fresh, cached, used.get("output_tokens", 0)))
                if event.get("status") == "error":
                    error = event.get("error") or {}
                    words = str(error.get("message") or error.get("type"))
                    report.fault = Fault(_words(words), status_in(words))
        return ""

    def read_text(self, line: str, report: Report) -> None:
        """See `Adapter.read_text`: it retries, or was refused before it could report."""
        if matched := re.match(r"Attempt \d+ failed with status (\d+)\. .*?(\{.*)?$", line):
            report.trouble = Fault(_words(matched[2] or line), int(matched[1]))
        elif _SKIPPED in line or "auth method" in line.lower():
            report.fault = Fault(line)


def _words(text: str) -> str:
    """The message within an answer of the API's."""
    matched = re.search(r'"message":\s*"((?:[^"\\]|\\.)*)"', text)
    return matched[1].replace('\\"', '"') if matched else text


def _system(environment: Mapping[str, str]) -> dict[str, Any]:
    """The settings of the system that ours stand in for; none where there are none, or they can't be read."""
    try:
        document = json.loads(Path(environment.get(_SETTINGS) or "/etc/gemini-cli/settings.json").read_text())
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


def _server(server: Server) -> dict[str, Any]:
    limits: dict[str, Any] = {"trust": True, **({"includeTools": list(server.tools)} if server.tools else {})}
    if server.url:
        return {"httpUrl": server.url, "headers": dict(server.headers), **limits}
    command = {"command": server.argv[0], "args": list(server.argv[1:])}
    return {**command, "env": dict(server.environment), **limits}
