"""The forge's state: SQLite tables `forge_*` and bare git repositories, one transaction for each request."""

from __future__ import annotations

import fcntl
import json
import secrets
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import orjson
import pygit2

from pressplay.clock import Clock
from pressplay.cluster.sqlite import Connections, scrub
from pressplay.sandbox.forge.errors import ApiError
from pressplay.sandbox.forge.meter import Meter

JSON = dict[str, Any]
Row = sqlite3.Row

ROLES = ("read", "triage", "write", "maintain", "admin")
LEVELS = ("read", "write", "admin")
DELIVERIES = 250


@dataclass(frozen=True)
class Actor:
    """Who asks: a user (by token), an installation (as its bot), or an App itself (by JWT, no user)."""

    user: Row | None
    app: Row | None = None
    installation: Row | None = None
    repo_ids: frozenset[int] = frozenset()
    permissions: dict[str, str] | None = None
    """An installation token's permissions; None for users, whose grants decide."""
    key: str = ""
    """The token's hash, by which requests are counted."""


class Store:
    """Opens connections (one each thread) and repositories, and runs transactions."""

    def __init__(self, db: Path, git_root: Path, clock: Clock, web_url: str) -> None:
        self.db = db
        self.git_root = git_root
        self.clock = clock
        self.web_url = web_url.rstrip("/")
        self.on_commit: Callable[[], None] | None = None
        self.meter = Meter()
        self.deliveries: deque[tuple[int, JSON]] = deque(maxlen=DELIVERIES)
        """What was delivered by a webhook (its id), oldest first. Of this process: GitHub forgets them, too."""
        self.secret = secrets.token_bytes(32)
        """Signs addresses that are good for a minute; another process's are refused, as expired ones are."""
        self.synced: set[int] = set()
        """Repositories whose refs this process has compared with the table since its start or the last failure."""
        self._local = threading.local()
        self._connections = Connections(db)
        # Writers of one process queue here rather than in SQLite's busy handler, which sleeps.
        self._writing = threading.RLock()
        db.parent.mkdir(parents=True, exist_ok=True)
        git_root.mkdir(parents=True, exist_ok=True)
        with self._writing:
            self._connection().executescript(resources.files(__package__).joinpath("schema.sql").read_text())
            self._forget_private_keys()

    def _forget_private_keys(self) -> None:
        """An earlier version kept the Apps' private keys, where every agent could read them: they are void."""
        connection = self._connection()
        if any(column["name"] == "private_key" for column in connection.execute("PRAGMA table_info(forge_apps)")):
            connection.execute("ALTER TABLE forge_apps DROP COLUMN private_key")
            scrub(connection)

    def _connection(self) -> sqlite3.Connection:
        connection = self._connections.get()
        connection.row_factory = sqlite3.Row
        return connection

    def close(self) -> None:
        """Close this thread's connection."""
        self._connections.close()

    @contextmanager
    def session(self, *, write: bool) -> Iterator[Session]:
        """One transaction; rolled back on any exception, and then each repository's refs are compared again."""
        connection = self._connection()
        if not write:
            connection.execute("BEGIN")
            try:
                yield Session(self, connection)
            finally:
                connection.rollback()
            return
        with self._writing:
            connection.execute("BEGIN IMMEDIATE")
            session = Session(self, connection)
            before = connection.total_changes
            try:
                yield session
            except BaseException:
                connection.rollback()
                self.synced -= session.touched
                raise
            changed = connection.total_changes != before
            connection.commit()
        if changed and self.on_commit is not None:
            self.on_commit()

    def git_path(self, full_name: str) -> Path:
        """Where a repository's bare git directory is."""
        return self.git_root / f"{full_name}.git"

    def git(self, full_name: str) -> pygit2.Repository:
        """The bare repository, opened once each thread: libgit2's objects are not shared between threads."""
        opened: dict[str, pygit2.Repository] | None = getattr(self._local, "opened", None)
        if opened is None:
            opened = self._local.opened = {}
        if full_name not in opened:
            opened[full_name] = pygit2.Repository(str(self.git_path(full_name)))
        return opened[full_name]

    @contextmanager
    def pushing(self, full_name: str) -> Iterator[int]:
        """Hold a repository's push lock and yield its descriptor.

        git's children inherit it, so that a push that outlives this process still holds the lock, and the next
        process compares refs only after that push has ended.
        """
        with (self.git_path(full_name) / "press-play.lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file.fileno()


class Session:
    """One transaction's view of the forge."""

    def __init__(self, store: Store, connection: sqlite3.Connection) -> None:
        self.store = store
        self.connection = connection
        self.now = store.clock.now()
        self.touched: set[int] = set()
        self.actor = Actor(None)
        self._cache: dict[tuple[str, Any], Any] = {}

    @property
    def api(self) -> str:
        """The address of the REST API, as GitHub Enterprise Server has it."""
        return f"{self.store.web_url}/api/v3"

    def one(self, sql: str, *args: Any) -> Row | None:
        """The first row of a query, or None."""
        row: Row | None = self.connection.execute(sql, args).fetchone()
        return row

    def row(self, sql: str, *args: Any) -> Row:
        """The first row of a query that always has one."""
        row = self.one(sql, *args)
        if row is None:
            raise LookupError(sql)
        return row

    def row_or_404(self, sql: str, *args: Any) -> Row:
        """The first row of a query; GitHub's plain 404 if there is none."""
        row = self.one(sql, *args)
        if row is None:
            raise ApiError(404, "Not Found")
        return row

    def all(self, sql: str, *args: Any) -> list[Row]:
        """All rows of a query."""
        return self.connection.execute(sql, args).fetchall()

    def run(self, sql: str, *args: Any) -> int:
        """Run a statement; the id of the row that it inserted."""
        return self.connection.execute(sql, args).lastrowid or 0

    def insert(self, table: str, **values: Any) -> int:
        """Insert a row; its id. Lists and mappings become JSON."""
        marks = ", ".join("?" for _ in values)
        return self.run(
            f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})",  # noqa: S608 - our own names
            *(as_json(v).decode() if isinstance(v, list | dict) else v for v in values.values()),
        )

    def user(self, user_id: int) -> Row:
        """A user's row by id."""
        return self._cached("user", user_id, "SELECT * FROM forge_users WHERE id = ?")

    def repo(self, repo_id: int) -> Row:
        """A repository's row by id."""
        return self._cached("repo", repo_id, "SELECT * FROM forge_repos WHERE id = ?")

    def app(self, app_id: int) -> Row:
        """An App's row by id."""
        return self._cached("app", app_id, "SELECT * FROM forge_apps WHERE id = ?")

    def _cached(self, kind: str, key: int, sql: str) -> Row:
        if (kind, key) not in self._cache:
            self._cache[kind, key] = self.row_or_404(sql, key)
        row: Row = self._cache[kind, key]
        return row

    def remember(self, kind: str, key: Any, make: Callable[[], Any]) -> Any:
        """A value made once for this transaction."""
        if (kind, key) not in self._cache:
            self._cache[kind, key] = make()
        return self._cache[kind, key]

    def forget(self, kind: str, key: Any) -> None:
        """Drop a value that this transaction has just changed."""
        self._cache.pop((kind, key), None)

    def git(self, repo: Row) -> pygit2.Repository:
        """The repository's git data."""
        return self.store.git(repo["full_name"])

    def acting_user(self) -> Row:
        """The user behind this request; 403 for an App that speaks as itself."""
        if self.actor.user is None:
            raise ApiError(403, "Resource not accessible by integration")
        return self.actor.user

    def role(self, repo: Row, user: Row) -> str:
        """A user's role on a repository (none, read … admin); a bot's follows from its App's permissions."""
        if user["app_id"] is not None:
            installed = self.one(
                "SELECT a.permissions FROM forge_installations i"
                " JOIN forge_installation_repos r ON r.installation_id = i.id JOIN forge_apps a ON a.id = i.app_id"
                " WHERE i.app_id = ? AND r.repo_id = ?",
                user["app_id"],
                repo["id"],
            )
            if installed is None:
                return "none"
            return "write" if json.loads(installed["permissions"]).get("contents") == "write" else "read"
        if user["id"] == repo["owner_id"]:
            return "admin"
        row = self.one("SELECT permission FROM forge_grants WHERE repo_id = ? AND user_id = ?", repo["id"], user["id"])
        return row["permission"] if row else "read" if repo["public"] else "none"


def as_json(value: Any) -> bytes:
    """A value as JSON in UTF-8."""
    try:
        return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)
    except TypeError:
        # Half a surrogate pair, which JSON can escape and UTF-8 cannot hold.
        return json.dumps(value).encode()


def at_least(have: str | None, want: str, scale: tuple[str, ...]) -> bool:
    """Whether `have` is at least `want` on `scale`."""
    return have in scale and scale.index(have) >= scale.index(want)
