"""Where pull requests' heads are deployed: a namespace, and a WorkflowTemplate of a user's that rolls out there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cluster import apply, image, kubectl, namespace

PREVIEW = "pp-e2e-preview"
TEMPLATE = "pp-e2e-deploy"
PORT = 8080
_PR, _HEAD = "{{workflow.parameters.pr}}", "{{workflow.parameters.head}}"
_COUNTED = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")

DEPLOYED = {
    "deploy": {
        "mode": "workflowTemplate",
        "workflowTemplate": TEMPLATE,
        "environment": "preview-{pr}",
        "timeoutMinutes": 15,
        "commit": {"path": "/commit.txt", "workload": {"namespace": PREVIEW, "name": "web-{pr}"}},
    },
    "acceptance": {"namespaces": [PREVIEW]},
}
"""The values of `defaults` with which what QA passed is deployed there and proven."""


def plan(pr: str) -> str:
    """QA's plan of probes for a pull request's number: an answer, a line of a log, a workload."""
    web = {"app": f"web-{pr}"}
    probes = [
        {
            "name": "serves-the-commit",
            "http": {"path": "/commit.txt", "expect": {"status": 200, "contains": ["${COMMIT}"]}},
        },
        {
            "name": "says-so",
            "logs": {"namespace": PREVIEW, "matchLabels": web, "expect": {"lines": ["serving ${COMMIT}", "serving"]}},
        },
        {
            "name": "is-ready",
            "workload": {"kind": "Deployment", "namespace": PREVIEW, "name": f"web-{pr}", "expect": {"ready": True}},
        },
    ]
    return json.dumps({"probes": probes})


def _deployment() -> dict[str, Any]:
    labels = {"app": f"web-{_PR}", "app.kubernetes.io/version": _HEAD}
    command = f"cd /tmp && echo $COMMIT >commit.txt && echo serving $COMMIT && exec python3 -u -m http.server {PORT}"
    container = {
        "name": "web",
        "image": f"{image()['repository']}:{image()['tag']}",
        "imagePullPolicy": image()["pullPolicy"],
        "command": ["sh", "-c", command],
        "env": [{"name": "COMMIT", "value": _HEAD}],
        "readinessProbe": {"httpGet": {"path": "/commit.txt", "port": PORT}, "periodSeconds": 1},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": f"web-{_PR}", "namespace": PREVIEW, "labels": labels},
        "spec": {
            "selector": {"matchLabels": {"app": f"web-{_PR}"}},
            "strategy": {"type": "Recreate"},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [container], "terminationGracePeriodSeconds": 0},
            },
        },
    }


def _service() -> dict[str, Any]:
    ports = [{"port": PORT, "targetPort": PORT}]
    metadata = {"name": f"web-{_PR}", "namespace": PREVIEW}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {"selector": {"app": f"web-{_PR}"}, "ports": ports},
    }


def _template(where: str) -> dict[str, Any]:
    steps = [[{"name": "service", "template": "service"}], [{"name": "roll-out", "template": "roll-out"}]]
    outputs = [
        {"name": "url", "valueFrom": {"expression": f"'http://web-{_PR}.{PREVIEW}.svc:{PORT}/'"}},
        {"name": "commit", "valueFrom": {"expression": f"'{_HEAD}'"}},
    ]
    rolled = ",".join(f"status.{name} == 1" for name in _COUNTED)
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "WorkflowTemplate",
        "metadata": {"name": TEMPLATE, "namespace": where},
        "spec": {
            "entrypoint": "deploy",
            "serviceAccountName": TEMPLATE,
            "arguments": {"parameters": [{"name": name} for name in ("repo", "pr", "head", "environment")]},
            "templates": [
                {"name": "deploy", "steps": steps, "outputs": {"parameters": outputs}},
                {"name": "service", "resource": {"action": "apply", "manifest": json.dumps(_service())}},
                {
                    "name": "roll-out",
                    "resource": {"action": "apply", "manifest": json.dumps(_deployment()), "successCondition": rolled},
                },
            ],
        },
    }


def _rights(where: str) -> list[dict[str, Any]]:
    """Who deploys is the user's business: here an account that may report to Argo, and roll out there."""
    executor = {"apiGroups": ["argoproj.io"], "resources": ["workflowtaskresults"], "verbs": ["create", "patch"]}
    rules = [
        {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "list", "watch", "create", "patch"]},
        {"apiGroups": [""], "resources": ["services"], "verbs": ["get", "create", "patch"]},
    ]
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": TEMPLATE}
    subjects = [{"kind": "ServiceAccount", "name": TEMPLATE, "namespace": where}]
    version = "rbac.authorization.k8s.io/v1"
    made: list[dict[str, Any]] = [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": TEMPLATE, "namespace": where}}
    ]
    for space, allowed in ((where, [executor]), (PREVIEW, rules)):
        metadata = {"name": TEMPLATE, "namespace": space}
        made += [
            {"apiVersion": version, "kind": "Role", "metadata": metadata, "rules": allowed},
            {"apiVersion": version, "kind": "RoleBinding", "metadata": metadata, "roleRef": role, "subjects": subjects},
        ]
    return made


@contextmanager
def previews(where: str) -> Iterator[None]:
    """The namespace and the WorkflowTemplate while the block lasts; `where` is the release's namespace."""
    namespace(PREVIEW)
    apply(_template(where), *_rights(where))
    try:
        yield
    finally:
        for kind in ("workflowtemplate", "rolebinding", "role", "serviceaccount"):
            kubectl("delete", kind, TEMPLATE, "-n", where, "--ignore-not-found")
        kubectl("delete", "namespace", PREVIEW, "--wait")


def has_storage() -> bool:
    """Whether the cluster makes volumes by itself: without, the lint gate has none to check out on."""
    classes = json.loads(kubectl("get", "storageclasses", "-o", "json"))["items"]
    default = "storageclass.kubernetes.io/is-default-class"
    return any((one["metadata"].get("annotations") or {}).get(default) == "true" for one in classes)
