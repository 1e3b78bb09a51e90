"""A WSGI application behind a real HTTP server, in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

from waitress import wasyncore
from waitress.server import create_server

_LARGEST_BODY = 1 << 32
"""Bytes: a push of a whole repository. What an application takes is its own affair."""


class Server:
    """Serves until it is closed. Port 0 takes a free one."""

    def __init__(self, app: Callable[..., Iterable[bytes]], name: str, host: str = "127.0.0.1", port: int = 0) -> None:
        """Raises OSError where the port is taken."""
        self._sockets: dict[int, Any] = {}
        self._server: Any = create_server(
            app, self._sockets, host=host, port=port, threads=8, ident=name, max_request_body_size=_LARGEST_BODY
        )
        self.url = f"http://{self._server.effective_host}:{self._server.effective_port}"
        self._thread = threading.Thread(target=self._server.run, name=name, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop answering; requests under way are finished."""
        self._server.task_dispatcher.shutdown()
        pulled = threading.Event()

        def end() -> None:
            # A request that has just ended may wake the loop first: the trigger must not close before it is pulled.
            pulled.wait()
            wasyncore.close_all(self._sockets, ignore_all=True)

        # In the loop's own thread: it would be waiting on sockets that another one closes.
        self._server.trigger.pull_trigger(end)
        pulled.set()
        self._thread.join(timeout=10)
