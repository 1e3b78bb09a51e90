"""Running a server: over HTTP until a signal stops it, or over stdio until its client goes."""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
import time
from collections.abc import Callable
from types import FrameType

import anyio
import uvicorn
from mcp.server.stdio import stdio_server

from pressplay.errors import InputError
from pressplay.serve import log, mcp_tools
from pressplay.serve.app import State, application
from pressplay.serve.auth import Authenticator
from pressplay.serve.config import Config, ServeLimits
from pressplay.serve.metrics import Metrics
from pressplay.serve.request import CommentSource
from pressplay.serve.service import Service

_HEADERS = 16384
"""Bytes of a request's headers."""


class _Server(uvicorn.Server):
    """Stops as a pod should: not ready first, then no new connections, then what is under way ends."""

    def __init__(self, config: uvicorn.Config, state: State, drain_seconds: int) -> None:
        super().__init__(config)
        self._state, self._drain_seconds = state, drain_seconds
        self._stop_at, self._told = 0.0, False

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn's signature
        # Not noted as uvicorn does, which would raise the signal again once all has ended well.
        now = time.monotonic()
        self._stop_at = now if self._state.stopping or sig == signal.SIGINT else now + self._drain_seconds
        self._state.stopping = True

    async def on_tick(self, counter: int) -> bool:
        if self._stop_at and not self._told:
            self._told = True
            log.say("stopping", drain_seconds=self._drain_seconds)
        if self._stop_at and time.monotonic() >= self._stop_at:
            self.should_exit = True
        return await super().on_tick(counter)


def listening(host: str, port: int) -> socket.socket:
    """A socket at an address; empty: all addresses, of IPv4, and of IPv6 if there is any."""
    if not host and socket.has_dualstack_ipv6():
        return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=128)
    return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=128)


def over_http(
    source_of: Callable[[Callable[[str, str], None]], CommentSource],
    authenticator: Authenticator,
    config: Config,
    ready: Callable[[], str],
    tell: Callable[[str], None],
) -> None:
    """Serve until SIGTERM or SIGINT. `source_of` makes the source, given the counter of its calls to GitHub.

    `ready` says what is missing before requests can be answered; `tell` gets the address once there is one.
    """
    log.set_up()
    metrics = Metrics()
    source = source_of(lambda what, outcome: metrics.github.labels(what, outcome).inc())
    try:
        bound = listening(config.host, config.port)
    except OSError as error:
        raise InputError(f"{config.host}:{config.port}: cannot be listened on: {error.strerror}") from error
    state = State(ready)

    async def serve() -> None:
        service = Service(source, config.limits, metrics, tidy=gc.collect)
        app = application(service, authenticator, config, state, time.monotonic)
        settings = uvicorn.Config(
            app,
            loop="asyncio",
            http="h11",
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=config.limits.connections,
            timeout_keep_alive=5,
            timeout_graceful_shutdown=config.stop.seconds,
            h11_max_incomplete_event_size=_HEADERS,
        )
        host, port = bound.getsockname()[:2]
        tell(f"http://{f'[{host}]' if ':' in host else host}:{port}")
        _freeze()
        log.say("serving", port=port, repositories=len(source.settings.repositories))
        await _Server(settings, state, config.stop.drain_seconds).serve(sockets=[bound])
        log.say("stopped")

    asyncio.run(serve())


def _freeze() -> None:
    """Exclude what is loaded for good from garbage collection: `tidy` after each call then takes a millisecond.

    GitHub's answers, megabytes each, are in cycles of few objects, which the collector would free much too late.
    """
    gc.collect()
    gc.freeze()


def over_stdio(source: CommentSource, limits: ServeLimits) -> None:
    """Serve MCP on stdin and stdout until the client closes them; logs go to stderr."""
    log.set_up()

    async def serve() -> None:
        made = mcp_tools.server(Service(source, limits, Metrics(), tidy=gc.collect))
        _freeze()
        async with stdio_server() as (incoming, outgoing):
            await made.run(incoming, outgoing, made.create_initialization_options())

    anyio.run(serve)
