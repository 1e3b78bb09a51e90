"""The chart's manifests in the sandbox's cluster, with the settings for this machine."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pressplay import names, patch
from pressplay.cluster import rbac
from pressplay.cluster.ledger import PART_OF
from pressplay.cluster.port import Cluster, Manifest
from pressplay.domain import accounts
from pressplay.domain.accounts import StepAccount
from pressplay.errors import InputError
from pressplay.sandbox.deployer import COMMIT_LABEL, NAMESPACE
from pressplay.settings import CONFIG_KEY, CONFIG_MAP, Settings, parse
from pressplay.steps.core.probing import LOOPBACK

LIMITS_MAP = "press-play-limits"
MACHINE = "this-machine"
"""In the place of an image, which the sandbox does not use."""
ENVIRONMENT = "preview-{pr}"
"""The environment in which a pull request's head is deployed: each has its own."""

_NO_CONFIGURATION = f"the rendered chart has no ConfigMap {CONFIG_MAP}; render it with helm template"


def install(
    cluster: Cluster,
    chart: Sequence[Manifest],
    url: str,
    repos: Sequence[str],
    parallelism: int,
    overrides: Mapping[str, Any],
    runs_at_once: int = 0,
) -> Settings:
    """Apply the chart's manifests, set for these repositories and the forge at `url`; the settings. Idempotent.

    `parallelism` is that of each repository, `runs_at_once` (0: as many) of all together. `overrides` are merged over
    the chart's `config.json`. InputError if the chart has no configuration.
    """
    settings: Settings | None = None
    for manifest in chart:
        if manifest["kind"] == "ConfigMap" and manifest["metadata"]["name"] == CONFIG_MAP:
            local = _local_config(json.loads(manifest["data"][CONFIG_KEY]), url, repos, parallelism)
            text = json.dumps(patch.merge(local, overrides))
            settings = parse(text)
            manifest = {**manifest, "data": {CONFIG_KEY: text}}
        elif manifest["kind"] == "ConfigMap" and manifest["metadata"]["name"] == LIMITS_MAP:
            own = [f"{what}.{names.repo_key(repo)}" for repo in repos for what in ("repo", "tasks")]
            data = {"global": str(runs_at_once or parallelism), **dict.fromkeys(own, str(parallelism))}
            manifest = {**manifest, "data": data}
        elif manifest["kind"] == "CronWorkflow":
            # Here nothing runs Deployments: the schedule does what `reconcile.mode: service` has one for.
            manifest = {**manifest, "spec": {**manifest["spec"], "suspend": False}}
        cluster.apply(manifest)
    if settings is None:
        raise InputError(_NO_CONFIGURATION)
    for manifest in _rights(settings):
        cluster.apply(manifest)
    return settings


def settings_of(chart: Sequence[Manifest]) -> Settings:
    """The settings that a rendered chart has, before they are set for this machine. InputError if it has none."""
    for manifest in chart:
        if manifest["kind"] == "ConfigMap" and manifest["metadata"]["name"] == CONFIG_MAP:
            return parse(manifest["data"][CONFIG_KEY])
    raise InputError(_NO_CONFIGURATION)


def _rights(settings: Settings) -> Iterator[Manifest]:
    """What the chart renders for settings that differ from its defaults: for probes, and for Secrets of proofs."""
    probes = accounts.of_step("acceptance-probe")
    rules = [
        {"apiGroups": [group], "resources": [f"{plural}/{sub}" if sub else plural], "verbs": list(rule.verbs)}
        for rule in probes.rules
        if rule.place == "probed"
        for group, plural, sub in map(rbac.parts, rule.resources)
    ]
    yield from _role(NAMESPACE, f"press-play-{settings.namespace}-{probes.name}", rules, probes, settings)
    if settings.proof.secrets:
        rules = [
            {"apiGroups": [""], "resources": ["secrets"], "resourceNames": [*settings.proof.secrets], "verbs": ["get"]}
        ]
        approver = accounts.account(accounts.APPROVER)
        yield from _role(settings.namespace, "press-play-proof", rules, approver, settings)


def _role(
    namespace: str, name: str, rules: list[dict[str, Any]], account: StepAccount, settings: Settings
) -> Iterator[Manifest]:
    metadata = {"name": name, "namespace": namespace, "labels": dict(PART_OF)}
    api = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": metadata}
    subject = {"kind": "ServiceAccount", "name": account.service_account, "namespace": settings.namespace}
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}
    yield {**api, "kind": "Role", "rules": rules}
    yield {**api, "kind": "RoleBinding", "roleRef": reference, "subjects": [subject]}


def _local_config(config: Mapping[str, Any], url: str, repos: Sequence[str], parallelism: int) -> Any:
    # Each but the first deploys into environments of its own: pull requests have the same numbers everywhere.
    own: dict[str, dict[str, Any]] = {repo: {"parallelism": parallelism} for repo in repos}
    for repo in repos[1:]:
        name = f"{ENVIRONMENT}-{repo.partition('/')[2]}"
        own[repo]["deploy"] = {"environment": name, "commit": {"workload": {"name": name}}}
    local = {
        "github": {"apiURL": f"{url}/api/v3", "gitURL": url, "webURL": url},
        "handover": "file",
        "reconcile": {"mode": "cron"},
        "defaults": {
            "deploy": {
                "mode": "github-deployment",
                "environment": ENVIRONMENT,
                "commit": {"workload": {"namespace": NAMESPACE, "name": ENVIRONMENT, "label": COMMIT_LABEL}},
            },
            "acceptance": {"namespaces": [NAMESPACE], "hosts": [LOOPBACK]},
            # The tools are those of this machine; `pressplay play` looks for them.
            "tests": {"images": dict.fromkeys(("rust", "python", "typescript", "go"), MACHINE), "image": MACHINE},
        },
        # A merge patch: None removes the repositories that the rendered values list.
        "repositories": {**dict.fromkeys(config["repositories"]), **own},
    }
    return patch.merge(config, local)
