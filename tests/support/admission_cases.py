"""What our accounts create, and what they could create beside that: tried here and on a real API server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pressplay.backlog import graph, tasks, workflow

Manifest = dict[str, Any]
Change = Callable[[Manifest], object]

SECRET = {"name": "s", "secret": {"secretName": "github-app-press-play"}}
CONTAINER = {"name": "x", "container": {"image": "x", "command": ["sh"]}}


def reference(name: str, namespace: str, **spec: Any) -> Manifest:
    """A Workflow as our steps and the Sensor make it."""
    parameters = [{"name": "repo", "value": "acme/shop"}]
    own = {"workflowTemplateRef": {"name": name}, "priority": 1000, "arguments": {"parameters": parameters}}
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": metadata, "spec": {**own, **spec}}


def play(namespace: str) -> tuple[Manifest, Manifest]:
    """A play's WorkflowTemplate, and the Workflow that refers to it."""
    listed = [
        {"id": 1, "title": "a", "status": "pending", "dependencies": []},
        {"id": 2, "title": "b", "status": "pending", "dependencies": [1]},
    ]
    plan = graph.plan(tasks.from_document({"master": {"tasks": listed}}, "tasks.json"))
    made = workflow.play_manifests(
        plan, repo="acme/shop", tag="master", play="play-1", namespace=namespace, parallelism=2
    )
    return made[0], made[1]


WORKFLOWS: list[Manifest] = [
    {"templates": [CONTAINER], "entrypoint": "x"},
    {"podSpecPatch": '{"containers": []}'},
    {"volumes": [SECRET]},
    {"serviceAccountName": "press-play"},
    {"executor": {"serviceAccountName": "press-play"}},
    {"hooks": {"exit": {"template": "x"}}},
    {"onExit": "x"},
    {"templateDefaults": {"container": {"image": "x"}}},
    {"podMetadata": {"labels": {"press-play/account": "approver"}}},
    {"securityContext": {"runAsUser": 0}},
    {"workflowTemplateRef": {"name": "task", "clusterScope": True}},
    {"workflowTemplateRef": {"name": "another"}},
    {"arguments": {"artifacts": [{"name": "a", "raw": {"data": "x"}}]}},
    {"arguments": {"parameters": [{"name": "a", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}}]}},
]
"""What a Workflow made by hand has in its spec, beside that of `reference` or in its place."""

PLAYS: list[Change] = [
    lambda spec: spec["templates"].append(CONTAINER),
    lambda spec: spec["templates"].append({"name": "x", "script": {"image": "x", "source": "x"}}),
    lambda spec: spec["templates"].append({"name": "x", "resource": {"action": "get"}}),
    lambda spec: spec["templates"][0].update(serviceAccountName="press-play"),
    lambda spec: spec["templates"][0]["dag"]["tasks"][0].update(inline=CONTAINER),
    lambda spec: spec["templates"][0]["dag"]["tasks"][0].update(templateRef={"name": "pull-request", "template": "x"}),
    lambda spec: spec.update(serviceAccountName="press-play"),
    lambda spec: spec.update(volumes=[SECRET]),
    lambda spec: spec.update(podSpecPatch="{}"),
]
"""What makes of a play's WorkflowTemplate more than a play; each changes its spec."""


def _container(**fields: Any) -> Change:
    return lambda made: made["spec"]["containers"][0].update(fields)


def _spec(**fields: Any) -> Change:
    return lambda made: made["spec"].update(fields)


def _volume(**source: Any) -> Change:
    return lambda made: made["spec"]["volumes"].append({"name": "added", **source})


PODS: list[Change] = [
    _volume(secret=SECRET["secret"]),
    # Nor the token of the checkout on whose volume it works.
    _volume(secret={"secretName": "gate-lint-0123456789ab-token-0"}),
    _volume(configMap={"name": "press-play-config"}),
    _volume(hostPath={"path": "/"}),
    _volume(projected={"sources": [{"serviceAccountToken": {"path": "t"}}]}),
    _volume(persistentVolumeClaim={"claimName": "data"}),
    _container(envFrom=[{"secretRef": {"name": "s"}}]),
    _container(env=[{"name": "K", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]),
    _container(securityContext={"privileged": True}),
    _container(securityContext={"capabilities": {"add": ["SYS_ADMIN"]}}),
    _container(ports=[{"containerPort": 8080, "hostPort": 8080}]),
    # As a checkout that somebody took over might say of services.
    _spec(initContainers=[{"name": "i", "image": "x", "envFrom": [{"secretRef": {"name": "s"}}]}]),
    _spec(initContainers=[{"name": "i", "image": "x", "securityContext": {"capabilities": {"add": ["ALL"]}}}]),
    _spec(serviceAccountName="press-play"),
    _spec(automountServiceAccountToken=True),
    lambda made: made["spec"].pop("automountServiceAccountToken"),
    _spec(hostNetwork=True),
    _spec(hostPID=True),
    _spec(hostIPC=True),
    lambda made: made["metadata"]["labels"].pop("press-play/walled"),
    lambda made: made["metadata"]["labels"].update({"press-play/walled": "false"}),
    lambda made: made["metadata"].pop("labels"),
]
"""What makes a gate's Pod reach more than a gate's; each changes the Pod."""
