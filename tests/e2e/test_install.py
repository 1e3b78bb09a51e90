"""The chart on a real API server, beside things of others: installed, refused, upgraded, removed."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
import yaml
from cluster import CHART, CONTROLLER, ROOT, apply, get, helm, image, kubectl, listed, namespace, run

RELEASE = "pp-e2e"
ACCOUNT = f"system:serviceaccount:{RELEASE}:press-play"
FOREIGN = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {
        "name": "controller-agents",
        "namespace": CONTROLLER,
        "labels": {"app.kubernetes.io/managed-by": "Helm", "owner": "another-team"},
        "annotations": {"meta.helm.sh/release-name": "controller", "meta.helm.sh/release-namespace": CONTROLLER},
    },
    "data": {
        "agents.yaml": "agents: {}\n",
        "theirs_system-prompt.md": '---\nname: theirs\n---\n{{ .Values.no }} "quotes" {{workflow.uid}}\n\ttab\n',
    },
    "binaryData": {"logo.png": base64.b64encode(bytes(range(256))).decode()},
}
KINDS = "configmaps,secrets,serviceaccounts,roles,rolebindings,jobs,workflowtemplates,cronworkflows,workflows"


def values(**more: Any) -> str:
    told = {
        "repositories": {"acme/shop": {}},
        "image": image(),
        "controller": {"namespace": CONTROLLER},
        "secrets": {"mode": "existing"},
        # No App's key is here: its pod would not become ready, and helm would wait for it.
        "serve": {"enabled": False},
        **more,
    }
    return yaml.safe_dump(told)


def release(verb: str, *options: str, check: bool = True, **more: Any) -> str:
    """Install or upgrade; what helm said, or with `check=False` what it refused."""
    done = helm(
        *(verb, RELEASE, str(CHART), "-n", RELEASE, "-f", "-", "--wait", "--timeout", "3m", *options),
        input=values(**more),
        check=check,
    )
    assert check or done.returncode != 0, f"helm {verb} went through, expected a refusal"
    return done.stdout + done.stderr


def held(name: str = "controller-agents") -> dict[str, Any]:
    """What a ConfigMap holds and says of itself; what the server notes about it is left out."""
    found = get("configmap", CONTROLLER, name)
    assert found is not None
    noted = ("managedFields", "resourceVersion", "uid", "creationTimestamp")
    metadata = {key: value for key, value in found["metadata"].items() if key not in noted}
    return {**found, "metadata": metadata}


def there() -> set[tuple[str, str, str]]:
    """Every object of both namespaces."""
    return {
        (space, item["kind"], item["metadata"]["name"])
        for space in (RELEASE, CONTROLLER)
        for item in listed(KINDS, space)
    }


@pytest.fixture
def spaces(controller_namespace: str):
    namespace(RELEASE)
    # Made by the controllers of the cluster a moment after the namespace.
    for space in (RELEASE, controller_namespace):
        kubectl(
            "wait", "--for=create", "serviceaccount/default", "configmap/kube-root-ca.crt", "-n", space, "--timeout=60s"
        )
    yield
    kubectl("delete", "namespace", RELEASE, "--wait")


@pytest.mark.rule("NFR7")
def test_beside_a_foreign_configmap_ours_comes_and_goes_and_theirs_stays_byte_for_byte(spaces):
    apply(FOREIGN)
    before, objects = held(), there()
    merge = {"agentsConfigMap": {"mode": "merge"}}

    release("install", **merge)
    merged = held()["data"]
    assert {key: merged[key] for key in before["data"]} == before["data"]
    assert held()["binaryData"] == before["binaryData"]
    ours = set(merged) - set(before["data"])
    assert {f"press-play-agents.{RELEASE}.yaml", "rex_system-prompt.md", "qa-agent_system-prompt.md"} <= ours
    assert set(yaml.safe_load(merged[f"press-play-agents.{RELEASE}.yaml"])["agents"]) >= {
        "rex",
        "clippy",
        "qa",
        "morgan",
    }
    assert not listed("jobs", RELEASE), "the hook's Job stayed"

    agents = {"rex": {"extraInstructions": "Say {{=1+1}}."}, "triage": {"enabled": False}}
    release("upgrade", agents=agents, **merge)
    upgraded = held()["data"]
    assert upgraded["rex_system-prompt.md"].rstrip().endswith("Say {{=1+1}}.")
    assert ours - set(upgraded) == {"triage-agent_system-prompt.md"}
    assert {key: upgraded[key] for key in before["data"]} == before["data"]

    helm("uninstall", RELEASE, "-n", RELEASE, "--wait")
    assert held() == before
    assert there() == objects


@pytest.mark.rule("R10")
def test_a_key_of_others_with_the_name_of_ours_is_refused_by_name_and_nothing_is_changed(spaces):
    theirs = {**FOREIGN, "data": {**FOREIGN["data"], "rex_system-prompt.md": "our own Rex\n"}}
    apply(theirs)
    before = held()
    release("install", check=False, agentsConfigMap={"mode": "merge"})
    (pod,) = listed("pods", RELEASE, "batch.kubernetes.io/job-name=press-play-agents-merge")
    ended = pod["status"]["containerStatuses"][0]["state"]["terminated"]
    assert ended["exitCode"] == 2
    assert "rex_system-prompt.md" in ended["message"]
    assert "nothing was changed" in ended["message"]
    assert held() == before
    helm("uninstall", RELEASE, "-n", RELEASE, "--wait")
    assert held() == before


@pytest.mark.rule("NFR7")
def test_create_owns_the_configmap_and_refuses_one_that_is_there(spaces):
    apply(FOREIGN)
    before = held()
    assert "set agentsConfigMap.mode to merge" in release("install", check=False)
    assert held() == before
    kubectl("delete", "configmap", "controller-agents", "-n", CONTROLLER)
    objects = there()

    release("install")
    assert {"agents.yaml", "rex_system-prompt.md"} <= set(held()["data"])
    release("upgrade", agents={"rex": {"model": "another"}})
    assert yaml.safe_load(held()["data"]["agents.yaml"])["agents"]["rex"]["model"] == "another"
    helm("uninstall", RELEASE, "-n", RELEASE, "--wait")
    assert there() == objects


@pytest.mark.rule("R4")
def test_what_a_person_paused_stays_paused_over_an_upgrade(spaces):
    release("install")
    pressplay = str(ROOT / ".venv/bin/pressplay")
    run(pressplay, "pause", "-n", RELEASE, "--repo", "acme/shop")
    paused = get("configmap", RELEASE, "press-play-pause")
    assert paused is not None
    assert set(json.loads(paused["data"]["acme.shop"])) == {"by", "at"}
    release("upgrade", limits={"rounds": 5})
    assert get("configmap", RELEASE, "press-play-pause") == paused
    run(pressplay, "continue", "-n", RELEASE, "--repo", "acme/shop")
    found = get("configmap", RELEASE, "press-play-pause")
    assert not (found or {}).get("data")
    helm("uninstall", RELEASE, "-n", RELEASE, "--wait")


def may(account: str, verb: str, what: str, space: str, subresource: str = "") -> bool:
    """`what` is a resource, or one by its name: pods/exec is a Pod called exec."""
    asked = ("kubectl", "auth", "can-i", verb, what, "-n", space, f"--as={account}", f"--subresource={subresource}")
    said = run(*asked, check=False).stdout.strip()
    assert said in ("yes", "no"), said
    return said == "yes"


@pytest.mark.rule("NFR5")
def test_the_service_accounts_may_what_they_need_and_no_more(spaces):
    apply(FOREIGN)
    release("install", agentsConfigMap={"mode": "merge"})
    # test_access.py tries the whole matrix.
    assert may(ACCOUNT, "get", "secrets/github-app-qa-agent", RELEASE)
    assert not may(ACCOUNT, "create", "pods", RELEASE)
    hooks = f"system:serviceaccount:{RELEASE}:press-play-agents"
    assert may(hooks, "patch", "configmaps/controller-agents", CONTROLLER)
    assert not may(hooks, "patch", "configmaps/another", CONTROLLER)
    assert not may(hooks, "delete", "configmaps/controller-agents", CONTROLLER)
    assert not may(hooks, "get", "secrets/github-app-press-play", RELEASE)
    assert (
        json.loads(
            kubectl(
                "get", "clusterroles,clusterrolebindings", "-o", "json", "-l", "app.kubernetes.io/part-of=press-play"
            )
        )["items"]
        == []
    )
    helm("uninstall", RELEASE, "-n", RELEASE, "--wait")
