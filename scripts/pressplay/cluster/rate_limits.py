"""GitHub's rate limits as all processes of an installation know them: a ConfigMap.

It implements `pressplay.github.breaker.Shared`, which knows of no cluster.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass

from pressplay import names
from pressplay.cluster.ledger import PART_OF
from pressplay.cluster.port import Cluster, Forbidden


@dataclass(frozen=True)
class RateLimits:
    """The ConfigMap in the release's `namespace`; each key is written by a merge of that key alone."""

    cluster: Cluster
    namespace: str

    def read(self) -> Mapping[str, str]:
        """All keys; empty if no limit was ever reached."""
        config_map = self.cluster.get("ConfigMap", self.namespace, names.RATE_LIMITS) or {}
        return config_map.get("data") or {}

    def write(self, key: str, text: str) -> None:
        """Replace a key's text. An account that may change the ConfigMap, but not create it, leaves that to others."""
        metadata = {"name": names.RATE_LIMITS, "namespace": self.namespace, "labels": dict(PART_OF)}
        with contextlib.suppress(Forbidden):
            self.cluster.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {key: text}})
