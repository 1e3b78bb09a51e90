"""Deployments: which commit runs in which environment, as the deployer reports it to GitHub.

Source: GitHub's REST reference, "Deployments" and "Deployment statuses".
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import Any
from urllib.parse import quote

from pressplay.github.calls import Client, call, find, pages

FAILED = ("failure", "error")
REPLACED = "inactive"
_MOST = 30
"""Deployments of one commit that are looked through."""


@dataclass(frozen=True)
class Deployment:
    """One deployment of a commit into an environment."""

    id: int
    sha: str
    environment: str
    key: str
    """What we asked for it by; empty for somebody else's."""


@dataclass(frozen=True)
class Status:
    """How a deployment stands."""

    state: str
    """`success`, `failure`, `error`, `inactive`, `in_progress`, `queued` or `pending`."""
    url: str
    """Where it answers; empty where it has no address. Text of whoever deploys (R7)."""
    description: str = ""
    """What whoever deploys says of it. Their text (R7)."""
    log_url: str = ""
    """Where its log is. Their text (R7)."""


def _deployment(item: dict[str, Any]) -> Deployment:
    payload = item["payload"]
    key = payload.get("pressPlay", "") if isinstance(payload, dict) else ""
    return Deployment(item["id"], item["sha"], item["environment"], str(key))


def newest(gh: Client, repo: str, environment: str, sha: str | None = None) -> Deployment | None:
    """The newest deployment into an environment (with `sha`: of that commit), or None."""
    return next(iter(_listed(gh, repo, environment, sha)), None)


def _listed(gh: Client, repo: str, environment: str, sha: str | None) -> list[Deployment]:
    params: dict[str, str | int] = {"environment": environment, **({"sha": sha} if sha else {})}
    return [_deployment(item) for item in islice(pages(gh, f"/repos/{repo}/deployments", params), _MOST)]


def asked_for(gh: Client, repo: str, environment: str, sha: str, key: str) -> Deployment | None:
    """The newest deployment of a commit that was requested with `key`, or None."""
    return next((deployment for deployment in _listed(gh, repo, environment, sha) if deployment.key == key), None)


def request(gh: Client, repo: str, environment: str, sha: str, key: str) -> Deployment:
    """Ask for a deployment of a commit. The one asked for by the same `key` is taken, unless another replaced it."""
    there = asked_for(gh, repo, environment, sha, key)
    if there is not None and status(gh, repo, there.id).state != REPLACED:
        return there
    body = {
        "ref": sha,
        "environment": environment,
        "description": "Press Play: to prove this commit",
        "payload": {"pressPlay": key},
        "auto_merge": False,
        # Its checks are what the deployment is to serve: none is required before it.
        "required_contexts": [],
        "transient_environment": True,
        "production_environment": False,
    }
    return _deployment(call(gh, "POST", f"/repos/{repo}/deployments", json=body))


def status(gh: Client, repo: str, deployment: int) -> Status:
    """The newest status of a deployment; `pending` where nobody has said anything yet."""
    item = next(iter(pages(gh, f"/repos/{repo}/deployments/{deployment}/statuses")), None)
    if item is None:
        return Status("pending", "")
    return Status(
        item["state"], item.get("environment_url") or "", item.get("description") or "", item.get("log_url") or ""
    )


def has_environment(gh: Client, repo: str, name: str) -> bool:
    """Whether a repository has the environment; wants `actions: read`."""
    return find(gh, f"/repos/{repo}/environments/{quote(name, safe='')}") is not None
