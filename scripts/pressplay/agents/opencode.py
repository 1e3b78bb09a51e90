"""opencode. Source: opencode.ai/docs, CLI, Config, MCP servers; tried with 1.18.33."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, ClassVar

from pressplay.agents.adapter import Adapter, Call, Command, Report, Tokens
from pressplay.agents.failures import Fault
from pressplay.agents.servers import Server

_NO_WORDS = "Unexpected server error"
"""What it says of errors that only its log has."""


class OpenCode(Adapter):
    """`opencode run`. It has no limit of turns, and repeats requests to a busy server without an end."""

    name = "opencode"
    program = "opencode"
    package = "npm install -g opencode-ai"
    models: ClassVar[Mapping[str, str]] = {"claude-": ""}
    """Its own names are PROVIDER/MODEL, by the providers that its user has: only the user can say."""

    def command(self, call: Call) -> Command:
        """See `Adapter.command`. The persona comes by a file of instructions, as its configuration takes them."""
        argv = [self.program, "run", "--format", "json", "--auto", "--print-logs", "--log-level", "ERROR"]
        if call.model:
            argv += ["--model", call.model]
        if call.session:
            argv += ["--session", call.session]
        document: dict[str, Any] = {"autoupdate": False, "share": "disabled"}
        if call.persona:
            persona = call.folder / "opencode-persona.md"
            persona.write_text(call.persona)
            document["instructions"] = [str(persona)]
        if call.servers:
            document["mcp"] = {server.name: _server(server) for server in call.servers}
            document["tools"] = {name: on for server in call.servers for name, on in _tools(server).items()}
        return Command([*argv, call.prompt], {"OPENCODE_CONFIG_CONTENT": json.dumps(document)})

    def read(self, event: Mapping[str, Any], report: Report) -> str:
        """See `Adapter.read`. An error in its log may have the words that the event lacks."""
        report.session = event.get("sessionID") or report.session
        part = event.get("part") or {}
        match event.get("type"):
            case "text":
                report.words = str(part.get("text"))
                return report.words
            case "tool_use":
                arguments = json.dumps((part.get("state") or {}).get("input"), ensure_ascii=False)
                return f"> {part.get('tool')} {arguments}"
            case "step_finish":
                used = part.get("tokens") or {}
                cache = used.get("cache") or {}
                fresh = used.get("input", 0) + cache.get("write", 0)
                output = used.get("output", 0) + used.get("reasoning", 0)
                report.use("", Tokens(fresh, cache.get("read", 0), output, part.get("cost")))
                report.trouble = None
            case "error":
                data = (event.get("error") or {}).get("data") or {}
                words = str(data.get("message") or (event.get("error") or {}).get("name"))
                if words.startswith(_NO_WORDS) and report.trouble is not None:
                    words = report.trouble.words
                report.fault = Fault(words, data.get("statusCode") or 0)
        return ""

    def read_text(self, line: str, report: Report) -> None:
        """See `Adapter.read_text`: the errors in its log."""
        matched = re.search(r'\berror(?:\.error)?="((?:[^"\\]|\\.)*)"', line)
        if matched and "level=ERROR" in line:
            report.trouble = Fault(
                re.sub(r"^AI_\w+: (Failed after .*Last error: )?", "", matched[1].replace('\\"', '"'))
            )
            if report.fault is not None and report.fault.words.startswith(_NO_WORDS):
                report.fault = report.trouble


def _server(server: Server) -> dict[str, Any]:
    if server.url:
        return {"type": "remote", "url": server.url, "headers": dict(server.headers), "enabled": True}
    environment = dict(server.environment)
    return {"type": "local", "command": list(server.argv), "environment": environment, "enabled": True}


def _tools(server: Server) -> dict[str, bool]:
    """Which of a server's tools there are; it names them SERVER_TOOL."""
    if not server.tools:
        return {}
    return {f"{server.name}_*": False, **{f"{server.name}_{tool}": True for tool in server.tools}}
