"""The keeper of a command: a process that outlives its parent, which finds it by pid and start time.

Run as a program, it records itself in RUN/started (once, whoever else tries), runs the command with its output in
RUN/log, ends what the command left running, and writes the exit status to RUN/exit. It imports nothing but the standard
library's lightest parts, so that starting it takes milliseconds.
"""

import contextlib
import os
import select
import signal
import subprocess
import sys
import time

LOG_LIMIT, LOG_HEAD, LOG_TAIL = 10 << 20, 1 << 20, 4 << 20
"""Bytes of a log: at most; kept of its beginning; kept of its end, at least, where its middle was left out."""
_LEFT_OUT = b"\n[press-play: %d bytes left out here]\n"
_CHUNK = 1 << 16
_KILL_TRIES, _KILL_PAUSE = 100, 0.01
_PR_SET_CHILD_SUBREAPER, _PR_SET_DUMPABLE = 36, 4
"""Of prctl(2), on Linux."""


class Log:
    """A file of at most LOG_LIMIT bytes, for one writer: beyond that its middle is left out, and a line says so."""

    def __init__(self, path: str) -> None:
        """The file is made, or appended to."""
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._size = os.fstat(self._file).st_size

    def write(self, data: bytes) -> None:
        """Append; what a full disk does not take is lost, and nothing else."""
        with contextlib.suppress(OSError):
            if self._size + len(data) > LOG_LIMIT:
                self._shorten()
            while data:
                written = os.write(self._file, data)
                self._size += written
                data = data[written:]

    def _shorten(self) -> None:
        tail = os.pread(self._file, LOG_TAIL, max(LOG_HEAD, self._size - LOG_TAIL))
        left_out = self._size - LOG_HEAD - len(tail)
        # A line of ours from before goes with the middle: its number is added.
        earlier = os.pread(self._file, 80, LOG_HEAD).split(b"\n")[1:2]
        words = earlier[0].split() if earlier else []
        if words[:1] == [b"[press-play:"] and len(words) > 1 and words[1].isdigit() and len(words[1]) < 20:
            left_out += int(words[1]) - len(earlier[0]) - 2
        os.ftruncate(self._file, LOG_HEAD)
        self._size = LOG_HEAD
        rest = _LEFT_OUT % left_out + tail
        self._size += os.write(self._file, rest)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


def start_time(pid: int) -> str:
    """When a process started, in the system's own words; empty where there is no such process."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:  # noqa: PTH123 - pathlib is slow to import
            fields = stat.read().rpartition(")")[2].split()
        return "" if fields[0] == "Z" else fields[19]
    except OSError:
        pass
    if os.path.isdir("/proc/self"):  # noqa: PTH112 - pathlib is slow to import
        return ""
    # No /proc (macOS): ps knows.
    listed = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return listed.stdout.strip()


def descendants(keepers: set[int]) -> set[int]:
    """The living descendants of these keepers, in whatever session they are; without the keepers.

    On Linux; elsewhere none are known. A keeper adopts what its descendants orphan, so that none is missed.
    """
    parents: dict[int, int] = {}
    pids: set[int] = set()
    for name in os.listdir("/proc") if os.path.isdir("/proc/self") else ():  # noqa: PTH112, PTH208
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as stat:  # noqa: PTH123
                fields = stat.read().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] == "Z":
            continue
        parents[int(name)] = int(fields[1])
        if int(fields[3]) in keepers:
            pids.add(int(name))
    parents_to_check = pids | keepers
    while parents_to_check:
        parents_to_check = {pid for pid, parent in parents.items() if parent in parents_to_check} - pids
        pids |= parents_to_check
    return pids - keepers


def send_signal(pids: set[int], number: int) -> None:
    """Send a signal to processes, those that are gone by now excepted."""
    for pid in pids:
        with contextlib.suppress(OSError):
            os.kill(pid, number)


def send_signal_to_group(keeper: int, number: int) -> None:
    """Send a signal to a keeper and what is in its process group."""
    with contextlib.suppress(OSError):
        os.killpg(keeper, number)


def kill(pid: int, started: str) -> None:
    """Kill a keeper, its command and their descendants, if it still is the process that was started then."""
    # Where the keeper is gone: the system does not reuse its session id while a process is in the session.
    if not started or start_time(pid) not in (started, ""):
        return
    # Not the keeper first: its orphans would escape. While it is stopped, it can't record the end as the command's own.
    send_signal({pid}, signal.SIGSTOP)
    for _ in range(_KILL_TRIES):
        left = descendants({pid})
        if not left:
            break
        send_signal(left, signal.SIGKILL)
        time.sleep(_KILL_PAUSE)
    send_signal_to_group(pid, signal.SIGKILL)


def hide() -> None:
    """Let no other process of this user read this one's memory or environment (Linux; root may all the same)."""
    _prctl(_PR_SET_DUMPABLE, 0)


def _prctl(option: int, value: int) -> None:
    if sys.platform != "linux":
        return
    import ctypes

    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def write_once(path: str, text: str) -> bool:
    """Write a file whole, unless it is there; False then."""
    half = f"{path}.{os.getpid()}"
    file = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(file, text.encode())
    finally:
        os.close(file)
    try:
        os.link(half, path)
    except FileExistsError:
        return False
    finally:
        os.unlink(half)  # noqa: PTH108 - pathlib is slow to import
    return True


def keep(run: str, command: list[str]) -> int:
    """Run `command` once for the folder `run`; 0 also where another keeper was first."""
    if not write_once(f"{run}/started", f"{os.getpid()} {start_time(os.getpid())}"):
        return 0
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    log = Log(f"{run}/log")
    code = _run(command, log)
    write_once(f"{run}/exit", str(code))
    return 0


def _run(command: list[str], log: Log) -> int:
    """The command's exit status; its output goes to the log, and nothing of it is left running."""
    wake, waker = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(waker, False)
    signal.set_wakeup_fd(waker)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    output, into = os.pipe()
    try:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=into, stderr=into)
    except OSError as error:
        log.write(f"{command[0]}: {error}\n".encode())
        return 127
    os.close(into)
    os.set_blocking(output, False)
    code, readable = None, [output, wake]
    while code is None:
        ready = select.select(readable, (), ())[0]
        if wake in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(wake, _CHUNK)
            code = _reap(child.pid)
        if output in ready and not _copy(output, log):
            readable.remove(output)
    child.returncode = code
    _end_the_rest()
    while _copy(output, log):
        pass
    return code


def _copy(output: int, log: Log) -> bool:
    """Log what is there; whether there may be more now or later (before the end: later, too)."""
    try:
        data = os.read(output, _CHUNK)
    except BlockingIOError:
        return False
    log.write(data)
    return bool(data)


def _reap(wanted: int) -> int | None:
    """Take the exit statuses of ended children, adopted ones too; the exit status of `wanted` where it is one."""
    code = None
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            if pid == wanted:
                code = os.waitstatus_to_exitcode(status)
    return code


def _end_the_rest() -> None:
    """End what the command left running: as with a pod, nothing of a run outlives it."""
    for _ in range(_KILL_TRIES):
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                send_signal(descendants({os.getpid()}), signal.SIGKILL)
                time.sleep(_KILL_PAUSE)
        except ChildProcessError:
            return


if __name__ == "__main__":
    sys.exit(keep(sys.argv[1], sys.argv[2:]))
