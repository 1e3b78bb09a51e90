"""Pause and continue: what each run asks before it starts (R4).

People pause a repository, or all, in the values (`paused`), which only an upgrade lifts, or in a ConfigMap, by
`pressplay pause` or by hand.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pressplay import names
from pressplay.clock import rfc3339
from pressplay.cluster import waits
from pressplay.cluster.ledger import PART_OF
from pressplay.cluster.port import Cluster, Manifest
from pressplay.plaintext import plain
from pressplay.settings import CONFIG_KEY, parse
from pressplay.settings import CONFIG_MAP as SETTINGS_MAP

CONFIG_MAP = "press-play-pause"
"""Never rendered by the chart: an upgrade must not continue what a person paused."""
ALL = "all"
AWAIT_CONTINUE = "await-continue"
_EARLIER = "paused"
"""What an earlier version wrote, which knew no reason."""
_SHOWN = 200
"""Characters of what people wrote that are shown."""


@dataclass(frozen=True)
class Pause:
    """Why no new run starts. What people wrote is plain text, on one line and cut (R7)."""

    where: str
    """The repository's key, or `all`."""
    in_values: bool
    """Whether the values say so: `pressplay continue` does not lift it."""
    by: str = ""
    """Who paused it, as they say; empty where nobody said so."""
    at: str = ""
    """When (RFC 3339); empty where nobody said so."""
    why: str = ""

    @property
    def ended_by(self) -> str:
        """What ends it, as a clause of ours."""
        if self.in_values:
            return "empty `paused` in the values and upgrade to go on"
        option = "" if self.where == ALL else " --repo owner/name"
        return f"`pressplay continue{option}` lets it go on"

    @property
    def origin(self) -> str:
        """By whom and since when, as a clause that may quote a name."""
        by = "in the values" if self.in_values else f"by {self.by or 'somebody'}"
        return f"paused {by}{f' at {self.at}' if self.at else ''}"


def of(cluster: Cluster, namespace: str, repo: str) -> Pause | None:
    """Why new runs of this repository are stopped; None where they are not. A pause in the values comes first."""
    config = cluster.get("ConfigMap", namespace, SETTINGS_MAP) or {}
    text = (config.get("data") or {}).get(CONFIG_KEY)
    settings = parse(text, ours=False) if text else None
    if settings is not None and repo in settings.repositories:
        why = settings.repository(repo).paused
        if why:
            return Pause(names.repo_key(repo), in_values=True, why=_line(why))
    by_hand = switched(cluster.get("ConfigMap", namespace, CONFIG_MAP))
    return by_hand.get(ALL) or by_hand.get(names.repo_key(repo))


def switched(config_map: Manifest | None) -> Mapping[str, Pause]:
    """What people paused by the ConfigMap, if it is there: by repository's key, or `all`."""
    return {key: _read(key, text) for key, text in ((config_map or {}).get("data") or {}).items()}


def is_paused(cluster: Cluster, namespace: str, repo: str) -> bool:
    """Whether new runs of this repository, or of all, are stopped."""
    return of(cluster, namespace, repo) is not None


def pause(cluster: Cluster, namespace: str, repo: str | None, by: str = "", why: str = "", at: float = 0.0) -> None:
    """Stop new runs of a repository, or of all; `by` and `why` are what people read of it, `at` in Unix seconds."""
    entry = {"by": by, "why": why, "at": rfc3339(at) if at else ""}
    _set(cluster, namespace, repo, json.dumps({key: text for key, text in entry.items() if text}))


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


def _read(key: str, text: str) -> Pause:
    """A pause as `pause` writes it; any other text, which people may write by hand, is its reason."""
    entry: Any = None
    with suppress(ValueError):
        entry = json.loads(text)
    if not isinstance(entry, dict):
        return Pause(key, in_values=False, why="" if text == _EARLIER else _line(text))
    by, at, why = (_line(str(entry.get(name) or "")) for name in ("by", "at", "why"))
    return Pause(key, in_values=False, by=by, at=at, why=why)


def _line(text: str) -> str:
    return " ".join(plain(text).split())[:_SHOWN]


def _set(cluster: Cluster, namespace: str, repo: str | None, value: str | None) -> None:
    key = names.repo_key(repo) if repo else ALL
    metadata = {"name": CONFIG_MAP, "namespace": namespace, "labels": dict(PART_OF)}
    cluster.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {key: value}})
