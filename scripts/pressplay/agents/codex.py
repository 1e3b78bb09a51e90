"""Codex. Source: developers.openai.com/codex, Non-interactive mode, Configuration reference; tried with 0.171.0."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from pressplay.agents.adapter import Adapter, Call, Command, Report, Tokens
from pressplay.agents.failures import Fault, status_in
from pressplay.agents.servers import Server


class Codex(Adapter):
    """`codex exec`. It has no limit of turns. In its sandbox `.git` can't be written: the harness commits for it."""

    name = "codex"
    program = "codex"
    package = "npm install -g @openai/codex"
    adds_up = True

    def command(self, call: Call) -> Command:
        """See `Adapter.command`. The prompt is its standard input; `resume` takes no `--sandbox`, but the setting."""
        argv = [self.program, "exec", *(["resume"] if call.session else []), "--json", "--skip-git-repo-check"]
        settings: dict[str, Any] = {"sandbox_mode": "read-only" if call.trial else "workspace-write"}
        if call.persona:
            settings["developer_instructions"] = call.persona
        for server in call.servers:
            settings |= {f"mcp_servers.{server.name}.{key}": value for key, value in _server(server).items()}
        for key, value in settings.items():
            argv += ["-c", f"{key}={_toml(value)}"]
        if call.model:
            argv += ["--model", call.model]
        return Command([*argv, *([call.session] if call.session else []), "-"], {}, call.prompt)

    def read(self, event: Mapping[str, Any], report: Report) -> str:
        """See `Adapter.read`."""
        item = event.get("item") or {}
        match event.get("type"):
            case "thread.started":
                report.session = event["thread_id"]
            case "item.completed":
                return _line(item, report)
            case "error":
                return _trouble(str(event.get("message")), report)
            case "turn.failed":
                words = str((event.get("error") or {}).get("message"))
                report.fault = Fault(words, status_in(words))
            case "turn.completed":
                used = event.get("usage") or {}
                cached = used.get("cached_input_tokens", 0)
                # It doesn't say of which model.
                report.used = {"": Tokens(used.get("input_tokens", 0) - cached, cached, used.get("output_tokens", 0))}
                report.trouble = None
        return ""


def _trouble(words: str, report: Report) -> str:
    """An error in between: it tries again, unless it ends the turn with the same words."""
    matched = re.match(r"Reconnecting\.\.\. \S+ \((.*)\)$", words)
    report.trouble = Fault(matched[1] if matched else words, status_in(words))
    return words


def _server(server: Server) -> dict[str, Any]:
    """A server's settings; what is listed needs no confirmation (nobody is there: openai/codex#17843)."""
    limits: dict[str, Any] = {"default_tools_approval_mode": "approve"}
    if server.tools:
        limits["enabled_tools"] = list(server.tools)
    if server.url:
        return {"url": server.url, "http_headers": dict(server.headers), **limits}
    command = {"command": server.argv[0], "args": list(server.argv[1:])}
    return {**command, "env": dict(server.environment), **limits}


def _toml(value: Any) -> str:
    """A value as TOML: its texts and lists are JSON's."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {_toml(inner)}" for key, inner in value.items()) + "}"
    return json.dumps(value)


def _line(item: Mapping[str, Any], report: Report) -> str:
    match item.get("type"):
        case "agent_message":
            report.words = str(item.get("text"))
            return report.words
        case "command_execution":
            return f"> {item.get('command')} ({item.get('exit_code')})"
        case "mcp_tool_call":
            arguments = json.dumps(item.get("arguments"), ensure_ascii=False)
            failed = f": {(item['error'] or {}).get('message')}" if item.get("error") else ""
            return f"> {item.get('server')}.{item.get('tool')} {arguments}{failed}"
        case "error":
            return str(item.get("message"))
    return ""
