"""Signed deliveries to a real EventSource: the Sensor makes the Workflows that `event explain` tells of; they work."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import event_cases
import httpx
import pytest
import yaml
from cluster import apply, get, kubectl, listed, run, until
from installation import BODY, LIMIT, NAMESPACE, REPO, Installed, has_ended, install, project_of, reconciling
from pulls import AGAIN, REVIEWED, SETTINGS, assert_approved, comments, head_of, opened, roles
from services import PRESSPLAY, forwarded

from pressplay import names
from pressplay.events import webhook

SECRET = "press-play-webhook"
ENDPOINT = "/github"
LARGEST = 1_000_000
"""Bytes of a payload that are taken: what any bus carries, and more than any payload here."""
STARTED = "press-play/flow,press-play/flow!=reconcile"
"""What events start."""
SHORTEST = 10
"""Seconds of the shortest window of any flow, by the chart's defaults."""

pytestmark = [pytest.mark.rule("R1"), pytest.mark.timeout(4 * LIMIT)]


@pytest.fixture(autouse=True)
def argo_events() -> None:
    if "eventsources.argoproj.io" not in kubectl("get", "crds", "-o", "name"):
        pytest.skip("the cluster has no Argo Events; see tests/e2e/README.md")


def events_of(start: str) -> dict[str, Any]:
    """Values for events, over the bus that README.md asks for or one of our own."""
    there = os.environ.get("PRESSPLAY_E2E_EVENTBUS")
    ours = {"create": True, "replicas": 1, "persistence": {"enabled": False}}
    bus = {"create": False, "name": there} if there else ours
    return {"start": start, "bus": bus, "webhook": {"maxPayloadSize": LARGEST}}


@dataclass
class Source:
    """The EventSource of a release, from this machine."""

    installed: Installed
    url: str
    secret: bytes

    def post(self, body: bytes, **headers: str) -> int:
        """Deliver a push, signed unless headers say otherwise; the status that came back."""
        return self.deliver(webhook.Delivery("push", "72d3162e-cc78-11e3-81ab-4c9367dc0958", body), **headers)

    def deliver(self, delivery: webhook.Delivery, **headers: str) -> int:
        signed = {**delivery.headers(self.secret), **headers}
        return httpx.post(self.url, content=delivery.body, headers=signed, timeout=30).status_code

    def is_heard(self) -> bool:
        """Whether a push that is delivered makes a Workflow in a moment."""
        assert self.post(push(REPO)) == 200
        time.sleep(2)
        return bool(made())


@pytest.fixture
def source(request: pytest.FixtureRequest, controller_namespace: str, tmp_path: Path) -> Iterator[Source]:
    """A release with the values of `request.param`, once its EventSource and its Sensor listen."""
    secret = secrets.token_hex(16)
    kept = {"name": SECRET, "namespace": NAMESPACE, "labels": {"app.kubernetes.io/part-of": "press-play"}}
    apply({"apiVersion": "v1", "kind": "Secret", "metadata": kept, "stringData": {"secret": secret}})
    for installed in install(tmp_path, project_of(tmp_path), "never", request.param, PRESSPLAY_SCRIPT="events"):
        # What begins here is begun by an event.
        reconciling(False)
        until("reconcile to rest", lambda installed=installed: all(map(has_ended, installed.flows("reconcile"))), LIMIT)
        until("the EventSource to be ready", ready, LIMIT, installed.told)
        with forwarded(NAMESPACE, "press-play-eventsource-svc", 12000) as url:
            found = Source(installed, url + ENDPOINT, secret.encode())
            # A Sensor hears nothing of what was delivered before its triggers had subscribed, all in one moment.
            until("the Sensor to listen", found.is_heard, LIMIT, installed.told)
            until("the Sensor to be done", settled, LIMIT)
            kubectl("delete", "workflows", "-n", NAMESPACE, "-l", STARTED, "--wait")
            yield found


def ready() -> bool:
    pods = listed("pods", NAMESPACE, "app.kubernetes.io/part-of=press-play,app.kubernetes.io/component=eventsource")
    conditions = [one for pod in pods for one in pod["status"].get("conditions", [])]
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def push(repo: str) -> bytes:
    """A push to the default branch."""
    payload = event_cases.CASES["a push of our bot to the default branch"].payload()
    payload["repository"]["full_name"] = repo
    return json.dumps(payload).encode()


RECORDED = event_cases.values("all")
RECORDED |= {"repositories": {**RECORDED["repositories"], REPO: {}}, "events": events_of("all")}


@pytest.mark.rule("R8")
@pytest.mark.parametrize("source", [RECORDED], indirect=True)
def test_payloads_of_others_make_the_workflows_that_event_explain_tells_of(source: Source, tmp_path: Path):
    # What the Workflows do is not asked here: without their templates they end at once.
    for kind in ("cronworkflows", "workflowtemplates"):
        kubectl("delete", kind, "-n", NAMESPACE, "-l", "app.kubernetes.io/part-of=press-play")
    values, secret, payloads = tmp_path / "values.yaml", tmp_path / "secret", written(tmp_path / "payloads")
    values.write_text(yaml.safe_dump(RECORDED))
    secret.write_bytes(source.secret)
    deliver = (PRESSPLAY, "event", "replay", str(payloads), "--url", source.url, "--secret-file", str(secret))

    began = time.time()
    sent = run(*deliver).stdout.splitlines()
    assert len(sent) == len(event_cases.FILES) + len(event_cases.CASES)
    assert all(line.endswith(": 200") for line in sent)
    explained = Explained(payloads, values, began)
    until(
        "every Workflow to be made", lambda: not explained.missing(made()), 120, lambda: str(explained.missing(made()))
    )
    until("the Sensor to be done", settled, LIMIT)
    found = made()
    explained.assert_each_is(found)
    print(f"{len(sent)} payloads, of which {len(explained.starting())} start something: {len(found)} Workflows")

    before = set(found)
    body = push(REPO)
    assert source.post(body, **{webhook.SIGNATURE: webhook.sign(b"another", body)}) == 400
    assert source.post(body, **{webhook.SIGNATURE: ""}) == 400
    assert source.post(body + b" " * LARGEST) == 400
    assert source.post(body[:-1]) == 400
    assert settled()
    assert set(made()) == before


def written(folder: Path) -> Path:
    """The recorded payloads and the cases that are made of them, as files that `event` reads."""
    for file in event_cases.FILES:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(event_cases.PAYLOADS / file, folder / file)
    for number, case in enumerate(event_cases.CASES.values()):
        event = case.file.partition("/")[0]
        (folder / event / f"case-{number}.json").write_text(json.dumps(case.payload()))
    return folder


class Explained:
    """What `event explain` tells of a folder for each window since a moment: Workflows by payload."""

    def __init__(self, payloads: Path, values: Path, since: float) -> None:
        self.command = (PRESSPLAY, "event", "explain", str(payloads), "-f", str(values), "--json", "--at")
        self.at = since
        self.by_payload: dict[str, dict[str, dict[str, Any]]] = {}

    def until_now(self) -> None:
        # A Workflow is named for the window in which the Sensor made it, which may be later than the delivery's.
        while self.at < time.time() + SHORTEST:
            for payload in json.loads(run(*self.command, f"{self.at:.3f}").stdout)["payloads"]:
                told = self.by_payload.setdefault(payload["file"], {})
                told.update({flow["workflow"]: flow for flow in payload["flows"]})
            self.at += SHORTEST

    def starting(self) -> list[str]:
        return [payload for payload, told in self.by_payload.items() if told]

    def missing(self, found: Mapping[str, Any]) -> list[str]:
        """The payloads that start something of which nothing is there."""
        self.until_now()
        return [payload for payload in self.starting() if not set(self.by_payload[payload]) & set(found)]

    def assert_each_is(self, found: Mapping[str, dict[str, Any]]) -> None:
        """Every Workflow that was found is one that was told of, and is what was told."""
        self.until_now()
        told = {name: flow for payload in self.by_payload.values() for name, flow in payload.items()}
        assert sorted(set(found) - set(told)) == []
        for name, workflow in found.items():
            assert workflow["metadata"]["labels"]["press-play/flow"] == told[name]["flow"]
            assert workflow["spec"]["workflowTemplateRef"] == {"name": told[name]["flow"]}
            given = {one["name"]: one["value"] for one in workflow["spec"]["arguments"]["parameters"]}
            assert given == told[name]["parameters"]


def made() -> dict[str, dict[str, Any]]:
    """The Workflows of flows that events start, by name."""
    return {one["metadata"]["name"]: one for one in listed("workflows", NAMESPACE, STARTED)}


def settled() -> bool:
    """Whether nothing was made for as long as a Sensor may take for anything."""
    before = set(made())
    time.sleep(15)
    return set(made()) == before


WORKING = {**SETTINGS, "events": events_of("label")}


@pytest.mark.rule("R2")
@pytest.mark.rule("R7")
@pytest.mark.parametrize("source", [WORKING], indirect=True)
def test_what_a_person_does_on_the_forge_is_worked_on_by_its_webhooks_alone(source: Source):
    installed, hook = source.installed, Hook(source)
    pull = opened(installed, "of-a-person")
    hook.until("the pull request to be reviewed", lambda: worked(installed, "pull-request"))
    assert_approved(installed, pull)
    before, head = roles(installed, names.pull_request_number(pull)), head_of(installed, pull)
    assert before == REVIEWED

    installed.person.ask("POST", f"/issues/{pull}/comments", json={"body": BODY})
    hook.until("the comment to be worked in", lambda: worked(installed, "comments"))
    assert_approved(installed, pull)
    assert head_of(installed, pull) != head
    said = [body for login, body in comments(installed, pull) if login == "rex[bot]"]
    assert sum(body.count("Done, ") for body in said) == 1
    assert roles(installed, names.pull_request_number(pull)) == [*before, "comments", *AGAIN]

    installed.person.ask("PUT", f"/pulls/{pull}/merge", json={"sha": head_of(installed, pull)})
    hook.until("the merge to be told of", lambda: worked(installed, "signal"))
    assert {flow["status"]["phase"] for flow in made().values()} == {"Succeeded"}
    log = installed.starts()
    assert len({start[0] for start in log}) == len(log), f"a run was started twice: {log}"


def worked(installed: Installed, flow: str) -> bool:
    """Whether Workflows of this flow were made, and none of any flow is under way."""
    return bool(installed.flows(flow)) and all(map(has_ended, made().values()))


class Hook:
    """The forge's webhook: what happened there is delivered twice, as GitHub may."""

    def __init__(self, source: Source) -> None:
        self.source, self.seen = source, 0
        kept = get("eventsource", NAMESPACE, "press-play")
        assert kept is not None
        self.wanted = set(kept["spec"]["github"]["github"]["events"])

    def until(self, what: str, done: Any) -> None:
        """Deliver until it is so."""
        until(what, lambda: self.deliver() or done(), LIMIT, self.source.installed.told)

    def deliver(self) -> None:
        for event in self.source.installed.person.forge.events(self.seen):
            self.seen = event.seq
            if event.name not in self.wanted:
                continue
            delivery = webhook.Delivery(event.name, event.delivery, json.dumps(event.payload).encode())
            for _ in range(2):
                assert self.source.deliver(delivery) == 200, event
