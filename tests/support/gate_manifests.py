"""The Pod that a gate's resource template makes, as Argo fills it in."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import yaml
from charts import DEFAULTS, render

from pressplay.gates.proving import services as sidecars
from pressplay.gates.proving.model import Project, Service
from pressplay.sandbox.engine.substitution import Scope, substitute_text
from pressplay.settings import Settings
from pressplay.steps.gate_pods import gate_runs

RESOURCES = {"limits": {"memory": "2Gi"}, "requests": {"cpu": 1}}
INPUTS = {
    "name": "gate-lint-0123456789ab",
    "language": "rust",
    "attempt": "1",
    "repo": "acme/shop.web",
    "pr": "7",
    "seconds": "1200",
    "resources": base64.b64encode(json.dumps(RESOURCES).encode()).decode(),
}
SERVICE = Service(
    "db",
    f"ghcr.io/acme/db@sha256:{'0a' * 32}",
    "run {{=1+1}} $(HOME)",
    env=(("A", "{{=1+1}} $$ $(HOME)"),),
    ports=(5432,),
    data=("/var/lib/db",),
    user=999,
)


def beside(settings: Mapping[str, Any]) -> str:
    """The sidecars as JSON, for a project with one, as the checkout makes it of the installation's settings."""
    own = Settings.model_validate(settings).gate_pods.services
    project = Project("a", "rust", "", "exit", services=(SERVICE,))
    made = sidecars.container(0, project, SERVICE, own.resources, own.security_context)
    return json.dumps([made])


def pod(
    values: str = DEFAULTS,
    gate_name: str = "gate-lint",
    image: str = "registry.example.com:5000/rust@sha256:00ff",
    services: str = "[]",
    **inputs: str,
) -> dict[str, Any]:
    """The manifest as Argo fills it in."""
    _, documents = render(values)
    gate = next(d for d in documents if d["metadata"]["name"] == gate_name)
    run = next(t for t in gate["spec"]["templates"] if t["name"] == "run")
    given = {**INPUTS, **inputs}
    given["pods"] = gate_runs.pods([gate_runs.GatePod(given["language"], image, services)])
    names = {f"inputs.parameters.{name}": value for name, value in given.items()}
    text = substitute_text(run["resource"]["manifest"], Scope({**names, "workflow.name": "task-1"}))
    manifest: dict[str, Any] = yaml.safe_load(text)
    return manifest
