"""`pressplay doctor` finds each planted fault, by its own line alone, and nothing on a healthy set-up."""

from __future__ import annotations

import ast
import base64
import json
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
import yaml
from harness import CHART, REPO, task
from healthy import AGENTS, ARGO, CODERUN, DOCSRUN, OWN, PREVIEW, SERVER, URL, Copy, Silent, copied, make, thing
from merge_queues import rule
from proof_stores import registry

from pressplay import names
from pressplay.cli import main
from pressplay.clock import VirtualClock, rfc3339
from pressplay.cluster import pause, sqlite
from pressplay.cluster.argo_server import ArgoServer
from pressplay.cluster.kubernetes import KubernetesCluster
from pressplay.cluster.port import Forbidden
from pressplay.commands.doctor import Ports
from pressplay.doctor import release, repositories
from pressplay.doctor.release import VERSION_LABEL
from pressplay.doctor.results import Result
from pressplay.domain import flows
from pressplay.errors import InputError, TryAgain
from pressplay.github.permissions import ALERTS, WEBHOOKS, wanted_events
from pressplay.github.permissions import HARNESS as HARNESS_PERMISSIONS
from pressplay.sandbox.engine import set_node
from pressplay.sandbox.forge.http import Fault
from pressplay.steps.core.context import Context
from pressplay.steps.play import protection

HARNESS = names.app_secret("press-play")


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    folder = tmp_path_factory.mktemp("healthy")
    return folder, make(folder)


@pytest.fixture
def copy(healthy: tuple[Path, float], tmp_path: Path) -> Iterator[Copy]:
    folder, now = healthy
    with copied(folder, tmp_path, now) as made:
        yield made


def wrong(results: list[Result]) -> list[Result]:
    return [result for result in results if result.state == "wrong"]


def told(results: list[Result]) -> str:
    return "\n".join(f"{one.group} | {one.state} | {one.name} | {one.message} | do: {one.do}" for one in results)


def test_nothing_is_wrong_with_a_healthy_set_up(copy: Copy):
    results = copy.examine()
    assert wrong(results) == []
    assert [one.name for one in results if one.state == "not looked at"] == ["wall of the gates", "bypass lists"]
    assert [one.name for one in results if one.state == "note"] == ["GitHub Actions"]
    assert len(results) > 50
    assert {one.group for one in results} == {"values", f"cluster, namespace {OWN}", "GitHub", f"GitHub, {REPO}"}


class Planted(NamedTuple):
    """A fault: how it is planted, the line (or lines) that must find it, and what its `do` must name."""

    name: str
    plant: Callable[[Copy], object]
    lines: str | set[str]
    do: str


def unknown_field(copy: Copy) -> None:
    schema = {name: value for name, value in CODERUN["properties"].items() if name != "taskRequirements"}
    definition(copy, "coderuns.agents.platform", {**CODERUN, "properties": schema})


def definition(copy: Copy, name: str, spec: dict) -> None:
    found = copy.cluster.get("CustomResourceDefinition", "", name)
    assert found is not None
    found["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"] = spec
    copy.change("CustomResourceDefinition", "", name, {"spec": found["spec"]})


def persona(copy: Copy, text: str | None) -> None:
    copy.change("ConfigMap", AGENTS, "controller-agents", {"data": {"rex_system-prompt.md": text}})


def agents_may_read(copy: Copy) -> None:
    copy.add(
        thing("Role", OWN, "broad", rules=[{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list"]}])
    )
    who = {"kind": "Group", "name": f"system:serviceaccounts:{AGENTS}"}
    copy.add(thing("RoleBinding", OWN, "broad", roleRef={"kind": "Role", "name": "broad"}, subjects=[who]))


def bound(copy: Copy, account: str, rule: dict) -> None:
    """Give an account of the release a right that it should not have."""
    copy.add(thing("Role", OWN, "more", rules=[{"apiGroups": [""], **rule}]))
    who = {"kind": "ServiceAccount", "name": account, "namespace": OWN}
    copy.add(thing("RoleBinding", OWN, "more", roleRef={"kind": "Role", "name": "more"}, subjects=[who]))


def another_app(copy: Copy, of: str, there: str, into: str, where: str = AGENTS) -> None:
    """Put one App's key into another one's Secret."""
    keys = {key.replace("-", "_"): copy.held(there, f"github-app-{of}", key) for key in ("app-id", "private-key")}
    copy.secret(where, f"github-app-{into}", **keys)


def lies_untouched(copy: Copy) -> None:
    labels = {"app.kubernetes.io/part-of": "press-play"}
    copy.add({**thing("Workflow", OWN, "task-1", labels, spec={}), "apiVersion": "argoproj.io/v1alpha1"})
    copy.clock.sleep(60)
    copy.change("Workflow", OWN, "task-1", {"metadata": {"creationTimestamp": rfc3339(copy.clock.now() - 600)}})


def quota(copy: Copy, *counted: str) -> None:
    copy.add(thing("ResourceQuota", OWN, "compute", spec={"hard": dict.fromkeys(counted, "10")}))


def argo_config(copy: Copy, **settings: Any) -> None:
    data = {key: None if value is None else json.dumps(value) for key, value in settings.items()}
    copy.change("ConfigMap", ARGO, "workflow-controller-configmap", {"data": data})


def requeue(copy: Copy, value: str | None) -> None:
    container = {"name": "main", "image": "quay.io/argoproj/workflow-controller:v4.1.2"}
    environment = [] if value is None else [{"name": "DEFAULT_REQUEUE_TIME", "value": value}]
    patch = {"spec": {"template": {"spec": {"containers": [{**container, "env": environment}]}}}}
    copy.change("Deployment", ARGO, "workflow-controller", patch)


def as_service(copy: Copy, ready: int = 1) -> None:
    """The release reconciles by its service, as the chart's defaults have it."""
    copy.setting({"reconcile": {"mode": "service"}})
    copy.change("CronWorkflow", OWN, "reconcile", {"spec": {"suspend": True}})
    copy.status("Deployment", OWN, "press-play-reconcile", readyReplicas=ready)


def failed_reconcile(copy: Copy) -> None:
    labels = {"press-play/flow": "reconcile"}
    newest = copy.cluster.list("Workflow", OWN, labels)[-1]["metadata"]["name"]
    copy.status("Workflow", OWN, newest, phase="Failed", message="exit code 2")


def auth_mode(copy: Copy) -> None:
    container = {"name": "main", "args": ["server", "--auth-mode=server"]}
    copy.change("Pod", ARGO, "argo-server-0", {"spec": {"containers": [container]}})


def argo_says(copy: Copy, answer: Callable[[httpx.Request], httpx.Response], token: str = "t") -> None:
    copy.options["argo"] = ArgoServer("https://argo.test", token=token, transport=httpx.MockTransport(answer))


def untrusted(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed certificate", request=request)


def no_api_server(copy: Copy) -> None:
    """The real adapter, and nobody at the address."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "clusters": [{"name": "here", "cluster": {"server": "http://127.0.0.1:9"}}],
        "users": [{"name": "me", "user": {"token": "t"}}],
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
    }
    file = copy.folder / "kubeconfig"
    file.write_text(yaml.safe_dump(config))
    environment = copy.closing.enter_context(pytest.MonkeyPatch.context())
    environment.setenv("KUBECONFIG", str(file))
    copy.options |= {"cluster": copy.closing.enter_context(closing(KubernetesCluster())), "keys": copy.keys()}


def old_api_server(copy: Copy) -> None:
    copy.closing.enter_context(pytest.MonkeyPatch.context()).setattr(sqlite, "API_VERSION", "v1.24.3")


def no_key(copy: Copy) -> None:
    from pressplay.sandbox.forge.accounts import new_key

    copy.secret(AGENTS, "github-app-rex", private_key=new_key())


def commit(copy: Copy, path: str, text: str) -> None:
    """Change a file of the default branch, past the ruleset."""
    copy.ruleset(enforcement="disabled")
    with copy.person() as person:
        found = person.get(f"/contents/{path}")
        sha = {"sha": found.json()["sha"]} if found.status_code == 200 else {}
        content = {"message": "m", "content": base64.b64encode(text.encode()).decode(), **sha}
        person.put(f"/contents/{path}", json=content).raise_for_status()
    copy.ruleset()


def patch_repository(copy: Copy, **fields: object) -> None:
    with copy.person() as person:
        person.patch("", json=fields).raise_for_status()


def strict_values(copy: Copy) -> None:
    copy.setting({"defaults": {"base": {"strategy": "strict"}}})


def stale_approvals(copy: Copy) -> None:
    kept = {"required_approving_review_count": 1, "dismiss_stale_reviews_on_push": False}
    rules = [{"type": "non_fast_forward"}, {"type": "pull_request", "parameters": kept}]
    copy.ruleset(approvals=None, rules=rules)


def queue(copy: Copy, **parameters: object) -> None:
    copy.forge.create_ruleset(REPO, "queue", rules=[rule(**parameters)])


def unanswered_queue(copy: Copy) -> None:
    queue(copy)
    copy.setting({"flows": {"mergeGroup": {"enabled": False}}})


def webhook(copy: Copy, url: str = f"{URL}/github", **changed: object) -> None:
    copy.forge.set_webhook("press-play", url, **changed)


def makes_webhooks(copy: Copy, **changed: object) -> None:
    """The EventSource makes the repositories' webhooks, and has."""
    hook = {"url": "https://hooks.example.com", "app": {"id": 1, "installationID": 1}}
    copy.values = {**copy.values, "events": {"webhook": hook}}
    copy.permit("press-play", repository_hooks="write")
    config = {"url": "https://hooks.example.com/github", "content_type": "json", "secret": "s"}
    events = list(wanted_events(copy.subject().settings))
    with copy.person() as person:
        person.post("/hooks", json={"config": config, "events": events, **changed}).raise_for_status()


FAULTS = [
    # -- values ----------------------------------------------------------------------------------------------------
    Planted("an unknown value", lambda c: c.values.update(limits={"roundz": 1}), "values files", "rounds"),
    Planted(
        "no repository", lambda c: c.setting({"repositories": {REPO: None}}), "repositories", "repositories.acme/shop"
    ),
    Planted(
        "an image of any day",
        lambda c: c.setting({"defaults": {"lint": {"images": {"rust": "gate:latest"}}}}),
        "images",
        "defaults.lint.images.rust",
    ),
    Planted(
        "no run for QA",
        lambda c: c.setting({"limits": {"runsPerPullRequest": 1}}),
        "limits",
        "limits.runsPerPullRequest",
    ),
    Planted("values not upgraded", lambda c: c.values.update(limits={"rounds": 5}), "drift", "helm upgrade"),
    # -- the cluster -----------------------------------------------------------------------------------------------
    Planted("no API server", no_api_server, "API server", "KUBECONFIG"),
    Planted("an old API server", old_api_server, "API server", "1.27"),
    Planted("no release", lambda c: c.remove("ConfigMap", OWN, "press-play-config"), "release", "helm upgrade"),
    Planted(
        "settings of another version",
        lambda c: c.change("ConfigMap", OWN, "press-play-config", {"data": {"config.json": '{"namespac": 1}'}}),
        "release",
        "of this version",
    ),
    Planted(
        "a WorkflowTemplate gone",
        lambda c: c.remove("WorkflowTemplate", OWN, "gate-lint"),
        "WorkflowTemplates",
        "helm upgrade",
    ),
    Planted(
        "a WorkflowTemplate left behind",
        lambda c: c.change(
            "WorkflowTemplate", OWN, "triage", {"metadata": {"labels": {"app.kubernetes.io/version": "0.0.9"}}}
        ),
        "WorkflowTemplates",
        "helm upgrade",
    ),
    Planted("no controller's namespace", lambda c: c.remove("Namespace", "", AGENTS), "namespaces", AGENTS),
    Planted("nowhere to probe", lambda c: c.remove("Namespace", "", PREVIEW), "namespaces", "create namespace preview"),
    Planted(
        "no CodeRun",
        lambda c: c.remove("CustomResourceDefinition", "", "coderuns.agents.platform"),
        "CodeRun",
        "agents.platform/v1",
    ),
    Planted("a CodeRun without our field", unknown_field, "CodeRun", "upgrade the controller's definitions"),
    Planted(
        "a field of a later CodeRun",
        lambda c: c.setting({"coderun": {"extraSpec": {"runType": "task"}}}, {"coderunExtra": {"runType": "task"}}),
        "CodeRun",
        "coderun.extraSpec.runType",
    ),
    Planted(
        "a CodeRun that wants more",
        lambda c: definition(
            c, "coderuns.agents.platform", {**CODERUN, "required": [*CODERUN["required"], "contextVersion"]}
        ),
        "CodeRun",
        "coderun.extraSpec",
    ),
    Planted(
        "a DocsRun of a person's",
        lambda c: definition(c, "docsruns.agents.platform", {**DOCSRUN, "oneOf": [{"required": ["githubUser"]}]}),
        "DocsRun",
        "a version of the controller",
    ),
    Planted(
        "no results of Argo's tasks",
        lambda c: c.remove("CustomResourceDefinition", "", "workflowtaskresults.argoproj.io"),
        "Argo Workflows' definitions",
        "Argo Workflows 4.1",
    ),
    Planted(
        "no Sensors",
        lambda c: c.remove("CustomResourceDefinition", "", "sensors.argoproj.io"),
        "Argo Events' definitions",
        "events.enabled",
    ),
    Planted(
        "a semaphore without a size",
        lambda c: c.change("ConfigMap", OWN, "press-play-limits", {"data": {"repo.acme.shop": None}}),
        "semaphores",
        "helm upgrade",
    ),
    Planted("a persona gone", lambda c: persona(c, None), "personas", "agentsConfigMap.mode"),
    Planted("a persona of another day", lambda c: persona(c, "You are somebody else."), "personas", "helm upgrade"),
    Planted(
        "a Secret gone",
        lambda c: c.remove("Secret", AGENTS, "github-app-rex"),
        "Secret github-app-rex",
        "github-app-rex",
    ),
    Planted(
        "a Secret without its key",
        lambda c: c.secret(OWN, HARNESS, private_key=None),
        f"Secret {HARNESS}",
        "under private-key",
    ),
    Planted(
        "a key that is none",
        lambda c: c.secret(AGENTS, "github-app-rex", private_key="-----BEGIN RSA PRIVATE KEY-----\nno\n"),
        "Secret github-app-rex",
        "the file that GitHub gave",
    ),
    Planted(
        "the harness's key where agents run",
        lambda c: another_app(c, "press-play", OWN, "press-play"),
        "harness's key",
        f"delete secret {HARNESS}",
    ),
    Planted(
        "an agent with the harness's key",
        lambda c: another_app(c, "press-play", OWN, "rex"),
        {"harness's key", "App rex"},
        "github-app-rex",
    ),
    Planted("two Apps for QA", lambda c: another_app(c, "rex", AGENTS, "qa-agent"), "QA's key", "github-app-qa-agent"),
    Planted(
        "no key that signs proofs",
        lambda c: c.setting({"proof": {"signingKey": {"secret": "proof-key", "key": "private-key"}}}),
        {"proof's key", "rights of the steps"},
        "pressplay proof key",
    ),
    Planted(
        "no credentials for the bucket of proofs",
        lambda c: c.setting({"proof": {"store": "s3", "s3": {"bucket": "proofs", "secret": "bucket"}}}),
        {"proofs' store", "rights of the steps"},
        "troubleshoot.md",
    ),
    Planted(
        "a registry of proofs that does not answer",
        lambda c: c.setting({"proof": {"store": "oci", "oci": {"repository": "127.0.0.1:9/proofs"}}}),
        "proofs' store",
        "proof.store",
    ),
    Planted(
        "a project's Secret gone",
        lambda c: c.setting({"defaults": {"secrets": ["npm-token"]}}),
        "projects' Secrets",
        "defaults.secrets",
    ),
    Planted(
        "no log-in for the registry",
        lambda c: c.change("ServiceAccount", OWN, "press-play", {"imagePullSecrets": [{"name": "registry"}]}),
        "pull secrets",
        "image.pullSecrets",
    ),
    Planted(
        "steps without rights",
        lambda c: c.remove("RoleBinding", AGENTS, "press-play-press-play-run-apply"),
        "rights of the steps",
        "RoleBindings",
    ),
    Planted(
        "a reader of strangers' bytes that makes Pods",
        lambda c: bound(c, "press-play-reader", {"resources": ["pods"], "verbs": ["create"]}),
        "rights of the steps",
        "rolebindings",
    ),
    Planted(
        "a reader of strangers' bytes that writes verdicts",
        lambda c: bound(c, "press-play-reader", {"resources": ["configmaps"], "verbs": ["patch"]}),
        "rights of the steps",
        "rolebindings",
    ),
    Planted(
        "probes without rights",
        lambda c: c.remove("RoleBinding", PREVIEW, "press-play-press-play-acceptance"),
        "rights of the probes",
        "RoleBindings",
    ),
    Planted("agents that read the harness's Secret", agents_may_read, "agents and the harness's key", "rolebindings"),
    Planted(
        "no wall",
        lambda c: c.remove("NetworkPolicy", OWN, "press-play-gate"),
        "wall of the gates",
        "gatePods.networkPolicy",
    ),
    Planted(
        "a wall with a door",
        lambda c: c.change("NetworkPolicy", OWN, "press-play-gate", {"spec": {"egress": [{}]}}),
        "wall of the gates",
        "gatePods.networkPolicy",
    ),
    Planted(
        "no default StorageClass",
        lambda c: c.change("StorageClass", "", "standard", {"metadata": {"annotations": None}}),
        "volume of the lint gate",
        "defaults.lint.volume.storageClass",
    ),
    Planted(
        "nobody who deploys",
        lambda c: c.setting({"defaults": {"deploy": {"mode": "workflowTemplate", "workflowTemplate": "ship"}}}),
        "deploy.workflowTemplate",
        "deploy.workflowTemplate",
    ),
    Planted(
        "another instance id",
        lambda c: c.change("ConfigMap", ARGO, "workflow-controller-configmap", {"data": {"instanceID": "theirs"}}),
        "workflow controller",
        "argo.instanceID",
    ),
    Planted(
        "an old Argo",
        lambda c: c.image("Deployment", ARGO, "workflow-controller", "quay.io/argoproj/workflow-controller:v3.5.1"),
        "workflow controller",
        "4.1",
    ),
    Planted("a Workflow that nobody takes up", lies_untouched, "Workflows", "argo.instanceID"),
    Planted(
        "reconcile suspended",
        lambda c: c.change("CronWorkflow", OWN, "reconcile", {"spec": {"suspend": True}}),
        "reconcile",
        "argo cron resume",
    ),
    Planted("reconcile overdue", lambda c: c.clock.sleep(1200), "reconcile", "annotate cronworkflow reconcile"),
    Planted(
        "reconcile's service not ready", lambda c: as_service(c, 0), "reconcile", "logs deployment/press-play-reconcile"
    ),
    Planted(
        "no service to reconcile",
        lambda c: (as_service(c), c.remove("Deployment", OWN, "press-play-reconcile")),
        "reconcile",
        "helm upgrade",
    ),
    Planted(
        "reconcile's service scaled to nothing",
        lambda c: (as_service(c, 0), c.change("Deployment", OWN, "press-play-reconcile", {"spec": {"replicas": 0}})),
        "reconcile",
        "scale deployment press-play-reconcile --replicas 1",
    ),
    Planted("reconcile failing", failed_reconcile, "reconcile", "argo logs reconcile-"),
    Planted(
        "a quota that Argo's own containers do not meet",
        lambda c: quota(c, "limits.memory", "pods"),
        "quotas",
        "executor.resources",
    ),
    Planted(
        "a quota that no container meets", lambda c: quota(c, "limits.cpu", "cpu"), "quotas", "workflows.resources"
    ),
    Planted("no Argo Server", lambda c: c.remove("Service", ARGO, "argo-server"), "Argo Server", "argo.server.url"),
    Planted("an Argo Server of another mode", auth_mode, "Argo Server", "argo.server.auth"),
    Planted(
        "an Argo Server that refuses",
        lambda c: argo_says(c, lambda _: httpx.Response(401, json={"message": "token not valid for running mode"})),
        "Argo Server",
        "--auth-mode client",
    ),
    Planted(
        "an Argo Server that lets nobody read",
        lambda c: argo_says(c, lambda _: httpx.Response(403, json={"message": "no"})),
        "Argo Server",
        "press-play:press-play-reconcile its Role",
    ),
    Planted(
        "an Argo Server of unknown authority", lambda c: argo_says(c, untrusted), "Argo Server", "argo.server.caSecret"
    ),
    Planted("no bus", lambda c: c.remove("EventBus", OWN, "press-play"), "EventBus", "events.bus.create"),
    Planted(
        "a bus that is not ready",
        lambda c: c.status("EventBus", OWN, "press-play", conditions=[{"type": "Configured", "status": "False"}]),
        "EventBus",
        "describe eventbus",
    ),
    Planted(
        "a bus too small",
        lambda c: c.change("EventBus", OWN, "press-play", {"spec": {"jetstream": {"maxPayload": "1048576"}}}),
        "EventBus",
        "events.webhook.maxPayloadSize",
    ),
    Planted("no EventSource", lambda c: c.remove("EventSource", OWN, "press-play"), "EventSource", "helm upgrade"),
    Planted(
        "a Sensor without a pod",
        lambda c: c.status("Deployment", OWN, "press-play-sensor-x", readyReplicas=0),
        "Sensor",
        "get pods",
    ),
    Planted(
        "an empty webhook's Secret",
        lambda c: c.secret(OWN, "press-play-webhook", secret=""),
        "webhook's Secret",
        "press-play-webhook",
    ),
    Planted(
        "nobody may have tokens reviewed",
        lambda c: c.remove("ClusterRoleBinding", "", "press-play-press-play-serve"),
        "comments' server",
        "serve.auth.clusterRole",
    ),
    Planted(
        "no key of the server's App",
        lambda c: c.remove("Secret", OWN, f"github-app-{SERVER}"),
        "comments' server",
        "pressplay apps",
    ),
    Planted(
        "comments are not served",
        lambda c: c.status("Deployment", OWN, "press-play-serve", readyReplicas=0),
        "comments' server",
        "logs deployment/press-play-serve",
    ),
    Planted(
        "an image that can't be pulled", lambda c: c.stuck("ImagePullBackOff"), "images of pods", "image.repository"
    ),
    # -- GitHub ----------------------------------------------------------------------------------------------------
    Planted(
        "GitHub is not there",
        lambda c: c.forge.faults.append(Fault(path="^/meta$", timeout=httpx.ConnectError("refused"))),
        "GitHub's API",
        "github.apiURL",
    ),
    Planted(
        "the wrong address",
        lambda c: c.forge.faults.append(Fault(path="^/meta$", status=404)),
        "GitHub's API",
        "github.apiURL",
    ),
    Planted(
        "a clock that is fast", lambda c: c.options.update(clock=VirtualClock(c.clock.now() + 200)), "clock", "NTP"
    ),
    Planted("a key that GitHub does not take", no_key, "App rex", "github-app-rex"),
    Planted(
        "a number of no App", lambda c: c.secret(AGENTS, "github-app-rex", app_id="99999"), "App rex", "github-app-rex"
    ),
    Planted(
        "another App under the name",
        lambda c: another_app(c, "morgan", AGENTS, "rex"),
        "App rex",
        "agents.rex.githubApp",
    ),
    Planted(
        "a permission lacking", lambda c: c.permit("press-play", checks=None), "App press-play", "Permissions & events"
    ),
    Planted("a server that may write", lambda c: c.permit(SERVER, contents="write"), f"App {SERVER}", "take it away"),
    Planted("a server that may more", lambda c: c.permit(SERVER, checks="write"), f"App {SERVER}", "take it away"),
    Planted(
        "a server that can't read", lambda c: c.permit(SERVER, contents=None), f"App {SERVER}", "Permissions & events"
    ),
    Planted("a permission too many", lambda c: c.permit("rex", administration="write"), "App rex", "take it away"),
    Planted("an App not installed", lambda c: c.forge.uninstall("rex", REPO), "App rex", "/apps/rex/installations/new"),
    Planted("an App suspended", lambda c: c.forge.suspend("rex", REPO), "App rex", "unsuspends"),
    Planted(
        "the harness not installed",
        lambda c: c.forge.uninstall("press-play", REPO),
        "App press-play",
        "/apps/press-play/installations/new",
    ),
    Planted("a webhook to elsewhere", lambda c: webhook(c, f"{URL}/hooks"), "webhook", "path to /github"),
    Planted("a webhook unsigned", lambda c: webhook(c, secret=False), "webhook", "the webhook's Secret"),
    Planted("an event not sent", lambda c: c.subscribe("press-play", ["push"]), "webhook", "subscribe"),
    Planted(
        "deliveries refused", lambda c: c.forge.delivered("press-play", "push", 400), "webhook", "the webhook's Secret"
    ),
    Planted(
        "deliveries lost", lambda c: c.forge.delivered("press-play", "push", 0), "webhook", "press-play-eventsource-svc"
    ),
    Planted("no webhook in the repository", lambda c: makes_webhooks(c, active=False), "webhook", "active"),
    Planted(
        "no ruleset", lambda c: c.ruleset(enforcement="disabled"), "rulesets", "press-play/acceptance from the App"
    ),
    Planted("a ruleset without our check", lambda c: c.ruleset(required_check=None), "rulesets", "require it"),
    Planted("a check from anybody", lambda c: c.ruleset(required_check_app=None), "rulesets", "integration_id 1"),
    Planted("no pull request wanted", lambda c: c.ruleset(approvals=None), "rulesets", "require one before merging"),
    Planted("no approval wanted", lambda c: c.ruleset(approvals=0), "rulesets", "required approvals"),
    Planted("stale approvals", stale_approvals, "rulesets", "dismiss stale approvals"),
    Planted("agents may merge", lambda c: c.people("disabled"), "rulesets", "Restrict updates"),
    Planted(
        "a queue that waits too short", lambda c: queue(c, check_response_timeout_minutes=20), "merge queue", "Status"
    ),
    Planted("a queue without an answer", unanswered_queue, "merge queue", "flows.mergeGroup.enabled"),
    Planted(
        "a queue that merges what failed",
        lambda c: queue(c, check_response_timeout_minutes=200, grouping_strategy="HEADGREEN"),
        "rulesets",
        "ALLGREEN",
    ),
    Planted("history rewritten", lambda c: c.ruleset(rules=[]), "rulesets", "block force pushes"),
    Planted(
        "an agent's App may bypass",
        lambda c: c.ruleset(bypass_actors=[{"actor_id": c.number("rex"), "actor_type": "Integration"}]),
        "rulesets",
        "bypass list",
    ),
    Planted("strict values alone", strict_values, "updates", "Require branches to be up to date"),
    Planted("deletions allowed", lambda c: c.ruleset(rules=[{"type": "non_fast_forward"}]), "rulesets", "deletions"),
    Planted(
        "orders open to all", lambda c: c.orders(enforcement="disabled"), "rulesets", "creations, updates, deletions"
    ),
    Planted(
        "orders that stop at a slash", lambda c: c.orders(include=["refs/heads/press-play/**"]), "rulesets", "/**/*"
    ),
    Planted("orders nobody may write", lambda c: c.orders(bypass_actors=[]), "rulesets", "Integration 1"),
    Planted(
        "orders that an agent may write",
        lambda c: c.orders(bypass_actors=[c.integration("press-play"), c.integration("rex")]),
        "rulesets",
        "for press-play alone",
    ),
    Planted(
        "no default branch",
        lambda c: c.setting({"repositories": {REPO: {"defaultBranch": "develop"}}}),
        "repository",
        "defaultBranch",
    ),
    Planted("an archived repository", lambda c: patch_repository(c, archived=True), "repository", "unarchive"),
    Planted(
        "a backlog that is none",
        lambda c: commit(c, ".taskmaster/tasks/tasks.json", "[]"),
        "backlog",
        "validate --tasks",
    ),
    Planted(
        "a project that wants too much",
        lambda c: commit(c, ".taskmaster/requirements.yaml", "secrets:\n- name: aws\n  keys: [{key: K}]\n"),
        "requirements.yaml",
        "--requirements",
    ),
    Planted(
        "an environment that nobody deploys into",
        lambda c: c.setting({"defaults": {"deploy": {"environment": "staging", "request": False}}}),
        "environment",
        "deploy.environment",
    ),
    Planted(
        "an environment into which nobody deploys the base branch",
        lambda c: c.setting({"defaults": {"tests": {"enabled": True}, "deploy": {"base": {"environment": "staging"}}}}),
        "environment",
        "deploy.base.environment",
    ),
]


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.name for fault in FAULTS])
def test_a_planted_fault_is_found_by_its_own_line_and_no_other(copy: Copy, fault: Planted):
    fault.plant(copy)
    results = copy.examine()
    found = wrong(results)
    lines = {fault.lines} if isinstance(fault.lines, str) else fault.lines
    assert {one.name for one in found} == lines, told(found)
    assert any(fault.do in one.do for one in found), told(found)
    assert all(one.do for one in found), told(found)
    assert not any("broke off" in one.message for one in found), told(found)


SLOW = [
    ("requeue by default", lambda c: requeue(c, None), "Argo's pace", "every 10s", "DEFAULT_REQUEUE_TIME to 1s"),
    ("slow requeue", lambda c: requeue(c, "1m30s"), "Argo's pace", "every 1m30s", "DEFAULT_REQUEUE_TIME to 1s"),
    (
        "slow waits",
        lambda c: argo_config(c, executor=None),
        "Argo's pace",
        "every 5s",
        "RESOURCE_STATE_CHECK_INTERVAL to 1s",
    ),
    ("few Workflows", lambda c: argo_config(c, parallelism=4), "Argo's limits", "4 Workflows at once", "parallelism"),
    (
        "few Workflows in a namespace",
        lambda c: argo_config(c, namespaceParallelism=2),
        "Argo's limits",
        "(namespaceParallelism); the tasks that the values allow, and their plays, are 5",
        "namespaceParallelism",
    ),
    (
        "a series for each lock",
        lambda c: argo_config(c, metricsConfig={"modifiers": {"locks_held": {"disabled": True}}}),
        "Argo's metrics",
        "locks_pending, locks_taken_total of workflow-controller",
        "lock_name",
    ),
]


@pytest.mark.parametrize(
    ("plant", "name", "message", "do"), [case[1:] for case in SLOW], ids=[case[0] for case in SLOW]
)
def test_what_is_slow_of_argo_is_advice_with_the_value_and_the_page(
    copy: Copy, plant: Callable[[Copy], None], name: str, message: str, do: str
):
    plant(copy)
    results = copy.examine()
    assert wrong(results) == [], told(results)
    (line,) = (result for result in results if result.name == name)
    assert (line.state, message in line.message, do in line.do) == ("note", True, True), line
    assert "docs/how-to/tune-argo.md" in line.do


def test_settings_of_argo_that_may_not_be_read_are_no_fault(copy: Copy, monkeypatch: pytest.MonkeyPatch):
    whole = type(copy.cluster).get

    def forbidden(cluster: sqlite.SqliteCluster, kind: str, namespace: str, name: str) -> Any:
        if (kind, namespace) == ("ConfigMap", ARGO):
            raise Forbidden("configmaps is forbidden")
        return whole(cluster, kind, namespace, name)

    monkeypatch.setattr(type(copy.cluster), "get", forbidden)
    results = copy.examine()
    assert wrong(results) == [], told(results)
    unread = [line.name for line in results if "is not readable" in line.message]
    assert unread == ["Argo's pace", "Argo's limits", "Argo's metrics", "Argo's archive"]
    quota(copy, "requests.cpu")
    lines = [line for line in copy.examine() if line.name == "quotas"]
    assert [(line.state, "not readable" in line.message) for line in lines] == [("not looked at", True)]


@pytest.mark.parametrize(
    "meet",
    [
        lambda c: argo_config(c, executor={"resources": {"limits": {"memory": "256Mi", "cpu": "1"}}}),
        lambda c: c.add(
            thing("LimitRange", OWN, "defaults", spec={"limits": [{"type": "Container", "default": {"memory": "1Gi"}}]})
        ),
        lambda c: c.change("ResourceQuota", OWN, "compute", {"spec": {"scopes": ["NotTerminating"]}}),
    ],
    ids=["executor.resources", "a LimitRange", "not for these pods"],
)
def test_a_quota_that_all_containers_meet_is_right(copy: Copy, meet: Callable[[Copy], None]):
    quota(copy, "limits.memory", "memory", "requests.storage")
    meet(copy)
    results = copy.examine()
    assert wrong(results) == [], told(results)
    assert [line.state for line in results if line.name == "quotas"] == ["ok"]


def test_a_service_that_reconciles_is_right(copy: Copy):
    as_service(copy)
    # What a suspended schedule leaves undone is not missed.
    copy.clock.sleep(1200)
    results = copy.examine()
    assert wrong(results) == [], told(results)
    (line,) = (result for result in results if result.name == "reconcile")
    assert (line.state, line.message) == (
        "ok",
        "press-play-reconcile in press-play is ready: its last pass ended well, and none is late",
    )
    copy.change("CronWorkflow", OWN, "reconcile", {"spec": {"suspend": False}})
    (line,) = (result for result in copy.examine() if result.name == "reconcile")
    assert (line.state, "argo cron suspend reconcile" in line.do) == ("note", True)


def test_a_store_of_proofs_that_answers_is_right(copy: Copy):
    with registry() as address:
        copy.setting({"proof": {"store": "oci", "oci": {"repository": f"{address}/proofs", "plainHTTP": True}}})
        results = copy.examine()
        assert wrong(results) == [], told(results)
        assert [line.message for line in results if line.name == "proofs' store"] == [f"{address}/proofs answers"]


def test_the_pods_own_identity_is_not_known_here(copy: Copy):
    copy.setting({"proof": {"store": "s3", "s3": {"bucket": "proofs"}}})
    (line,) = [line for line in copy.examine() if line.name == "proofs' store"]
    assert line.state == "not looked at"


def test_there_are_more_than_twenty_five_faults_each_of_another_kind():
    assert len(FAULTS) > 25
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)


def of_another_version(copy: Copy) -> None:
    labels = {"metadata": {"labels": {VERSION_LABEL: "0.0.9"}}}
    for one in [*copy.cluster.list("WorkflowTemplate", OWN), *copy.cluster.list("ConfigMap", OWN)]:
        copy.change(one["kind"], OWN, one["metadata"]["name"], labels)


def cycle(copy: Copy) -> None:
    tasks = {"master": {"tasks": [task(1, 2), task(2, 1), task(3)]}}
    commit(copy, ".taskmaster/tasks/tasks.json", json.dumps(tasks))


def limits(copy: Copy) -> None:
    copy.setting({"limits": {"runsPerPullRequest": 5, "minutesPerTask": 30, "runsPerTask": 1, "runsPerDay": 50}})


def other_wall(copy: Copy) -> None:
    copy.setting({"gatePods": {"networkPolicy": False}}, {})
    copy.remove("NetworkPolicy", OWN, "press-play-gate")


def paused_by_values(copy: Copy) -> None:
    copy.setting({"repositories": {REPO: {"paused": "the freeze"}}})


def no_deployment(copy: Copy) -> None:
    copy.setting({"defaults": {"deploy": {"mode": "none"}}})


NOTES = [
    Planted("unprotected", lambda c: c.setting({"allowUnprotected": True}), "protection", "allowUnprotected"),
    Planted("nothing deployed", no_deployment, "deployments", "deploy.mode"),
    Planted("bounds", limits, "limits", "limits.rounds"),
    Planted("paused", lambda c: pause.pause(c.cluster, OWN, REPO), "pause", "pressplay continue"),
    Planted("paused by the values", paused_by_values, "pause", "(or defaults.paused) and upgrade"),
    Planted(
        "minimal definitions",
        lambda c: definition(c, "workflows.argoproj.io", {"type": "object"}),
        "Argo Workflows' definitions",
        "manifests/base/crds/full",
    ),
    Planted("of another version", of_another_version, "release", "pressplay 0.0.9"),
    Planted("more than is needed", lambda c: c.permit("rex", pages="write"), "App rex", "take it away"),
    Planted("a webhook of forms", lambda c: webhook(c, content_type="form"), "webhook", "application/json"),
    Planted("auto-merge", lambda c: patch_repository(c, allow_auto_merge=True), "auto-merge", "Allow auto-merge"),
    Planted("no issues", lambda c: patch_repository(c, has_issues=False), "repository", ""),
    Planted("blocked tasks", cycle, "backlog", "pressplay plan"),
    Planted("few calls left", lambda c: c.used(14_000), "rate limit", "reconcile.schedule"),
    Planted("walled in by something else", other_wall, "wall of the gates", ""),
    # Last: what commits to the default branch makes the ruleset anew.
    Planted("a strict ruleset alone", lambda c: c.ruleset(strict=True), "updates", "set base.strategy to strict"),
]
MORE_NOTES = [
    Planted("no webhook", lambda c: c.without_webhook(), "webhook", "Webhook, Active"),
    Planted(
        "an environment to come",
        lambda c: c.setting({"defaults": {"deploy": {"environment": "staging"}, "docsProjectDirectory": "docs"}}),
        "environment",
        "deploy.environment",
    ),
    Planted("no backlog", lambda c: None, "backlog", "task-master"),
]


@pytest.mark.parametrize("notes", [NOTES, MORE_NOTES], ids=["those that go together", "and the others"])
def test_what_is_only_to_know_is_a_note_and_nothing_is_wrong(copy: Copy, notes: list[Planted]):
    for one in notes:
        one.plant(copy)
    results = copy.examine()
    assert wrong(results) == [], told(wrong(results))
    given = [(one.name, one.do) for one in results if one.state == "note"]
    for one in notes:
        assert any(name == one.lines and one.do in do for name, do in given), (one.name, told(results))
    assert len([name for name, _ in given if name == "limits"]) == (4 if notes is NOTES else 0)


@pytest.mark.rule("R5")
def test_where_plays_may_start_unprotected_what_the_ruleset_lacks_is_a_note(copy: Copy):
    copy.setting({"allowUnprotected": True})
    copy.ruleset(enforcement="disabled")
    results = copy.examine()
    assert wrong(results) == []
    assert "no ruleset on main requires" in next(one for one in results if one.name == "rulesets").message


DOCUMENTED = re.findall(
    r"```json\n(.*?)```",
    (Path(__file__).parents[2] / "docs" / "how-to" / "install.md")
    .read_text()
    .partition("## 4. The rulesets")[2]
    .partition("\n## ")[0],
    re.DOTALL,
)


@pytest.mark.rule("R5")
def test_plan_demands_what_the_doctor_looks_at_and_the_documented_rulesets_have(copy: Copy):
    """The JSON of the docs as a person sends it, whole and with each single rule taken out."""
    rulesets = [json.loads(text.replace("123456", str(copy.number("press-play")))) for text in DOCUMENTED]
    assert [ruleset["name"] for ruleset in rulesets] == ["press-play", "press-play-people", "press-play-orders"]

    def judged() -> tuple[list[str], list[str]]:
        """What the doctor says is wrong, and what plan demands."""
        subject = copy.subject()
        try:
            by_doctor = [
                f"{one.message}: {one.do}" for one in repositories.rulesets.results(subject, REPO) if one.state != "ok"
            ]
            context = Context(copy.cluster, subject.settings, subject.github, copy.clock)
            try:
                protection.demand(context, context.harness(REPO, metadata="read"), REPO, "main")
            except InputError as error:
                lines = str(error).splitlines()
                assert lines[-1].startswith(f"To look again: pressplay doctor --repo {REPO}")
                return by_doctor, [line.removeprefix("- ") for line in lines[1:-1]]
            return by_doctor, []
        finally:
            subject.close()

    with copy.person() as person:
        numbers = {one["name"]: one["id"] for one in person.get("/rulesets").json()}

        def put(ruleset: dict[str, Any], rules: list[dict[str, Any]]) -> None:
            person.put(f"/rulesets/{numbers[ruleset['name']]}", json={**ruleset, "rules": rules}).raise_for_status()

        for ruleset in rulesets:
            put(ruleset, ruleset["rules"])
        assert judged() == ([], [])
        seen = set()
        for ruleset in rulesets:
            for rule in ruleset["rules"]:
                put(ruleset, [one for one in ruleset["rules"] if one is not rule])
                by_doctor, by_plan = judged()
                assert by_doctor == by_plan
                assert len(by_plan) == 1, by_plan
                seen.add(by_plan[0])
            put(ruleset, ruleset["rules"])
        assert len(seen) == 8
        assert judged() == ([], [])


@pytest.mark.rule("R5")
def test_apps_that_can_not_be_asked_are_named(copy: Copy):
    copy.remove("Secret", AGENTS, "github-app-rex")
    results = [one for one in copy.examine() if one.name == "rulesets"]
    assert [one.state for one in results] == ["ok", "not looked at"]
    assert results[1].message.endswith("whether they may bypass the rulesets: rex")


def test_the_webhooks_that_the_eventsource_makes_are_looked_at_in_the_repository(copy: Copy):
    makes_webhooks(copy)
    results = copy.examine()
    # The installed EventSource still only receives: that is all that is wrong with this copy.
    assert {one.name for one in wrong(results)} <= {"drift"}
    found = [one for one in results if one.name == "webhook"]
    assert [(one.group, one.state) for one in found] == [("GitHub", "not looked at"), (f"GitHub, {REPO}", "ok")]
    assert "https://hooks.example.com/github" in found[1].message


def test_what_the_argo_server_says_where_it_can_be_reached(copy: Copy):
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200 if "authorization" in request.headers else 401, json={"items": []})

    argo_says(copy, answer)
    assert "takes the token" in line(copy, "Argo Server").message
    assert (asked[0].method, asked[0].url.path) == ("GET", f"/api/v1/workflows/{OWN}")
    argo_says(copy, lambda _: httpx.Response(200, json={"items": []}), token="")
    unseen = line(copy, "Argo Server")
    assert (unseen.state, "who brings no token" in unseen.message) == ("not looked at", True)
    argo_says(copy, answer, token="")
    unseen = line(copy, "Argo Server")
    assert (unseen.state, "kubectl -n press-play create token press-play-reconcile" in unseen.do) == (
        "not looked at",
        True,
    )


def line(copy: Copy, name: str) -> Result:
    return next(one for one in copy.examine() if one.name == name)


# -- what can't be seen ------------------------------------------------------------------------------------------------


class Closed(sqlite.SqliteCluster):
    """An API server that does not let its caller see some kinds, or does not answer for them."""

    kinds: frozenset[str] = frozenset()
    error: Exception = Forbidden("GET …: 403 forbidden")

    def get(self, kind, namespace, name):
        if kind in self.kinds:
            raise self.error
        return super().get(kind, namespace, name)

    def list(self, kind, namespace, labels=None):
        if kind in self.kinds:
            raise self.error
        return super().list(kind, namespace, labels)

    def may(self, account, verb, resource, namespace, name=""):
        if "SubjectAccessReview" in self.kinds:
            raise self.error
        return super().may(account, verb, resource, namespace, name)


KINDS = (
    *("ConfigMap", "Secret", "Namespace", "CustomResourceDefinition", "WorkflowTemplate", "CronWorkflow", "Workflow"),
    *("Deployment", "StatefulSet", "Pod", "Service", "ServiceAccount", "NetworkPolicy", "StorageClass"),
    *("EventBus", "EventSource", "Sensor", "SubjectAccessReview"),
)


def closed(copy: Copy, kinds: frozenset[str], error: Exception) -> list[Result]:
    cluster = Closed(copy.folder / "state" / "state.db", copy.clock, set_node)
    for secret in copy.cluster.list("Secret", ""):
        cluster.create(secret)
    cluster.kinds, cluster.error = kinds, error
    copy.options["cluster"] = cluster
    try:
        return copy.examine()
    finally:
        cluster.close()


@pytest.mark.parametrize("kinds", [{"Secret"}, {"SubjectAccessReview", "CustomResourceDefinition"}, KINDS], ids=len)
def test_what_its_caller_may_not_see_is_not_looked_at_and_says_so(copy: Copy, kinds: set[str]):
    results = closed(copy, frozenset(kinds), Forbidden("403"))
    assert wrong(results) == [], told(wrong(results))
    unseen = [one for one in results if one.state == "not looked at" and "you may not" in one.message]
    assert len(unseen) >= 2 * len(kinds) or kinds is KINDS
    assert all("kubectl auth can-i" in one.do for one in unseen), told(unseen)


@pytest.mark.parametrize("error", [TryAgain("GET …: 500"), InputError("GET …: 400 bad")], ids=["500", "400"])
def test_a_cluster_that_fails_at_each_call_gives_results_and_no_traceback(copy: Copy, error: Exception):
    results = closed(copy, frozenset(KINDS), error)
    assert len(wrong(results)) > 3
    assert all(str(error) in one.message and one.do for one in wrong(results)), told(wrong(results))


def test_an_object_in_an_odd_form_keeps_no_other_check_from_being_made(copy: Copy):
    copy.change("CronWorkflow", OWN, "reconcile", {"spec": {"schedules": None}})
    results = copy.examine()
    [odd] = wrong(results)
    assert (odd.name, odd.message) == ("reconcile", "this check broke off (KeyError: 'schedules')")
    assert results[-1].group == f"GitHub, {REPO}"


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 500},
        {"status": 403, "message": "Resource not accessible by integration"},
        {"status": 404, "message": "Not Found"},
        {"status": 429, "headers": {"Retry-After": "60"}},
        {"truncate": 5},
        {"timeout": httpx.ReadTimeout("timed out")},
    ],
    ids=lambda fault: "-".join(map(str, fault))[:20],
)
def test_a_github_that_fails_at_each_call_gives_results_and_no_traceback(copy: Copy, fault: dict):
    copy.forge.faults.append(Fault(path="^(?!/meta)", times=10_000, **fault))
    results = copy.examine()
    assert not any("broke off" in one.message and one.group.startswith("cluster") for one in results)
    of_github = [one for one in results if one.group.startswith("GitHub") and one.name not in ("clock", "GitHub's API")]
    assert {one.state for one in of_github} <= {"wrong", "not looked at"}
    limited = fault.get("status") == 429
    assert bool(wrong(results)) is not limited, told(results)
    assert not any("(KeyError" in one.message or "(TypeError" in one.message for one in results), told(results)


@pytest.mark.rule("R9")
def test_nothing_is_changed_and_no_secret_is_told(copy: Copy, capsys: pytest.CaptureFixture[str]):
    version, events = copy.cluster.version(), len(copy.forge.events())
    held = [
        base64.b64decode(value).decode()
        for namespace in (OWN, AGENTS)
        for secret in copy.cluster.list("Secret", namespace)
        for key, value in secret["data"].items()
        if key in ("private-key", "secret")
    ]
    another_app(copy, "press-play", OWN, "rex")
    version = copy.cluster.version()
    status, out, err = doctor(copy, capsys)
    assert status == 1
    assert (copy.cluster.version(), len(copy.forge.events())) == (version, events)
    assert held
    for text in held:
        assert not any(part in out + err for part in text.splitlines() if len(part) > 20)
    assert "PRIVATE KEY" not in out + err


# -- the command -------------------------------------------------------------------------------------------------------


def doctor(copy: Copy, capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    """`pressplay doctor` on the copy."""
    file = copy.folder / "values.yaml"
    file.write_text(yaml.safe_dump(copy.values))
    transport = httpx.WSGITransport(app=copy.forge.wsgi)
    argo = ArgoServer("https://argo-server.argo:2746", token="t", transport=Silent())
    ports = Ports(copy.cluster, copy.clock, transport, argo)
    status = main(["doctor", "-f", str(file), *args], obj=ports)
    said = capsys.readouterr()
    return status, said.out, said.err


def test_the_command_prints_a_line_a_check_what_to_do_and_a_summary(copy: Copy, capsys: pytest.CaptureFixture[str]):
    status, out, err = doctor(copy, capsys)
    assert status == 0
    assert "Looking at GitHub, acme/shop …" in err
    assert "  ok            API server: Kubernetes v1.34.0\n" in out
    assert out.splitlines()[-1] == f"{out.count('  ok   ')} ok, 0 wrong, 1 note, 2 not looked at"
    copy.remove("Secret", AGENTS, "github-app-rex")
    status, out, _ = doctor(copy, capsys)
    assert status == 1
    assert "  wrong         Secret github-app-rex: is not in agent-platform: nobody can act as the App rex\n" in out
    assert "                do: make it, or see why its ExternalSecret has not: kubectl -n agent-platform get" in out


def test_programs_read_json(copy: Copy, capsys: pytest.CaptureFixture[str]):
    copy.ruleset(approvals=0)
    status, out, _ = doctor(copy, capsys, "--json")
    told = json.loads(out)
    assert (status, told["wrong"]) == (1, 1)
    [found] = [check for check in told["checks"] if check["state"] == "wrong"]
    assert found.keys() == {"group", "name", "state", "message", "do"}
    assert (found["group"], found["name"]) == (f"GitHub, {REPO}", "rulesets")


def test_values_alone_are_looked_at_offline_and_before_an_installation(copy: Copy, capsys: pytest.CaptureFixture[str]):
    status, out, _ = doctor(copy, capsys, "--offline")
    assert status == 0
    assert "not looked at cluster: it is left out (--offline)" in out
    assert "not looked at GitHub: it is left out (--offline)" in out
    copy.remove("ConfigMap", OWN, "press-play-config")
    status, out, _ = doctor(copy, capsys)
    assert status == 1
    assert "not looked at WorkflowTemplates: the release is not installed" in out
    # By the values' settings.
    assert f"GitHub, {REPO}" in out


def test_keys_from_files_do_where_there_is_no_cluster(copy: Copy, capsys: pytest.CaptureFixture[str]):
    status, out, _ = doctor(copy, capsys, "--no-cluster")
    assert status == 0
    assert "without a cluster no key of an App is at hand" in out
    folder = copy.folder / "github-apps"
    folder.mkdir()
    for slug, key in copy.keys().items():
        if slug == "rex":
            entry = {"app_id": str(key.app_id), "client_id": "x", "private_key": key.private_key}
            (folder / "rex.store.json").write_text(json.dumps(entry))
        elif slug != "morgan":
            data = {"app-id": str(key.app_id), "private-key": key.private_key}
            text = yaml.safe_dump(thing("Secret", AGENTS, names.app_secret(slug), stringData=data))
            (folder / f"{slug}.secret.yaml").write_text(text)
    status, out, _ = doctor(copy, capsys, "--no-cluster", "--app-keys", str(folder))
    assert status == 0, out
    assert "ok            App rex:" in out
    assert "not looked at App morgan: --app-keys has no key of the App morgan" in out
    (folder / "rex.store.json").write_text('{"app_id": "7", "private_key": "secret-text"}')
    status, out, err = doctor(copy, capsys, "--no-cluster", "--app-keys", str(folder))
    assert (status, "has a private-key that is no RSA key in PEM" in err, "secret-text" in err) == (2, True, False)


def test_without_any_settings_it_could_not_begin(copy: Copy, capsys: pytest.CaptureFixture[str]):
    cluster = Closed(copy.folder / "state" / "state.db", copy.clock, set_node)
    cluster.kinds = frozenset({"ConfigMap"})
    copy.closing.callback(cluster.close)
    assert main(["doctor"], obj=Ports(cluster, copy.clock)) == 2
    said = capsys.readouterr()
    assert "not looked at release: you may not read objects of the kind ConfigMap in press-play" in said.out
    assert "there are no settings to go by" in said.err


@pytest.mark.rule("R10")
def test_a_repository_that_is_not_listed_can_not_be_asked_for(copy: Copy, capsys: pytest.CaptureFixture[str]):
    status, _, err = doctor(copy, capsys, "--repo", "acme/shpo")
    assert (status, "'acme/shpo' is not listed" in err) == (2, True)


def test_where_there_is_nothing_to_look_at_it_does_not_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert main(["doctor"]) == 2
    assert "nothing to look at: no values file was given (-f values.yaml)" in capsys.readouterr().err
    assert main(["doctor", "-f", str(tmp_path / "missing.yaml")]) == 2
    assert "missing.yaml: $: expected a readable file" in capsys.readouterr().err


# -- what is known of the chart ----------------------------------------------------------------------------------------


def test_the_workflowtemplates_that_are_looked_for_are_the_charts():
    assert list(flows.templates()) == sorted(
        manifest["metadata"]["name"] for manifest in CHART if manifest["kind"] == "WorkflowTemplate"
    )


@pytest.mark.rule("R9")
def test_the_doctor_asks_for_no_more_than_the_harness_is_granted():
    """Its calls of `speaking`, read off its sources; those as an agent's App are for metadata."""
    levels = {needed.name: needed.level for needed in (*HARNESS_PERMISSIONS, *ALERTS, WEBHOOKS)}
    asked = set()
    for file in (Path(release.__file__).parent).glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "speaking":
                asked |= {(one.arg, one.value.value) for one in node.keywords}
    assert asked >= {("metadata", "read"), ("contents", "read")}
    assert [one for one in asked if one[1] not in ("read", levels[one[0]])] == []
