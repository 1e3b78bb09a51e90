"""The admission policies, evaluated: what our steps and the Sensor make passes, and nothing beside that.

The expressions run in CEL's C++ runtime, with the optional types that API servers have from Kubernetes 1.29. What the
server adds (matching, a budget of cost) is tried on a real one: tests/e2e/test_access.py.
"""

from __future__ import annotations

import copy
import json
from typing import Any

import admission_cases
import kubernetes_validate
import pytest
from access_rights import RELEASE, rendered, rights
from admission_cases import CONTAINER, SECRET, Change, Manifest
from cel_expr_python import cel
from cel_expr_python.ext import ext_optional
from charts import DEFAULTS, ROOT, load
from gate_manifests import beside, pod

from pressplay import names
from pressplay.domain import flows
from pressplay.steps.gate_pods import gate_tokens
from pressplay.validation import helm

pytestmark = pytest.mark.rule("NFR5")
ENVIRONMENT = cel.NewEnv(
    variables=dict.fromkeys(("object", "oldObject", "request"), cel.Type.DYN), extensions=[ext_optional.ExtOptional()]
)
DOCUMENTS = rendered(**{"admission.policies": "always", "defaults.deploy.workflowTemplate": "our-deploy"})
POLICIES = {
    d["metadata"]["name"].removeprefix(f"press-play-{RELEASE}-"): d
    for d in DOCUMENTS
    if d["kind"] == "ValidatingAdmissionPolicy"
}

RUN = "gate-lint-0123456789ab"


def refused(policy: str, made: Manifest, before: Manifest | None = None) -> list[str]:
    """The messages of the validations that do not hold; an error counts as one (failurePolicy: Fail)."""
    spec = POLICIES[policy]["spec"]
    assert spec["failurePolicy"] == "Fail"
    data = {"object": made, "oldObject": before, "request": {"operation": "UPDATE" if before else "CREATE"}}
    return [
        validation["message"]
        for validation in spec["validations"]
        if ENVIRONMENT.compile(validation["expression"]).eval(data=data).value() is not True
    ]


def reference(name: str, **spec: Any) -> Manifest:
    """A Workflow as our steps and the Sensor make it."""
    return admission_cases.reference(name, RELEASE, **spec)


# -- what our own do ---------------------------------------------------------------------------------------------------


def test_what_the_sensor_makes_passes():
    (sensor,) = (d for d in DOCUMENTS if d["kind"] == "Sensor")
    triggers = [trigger["template"]["k8s"]["source"]["resource"] for trigger in sensor["spec"]["triggers"]]
    assert len(triggers) > 10
    for resource in triggers:
        assert refused("started", resource) == []
        # A second event of the window patches it.
        assert refused("started", resource, before=resource) == []


@pytest.mark.parametrize("flow", [flow.name for flow in flows.flows() if flow.name_parts])
def test_what_reconcile_and_the_starter_make_passes(flow: str):
    assert refused("started", reference(flow)) == []
    assert refused("started", reference("task")) == []


def test_what_the_planner_makes_passes():
    template, made = admission_cases.play(RELEASE)
    assert refused("play-templates", template) == []
    assert refused("plays", made) == []
    marked = copy.deepcopy(template)
    marked["metadata"]["labels"]["press-play/started"] = "true"
    assert refused("play-templates", marked, before=template) == []


def test_what_deploys_passes():
    assert refused("deployments", reference("our-deploy")) == []


@pytest.mark.parametrize("gate", ["gate-lint", "gate-tests"])
def test_the_gates_pods_pass(gate: str):
    config = next(d for d in DOCUMENTS if d["metadata"]["name"] == "press-play-config")
    settings = json.loads(config["data"]["config.json"])
    assert refused("gate-pods", pod(DEFAULTS, gate)) == []
    assert refused("gate-pods", pod(DEFAULTS, "gate-tests", services=beside(settings))) == []


def token(run: str = RUN) -> Manifest:
    """The Secret with a reading step's token, as the step makes it and the API server completes it."""
    labels = {"app.kubernetes.io/part-of": "press-play", "press-play/gate-run": run}
    owner = (
        gate_tokens.Owner("argoproj.io/v1alpha1", "Workflow", "pull-request-1", "1-2-3", labels)
        if run.startswith("gate-changes-")
        else gate_tokens.Owner("v1", "PersistentVolumeClaim", run, "1-2-3", labels)
    )
    return gate_tokens._secret(RELEASE, names.gate_token(run, 0), owner, b"{}")


TOKENS = [RUN, "gate-changes-0123456789ab"]


@pytest.mark.parametrize("run", TOKENS)
def test_the_token_of_a_reading_step_passes(run: str):
    assert refused("gate-tokens", token(run)) == []


@pytest.mark.parametrize("policy", ["started", "plays"])
def test_a_wait_of_any_workflow_may_be_woken(policy: str):
    """The Argo Server updates the Workflow as the step's account: its status, and what Argo's types add."""
    anybody = reference("coderun-template", entrypoint="submitted", serviceAccountName="default", shutdown="Stop")
    stored = {"storedTemplates": {"x": CONTAINER}, "storedWorkflowTemplateSpec": {"templates": [CONTAINER]}}
    waiting = {**anybody, "status": {"nodes": {"a": {"phase": "Running"}}, **stored}}
    woken = {**anybody, "status": {"nodes": {"a": {"phase": "Succeeded"}}, **stored}}
    assert refused(policy, woken, before=waiting) == []
    bare = {"metadata": {"name": "x"}, "spec": {"workflowTemplateRef": {"name": "play-1"}}}
    assert refused(policy, {**bare, "spec": {**bare["spec"], "arguments": {}}}, before=bare) == []


# -- what they could do beside that ------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", ["started", "plays", "deployments"])
@pytest.mark.parametrize("spec", admission_cases.WORKFLOWS, ids=lambda spec: next(iter(spec)))
def test_a_workflow_made_by_hand_is_refused(policy: str, spec: Manifest):
    name = {"started": "task", "plays": "play-1", "deployments": "our-deploy"}[policy]
    assert refused(policy, reference(name)) == []
    assert refused(policy, {**reference(name), "spec": {**reference(name)["spec"], **spec}}) != []


def test_a_workflow_without_a_reference_is_refused():
    assert refused("started", {"metadata": {"name": "x"}, "spec": {"entrypoint": "x", "templates": [CONTAINER]}}) != []
    assert refused("started", {"metadata": {"name": "x"}, "spec": {}}) != []


def test_an_update_may_not_give_a_workflow_what_a_new_one_may_not_have():
    before = reference("task")
    for spec in ({"templates": [CONTAINER]}, {"volumes": [SECRET]}, {"workflowTemplateRef": {"name": "another"}}):
        assert refused("started", {**before, "spec": {**before["spec"], **spec}}, before=before) != []


def test_what_argo_stored_of_the_templates_can_not_be_exchanged():
    """A Workflow's status is no subresource: whoever updates the Workflow may write it; Argo runs what is stored."""
    before = {**reference("task"), "status": {"storedTemplates": {}, "nodes": {}}}
    for key in ("storedTemplates", "storedWorkflowTemplateSpec"):
        changed = {**before, "status": {**before["status"], key: {"templates": [CONTAINER]}}}
        assert refused("started", changed, before=before) != []
    assert refused("started", before) != [], "a new Workflow has no status"


def test_the_planner_may_not_refer_to_other_templates_than_its_plays():
    assert refused("plays", {**reference("press-play"), "metadata": {"name": "play-1"}}) != []
    assert refused("started", reference("press-play")) != []
    assert refused("deployments", reference("task")) != []


@pytest.mark.parametrize("change", admission_cases.PLAYS)
def test_a_play_that_runs_something_of_its_own_is_refused(change: Change):
    template, _ = admission_cases.play(RELEASE)
    changed = copy.deepcopy(template)
    change(changed["spec"])
    assert refused("play-templates", changed) != []
    assert refused("play-templates", changed, before=template) != []


@pytest.mark.rule("R5")
@pytest.mark.parametrize("change", admission_cases.PODS)
def test_a_pod_that_reaches_more_than_a_gates_is_refused(change: Change):
    made = pod()
    assert refused("gate-pods", made) == []
    changed = copy.deepcopy(made)
    change(changed)
    assert refused("gate-pods", changed) != []
    # An update counts as a new one: the image of somebody else's Pod can't be replaced either.
    assert refused("gate-pods", changed, before=changed) != []


def metadata(**fields: Any) -> Change:
    return lambda made: made["metadata"].update(fields)


@pytest.mark.rule("R5")
@pytest.mark.rule("R9")
@pytest.mark.parametrize(
    "change",
    [
        # The place of a key, which the next step would read.
        metadata(name="github-app-press-play"),
        metadata(name=f"{RUN}-token-0.github-app-press-play"),
        metadata(name=f"{RUN}-token-10"),
        metadata(name="gate-lint-ffffffffffff-token-0"),
        metadata(name="gate-changes-ffffffffffff-token-0-0"),
        # The token of an account, which the API server fills in.
        lambda made: made.update(type="kubernetes.io/service-account-token"),
        metadata(annotations={"kubernetes.io/service-account.name": "press-play"}),
        lambda made: made["data"].update({"private-key": "a2V5"}),
        # What nobody would delete.
        lambda made: made["metadata"].pop("ownerReferences"),
        metadata(ownerReferences=[]),
        lambda made: made["metadata"]["ownerReferences"][0].update(kind="Namespace"),
        lambda made: made["metadata"]["ownerReferences"].append(made["metadata"]["ownerReferences"][0]),
    ],
)
@pytest.mark.parametrize("run", TOKENS)
def test_a_secret_that_is_no_reading_steps_token_is_refused(change: Change, run: str):
    changed = token(run)
    change(changed)
    assert refused("gate-tokens", changed) != []
    assert refused("gate-tokens", changed, before=changed) != []


# -- where they are in force -------------------------------------------------------------------------------------------


def test_each_policy_is_in_force_for_its_accounts_in_this_namespace():
    wanted = {
        "started": [
            "press-play-sensor",
            "press-play",
            "press-play-starter",
            "press-play-queue",
            "press-play-reconcile",
        ],
        "plays": ["press-play-planner"],
        "deployments": ["press-play-deployer"],
        "play-templates": ["press-play-planner"],
        "gate-pods": ["press-play-gate-apply"],
        "gate-tokens": ["press-play-gates", "press-play-runner"],
    }
    assert POLICIES.keys() == wanted.keys()
    for name, policy in POLICIES.items():
        users = [f"system:serviceaccount:{RELEASE}:{account}" for account in wanted[name]]
        (condition,) = policy["spec"]["matchConditions"]
        compiled = ENVIRONMENT.compile(condition["expression"])
        for user in [*users, "system:serviceaccount:other:press-play-sensor", "somebody"]:
            assert compiled.eval(data={"request": {"userInfo": {"username": user}}}).value() is (user in users)
        (rule,) = policy["spec"]["matchConstraints"]["resourceRules"]
        assert rule["operations"] == ["CREATE", "UPDATE"]
    bindings = [d for d in DOCUMENTS if d["kind"] == "ValidatingAdmissionPolicyBinding"]
    assert {d["spec"]["policyName"] for d in bindings} == {d["metadata"]["name"] for d in POLICIES.values()}
    for binding in bindings:
        assert binding["spec"]["validationActions"] == ["Deny"]
        selector = binding["spec"]["matchResources"]["namespaceSelector"]
        assert selector == {"matchLabels": {"kubernetes.io/metadata.name": RELEASE}}


def test_every_account_that_creates_workflows_or_pods_has_a_policy():
    held = rights(DOCUMENTS)
    created = {
        "workflows.argoproj.io": {"started", "plays", "deployments"},
        "workflowtemplates.argoproj.io": {"play-templates"},
        "pods": {"gate-pods"},
        "secrets": {"gate-tokens"},
    }
    for resource, policies in created.items():
        makers = {
            name
            for name, places in held.items()
            for text in places[RELEASE]
            if text.split()[1] == resource and "create" in text.split()[0].split(",")
        }
        covered = " ".join(POLICIES[policy]["spec"]["matchConditions"][0]["expression"] for policy in policies)
        assert makers
        assert {name for name in makers if f':{name}"' not in covered} == set()


def test_the_api_server_knows_every_field():
    for policy in (d for d in DOCUMENTS if d["kind"].startswith("ValidatingAdmission")):
        for version in ("1.30", "1.37"):
            kubernetes_validate.validate(policy, version, strict=True)


def test_they_are_made_where_the_api_server_has_them_unless_the_values_say_otherwise():
    api = "admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy"

    def kinds(*options: str) -> set[str]:
        text = helm.run(ROOT, "template", "press-play", "chart", "--namespace", RELEASE, *options)
        return {d["kind"] for d in load(text)} & {"ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"}

    assert kinds() == set()
    assert len(kinds("--api-versions", api)) == 2
    assert kinds("--api-versions", api, "--set", "admission.policies=never") == set()
