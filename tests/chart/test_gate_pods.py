"""The Pod that a gate's resource template makes: as Argo fills it in Kubernetes takes it, and it is walled in."""

from __future__ import annotations

import json
import re

import kubernetes_validate
import pytest
from charts import DEFAULTS, VALUES, render
from gate_manifests import RESOURCES, SERVICE, beside, pod

from pressplay.gates.proving import services, shards
from pressplay.gates.proving.environment import MOST_SERVICES
from pressplay.gates.proving.model import Project
from pressplay.sandbox.engine.substitution import Scope, substitute_text
from pressplay.steps.gate_pods import gate_runs


@pytest.mark.parametrize("gate", ["gate-lint", "gate-tests"])
@pytest.mark.parametrize("values", [DEFAULTS, *(path.stem for path in VALUES)])
@pytest.mark.rule("R5")
def test_it_is_a_pod_without_token_account_secret_or_way_out(values, gate):
    manifest = pod(values, gate)
    for version in ("1.27", "1.37"):
        kubernetes_validate.validate(manifest, version, strict=True)
    spec = manifest["spec"]
    (container,) = spec["containers"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["serviceAccountName"] == "press-play-gate"
    assert spec["enableServiceLinks"] is False
    assert manifest["metadata"]["labels"]["press-play/walled"] == "true"
    assert spec["securityContext"]["runAsNonRoot"] is True
    context = container["securityContext"]
    assert context["readOnlyRootFilesystem"] is True
    assert context["allowPrivilegeEscalation"] is False
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert {next(iter(volume.keys() - {"name"})) for volume in spec["volumes"]} == {"persistentVolumeClaim", "emptyDir"}
    assert all("valueFrom" not in variable for variable in container["env"])
    assert "envFrom" not in container
    writable = {m["mountPath"] for m in container["volumeMounts"] if not m.get("readOnly")}
    assert writable == {"/gate/work", "/tmp"} | ({"/gate/ask"} if gate == "gate-tests" else set())


def test_it_runs_what_it_is_told_for_as_long_as_it_is_told():
    manifest = pod()
    (container,) = manifest["spec"]["containers"]
    assert manifest["metadata"]["name"] == "gate-lint-0123456789ab-rust-1"
    assert manifest["metadata"]["labels"]["press-play/repo"] == "acme.shop.web"
    assert manifest["metadata"]["labels"]["press-play/pr"] == "7"
    assert manifest["metadata"]["annotations"] == {"press-play/workflow": "task-1"}
    assert manifest["spec"]["activeDeadlineSeconds"] == 1200
    assert container["image"] == "registry.example.com:5000/rust@sha256:00ff"
    assert container["resources"] == RESOURCES
    assert container["command"] == ["sh", "-c", 'eval "$(cat "$0")"', "/gate/script/rust.sh"]


def test_the_image_of_the_steps_stands_in_where_none_is_named():
    manifest = pod(image="")
    assert manifest["spec"]["containers"][0]["image"] == "press-play/pressplay:0.1.0"


@pytest.mark.rule("R5")
@pytest.mark.parametrize(("language", "folder"), [("python", "script"), ("independent", "independent")])
def test_independent_criteria_are_mounted_into_their_own_pod_alone(language, folder):
    (container,) = pod(language=language)["spec"]["containers"]
    mounts = {mount["mountPath"]: mount.get("subPath", "") for mount in container["volumeMounts"]}
    assert mounts["/gate/script"] == folder
    assert mounts["/gate/work"].startswith(f"work/{language}-")
    assert set(mounts) == {"/gate/source", "/gate/script", "/gate/work", "/tmp"}


@pytest.mark.parametrize("values", [DEFAULTS, *(path.stem for path in VALUES)])
@pytest.mark.rule("R5")
def test_services_are_sidecars_behind_the_same_wall(values):
    _, documents = render(values)
    config = next(d for d in documents if d["metadata"]["name"] == "press-play-config")
    manifest = pod(values, "gate-tests", services=beside(json.loads(config["data"]["config.json"])))
    for version in ("1.29", "1.37"):
        kubernetes_validate.validate(manifest, version, strict=True)
    (main,), (sidecar,) = manifest["spec"]["containers"], manifest["spec"]["initContainers"]
    assert (sidecar["name"], sidecar["image"], sidecar["restartPolicy"]) == ("p0-db", SERVICE.image, "Always")
    assert sidecar["command"] == ["sh", "/gate/service/run.sh"]
    own = {**main["securityContext"], "runAsUser": 999}
    assert sidecar["securityContext"] == own
    assert (own["readOnlyRootFilesystem"], own["runAsNonRoot"]) == (True, True)
    assert sidecar["resources"]["limits"]
    assert all("valueFrom" not in variable for variable in sidecar["env"])
    assert "envFrom" not in sidecar
    volumes = {volume["name"]: volume for volume in manifest["spec"]["volumes"]}
    assert {next(iter(volume.keys() - {"name"})) for volume in volumes.values()} == {
        "persistentVolumeClaim",
        "emptyDir",
    }
    writable = {m["mountPath"]: m["name"] for m in sidecar["volumeMounts"] if not m.get("readOnly")}
    assert writable == {
        "/gate/answer": "answers",
        "/gate/data": "service-data",
        "/tmp": "service-data",
        "/var/lib/db": "service-data",
    }
    assert {m["subPath"] for m in sidecar["volumeMounts"] if m["name"] == "gate"} == {"script/services/p0-db", "base/a"}
    # Neither side can write where the other does.
    assert [m.get("readOnly") for m in main["volumeMounts"] if m["name"] == "answers"] == [True]
    assert [m.get("readOnly") for m in sidecar["volumeMounts"] if m["name"] == "ask"] == [True]
    assert volumes["service-data"]["emptyDir"]["sizeLimit"]


@pytest.mark.rule("R7")
def test_nothing_of_a_contract_is_in_the_manifest_that_argo_or_kubernetes_would_evaluate():
    sidecar = json.dumps(services.container(0, Project("a", "rust", "", "exit"), SERVICE, {"limits": {"cpu": {}}}, {}))
    assert "{{" not in sidecar
    assert "$" not in sidecar


@pytest.mark.rule("FR10")
def test_each_shard_has_a_pod_a_script_and_a_folder_of_its_own():
    _, documents = render(DEFAULTS)
    gate = next(d for d in documents if d["metadata"]["name"] == "gate-tests")
    attempt = next(t for t in gate["spec"]["templates"] if t["name"] == "attempt")
    (step,) = next(group for group in attempt["steps"] if group[0]["name"] == "run")
    # As the checkout packs it.
    listed = shards.pods([Project("", "typescript", "x", "tap", shards=16)], "typescript")
    packed = gate_runs.pods(gate_runs.GatePod(name, "") for name in listed)
    items = json.loads(substitute_text(step["withParam"], Scope({"inputs.parameters.pods": packed})))
    assert items == listed
    pods = [pod(gate_name="gate-tests", name="gate-tests-0123456789ab", language=item, attempt="2") for item in items]
    names = [made["metadata"]["name"] for made in pods]
    assert names == [gate_runs.pod_name("gate-tests-0123456789ab", item, 2) for item in items]
    assert len(set(names)) == 16
    # A Pod's name is its container's host name, too.
    assert max(map(len, names)) <= 63
    (last,) = pods[-1]["spec"]["containers"]
    assert last["command"][-1] == "/gate/script/typescript-16.sh"
    assert [m["subPath"] for m in last["volumeMounts"] if m["mountPath"] == "/gate/work"] == ["work/typescript-16-2"]


def test_the_template_watches_as_many_services_as_a_contract_may_have():
    _, documents = render(DEFAULTS)
    gate = next(d for d in documents if d["metadata"]["name"] == "gate-tests")
    condition = next(t for t in gate["spec"]["templates"] if t["name"] == "run")["resource"]["failureCondition"]
    watched = re.findall(r"status\.initContainerStatuses\.(\d+)\.", condition)
    assert list(map(int, watched)) == list(range(MOST_SERVICES))
