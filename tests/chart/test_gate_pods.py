"""The Pod that a gate's resource template makes: as Argo fills it in Kubernetes takes it, and it is walled in."""

from __future__ import annotations

import base64
import json
from typing import Any

import kubernetes_validate
import pytest
import yaml
from charts import DEFAULTS, VALUES, render

from pressplay.sandbox.engine.substitution import Scope, substitute_text

RESOURCES = {"limits": {"memory": "2Gi"}, "requests": {"cpu": 1}}
INPUTS = {
    "name": "gate-lint-0123456789ab",
    "language": "rust",
    "attempt": "1",
    "repo": "acme/shop.web",
    "pr": "7",
    "seconds": "1200",
    "image": base64.b64encode(b"registry.example.com:5000/rust@sha256:00ff").decode(),
    "resources": base64.b64encode(json.dumps(RESOURCES).encode()).decode(),
}


def pod(values: str = DEFAULTS, **inputs: str) -> dict[str, Any]:
    """The manifest as Argo fills it in."""
    _, documents = render(values)
    gate = next(d for d in documents if d["metadata"]["name"] == "gate-lint")
    run = next(t for t in gate["spec"]["templates"] if t["name"] == "run")
    names = {f"inputs.parameters.{name}": value for name, value in {**INPUTS, **inputs}.items()}
    text = substitute_text(run["resource"]["manifest"], Scope({**names, "workflow.name": "task-1"}))
    found: dict[str, Any] = yaml.safe_load(text)
    return found


@pytest.mark.parametrize("values", [DEFAULTS, *(path.stem for path in VALUES)])
@pytest.mark.rule("R5")
def test_it_is_a_pod_without_token_account_secret_or_way_out(values):
    found = pod(values)
    for version in ("1.27", "1.37"):
        kubernetes_validate.validate(found, version, strict=True)
    spec = found["spec"]
    (container,) = spec["containers"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["serviceAccountName"] == "press-play-gate"
    assert spec["enableServiceLinks"] is False
    assert found["metadata"]["labels"]["press-play/walled"] == "true"
    assert spec["securityContext"]["runAsNonRoot"] is True
    context = container["securityContext"]
    assert context["readOnlyRootFilesystem"] is True
    assert context["allowPrivilegeEscalation"] is False
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert {next(iter(volume.keys() - {"name"})) for volume in spec["volumes"]} == {"persistentVolumeClaim", "emptyDir"}
    assert all("valueFrom" not in variable for variable in container["env"])
    assert "envFrom" not in container
    writable = {m["mountPath"] for m in container["volumeMounts"] if not m.get("readOnly")}
    assert writable == {"/gate/work", "/tmp"}


def test_it_runs_what_it_is_told_for_as_long_as_it_is_told():
    found = pod()
    (container,) = found["spec"]["containers"]
    assert found["metadata"]["name"] == "gate-lint-0123456789ab-rust-1"
    assert found["metadata"]["labels"]["press-play/repo"] == "acme.shop.web"
    assert found["metadata"]["labels"]["press-play/pr"] == "7"
    assert found["metadata"]["annotations"] == {"press-play/workflow": "task-1"}
    assert found["spec"]["activeDeadlineSeconds"] == 1200
    assert container["image"] == "registry.example.com:5000/rust@sha256:00ff"
    assert container["resources"] == RESOURCES
    assert container["command"] == ["sh", "-c", 'eval "$(cat "$0")"', "/gate/script/rust.sh"]


def test_the_image_of_the_steps_stands_in_where_none_is_named():
    found = pod(image=base64.b64encode(b"pressplay").decode())
    assert found["spec"]["containers"][0]["image"] == "press-play/pressplay:0.1.0"


@pytest.mark.rule("R5")
@pytest.mark.parametrize(("language", "folder"), [("python", "script"), ("independent", "independent")])
def test_independent_criteria_are_mounted_into_their_own_pod_alone(language, folder):
    (container,) = pod(language=language)["spec"]["containers"]
    mounts = {mount["mountPath"]: mount.get("subPath", "") for mount in container["volumeMounts"]}
    assert mounts["/gate/script"] == folder
    assert mounts["/gate/work"].startswith(f"work/{language}-")
    assert set(mounts) == {"/gate/source", "/gate/script", "/gate/work", "/tmp"}
