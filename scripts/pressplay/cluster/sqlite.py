"""The sandbox's cluster: Kubernetes objects in one SQLite file.

Each write is one committed transaction; several processes may use the file at once (WAL). `version` grows by one
with every write, so that a reader can ask what anybody changed since it last looked.

Secrets are not in it: any process here, an agent too, can read the file. They live in the memory of the process that
made them, and end with it.

What has owners (`metadata.ownerReferences`) goes with the last of them, as Kubernetes' garbage collector has it.
"""

from __future__ import annotations

import copy
import functools
import hashlib
import os
import sqlite3
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from pressplay.clock import Clock, rfc3339
from pressplay.cluster import rbac
from pressplay.cluster.port import Account, Labels, Manifest, NodePhase, NotIn, matches
from pressplay.errors import InputError, TryAgain
from pressplay.patch import merge

_SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    kind TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
    version INTEGER NOT NULL, body TEXT, status TEXT, frozen TEXT,
    PRIMARY KEY (kind, namespace, name)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS objects_version ON objects (version);
CREATE TABLE IF NOT EXISTS labels (
    label TEXT NOT NULL, value TEXT NOT NULL, kind TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
    PRIMARY KEY (kind, namespace, label, value, name)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS owned ON labels (value) WHERE label = 'metadata.ownerReferences';
CREATE TABLE IF NOT EXISTS frozen (digest TEXT PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS versions (only INTEGER PRIMARY KEY CHECK (only = 1), latest INTEGER NOT NULL);
INSERT OR IGNORE INTO versions VALUES (1, 0);
"""

_OWNER = "metadata.ownerReferences"
"""In the table of labels: the uid of an owner. No label has a name like this."""

_FROZEN = ("storedWorkflowTemplateSpec", "storedTemplates")
"""The parts of a Workflow's status that are written once, are large, and are the same for all Workflows of a template.

Each is kept once, in the table `frozen`, by its digest: a status that changes is neither read nor written with them.
"""

API_VERSION = "v1.34.0"
"""Of Kubernetes' API, as the objects here are written."""

LOG_FILE = "press-play/log-file"
"""The annotation of a Pod of the sandbox with the file of its log."""

SetNode = Callable[[Manifest, str, NodePhase, Mapping[str, str], str, float], dict[str, Any] | None]
"""The engine's `set_node`: (workflow, node id, phase, outputs, message, now) → the new status, or None."""


class Key(NamedTuple):
    """What names an object."""

    kind: str
    namespace: str
    name: str


def key_of(manifest: Manifest) -> Key:
    """The key of an object; InputError if it has no kind or name."""
    metadata = manifest.get("metadata") or {}
    if not manifest.get("kind") or not metadata.get("name"):
        raise InputError(f"object without kind or metadata.name: {sorted(manifest)}")
    return Key(manifest["kind"], metadata.get("namespace", ""), metadata["name"])


class Connections:
    """A connection for each thread to one database file, which several processes may use at once (WAL)."""

    def __init__(self, path: Path) -> None:
        """The file is made when the first connection is."""
        self._path = path
        self._local = threading.local()

    def get(self) -> sqlite3.Connection:
        """This thread's connection; transactions are begun and ended by hand."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = sqlite3.connect(self._path, isolation_level=None, timeout=30.0, check_same_thread=False)
            connection.execute("PRAGMA journal_mode=WAL")
            # A killed process loses nothing under NORMAL; only a power cut may lose the last commits, never the file.
            connection.execute("PRAGMA synchronous=NORMAL")
            self._local.connection = connection
        return connection

    def close(self) -> None:
        """Close this thread's connection."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
            self._local.connection = None


class SqliteCluster:
    """The `Cluster` port over one SQLite file; also lists what changed since a version."""

    def __init__(
        self, path: Path, clock: Clock, set_node: SetNode, on_commit: Callable[[], None] = lambda: None
    ) -> None:
        """Open or make the file at `path`; `on_commit` is called after each commit (tests kill the process there)."""
        self._path = path
        self._clock = clock
        self._set_node = set_node
        self._on_commit = on_commit
        self._connections = Connections(path)
        self._secrets = _Secrets()
        # Read once for all Workflows of one template, and changed by nobody.
        self._thawed = functools.lru_cache(maxsize=64)(self._read_frozen)
        with self._transaction() as connection:
            for statement in _SCHEMA.split(";\n"):
                connection.execute(statement)
        self._forget_stored_secrets()

    def _forget_stored_secrets(self) -> None:
        """An earlier version kept Secrets in the file."""
        if self._connection.execute("SELECT 1 FROM objects WHERE kind='Secret'").fetchone() is None:
            return
        with self._transaction() as connection:
            for table in ("objects", "labels"):
                connection.execute(f"DELETE FROM {table} WHERE kind='Secret'")  # noqa: S608 - our own names
        scrub(self._connection)

    @property
    def _connection(self) -> sqlite3.Connection:
        return self._connections.get()

    def close(self) -> None:
        """Close this thread's connection."""
        self._connections.close()

    def hold(self, seconds: float) -> bool:
        """Let nobody write any more, until this process ends; False if another did not let go in that time."""
        connection = self._connection
        connection.execute(f"PRAGMA busy_timeout={int(seconds * 1000)}")
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error:
            return False
        return True

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        connection = self._connection
        before = connection.total_changes
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            raise _fault(self._path, error) from error
        try:
            yield connection
            connection.execute("COMMIT")
        except sqlite3.OperationalError as error:
            _roll_back(connection)
            raise _fault(self._path, error) from error
        except BaseException:
            _roll_back(connection)
            raise
        if connection.total_changes != before:
            self._on_commit()

    def version(self) -> int:
        """The version of the newest write, 0 at first."""
        return int(self._connection.execute("SELECT latest FROM versions").fetchone()[0])

    def changes(self, since: int) -> dict[Key, int]:
        """The objects written or deleted after version `since`, each with the version of its newest write, in order."""
        rows = self._connection.execute(
            "SELECT kind, namespace, name, version FROM objects WHERE version > ? ORDER BY version", (since,)
        )
        return {Key(*row[:3]): int(row[3]) for row in rows}

    def get(self, kind: str, namespace: str, name: str) -> Manifest | None:
        """See `Cluster.get`."""
        if kind == "Secret":
            return self._secrets.get(namespace, name)
        row = self._connection.execute(
            "SELECT version, body, status, frozen FROM objects"
            " WHERE kind=? AND namespace=? AND name=? AND body IS NOT NULL",
            (kind, namespace, name),
        ).fetchone()
        return None if row is None else self._loaded(*row)

    def list(self, kind: str, namespace: str, labels: Labels | None = None) -> list[Manifest]:
        """See `Cluster.list`. An empty `namespace` means all of them."""
        if kind == "Secret":
            return self._secrets.list(namespace, labels or {})
        where, values = ["kind=?", "body IS NOT NULL"], [kind]
        if namespace:
            where.append("namespace=?")
            values.append(namespace)
        for label, value in (labels or {}).items():
            if value is None:
                where.append("(namespace, name) NOT IN (SELECT namespace, name FROM labels WHERE kind=? AND label=?)")
                values += [kind, label]
            else:
                inside, wanted = ("NOT IN", value) if isinstance(value, NotIn) else ("IN", (value,))
                where.append(
                    f"(namespace, name) {inside} (SELECT namespace, name FROM labels WHERE kind=? AND label=?"  # noqa: S608 - values are bound
                    f" AND value IN ({','.join('?' * len(wanted))}))"
                )
                values += [kind, label, *wanted]
        query = (
            f"SELECT version, body, status, frozen FROM objects WHERE {' AND '.join(where)} ORDER BY namespace, name"  # noqa: S608 - values are bound
        )
        return [self._loaded(*row) for row in self._connection.execute(query, values)]

    def _loaded(self, version: int, body: str, status: str | None, frozen: str | None) -> Manifest:
        manifest: Manifest = orjson.loads(body)
        manifest["metadata"]["resourceVersion"] = str(version)
        if status is not None:
            manifest["status"] = {**orjson.loads(status), **(self._thawed(frozen) if frozen else {})}
        return manifest

    def _read_frozen(self, digest: str) -> dict[str, Any]:
        # An earlier version kept the text itself in the object's row.
        row = self._connection.execute("SELECT body FROM frozen WHERE digest=?", (digest,)).fetchone() or (digest,)
        read: dict[str, Any] = orjson.loads(row[0])
        return read

    def create(self, manifest: Manifest) -> bool:
        """See `Cluster.create`."""
        key = key_of(manifest)
        if key.kind == "Secret":
            made = self._secrets.put(key, self._born(manifest), only_new=True)
            if made and self._is_orphan(self._connection, manifest):
                self._secrets.delete(key.namespace, key.name)
            return made
        with self._transaction() as connection:
            if _body(connection, key) is not None:
                return False
            _insert(connection, key, self._born(manifest))
            if self._is_orphan(connection, manifest):
                self._remove(connection, key)
            return True

    def apply(self, manifest: Manifest) -> Manifest:
        """See `Cluster.apply`."""
        key = key_of(manifest)
        if key.kind == "Secret":
            old = self._secrets.get(key.namespace, key.name)
            self._secrets.put(key, self._born(manifest) if old is None else merge(old, manifest))
            return self.get(*key) or manifest
        with self._transaction() as connection:
            old = _body(connection, key)
            wanted = merge(manifest, {"status": None, "metadata": {"resourceVersion": None}})
            if old is None:
                # What a merge removes is not there to begin with.
                _insert(connection, key, self._born(merge({}, wanted)))
            else:
                new = merge(old, wanted)
                if new != old:
                    _put_body(connection, key, new, _next_version(connection))
        return self.get(*key) or manifest

    def set_status(self, kind: str, namespace: str, name: str, status: Mapping[str, Any]) -> bool:
        """See `Cluster.set_status`."""
        key = Key(kind, namespace, name)
        with self._transaction() as connection:
            row = connection.execute(
                "SELECT status FROM objects WHERE kind=? AND namespace=? AND name=? AND body IS NOT NULL", key
            ).fetchone()
            if row is None:
                return False
            new = merge(orjson.loads(row[0]) if row[0] else {}, status)
            _put_status(connection, key, new, _next_version(connection))
            return True

    def put_status(self, workflow: Manifest, status: Mapping[str, Any], labels: Mapping[str, str]) -> str | None:
        """Replace a Workflow's whole status and merge its labels, if it still is as it was read; its new version.

        None if it is gone or somebody (a `set_node`) wrote it since: read again and decide again.
        """
        key = key_of(workflow)
        with self._transaction() as connection:
            row = connection.execute(
                "SELECT version, body, frozen IS NOT NULL FROM objects"
                " WHERE kind=? AND namespace=? AND name=? AND body IS NOT NULL",
                key,
            ).fetchone()
            if row is None or str(row[0]) != workflow["metadata"]["resourceVersion"]:
                return None
            old = orjson.loads(row[1])
            body, version = merge(old, {"metadata": {"labels": labels}}), _next_version(connection)
            if row[2]:
                # The parts that are written once are there already, and are most of a status.
                status = {name: value for name, value in status.items() if name not in _FROZEN}
            _put_status(connection, key, status, version)
            if body != old:
                _put_body(connection, key, body, version)
            return str(version)

    def delete(self, kind: str, namespace: str, name: str) -> bool:
        """See `Cluster.delete`."""
        key = Key(kind, namespace, name)
        if kind == "Secret":
            return self._secrets.delete(namespace, name)
        with self._transaction() as connection:
            body = _body(connection, key)
            if body is None:
                return False
            self._remove(connection, key)
            self._collect(connection, namespace, body["metadata"].get("uid", ""))
            return True

    def _remove(self, connection: sqlite3.Connection, key: Key) -> None:
        # The row stays, empty, so that `changes` reports the deletion.
        connection.execute(
            "UPDATE objects SET version=?, body=NULL, status=NULL, frozen=NULL WHERE kind=? AND namespace=? AND name=?",
            (_next_version(connection), *key),
        )
        connection.execute("DELETE FROM labels WHERE kind=? AND namespace=? AND name=?", key)

    def _collect(self, connection: sqlite3.Connection, namespace: str, uid: str) -> None:
        """Delete what the object with this uid owned, if nothing else owns it, and what that owned."""
        for secret in self._secrets.list(namespace, {}):
            if uid in _owners(secret) and self._is_orphan(connection, secret):
                self._secrets.delete(namespace, secret["metadata"]["name"])
        owned = connection.execute(
            "SELECT kind, namespace, name FROM labels WHERE label='metadata.ownerReferences' AND value=?"
            " AND namespace=?",
            (uid, namespace),
        ).fetchall()
        for row in owned:
            key = Key(*row)
            body = _body(connection, key)
            if body is not None and self._is_orphan(connection, body):
                self._remove(connection, key)
                self._collect(connection, namespace, body["metadata"]["uid"])

    def _is_orphan(self, connection: sqlite3.Connection, manifest: Manifest) -> bool:
        """Whether an object has owners, and none of them is there."""
        references = manifest["metadata"].get("ownerReferences") or []
        namespace = manifest["metadata"].get("namespace", "")
        owners = (_body(connection, Key(owner["kind"], namespace, owner["name"])) for owner in references)
        there = {owner["metadata"]["uid"] for owner in owners if owner is not None}
        return bool(references) and there.isdisjoint(_owners(manifest))

    def set_node(
        self,
        namespace: str,
        workflow: str,
        node_id: str,
        phase: NodePhase,
        outputs: Mapping[str, str],
        message: str = "",
    ) -> bool:
        """See `Cluster.set_node`."""
        key = Key("Workflow", namespace, workflow)
        with self._transaction() as connection:
            manifest = self.get(*key)
            if manifest is None:
                return False
            status = self._set_node(manifest, node_id, phase, outputs, message, self._clock.now())
            if status is None:
                return False
            before = manifest.get("status") or {}
            # As in `put_status`.
            status = {name: value for name, value in status.items() if name not in _FROZEN or name not in before}
            _put_status(connection, key, status, _next_version(connection))
            return True

    def logs(self, namespace: str, pod: str, container: str, since_seconds: int, limit_bytes: int) -> bytes | None:  # noqa: ARG002 - the port's signature
        """See `Cluster.logs`: what the Pod's status holds of it, or the file that its annotation names.

        The file is in the sandbox's folder, and its name is relative to it. Its lines have no times, so all of
        them count. InputError if the Pod names none, or one elsewhere.
        """
        manifest = self.get("Pod", namespace, pod)
        if manifest is None:
            return None
        kept = (manifest.get("status") or {}).get("log")
        if kept is not None:
            return str(kept).encode()[-limit_bytes:]
        named = (manifest["metadata"].get("annotations") or {}).get(LOG_FILE)
        folder = self._path.parent.resolve()
        file = (folder / str(named or "")).resolve()
        if named is None or not file.is_relative_to(folder) or file == folder:
            raise InputError(f"pod {pod}: expected the annotation {LOG_FILE}, a file in the sandbox's folder")
        try:
            with file.open("rb") as opened:
                opened.seek(max(0, opened.seek(0, os.SEEK_END) - limit_bytes))
                return opened.read(limit_bytes)
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise InputError(f"pod {pod}: its log can't be read: {error.strerror}") from error

    def server_version(self) -> str:
        """See `Cluster.server_version`: that of the API whose objects these are."""
        return API_VERSION

    def may(self, account: Account, verb: str, resource: str, namespace: str, name: str = "") -> bool:
        """See `Cluster.may`: by the Roles and bindings that are there."""
        roles, bindings = self.list("ClusterRole", ""), self.list("ClusterRoleBinding", "")
        if namespace:
            roles += self.list("Role", namespace)
            bindings += self.list("RoleBinding", namespace)
        return rbac.allowed(bindings, roles, account, verb, resource, name)

    def _born(self, manifest: Manifest) -> Manifest:
        body = {name: value for name, value in manifest.items() if name != "status"}
        body["metadata"] = {
            "uid": str(uuid.uuid4()),
            "creationTimestamp": rfc3339(self._clock.now()),
            **body["metadata"],
        }
        return body


def _insert(connection: sqlite3.Connection, key: Key, body: Manifest) -> None:
    """Write a new object, which has no status yet."""
    connection.execute(
        "INSERT INTO objects (kind, namespace, name, version, body) VALUES (?,?,?,?,?) ON CONFLICT DO UPDATE SET"
        " version=excluded.version, body=excluded.body, status=NULL, frozen=NULL",
        (*key, _next_version(connection), _dump(_unversioned(body))),
    )
    _label(connection, key, body)


def _put_body(connection: sqlite3.Connection, key: Key, body: Manifest, version: int) -> None:
    """Replace an object but for its status."""
    connection.execute(
        "UPDATE objects SET version=?, body=? WHERE kind=? AND namespace=? AND name=?",
        (version, _dump(_unversioned(body)), *key),
    )
    _label(connection, key, body)


def _put_status(connection: sqlite3.Connection, key: Key, status: Mapping[str, Any], version: int) -> None:
    """Replace an object's status; its frozen parts stay what they are once they are there."""
    small = {name: value for name, value in status.items() if name not in _FROZEN}
    frozen = {name: value for name, value in status.items() if name in _FROZEN}
    connection.execute(
        "UPDATE objects SET version=?, status=?, frozen=coalesce(frozen, ?) WHERE kind=? AND namespace=? AND name=?",
        (version, _dump(small), _freeze(connection, frozen) if frozen else None, *key),
    )


def _label(connection: sqlite3.Connection, key: Key, body: Manifest) -> None:
    """Write an object's labels and owners, by which it is found, in place of those that it had."""
    labels = body["metadata"].get("labels") or {}
    connection.execute("DELETE FROM labels WHERE kind=? AND namespace=? AND name=?", key)
    connection.executemany(
        "INSERT INTO labels VALUES (?,?,?,?,?)",
        [
            *((label, str(value), *key) for label, value in labels.items()),
            *((_OWNER, uid, *key) for uid in _owners(body)),
        ],
    )


def _unversioned(body: Manifest) -> Manifest:
    return {**body, "metadata": {k: v for k, v in body["metadata"].items() if k != "resourceVersion"}}


class _Secrets:
    """The Secrets, in this process' memory; each is one whole, as none is changed but by us."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[tuple[str, str], Manifest] = {}

    def get(self, namespace: str, name: str) -> Manifest | None:
        with self._lock:
            return copy.deepcopy(self._held.get((namespace, name)))

    def list(self, namespace: str, labels: Labels) -> list[Manifest]:
        with self._lock:
            held = sorted(self._held.items(), key=lambda item: item[0])
            return [
                copy.deepcopy(secret) for (of, _), secret in held if namespace in ("", of) and matches(secret, labels)
            ]

    def put(self, key: Key, manifest: Manifest, *, only_new: bool = False) -> bool:
        with self._lock:
            if only_new and key[1:] in self._held:
                return False
            self._held[key[1:]] = copy.deepcopy(manifest)
            return True

    def delete(self, namespace: str, name: str) -> bool:
        with self._lock:
            return self._held.pop((namespace, name), None) is not None


def scrub(connection: sqlite3.Connection) -> None:
    """Leave nothing in the file of what was deleted from it."""
    connection.execute("VACUUM")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _dump(value: Any) -> str:
    return orjson.dumps(value).decode()


def _freeze(connection: sqlite3.Connection, parts: Mapping[str, Any]) -> str:
    """Keep these parts of a status, if they are not kept yet; their digest."""
    body = _dump(parts)
    digest = hashlib.sha256(body.encode()).hexdigest()
    connection.execute("INSERT OR IGNORE INTO frozen VALUES (?,?)", (digest, body))
    return digest


def _owners(manifest: Manifest) -> set[str]:
    """The uids of an object's owners."""
    return {owner["uid"] for owner in manifest["metadata"].get("ownerReferences") or []}


def _body(connection: sqlite3.Connection, key: Key) -> Manifest | None:
    row = connection.execute("SELECT body FROM objects WHERE kind=? AND namespace=? AND name=?", key).fetchone()
    return None if row is None or row[0] is None else orjson.loads(row[0])


def _next_version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("UPDATE versions SET latest = latest + 1 RETURNING latest").fetchone()[0])


def _roll_back(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:
        connection.execute("ROLLBACK")


def what_to_do(error: sqlite3.Error) -> str:
    """What a fault of the database means, and what to do; callers put the path in front."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return "another program holds the database: end that program, then try again"
    if code == sqlite3.SQLITE_FULL:
        return "the disk is full: make room, then go on with --resume"
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_IOERR):
        return f"the database can't be written ({error}): see to the folder's rights and the disk, then try again"
    return (
        f"this is not a database of the sandbox, or it is broken ({error}): "
        "put a copy back, or start again with --fresh"
    )


def _fault(path: Path, error: sqlite3.OperationalError) -> TryAgain:
    return TryAgain(f"{path}: the database did not take the write: {error}; is the disk full, or the file locked?")
