"""A healthy installation: the sandbox, and around it what a cluster has that the sandbox does without.

It is made once and copied for each fault that is planted.
"""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import yaml
from harness import REPO, project, task, world

from pressplay.clock import VirtualClock
from pressplay.cluster.argo_server import ArgoServer
from pressplay.cluster.sqlite import SqliteCluster
from pressplay.doctor.examine import groups
from pressplay.doctor.results import Result
from pressplay.doctor.subject import Subject
from pressplay.github import permissions, rules
from pressplay.github.access import AppKey
from pressplay.names import APP_SECRETS
from pressplay.patch import merge
from pressplay.sandbox import setup
from pressplay.sandbox.configuration import MACHINE
from pressplay.sandbox.deployer import COMMIT_LABEL
from pressplay.sandbox.engine import set_node
from pressplay.sandbox.forge import Forge
from pressplay.sandbox.setup import MAINTAINER, ORDERS, PEOPLE
from pressplay.sandbox.world import Sandbox
from pressplay.validation import helm

OWN, AGENTS, PREVIEW, ARGO = "press-play", "agent-platform", "preview", "argo"
URL = "http://127.0.0.1"
S = {"type": "string"}
VALUES: dict[str, Any] = {
    "github": {"apiURL": f"{URL}/api/v3", "gitURL": URL, "webURL": URL},
    "repositories": {REPO: {"parallelism": 4}},
    "defaults": {
        "deploy": {
            "mode": "github-deployment",
            "environment": "preview-{pr}",
            "commit": {"workload": {"namespace": PREVIEW, "name": "preview-{pr}", "label": COMMIT_LABEL}},
        },
        "acceptance": {"namespaces": [PREVIEW], "hosts": ["127.0.0.1"]},
        "tests": {
            "enabled": False,
            "image": MACHINE,
            "images": dict.fromkeys(("rust", "python", "typescript", "go"), MACHINE),
        },
    },
    "secrets": {"mode": "existing"},
    # The sandbox has a schedule for it, and no Deployment.
    "reconcile": {"mode": "cron"},
    "serve": {"auth": {"callers": [{"serviceAccount": "agent-platform/*", "repositories": [REPO]}]}},
}
SERVER = "press-play-serve"


def crd(plural: str, group: str, version: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    """A definition with one version, as `kubectl get crd -o json` shows it."""
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}}
    versions = [{"name": version, "served": True, "storage": True, "subresources": {"status": {}}, "schema": schema}]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {"group": group, "scope": "Namespaced", "versions": versions},
    }


# The early definitions, as the facts about CodeRun have them.
CODERUN: dict[str, Any] = {
    "type": "object",
    "required": ["taskId", "service", "repositoryUrl", "docsRepositoryUrl", "workingDirectory", "model"],
    "properties": {
        "taskId": {"type": "integer", "format": "int32"},
        **dict.fromkeys(
            (
                *("service", "repositoryUrl", "docsRepositoryUrl", "docsProjectDirectory", "workingDirectory", "model"),
                *("githubUser", "githubApp", "localTools", "remoteTools", "promptModification", "taskRequirements"),
            ),
            S,
        ),
        "docsBranch": {"type": "string", "default": "main"},
        "contextVersion": {"type": "integer", "default": 1},
        "continueSession": {"type": "boolean", "default": False},
        "overwriteMemory": {"type": "boolean", "default": False},
        "env": {"type": "object", "additionalProperties": S},
    },
}
DOCSRUN: dict[str, Any] = {
    "type": "object",
    "required": ["repositoryUrl", "workingDirectory", "sourceBranch"],
    "oneOf": [{"required": ["githubUser"]}, {"required": ["githubApp"]}],
    "properties": {
        **dict.fromkeys(("repositoryUrl", "workingDirectory", "sourceBranch", "model", "githubUser", "githubApp"), S),
        "includeCodebase": {"type": "boolean"},
    },
}
DEFINITIONS = [
    crd("coderuns", "agents.platform", "v1", CODERUN),
    crd("docsruns", "agents.platform", "v1", DOCSRUN),
    *(
        crd(plural, "argoproj.io", "v1alpha1", {"type": "object", "properties": {"entrypoint": S}})
        for plural in (
            *("workflows", "workflowtemplates", "cronworkflows", "workflowtaskresults"),
            *("eventbus", "eventsources", "sensors"),
        )
    ),
]


def thing(kind: str, namespace: str, name: str, labels: Mapping[str, str] | None = None, **rest: Any) -> dict[str, Any]:
    metadata = {"name": name, "labels": dict(labels or {}), **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, **rest}


def workload(kind: str, namespace: str, name: str, image: str, labels: Mapping[str, str], *args: str) -> dict[str, Any]:
    container = {"name": "main", "image": image, "args": list(args)}
    template = {"metadata": {"labels": dict(labels)}, "spec": {"containers": [container]}}
    return thing(kind, namespace, name, labels, spec={"replicas": 1, "template": template})


CONTROLLER = workload("Deployment", ARGO, "workflow-controller", "quay.io/argoproj/workflow-controller:v4.1.2", {})
CONTROLLER["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "DEFAULT_REQUEUE_TIME", "value": "1s"}]
# As docs/how-to/tune-argo.md has it; a setting is in a key of its own, or in the one key.
ARGO_CONFIG = {
    "config": "parallelism: 50\n",
    "executor": "env: [{name: RESOURCE_STATE_CHECK_INTERVAL, value: 1s}]\n",
    "metricsConfig": "modifiers:\n"
    + "".join(
        f"  {lock}: {{disabledAttributes: [lock_name]}}\n"
        for lock in ("locks_held", "locks_pending", "locks_taken_total")
    ),
    "persistence": "archive: true\n",
}
PODS = [
    CONTROLLER,
    workload(
        *("Deployment", OWN, "press-play-eventsource-x", "quay.io/argoproj/argo-events:v1.9.11"),
        {"eventsource-name": "press-play"},
    ),
    workload(
        *("Deployment", OWN, "press-play-sensor-x", "quay.io/argoproj/argo-events:v1.9.11"),
        {"sensor-name": "press-play"},
    ),
    workload("StatefulSet", OWN, "eventbus-press-play-js", "nats:2.10.29", {"eventbus-name": "press-play"}),
]
READER = [
    {"apiGroups": [""], "resources": ["pods", "pods/log"], "verbs": ["get", "list"]},
    {"apiGroups": ["apps"], "resources": ["deployments", "statefulsets", "daemonsets"], "verbs": ["get", "list"]},
]
AROUND = [
    *DEFINITIONS,
    *PODS,
    *(thing("Namespace", "", name) for name in (OWN, AGENTS, PREVIEW, ARGO)),
    {
        **thing("StorageClass", "", "standard"),
        "metadata": {"name": "standard", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
    },
    thing("ConfigMap", ARGO, "workflow-controller-configmap", data=ARGO_CONFIG),
    thing("Service", ARGO, "argo-server", spec={"selector": {"app": "argo-server"}, "ports": [{"port": 2746}]}),
    thing(
        *("Pod", ARGO, "argo-server-0", {"app": "argo-server"}),
        spec={"containers": [{"name": "main", "args": ["server", "--auth-mode", "client"]}]},
    ),
    thing("Role", PREVIEW, "press-play-press-play-acceptance", rules=READER),
    thing(
        *("RoleBinding", PREVIEW, "press-play-press-play-acceptance"),
        roleRef={"kind": "Role", "name": "press-play-press-play-acceptance"},
        subjects=[{"kind": "ServiceAccount", "name": "press-play-acceptance", "namespace": OWN}],
    ),
]
CONDITIONS = {
    "EventBus": ("Configured", "Deployed"),
    "EventSource": ("SourcesProvided", "Deployed"),
    "Sensor": ("DependenciesProvided", "TriggersProvided", "Deployed"),
}


SECRETS = "secrets.json"


def serve(sandbox: Sandbox) -> None:
    """What the chart makes where comments are served, and the server's App."""
    parts = ("repositories", "serve")
    sets = [word for part in parts for word in ("--set-json", f"{part}={json.dumps(VALUES[part])}")]
    root = helm.repository()
    for document in yaml.safe_load_all(helm.run(root, "template", OWN, "chart", "--namespace", OWN, *sets)):
        if document and document["metadata"].get("labels", {}).get("app.kubernetes.io/component") == "serve":
            sandbox.cluster.apply(document)
    app = sandbox.forge.create_app(SERVER, SERVER, {needed.name: needed.level for needed in permissions.SERVE}, ())
    sandbox.forge.install(SERVER, REPO)
    sandbox.cluster.create(setup.secret(SERVER, app, OWN))


def make(folder: Path) -> float:
    """Make the installation in `folder`; the time when it was left."""
    clock = VirtualClock()
    sandbox = world(
        folder / "state",
        clock=clock,
        source=project(folder, [task(1), task(2, 1)]),
        # As on a cluster, where agents hand over by themselves.
        settings={"handover": "github", "defaults": {"lint": {"enabled": True}}},
    ).sandbox
    for manifest in AROUND:
        sandbox.cluster.apply(manifest)
    for manifest in PODS:
        metadata = manifest["metadata"]
        sandbox.cluster.set_status(manifest["kind"], metadata["namespace"], metadata["name"], {"readyReplicas": 1})
    serve(sandbox)
    sandbox.cluster.set_status("Deployment", OWN, SERVER, {"readyReplicas": 1})
    ready = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    sandbox.cluster.set_status("Pod", ARGO, "argo-server-0", ready)
    for kind, types in CONDITIONS.items():
        conditions = [{"type": one, "status": "True"} for one in types]
        sandbox.cluster.set_status(kind, OWN, "press-play", {"conditions": conditions})
    end = clock.now() + 150
    sandbox.run(lambda: clock.now() >= end and not sandbox.kubelet.busy)
    # The sandbox keeps them in no file.
    (folder / SECRETS).write_text(json.dumps(sandbox.cluster.list("Secret", "")))
    sandbox.close()
    return clock.now()


class Silent(httpx.BaseTransport):
    """Nobody answers: the Argo Server's address leads nowhere from a laptop."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("Name or service not known", request=request)


@dataclass
class Copy:
    """A copy of the installation in which faults are planted, and what is looked at it with."""

    folder: Path
    cluster: SqliteCluster
    forge: Forge
    clock: VirtualClock
    values: dict[str, Any] = field(default_factory=lambda: json.loads(json.dumps(VALUES)))
    options: dict[str, Any] = field(default_factory=dict)
    """More for the Subject."""
    closing: ExitStack = field(default_factory=ExitStack)

    def subject(self) -> Subject:
        given: dict[str, Any] = {
            "files": [("values.yaml", yaml.safe_dump(self.values))],
            "cluster": self.cluster,
            "transport": httpx.WSGITransport(app=self.forge.wsgi),
            "argo": ArgoServer("https://argo-server.argo:2746", token="t", transport=Silent()),
        }
        return Subject(**{"namespace": OWN, "clock": self.clock, **given, **self.options})

    def examine(self) -> list[Result]:
        subject = self.subject()
        try:
            return [result for group in groups(subject) for result in group.results()]
        finally:
            subject.close()

    # -- planting --------------------------------------------------------------------------------------------------

    def change(self, kind: str, namespace: str, name: str, patch: Mapping[str, Any]) -> None:
        """Merge into an object, as `kubectl patch --type merge`."""
        metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
        found = self.cluster.get(kind, namespace, name)
        assert found is not None, f"{kind} {namespace}/{name}"
        metadata = {**patch.get("metadata", {}), **metadata}
        self.cluster.apply({**patch, "apiVersion": found["apiVersion"], "kind": kind, "metadata": metadata})

    def status(self, kind: str, namespace: str, name: str, **status: Any) -> None:
        assert self.cluster.set_status(kind, namespace, name, status)

    def remove(self, kind: str, namespace: str, name: str) -> None:
        assert self.cluster.delete(kind, namespace, name)

    def add(self, manifest: Mapping[str, Any]) -> None:
        assert self.cluster.create(dict(manifest))

    def setting(self, values: Mapping[str, Any], config: Mapping[str, Any] | None = None) -> None:
        """Set values, and upgrade: `config` is what config.json then has (by default the same keys)."""
        self.values = merge(self.values, values)
        found = self.cluster.get("ConfigMap", OWN, "press-play-config")
        assert found is not None
        settings = merge(json.loads(found["data"]["config.json"]), values if config is None else config)
        self.change("ConfigMap", OWN, "press-play-config", {"data": {"config.json": json.dumps(settings)}})

    def secret(self, namespace: str, name: str, **data: str | bytes | None) -> None:
        """Put keys into a Secret (`_` for `-`; None takes one away), which is made where it is not there."""
        encoded = {
            key.replace("_", "-"): None
            if value is None
            else base64.b64encode(value if isinstance(value, bytes) else value.encode()).decode()
            for key, value in data.items()
        }
        self.cluster.apply(thing("Secret", namespace, name, data=encoded))

    def held(self, namespace: str, name: str, key: str) -> bytes:
        found = self.cluster.get("Secret", namespace, name)
        assert found is not None
        return base64.b64decode(found["data"][key])

    def keys(self) -> dict[str, AppKey]:
        """The Apps' keys by their slugs, as files would hold them."""
        found = {}
        for namespace in (AGENTS, OWN):
            for secret in self.cluster.list("Secret", namespace):
                name = secret["metadata"]["name"]
                if name.startswith(APP_SECRETS):
                    key = self.held(namespace, name, "private-key").decode()
                    found[name.removeprefix(APP_SECRETS)] = AppKey(int(self.held(namespace, name, "app-id")), key)
        return found

    def image(self, kind: str, namespace: str, name: str, image: str) -> None:
        containers = [{"name": "main", "image": image}]
        self.change(kind, namespace, name, {"spec": {"template": {"spec": {"containers": containers}}}})

    def stuck(self, reason: str) -> None:
        """A pod that waits for its image."""
        self.add(thing("Pod", OWN, "plan-1", spec={}))
        waiting = {"image": "registry.test/pressplay:1", "state": {"waiting": {"reason": reason}}}
        self.status("Pod", OWN, "plan-1", containerStatuses=[waiting])

    def number(self, app: str) -> int:
        """The number of an agent's App."""
        namespace = OWN if app == "press-play" else AGENTS
        return int(self.held(namespace, f"github-app-{app}", "app-id"))

    def without_webhook(self) -> None:
        with self.forge._store.session(write=True) as session:
            session.run("DELETE FROM forge_hooks")

    def used(self, calls: int) -> None:
        """So many of the hour's calls are made, whoever asks."""
        count = self.forge._store.meter.add
        self.forge._store.meter.add = lambda key, resource, now, number: calls + count(key, resource, now, number)  # type: ignore[method-assign]

    def ruleset(self, **changed: Any) -> None:
        """The ruleset of a healthy installation, with something else in it."""
        given: dict[str, Any] = {
            "required_check": "press-play/acceptance",
            "required_check_app": "press-play",
            "approvals": 1,
            "rules": [{"type": "non_fast_forward"}, {"type": "deletion"}],
        }
        self.forge.create_ruleset(REPO, "press-play", **{**given, **changed})
        self.people(changed.get("enforcement", "active"))

    def people(self, enforcement: str) -> None:
        """The ruleset by which people alone merge."""
        self.forge.create_ruleset(
            REPO, "press-play-people", rules=[{"type": "update"}], bypass_actors=PEOPLE, enforcement=enforcement
        )

    def integration(self, app: str) -> dict[str, Any]:
        return {"actor_type": "Integration", "actor_id": self.number(app), "bypass_mode": "always"}

    def orders(self, **changed: Any) -> None:
        """The ruleset on what agents are told, with something else in it."""
        given: dict[str, Any] = {
            "rules": [{"type": rule} for rule in rules.SEALING],
            "include": [ORDERS],
            "bypass_actors": [self.integration("press-play")],
        }
        self.forge.create_ruleset(REPO, "press-play-orders", **{**given, **changed})

    def person(self) -> httpx.Client:
        """Who administers the repository."""
        headers = {"Authorization": f"Bearer {self.forge.user_token(MAINTAINER)}"}
        return httpx.Client(
            transport=httpx.WSGITransport(self.forge.wsgi), base_url=f"{URL}/api/v3/repos/{REPO}", headers=headers
        )

    def permit(self, app: str, **permissions: str | None) -> None:
        """Change what an App may, as its owner does in its settings."""
        with self.forge._store.session(write=False) as session:
            row = session.row("SELECT * FROM forge_apps WHERE slug = ?", app)
        granted: dict[str, str] = merge(json.loads(row["permissions"]), permissions)
        self.forge.create_app(app, row["name"], granted, json.loads(row["events"]))

    def subscribe(self, app: str, events: Sequence[str]) -> None:
        with self.forge._store.session(write=False) as session:
            row = session.row("SELECT * FROM forge_apps WHERE slug = ?", app)
        self.forge.create_app(app, row["name"], json.loads(row["permissions"]), list(events))


@contextmanager
def copied(healthy: Path, folder: Path, now: float) -> Iterator[Copy]:
    """A copy of what `make` made."""
    shutil.copytree(healthy / "state", folder / "state", ignore=shutil.ignore_patterns("runs", "gates", "deployments"))
    clock = VirtualClock(now)
    database = folder / "state" / "state.db"
    cluster = SqliteCluster(database, clock, set_node)
    for secret in json.loads((healthy / SECRETS).read_text()):
        cluster.create(secret)
    forge = Forge(database, folder / "state" / "git", clock, URL)
    with ExitStack() as closing:
        closing.callback(forge.close)
        closing.callback(cluster.close)
        yield Copy(folder, cluster, forge, clock, closing=closing)
