"""Each step with the rights of its account, as in a cluster: other calls are Forbidden, other Apps' keys are not there.

The rights are those of the rendered chart's Roles, so that a flow that runs here runs in a cluster with the same chart.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from pressplay import names
from pressplay.cluster import kinds, rbac
from pressplay.cluster.port import Account, Cluster, Forbidden, Labels, Manifest, NodePhase
from pressplay.cluster.rate_limits import RateLimits
from pressplay.domain import accounts
from pressplay.errors import InputError
from pressplay.github.access import AppKey, GitHubAccess
from pressplay.github.breaker import Breaker
from pressplay.steps.core.context import Context


class StepContexts:
    """The contexts of steps, by account. One for all steps of a sandbox; safe to share between threads."""

    def __init__(self, context: Context, access: Callable[[Callable[[str], AppKey], Breaker], GitHubAccess]) -> None:
        """`context` reaches everything; `access` makes the way to GitHub, given the keys and the breaker to use."""
        self._context = context
        rules = _Rules(context.cluster)
        self._contexts = {
            account.name: self._limited(account.service_account, rules, access) for account in accounts.accounts()
        }

    def of(self, step: str) -> Context:
        """The context of a step. InputError for one that has no account."""
        return self._contexts[accounts.of_step(step).name]

    def close(self) -> None:
        """Close the connections to GitHub."""
        for context in self._contexts.values():
            context.github.close()

    def _limited(
        self,
        service_account: str,
        rules: _Rules,
        access: Callable[[Callable[[str], AppKey], Breaker], GitHubAccess],
    ) -> Context:
        namespace = self._context.settings.namespace
        cluster = StepCluster(self._context.cluster, Account(namespace, service_account), rules)
        breaker = Breaker(self._context.clock, RateLimits(cluster, namespace))
        github = access(lambda app: app_key(cluster, namespace, app), breaker)
        return replace(self._context, cluster=cluster, github=github)


def app_key(cluster: Cluster, namespace: str, app: str) -> AppKey:
    """An App's key; InputError where there is none."""
    secret = cluster.get("Secret", namespace, names.app_secret(app))
    if secret is None:
        raise InputError(f"no Secret {names.app_secret(app)!r} with the key of the App {app!r} in {namespace}")
    data = {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}
    return AppKey(app_id=int(data["app-id"]), private_key=data["private-key"])


class _Rules:
    """The Roles of each namespace and their bindings, read once: nobody changes them while a sandbox runs."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._read: dict[str, tuple[list[Manifest], list[Manifest]]] = {}

    def allow(self, account: Account, verb: str, resource: str, namespace: str, name: str) -> bool:
        if namespace not in self._read:
            bindings, roles = (self._cluster.list(kind, namespace) for kind in ("RoleBinding", "Role"))
            self._read[namespace] = (bindings, roles)
        return rbac.allowed(*self._read[namespace], account, verb, resource, name)


class StepCluster:
    """See `Cluster`: as one account reaches it. Raises Forbidden for what its Roles do not allow."""

    def __init__(self, cluster: Cluster, account: Account, rules: _Rules) -> None:
        self._cluster, self._account, self._rules = cluster, account, rules

    def get(self, kind: str, namespace: str, name: str) -> Manifest | None:
        """See `Cluster.get`."""
        self._check("get", kinds.resource(kind), namespace, name)
        return self._cluster.get(kind, namespace, name)

    def list(self, kind: str, namespace: str, labels: Labels | None = None) -> list[Manifest]:
        """See `Cluster.list`."""
        self._check("list", kinds.resource(kind), namespace)
        return self._cluster.list(kind, namespace, labels)

    def create(self, manifest: Manifest) -> bool:
        """See `Cluster.create`."""
        self._check("create", kinds.resource(manifest["kind"]), manifest["metadata"]["namespace"])
        return self._cluster.create(manifest)

    def apply(self, manifest: Manifest) -> Manifest:
        """See `Cluster.apply`: a patch, and a creation where there is nothing to patch."""
        kind, metadata = manifest["kind"], manifest["metadata"]
        self._check("patch", kinds.resource(kind), metadata["namespace"], metadata["name"])
        if self._cluster.get(kind, metadata["namespace"], metadata["name"]) is None:
            self._check("create", kinds.resource(kind), metadata["namespace"])
        return self._cluster.apply(manifest)

    def set_status(self, kind: str, namespace: str, name: str, status: Mapping[str, Any]) -> bool:
        """See `Cluster.set_status`."""
        self._check("patch", kinds.resource(kind, "status"), namespace, name)
        return self._cluster.set_status(kind, namespace, name, status)

    def delete(self, kind: str, namespace: str, name: str) -> bool:
        """See `Cluster.delete`."""
        self._check("delete", kinds.resource(kind), namespace, name)
        return self._cluster.delete(kind, namespace, name)

    def set_node(
        self,
        namespace: str,
        workflow: str,
        node_id: str,
        phase: NodePhase,
        outputs: Mapping[str, str],
        message: str = "",
    ) -> bool:
        """See `Cluster.set_node`: the Argo Server reads and updates the Workflow as the account."""
        for verb in ("get", "update"):
            self._check(verb, kinds.resource("Workflow"), namespace, workflow)
        return self._cluster.set_node(namespace, workflow, node_id, phase, outputs, message)

    def logs(self, namespace: str, pod: str, container: str, since_seconds: int, limit_bytes: int) -> bytes | None:
        """See `Cluster.logs`."""
        self._check("get", kinds.resource("Pod", "log"), namespace, pod)
        return self._cluster.logs(namespace, pod, container, since_seconds, limit_bytes)

    def server_version(self) -> str:
        """See `Cluster.server_version`: everybody may ask."""
        return self._cluster.server_version()

    def may(self, account: Account, verb: str, resource: str, namespace: str, name: str = "") -> bool:
        """See `Cluster.may`."""
        self._check("create", "subjectaccessreviews.authorization.k8s.io", "")
        return self._cluster.may(account, verb, resource, namespace, name)

    def _check(self, verb: str, resource: str, namespace: str, name: str = "") -> None:
        if not self._rules.allow(self._account, verb, resource, namespace, name):
            raise Forbidden(
                f'{resource} "{name}" is forbidden: User "{rbac.user(self._account)}" cannot {verb} resource '
                f'"{resource}" in the namespace "{namespace}"'
            )
