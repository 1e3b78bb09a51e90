"""Ledgers as they are stored, and a step's context without a forge: what the tests of policies begin with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pressplay import names
from pressplay.clock import VirtualClock
from pressplay.cluster.sqlite import SqliteCluster
from pressplay.github.pulls import Pull
from pressplay.sandbox.engine import set_node
from pressplay.settings import Agent, GitHub, RepositoryDefaults, Settings
from pressplay.steps.core.context import Context

REPO = "acme/shop"
HEAD, OTHER = "a" * 40, "b" * 40
PR = 7


class Unasked:
    """GitHub, of which a policy only hands the client on."""

    def installation(self, *_args: Any) -> Unasked:
        return self


def desk(folder: Path, **settings: Any) -> Context:
    """A step's context: an empty cluster, and these settings."""
    web = "http://forge.test"
    clock = VirtualClock()
    given: dict[str, Any] = {
        "namespace": "press-play",
        "controller_namespace": "agent-platform",
        "github": GitHub(apiURL=f"{web}/api/v3", gitURL=web, webURL=web),
        "repositories": {REPO: RepositoryDefaults()},
        "agents": {
            name: Agent(github_app=name, role=role, model="m")
            for name, role in (("rex", "implement"), ("cleo", "lint"), ("tess", "test"), ("triage", "triage"))
        },
    }
    cluster = SqliteCluster(folder / "state.db", clock, set_node)
    return Context(cluster, Settings(**(given | settings)), Unasked(), clock)  # type: ignore[arg-type]


def record(context: Context, kind: str, number: int, entries: Mapping[str, Mapping[str, Any]]) -> None:
    """Write entries as an earlier version may have: JSON texts by key."""
    metadata = {
        "name": names.ledger(REPO, kind, number),
        "namespace": context.settings.namespace,
        "labels": {
            "press-play/ledger": kind,
            f"press-play/{kind}": str(number),
            "press-play/repo": names.repo_key(REPO),
        },
    }
    data = {key: json.dumps(entry) for key, entry in entries.items()}
    context.cluster.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})


def run(role: str, **fields: Any) -> dict[str, Any]:
    """A run's entry: the first attempt of round 1 in try 1, begun at second 100."""
    first = {"role": role, "agent": "rex", "round": 1, "cause": "", "attempt": 0, "try": 1, "started": 100}
    return first | fields


def ended(role: str, outcome: str, **fields: Any) -> dict[str, Any]:
    """The entry of a run that ended a minute later, and left HEAD."""
    return run(role, outcome=outcome, **{"ended": 160, "new_head": HEAD, **fields})


def numbered(*entries: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Runs' entries under keys of runs."""
    return {f"run-{number:012x}": entry for number, entry in enumerate(entries)}


def gate(name: str, outcome: str, head: str = HEAD) -> dict[str, dict[str, Any]]:
    """A gate's verdict on a commit, under its key."""
    verdict = {"gate": name, "head": head, "outcome": outcome, "reason": f"{name} says {outcome}", "at": 1}
    return {f"gate-{name}-{head}": verdict}


def pull(**fields: Any) -> Pull:
    """An open pull request of the project's own branch at HEAD."""
    made: dict[str, Any] = {
        "number": PR, "state": "open", "merged": False, "draft": False, "head_sha": HEAD, "head_ref": "work",
        "head_repo": REPO, "base_ref": "main", "base_sha": OTHER, "author": "ann", "author_is_bot": False,
        "labels": (), "html_url": f"http://forge.test/{REPO}/pull/{PR}", "mergeable_state": "clean", "fork": False,
        "created_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-01-01T00:00:00Z", "merged_at": None, "requested_reviewers": (), "requested_teams": (),
    }  # fmt: skip
    return Pull(**(made | fields))
