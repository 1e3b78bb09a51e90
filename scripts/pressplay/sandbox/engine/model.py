"""What the engine takes and gives, its errors, and the small facts of Argo's data model that every part needs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pressplay.clock import parse_rfc3339
from pressplay.cluster.port import Manifest
from pressplay.errors import InputError

ANNOTATION_OUTPUTS = "press-play/outputs"
"""On a Pod: which files become outputs, as JSON."""
ANNOTATION_STOP = "press-play/stop"
"""On a Pod that is to be stopped: why."""
LABEL_WORKFLOW = "workflows.argoproj.io/workflow"

Object = tuple[str, str, str]
"""An object by kind, namespace and name."""
Node = dict[str, Any]
"""A node of `status.nodes` in Argo's shape."""


class UnknownConstruct(InputError):
    """A construct that a real Argo may know and this engine does not: named by template, path and construct."""


class InvalidSpec(InputError):
    """What a real Argo refuses at a Workflow's start, in its own words."""


@dataclass(frozen=True)
class Advance:
    """One step of a Workflow: commit `status`, then apply `actions` (any number of times)."""

    status: dict[str, Any]
    actions: tuple[Manifest, ...]
    """Manifests to apply, in order."""
    watches: frozenset[Object]
    """The objects whose change may move the Workflow on."""
    wake_at: float | None
    """When time alone may; None: never."""


FAILED = frozenset({"Failed", "Error"})
COMPLETED = FAILED | {"Succeeded"}
FULFILLED = COMPLETED | {"Skipped", "Omitted"}
WORKFLOW_ENDED = frozenset({"Succeeded", "Failed", "Error"})


@lru_cache(maxsize=65536)
def fnv(text: str) -> int:
    """FNV-1a, 32 bits, as Go's hash/fnv has it."""
    value = 0x811C9DC5
    for byte in text.encode():
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return value


def node_id(workflow: str, name: str) -> str:
    """The id of the node with this name (pkg/apis/workflow/v1alpha1/workflow_types.go, NodeID)."""
    return workflow if name == workflow else f"{workflow}-{fnv(name)}"


def timestamp(node: Node, key: str = "startedAt") -> float:
    """When a node started (or, with `finishedAt`, ended), in seconds since the epoch."""
    return parse_rfc3339(node[key])


def fulfilled(node: Node) -> bool:
    """Whether the node has ended, one way or another."""
    return node["phase"] in FULFILLED
