"""What the suites ask of the cluster behind KUBECONFIG, by the tools that people use: kubectl, helm, argo."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
CHART = ROOT / "chart"
CONTROLLER = "pp-e2e-agents"
"""The namespace of the CodeRuns. Short, for their names share their room with it."""


def run(*command: str, check: bool = True, timeout: float = 300, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run it; its stderr is part of what a failing test says."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=timeout, **options)
    assert not check or done.returncode == 0, f"{' '.join(command)}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def kubectl(*args: str, **options: Any) -> str:
    return run("kubectl", *args, **options).stdout


def helm(*args: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return run(os.environ.get("HELM") or shutil.which("helm") or str(ROOT / ".tools/bin/helm"), *args, **options)


def get(kind: str, namespace: str, name: str) -> dict[str, Any] | None:
    text = kubectl("get", kind, name, "-n", namespace, "-o", "json", "--ignore-not-found")
    return json.loads(text) if text else None


def listed(kind: str, namespace: str, selector: str = "") -> list[dict[str, Any]]:
    found = kubectl("get", kind, "-n", namespace, "-o", "json", *(["-l", selector] if selector else []))
    items: list[dict[str, Any]] = json.loads(found)["items"]
    return items


def apply(*manifests: Mapping[str, Any]) -> None:
    if manifests:
        told = json.dumps({"apiVersion": "v1", "kind": "List", "items": manifests})
        kubectl("apply", "--server-side", "-f", "-", input=told)


def namespace(name: str) -> None:
    apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})


def until(what: str, done: Callable[[], Any], seconds: float = 180, told: Callable[[], str] = lambda: "") -> Any:
    """Ask until there is an answer, which is returned; a cluster has no event for most of what is asked here."""
    end = time.monotonic() + seconds
    while not (answer := done()):
        assert time.monotonic() < end, f"after {seconds:.0f} s still waiting for: {what}\n{told()}"
        time.sleep(1)
    return answer


def image() -> dict[str, str]:
    """The image under test, as the chart's values have it."""
    repository, _, tag = os.environ["PRESSPLAY_E2E_IMAGE"].rpartition(":")
    policy = os.environ.get("PRESSPLAY_E2E_PULL_POLICY", "IfNotPresent")
    return {"repository": repository, "tag": tag, "pullPolicy": policy}
