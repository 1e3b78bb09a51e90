"""The server's HTTP: a gate that every request passes, the operations' addresses, MCP, health and metrics."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import anyio.to_thread
from mcp.server.transport_security import TransportSecuritySettings
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from pressplay.serve import log, mcp_tools
from pressplay.serve.auth import Authenticator
from pressplay.serve.buckets import Buckets
from pressplay.serve.callers import Caller
from pressplay.serve.config import Config
from pressplay.serve.mcp_tools import CALLER
from pressplay.serve.metrics import MEDIA_TYPE
from pressplay.serve.operations import OPERATIONS, Operation
from pressplay.serve.problems import Problem, later, missing, wrong
from pressplay.serve.service import Service

MCP_PATH = "/mcp"
MESSAGES_EACH = 10
"""Messages of MCP that may come for each call: listing tools, saying hello."""
_OPEN = ("/healthz", "/readyz", "/metrics")
_HERE = ("localhost", "127.0.0.1", "[::1]")
_LONGEST = 8192
"""Bytes of an address, before and after its question mark."""


class State:
    """Whether the server takes requests."""

    def __init__(self, ready: Callable[[], str]) -> None:
        """`ready` says what is missing, or nothing."""
        self._ready = ready
        self.stopping = False

    def missing(self) -> str:
        """What is missing, or nothing."""
        return "stopping" if self.stopping else self._ready()


def application(
    service: Service, authenticator: Authenticator, config: Config, state: State, now: Callable[[], float]
) -> ASGIApp:
    """The whole application; its lifespan is MCP's."""
    # Who listens on one address is called by it.
    own = [] if config.host in ("", "0.0.0.0", "::") else [f"[{config.host}]" if ":" in config.host else config.host]  # noqa: S104
    hosts = [*_HERE, *own, *config.hosts]
    routes = [
        *(_route(service, operation) for operation in OPERATIONS),
        Route("/healthz", _text(lambda: ("ok", 200))),
        Route("/readyz", _text(lambda: (state.missing() or "ok", 503 if state.missing() else 200))),
        Route("/metrics", _metrics(service)),
    ]
    inner = mcp_tools.server(service).streamable_http_app(
        streamable_http_path=MCP_PATH,
        # Each message is answered by itself: any replica may take it, and none has sessions to lose when it stops.
        stateless_http=True,
        json_response=True,
        max_request_body_size=config.limits.body,
        transport_security=TransportSecuritySettings(
            allowed_hosts=[text for host in hosts for text in (host, f"{host}:*")], allowed_origins=config.origins
        ),
        custom_starlette_routes=routes,
    )
    inner.add_exception_handler(HTTPException, _no_address)
    return _Gate(inner, service, authenticator, config, hosts, now)


def _route(service: Service, operation: Operation) -> Route:
    async def answer(request: Request) -> Response:
        query = request.query_params
        if len(query.multi_items()) != len(query.keys()):
            raise wrong("query: each argument may be given once.")
        given: dict[str, Any] = {**query, **request.path_params}
        given["repo"] = f"{given.pop('owner')}/{given.pop('name')}"
        if "format" not in given:
            given["format"] = "markdown" if "text/markdown" in request.headers.get("accept", "") else "json"
        answered = await service.answer(operation, given, request.scope[CALLER], "http")
        return Response(answered.text, media_type=answered.media_type, headers={"Cache-Control": "no-store"})

    async def guarded(request: Request) -> Response:
        try:
            return await answer(request)
        except Problem as problem:
            return refusal(problem)

    return Route(operation.address, guarded, methods=["GET"], name=operation.name)


def _text(status_text: Callable[[], tuple[str, int]]) -> Callable[[Request], Awaitable[Response]]:
    async def answer(_request: Request) -> Response:
        text, status = status_text()
        return Response(f"{text}\n", status, media_type="text/plain")

    return answer


def _metrics(service: Service) -> Callable[[Request], Awaitable[Response]]:
    async def answer(_request: Request) -> Response:
        return Response(service.metrics.text(), media_type=MEDIA_TYPE)

    return answer


def refusal(problem: Problem) -> Response:
    """A problem as an HTTP response."""
    headers = {"Cache-Control": "no-store"}
    if problem.retry_after is not None:
        headers["Retry-After"] = str(problem.retry_after)
    if problem.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="press-play"'
    body = {"error": {"code": problem.code, "message": str(problem)}}
    return JSONResponse(body, problem.status, headers)


async def _no_address(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status == 405:
        return refusal(Problem("method", 405, f"{request.method} is not for this address: everything here is a GET."))
    known = ", ".join([operation.address for operation in OPERATIONS] + [MCP_PATH])
    return refusal(missing(f"There is nothing at this address. There is: {known}."))


class _Gate:
    """What every request passes: who may call, from where, how large and how often."""

    def __init__(
        self,
        app: ASGIApp,
        service: Service,
        authenticator: Authenticator,
        config: Config,
        hosts: list[str],
        now: Callable[[], float],
    ) -> None:
        self._app, self._metrics = app, service.metrics
        self._authenticator, self._config = authenticator, config
        self._hosts = {host.lower() for host in hosts}
        self._messages = Buckets(
            config.limits.calls_per_minute * MESSAGES_EACH, config.limits.burst * MESSAGES_EACH, now
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            await self._passed(scope, receive, send)
        except Problem as problem:
            await refusal(problem)(scope, receive, send)

    async def _passed(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        if scope["path"] not in _OPEN:
            self._from_here(request)
            self._size(request)
            scope[CALLER] = await self._caller(request)
            wait = self._messages.take(scope[CALLER].name)
            if wait:
                raise later("too_many_calls", 429, "There were too many messages.", wait)
            if scope["path"] == MCP_PATH and request.method != "POST":
                # No stream from the server, no session to end: the specification's answer to both.
                raise Problem("method", 405, f"{request.method} is not for {MCP_PATH}: send messages by POST.")
        try:
            with anyio.fail_after(self._config.limits.seconds + 5):
                await self._app(scope, receive, send)
        except TimeoutError as error:
            log.say("gave up", path=MCP_PATH if scope["path"] == MCP_PATH else "other")
            raise later("timeout", 504, "It took too long.", 10) from error

    def _from_here(self, request: Request) -> None:
        """Against DNS rebinding: a web page may not have this server called by a name of its own."""
        host = request.headers.get("host", "").lower()
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
        if name not in self._hosts:
            raise Problem("host", 421, "This server is not known by the name in the header Host (serve.hosts).")
        origin = request.headers.get("origin")
        if origin is not None and origin not in self._config.origins:
            raise Problem("origin", 403, "Web pages of this Origin may not call this server (serve.origins).")

    def _size(self, request: Request) -> None:
        declared = request.headers.get("content-length", "0")
        if not declared.isdecimal() or int(declared) > self._config.limits.body:
            raise Problem("too_large", 413, f"At most {self._config.limits.body} bytes are taken.")
        if max(len(request.scope["query_string"]), len(request.scope["path"])) > _LONGEST:
            raise Problem("too_large", 414, "The address is too long.")

    async def _caller(self, request: Request) -> Caller:
        address = request.client.host if request.client is not None else ""
        header = request.headers.get("authorization", "")
        outcome = "ok"
        try:
            return await anyio.to_thread.run_sync(self._authenticator.caller, header, address)
        except Problem as problem:
            outcome = problem.code
            raise
        finally:
            self._metrics.authentications.labels(outcome).inc()
