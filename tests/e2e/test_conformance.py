"""Every case of the sandbox's conformance set on a real Argo: what is expected of the engine is what Argo does."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from cluster import ROOT, apply, kubectl, listed, run, until

CASES = ROOT / "tests" / "conformance" / "cases"
NAMESPACE = os.environ.get("PRESSPLAY_E2E_NAMESPACE", "press-play")
SECONDS = 300
ACCOUNT = "pp-e2e-conformance"


def rights() -> list[dict[str, Any]]:
    """What the cases' pods do: report, and apply CodeRuns and Pods."""
    metadata = {"name": ACCOUNT, "namespace": NAMESPACE}
    group = "rbac.authorization.k8s.io"
    rules = [
        {"apiGroups": ["argoproj.io"], "resources": ["workflowtaskresults"], "verbs": ["create", "patch"]},
        {
            "apiGroups": ["agents.platform"],
            "resources": ["coderuns"],
            "verbs": ["get", "list", "watch", "create", "patch", "delete"],
        },
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "create", "patch"]},
    ]
    subjects = [{"kind": "ServiceAccount", "name": "default", "namespace": NAMESPACE}]
    reference = {"apiGroup": group, "kind": "Role", "name": ACCOUNT}
    return [
        {"apiVersion": f"{group}/v1", "kind": "Role", "metadata": metadata, "rules": rules},
        {
            "apiVersion": f"{group}/v1",
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": reference,
            "subjects": subjects,
        },
    ]


@pytest.fixture(scope="module")
def coderuns() -> Iterator[None]:
    """A stand-in that ends each CodeRun as its `env` says: END after SECONDS."""
    apply(*rights())
    stop = threading.Event()
    thread = threading.Thread(target=_end_coderuns, args=(stop,), daemon=True)
    thread.start()
    yield
    stop.set()
    thread.join()
    kubectl("delete", "role,rolebinding", ACCOUNT, "-n", NAMESPACE)


def _end_coderuns(stop: threading.Event) -> None:
    began: dict[str, float] = {}
    while not stop.wait(0.5):
        for found in listed("coderuns", NAMESPACE):
            name, environment = found["metadata"]["name"], found["spec"].get("env") or {}
            phase = (found.get("status") or {}).get("phase")
            if phase is None:
                began[name] = time.monotonic()
                _say(name, "Running")
            elif phase == "Running" and time.monotonic() - began.get(name, 0) >= float(environment.get("SECONDS", "1")):
                _say(name, environment.get("END", "Succeeded"))


def _say(name: str, phase: str) -> None:
    patch = json.dumps({"status": {"phase": phase}})
    command = (
        "kubectl",
        "patch",
        "coderun",
        name,
        "-n",
        NAMESPACE,
        "--subresource=status",
        "--type=merge",
        "-p",
        patch,
    )
    run(*command, check=False)


def documents(case: str) -> list[dict[str, Any]]:
    """A case's manifests. Where they want a shell, the image under test has one, and is on the nodes already."""
    text = (CASES / f"{case}.yaml").read_text()
    found = list(yaml.safe_load_all(text.replace("busybox:stable", os.environ["PRESSPLAY_E2E_IMAGE"])))
    for document in found:
        document["metadata"]["namespace"] = NAMESPACE
    return found


def seen(workflow: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The nodes as the cases tell them."""
    name = workflow["metadata"]["name"]
    found = {}
    for node in (workflow["status"].get("nodes") or {}).values():
        told: dict[str, Any] = {"type": node["type"], "phase": node["phase"]}
        if outputs := _parameters(node.get("outputs")):
            told["outputs"] = outputs
        if node.get("templateName") == "note" and node["type"] == "Suspend":
            told["inputs"] = _parameters(node.get("inputs"))
        found[node["name"].removeprefix(name).removeprefix(".") or "."] = told
    return found


def _parameters(holder: dict[str, Any] | None) -> dict[str, str]:
    return {item["name"]: item["value"] for item in (holder or {}).get("parameters", []) if "value" in item}


def at_once(workflow: dict[str, Any]) -> int:
    """How many pods went on at the same time, by when their nodes began and ended."""
    pods = [node for node in workflow["status"]["nodes"].values() if node["type"] == "Pod"]
    moments = [(_moment(node["startedAt"]), 1) for node in pods] + [(_moment(node["finishedAt"]), -1) for node in pods]
    running = most = 0
    for _, change in sorted(moments):
        running += change
        most = max(most, running)
    return most


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def coderun_names() -> set[str]:
    return {found["metadata"]["name"] for found in listed("coderuns", NAMESPACE)}


@pytest.mark.rule("NFR3")
@pytest.mark.parametrize("case", sorted(path.stem for path in Path(CASES).glob("*.yaml")))
def test_a_real_argo_makes_of_a_case_what_is_expected_of_the_sandbox(case: str, coderuns: None) -> None:
    expected = json.loads((CASES / f"{case}.json").read_text())
    made = documents(case)
    before = coderun_names()
    try:
        apply(*(document for document in made if document["kind"] != "Workflow"))
        # Argo must know a WorkflowTemplate before what refers to it comes; its informer is told within a moment.
        time.sleep(1)
        apply(*(document for document in made if document["kind"] == "Workflow"))

        def settled() -> dict[str, Any] | None:
            found = {w["metadata"]["name"]: w for w in listed("workflows", NAMESPACE)}
            own = [found[d["metadata"]["name"]] for d in made if d["kind"] == "Workflow"]
            done = all((w.get("status") or {}).get("phase") in ("Succeeded", "Failed", "Error") for w in own)
            return found[case] if done else None

        workflow = until(f"{case} to end", settled, SECONDS)
        assert seen(workflow) == expected["nodes"]
        assert workflow["status"]["phase"] == expected["phase"]
        if "message" in expected:
            assert workflow["status"]["message"] == expected["message"]
        if "at_most_at_once" in expected:
            assert at_once(workflow) <= expected["at_most_at_once"]
    finally:
        for document in made:
            name = (document["kind"], document["metadata"]["name"])
            kubectl("delete", *name, "-n", NAMESPACE, "--ignore-not-found", "--wait", check=False)
        if own := coderun_names() - before:
            kubectl("delete", "coderuns", *own, "-n", NAMESPACE, check=False)
