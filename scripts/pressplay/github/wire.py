"""The transport between our clients and GitHub: the breaker, and a cache of answers by ETag.

Each GET is sent, with the ETag of the last answer: if GitHub says that nothing changed (304), which
counts against no limit, that answer is returned again. It is never returned without asking.

Source: RFC 9110, 13.1.2 (If-None-Match) and 15.4.5 (304); docs.github.com, "Best practices for using the REST API".
"""

from __future__ import annotations

import json
import ssl
import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from functools import cache
from typing import Any

import httpx

from pressplay.clock import Clock
from pressplay.github.breaker import Breaker, limit_of

MOST_ANSWERS = 1000
MOST_BYTES = 16 << 20
LARGEST_ANSWER = 1 << 20
"""Bytes. A larger answer is not kept, and is fetched again each time."""
_OF_THE_WAY = ("content-encoding", "content-length", "transfer-encoding")
"""Headers about how a body was sent, not about its content."""
_OVERHEAD = 2048
"""Bytes that an answer takes besides its body, roughly."""


@cache
def tls() -> ssl.SSLContext:
    """How certificates are checked: against SSL_CERT_FILE or SSL_CERT_DIR where set, else the public authorities.

    Made once, since reading the authorities takes longer than a call.
    """
    return httpx.create_ssl_context()


class Network(httpx.BaseTransport):
    """The way out: one pool of connections for all clients, by the environment's proxies."""

    def __init__(self, timeout: float) -> None:
        """`timeout` in seconds, of a request that brings none of its own."""
        self._client = httpx.Client(verify=tls(), timeout=timeout)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send it as it is."""
        # A transport that is handed to httpx loses the environment's proxies; a client of its own has them.
        sent = self._client.send(request, stream=True, auth=None, follow_redirects=False)
        return httpx.Response(sent.status_code, headers=sent.headers, stream=sent.stream, extensions=sent.extensions)

    def close(self) -> None:
        """Does nothing: githubkit closes its client's transport after each call. See `end`."""

    def end(self) -> None:
        """Close the connections."""
        self._client.close()


@dataclass(frozen=True)
class _Kept:
    etag: str
    headers: httpx.Headers
    body: bytes

    def again(self, response: httpx.Response) -> httpx.Response:
        """This answer again, with the headers of the 304: limits, date, pages."""
        headers = httpx.Headers(self.headers)
        headers.update({name: text for name, text in response.headers.items() if not name.startswith("content-")})
        return httpx.Response(httpx.codes.OK, headers=headers, content=self.body, extensions=response.extensions)


class AnswerCache:
    """The newest answers with an ETag, of all clients of a process; bounded in number and bytes."""

    def __init__(self, most: int = MOST_ANSWERS, most_bytes: int = MOST_BYTES) -> None:
        """What was not asked for the longest time goes first."""
        self._most, self._most_bytes = most, most_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()
        self.bytes = 0
        """How many bytes are held."""

    def __len__(self) -> int:
        return len(self._kept)

    def of(self, key: Hashable) -> _Kept | None:
        """The answer under this key."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def keep(self, key: Hashable, response: httpx.Response) -> None:
        """Keep an answer, if it may be kept, and drop the one before it."""
        kept = _to_be_kept(response)
        if kept is None:
            return
        with self._lock:
            before = self._kept.pop(key, None)
            if before is not None:
                self.bytes -= len(before.body) + _OVERHEAD
            self._kept[key] = kept
            self.bytes += len(kept.body) + _OVERHEAD
            while len(self._kept) > self._most or self.bytes > self._most_bytes:
                _, oldest = self._kept.popitem(last=False)
                self.bytes -= len(oldest.body) + _OVERHEAD


def _to_be_kept(response: httpx.Response) -> _Kept | None:
    etag = response.headers.get("etag")
    if response.status_code != httpx.codes.OK or not etag or not _is_json(response):
        return None
    if len(response.content) > LARGEST_ANSWER:
        return None
    try:
        body = json.loads(response.content)
    except ValueError:
        # It broke off on its way: given again, it would stay broken for as long as nothing changes.
        return None
    if _may_grow_unseen(response, body):
        return None
    headers = [pair for pair in response.headers.multi_items() if pair[0] not in _OF_THE_WAY]
    return _Kept(etag, httpx.Headers(headers), response.content)


def _may_grow_unseen(response: httpx.Response, body: Any) -> bool:
    """Whether this is a full last page: only the Link header shows that another follows, and no ETag covers it."""
    wanted = response.request.url.params.get("per_page", "")
    if not wanted.isdecimal() or "next" in response.links:
        return False
    lists = [body, *body.values()] if isinstance(body, dict) else [body]
    return any(isinstance(items, list) and len(items) >= int(wanted) for items in lists)


def _is_json(response: httpx.Response) -> bool:
    return str(response.headers.get("content-type", "")).startswith("application/json")


@dataclass(frozen=True, eq=False)
class Wire(httpx.BaseTransport):
    """One client's way to GitHub."""

    network: httpx.BaseTransport
    api: httpx.URL
    clock: Clock
    breaker: Breaker
    answers: AnswerCache
    app: str
    """As which App the client calls."""
    limits: tuple[str, str]
    """The breaker's keys that hold it back: the App's, and its installation's."""
    whose: Hashable | None = None
    """To whom its answers are given again. None: it is the App itself, and nothing is kept."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; RateLimited where GitHub asks for none, or says so now."""
        if request.url.netloc != self.api.netloc:
            # Where GitHub sent us on to, a log's storage for example: its limits are not GitHub's.
            return self.network.handle_request(request)
        what = f"{request.method} {self._path(request.url)} as App {self.app!r}"
        self.breaker.check(self.limits, what)
        key = (self.whose, str(request.url), request.headers.get("accept"))
        asks_again = self.whose is not None and request.method == "GET"
        kept = self.answers.of(key) if asks_again else None
        request.headers.pop("if-none-match", None)
        if kept is not None:
            request.headers["if-none-match"] = kept.etag
        response = self.network.handle_request(request)
        response.request = request
        try:
            if _is_json(response) or not response.is_success:
                # Also what has no body: a connection whose answer was not read to its end serves no further call.
                response.read()
                self._judge(response, what)
        except BaseException:
            response.close()
            raise
        if kept is not None and response.status_code == httpx.codes.NOT_MODIFIED:
            return kept.again(response)
        if asks_again:
            self.answers.keep(key, response)
        return response

    def _path(self, url: httpx.URL) -> str:
        """The path below the API's own, as it is sent: nothing in it can be taken for code (R7)."""
        return url.raw_path.partition(b"?")[0].decode("ascii").removeprefix(self.api.path.rstrip("/"))

    def _judge(self, response: httpx.Response, what: str) -> None:
        limit = limit_of(response, self.clock.now())
        if limit is not None:
            # Each installation has an hour's calls of its own, and so has the App itself.
            of_app, of_installation = self.limits
            key = of_installation if limit.primary and self.whose is not None else of_app
            raise self.breaker.hold(key, limit.seconds, what)
