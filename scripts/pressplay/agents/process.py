"""One call of a command line, from its start to its end: read as it reports, and ended where it must be.

It is ended at its time limit, where it stalls (no output and no changed file), and where it repeats what can't succeed:
a wrong key, for example, or a limit that lasts.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pressplay.agents.adapter import Adapter, Call, Report
from pressplay.agents.failures import Fault, ends_at, kind_of
from pressplay.domain.outcomes import FATAL, Failure

_POLL = 0.25
_GRACE = 5.0
"""Seconds from SIGTERM to SIGKILL, and from its end to that of its output."""
_LOOK = 5.0
"""Seconds between two looks at the files, once nothing is printed."""
_LASTING = 60.0
"""Seconds after which a limit ends for which no command line is kept waiting."""
_MOST_TROUBLES = 6
"""Errors in a row after which a command line that tries again is ended."""
_LAST_LINES = 5
_SKIPPED = {".git", "node_modules", ".venv", "target"}
"""Folders of the work tree that are not looked into for changes."""


@dataclass(frozen=True)
class Bounds:
    """How long a call may take, in seconds."""

    time: float
    stall: float
    """Without output and without a changed file."""


def carry_out(
    adapter: Adapter, call: Call, bounds: Bounds, say: Callable[[str], None], transcript: Path | None
) -> tuple[Report, Failure | None]:
    """Call it; what it reported, and how it failed, if it did. `say` gets lines for people, `transcript` all events."""
    command, report = adapter.command(call), Report(session=call.session)
    # Some take PWD's word for where they are.
    environment = {**command.environment, **call.environment, "PWD": str(call.tree)}
    try:
        child = subprocess.Popen(
            command.argv,
            cwd=call.tree,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        words = f"{command.argv[0]}: {error.strerror or error}; {adapter.package} installs it"
        return report, Failure("setup", words)
    lines = _lines(child, command.text)
    last: list[str] = []
    failure = _watch(adapter, call, child, lines, bounds, report, say, transcript, last)
    if failure is not None:
        _end(child)
        return report, failure
    code = child.wait()
    if report.fault is not None:
        return report, _failed(report.fault)
    if code:
        return report, _crashed(code, report, last)
    return report, None


def _watch(
    adapter: Adapter,
    call: Call,
    child: subprocess.Popen[str],
    lines: queue.Queue[tuple[bool, str]],
    bounds: Bounds,
    report: Report,
    say: Callable[[str], None],
    transcript: Path | None,
    last: list[str],
) -> Failure | None:
    """Read until the end; why it must be ended before, if it must. `last` gets the last lines that are no events."""
    began = moved = looked = time.monotonic()
    ended = 0.0
    files, troubles, open_streams = max(_changes(call.tree), default=0.0), 0, 2
    look = min(bounds.stall / 4, _LOOK)
    while open_streams or child.poll() is None:
        now = time.monotonic()
        try:
            reported, line = lines.get(timeout=_POLL)
        except queue.Empty:
            ended = ended or (now if child.poll() is not None else 0.0)
            if ended and now - ended > _GRACE:
                # Something that it left running holds its output open.
                return None
            if now - began > bounds.time:
                return Failure("time", f"it was ended after {bounds.time / 60:g} minutes (--minutes)")
            if now - moved > look and now - looked > look:
                looked, newest = now, max(_changes(call.tree), default=0.0)
                if newest > files:
                    files, moved = newest, now
            if now - moved > bounds.stall:
                words = f"no output and no changed file for {bounds.stall / 60:g} minutes (--stall)"
                return Failure("stall", f"{words}; last: {report.trouble.words if report.trouble else report.words}")
            continue
        if not line:
            open_streams -= 1
            continue
        moved, before = now, report.trouble
        _take(adapter, line.rstrip("\n"), reported, report, say, transcript, last)
        trouble = report.trouble if report.trouble is not before else None
        troubles = troubles + 1 if trouble else (0 if reported else troubles)
        if now - began > bounds.time:
            return Failure("time", f"it was ended after {bounds.time / 60:g} minutes (--minutes)")
        for fault in filter(None, (report.fault, trouble)):
            failed = _failed(fault)
            lasts = failed.until is not None and failed.until > time.time() + _LASTING
            stays = fault is report.fault and failed.kind in FATAL
            if stays or (failed.kind == "limit" and lasts) or troubles > _MOST_TROUBLES:
                return failed
    return None


def _take(
    adapter: Adapter,
    line: str,
    reported: bool,
    report: Report,
    say: Callable[[str], None],
    transcript: Path | None,
    last: list[str],
) -> None:
    """One line of output (`reported`) or of errors."""
    event = None
    if reported and line.startswith("{"):
        with contextlib.suppress(ValueError):
            event = json.loads(line)
    if event is None:
        if line.strip():
            last[:] = [*last[1 - _LAST_LINES :], line.strip()]
            say(line)
            adapter.read_text(line, report)
        return
    if transcript is not None:
        with transcript.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")
    text = adapter.read(event, report)
    if text:
        say(text)


def _lines(child: subprocess.Popen[str], text: str) -> queue.Queue[tuple[bool, str]]:
    """Its lines as they come, each with whether it is one of its output; an empty one ends each stream."""
    lines: queue.Queue[tuple[bool, str]] = queue.Queue()

    def read(stream: IO[str], reported: bool) -> None:
        with contextlib.suppress(ValueError, OSError), stream:
            for line in stream:
                lines.put((reported, line))
        lines.put((reported, ""))

    def write(stream: IO[str]) -> None:
        with contextlib.suppress(OSError):
            stream.write(text)
        with contextlib.suppress(OSError):
            stream.close()

    for stream, reported in ((child.stdout, True), (child.stderr, False)):
        if stream is not None:
            threading.Thread(target=read, args=(stream, reported), daemon=True).start()
    if child.stdin is not None:
        threading.Thread(target=write, args=(child.stdin,), daemon=True).start()
    return lines


def _changes(folder: Path) -> Iterator[float]:
    """When the files of a work tree were changed (Unix seconds)."""
    for where, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in _SKIPPED]
        for name in files:
            with contextlib.suppress(OSError):
                yield (Path(where) / name).lstat().st_mtime


def _failed(fault: Fault) -> Failure:
    kind = kind_of(fault)
    return Failure(kind, fault.words, ends_at(fault, time.time()) if kind in ("limit", "overload") else None)


def _crashed(code: int, report: Report, last: list[str]) -> Failure:
    """It ended with a bad status, and no report of why."""
    ended = f"signal {-code}" if code < 0 else f"exit status {code}"
    if report.trouble is not None:
        failed = _failed(report.trouble)
        return Failure(failed.kind, f"{failed.message} ({ended})", failed.until)
    words = "\n".join(last)
    kind = kind_of(Fault(words)) if code > 0 else "crash"
    return Failure(kind, f"{ended}: {words}" if words else f"{ended}, and it printed nothing")


def _end(child: subprocess.Popen[str]) -> None:
    """End it with its own children."""
    for number, seconds in ((signal.SIGTERM, _GRACE), (signal.SIGKILL, _GRACE)):
        with contextlib.suppress(OSError):
            os.killpg(child.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(seconds)
            return
