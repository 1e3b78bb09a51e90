"""A step that waits for an object of the cluster, in the middle of its work.

It raises `Waiting`. Whoever runs steps waits, and then has it go on: in a pod by a watch, in the sandbox by the next
change of the object. A pod that is lost meanwhile begins the step again, so all that comes before is idempotent (R3).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from pressplay.cluster.port import Cluster, Manifest
from pressplay.errors import InputError, TryAgain
from pressplay.steps.core.context import Outputs


@dataclass(frozen=True)
class Wait:
    """What is waited for, and what comes then."""

    kind: str
    namespace: str
    name: str
    until: float
    """When it is waited for no longer (Unix seconds)."""
    is_over: Callable[[Manifest | None], bool]
    """Whether the object, None if there is none, is as it should be."""
    then: Callable[[], Outputs]
    """The rest of the step; it may wait once more."""

    def has_ended(self, cluster: Cluster, now: float) -> bool:
        """Whether the step can go on."""
        return now >= self.until or self.is_over(cluster.get(self.kind, self.namespace, self.name))


def refused(cluster: Cluster, manifest: Manifest) -> str:
    """Create the object that a step will wait for; why the API server refuses it, empty where it is there."""
    try:
        cluster.create(manifest)
    except TryAgain:
        raise
    except InputError as error:
        return str(error)
    return ""


class Waiting(Exception):
    """A step waits, and goes on later."""

    def __init__(self, wait: Wait) -> None:
        super().__init__(f"waits for {wait.kind} {wait.name}")
        self.wait = wait

    def going_on(self, then: Callable[[], Outputs]) -> Waiting:
        """The same wait with another rest of the step."""
        return Waiting(replace(self.wait, then=then))
