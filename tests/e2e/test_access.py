"""The accounts on a real API server: each may what its Roles say and no more; the admission policies refuse the rest.

Nothing of the release runs here: `helm template` says what is bound, and the API server answers by impersonation. It
needs no image, and of Argo only the definitions of Workflow and WorkflowTemplate.
"""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import yaml
from cluster import CHART, CONTROLLER, helm, kubectl, namespace, run

from pressplay.cluster import rbac
from pressplay.cluster.port import Account
from pressplay.domain import accounts

RELEASE, PROBED, OTHER = "pp-e2e-access", "pp-e2e-probed", "pp-e2e-other"
SPACES = (RELEASE, CONTROLLER, PROBED, OTHER)
VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")
RESOURCES = (
    *("secrets", "configmaps", "pods", "pods/log", "pods/exec", "pods/ephemeralcontainers", "persistentvolumeclaims"),
    *("serviceaccounts", "serviceaccounts/token", "services", "events", "replicationcontrollers"),
    *("deployments.apps", "statefulsets.apps", "daemonsets.apps", "jobs.batch", "cronjobs.batch"),
    *("roles.rbac.authorization.k8s.io", "rolebindings.rbac.authorization.k8s.io"),
    *("networkpolicies.networking.k8s.io", "workflows.argoproj.io", "workflowtemplates.argoproj.io"),
    *("cronworkflows.argoproj.io", "workflowtaskresults.argoproj.io", "sensors.argoproj.io"),
    *("coderuns.agents.platform", "coderuns/status.agents.platform", "docsruns.agents.platform"),
)
VALUES = {
    "repositories": {"acme/shop": {"acceptance": {"namespaces": [PROBED]}}},
    "controller": {"namespace": CONTROLLER},
    "secrets": {"mode": "existing"},
    "events": {"bus": {"create": False}},
    "serve": {"enabled": False},
    "admission": {"policies": "always"},
}
OURS = ("Role", "RoleBinding", "ServiceAccount", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")
Manifest = dict[str, Any]


@pytest.fixture(scope="module")
def rendered() -> Iterator[list[Manifest]]:
    """The Roles, accounts and policies of the release, in the cluster; gone afterwards."""
    text = helm("template", RELEASE, str(CHART), "-n", RELEASE, "-f", "-", input=yaml.safe_dump(VALUES)).stdout
    documents = [d for d in yaml.safe_load_all(text) if d and d["kind"] in (*OURS, "Sensor")]
    for space in SPACES:
        namespace(space)
    made = json.dumps({"apiVersion": "v1", "kind": "List", "items": [d for d in documents if d["kind"] in OURS]})
    kubectl("apply", "--server-side", "-f", "-", input=made)
    yield documents
    kubectl("delete", "--ignore-not-found", "--wait", "-f", "-", input=made)
    kubectl("delete", "namespace", *SPACES, "--wait")


def names_of(documents: list[Manifest]) -> list[str]:
    return sorted(d["metadata"]["name"] for d in documents if d["kind"] == "ServiceAccount")


def right(account: str, verb: str, resource: str, space: str, name: str) -> Manifest:
    group, plural, sub = rbac.parts(resource)
    attributes = {
        "verb": verb,
        "group": group,
        "resource": plural,
        "subresource": sub,
        "namespace": space,
        "name": name,
    }
    who = Account(RELEASE, account)
    return {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {
            "user": rbac.user(who),
            "groups": rbac.groups(who),
            "resourceAttributes": {key: value for key, value in attributes.items() if value},
        },
    }


def may(reviews: list[Manifest]) -> list[bool]:
    """The API server's answers, in order. A List can't be created of reviews: each is a document of one stream."""
    stream = "\n---\n".join(json.dumps(review) for review in reviews)
    answer = run("kubectl", "create", "-o", "json", "-f", "-", input=stream, timeout=600).stdout
    decoder, at, answers = json.JSONDecoder(), 0, []
    while at < len(answer.rstrip()):
        document, end = decoder.raw_decode(answer, at)
        items = document["items"] if document["kind"] == "List" else [document]
        answers += [bool(item["status"].get("allowed")) for item in items]
        at = end + len(answer[end:]) - len(answer[end:].lstrip())
    assert len(answers) == len(reviews)
    return answers


@pytest.mark.rule("NFR5")
def test_each_account_may_what_its_roles_say_and_everything_else_is_denied(rendered: list[Manifest]):
    """The whole matrix: accounts by verbs by resources by namespaces, without a name and with each name in a rule."""
    by_space = {
        space: (
            [d for d in rendered if d["kind"] == "RoleBinding" and d["metadata"]["namespace"] == space],
            [d for d in rendered if d["kind"] == "Role" and d["metadata"]["namespace"] == space],
        )
        for space in SPACES
    }
    names = {name for _, roles in by_space.values() for role in roles for rule in role["rules"]
             for name in rule.get("resourceNames", [])}  # fmt: skip
    matrix = [
        (account, verb, resource, space, name)
        for account in names_of(rendered)
        for resource in RESOURCES
        for space in SPACES
        for verb in VERBS
        for name in ("", *(sorted(names) if resource in ("secrets", "configmaps", "cronworkflows.argoproj.io") else ()))
    ]
    parts = [matrix[at : at + 500] for at in range(0, len(matrix), 500)]
    with ThreadPoolExecutor(4) as pool:
        answers = [a for part in pool.map(lambda part: may([right(*entry) for entry in part]), parts) for a in part]
    wrong, allowed = [], 0
    for entry, answer in zip(matrix, answers, strict=True):
        account, verb, resource, space, name = entry
        bindings, roles = by_space[space]
        expected = rbac.allowed(bindings, roles, Account(RELEASE, account), verb, resource, name)
        allowed += answer
        if answer != expected:
            wrong.append((entry, f"expected {expected}, got {answer}"))
    print(f"{len(matrix)} rights tried, {allowed} allowed")
    assert not wrong, wrong[:10]
    assert allowed > 100


@pytest.mark.rule("NFR5")
def test_what_each_step_needs_is_allowed(rendered: list[Manifest]):
    spaces = {"release": RELEASE, "controller": CONTROLLER, "probed": PROBED}
    wanted = [
        (account.service_account, verb, resource, spaces[rule.place], name)
        for account in accounts.accounts()
        for rule in account.rules
        for resource in rule.resources
        for verb in rule.verbs
        for name in rule.names or ("",)
    ]
    answers = may([right(*entry) for entry in wanted])
    assert [entry for entry, answer in zip(wanted, answers, strict=True) if not answer] == []


# -- the admission policies --------------------------------------------------------------------------------------------

POD = {"name": "x", "container": {"image": "x", "command": ["sh"]}}


def workflow(name: str, **spec: Any) -> Manifest:
    own = {"workflowTemplateRef": {"name": "task"}, "arguments": {"parameters": [{"name": "repo", "value": "a/b"}]}}
    metadata = {"name": name, "namespace": RELEASE}
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": metadata, "spec": {**own, **spec}}


def created(account: str, manifest: Manifest, *, dry: bool = True) -> str:
    """Empty where the API server takes it, else its message."""
    user = rbac.user(Account(RELEASE, account))
    groups = [f"--as-group={group}" for group in rbac.groups(Account(RELEASE, account))]
    option = ["--dry-run=server"] if dry else []
    done = run(
        "kubectl", "create", "-f", "-", f"--as={user}", *groups, *option, input=json.dumps(manifest), check=False
    )
    return "" if done.returncode == 0 else done.stderr


@pytest.fixture(scope="module")
def enforced(rendered: list[Manifest]) -> list[Manifest]:
    """The API server takes a moment to put new policies into force."""
    end = time.monotonic() + 60
    while not created("press-play-sensor", workflow("probe", serviceAccountName="press-play")):
        assert time.monotonic() < end, "the admission policies are not in force after a minute"
        time.sleep(1)
    return rendered


@pytest.mark.rule("NFR5")
def test_the_sensors_account_makes_what_its_triggers_say(enforced: list[Manifest]):
    (sensor,) = (d for d in enforced if d["kind"] == "Sensor")
    for trigger in sensor["spec"]["triggers"]:
        made = copy.deepcopy(trigger["template"]["k8s"]["source"]["resource"])
        made["metadata"]["name"] = trigger["template"]["name"]
        for parameter in made["spec"]["arguments"]["parameters"]:
            parameter.setdefault("value", "1")
        assert created("press-play-sensor", made) == ""


@pytest.mark.rule("NFR5")
@pytest.mark.parametrize("account", ["press-play-sensor", "press-play-starter", "press-play-reconcile"])
@pytest.mark.parametrize(
    "spec",
    [
        {"workflowTemplateRef": {"name": "another"}},
        {"serviceAccountName": "press-play"},
        {"templates": [POD], "entrypoint": "x"},
        {"volumes": [{"name": "s", "secret": {"secretName": "github-app-press-play"}}]},
        {"podSpecPatch": "{}"},
        {"workflowTemplateRef": {"name": "task", "clusterScope": True}},
    ],
)
def test_a_workflow_made_by_hand_is_refused(enforced: list[Manifest], account: str, spec: Manifest):
    assert created(account, workflow("by-hand")) == ""
    assert "ValidatingAdmissionPolicy" in created(account, workflow("by-hand", **spec))


@pytest.mark.rule("NFR5")
def test_what_argo_stored_of_the_templates_can_not_be_exchanged(enforced: list[Manifest]):
    assert created("press-play-sensor", workflow("stored"), dry=False) == ""
    user = rbac.user(Account(RELEASE, "press-play-sensor"))
    for patch, taken in (
        ({"metadata": {"labels": {"a": "b"}}}, True),
        ({"status": {"storedTemplates": {"x": POD}}}, False),
        ({"spec": {"templates": [POD]}}, False),
    ):
        command = ("kubectl", "patch", "workflow", "stored", "-n", RELEASE, "--type=merge", "-p", json.dumps(patch))
        done = run(*command, f"--as={user}", check=False)
        assert (done.returncode == 0) is taken, done.stderr


@pytest.mark.rule("R5")
def test_a_gates_pod_reaches_no_secret(enforced: list[Manifest]):
    security = {"runAsNonRoot": True, "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    container = {"name": "main", "image": "x", "securityContext": security}
    spec = {
        "serviceAccountName": "press-play-gate",
        "automountServiceAccountToken": False,
        "containers": [container],
        "volumes": [
            {"name": "gate", "persistentVolumeClaim": {"claimName": "gate-lint-0"}},
            {"name": "t", "emptyDir": {}},
        ],
    }
    metadata = {"name": "gate", "namespace": RELEASE, "labels": {"press-play/walled": "true"}}
    made: Manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    assert created("press-play-gate-apply", made) == ""
    secret = {"name": "s", "secret": {"secretName": "github-app-press-play"}}
    for change in (
        {"volumes": [secret]},
        {"automountServiceAccountToken": True},
        {"serviceAccountName": "press-play"},
        {"containers": [{**container, "envFrom": [{"secretRef": {"name": "s"}}]}]},
        {"hostNetwork": True},
    ):
        assert "ValidatingAdmissionPolicy" in created("press-play-gate-apply", {**made, "spec": {**spec, **change}})
    unlabelled = {**made, "metadata": {**metadata, "labels": {}}}
    assert "ValidatingAdmissionPolicy" in created("press-play-gate-apply", unlabelled)


@pytest.mark.rule("R9")
def test_the_gates_account_makes_tokens_of_checkouts_and_no_other_secret(enforced: list[Manifest]):
    run_of_gate = "gate-lint-0123456789ab"
    owner = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "name": run_of_gate, "uid": "0-1-2"}
    metadata = {"name": f"{run_of_gate}-token-0", "namespace": RELEASE, "ownerReferences": [owner]}
    made: Manifest = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata,
        "type": "Opaque",
        "immutable": True,
        "data": {"token": "e30="},
    }
    assert created("press-play-gates", made) == ""
    account = {"annotations": {"kubernetes.io/service-account.name": "press-play"}}
    for change in (
        {"metadata": {**metadata, "name": "github-app-other"}},
        {"metadata": {**metadata, "ownerReferences": []}},
        {"metadata": {**metadata, **account}, "type": "kubernetes.io/service-account-token"},
        {"data": {"private-key": "e30="}},
    ):
        assert "ValidatingAdmissionPolicy" in created("press-play-gates", {**made, **change})


@pytest.mark.rule("NFR5")
def test_everybody_else_is_left_alone(enforced: list[Manifest]):
    """A person of the cluster may do in the namespace what they could before."""
    made = json.dumps(workflow("a-persons", templates=[POD], entrypoint="x"))
    assert run("kubectl", "create", "--dry-run=server", "-f", "-", input=made, check=False).returncode == 0
