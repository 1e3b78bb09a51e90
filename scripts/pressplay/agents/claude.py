"""Claude Code. Source: code.claude.com/docs, CLI reference, Headless mode, MCP; tried with 2.1.332."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pressplay.agents.adapter import Adapter, Call, Command, Report, Tokens
from pressplay.agents.failures import Fault
from pressplay.agents.servers import Server

_RETRIES = "4"
"""Its own repetitions of a failed request, 10 unless it is given fewer: minutes in which it says nothing of use."""


class Claude(Adapter):
    """`claude -p`."""

    name = "claude"
    program = "claude"
    package = "npm install -g @anthropic-ai/claude-code"
    takes_any_model = True
    adds_up = True

    def command(self, call: Call) -> Command:
        """See `Adapter.command`. Edits and commands are allowed by name: as root it allows nothing by one switch."""
        argv = [self.program, "-p", "--output-format", "stream-json", "--verbose", "--permission-mode", "acceptEdits"]
        if call.persona:
            argv += ["--append-system-prompt", call.persona]
        if call.model:
            argv += ["--model", call.model]
        if call.fallback:
            argv += ["--fallback-model", call.fallback]
        if call.turns:
            argv += ["--max-turns", str(call.turns)]
        if call.session:
            argv += ["--resume", call.session]
        if call.servers:
            file = call.folder / "claude-mcp.json"
            file.write_text(
                json.dumps({"mcpServers": {server.name: _server(server) for server in call.servers}}, indent=2)
            )
            argv += ["--mcp-config", str(file), "--strict-mcp-config"]
        argv += ["--allowedTools", "Bash", *_tools(call.servers)]
        retries = {"CLAUDE_CODE_MAX_RETRIES": "0" if call.trial else _RETRIES}
        return Command(argv, {**retries, "DISABLE_AUTOUPDATER": "1"}, call.prompt)

    def read(self, event: Mapping[str, Any], report: Report) -> str:
        """See `Adapter.read`."""
        report.session = event.get("session_id") or report.session
        match event.get("type"):
            case "assistant":
                return "\n".join(filter(None, map(_line, event["message"].get("content") or [])))
            case "system" if event.get("subtype") == "api_retry":
                status = int(event.get("error_status") or 0)
                report.trouble = Fault(str(event.get("error") or "an error of the API"), status)
                return f"tries again: {report.trouble.words} ({status})"
            case "result":
                report.used = {model: _tokens(used) for model, used in (event.get("modelUsage") or {}).items()}
                report.words = event.get("result") or "; ".join(event.get("errors") or [])
                if event.get("is_error"):
                    report.fault = Fault(report.words or str(event.get("subtype")), event.get("api_error_status") or 0)
        return ""


def _server(server: Server) -> dict[str, Any]:
    if server.url:
        return {"type": "http", "url": server.url, "headers": dict(server.headers)}
    return {"command": server.argv[0], "args": list(server.argv[1:]), "env": dict(server.environment)}


def _tools(servers: tuple[Server, ...]) -> list[str]:
    """The tools that need no confirmation. Where a server's are listed, its others are refused."""
    return [
        allowed
        for server in servers
        for allowed in ([f"mcp__{server.name}__{tool}" for tool in server.tools] or [f"mcp__{server.name}"])
    ]


def _tokens(used: Mapping[str, Any]) -> Tokens:
    fresh = used.get("inputTokens", 0) + used.get("cacheCreationInputTokens", 0)
    return Tokens(fresh, used.get("cacheReadInputTokens", 0), used.get("outputTokens", 0), used.get("costUSD"))


def _line(block: Mapping[str, Any]) -> str:
    match block.get("type"):
        case "text":
            return str(block["text"])
        case "tool_use":
            return f"> {block['name']} {json.dumps(block.get('input'), ensure_ascii=False)}"
    return ""
