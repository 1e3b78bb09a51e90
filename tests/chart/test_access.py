"""Each account has the rights that its steps use, and no others; each pod has an account and a wall."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from access_rights import CONTROLLER, PROBED, RELEASE, Documents, rendered, rights
from charts import DEFAULTS, ROOT, one, render

from pressplay.cluster import rbac
from pressplay.cluster.port import Account
from pressplay.domain import accounts
from pressplay.steps import registry

pytestmark = pytest.mark.rule("NFR5")
RUNS = ("coderuns.agents.platform", "docsruns.agents.platform")
REPORT = "create,patch workflowtaskresults.argoproj.io"
HARNESS = "get secrets github-app-press-play"
WITH_QA = "get secrets github-app-press-play,github-app-qa-agent"
RIGHTS: Mapping[str, Mapping[str, set[str]]] = {
    "press-play-reader": {
        RELEASE: {REPORT, "get configmaps", "patch configmaps press-play-rate-limits"},
    },
    "press-play-poster": {RELEASE: {REPORT, HARNESS, "get,create,patch configmaps"}},
    "press-play": {
        RELEASE: {REPORT, WITH_QA, "get,list,create,patch configmaps", "get,list,create workflows.argoproj.io"},
    },
    "press-play-updater": {RELEASE: {REPORT, HARNESS, "get,create,patch configmaps"}},
    "press-play-queue": {RELEASE: {REPORT, HARNESS, "get,create,patch configmaps", "create workflows.argoproj.io"}},
    "press-play-starter": {
        RELEASE: {
            REPORT, HARNESS, "get,list,create,patch configmaps", "get,list,create,patch,update workflows.argoproj.io",
        },
    },
    "press-play-planner": {
        RELEASE: {
            REPORT, HARNESS, "get,list,create,patch configmaps",
            "list,create,patch,delete workflowtemplates.argoproj.io", "list,create workflows.argoproj.io",
        },
    },
    "press-play-bookkeeper": {
        RELEASE: {
            REPORT, HARNESS, "get,list,create,patch configmaps",
            "list workflows.argoproj.io", "list workflowtemplates.argoproj.io",
        },
    },
    "press-play-runner": {
        RELEASE: {
            REPORT, HARNESS, "get,create,patch configmaps", "get workflows.argoproj.io",
            "get,create persistentvolumeclaims", "create secrets",
            "get,patch cronworkflows.argoproj.io reconcile",
        },
        CONTROLLER: {f"get,list,watch,create,delete {kind}" for kind in RUNS},
    },
    "press-play-run-apply": {RELEASE: {REPORT}, CONTROLLER: {f"get,create,patch {kind}" for kind in RUNS}},
    "press-play-gates": {
        RELEASE: {
            REPORT, HARNESS, "get,create,patch configmaps", "get,create,delete persistentvolumeclaims",
            "get,list,delete pods", "get pods/log", "create secrets",
        },
    },
    "press-play-gate-apply": {RELEASE: {REPORT, "get,create,patch pods"}},
    "press-play-deployer": {
        RELEASE: {REPORT, HARNESS, "get,create,patch configmaps", "get,watch,create workflows.argoproj.io"},
    },
    "press-play-acceptance": {
        RELEASE: {REPORT, "get configmaps press-play-config"},
        PROBED: {
            "get,list pods", "get pods/log",
            *(f"get {kind}.apps" for kind in ("deployments", "statefulsets", "daemonsets")),
        },
    },
    "press-play-reconcile": {
        RELEASE: {
            REPORT, HARNESS, "get,list,create,patch,delete configmaps", "get,list,create,update workflows.argoproj.io",
            "list,delete workflowtemplates.argoproj.io", "list,delete persistentvolumeclaims", "list,delete pods",
        },
        CONTROLLER: {*(f"get,list,delete {kind}" for kind in RUNS), "list,delete persistentvolumeclaims"},
    },
    "press-play-sensor": {RELEASE: {"create,get,patch workflows.argoproj.io"}},
}  # fmt: skip
"""Every right of every account, by namespace."""


def templates(documents: Documents) -> Iterator[tuple[str, dict[str, Any]]]:
    """What runs as WORKFLOWTEMPLATE/TEMPLATE, with the template: each makes pods."""
    for document in documents:
        for template in document["spec"].get("templates", []) if document["kind"] == "WorkflowTemplate" else []:
            if {"container", "resource", "script"} & template.keys():
                yield f"{document['metadata']['name']}/{template['name']}", template


def test_each_account_has_exactly_these_rights():
    assert {name: dict(places) for name, places in rights(rendered()).items()} == RIGHTS


def test_every_step_has_an_account_and_every_account_steps():
    steps = {step for account in accounts.accounts() for step in account.steps}
    hooks = {"agents-merge", "agents-remove"}
    assert steps == registry.all_steps().keys() - hooks


def test_every_pod_of_a_workflow_runs_as_the_account_of_its_step(documents: Documents, values: dict[str, Any]):
    approver = values["serviceAccount"]["name"] or "press-play"
    own = {account.name: account.service_account for account in accounts.accounts()} | {"approver": approver}
    runs = {run: account.name for account in accounts.accounts() for run in (*account.steps, *account.applies)}
    placed = set()
    for place, template in templates(documents):
        run = template["name"] if "container" in template else place
        placed.add(run)
        assert template["serviceAccountName"] == own[runs[run]]
        assert template["metadata"]["labels"]["press-play/account"] == runs[run]
    assert placed == runs.keys()
    # A pod whose template named none would be nobody's.
    workflows = [d["spec"] for d in documents if d["kind"] == "WorkflowTemplate"]
    assert {spec["serviceAccountName"] for spec in workflows} == {"press-play-gate"}
    assert one(documents, "ServiceAccount", "press-play-gate")["automountServiceAccountToken"] is False


def test_what_a_resource_template_applies_its_account_may_apply():
    places = {
        "gate-lint/run": (RELEASE, ("pods",)),
        "gate-tests/run": (RELEASE, ("pods",)),
    }
    documents = rendered()
    applies = {run: account for account in accounts.accounts() for run in account.applies}
    assert applies.keys() == places.keys()
    for run, (namespace, kinds) in places.items():
        roles, bindings = access(documents, namespace)
        who = Account(RELEASE, applies[run].service_account)
        for kind in kinds:
            for verb in ("get", "create", "patch"):
                assert rbac.allowed(bindings, roles, who, verb, kind, "")


def access(documents: Documents, namespace: str) -> tuple[Documents, Documents]:
    there = [d for d in documents if d["metadata"].get("namespace") == namespace]
    return [d for d in there if d["kind"] == "Role"], [d for d in there if d["kind"] == "RoleBinding"]


@pytest.mark.rule("R5")
def test_only_the_gates_make_pods_only_runs_reach_the_controller_and_only_plays_are_planned():
    held = rights(rendered())

    def may(verb: str, resource: str, namespace: str = RELEASE) -> set[str]:
        def has(texts: set[str]) -> bool:
            return any(verb in text.split()[0].split(",") and text.split()[1] == resource for text in texts)

        return {name for name, places in held.items() if has(places.get(namespace, set()))}

    assert may("create", "pods") == {"press-play-gate-apply"}
    assert may("create", "persistentvolumeclaims") == {"press-play-gates", "press-play-runner"}
    assert may("create", "workflowtemplates.argoproj.io") == {"press-play-planner"}
    assert may("delete", "workflowtemplates.argoproj.io") == {"press-play-planner", "press-play-reconcile"}
    assert may("create", RUNS[0], CONTROLLER) == {"press-play-runner", "press-play-run-apply"}
    assert {name for name, places in held.items() if CONTROLLER in places} == {
        "press-play-runner", "press-play-run-apply", "press-play-reconcile",
    }  # fmt: skip
    # Who could read or change any Secret could take or replace a key.
    assert may("create", "secrets") == {"press-play-gates", "press-play-runner"}
    assert not may("list", "secrets") | may("patch", "secrets") | may("update", "secrets") | may("delete", "secrets")
    assert all(
        text.split()[2:] for places in held.values() for text in places[RELEASE] if text.startswith("get secrets")
    )
    # Who applies objects has no key, and who writes strangers' bytes onto a volume writes no verdict.
    keyless = {name for name in held if not any("get secrets" in text for text in held[name][RELEASE])}
    assert keyless == {
        "press-play-reader", "press-play-run-apply", "press-play-gate-apply", "press-play-acceptance",
        "press-play-sensor",
    }  # fmt: skip
    writers = {name for name, places in held.items() if any(is_write(text) for text in places[RELEASE])}
    assert not keyless & writers
    with_qa = {name for name, places in held.items() if WITH_QA in places[RELEASE]}
    assert with_qa == {"press-play"}


def is_write(text: str) -> bool:
    verbs, resource, *names = text.split()
    return resource == "configmaps" and bool({"create", "patch"} & set(verbs.split(","))) and not names


def test_the_former_account_has_what_workflows_of_earlier_versions_use_only_where_it_is_asked_for():
    former = rights(rendered(**{"serviceAccount.former": "true"}))["press-play"]
    used = {"get,list,create,patch,delete pods", "get,list,create,patch,update workflows.argoproj.io"}
    assert used <= former[RELEASE]
    assert former[CONTROLLER] == {
        *(f"get,list,create,patch,delete {kind}" for kind in RUNS), "get,list,delete persistentvolumeclaims",
    }  # fmt: skip


def test_steps_write_to_their_own_folder_alone(documents: Documents, values: dict[str, Any]):
    wanted = values["workflows"]["containerSecurityContext"].get("readOnlyRootFilesystem", True)
    steps = [template for _, template in templates(documents) if "container" in template]
    containers = [(template["container"], template["volumes"]) for template in steps]
    for job in (d["spec"]["template"]["spec"] for d in documents if d["kind"] == "Job"):
        containers += [(container, job["volumes"]) for container in job["containers"]]
    assert len(containers) >= len(registry.all_steps()) - 2
    for container, volumes in containers:
        assert container["securityContext"]["readOnlyRootFilesystem"] is wanted
        mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
        assert container["args"][container["args"].index("--out") + 1].startswith("/tmp/")
        assert {"name": mounts["/tmp"], "emptyDir": {}} in volumes
    for template in steps:
        for output in (template.get("outputs") or {}).get("parameters", []):
            assert output["valueFrom"]["path"].startswith("/tmp/out/")


def pods(documents: Documents) -> Iterator[tuple[str, dict[str, str]]]:
    """Each kind of pod of ours, with its labels."""
    for place, template in templates(documents):
        yield place, template["metadata"]["labels"]
    for document in documents:
        if document["kind"] in ("Job", "Deployment"):
            yield document["metadata"]["name"], document["spec"]["template"]["metadata"]["labels"]
        elif document["kind"] in ("EventSource", "Sensor"):
            yield document["kind"], document["spec"]["template"]["metadata"]["labels"]
        elif document["kind"] == "EventBus":
            yield "EventBus", {"controller": "eventbus-controller", "eventbus-name": document["metadata"]["name"]}
    yield "gate's Pod", {"app.kubernetes.io/part-of": "press-play", "press-play/walled": "true"}


def selected(policy: dict[str, Any], labels: Mapping[str, str]) -> bool:
    selector = policy["spec"]["podSelector"]
    listed = selector.get("matchExpressions", [])
    assert all(expression["operator"] == "In" for expression in listed)
    return selector["matchLabels"].items() <= labels.items() and all(
        labels.get(expression["key"]) in expression["values"] for expression in listed
    )


def test_every_pod_is_walled_in(documents: Documents, values: dict[str, Any]):
    if not (values["networkPolicy"]["enabled"] and values["gatePods"]["networkPolicy"]):
        pytest.skip("these values leave it to something else")
    policies = [d for d in documents if d["kind"] == "NetworkPolicy"]
    for name, labels in pods(documents):
        own = [policy for policy in policies if selected(policy, labels)]
        assert own, f"no NetworkPolicy selects {name}"
        for policy in own:
            assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
            if name not in ("EventSource", "EventBus", "press-play-serve"):
                assert "ingress" not in policy["spec"], f"{policy['metadata']['name']} lets something reach {name}"


def test_who_applies_objects_reaches_the_api_server_alone_and_who_has_a_key_what_the_values_name():
    documents = rendered(
        **{"argo.server.url": "https://argo.example.com:9000", "github.apiURL": "https://ghes:8443/api/v3"}
    )
    policies = {d["metadata"]["name"]: d for d in documents if d["kind"] == "NetworkPolicy"}
    by_pod = {place: template["metadata"]["labels"] for place, template in templates(documents)}
    applied = [name for name, policy in policies.items() if selected(policy, by_pod["gate-lint/run"])]
    assert applied == ["press-play-steps"]
    keyed = {name for name, policy in policies.items() if selected(policy, by_pod["task/task-settle"])}
    assert keyed == {"press-play-steps", "press-play-keys"}
    (rule,) = policies["press-play-keys"]["spec"]["egress"]
    assert sorted(port["port"] for port in rule["ports"]) == [443, 8443, 9000]
    dns, api = policies["press-play-steps"]["spec"]["egress"]
    assert {port["port"] for port in dns["ports"]} == {53}
    assert [port["port"] for port in api["ports"]] == [443, 6443]
    assert api["to"][0]["ipBlock"] == {"cidr": "0.0.0.0/0", "except": ["169.254.0.0/16"]}


def test_every_step_reaches_further_ports_that_the_values_name():
    policy = one(rendered(**{"networkPolicy.ports": "{9000}"}), "NetworkPolicy", "press-play-steps")["spec"]
    assert [port["port"] for port in policy["egress"][-1]["ports"]] == [9000]


def test_probes_reach_public_addresses_and_what_the_values_allow():
    documents = rendered(**{"defaults.acceptance.networks": "{10.1.0.0/16}"})
    policy = one(documents, "NetworkPolicy", "press-play-probes")["spec"]
    labels = dict(pods(documents))["gate-acceptance/acceptance-probe"]
    assert selected({"spec": policy}, labels)
    (rule,) = policy["egress"]
    assert "10.0.0.0/8" in rule["to"][0]["ipBlock"]["except"]
    assert rule["to"][2:] == [
        {"ipBlock": {"cidr": "10.1.0.0/16"}},
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": PROBED}}},
    ]


def test_the_policies_can_be_switched_off_and_a_clouds_identity_is_let_through_only_where_proofs_need_it():
    off = rendered(**{"networkPolicy.enabled": "false"})
    assert {d["metadata"]["name"] for d in off if d["kind"] == "NetworkPolicy"} == {"press-play-gate"}
    stored = {"proof.store": "s3", "proof.s3.bucket": "proofs"}
    assert one(rendered(**stored), "NetworkPolicy", "press-play-identity")["spec"]["podSelector"]["matchLabels"] == {
        "app.kubernetes.io/part-of": "press-play", "press-play/account": "approver",
    }  # fmt: skip
    kept = rendered(**stored, **{"proof.s3.secret": "bucket"})
    assert "press-play-identity" not in {d["metadata"]["name"] for d in kept}


def test_the_chart_has_the_table_that_the_library_has():
    assert (ROOT / "chart/files" / accounts.FILE).read_text(encoding="utf-8") == accounts.text()
    assert render(DEFAULTS)[1]
