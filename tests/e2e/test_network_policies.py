"""The NetworkPolicies where a network carries them out: what our pods reach, and what reaches them.

Nothing of the release runs here but its NetworkPolicies: pods with the labels of each kind of ours try what they reach.
A pod without labels of ours shows that everything is there to be reached.
"""

from __future__ import annotations

import json
import os
import socketserver
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
import yaml
from cluster import CHART, CONTROLLER, apply, get, helm, image, kubectl, listed, namespace, until

RELEASE, PROBED, OTHER = "pp-e2e-network", "pp-e2e-net-probed", "pp-e2e-net-other"
HOST = os.environ.get("PRESSPLAY_E2E_HOST", "127.0.0.1")
WEBHOOK, PORT = 12000, 8080
SECONDS = 30
"""How long each pod tries, so that a network that takes its time has none left."""

pytestmark = [
    pytest.mark.rule("R5"),
    pytest.mark.skipif(
        not os.environ.get("PRESSPLAY_E2E_NETWORK_POLICY"),
        reason="PRESSPLAY_E2E_NETWORK_POLICY is not set: expected a network that carries NetworkPolicies out",
    ),
]

SERVE = f"""
import socketserver, threading
socketserver.ThreadingTCPServer.allow_reuse_address = True
servers = [socketserver.ThreadingTCPServer(("", port), socketserver.BaseRequestHandler) for port in ({WEBHOOK}, {PORT})]
[threading.Thread(target=server.serve_forever).start() for server in servers]
"""
TRY = f"""
import json, socket, sys, threading, time
began = time.monotonic()
targets = json.loads(sys.argv[1])
names = [line.split()[1] for line in open("/etc/resolv.conf") if line.startswith("nameserver")]
result = {{}}

def ask(name, host, port):
    last, reached = None, False
    while time.monotonic() - began < {SECONDS}:
        try:
            socket.create_connection((host or names[0], port), timeout=3).close()
            reached, last = True, round(time.monotonic() - began, 1)
        except OSError:
            reached = False
        time.sleep(0.2)
    result[name] = [reached, last]

threads = [threading.Thread(target=ask, args=(name, *where)) for name, where in targets.items()]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(json.dumps(result), flush=True)
"""
OURS = {"app.kubernetes.io/part-of": "press-play"}


def step(account: str) -> dict[str, str]:
    return {**OURS, "app.kubernetes.io/component": "step", "press-play/account": account}


CLUSTER = {"dns", "api"}
REACHES = {
    "anybody": ({}, {*CLUSTER, "github", "machine", "webhooks", "probed", "elsewhere"}),
    "gate": ({**OURS, "press-play/walled": "true"}, set()),
    "applies": (step("gate-apply"), CLUSTER),
    "reader": (step("reader"), {*CLUSTER, "github"}),
    "starter": (step("starter"), {*CLUSTER, "github"}),
    "probe": (step("acceptance"), {*CLUSTER, "probed"}),
    "hook": ({**OURS, "app.kubernetes.io/component": "hook"}, CLUSTER),
    "reconcile": (
        {**OURS, "app.kubernetes.io/component": "reconcile", "press-play/account": "reconcile"},
        {*CLUSTER, "github"},
    ),
    "sensor": ({**OURS, "app.kubernetes.io/component": "sensor"}, CLUSTER),
    "eventsource": ({**OURS, "app.kubernetes.io/component": "eventsource"}, {"dns"}),
}
"""Kinds of pods: their labels, and all that each reaches."""
OF_ONE_POLICY = {("eventsource", "webhooks")}
"""Not judged: kube-router lets the pods of one policy reach one another at the ports that it opens to others."""


def pod(name: str, where: str, labels: dict[str, str], script: str, *args: str) -> dict[str, Any]:
    container = {
        "name": "main",
        "image": f"{image()['repository']}:{image()['tag']}",
        "imagePullPolicy": image()["pullPolicy"],
        "command": ["python3", "-u", "-c", script, *args],
    }
    spec = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 0,
        "restartPolicy": "Never",
        "containers": [container],
    }
    metadata = {"name": name, "namespace": where, "labels": labels}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


@contextmanager
def listening() -> Iterator[int]:
    """A port of this machine at which anybody is answered, while the block lasts."""
    with socketserver.ThreadingTCPServer((HOST, 0), socketserver.BaseRequestHandler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield int(server.server_address[1])
        finally:
            server.shutdown()
            thread.join()


def address(name: str, where: str) -> str:
    def ip() -> str:
        status = (get("pod", where, name) or {}).get("status", {})
        ready = any(c.get("ready") for c in status.get("containerStatuses", []))
        return str(status.get("podIP", "")) if ready else ""

    return str(until(f"{name} to have an address", ip))


@pytest.fixture(scope="module")
def targets() -> Iterator[dict[str, tuple[str, int]]]:
    """What there is to be reached, and the release's NetworkPolicies."""
    with ExitStack() as stack:
        github, machine = stack.enter_context(listening()), stack.enter_context(listening())
        values = {
            "repositories": {"acme/shop": {"acceptance": {"namespaces": [PROBED]}}},
            "controller": {"namespace": CONTROLLER},
            "secrets": {"mode": "existing"},
            "github": {
                "apiURL": f"http://{HOST}:{github}/api/v3",
                "gitURL": f"http://{HOST}:{github}",
                "webURL": f"http://{HOST}:{github}",
            },
            "events": {"bus": {"create": False}},
            "serve": {"enabled": False},
        }
        text = helm("template", RELEASE, str(CHART), "-n", RELEASE, "-f", "-", input=yaml.safe_dump(values)).stdout
        policies = [d for d in yaml.safe_load_all(text) if d and d["kind"] == "NetworkPolicy"]
        spaces = (RELEASE, PROBED, OTHER)
        for space in spaces:
            namespace(space)
            stack.callback(kubectl, "delete", "namespace", space, "--wait")
            kubectl("wait", "--for=create", "serviceaccount/default", "-n", space, "--timeout=60s")
        apply(*policies)
        apply(
            pod("a-step", RELEASE, step("starter"), SERVE),
            pod("an-eventsource", RELEASE, REACHES["eventsource"][0], SERVE),
            pod("web", PROBED, {}, SERVE),
            pod("elsewhere", OTHER, {}, SERVE),
        )
        api = json.loads(kubectl("get", "service", "kubernetes", "-n", "default", "-o", "json"))["spec"]
        source = address("an-eventsource", RELEASE)
        yield {
            "dns": ("", 53),
            "api": (api["clusterIP"], api["ports"][0]["port"]),
            "github": (HOST, github),
            "machine": (HOST, machine),
            "step": (address("a-step", RELEASE), PORT),
            "webhooks": (source, WEBHOOK),
            "eventsource": (source, PORT),
            "probed": (address("web", PROBED), PORT),
            "elsewhere": (address("elsewhere", OTHER), PORT),
        }


def test_each_kind_of_pod_reaches_what_it_needs_and_nothing_else(targets: dict[str, tuple[str, int]]):
    given = json.dumps(targets)
    apply(*(pod(f"try-{name}", RELEASE, labels, TRY, given) for name, (labels, _) in REACHES.items()))
    results = {}
    for name in REACHES:
        until(f"try-{name} to end", lambda name=name: phase(f"try-{name}") in ("Succeeded", "Failed"), 120)
        results[name] = json.loads(kubectl("logs", f"try-{name}", "-n", RELEASE))
    for name, tried in results.items():
        print(name, {target: last if reached else f"-{last or ''}" for target, (reached, last) in tried.items()})
    reached = {
        name: {target for target, (now, _) in tried.items() if now and (name, target) not in OF_ONE_POLICY}
        for name, tried in results.items()
    }
    assert reached == {name: wanted for name, (_, wanted) in REACHES.items()}


def phase(name: str) -> str:
    return next(p["status"].get("phase", "") for p in listed("pods", RELEASE) if p["metadata"]["name"] == name)
