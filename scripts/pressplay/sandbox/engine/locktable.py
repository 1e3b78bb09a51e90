"""Semaphores and mutexes: who holds them, who waits, and who is next.

Nothing is kept anywhere but in the Workflows' own `status.synchronization`, in Argo's shape; a LockTable is that, read
together. As in Argo (workflow/sync/{sync_manager,semaphore}.go) a lock has one queue, ordered by `spec.priority` (of
the Workflow itself), then creation time; only the Workflow at its head may take a slot, though others are free, and a
waiter for several locks stands in the queue of each.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pressplay.cluster.port import Manifest

Key = tuple[str, str]
"""A Workflow by namespace and name."""
_Order = tuple[int, str, str, str]


@dataclass(frozen=True)
class _Record:
    order: _Order
    holds: Mapping[str, frozenset[str]] = field(default_factory=dict)
    waits: frozenset[str] = frozenset()


def workflow_key(workflow: Manifest) -> Key:
    """A Workflow's namespace and name."""
    metadata = workflow["metadata"]
    return metadata.get("namespace", "default"), metadata["name"]


def _order(workflow: Manifest) -> _Order:
    metadata = workflow["metadata"]
    priority = workflow.get("spec", {}).get("priority") or 0
    return (-int(priority), metadata.get("creationTimestamp") or "", *workflow_key(workflow))


def holds(status: Mapping[str, Any]) -> dict[str, set[str]]:
    """Lock → holders, as a Workflow's status records them."""
    synchronization = status.get("synchronization") or {}
    holders: dict[str, set[str]] = {}
    for entry in (synchronization.get("semaphore") or {}).get("holding") or ():
        holders.setdefault(entry["semaphore"], set()).update(entry.get("holders") or ())
    for entry in (synchronization.get("mutex") or {}).get("holding") or ():
        holders.setdefault(entry["mutex"], set()).add(entry["holder"])
    return holders


def waits(status: Mapping[str, Any]) -> set[str]:
    """The locks that a Workflow's status says it waits for."""
    synchronization = status.get("synchronization") or {}
    semaphores = (synchronization.get("semaphore") or {}).get("waiting") or ()
    mutexes = (synchronization.get("mutex") or {}).get("waiting") or ()
    return {entry["semaphore"] for entry in semaphores} | {entry["mutex"] for entry in mutexes}


def waits_for_locks_alone(workflow: Manifest) -> bool:
    """Whether a Workflow only waits for locks: it moves when their holders do."""
    status = workflow.get("status") or {}
    return bool(waits(status)) and all(
        node["type"] not in ("Pod", "Suspend")
        or node["phase"] not in ("Pending", "Running")
        or (node.get("synchronizationStatus") or {}).get("waiting")
        for node in (status.get("nodes") or {}).values()
    )


class LockTable:
    """What every Workflow holds and waits for, from their statuses."""

    def __init__(self) -> None:
        """Start empty."""
        self._records: dict[Key, _Record] = {}
        self._holders: dict[str, set[str]] = {}
        self._waiting: dict[str, set[Key]] = {}

    def replace(self, workflow: Manifest, status: Mapping[str, Any]) -> frozenset[str]:
        """Record a Workflow's committed status; the locks that others may now get (see `waiters`)."""
        held = {lock: frozenset(holders) for lock, holders in holds(status).items()}
        return self._put(workflow_key(workflow), _Record(_order(workflow), held, frozenset(waits(status))))

    def remove(self, namespace: str, name: str) -> frozenset[str]:
        """Forget a deleted Workflow; the locks that others may now get."""
        return self._put((namespace, name), None)

    def waiters(self, locks: Iterable[str]) -> list[Key]:
        """The Workflows that wait for any of `locks`, in the order in which they are served."""
        keys = {key for lock in locks for key in self._waiting.get(lock, ())}
        return sorted(keys, key=lambda key: self._records[key].order)

    def holders(self, lock: str) -> frozenset[str]:
        """Who holds a lock: `namespace/workflow` or `namespace/workflow/node`."""
        return frozenset(self._holders.get(lock, ()))

    def ahead(self, lock: str, workflow: Manifest) -> bool:
        """Whether another Workflow stands before this one in the lock's queue."""
        own, order = workflow_key(workflow), _order(workflow)
        return any(key != own and self._records[key].order < order for key in self._waiting.get(lock, ()))

    def _put(self, key: Key, record: _Record | None) -> frozenset[str]:
        old = self._records.pop(key, None)
        if old is not None:
            for lock, holders in old.holds.items():
                self._holders[lock] -= holders
                if not self._holders[lock]:
                    del self._holders[lock]
            for lock in old.waits:
                self._waiting[lock].discard(key)
                if not self._waiting[lock]:
                    del self._waiting[lock]
        if record is not None and (record.holds or record.waits):
            self._records[key] = record
            for lock, holders in record.holds.items():
                self._holders.setdefault(lock, set()).update(holders)
            for lock in record.waits:
                self._waiting.setdefault(lock, set()).add(key)
        if old is None:
            return frozenset()
        new_holds, new_waits = (record.holds, record.waits) if record else ({}, frozenset())
        eased = {lock for lock, holders in old.holds.items() if holders - new_holds.get(lock, frozenset())}
        return frozenset(eased | (old.waits - new_waits))
