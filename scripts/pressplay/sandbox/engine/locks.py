"""What one Workflow's `synchronization` asks for, and the locks that it takes and releases during a pass.

Source: workflow/sync/{sync_manager,semaphore}.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pressplay.cluster.port import Manifest
from pressplay.sandbox.engine.locktable import holds, waits, workflow_key
from pressplay.sandbox.engine.model import Node
from pressplay.sandbox.engine.view import View


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
    locks = []
    for entry in synchronization.get("semaphores") or ():
        reference = entry["configMapKeyRef"]
        owner = entry.get("namespace") or namespace
        locks.append(Lock(f"{owner}/ConfigMap/{reference['name']}/{reference['key']}", "semaphore"))
    for entry in synchronization.get("mutexes") or ():
        locks.append(Lock(f"{entry.get('namespace') or namespace}/Mutex/{entry['name']}", "mutex"))
    if len(set(locks)) != len(locks):
        raise LockError("requested configuration is invalid: duplicate synchronization item found")
    return tuple(locks)


class Locks:
    """One Workflow's locks during one pass: what it takes and releases counts at once."""

    def __init__(self, view: View, workflow: Manifest, status: Mapping[str, Any]) -> None:
        """`status` is the one that the pass starts from."""
        self._view, self._workflow, self._status = view, workflow, status
        self._own = holds(status)
        self._prefix = "/".join(workflow_key(workflow))
        self._kinds = _kinds(status)
        self._requested: set[str] = set()
        self.waiting: dict[str, str] = {}

    def _limit(self, semaphore: str) -> int:
        """A semaphore's size; 0 where its ConfigMap does not say."""
        namespace, _, name, key = semaphore.split("/")
        config = self._view.get("ConfigMap", namespace, name) or {}
        value = str((config.get("data") or {}).get(key, ""))
        return int(value) if value.isdigit() else 0

    def holder(self, node: str = "") -> str:
        """The holder's name of a node of this Workflow or, without one, of the Workflow."""
        return f"{self._prefix}/{node}" if node else self._prefix

    def _holders(self, lock: str) -> set[str]:
        mine = self._prefix + "/"
        others = {key for key in self._view.locks.holders(lock) if key != self._prefix and not key.startswith(mine)}
        return others | self._own.get(lock, set())

    def take(self, node: str, wanted: tuple[Lock, ...]) -> tuple[str, str] | None:
        """Take all of `wanted` for a node, or none; None if it has them, else (message, lock that it waits for)."""
        self._requested.add(node)
        holder = self.holder(node)
        refused: tuple[str, str] | None = None
        for lock in wanted:
            held = self._holders(lock.name)
            if holder in held:
                continue
            limit = 1 if lock.kind == "mutex" else self._limit(lock.name)
            if limit == 0:
                raise LockError(f"failed to initialize semaphore {lock.name} with limit")
            if (self._view.locks.ahead(lock.name, self._workflow) or len(held) >= limit) and refused is None:
                refused = (f"Waiting for {lock.name} lock. Lock status: {limit - len(held)}/{limit}", lock.name)
        for lock in wanted:
            self._kinds[lock.name] = lock.kind
            if refused is None:
                self._own.setdefault(lock.name, set()).add(holder)
            elif holder not in self._own.get(lock.name, set()):
                self.waiting[lock.name] = lock.kind
        return refused

    def release(self, node: str) -> None:
        """Release all that a node (or, with an empty name, the Workflow) holds."""
        if not self._own:
            return
        holder = self.holder(node)
        for lock in [lock for lock, held in self._own.items() if holder in held]:
            self._own[lock].discard(holder)
            if not self._own[lock]:
                del self._own[lock]

    def keep_waiting(self, nodes: Iterable[Node]) -> None:
        """Keep the recorded places in the queues if a node waits that this pass did not reach."""
        if any(node.get("synchronizationStatus") and node["id"] not in self._requested for node in nodes):
            for lock in waits(self._status):
                self.waiting.setdefault(lock, self._kinds.get(lock, "semaphore"))

    def status(self) -> dict[str, Any] | None:
        """`status.synchronization`; None where nothing is held or waited for."""
        synchronization: dict[str, Any] = {}
        for lock, held in sorted(self._own.items()):
            kind = self._kinds.get(lock, "semaphore")
            entries = synchronization.setdefault(kind, {}).setdefault("holding", [])
            if kind == "mutex":
                entries.extend({"mutex": lock, "holder": holder} for holder in sorted(held))
            else:
                entries.append({"semaphore": lock, "holders": sorted(held)})
        for lock, kind in sorted(self.waiting.items()):
            entries = synchronization.setdefault(kind, {}).setdefault("waiting", [])
            current = sorted(self._holders(lock))
            if kind == "mutex":
                entries.append({"mutex": lock, "holder": current[0] if current else ""})
            else:
                entries.append({"semaphore": lock, "holders": current})
        return synchronization or None


def _kinds(status: Mapping[str, Any]) -> dict[str, str]:
    synchronization = status.get("synchronization") or {}
    return {
        entry[kind]: kind
        for kind in ("semaphore", "mutex")
        for part in ("holding", "waiting")
        for entry in (synchronization.get(kind) or {}).get(part) or ()
    }
