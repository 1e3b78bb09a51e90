"""What the engine sees of the cluster."""

from __future__ import annotations

from typing import Protocol

from pressplay.cluster.port import Manifest
from pressplay.sandbox.engine.locktable import LockTable


class View(Protocol):
    """The objects as the engine sees them while it works on one Workflow."""

    locks: LockTable
    """What all Workflows hold and wait for."""

    def get(self, kind: str, namespace: str, name: str) -> Manifest | None:
        """The object, or None where there is none."""
        ...
