"""Finds secrets where they do not belong: in a sandbox's folder, database, repositories, log lines and processes."""

from __future__ import annotations

import base64
import json
import re
import sqlite3
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pressplay.sandbox.world import Sandbox


@dataclass
class Issued:
    """Every secret of one sandbox, as they come up: by its forge's answers and what our Apps send."""

    secrets: set[str] = field(default_factory=set)
    seen: dict[str, int] = field(default_factory=dict)
    """How many of each kind."""
    processes: set[bytes] = field(default_factory=set)
    """Command lines that ran while the forge was asked something."""

    def add(self, kind: str, secret: str) -> None:
        if secret not in self.secrets:
            self.secrets.add(secret)
            self.seen[kind] = self.seen.get(kind, 0) + 1

    def listen(self, sandbox: Sandbox) -> None:
        """Sit between HTTP and the forge."""
        whole = sandbox.forge.wsgi

        def wsgi(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            self._hear(environ.get("HTTP_AUTHORIZATION", ""))
            self.processes |= set(_command_lines())
            answered = whole(environ, start_response)
            try:
                body = b"".join(answered)
            finally:
                # git's output, where it is that.
                getattr(answered, "close", lambda: None)()
            if environ["PATH_INFO"].endswith("/access_tokens"):
                answer = json.loads(body)
                if "token" in answer:
                    self.add("token", answer["token"])
            return [body]

        # Where it is bound already: by the transports of the accesses, and by the server.
        for access in (sandbox.context.github, sandbox.github):
            if hasattr(access._network, "app"):
                access._network.app = wsgi
        if sandbox._server is not None:
            sandbox._server._server.application = wsgi

    def _hear(self, authorization: str) -> None:
        scheme, _, credentials = authorization.partition(" ")
        if scheme.lower() == "basic":
            credentials = base64.b64decode(credentials).decode().partition(":")[2]
        if credentials:
            self.add("jwt" if credentials.count(".") == 2 else "sent", credentials)

    def keys(self, sandbox: Sandbox) -> None:
        """The Apps' private keys and the webhook's secret, as the cluster's Secrets have them."""
        for secret in sandbox.cluster.list("Secret", ""):
            for name, text in secret["data"].items():
                if name in ("private-key", "secret"):
                    self.add(name, base64.b64decode(text).decode())


def needles(secret: str) -> set[bytes]:
    """What to look for: the text itself, and what base64 makes of it wherever it stands; of a PEM one line."""
    if "PRIVATE KEY" in secret:
        secret = secret.strip().splitlines()[5]
    found = {secret.encode(), quote(secret, safe="").encode()}
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for before in range(3):
            # The first and last signs depend on the neighbours.
            found.add(encode(b"\0" * before + secret.encode())[4:-4])
    return found


def leaks(sandbox: Sandbox, issued: Issued, said: Iterable[str]) -> list[str]:
    """Where a secret stands that does not belong there."""
    wanted = re.compile(b"|".join(re.escape(needle) for secret in issued.secrets for needle in needles(secret)))
    return sorted({where for where, text in _texts(sandbox, issued, said) if wanted.search(text)})


def _texts(sandbox: Sandbox, issued: Issued, said: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    folder = sandbox.options.directory
    for line in [*said, *sandbox.kubelet.last_words.values()]:
        yield "what was said", line.encode()
    for line in issued.processes:
        yield "a command line", line
    yield from _database(folder / "state.db")
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.name.startswith("state.db"):
            yield f"file {path.relative_to(folder)}", path.read_bytes()
        if path.name == "objects" and (path.parent / "HEAD").is_file():
            yield f"objects of {path.parent.relative_to(folder)}", _objects(path.parent)


def _database(path: Path) -> Iterator[tuple[str, bytes]]:
    with sqlite3.connect(path) as connection:
        connection.row_factory = sqlite3.Row
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            for row in connection.execute(f"SELECT * FROM {table}"):
                yield from _cells(table, dict(row))


def _cells(table: str, row: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
    kind = f" {row['kind']}/{row['name']}" if table == "objects" else ""
    for column, cell in row.items():
        if cell is not None:
            yield f"table {table}.{column}{kind}", cell if isinstance(cell, bytes) else str(cell).encode()


def _objects(repository: Path) -> bytes:
    """Every object of a repository, of whatever branch or of none."""
    listing = ["git", "--git-dir", str(repository), "cat-file", "--batch-all-objects", "--batch"]
    return subprocess.run(listing, check=True, capture_output=True).stdout


def _command_lines() -> Iterator[bytes]:
    for process in Path("/proc").glob("[0-9]*"):
        try:
            yield (process / "cmdline").read_bytes()
        except OSError:
            continue
