"""A delivery of GitHub's: its headers, its signature, and what a Sensor sees of it.

Signatures: https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries. The EventSource of Argo
Events 1.9.11 (pkg/eventsources/sources/github/start.go, ValidatePayload of go-github 50) takes SHA-1 and SHA-512, too;
every dependency of the chart's Sensor wants SHA-256, so that nothing starts by another one, there or here.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from pressplay.errors import InputError

SIGNATURE = "X-Hub-Signature-256"
EVENT = "X-GitHub-Event"
DELIVERY = "X-GitHub-Delivery"
_PREFIX = "sha256="
_DIGITS = re.compile(r"[0-9a-fA-F]{64}")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_LARGEST_PLAIN = 1e21
"""From here on Go writes a whole number with an exponent."""


class DeliveryRefused(InputError):
    """A delivery that Argo Events does not take; the text never holds anything of the payload (R7)."""


def sign(secret: bytes, body: bytes) -> str:
    """The value of `X-Hub-Signature-256` for this body: `sha256=` and the HMAC in hexadecimal digits."""
    return f"{_PREFIX}{hmac.new(secret, body, hashlib.sha256).hexdigest()}"


def verify(secret: bytes, body: bytes, headers: Mapping[str, str]) -> None:
    """DeliveryRefused unless `headers` hold a SHA-256 signature of `body` by `secret`: no other header counts.

    Raises InputError for an empty secret, with which Argo Events would check nothing.
    """
    if not secret:
        raise InputError("the webhook's secret is empty: expected the text that was entered on GitHub")
    given = header(headers, SIGNATURE)
    if not given:
        raise DeliveryRefused(
            f"missing signature: expected {SIGNATURE}, which GitHub sends for every webhook with a secret"
        )
    digits = given.removeprefix(_PREFIX)
    if digits == given or not _DIGITS.fullmatch(digits):
        raise DeliveryRefused("the signature is not sha256=<64 hexadecimal digits>")
    if not hmac.compare_digest(hmac.new(secret, body, hashlib.sha256).digest(), bytes.fromhex(digits)):
        raise DeliveryRefused("the signature is wrong: signed with another secret, or the payload was changed")


def header(headers: Mapping[str, str], name: str) -> str:
    """A header's value whatever its letters' case; empty if there is none."""
    return next((value for key, value in headers.items() if key.lower() == name.lower()), "")


@dataclass(frozen=True)
class Delivery:
    """One delivery as GitHub makes it."""

    event: str
    """GitHub's name of the event: `pull_request`."""
    delivery_id: str
    """A GUID."""
    body: bytes
    """The payload, JSON."""

    def headers(self, secret: bytes) -> dict[str, str]:
        """The headers that go with it, signed."""
        return {
            "Content-Type": "application/json",
            "User-Agent": "GitHub-Hookshot/press-play",
            EVENT: self.event,
            DELIVERY: self.delivery_id,
            SIGNATURE: sign(secret, self.body),
        }


def payload_of(headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """The payload of a delivery, JSON or a form's field `payload`; DeliveryRefused if it is none."""
    kind = header(headers, "Content-Type").partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        text = parse_qs(body.decode("utf-8", "replace")).get("payload", [""])[0]
    elif kind == "application/json":
        text = body.decode("utf-8", "replace")
    else:
        raise DeliveryRefused("the Content-Type is not application/json")
    return parse(text)


def parse(text: str) -> dict[str, Any]:
    """A payload from its text, with numbers and letters as Go reads them; DeliveryRefused if it is not an object."""
    try:
        payload = json.loads(text, parse_constant=_refuse_constant, parse_int=_number, parse_float=_number)
        if isinstance(payload, dict):
            passed_on: dict[str, Any] = _as_go(payload) if _SURROGATE.search(text) else payload
            return passed_on
    except (ValueError, OverflowError, RecursionError):
        raise DeliveryRefused("the payload is not JSON") from None
    raise DeliveryRefused("the payload is not a JSON object")


def as_sensor_sees(
    event_name: str, delivery_id: str, payload: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """What a Sensor's filters and templates get: `{"headers": {…}, "body": payload + X-GitHub-Event and -Delivery}`.

    `payload` is any JSON object; `sensor_view` takes what `parse` returned. Without `headers` the delivery counts as
    signed, as GitHub sends it.
    """
    return sensor_view(event_name, delivery_id, _as_go(dict(payload)), headers)


def sensor_view(
    event_name: str, delivery_id: str, parsed: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """As `as_sensor_sees`, of a payload that `parse` gave."""
    if headers is None:
        headers = {SIGNATURE: f"{_PREFIX}{'0' * 64}"}
    sent = {"Content-Type": "application/json", **headers, EVENT: event_name, DELIVERY: delivery_id}
    body = {**parsed, EVENT: _whole(event_name), DELIVERY: _whole(delivery_id)}
    return {"headers": {_canonical(name): [value] for name, value in sent.items()}, "body": body}


def _canonical(name: str) -> str:
    return "-".join(part.capitalize() for part in name.split("-"))


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)


def _as_go(value: Any) -> Any:
    """JSON as encoding/json reads it into an interface: each number a float64, no lone surrogates."""
    if isinstance(value, dict):
        return {_whole(key): _as_go(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_as_go(inner) for inner in value]
    if isinstance(value, str):
        return _whole(value)
    return value if isinstance(value, bool) or value is None else _number(value)


def _number(text: str | float) -> int | float:
    """A float64, as an int where Go writes it with digits alone."""
    number = float(text)
    if math.isinf(number) or math.isnan(number):
        raise OverflowError
    negative_zero = number == 0 and math.copysign(1, number) < 0
    return int(number) if number.is_integer() and abs(number) < _LARGEST_PLAIN and not negative_zero else number


def _whole(text: str) -> str:
    return re.sub("[\ud800-\udfff]", "\ufffd", text)
