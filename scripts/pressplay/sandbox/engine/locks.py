"""Semaphores and mutexes: who holds them, who waits, and who is next.

Nothing is kept anywhere but in the Workflows' own `status.synchronization`, in Argo's shape; a LockTable is that, read
together. As in Argo (workflow/sync/{sync_manager,semaphore}.go) a lock has one queue, ordered by `spec.priority` (of
the Workflow itself), then creation time; only the Workflow at its head may take a slot, though others are free, and a
waiter for several locks stands in the queue of each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
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
    found: dict[str, set[str]] = {}
    for entry in (synchronization.get("semaphore") or {}).get("holding") or ():
        found.setdefault(entry["semaphore"], set()).update(entry.get("holders") or ())
    for entry in (synchronization.get("mutex") or {}).get("holding") or ():
        found.setdefault(entry["mutex"], set()).add(entry["holder"])
    return found


def waits(status: Mapping[str, Any]) -> set[str]:
    """The locks that a Workflow's status says it waits for."""
    synchronization = status.get("synchronization") or {}
    semaphores = (synchronization.get("semaphore") or {}).get("waiting") or ()
    mutexes = (synchronization.get("mutex") or {}).get("waiting") or ()
    return {entry["semaphore"] for entry in semaphores} | {entry["mutex"] for entry in mutexes}


def waits_for_locks_alone(workflow: Manifest) -> bool:
    """Whether nothing of a Workflow is under way: it waits for locks, and moves when those that hold them do."""
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
        """Empty: nobody holds or waits."""
        self._records: dict[Key, _Record] = {}
        self._holders: dict[str, set[str]] = {}
        self._waiting: dict[str, set[Key]] = {}

    def replace(self, workflow: Manifest, status: Mapping[str, Any]) -> frozenset[str]:
        """Take a Workflow's committed status in; the locks that somebody else may now get (see `waiters`)."""
        held = {lock: frozenset(holders) for lock, holders in holds(status).items()}
        return self._put(workflow_key(workflow), _Record(_order(workflow), held, frozenset(waits(status))))

    def remove(self, namespace: str, name: str) -> frozenset[str]:
        """Forget a Workflow that is gone; the locks that somebody else may now get."""
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


class LockError(Exception):
    """A lock that can never be taken; the text is Argo's."""


@dataclass(frozen=True)
class Lock:
    """One entry of `synchronization`, by the name under which Argo records it."""

    name: str
    kind: str
    """`semaphore` or `mutex`."""


def locks_of(synchronization: Mapping[str, Any], namespace: str) -> tuple[Lock, ...]:
    """The locks that a substituted `synchronization` asks for; LockError if one is asked for twice."""
    found = []
    for entry in synchronization.get("semaphores") or ():
        reference = entry["configMapKeyRef"]
        where = entry.get("namespace") or namespace
        found.append(Lock(f"{where}/ConfigMap/{reference['name']}/{reference['key']}", "semaphore"))
    for entry in synchronization.get("mutexes") or ():
        found.append(Lock(f"{entry.get('namespace') or namespace}/Mutex/{entry['name']}", "mutex"))
    if len(set(found)) != len(found):
        raise LockError("requested configuration is invalid: duplicate synchronization item found")
    return tuple(found)


class Locks:
    """One Workflow's locks during one pass: what it takes and gives back counts at once."""

    def __init__(
        self,
        table: LockTable,
        workflow: Manifest,
        status: Mapping[str, Any],
        limit: Callable[[str], int],
    ) -> None:
        """`limit` tells a semaphore's size, 0 where it cannot be told."""
        self._table, self._workflow, self._limit = table, workflow, limit
        self._own = holds(status)
        self._prefix = "/".join(workflow_key(workflow))
        self._kinds = _kinds(status)
        self.waiting: dict[str, str] = {}

    def holder(self, node: str = "") -> str:
        """How a node of this Workflow (or, without one, the Workflow) is named as a holder."""
        return f"{self._prefix}/{node}" if node else self._prefix

    def _holders(self, lock: str) -> set[str]:
        mine = self._prefix + "/"
        others = {key for key in self._table.holders(lock) if key != self._prefix and not key.startswith(mine)}
        return others | self._own.get(lock, set())

    def take(self, node: str, wanted: tuple[Lock, ...]) -> tuple[str, str] | None:
        """Take all of `wanted` for a node, or none; None if it has them, else (message, lock that it waits for)."""
        holder = self.holder(node)
        refused: tuple[str, str] | None = None
        for lock in wanted:
            held = self._holders(lock.name)
            if holder in held:
                continue
            limit = 1 if lock.kind == "mutex" else self._limit(lock.name)
            if limit == 0:
                raise LockError(f"failed to initialize semaphore {lock.name} with limit")
            if (self._table.ahead(lock.name, self._workflow) or len(held) >= limit) and refused is None:
                refused = (f"Waiting for {lock.name} lock. Lock status: {limit - len(held)}/{limit}", lock.name)
        for lock in wanted:
            self._kinds[lock.name] = lock.kind
            if refused is None:
                self._own.setdefault(lock.name, set()).add(holder)
            elif holder not in self._own.get(lock.name, set()):
                self.waiting[lock.name] = lock.kind
        return refused

    def release(self, node: str) -> None:
        """Give back all that a node (or, with an empty name, the Workflow) holds."""
        if not self._own:
            return
        holder = self.holder(node)
        for lock in [lock for lock, held in self._own.items() if holder in held]:
            self._own[lock].discard(holder)
            if not self._own[lock]:
                del self._own[lock]

    def keep_waiting(self, status: Mapping[str, Any]) -> None:
        """Stay in the queues that `status` records."""
        for lock in waits(status):
            self.waiting.setdefault(lock, self._kinds.get(lock, "semaphore"))

    def status(self) -> dict[str, Any] | None:
        """`status.synchronization`; None where nothing is held or waited for."""
        found: dict[str, Any] = {}
        for lock, held in sorted(self._own.items()):
            kind = self._kinds.get(lock, "semaphore")
            entries = found.setdefault(kind, {}).setdefault("holding", [])
            if kind == "mutex":
                entries.extend({"mutex": lock, "holder": holder} for holder in sorted(held))
            else:
                entries.append({"semaphore": lock, "holders": sorted(held)})
        for lock, kind in sorted(self.waiting.items()):
            entries = found.setdefault(kind, {}).setdefault("waiting", [])
            current = sorted(self._holders(lock))
            if kind == "mutex":
                entries.append({"mutex": lock, "holder": current[0] if current else ""})
            else:
                entries.append({"semaphore": lock, "holders": current})
        return found or None


def _kinds(status: Mapping[str, Any]) -> dict[str, str]:
    synchronization = status.get("synchronization") or {}
    return {
        entry[kind]: kind
        for kind in ("semaphore", "mutex")
        for part in ("holding", "waiting")
        for entry in (synchronization.get(kind) or {}).get(part) or ()
    }
