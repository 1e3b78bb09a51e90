"""The sandbox's folder: which play holds it, who may read it, and whether it is intact."""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pressplay.cluster.sqlite import what_to_do
from pressplay.errors import InputError
from pressplay.sandbox import stops

DATABASE, REPOSITORIES, OPTIONS, LOCK, VOLUMES = "state.db", "git", "play.json", "lock", "volumes"
IGNORE = ".gitignore"
"""By it git leaves out the folder, where it lies in a project."""
_PRIVATE = (
    *(DATABASE, "state.db-wal", "state.db-shm", OPTIONS, LOCK, IGNORE, *stops.FILES),
    *("sandbox.log", "agents.log", "webhook-secret"),
)
_PRIVATE_FOLDERS = (REPOSITORIES, "runs", "gates", VOLUMES, "deployments")
_PATIENCE = 5.0
"""Seconds for which another program may hold the database."""
MEMORY = Path("/dev/shm")  # noqa: S108 - mkdtemp makes a folder of our own in it
"""Where Linux keeps files in memory."""
_IN_MEMORY = "press-play-volumes-"


@contextmanager
def claimed(directory: Path) -> Iterator[None]:
    """Hold the folder for one play, and make it first if need be. InputError where another play has it, or on a fault.

    Only its owner may read it, even where an earlier version let others do so.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise InputError(unwritable(directory, error)) from error
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(lock, 20, 0).decode(errors="replace").strip()
            holder = f"process {holder}" if holder.isdecimal() else "another process"
            raise InputError(
                f"{directory}: {holder} plays here already: wait for its end, end it with Ctrl-C, "
                "or give this play a folder of its own with --state"
            ) from error
        try:
            os.ftruncate(lock, 0)
            os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
            if _make_private(directory) and not (directory / IGNORE).exists():
                (directory / IGNORE).write_text("*\n")
        except OSError as error:
            raise InputError(unwritable(directory, error)) from error
        yield
    finally:
        os.close(lock)


def has_memory(room: int) -> bool:
    """Whether files can be kept in `MEMORY`, programs among them, and `room` bytes are free there."""
    if not os.access(MEMORY, os.W_OK) or os.statvfs(MEMORY).f_flag & os.ST_NOEXEC:
        return False
    return shutil.disk_usage(MEMORY).free >= room


def keep_volumes_in_memory(directory: Path, room: int) -> None:
    """Keep the volumes of a claimed folder in memory where `room` bytes are free there: a link to a folder of our own.

    Gates make and remove thousands of small files, which costs a disk more than the tests themselves.
    """
    link = directory / VOLUMES
    if link.exists():
        return
    # After a restart of the machine the link leads nowhere.
    link.unlink(missing_ok=True)
    if has_memory(room):
        link.symlink_to(tempfile.mkdtemp(prefix=_IN_MEMORY, dir=MEMORY))


def free_memory(directory: Path) -> None:
    """Remove what `keep_volumes_in_memory` made, if it did."""
    link = directory / VOLUMES
    if link.is_symlink():
        target = link.readlink()
        link.unlink()
        if target.parent == MEMORY and target.name.startswith(_IN_MEMORY):
            shutil.rmtree(target, ignore_errors=True)


def clear(directory: Path) -> None:
    """Delete the content of a claimed folder."""
    free_memory(directory)
    for path in directory.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name not in (LOCK, IGNORE):
            path.unlink()


def check(directory: Path) -> None:
    """InputError where an earlier play cannot be resumed: its database is broken, locked or lost."""
    database = directory / DATABASE
    if not database.exists() or database.stat().st_size == 0:
        repository = next(directory.glob(f"{REPOSITORIES}/*/*.git"), None)
        if repository is not None:
            actual = "an empty file" if database.exists() else "no file"
            raise InputError(
                f"{database}: expected the database of this sandbox, got {actual}: "
                f"what was built is in {repository}; fetch it from there if you want it, then start again with --fresh"
            )
        return
    try:
        connection = sqlite3.connect(database, timeout=_PATIENCE, isolation_level=None)
        try:
            condition = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
            if condition != "ok":
                raise sqlite3.DatabaseError(condition)
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise InputError(f"{database}: {what_to_do(error)}") from error


def unwritable(directory: Path, error: OSError) -> str:
    """One sentence: what the system refused, and what to do."""
    where = error.filename or directory
    return (
        f"{where}: {error.strerror or error}: the sandbox's folder must be writable, on a disk with room; "
        "fix that and go on with --resume, or give another folder with --state"
    )


def _make_private(directory: Path) -> bool:
    """Take from others what they could read; whether the folder is the sandbox's alone. Another keeps its own mode."""
    ours = (directory / OPTIONS).exists() or not any(path.name not in (LOCK, IGNORE) for path in directory.iterdir())
    wanted = {directory / name: 0o600 for name in _PRIVATE} | {directory / name: 0o700 for name in _PRIVATE_FOLDERS}
    if ours:
        wanted[directory] = 0o700
    for path, mode in wanted.items():
        if path.exists() and not path.is_symlink():
            path.chmod(mode)
    return ours
