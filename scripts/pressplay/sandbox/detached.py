"""Detached processes: they outlive this one, and each has a folder by which it is started, watched and ended.

A folder has `started` (the keeper's pid and start time), `exit` once the command has ended, `log`, and `stopped` where
this sandbox stopped the command before it was done. A command with `stopped` counts as never run: whatever `exit` says,
it starts again when the sandbox resumes.
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from pressplay.sandbox import keeper

LOST = -1
"""The exit status of a command that ended without leaving one."""
_POLL = 0.02


class _Keepers:
    """The keepers that this process started and whose end it has not seen."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.started: list[tuple[Path, subprocess.Popen[bytes]]] = []
        self.failed: set[Path] = set()
        """The folders of those that ended before they recorded themselves: on a full disk, for example."""
        self.closed = False
        self.umask = -1


_keepers = _Keepers()


def begin(inherited: int = -1) -> None:
    """Allow commands to start, with the `inherited` umask instead of our own where one is given."""
    with _keepers.lock:
        _keepers.closed, _keepers.umask = False, inherited


def umask() -> int:
    """The umask of what is started, as `subprocess` takes it."""
    return _keepers.umask


def start(folder: Path, command: Sequence[str], cwd: Path, environment: Mapping[str, str]) -> None:
    """Start a command's keeper; do nothing once `stop` was called in this process."""
    with _keepers.lock:
        if _keepers.closed:
            return
        child = subprocess.Popen(
            [sys.executable, "-I", "-S", keeper.__file__, str(folder), *command],
            cwd=cwd,
            # Some programs take PWD's word for where they are, and would work in our own folder.
            env={**environment, "PWD": str(cwd)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            umask=umask(),
        )
        _keepers.failed.discard(folder)
        _keepers.started.append((folder, child))


def was_started(folder: Path) -> bool:
    """Whether a command was ever started for this folder."""
    return (folder / "started").exists()


def was_stopped(folder: Path) -> bool:
    """Whether the sandbox ended the command before it was done: it is to start again (`renew`)."""
    return (folder / "stopped").exists()


def renew(folder: Path) -> None:
    """Forget a command that was stopped, so that it can be started again."""
    kill(folder)
    with _keepers.lock:
        ended = [child for where, child in _keepers.started if where == folder]
        _keepers.started = [entry for entry in _keepers.started if entry[0] != folder]
        _keepers.failed.discard(folder)
    for child in ended:
        # Unless it has ended, it would be taken for the next keeper, which has not recorded itself yet.
        child.kill()
        child.wait()
    for name in ("exit", "started", "stopped"):
        (folder / name).unlink(missing_ok=True)


def exit_status(folder: Path) -> int | None:
    """The exit status that a command left."""
    try:
        return int((folder / "exit").read_text())
    except FileNotFoundError:
        return None


def ended(folder: Path) -> int | None:
    """The exit status, LOST, or None: it runs, was not started, or is to start again."""
    _reap()
    if not was_started(folder):
        return LOST if folder in _keepers.failed else None
    code = exit_status(folder)
    if code is None and not _alive(folder):
        # It may have left its status between the two looks.
        code = exit_status(folder)
        code = LOST if code is None else code
    # In this order: the mark stands before anything is ended.
    return None if was_stopped(folder) else code


def kill(folder: Path) -> None:
    """Kill a command and its descendants."""
    if was_started(folder):
        keeper.kill(*_identity(folder))


def stop(folders: Iterable[Path], grace: float) -> list[Path]:
    """End what runs in these folders, and what this process is about to start; the folders where something ran.

    Each gets its mark, then SIGTERM, and is killed after `grace` seconds. Nothing is started until `begin`.
    """
    with _keepers.lock:
        _keepers.closed = True
        mine = dict(_keepers.started)
    running: dict[Path, tuple[int, str]] = {}
    for folder in {*folders, *mine}:
        if exit_status(folder) is not None:
            continue
        identity = _identity(folder) if was_started(folder) else _of(mine.get(folder))
        if identity is not None and keeper.start_time(identity[0]) == identity[1] != "":
            _mark(folder)
            running[folder] = identity
    _end(list(running.values()), grace)
    return sorted(running)


def _mark(folder: Path) -> None:
    with contextlib.suppress(OSError):
        (folder / "stopped").touch()
        return
    # A full disk: a name needs no room.
    with contextlib.suppress(OSError):
        (folder / "started").rename(folder / "stopped")


def _end(keepers: Sequence[tuple[int, str]], grace: float) -> None:
    children = keeper.descendants({pid for pid, _ in keepers})
    keeper.send_signal(children, signal.SIGTERM)
    for pid, _ in () if children else keepers:
        # Where descendants are not known (no Linux), or a keeper has only just started.
        keeper.send_signal_to_group(pid, signal.SIGTERM)
    end = time.monotonic() + grace
    while time.monotonic() < end and any(keeper.start_time(pid) == since for pid, since in keepers):
        _reap()
        time.sleep(_POLL)
    for pid, since in keepers:
        keeper.kill(pid, since)


def _of(child: subprocess.Popen[bytes] | None) -> tuple[int, str] | None:
    return None if child is None or child.poll() is not None else (child.pid, keeper.start_time(child.pid))


def _alive(folder: Path) -> bool:
    pid, started = _identity(folder)
    return keeper.start_time(pid) == started


def _identity(folder: Path) -> tuple[int, str]:
    try:
        pid, _, started = (folder / "started").read_text().partition(" ")
        return int(pid), started
    except (FileNotFoundError, ValueError):
        return 0, ""


def _reap() -> None:
    """Take the exit statuses of ended keepers from the system, so that none stays a zombie that looks alive.

    Only of keepers: another thread waits for its own children (git, a tool).
    """
    for entry in list(_keepers.started):
        if entry[1].poll() is not None:
            with contextlib.suppress(ValueError):
                _keepers.started.remove(entry)
            # A folder that was removed and is used again has a newer keeper, which may not have recorded itself yet.
            if not was_started(entry[0]) and all(folder != entry[0] for folder, _ in _keepers.started):
                _keepers.failed.add(entry[0])
