"""A process that outlives its parent, found again by pid and start time.

Run as a program it is the agent's keeper: it notes itself in RUN/started (once, whoever else tries), runs the command
with its output in RUN/log, and leaves the exit status in RUN/exit. It imports nothing but the standard library's
lightest parts, so that starting it takes milliseconds.
"""

import contextlib
import os
import signal
import subprocess
import sys


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
    asked = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return asked.stdout.strip()


def _write_once(path: str, text: str) -> bool:
    """Write a file whole, unless it is there; False then."""
    half = f"{path}.{os.getpid()}"
    with open(half, "w", encoding="utf-8") as file:  # noqa: PTH123 - pathlib is slow to import
        file.write(text)
    try:
        os.link(half, path)
    except FileExistsError:
        return False
    finally:
        os.unlink(half)  # noqa: PTH108 - pathlib is slow to import
    return True


def keep(run: str, command: list[str]) -> int:
    """Run `command` once for the folder `run`; 0 also where another keeper was first."""
    if not _write_once(f"{run}/started", f"{os.getpid()} {start_time(os.getpid())}"):
        return 0
    with open(f"{run}/log", "ab") as log:  # noqa: PTH123 - pathlib is slow to import
        try:
            code = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False).returncode
        except OSError as error:
            log.write(f"{command[0]}: {error}\n".encode())
            code = 127
    _write_once(f"{run}/exit", str(code))
    return 0


def kill_group(pid: int, started: str) -> None:
    """End a keeper and its agent, if it still is the process that was started then."""
    if started and start_time(pid) == started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(keep(sys.argv[1], sys.argv[2:]))
