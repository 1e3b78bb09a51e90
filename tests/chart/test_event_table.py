"""Which flow each of GitHub's events starts, in both start modes, and never two.

Judged by the chart's own rendering.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import yaml
from charts import ROOT, load, one
from event_cases import CASES, FILES, read, values

from pressplay import names
from pressplay.domain import flows
from pressplay.events import webhook
from pressplay.events.receive import Receiver
from pressplay.events.sensor import Explanation, Sensor, explain
from pressplay.settings import CONFIG_KEY, CONFIG_MAP, Settings, parse
from pressplay.validation import helm

NOW = 1_767_225_600.0 + 17
MODES = ("label", "all")
FLOWS = {flow.name for flow in flows.flows() if flow.rows}
TEXT_KEYS = {
    "title",
    "body",
    "message",
    "description",
    "ref",
    "diff_hunk",
    "summary",
    "text",
    "display_title",
    "output_title",
}


@cache
def _manifests(mode: str) -> list[dict[str, Any]]:
    with TemporaryDirectory() as folder:
        path = Path(folder, "values.yaml")
        path.write_text(yaml.safe_dump(values(mode)))
        return load(helm.template(ROOT, [path]))


@cache
def _settings() -> Settings:
    return parse(one(_manifests("label"), "ConfigMap", CONFIG_MAP)["data"][CONFIG_KEY])


@cache
def _sensors(mode: str) -> tuple[Sensor, ...]:
    return tuple(Sensor.read(_manifests(mode)))


def _explained(mode: str, event: str, payload: Mapping[str, Any]) -> Explanation:
    return explain(_sensors(mode), webhook.as_sensor_sees(event, "72d3162e-cc78-11e3-81ab-4c9367dc0958", payload), NOW)


SUBJECTS = {"deployment_status": "deployment"}
UNCHANGED: dict[str, tuple[str, str]] = {
    "code_scanning_alert/created.payload.json": ("security", "security"),
    "code_scanning_alert/reopened.payload.json": ("security", "security"),
    "dependabot_alert/created.payload.json": ("security", "security"),
    "deployment_status/payload.json": ("signal", "signal"),
    "issues/opened.payload.json": ("", "issue"),
    "merge_group/checks_requested.payload.json": ("merge-group", "merge-group"),
    "issues/opened.with-empty-body.payload.json": ("", "issue"),
    "pull_request/closed.payload.json": ("signal", "signal"),
    "pull_request/opened.payload.json": ("", "pull-request"),
    "pull_request/opened.with-null-body.json": ("", "pull-request"),
    "pull_request/ready_for_review.payload.json": ("", "pull-request"),
    "pull_request/reopened.payload.json": ("", "pull-request"),
    "pull_request/synchronize.payload.json": ("", "pull-request"),
    "pull_request_review_comment/created.payload.json": ("", "comments"),
    "push/with-new-branch.payload.json": ("signal", "signal"),
    "secret_scanning_alert/reopened.payload.json": ("security", "security"),
}
"""The payloads that start something as they are: in start mode label, in start mode all. All others start nothing."""


def _holds(mode: str, event: str, payload: Mapping[str, Any], flow: str) -> Explanation:
    """The event starts exactly this flow (or none), once, and each other flow has its reason."""
    found = _explained(mode, event, payload)
    assert [one.flow for one in found.flows] == ([flow] if flow else [])
    assert {one.flow for one in found.rejected} == FLOWS - {flow}
    for other in found.rejected:
        assert other.reason
        assert other.reason.isprintable()
        assert len(other.reason) < 500
    return found


@pytest.mark.rule("R1")
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("file", FILES)
def test_a_recorded_event_starts_exactly_its_flow_or_nothing(file: str, mode: str):
    payload = read(file)
    event = file.partition("/")[0]
    wanted = UNCHANGED.get(file, ("", ""))[MODES.index(mode)]
    found = _holds(mode, event, payload, wanted)
    if wanted:
        _names_what_it_is_about(found, event, payload)


def test_there_is_a_payload_of_every_kind_of_event():
    assert len({file.partition("/")[0] for file in FILES}) >= 60
    assert set(UNCHANGED) <= set(FILES)


def _number(event: str, payload: Mapping[str, Any]) -> int | None:
    if event in ("issues", "issue_comment"):
        return int(payload["issue"]["number"])
    if event in ("check_run", "workflow_run") and payload[event]["pull_requests"]:
        return int(payload[event]["pull_requests"][0]["number"])
    if event == "deployment_status":
        return int(payload["deployment"]["id"])
    return int(payload["pull_request"]["number"]) if "pull_request" in payload else None


def _names_what_it_is_about(found: Explanation, event: str, payload: Mapping[str, Any]) -> None:
    """Name, labels and parameters are those that reconcile gives the same thing, and nothing else travels (R1, R7)."""
    (started,) = found.flows
    repo, flow, number = payload["repository"]["full_name"], started.flow, _number(event, payload)
    seconds = _settings().flow(flow).window
    window = names.window_at(NOW, seconds)
    parts: list[object] = [window]
    parameters: dict[str, str] = {"repo": repo}
    if number is not None and flow != "security":
        parts.insert(0, number)
        parameters[SUBJECTS.get(event, "issue" if flow == "issue" else "pr")] = str(number)
    if flow == "merge-group":
        commit = payload["merge_group"]["head_sha"]
        parts, parameters = [names.short_commit(commit), window], {"repo": repo, "commit": commit}
    elif flow == "signal":
        parameters["what"] = {"pull_request": payload.get("action"), "push": "pushed", "deployment_status": "deployed"}[
            event
        ]
        pushed = [names.short_commit(payload["after"])] if event == "push" else []
        parts = [parameters["what"], *pushed, *parts]
    else:
        parameters["until"] = str(names.window_until(window, seconds))
    if flow == "pull-request":
        parameters["why"] = "push"
    assert started.workflow_name == names.flow_workflow(flow, repo, *parts)
    assert started.parameters == parameters
    metadata = started.manifest["metadata"]
    assert metadata["namespace"] == "press-play"
    labels = {
        "app.kubernetes.io/part-of": "press-play",
        "press-play/flow": flow,
        "press-play/repo": names.repo_key(repo),
    }
    for subject in ("pr", "issue", "deployment"):
        if subject in parameters:
            labels[f"press-play/{subject}"] = str(number)
    assert metadata["labels"] == labels
    spec = started.manifest["spec"]
    assert spec["workflowTemplateRef"] == {"name": flow}
    assert spec["priority"] == 1000
    assert set(started.manifest) == {"apiVersion", "kind", "metadata", "spec"}


@pytest.mark.rule("R8")
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", CASES)
def test_an_event_of_this_kind_starts_exactly_its_flow_or_nothing(name: str, mode: str):
    case = CASES[name]
    event, payload = case.file.partition("/")[0], case.payload()
    wanted = case.label if mode == "label" else case.all
    found = _holds(mode, event, payload, wanted)
    if wanted:
        _names_what_it_is_about(found, event, payload)
    assert not case.because or case.because in "; ".join(one.reason for one in found.rejected if one.met)


@pytest.mark.rule("R8")
@pytest.mark.parametrize("mode", MODES)
def test_no_event_starts_anything_by_another_signature_than_sha_256(mode: str):
    sha_1 = {"X-Hub-Signature": f"sha1={'0' * 40}"}
    for case in CASES.values():
        event, payload = case.file.partition("/")[0], case.payload()
        for headers in ({}, sha_1, {webhook.SIGNATURE: f"sha1={'0' * 40}"}, {webhook.SIGNATURE: ""}):
            assert explain(_sensors(mode), webhook.as_sensor_sees(event, "guid", payload, headers), NOW).flows == []
    found = explain(_sensors(mode), webhook.as_sensor_sees(event, "guid", payload, sha_1), NOW)
    assert any("X-Hub-Signature-256" in one.reason for one in found.rejected)


def _texts(value: Any, key: str = "") -> set[str]:
    """What people wrote in a payload, as far as it is long enough to be told from our own words."""
    if isinstance(value, dict):
        return set().union(*(_texts(inner, name) for name, inner in value.items()))
    if isinstance(value, list):
        return set().union(*(_texts(inner, key) for inner in value))
    return {value} if isinstance(value, str) and key in TEXT_KEYS and len(value) > 8 else set()


SECRET = b"It's a Secret to Everybody"
LIMIT = 200_000


@dataclass
class Sent:
    """A receiver of the chart's rendering, and what it logged."""

    receiver: Receiver
    said: list[str]

    def send(self, event: str, payload: Mapping[str, Any] | bytes, **headers: str) -> tuple[int, int]:
        """Deliver, signed unless headers say otherwise: the status, and how many Workflows it starts."""
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        delivery = webhook.Delivery(event, "72d3162e-cc78-11e3-81ab-4c9367dc0958", body)
        answer = self.receiver.receive({**delivery.headers(SECRET), **headers}, body, NOW)
        return answer.status, len(answer.started)


@pytest.fixture(params=MODES)
def sent(request: pytest.FixtureRequest) -> Sent:
    said: list[str] = []
    return Sent(Receiver(_manifests(request.param), lambda: SECRET, LIMIT, said.append), said)


@pytest.mark.rule("R7")
@pytest.mark.parametrize("name", [name for name, case in CASES.items() if not (case.label or case.all)])
def test_what_starts_nothing_is_logged_with_a_reason_and_without_its_text(name: str, sent: Sent):
    case = CASES[name]
    assert sent.send(case.file.partition("/")[0], case.payload()) == (200, 0)
    (line,) = sent.said
    assert line.startswith("delivery 72d3162e-cc78-11e3-81ab-4c9367dc0958 (")
    assert "starts nothing: " in line
    assert case.because in line
    assert line.isprintable()
    assert [text for text in _texts(case.payload()) if text in line] == []


@pytest.mark.rule("R8")
def test_what_is_not_signed_by_us_starts_nothing_and_is_logged(sent: Sent):
    payload = CASES["closed by our bot"].payload()
    body = json.dumps(payload).encode()
    assert sent.send("pull_request", payload) == (200, 1)
    assert sent.send("pull_request", payload, **{webhook.SIGNATURE: webhook.sign(b"another", body)}) == (400, 0)
    assert sent.send("pull_request", payload, **{webhook.SIGNATURE: webhook.sign(SECRET, body + b" ")}) == (400, 0)
    assert sent.send("pull_request", payload, **{webhook.SIGNATURE: ""}) == (400, 0)
    assert sent.send("pull_request", payload, **{webhook.SIGNATURE: "sha256=zz"}) == (400, 0)
    assert sent.send("pull_request", b" " * (LIMIT + 1)) == (400, 0)
    assert sent.send("pull_request", body[:-1]) == (400, 0)
    refused = [line.rpartition("refused: ")[2] for line in sent.said if "refused: " in line]
    wrong = "the signature is wrong: signed with another secret, or the payload was changed"
    assert refused == [
        wrong,
        wrong,
        "missing signature: expected X-Hub-Signature-256, which GitHub sends for every webhook with a secret",
        "the signature is not sha256=<64 hexadecimal digits>",
        f"the payload is larger than {LIMIT} bytes",
        "the payload is not JSON",
    ]


@pytest.mark.rule("R1")
def test_all_events_of_a_window_make_one_workflow_of_the_same_parameters(sent: Sent):
    case = CASES["a comment on one with our label"]
    made = []
    for text in ("one", "two", "{{=1+1}} three"):
        body = json.dumps({**case.payload(), "comment": {**case.payload()["comment"], "body": text}}).encode()
        headers = webhook.Delivery("issue_comment", "1", body).headers(SECRET)
        made += [
            *sent.receiver.receive(headers, body, NOW).started,
            *sent.receiver.receive(headers, body, NOW + 20).started,
        ]
    assert len(made) == 6
    assert all(one == made[0] for one in made)
