"""The operations as tools of MCP.

The SDK's low-level `Server` is used: its `MCPServer` makes a tool's arguments from a function's signature, drops those
that it does not know (R10) and says what is wrong in its own words; here HTTP and MCP share one model and one wording.
Source: modelcontextprotocol.io, specification 2025-11-25 and 2026-07-28, Tools.
"""

from __future__ import annotations

from typing import Any

import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server

from pressplay import __version__
from pressplay.serve.arguments import schema
from pressplay.serve.callers import LOCAL, Caller
from pressplay.serve.operations import INSTRUCTIONS, OPERATIONS
from pressplay.serve.problems import Problem, missing, unknown
from pressplay.serve.service import Service, named

CALLER = "pressplay.caller"
"""Where the scope of a request says who calls."""


def server(service: Service) -> Server[Any]:
    """The MCP server that answers by `service`."""

    async def list_tools(
        _context: ServerRequestContext[Any], _params: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        return types.ListToolsResult(tools=_TOOLS)

    async def call_tool(
        context: ServerRequestContext[Any], params: types.CallToolRequestParams
    ) -> types.CallToolResult:
        try:
            operation = named(params.name)
            if operation is None:
                known = [known_operation.name for known_operation in OPERATIONS]
                raise missing(f"{unknown(params.name, 'tool', known)}. The tools are {', '.join(known)}.")
            answer = await service.answer(operation, params.arguments or {}, _caller(context), "mcp")
        except Problem as problem:
            return types.CallToolResult(content=[types.TextContent(text=str(problem))], is_error=True)
        return types.CallToolResult(content=[types.TextContent(text=answer.text)])

    return Server(
        "press-play",
        version=__version__,
        title="Press Play: comments of pull requests",
        instructions=INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


_TOOLS = [
    types.Tool(
        name=operation.name,
        title=operation.title,
        description=operation.description,
        input_schema=schema(operation.arguments),
        annotations=types.ToolAnnotations(
            title=operation.title,
            read_only_hint=True,
            destructive_hint=False,
            idempotent_hint=True,
            open_world_hint=True,
        ),
    )
    for operation in OPERATIONS
]


def _caller(context: ServerRequestContext[Any]) -> Caller:
    """The caller, as the authenticator determined it; without a request, whoever started this process."""
    if context.request is None:
        return LOCAL
    authenticated: Caller = context.request.scope[CALLER]
    return authenticated
