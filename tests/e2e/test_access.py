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

import admission_cases
import pytest
import yaml
from admission_cases import Change, Manifest
from cluster import CHART, CONTROLLER, get, helm, kubectl, namespace, run, until
from gate_manifests import pod

from pressplay.cluster import rbac
from pressplay.cluster.kubernetes import KubernetesCluster
from pressplay.cluster.port import Account
from pressplay.domain import accounts, flows

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
EVERYWHERE = ""
"""No namespace: what is the cluster's, or in all namespaces."""
OF_THE_CLUSTER = (
    *("nodes", "nodes/proxy", "namespaces", "persistentvolumes", "secrets", "configmaps", "pods", "serviceaccounts"),
    *("clusterroles.rbac.authorization.k8s.io", "clusterrolebindings.rbac.authorization.k8s.io"),
    *("customresourcedefinitions.apiextensions.k8s.io", "workflows.argoproj.io"),
    *("clusterworkflowtemplates.argoproj.io", "tokenreviews.authentication.k8s.io"),
    *("validatingadmissionpolicies.admissionregistration.k8s.io", "*.*"),
)
RISKY = (
    ("impersonate", "serviceaccounts"),
    ("bind", "roles.rbac.authorization.k8s.io"),
    ("escalate", "roles.rbac.authorization.k8s.io"),
    ("*", "*.*"),
)
"""Verbs that lead to other rights, each with what it is for."""
VALUES = {
    "repositories": {
        "acme/shop": {"acceptance": {"namespaces": [PROBED]}, "deploy": {"workflowTemplate": "our-deploy"}},
    },
    "controller": {"namespace": CONTROLLER},
    "secrets": {"mode": "existing"},
    "events": {"bus": {"create": False}},
    "serve": {"enabled": False},
    "admission": {"policies": "always"},
}
KEYS = {"harness": "github-app-press-play", "qa": "github-app-qa-agent"}
"""The Secrets of the keys that these values name."""
OURS = ("Role", "RoleBinding", "ServiceAccount", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")


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


Right = tuple[str, str, str, str, str]
"""An account, a verb, a resource, a namespace and an object's name."""
AT_ONCE = 4


def may(rights: list[Right]) -> list[bool]:
    """The API server's answers, in order, by the calls that `pressplay doctor` makes."""

    def part(first: int) -> list[bool]:
        cluster = KubernetesCluster()
        try:
            return [cluster.may(Account(RELEASE, account), *right) for account, *right in rights[first::AT_ONCE]]
        finally:
            cluster.close()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        parts = list(pool.map(part, range(AT_ONCE)))
    return [parts[index % AT_ONCE][index // AT_ONCE] for index in range(len(rights))]


@pytest.mark.rule("NFR5")
def test_each_account_may_what_its_roles_say_and_everything_else_is_denied(rendered: list[Manifest]):
    """Accounts by verbs by resources by namespaces and the cluster, without a name and with each name in a rule."""
    by_space = {
        space: (
            [d for d in rendered if d["kind"] == "RoleBinding" and d["metadata"]["namespace"] == space],
            [d for d in rendered if d["kind"] == "Role" and d["metadata"]["namespace"] == space],
        )
        for space in SPACES
    }
    names = {name for _, roles in by_space.values() for role in roles for rule in role["rules"]
             for name in rule.get("resourceNames", [])}  # fmt: skip
    named = ("secrets", "configmaps", "cronworkflows.argoproj.io")
    tried = [
        *((verb, resource, space, name)
          for resource in RESOURCES
          for space in SPACES
          for verb in VERBS
          for name in ("", *(sorted(names) if resource in named else ()))),
        *((verb, resource, EVERYWHERE, "") for resource in OF_THE_CLUSTER for verb in VERBS),
        *((verb, resource, space, "") for verb, resource in RISKY for space in (EVERYWHERE, *SPACES)),
    ]  # fmt: skip
    matrix = [(account, *entry) for account in names_of(rendered) for entry in tried]
    began = time.monotonic()
    answers = may(matrix)
    print(f"{len(matrix)} reviews in {time.monotonic() - began:.0f} s, {sum(answers)} allowed")
    wrong = []
    for entry, answer in zip(matrix, answers, strict=True):
        account, verb, resource, space, name = entry
        # The release has no ClusterRole here.
        bindings, roles = by_space.get(space, ([], []))
        expected = rbac.allowed(bindings, roles, Account(RELEASE, account), verb, resource, name)
        if answer != expected:
            wrong.append((entry, f"expected {expected}, got {answer}"))
    assert not wrong, wrong[:10]
    assert sum(answers) > 100


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
    for account in accounts.accounts():
        wanted += [(account.service_account, verb, accounts.RESULTS, RELEASE, "") for verb in ("create", "patch")]
        wanted += [
            (account.service_account, "get", "secrets", RELEASE, KEYS[key]) for key in account.keys if key in KEYS
        ]
    answers = may(wanted)
    print(f"{len(wanted)} rights are needed")
    assert [entry for entry, answer in zip(wanted, answers, strict=True) if not answer] == []


# -- the admission policies --------------------------------------------------------------------------------------------


def created(account: str, manifest: Manifest, *, dry: bool = True) -> str:
    """Empty where the API server takes it of this account, else its message."""
    option = ["--dry-run=server"] if dry else []
    done = run("kubectl", "create", "-f", "-", *option, *acting(account), input=json.dumps(manifest), check=False)
    return "" if done.returncode == 0 else done.stderr


def acting(account: str) -> list[str]:
    """Options of kubectl with which it acts as this account."""
    who = Account(RELEASE, account)
    return [f"--as={rbac.user(who)}", *(f"--as-group={group}" for group in rbac.groups(who))]


def refused(policy: str, message: str) -> bool:
    """Whether the API server said that this policy of ours refused it, not that it is invalid or forbidden."""
    return f"ValidatingAdmissionPolicy 'press-play-{RELEASE}-{policy}'" in message and "denied request" in message


def workflow(name: str, template: str = "task", **spec: Any) -> Manifest:
    made = admission_cases.reference(template, RELEASE, **spec)
    made["metadata"]["name"] = name
    return made


@pytest.fixture(scope="module")
def enforced(rendered: list[Manifest]) -> list[Manifest]:
    """The API server takes a moment to put new policies into force."""
    by_hand = workflow("probe", serviceAccountName="press-play")
    until("the admission policies to be in force", lambda: created("press-play-sensor", by_hand), 60)
    return rendered


@pytest.mark.rule("NFR5")
def test_the_api_server_finds_nothing_wrong_with_the_types_of_any_expression(rendered: list[Manifest]):
    policies = [d["metadata"]["name"] for d in rendered if d["kind"] == "ValidatingAdmissionPolicy"]
    assert len(policies) == 6
    for name in policies:
        checked = until(f"{name} to be checked", lambda name=name: type_checking(name), 60)
        assert checked.get("expressionWarnings", []) == [], name


def type_checking(policy: str) -> Manifest | None:
    """What the API server's controller says of a policy's expressions; None before it looked."""
    status = (get("validatingadmissionpolicy", "default", policy) or {}).get("status") or {}
    return {"checked": True, **(status.get("typeChecking") or {})} if "observedGeneration" in status else None


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
@pytest.mark.parametrize("account", ["press-play-starter", "press-play-queue", "press-play-reconcile"])
def test_steps_start_the_flows_that_events_start(enforced: list[Manifest], account: str):
    for flow in (flow.name for flow in flows.flows() if flow.rows):
        assert created(account, workflow("by-a-step", flow)) == ""


MAKERS = {
    "press-play-sensor": ("started", "task"),
    "press-play-starter": ("started", "task"),
    "press-play-queue": ("started", "merge-group"),
    "press-play-reconcile": ("started", "task"),
    "press-play-planner": ("plays", "play-1"),
    "press-play-deployer": ("deployments", "our-deploy"),
}
"""Every account that may create Workflows: its policy, and a WorkflowTemplate that it may refer to."""


@pytest.mark.rule("NFR5")
@pytest.mark.parametrize("spec", admission_cases.WORKFLOWS, ids=lambda spec: next(iter(spec)))
def test_a_workflow_made_by_hand_is_refused(enforced: list[Manifest], spec: Manifest):
    for account, (policy, template) in MAKERS.items():
        assert created(account, workflow("play-1", template)) == "", account
        assert refused(policy, created(account, workflow("play-1", template, **spec))), account


@pytest.mark.rule("NFR5")
def test_a_workflow_of_its_own_is_refused_of_the_sensors_own_token(enforced: list[Manifest]):
    """As somebody does who took the Sensor's pod over, with nothing of the test's own rights."""
    token = kubectl("create", "token", "press-play-sensor", "-n", RELEASE).strip()
    by_hand = {"entrypoint": "x", "templates": [admission_cases.CONTAINER]}
    made = {**workflow("by-hand"), "spec": by_hand}
    command = ("kubectl", "create", "-f", "-", f"--token={token}")
    done = run(*command, input=json.dumps(made), check=False)
    assert done.returncode != 0
    assert refused("started", done.stderr), done.stderr
    assert "a Workflow of this account only refers to a WorkflowTemplate" in done.stderr
    assert run(*command, input=json.dumps(workflow("by-hand")), check=False).returncode == 0


@pytest.mark.rule("NFR5")
def test_what_argo_stored_of_the_templates_can_not_be_exchanged(enforced: list[Manifest]):
    assert created("press-play-sensor", workflow("stored"), dry=False) == ""
    for patch, taken in (
        ({"metadata": {"labels": {"a": "b"}}}, True),
        ({"status": {"storedTemplates": {"x": admission_cases.CONTAINER}}}, False),
        ({"spec": {"templates": [admission_cases.CONTAINER]}}, False),
    ):
        command = ("kubectl", "patch", "workflow", "stored", "-n", RELEASE, "--type=merge", "-p", json.dumps(patch))
        done = run(*command, *acting("press-play-sensor"), check=False)
        assert (done.returncode == 0) is taken, done.stderr
        assert taken or refused("started", done.stderr), done.stderr


@pytest.mark.rule("NFR5")
@pytest.mark.parametrize("account", ["press-play-starter", "press-play-reconcile"])
def test_a_wait_of_any_workflow_is_woken(enforced: list[Manifest], account: str):
    """The Argo Server writes the whole Workflow, as the account whose token it was given."""
    name = f"woken-by-{account}"
    made = workflow(name, "coderun-template", entrypoint="submitted", serviceAccountName="default")
    stored = {"submitted": {"name": "submitted", "suspend": {}}}
    status = {
        "nodes": {"a": {"id": "a", "name": "a", "type": "Suspend", "phase": "Running"}},
        "storedTemplates": stored,
    }
    kubectl("create", "-f", "-", input=json.dumps(made))
    kubectl("patch", "workflow", name, "-n", RELEASE, "--type=merge", "-p", json.dumps({"status": status}))
    waiting = get("workflow", RELEASE, name)
    assert waiting is not None
    waiting["status"]["nodes"]["a"]["phase"] = "Succeeded"
    command = ("kubectl", "replace", "-f", "-", *acting(account))
    run(*command, input=json.dumps(waiting))
    woken = get("workflow", RELEASE, name)
    assert woken is not None
    assert woken["status"]["nodes"]["a"]["phase"] == "Succeeded"
    woken["status"]["storedTemplates"]["submitted"] = {"name": "submitted", **admission_cases.CONTAINER}
    assert refused("started", run(*command, input=json.dumps(woken), check=False).stderr)


@pytest.mark.rule("NFR5")
def test_what_a_resource_template_applies_is_taken_and_again_where_its_pod_was_lost(enforced: list[Manifest]):
    """By the calls of Argo's executor: apply on the server, and read by name until it ends."""
    flags = ("--server-side", "--field-manager=press-play", "--force-conflicts", "-o", "json")
    acting_as, manifest = acting("press-play-gate-apply"), gate_pod("gate-lint")
    manifest["metadata"]["name"] = "applied"
    for _ in range(2):
        run("kubectl", "apply", *flags, "-f", "-", *acting_as, input=json.dumps(manifest))
    run("kubectl", "get", "pod", manifest["metadata"]["name"], "-n", RELEASE, *acting_as)


@pytest.mark.rule("NFR5")
def test_the_planner_makes_plays_and_nothing_that_runs(enforced: list[Manifest]):
    template, made = admission_cases.play(RELEASE)
    for manifest in (template, made):
        assert created("press-play-planner", manifest) == ""
    for number, change in enumerate(admission_cases.PLAYS):
        changed = copy.deepcopy(template)
        change(changed["spec"])
        assert refused("play-templates", created("press-play-planner", changed)), number
    for other in ("press-play", "task", "pull-request"):
        assert refused("plays", created("press-play-planner", workflow("play-1", other))), other


@pytest.mark.rule("R5")
def test_a_gates_pod_is_taken(enforced: list[Manifest]):
    for gate in ("gate-lint", "gate-tests"):
        assert created("press-play-gate-apply", gate_pod(gate)) == ""


@pytest.mark.rule("R5")
@pytest.mark.parametrize("change", admission_cases.PODS)
def test_a_pod_that_reaches_more_than_a_gates_is_refused(enforced: list[Manifest], change: Change):
    made = gate_pod("gate-tests")
    change(made)
    message = created("press-play-gate-apply", made)
    assert refused("gate-pods", message), message


def gate_pod(gate: str) -> Manifest:
    made = copy.deepcopy(pod(gate_name=gate))
    made["metadata"]["namespace"] = RELEASE
    return made


@pytest.mark.rule("R9")
def test_the_gates_account_makes_tokens_of_reading_steps_and_no_other_secret(enforced: list[Manifest]):
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
    assert created("press-play-gates", made) == created("press-play-runner", made) == ""
    of_workflow = {**owner, "apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "name": "pull-request-1"}
    without_volume = {**metadata, "name": "gate-changes-0123456789ab-token-0", "ownerReferences": [of_workflow]}
    assert created("press-play-gates", {**made, "metadata": without_volume}) == ""
    account = {"annotations": {"kubernetes.io/service-account.name": "press-play"}}
    for change in (
        {"metadata": {**metadata, "name": "github-app-other"}},
        {"metadata": {**metadata, "ownerReferences": []}},
        {"metadata": {**metadata, "ownerReferences": [of_workflow]}},
        {"metadata": {**metadata, **account}, "type": "kubernetes.io/service-account-token"},
        {"data": {"private-key": "e30="}},
    ):
        for maker in ("press-play-gates", "press-play-runner"):
            assert "ValidatingAdmissionPolicy" in created(maker, {**made, **change})


@pytest.mark.rule("NFR5")
def test_everybody_else_is_left_alone(enforced: list[Manifest]):
    """A person of the cluster may do in the namespace what they could before."""
    made = json.dumps(workflow("a-persons", templates=[admission_cases.CONTAINER], entrypoint="x"))
    assert run("kubectl", "create", "--dry-run=server", "-f", "-", input=made, check=False).returncode == 0
