"""HTTP against strangers: one request, at an address that was checked, its answer bounded in bytes and in seconds.

The name is resolved once a request, every address that comes back is checked (`Reach.admit_address`), and the
connection goes to one of these very addresses; `Host` and the certificate are by name. No redirect is followed, no
proxy of the environment used, no body decompressed, no connection kept. The time limit is the wall clock's, over
everything: name, handshake, headers and body, however slowly they drip.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import httpcore
import httpx

from pressplay.errors import PressPlayError
from pressplay.gates.acceptance.reach import Address, OutOfReach, Reach, ip
from pressplay.github.wire import tls

BODY = 256 * 1024
"""Bytes of an answer's body that are read; the rest stays unread."""
WIRE = 2 * BODY
"""Bytes of one answer in all, including the headers and what comes before them."""
ADDRESSES = 4
"""Addresses of a name that are tried."""

Resolver = Callable[[str, int], Sequence[str]]
"""(name, port) → IP addresses, in the order in which to try them. OSError where the name has none."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A request."""

    method: str
    address: Address
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class ProbeAnswer:
    """The answer to a request. Everything in it is somebody else's data (R7)."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    """As it was on the wire, still encoded if `Content-Encoding` says so."""
    cut: bool
    """Whether the body was longer than `BODY`."""

    def header(self, name: str) -> str | None:
        """A header's value, several joined by commas; None if there is none."""
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        return ", ".join(values) if values else None


class NoAnswer(PressPlayError):
    """There was no complete answer. The message says why in our own words; `partial` is what had arrived by then."""

    def __init__(self, message: str, partial: ProbeAnswer | None = None) -> None:
        super().__init__(message)
        self.partial = partial


class Client:
    """Makes requests within a reach."""

    def __init__(
        self,
        reach: Reach,
        own: Address | None,
        transport: httpx.BaseTransport | None = None,
        resolve: Resolver | None = None,
    ) -> None:
        """`own`: the deployment's address. `transport`: in-process instead of the network (then no address is checked).

        `resolve`: instead of the system's resolver.
        """
        self._reach = reach
        self._own = own
        self._transport = transport or _PinnedTransport(reach, own, resolve or system_resolver)

    def send(self, ask: Ask, seconds: float) -> ProbeAnswer:
        """Send one request and wait at most `seconds`; OutOfReach if it is not allowed, NoAnswer if it fails."""
        self._reach.admit(ask.address, self._own)
        target = ask.address.target.encode("ascii")
        request = httpx.Request(
            ask.method,
            httpx.URL(
                scheme=ask.address.scheme,
                host=ask.address.host,
                port=ask.address.port,
                raw_path=target,
            ),
            headers=_headers(ask),
            content=ask.body,
            # httpx normalizes paths (`/a/../b`); the `target` extension sends exactly what the plan says.
            extensions={"timeout": dict.fromkeys(("connect", "read", "write", "pool"), seconds), "target": target},
        )
        response: httpx.Response | None = None
        kept = bytearray()
        try:
            with _network_faults(seconds):
                response = self._transport.handle_request(request)
                for piece in _raw(response):
                    kept += piece
                    if len(kept) > BODY:
                        break
        except NoAnswer as error:
            raise NoAnswer(str(error), None if response is None else _answer(response, kept)) from error
        finally:
            if response is not None:
                response.close()
        return _answer(response, kept)


def _answer(response: httpx.Response, body: bytearray) -> ProbeAnswer:
    headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers.raw)
    return ProbeAnswer(response.status_code, headers, bytes(body[:BODY]), len(body) > BODY)


def _headers(ask: Ask) -> dict[str, str]:
    """The request's headers: ours, what the plan sets instead, and what nobody sets but we."""
    headers = httpx.Headers({"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "pressplay-acceptance"})
    headers.update(dict(ask.headers))
    headers.update({"Host": ask.address.authority, "Connection": "close"})
    if ask.body or ask.method in ("POST", "PUT", "PATCH"):
        headers["Content-Length"] = str(len(ask.body))
    return dict(headers)


def _raw(response: httpx.Response) -> Iterable[bytes]:
    stream = response.stream
    if not isinstance(stream, httpx.SyncByteStream):  # pragma: no cover - a transport of the other colour
        raise TypeError(f"expected a transport with a synchronous stream, got {type(stream).__name__}")
    return stream


@contextmanager
def _network_faults(seconds: float) -> Iterator[None]:
    """Turns network faults into NoAnswer, in our own words."""
    try:
        yield
    except (httpcore.TimeoutException, httpx.TimeoutException) as error:
        raise NoAnswer(f"no whole answer within {seconds:g} s") from error
    except (httpcore.ConnectError, httpx.ConnectError) as error:
        raise NoAnswer(f"could not connect: {_cause(error)}") from error
    except (httpcore.NetworkError, httpx.NetworkError) as error:
        raise NoAnswer(f"the connection broke: {_cause(error)}") from error
    except (httpcore.ProtocolError, httpx.ProtocolError) as error:
        raise NoAnswer(f"the answer is not HTTP: {_cause(error)}") from error


def _cause(error: Exception) -> str:
    """The operating system's or the protocol library's message, on one line; for a bad certificate, its fault."""
    cause: BaseException = error
    # httpcore wraps the exception, and cuts the chain of causes.
    while cause.args and isinstance(cause.args[0], BaseException):
        cause = cause.args[0]
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"the certificate is not valid: {cause.verify_message}"
    text = (cause.strerror if isinstance(cause, OSError) else "") or str(cause) or type(cause).__name__
    return " ".join(text.split())[:200]


class _PinnedTransport(httpx.BaseTransport):
    """HTTP/1.1 over connections to checked addresses, one for each request."""

    def __init__(self, reach: Reach, own: Address | None, resolve: Resolver) -> None:
        self._reach, self._own, self._resolve = reach, own, resolve

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        target = request.extensions["target"]
        port = url.port or (443 if url.scheme == "https" else 80)
        # As it goes over the wire: `url.host` would tell a name in its own script.
        address = Address(url.scheme, url.raw_host.decode("ascii"), port, target.decode("ascii"))
        backend = _Checked(self._reach, self._own, self._resolve, address, request.extensions["timeout"]["read"])
        pool = httpcore.ConnectionPool(
            ssl_context=tls() if url.scheme == "https" else None, network_backend=backend, max_connections=1
        )
        try:
            response = pool.handle_request(
                httpcore.Request(
                    request.method,
                    httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=port, target=target),
                    headers=request.headers.raw,
                    content=request.stream,
                )
            )
        except BaseException:
            pool.close()
            raise
        return httpx.Response(response.status, headers=response.headers, stream=_Stream(response, pool))


class _Stream(httpx.SyncByteStream):
    def __init__(self, response: httpcore.Response, pool: httpcore.ConnectionPool) -> None:
        self._response, self._pool = response, pool

    def __iter__(self) -> Iterator[bytes]:
        yield from self._response.iter_stream()

    def close(self) -> None:
        self._response.close()
        self._pool.close()


class _Checked(httpcore.NetworkBackend):
    """Connects to a name's checked addresses, and holds everything after that to one deadline."""

    def __init__(self, reach: Reach, own: Address | None, resolve: Resolver, address: Address, seconds: float) -> None:
        self._reach, self._own, self._resolve, self._address = reach, own, resolve, address
        self._deadline = time.monotonic() + seconds

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - httpcore's signature
        local_address: str | None = None,  # noqa: ARG002
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        if (host, port) != (self._address.host, self._address.port):
            raise OutOfReach("a request went to another host than the one that was checked")
        addresses = [host] if ip(host) is not None else self._resolved(host, port)
        for address in addresses:
            # Check all of them: a name with one good and one bad address is not allowed.
            self._reach.admit_address(self._address, address, self._own)
        fault: Exception = httpcore.ConnectError("the name has no address")
        tried = addresses[:ADDRESSES]
        for index, address in enumerate(tried):
            try:
                # Each address gets a share, so that a silent one does not use up the time of the next.
                share = _left(self._deadline) / (len(tried) - index)
                stream = httpcore.SyncBackend().connect_tcp(address, port, timeout=share)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                fault = error
            else:
                return _Limited(stream, self._deadline)
        raise fault

    def _resolved(self, host: str, port: int) -> Sequence[str]:
        """A name's addresses. The system's resolver has no timeout, so a separate thread waits for it."""
        results: list[Sequence[str] | Exception] = []

        def work() -> None:
            try:
                results.append(self._resolve(self._name(host), port))
            except Exception as error:
                results.append(error)

        thread = threading.Thread(target=work, name="resolver", daemon=True)
        thread.start()
        thread.join(_left(self._deadline))
        if not results:
            raise httpcore.ConnectTimeout("the name was not resolved in time")
        if isinstance(results[0], (OSError, UnicodeError)):
            raise httpcore.ConnectError("the name does not resolve") from None
        if isinstance(results[0], Exception):
            raise results[0]
        return results[0]

    def _name(self, host: str) -> str:
        """The name for the resolver: with a final dot, so that no search domain turns it into a Service."""
        return host if self._reach.loopback or host.endswith(".svc") else f"{host}."


class _Limited(httpcore.NetworkStream):
    """A connection on which every call ends by one deadline and no more than `WIRE` bytes come in."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: float) -> None:
        self._stream, self._deadline = stream, deadline
        self._room = WIRE

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002 - httpcore's signature
        data = self._stream.read(max_bytes, _left(self._deadline))
        self._room -= len(data)
        if self._room < 0:
            raise httpcore.RemoteProtocolError(f"more than {WIRE} bytes for one answer")
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        self._stream.write(buffer, _left(self._deadline))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        stream = self._stream.start_tls(ssl_context, server_hostname, _left(self._deadline))
        return _Limited(stream, self._deadline)

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("the time is up")
    return left


def system_resolver(name: str, port: int) -> list[str]:
    """A name's addresses as the operating system resolves it, each once."""
    entries = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in entries))
