"""What EventSource and Sensors do with a delivery: check it, judge it, make Workflows; in the sandbox, without a bus.

Source: HandleRoute of pkg/eventsources/sources/github/start.go in Argo Events 1.9.11. It answers 400 to whatever is
wrong with a delivery (too large, unsigned, wrongly signed, no JSON) and does not look at the method; 200 says that an
event was taken, not that it starts anything. A signature by SHA-1 it takes, and the chart's Sensor starts nothing by
it; here such a delivery is answered 400 (docs/reference/argo-differences.md).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from pressplay.cluster.port import Manifest
from pressplay.events import webhook
from pressplay.events.sensor import Sensor, explain, log_line

_ID = re.compile(r"[A-Za-z0-9-]{1,64}")
_EVENT = re.compile(r"[a-z0-9_]{1,64}")


@dataclass(frozen=True)
class DeliveryAnswer:
    """What a sender is answered, and what the delivery starts."""

    status: int
    text: str
    started: list[Manifest] = field(default_factory=list)


class Receiver:
    """Takes deliveries for the Sensors of rendered manifests."""

    def __init__(
        self,
        manifests: Iterable[Mapping[str, Any]],
        secret: Callable[[], bytes],
        max_bytes: int,
        say: Callable[[str], None],
    ) -> None:
        """Read the Sensors (InputError as Sensor.read); `say` gets a line for each delivery, free of its text (R7)."""
        self._sensors = Sensor.read(manifests)
        self._secret = secret
        self._max_bytes = max_bytes
        self._say = say

    def receive(self, headers: Mapping[str, str], body: bytes, now: float) -> DeliveryAnswer:
        """Judge one delivery. The caller applies what it starts, and may do so twice: names make that harmless (R1).

        Raises InputError only for an empty secret.
        """
        event, delivery = webhook.header(headers, webhook.EVENT), webhook.header(headers, webhook.DELIVERY)
        # Headers are not signed: what is no name is not repeated.
        named = delivery if _ID.fullmatch(delivery) else "without a GUID"
        line = f"delivery {named} ({event if _EVENT.fullmatch(event) else 'no event'})"
        try:
            if len(body) > self._max_bytes:
                raise webhook.DeliveryRefused(f"the payload is larger than {self._max_bytes} bytes")
            webhook.verify(self._secret(), body, headers)
            event_view = webhook.sensor_view(event, delivery, webhook.payload_of(headers, body), headers)
        except webhook.DeliveryRefused as error:
            self._say(f"{line}: refused: {error}")
            return DeliveryAnswer(HTTPStatus.BAD_REQUEST, str(error))
        explanation = explain(self._sensors, event_view, now)
        self._say(f"{line}: {log_line(explanation)}")
        return DeliveryAnswer(HTTPStatus.OK, "success", [flow.manifest for flow in explanation.flows])
