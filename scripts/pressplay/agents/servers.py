"""The MCP servers of a run: the project's (requirements.yaml) and those that whoever started the run adds.

The harness writes the project's into `task/toolman-config.json`, of the default branch. `PRESSPLAY_MCP` names a file
of the form that clients of MCP share (`{"mcpServers": {NAME: {"command": …} or {"url": …}}}`), for example with the
server of comments. No command line reads either file: its adapter writes what it reads.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pressplay.errors import InputError

VARIABLE = "PRESSPLAY_MCP"
_ENTER = 'cd "$0" && exec "$@"'
"""Not every command line can start a server in another folder; a shell can."""


@dataclass(frozen=True, kw_only=True)
class Server:
    """A server, started by its command line or reached by its URL."""

    name: str
    argv: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    tools: tuple[str, ...] = ()
    """Those that agents may use; empty: all of them."""


def of_run(tree: Path, environment: Mapping[str, str]) -> tuple[tuple[Server, ...], tuple[str, ...]]:
    """The run's servers by name, and the names of remote tools, which only a cluster's gateway has.

    InputError for a file that is not what its writer writes.
    """
    project, remote = _of_project(tree)
    added = _added(environment.get(VARIABLE, ""))
    return tuple({server.name: server for server in (*project, *added)}.values()), remote


def _of_project(tree: Path) -> tuple[list[Server], tuple[str, ...]]:
    file = tree / "task" / "toolman-config.json"
    if not file.exists():
        return [], ()
    servers = []
    document = _read(file)
    for name, given in (document.get("localServers") or {}).items():
        where = given.get("workingDirectory") or "project_root"
        folder = tree if where == "project_root" else (tree / where)
        if not folder.resolve().is_relative_to(tree.resolve()):
            raise InputError(
                f"{file}: localServers.{name}.workingDirectory: expected a folder of the project, got {where!r}"
            )
        argv = ("sh", "-c", _ENTER, str(folder), given["command"], *given.get("args", []))
        tools = tuple(given.get("tools") or ())
        servers.append(Server(name=name, argv=argv, environment=given.get("env") or {}, tools=tools))
    return servers, tuple(document.get("remoteTools") or ())


def _added(path: str) -> list[Server]:
    if not path:
        return []
    file = Path(path)
    return [
        Server(
            name=name,
            argv=(given["command"], *given.get("args", [])) if "command" in given else (),
            environment=given.get("env") or {},
            url=given.get("url") or "",
            headers=given.get("headers") or {},
        )
        for name, given in (_read(file).get("mcpServers") or {}).items()
    ]


def _read(file: Path) -> dict[str, Any]:
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{file}: expected a JSON object with MCP servers: {error}") from error
    if not isinstance(document, dict):
        raise InputError(f"{file}: expected a JSON object with MCP servers, got {type(document).__name__}")
    return document
