"""The server of comments for agents: `pressplay serve` beside a play, with a token that can only read.

It is a process of its own, whose memory has the key that it reads with; agents have its address and the token. It is
started when the first run asks for it, and ends with the play.
"""

from __future__ import annotations

import importlib.util
import os
import re
import secrets
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

NAME = "press-play"
_TOKEN = "PRESSPLAY_SERVE_TOKEN"  # noqa: S105 - a variable's name
_SECONDS = 30.0


class CommentsServer:
    """Starts the server once; `entry` says where it is, as clients of MCP take it."""

    def __init__(self, directory: Path, say: Callable[[str], None]) -> None:
        """`directory`: the sandbox's."""
        self._directory, self._say = directory.resolve(), say
        self._lock = threading.Lock()
        self._child: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self._entry: dict[str, Any] | None = None

    def entry(self) -> dict[str, Any] | None:
        """The server's address with its token; None where it can't run (its libraries are an extra)."""
        with self._lock:
            if self._child is None and self._can_run():
                self._entry = self._start()
            return self._entry

    def close(self) -> None:
        """End it."""
        if self._child is not None:
            self._child.terminate()
            self._child.wait()
        if self._reader is not None:
            self._reader.join()

    @staticmethod
    def _can_run() -> bool:
        return all(importlib.util.find_spec(name) for name in ("mcp", "prometheus_client", "uvicorn"))

    def _start(self) -> dict[str, Any] | None:
        address: list[str] = []
        known = threading.Event()
        token = secrets.token_urlsafe(32)
        arguments = ["serve", "--sandbox", str(self._directory), "--listen", "127.0.0.1:0"]
        self._child = subprocess.Popen(
            [sys.executable, "-m", "pressplay", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, _TOKEN: token},
        )
        errors = self._child.stderr

        def read() -> None:
            with errors or nullcontext(()) as lines:
                for line in lines:
                    if matched := re.search(r"MCP at (\S+)/mcp", line):
                        address.append(matched[1])
                        known.set()
                    self._say(f"serve: {line.rstrip()}")
            known.set()

        self._reader = threading.Thread(target=read, name="serve", daemon=True)
        self._reader.start()
        known.wait(_SECONDS)
        if not address:
            return None
        return {"type": "http", "url": f"{address[0]}/mcp", "headers": {"Authorization": f"Bearer {token}"}}
