"""An MCP server over stdio with one tool, `look_up`, and one that nobody asked for: `mcp_server.py LOG`.

LOG gets a line a call of a tool: the word, the working directory, and the variable MCP_MOOD.
Source: Model Context Protocol, 2025-06-18, Transports (stdio) and Tools.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

_SCHEMA = {"type": "object", "properties": {"word": {"type": "string"}}, "required": ["word"]}
_TOOLS = [
    {"name": name, "description": f"{name} a word in the project's glossary", "inputSchema": _SCHEMA}
    for name in ("look_up", "forget")
]


def _result(method: str, params: dict[str, Any], log: Path) -> dict[str, Any]:
    if method == "initialize":
        version = params.get("protocolVersion", "2025-06-18")
        info = {"name": "glossary", "version": "1"}
        return {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": info}
    if method == "tools/list":
        return {"tools": _TOOLS}
    if method == "tools/call":
        word = params["arguments"]["word"]
        with log.open("a") as file:
            file.write(f"{params['name']} {word} | {Path.cwd()} | {os.environ.get('MCP_MOOD', '')}\n")
        return {"content": [{"type": "text", "text": f"The glossary has nothing on {word}."}]}
    return {}


def main() -> None:
    """Answer until stdin ends."""
    log = Path(sys.argv[1])
    for line in sys.stdin:
        message = json.loads(line)
        if "id" in message and "method" in message:
            answer = {
                "jsonrpc": "2.0",
                "id": message["id"],
                "result": _result(message["method"], message.get("params") or {}, log),
            }
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
