"""Deliveries: signed, checked and logged as the GitHub EventSource of Argo Events does it."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any
from urllib.parse import urlencode

import pytest
from sensors import EVENT, SENSOR

from pressplay.errors import InputError
from pressplay.events import webhook
from pressplay.events.receive import Receiver

SECRET = b"It's a Secret to Everybody"
BODY = json.dumps(EVENT).encode()
NOW = 1_767_225_600.0
OLD = f"sha1={hmac.new(SECRET, BODY, hashlib.sha1).hexdigest()}"
LONG = f"sha512={hmac.new(SECRET, BODY, hashlib.sha512).hexdigest()}"


class Taken:
    """A receiver of the small Sensor, and what it said."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.receiver = Receiver([SENSOR], lambda: SECRET, 10_000, self.said.append)

    def __call__(self, body: bytes = BODY, **changes: str | None) -> tuple[int, str, int]:
        headers: dict[str, str | None] = {**webhook.Delivery("pull_request", "guid-1", body).headers(SECRET)}
        headers.update({key.replace("_", "-"): value for key, value in changes.items()})
        sent = {key: value for key, value in headers.items() if value is not None}
        answer = self.receiver.receive(sent, body, NOW)
        return answer.status, answer.text, len(answer.started)


@pytest.fixture
def taken() -> Taken:
    return Taken()


def test_a_signature_is_githubs():
    # The example of GitHub's documentation.
    assert webhook.sign(SECRET, b"Hello, World!") == (
        "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    )


def test_a_signed_delivery_starts_its_workflow_and_says_so(taken: Taken):
    assert taken() == (200, "success", 1)
    assert taken.said == ["delivery guid-1 (pull_request): starts review as review-7"]


def test_headers_count_whatever_their_letters_case(taken: Taken):
    headers = {key.lower(): value for key, value in webhook.Delivery("pull_request", "1", BODY).headers(SECRET).items()}
    assert len(taken.receiver.receive(headers, BODY, NOW).started) == 1


def test_a_form_is_taken_as_argo_events_takes_it(taken: Taken):
    form = urlencode({"payload": BODY.decode()}).encode()
    assert taken(form, Content_Type="application/x-www-form-urlencoded") == (200, "success", 1)


@pytest.mark.rule("R8")
@pytest.mark.parametrize(
    ("body", "headers", "reason"),
    [
        (BODY, {"X_Hub_Signature_256": None}, "missing signature"),
        (BODY, {"X_Hub_Signature_256": ""}, "missing signature"),
        (BODY, {"X_Hub_Signature_256": None, "X_Hub_Signature": OLD}, "missing signature"),
        (BODY, {"X_Hub_Signature_256": webhook.sign(b"x", BODY), "X_Hub_Signature": OLD}, "the signature is wrong"),
        (BODY, {"X_Hub_Signature_256": OLD}, "the signature is not sha256="),
        (BODY, {"X_Hub_Signature_256": LONG}, "the signature is not sha256="),
        (BODY, {"X_Hub_Signature_256": webhook.sign(b"x", BODY)}, "the signature is wrong"),
        (BODY, {"X_Hub_Signature_256": webhook.sign(b"", BODY)}, "the signature is wrong"),
        (BODY, {"X_Hub_Signature_256": webhook.sign(SECRET, BODY)[7:]}, "the signature is not sha256="),
        (BODY, {"X_Hub_Signature_256": "md5=00"}, "the signature is not sha256="),
        (BODY, {"X_Hub_Signature_256": "sha256="}, "the signature is not sha256="),
        (BODY, {"X_Hub_Signature_256": "sha256=é"}, "the signature is not sha256="),
        (b"x" * 10_001, {}, "the payload is larger than 10000 bytes"),
        (BODY, {"Content_Type": None}, "the Content-Type is not application/json"),
        (BODY, {"Content_Type": "text/plain"}, "the Content-Type is not application/json"),
        (b"", {}, "the payload is not JSON"),
        (b"{", {}, "the payload is not JSON"),
        (b'{"a": NaN}', {}, "the payload is not JSON"),
        (b'{"a": 1e999}', {}, "the payload is not JSON"),
        (b'{"a": 1' + b"0" * 400 + b"}", {}, "the payload is not JSON"),
        (b'{"a":' * 1600 + b"1" + b"}" * 1600, {}, "the payload is not JSON"),
        (b"\xef\xbb\xbf{}", {}, "the payload is not JSON"),
        (b"[]", {}, "the payload is not a JSON object"),
        (b"null", {}, "the payload is not a JSON object"),
    ],
)
def test_what_argo_events_would_not_take_is_answered_400_and_starts_nothing(
    taken: Taken, body: bytes, headers: dict[str, str | None], reason: str
):
    status, text, started = taken(body, **headers)
    assert (status, started) == (400, 0)
    assert text.startswith(reason)
    assert taken.said == [f"delivery guid-1 (pull_request): refused: {text}"]


@pytest.mark.rule("R7")
def test_unsigned_headers_are_not_repeated_in_the_log(taken: Taken):
    taken(X_GitHub_Delivery="x\ninjected: line", X_GitHub_Event="$(reboot)", X_Hub_Signature_256="sha256=$(reboot)")
    taken(X_GitHub_Delivery=None, X_GitHub_Event=None)
    assert taken.said == [
        "delivery without a GUID (no event): refused: the signature is not sha256=<64 hexadecimal digits>",
        "delivery without a GUID (no event): starts nothing: no flow is for such an event",
    ]


def test_a_receiver_without_a_secret_takes_nothing():
    receiver = Receiver([SENSOR], lambda: b"", 10_000, lambda _line: None)
    headers = webhook.Delivery("pull_request", "1", BODY).headers(b"")
    with pytest.raises(InputError, match="the webhook's secret is empty"):
        receiver.receive(headers, BODY, NOW)


def test_a_sensor_sees_the_payload_with_the_events_name_and_the_headers_as_go_writes_them():
    payload: dict[str, Any] = {
        "number": 7,
        "X-GitHub-Event": "forged",
        "text": "\ud83d alone",
        "large": 2**53 + 1,
        "f": 7.0,
    }
    seen = webhook.as_sensor_sees("push", "guid-1", payload, {"x-github-event": "push", "X-Real-IP": "::1"})
    assert seen["headers"] == {
        "Content-Type": ["application/json"],
        "X-Github-Event": ["push"],
        "X-Real-Ip": ["::1"],
        "X-Github-Delivery": ["guid-1"],
    }
    assert seen["body"] == {
        "number": 7,
        "X-GitHub-Event": "push",
        "X-GitHub-Delivery": "guid-1",
        "text": "\ufffd alone",
        "large": 2**53,
        "f": 7,
    }
