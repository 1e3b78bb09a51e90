"""The rendered chart's EventSource and Sensors in the sandbox: signed deliveries in, Workflows out.

The forge posts what happens in it as GitHub posts webhooks: signed, over HTTP (under virtual time in-process).
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import httpx

from pressplay.clock import Clock
from pressplay.cluster.ledger import PART_OF
from pressplay.cluster.port import Cluster, Manifest
from pressplay.errors import InputError, TryAgain
from pressplay.events.receive import DeliveryAnswer, Receiver
from pressplay.events.webhook import Delivery
from pressplay.sandbox.forge import Event
from pressplay.sandbox.forge.store import as_json


@dataclass(frozen=True)
class _Webhook:
    """What the rendered EventSource says: where it listens, which events it wants, whose secret signs them."""

    endpoint: str
    events: frozenset[str]
    max_bytes: int
    secret_name: str
    secret_key: str
    namespace: str

    @staticmethod
    def of(manifests: Iterable[Mapping[str, Any]]) -> _Webhook:
        sources = [manifest for manifest in manifests if manifest["kind"] == "EventSource"]
        if len(sources) != 1 or list(sources[0]["spec"].get("github", {})) != ["github"]:
            raise InputError(
                "the rendered chart: expected one EventSource with one GitHub event, as events.enabled and a "
                f"repository in the values make, got {len(sources)}"
            )
        source = sources[0]["spec"]["github"]["github"]
        return _Webhook(
            endpoint=source["webhook"]["endpoint"],
            events=frozenset(source["events"]),
            max_bytes=int(source["webhook"]["maxPayloadSize"]),
            secret_name=source["webhookSecret"]["name"],
            secret_key=source["webhookSecret"]["key"],
            namespace=sources[0]["metadata"]["namespace"],
        )


class EventSource:
    """Receives deliveries over WSGI and creates what the Sensors make of them."""

    def __init__(
        self, cluster: Cluster, manifests: Sequence[Manifest], clock: Clock, say: Callable[[str], None]
    ) -> None:
        """Read EventSource and Sensors; InputError where `manifests` have none, or hold an unknown construct."""
        self._cluster, self._clock = cluster, clock
        self._webhook = _Webhook.of(manifests)
        self._receiver = Receiver(manifests, self.secret, self._webhook.max_bytes, say)
        data = {self._webhook.secret_key: base64.b64encode(secrets.token_hex(32).encode()).decode()}
        metadata = {"name": self._webhook.secret_name, "namespace": self._webhook.namespace, "labels": dict(PART_OF)}
        cluster.create({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data})

    @property
    def endpoint(self) -> str:
        """The path that takes deliveries."""
        return self._webhook.endpoint

    def wants(self, event: str) -> bool:
        """Whether a webhook set up for this EventSource sends events of this name."""
        return event in self._webhook.events

    def secret(self) -> bytes:
        """What deliveries are signed with."""
        secret = self._cluster.get("Secret", self._webhook.namespace, self._webhook.secret_name)
        if secret is None:
            raise InputError(f"no Secret {self._webhook.secret_name!r} with the webhook's secret")
        return base64.b64decode(secret["data"][self._webhook.secret_key])

    def receive(self, headers: Mapping[str, str], body: bytes) -> DeliveryAnswer:
        """Check a delivery and create its Workflows; one that exists by its name is left as it is (R1)."""
        answer = self._receiver.receive(headers, body, self._clock.now())
        for manifest in answer.started:
            self._cluster.create(manifest)
        return answer

    def wsgi(self, environ: Mapping[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """The WSGI application: the endpoint, and nothing else."""
        status, text = HTTPStatus.NOT_FOUND, "404 page not found"
        if environ.get("PATH_INFO") == self._webhook.endpoint:
            # One byte over the limit shows that a body is too large.
            length = min(int(environ.get("CONTENT_LENGTH") or 0), self._webhook.max_bytes + 1)
            headers = {key[5:].replace("_", "-"): value for key, value in environ.items() if key.startswith("HTTP_")}
            headers["Content-Type"] = str(environ.get("CONTENT_TYPE", ""))
            try:
                answer = self.receive(headers, environ["wsgi.input"].read(length))
                status, text = HTTPStatus(answer.status), answer.text
            except TryAgain:
                # GitHub does not deliver again by itself; `reconcile` sees what was missed.
                status, text = HTTPStatus.INTERNAL_SERVER_ERROR, "try again"
        start_response(f"{status.value} {status.phrase}", [("Content-Type", "text/plain; charset=utf-8")])
        return [text.encode()]


class Hook:
    """The forge's side of the webhook: posts what happened, signed, once."""

    def __init__(
        self,
        source: EventSource,
        url: str,
        transport: httpx.BaseTransport | None,
        answered: Callable[[Delivery, int], None] = lambda _delivery, _status: None,
    ) -> None:
        """`url` is the endpoint's address; `transport` reaches it in-process under virtual time.

        `answered` is called with each delivery and its status, 0 where nobody answered.
        """
        self._source = source
        self._url = url
        self._answered = answered
        self._client = httpx.Client(transport=transport, timeout=10.0)

    def delivery(self, event: Event) -> Delivery | None:
        """An event as it is delivered; None where the webhook is not set up for its like."""
        if not self._source.wants(event.name):
            return None
        return Delivery(event.name, event.delivery, as_json(event.payload))

    def post(self, delivery: Delivery) -> int:
        """Deliver; the status, 0 where nobody answered. Like GitHub it does not try again (R2)."""
        headers = delivery.headers(self._source.secret())
        try:
            status = self._client.post(self._url, content=delivery.body, headers=headers).status_code
        except httpx.HTTPError:
            status = 0
        self._answered(delivery, status)
        return status

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


class Network:
    """Between the forge and the EventSource; this one delivers at once. Tests replace it by a worse one."""

    def __init__(self, hook: Hook) -> None:
        """`hook` delivers."""
        self.hook = hook

    def send(self, delivery: Delivery) -> None:
        """Take a delivery from the forge."""
        self.hook.post(delivery)

    def deliver(self) -> bool:
        """Deliver what has become due; whether anything was."""
        return False

    def next_due(self) -> float | None:
        """When something becomes due; None where nothing is under way."""
        return None
