"""`pressplay doctor` on a real cluster: a fresh installation has nothing wrong, and what is then broken is found."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster import CONTROLLER, kubectl, run
from installation import NAMESPACE, Installed, argo_from_here, install, project_of, reconciling, task
from services import PRESSPLAY

pytestmark = pytest.mark.timeout(900)
LEAK = "pp-e2e-leak"


@pytest.fixture
def installed(controller_namespace: str, tmp_path: Path) -> Iterator[Installed]:
    # A test cluster need not have a JetStream image for an EventBus.
    yield from install(tmp_path, project_of(tmp_path, task(1)), "never", {"events": {"enabled": False}})


def wrong() -> tuple[int, dict[str, str]]:
    """The exit status, and the lines that are wrong with what they say to do."""
    command = [PRESSPLAY, "doctor", "-n", NAMESPACE, "--json"]
    done = run(*command, check=False, env={**os.environ, **argo_from_here()})
    assert done.returncode in (0, 1), done.stderr
    checks = json.loads(done.stdout)["checks"]
    assert len(checks) > 40
    return done.returncode, {one["name"]: one["do"] for one in checks if one["state"] == "wrong"}


def leaked() -> None:
    """The harness's key lies where agents run, and they may read it where it belongs."""
    secret = json.loads(kubectl("get", "secret", "github-app-press-play", "-n", NAMESPACE, "-o", "json"))
    copy = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": LEAK, "namespace": CONTROLLER}}
    kubectl("apply", "-f", "-", input=json.dumps({**copy, "data": secret["data"]}))
    kubectl("create", "role", LEAK, "-n", NAMESPACE, "--verb=get", "--resource=secrets")
    kubectl("create", "rolebinding", LEAK, "-n", NAMESPACE, "--role", LEAK, "--serviceaccount", f"{CONTROLLER}:default")


def test_nothing_is_wrong_with_an_installation_and_what_is_broken_is_found(installed: Installed):
    assert wrong() == (0, {})
    kubectl("delete", "rolebinding", f"press-play-{NAMESPACE}-runner", "-n", CONTROLLER)
    kubectl("delete", "secret", "github-app-rex", "-n", CONTROLLER)
    kubectl("delete", "workflowtemplate", "gate-lint", "-n", NAMESPACE)
    kubectl("delete", "networkpolicy", "press-play-gate", "-n", NAMESPACE)
    reconciling(False)
    try:
        leaked()
        status, found = wrong()
    finally:
        for kind in ("rolebinding", "role"):
            kubectl("delete", kind, LEAK, "-n", NAMESPACE, check=False)
    assert status == 1
    assert set(found) == {
        "rights of the steps",
        "Secret github-app-rex",
        "WorkflowTemplates",
        "wall of the gates",
        "reconcile",
        "harness's key",
        "agents and the harness's key",
    }
    assert all(found.values())
