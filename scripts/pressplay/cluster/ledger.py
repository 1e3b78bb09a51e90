"""The ledger: a ConfigMap for each task or pull request that records its runs' keys and verdicts (R1).

It outlives runs and Workflows and is what limits count (R4). Each entry is a key of `data` with a JSON object as its
text, written by a merge of that key alone, so that two writers of different entries never lose one another's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pressplay import names
from pressplay.clock import parse_rfc3339
from pressplay.cluster.port import Cluster, Manifest
from pressplay.domain import entries as entries_
from pressplay.domain.entries import Entries, Entry

Subject = entries_.Ledger

_LABEL = "press-play/ledger"
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
PART_OF = {"app.kubernetes.io/part-of": "press-play"}


@dataclass(frozen=True)
class Kept:
    """What was recorded of one task or pull request."""

    number: int
    entries: Entries
    name: str
    """The ConfigMap's."""
    made: float
    """When the first entry was recorded (unix)."""


@dataclass(frozen=True)
class Ledger:
    """The ledgers and tallies of one repository, kept in `namespace`."""

    cluster: Cluster
    namespace: str
    repo: str

    def entries(self, subject: Subject, number: int) -> Entries:
        """All entries of a task or pull request; none where nothing was recorded yet. InputError for a broken one."""
        config_map = self.cluster.get("ConfigMap", self.namespace, names.ledger(self.repo, subject, number))
        return Entries() if config_map is None else _entries(config_map)

    def raw(self, subject: Subject, number: int) -> dict[str, dict[str, Any]]:
        """The entries as JSON objects by key, whatever they hold."""
        config_map = self.cluster.get("ConfigMap", self.namespace, names.ledger(self.repo, subject, number))
        return {} if config_map is None else _json(config_map)

    def kept(self, subject: Subject) -> Iterator[Kept]:
        """What was recorded of every task, or every pull request, of the repository, in one listing."""
        for config_map in self._list(subject):
            metadata = config_map["metadata"]
            number = int(metadata["labels"][f"press-play/{subject}"])
            yield Kept(number, _entries(config_map), metadata["name"], parse_rfc3339(metadata["creationTimestamp"]))

    def record(self, subject: Subject, number: int, entry: Entry) -> None:
        """Write one entry, in the place of the one that has its key. Idempotent."""
        name = names.ledger(self.repo, subject, number)
        self._merge(name, subject, {entry.key(): entries_.dump(entry)}, {f"press-play/{subject}": number})

    def tally(self, span: str) -> int:
        """How many runs were counted over `span` (a day, a play)."""
        return len(self._counts(span))

    def counted(self, span: str, run: str) -> bool:
        """Whether a run was counted over `span`."""
        return run in self._counts(span)

    def count(self, span: str, run: str) -> None:
        """Count a run over `span`, once however often it is called."""
        self._merge(names.tally(self.repo, span), "tally", {run: 1}, {})

    def spend(self, span: str, run: str, cost: float) -> None:
        """Note what a run that was counted over `span` cost (USD), once however often it is called."""
        self._merge(names.tally(self.repo, span), "tally", {run: {"cost": cost}}, {})

    def spent(self, span: str) -> float:
        """What the runs that were counted over `span` cost together (USD), as far as they said."""
        return float(sum(count["cost"] for count in self._counts(span).values() if isinstance(count, dict)))

    def _counts(self, span: str) -> dict[str, Any]:
        """What is counted over `span`, by the run's name: 1, or what it cost."""
        config_map = self.cluster.get("ConfigMap", self.namespace, names.tally(self.repo, span))
        return _json(config_map) if config_map else {}

    def prune_tallies(self, before: str) -> int:
        """Delete the tallies of days before `before` (`2026-01-31`): nothing counts them any more; how many."""
        tallies = [tally["metadata"]["name"] for tally in self._list("tally")]
        old = [name for name in tallies if _DAY.fullmatch(name[-10:]) and name[-10:] < before]
        return sum(self.cluster.delete("ConfigMap", self.namespace, name) for name in old)

    def _list(self, kind: str) -> list[Manifest]:
        labels = {_LABEL: kind, "press-play/repo": names.repo_key(self.repo)}
        return self.cluster.list("ConfigMap", self.namespace, labels)

    def _merge(self, name: str, kind: str, data: dict[str, Any], labels: dict[str, int]) -> None:
        self.cluster.apply(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {
                    "name": name,
                    "namespace": self.namespace,
                    "labels": {
                        **PART_OF,
                        _LABEL: kind,
                        "press-play/repo": names.repo_key(self.repo),
                        **{label: str(value) for label, value in labels.items()},
                    },
                },
                "data": {key: json.dumps(value, sort_keys=True) for key, value in data.items()},
            }
        )


def _json(config_map: Manifest) -> dict[str, Any]:
    return {key: json.loads(text) for key, text in (config_map.get("data") or {}).items()}


def _entries(config_map: Manifest) -> Entries:
    return Entries.read(_json(config_map), f"ConfigMap {config_map['metadata']['name']}")
