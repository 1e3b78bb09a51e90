"""The Argo Server, by HTTP. Kubernetes itself does not know how to end a suspended node.

Source: Argo Workflows' REST API (`/api/v1/workflows/…`), and its "Argo Server Auth Mode": `client` takes Kubernetes'
bearer tokens, `server` wants none.
"""

from __future__ import annotations

import os
import ssl
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx

from pressplay.errors import TryAgain

_TOKEN = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
_SECONDS = 30.0


class Unreachable(TryAgain):
    """There was no answer. `untrusted`: because no trusted authority signed the server's certificate."""

    def __init__(self, message: str, *, untrusted: bool) -> None:
        super().__init__(message)
        self.untrusted = untrusted


class ArgoServer:
    """One Argo Server, and how we show who we are there."""

    def __init__(
        self,
        url: str,
        ca: str | None = None,
        token: str | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """`ca`: its authority's certificates as PEM, by default the system's; `transport` replaces the network.

        `token`: a bearer token, by default the ServiceAccount's if this runs in a pod; empty: none (the server's
        auth mode `server` refuses a request that carries one).
        """
        self.url = url.rstrip("/")
        self._ca, self._token, self._transport = ca, token, transport

    @classmethod
    def from_environment(cls) -> ArgoServer | None:
        """By PRESSPLAY_ARGO_URL, _CA (PEM), _TOKEN and _AUTH (`none`: send no token); None without an address."""
        environment = os.environ
        url = environment.get("PRESSPLAY_ARGO_URL", "")
        token = environment.get("PRESSPLAY_ARGO_TOKEN") or None
        none = environment.get("PRESSPLAY_ARGO_AUTH") == "none"
        return cls(url, environment.get("PRESSPLAY_ARGO_CA") or None, "" if none else token) if url else None

    @property
    def token(self) -> str:
        """The token that is sent; empty for none. A pod's own is read again each time, since it changes hourly."""
        if self._token is not None:
            return self._token
        return _TOKEN.read_text().strip() if _TOKEN.exists() else ""

    @cached_property
    def _trusted(self) -> ssl.SSLContext:
        """Whom certificates are checked against, read once: that takes longer than a call."""
        return ssl.create_default_context(cadata=self._ca) if self._ca else httpx.create_ssl_context()

    def call(self, method: str, path: str, json: Any = None) -> httpx.Response:
        """The answer, also an error; Unreachable, a TryAgain, without one."""
        token = self.token
        try:
            with httpx.Client(
                transport=self._transport,
                verify=self._trusted,
                timeout=_SECONDS,
            ) as client:
                headers = {"Authorization": f"Bearer {token}"} if token else {}
                return client.request(method, f"{self.url}{path}", json=json, headers=headers)
        except httpx.HTTPError as error:
            untrusted = "CERTIFICATE_VERIFY_FAILED" in str(error)
            raise Unreachable(f"Argo Server {self.url}: {type(error).__name__}", untrusted=untrusted) from error
        except ssl.SSLError as error:
            raise Unreachable(
                f"Argo Server {self.url}: its authority's certificate is not PEM", untrusted=True
            ) from error


def words(answer: httpx.Response) -> str:
    """What the server says in an answer that refuses."""
    try:
        return str(answer.json().get("message", ""))
    except (ValueError, AttributeError):
        return answer.text[:200]
