"""Pause and continue: a ConfigMap that each run asks before it starts (R4)."""

from __future__ import annotations

from pressplay import names
from pressplay.cluster import waits
from pressplay.cluster.ledger import PART_OF
from pressplay.cluster.port import Cluster

CONFIG_MAP = "press-play-pause"
"""Never rendered by the chart: an upgrade must not continue what a person paused."""
ALL = "all"
AWAIT_CONTINUE = "await-continue"


def is_paused(cluster: Cluster, namespace: str, repo: str) -> bool:
    """Whether new runs of this repository, or of all, are stopped."""
    config_map = cluster.get("ConfigMap", namespace, CONFIG_MAP) or {}
    stopped = config_map.get("data") or {}
    return ALL in stopped or names.repo_key(repo) in stopped


def pause(cluster: Cluster, namespace: str, repo: str | None) -> None:
    """Stop new runs of a repository, or of all."""
    _set(cluster, namespace, repo, "paused")


def allow(cluster: Cluster, namespace: str, repo: str | None) -> None:
    """Let runs of a repository, or of all, start again; `wake` or `reconcile` wakes those that wait for it."""
    _set(cluster, namespace, repo, None)


def go_on(cluster: Cluster, namespace: str, repo: str | None) -> int:
    """Let runs of a repository, or of all, start again, and wake what waits for it; how many waits that were."""
    allow(cluster, namespace, repo)
    return wake_of(cluster, namespace, repo)


def wake_of(cluster: Cluster, namespace: str, repo: str | None) -> int:
    """Wake what waits for `continue` in a repository, or in all; how many waits that were."""
    return wake(cluster, namespace, {"press-play/repo": names.repo_key(repo)} if repo else {})


def wake(cluster: Cluster, namespace: str, labels: dict[str, str]) -> int:
    """Wake the waits for `continue` in the Workflows with these labels whose repository is not paused any more."""
    woken = 0
    for workflow in waits.running(cluster, namespace, {**PART_OF, **labels}):
        for wait in waits.of(workflow):
            if wait.kind == AWAIT_CONTINUE and not is_paused(cluster, namespace, wait.key["repo"]):
                woken += wait.wake(cluster, "Succeeded", {})
    return woken


def _set(cluster: Cluster, namespace: str, repo: str | None, value: str | None) -> None:
    key = names.repo_key(repo) if repo else ALL
    metadata = {"name": CONFIG_MAP, "namespace": namespace, "labels": dict(PART_OF)}
    cluster.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {key: value}})
