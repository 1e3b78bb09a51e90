"""How a gate's Pod ended, by Kubernetes' own record."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pressplay.cluster.port import Manifest

_LOST = frozenset(
    {"Evicted", "NodeLost", "NodeShutdown", "Shutdown", "Terminated", "Preempting", "Preempted", "NodeAffinity"}
)
"""Reasons of a Pod that its node ended (kubelet: eviction, graceful shutdown, preemption)."""


@dataclass(frozen=True)
class PodEnd:
    """The end of a Pod, as Kubernetes reports it."""

    state: Literal["missing", "waiting", "running", "ended"]
    exit_code: int | None = None
    reason: str = ""
    """The cluster's one word for why: `OOMKilled`, `DeadlineExceeded`, `ImagePullBackOff` …"""
    lost: bool = False


def look(pod: Manifest | None) -> PodEnd:
    """How a Pod ended. Source: Kubernetes API reference, PodStatus, ContainerStatus."""
    if pod is None:
        return PodEnd("missing")
    status: Mapping[str, Any] = pod.get("status") or {}
    container: Mapping[str, Any] = next(iter(status.get("containerStatuses") or ()), {})
    state = container.get("state") or {}
    ended = state.get("terminated")
    reason = _word(status.get("reason") or (ended or {}).get("reason") or (state.get("waiting") or {}).get("reason"))
    if status.get("phase") in ("Succeeded", "Failed"):
        disrupted = any(
            condition.get("type") == "DisruptionTarget" and condition.get("status") == "True"
            for condition in status.get("conditions") or ()
        )
        return PodEnd("ended", (ended or {}).get("exitCode"), reason, disrupted or reason in _LOST)
    return PodEnd("running" if status.get("phase") == "Running" else "waiting", reason=reason)


def waiting_sidecars(pod: Manifest | None) -> list[str]:
    """The sidecars of a Pod that were not started, each with Kubernetes' word for why: `p0-db: ImagePullBackOff`.

    One that only waits for another before it is not among them.
    """
    statuses = ((pod or {}).get("status") or {}).get("initContainerStatuses") or ()
    reasons = {
        status["name"]: _word(((status.get("state") or {}).get("waiting") or {}).get("reason")) for status in statuses
    }
    return [f"{name}: {reason}" for name, reason in reasons.items() if reason not in ("", "PodInitializing")]


def _word(text: Any) -> str:
    return text if isinstance(text, str) and re.fullmatch(r"[A-Za-z]{1,40}", text) else ""
