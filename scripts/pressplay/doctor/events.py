"""Argo Events: bus, EventSource, Sensor, and the secret with which GitHub signs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pressplay.cluster.port import Manifest
from pressplay.doctor import definitions
from pressplay.doctor.results import NotLookedAt, Result, check, ok, wrong
from pressplay.doctor.subject import Subject, is_unready

NAME = "press-play"
"""Of EventSource and Sensor."""
OLDEST = (1, 9)
"""The oldest Argo Events that the chart is made for (docs/how-to/install.md)."""
GROWN = 8
"""How many times its size a payload may have on the bus (docs/how-to/events.md)."""
LARGEST = 32 << 20
"""Bytes of a message that JetStream takes."""
_VERSION = re.compile(r"v?(\d+)\.(\d+)")


def source(subject: Subject) -> Manifest:
    """The release's EventSource; NotLookedAt where there is none to be."""
    settings = subject.release
    if not (settings.events.enabled and settings.repositories):
        raise NotLookedAt("no events are taken (events.enabled, repositories)")
    for name in definitions.ARGO_EVENTS:
        definitions.definition(subject, f"{name}.argoproj.io", "v1alpha1")
    manifest = subject.find("EventSource", subject.namespace, NAME)
    if manifest is None:
        raise NotLookedAt(f"the EventSource {NAME} is not there, see there")
    return manifest


def github_of(manifest: Manifest) -> dict[str, Any]:
    """What an EventSource of ours says of GitHub's webhooks."""
    event: dict[str, Any] = next(iter((manifest["spec"].get("github") or {}).values()), {})
    return event


@check("EventSource and Sensor")
def both(subject: Subject) -> Iterator[Result]:
    """Whether both are deployed, and their pods ready."""
    settings, namespace = subject.release, subject.namespace
    if not (settings.events.enabled and settings.repositories):
        raise NotLookedAt("no events are taken (events.enabled, repositories)")
    for name in definitions.ARGO_EVENTS:
        definitions.definition(subject, f"{name}.argoproj.io", "v1alpha1")
    for kind in ("EventSource", "Sensor"):
        manifest = subject.find(kind, namespace, NAME)
        if manifest is None:
            do = f"helm upgrade --install press-play CHART -n {namespace} makes it"
            yield wrong(kind, f"no {kind} {NAME} in {namespace}: events start nothing", do)
        else:
            yield from _running(subject, kind, manifest, "Deployment", {f"{kind.lower()}-name": NAME})


@check("EventBus")
def bus(subject: Subject) -> Iterator[Result]:
    """Whether the bus is there and ready, and carries messages as large as are taken."""
    manifest = source(subject)
    name, namespace = manifest["spec"].get("eventBusName") or "default", subject.namespace
    there = subject.find("EventBus", namespace, name)
    if there is None:
        yield wrong(
            "EventBus",
            f"no EventBus {name} in {namespace}: what GitHub sends is lost",
            "set events.bus.create to true, or events.bus.name to one that is there",
        )
        return
    most, carried = _payloads(manifest, there)
    if carried is not None and carried < most:
        yield wrong(
            "EventBus",
            f"{name} in {namespace} carries messages of {carried} bytes, a webhook's may be {most} on its way "
            "(events.webhook.maxPayloadSize, escaped and in base64)",
            f"set the bus's maxPayload to {most}, or lower events.webhook.maxPayloadSize",
        )
    else:
        yield from _running(subject, "EventBus", there, "StatefulSet", {"eventbus-name": name})


def _payloads(eventsource: Manifest, eventbus: Manifest) -> tuple[int, int | None]:
    """The bytes that a payload may have on the bus, and those that the bus carries (None: it does not say)."""
    webhook = github_of(eventsource).get("webhook") or {}
    most = min(GROWN * int(webhook.get("maxPayloadSize") or 0), LARGEST)
    carried = str((eventbus["spec"].get("jetstream") or {}).get("maxPayload") or "")
    return most, int(carried) if carried.isdigit() else None


@check("webhook's Secret")
def secret(subject: Subject) -> Iterator[Result]:
    """Whether there is the text with which GitHub signs: without it nothing that comes is taken."""
    reference = github_of(source(subject)).get("webhookSecret") or {}
    name, key = reference.get("name", ""), reference.get("key", "")
    data = subject.data(subject.namespace, name) if name else None
    if data is None or not data.get(key, b"").strip():
        problem = "is not there" if data is None else f"has nothing under {key}"
        yield wrong(
            "webhook's Secret",
            f"the Secret {name} in {subject.namespace} {problem}: every event is refused",
            f"kubectl -n {subject.namespace} create secret generic {name} "
            f'--from-literal={key}="$(openssl rand -hex 32)", and the same text into the webhook on GitHub',
        )
    elif data[key] != data[key].strip():
        yield wrong(
            "webhook's Secret",
            f"what the Secret {name} in {subject.namespace} has under {key} begins or ends with white space, which "
            "GitHub's form takes off: no signature is right",
            f"write it again without the newline: kubectl -n {subject.namespace} edit secret {name}",
        )
    else:
        yield ok("webhook's Secret", f"{name} in {subject.namespace}, key {key}")


def _running(
    subject: Subject, kind: str, manifest: Manifest, workload: str, labels: Mapping[str, str]
) -> Iterator[Result]:
    """By its own conditions, and by whether the pods are ready that its controller made of it."""
    namespace, name = manifest["metadata"]["namespace"], manifest["metadata"]["name"]
    conditions = (manifest.get("status") or {}).get("conditions") or []
    broken = [
        f"{condition.get('type')}: {condition.get('reason') or ''} {condition.get('message') or ''}".strip()
        for condition in conditions
        if condition.get("status") != "True"
    ]
    do = f"kubectl -n {namespace} describe {kind.lower()} {name}; kubectl -n {namespace} get pods"
    # A bus that is run elsewhere has no pods here.
    own = kind != "EventBus" or bool({"jetstream", "nats"} & manifest["spec"].keys())
    workloads = subject.listed(workload, namespace, labels) if own else []
    if not conditions:
        yield wrong(
            kind,
            f"{name} in {namespace} was taken up by nobody",
            "see that the controller of Argo Events 1.9 runs and watches this namespace",
        )
    elif broken:
        yield wrong(kind, f"{name} in {namespace} is not ready: {'; '.join(broken)}", do)
    elif own and (not workloads or any(map(is_unready, workloads))):
        yield wrong(kind, f"{name} in {namespace} has pods that are not ready", do)
    elif workloads and (version := _version(workloads[0])) and version < OLDEST:
        yield wrong(kind, f"Argo Events {'.'.join(map(str, version))} is too old", "upgrade Argo Events to 1.9")
    else:
        yield ok(kind, f"{name} in {namespace} is ready")


def _version(workload: Manifest) -> tuple[int, ...]:
    """By the image's tag, where that tells it."""
    containers = ((workload["spec"].get("template") or {}).get("spec") or {}).get("containers") or [{}]
    image = str(containers[0].get("image", ""))
    match = _VERSION.match(image.rpartition(":")[2])
    return (int(match[1]), int(match[2])) if match and "argo-events" in image else ()
