"""How an agent is started: as a process of its own, or, under virtual time, in this process with a declared duration.

Both leave the same files in the run's folder: `started` (before the agent does anything; it is never started twice),
`log`, and `exit` with the exit status. That folder, not the database, knows whether an agent ran.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from pressplay.clock import Clock
from pressplay.sandbox import detached
from pressplay.sandbox.detached import LOST, exit_status, was_started


class Launcher(Protocol):
    """Starts an agent at most once for a run's folder, and tells how it ended."""

    def start(self, run: Path, worktree: Path, environment: Mapping[str, str]) -> None:
        """Start the agent in `worktree`, unless it was started before."""
        ...

    def ended(self, run: Path) -> int | None:
        """The exit status, LOST, or None while it runs."""
        ...

    def ends_at(self, run: Path) -> float | None:
        """When it will end, where that is known beforehand (virtual time)."""
        ...

    def kill(self, run: Path) -> None:
        """End the agent, if it runs."""
        ...


class ProcessLauncher:
    """Starts a command line as a process that outlives this one (`detached`)."""

    def __init__(self, command: Sequence[str]) -> None:
        """`command`: the agent's program and its arguments; no shell reads it."""
        self._command = list(command)

    def start(self, run: Path, worktree: Path, environment: Mapping[str, str]) -> None:
        """See `Launcher.start`."""
        if not was_started(run):
            detached.start(run, self._command, worktree, environment)

    def ended(self, run: Path) -> int | None:
        """See `Launcher.ended`."""
        return detached.ended(run)

    def ends_at(self, run: Path) -> float | None:  # noqa: ARG002 - the protocol's signature
        """See `Launcher.ends_at`: a real agent takes as long as it takes."""
        return None

    def kill(self, run: Path) -> None:
        """See `Launcher.kill`."""
        if exit_status(run) is None:
            detached.kill(run)


class VirtualLauncher:
    """Carries an agent out in this process, once its declared duration has passed on the clock."""

    def __init__(
        self,
        clock: Clock,
        agent: Callable[[Path, Mapping[str, str]], int],
        duration: Callable[[Mapping[str, str]], float],
    ) -> None:
        """`agent(worktree, environment)` does the work and returns its exit status; `duration` is in seconds."""
        self._clock = clock
        self._agent = agent
        self._duration = duration

    def start(self, run: Path, worktree: Path, environment: Mapping[str, str]) -> None:
        """See `Launcher.start`."""
        if was_started(run):
            return
        _log_start(environment)
        end = self._clock.now() + self._duration(environment)
        lines = [str(end), str(worktree), *(f"{name}={value}" for name, value in environment.items())]
        (run / "started.half").write_text("\0".join(lines))
        (run / "started.half").replace(run / "started")

    def ended(self, run: Path) -> int | None:
        """See `Launcher.ended`."""
        code = exit_status(run)
        if code is not None or not was_started(run):
            return code
        end, worktree, *environment = (run / "started").read_text().split("\0")
        if self._clock.now() < float(end):
            return None
        if (run / "working").exists():
            return LOST
        (run / "working").touch()
        code = self._agent(Path(worktree), dict(entry.split("=", 1) for entry in environment))
        (run / "exit").write_text(str(code))
        return code

    def ends_at(self, run: Path) -> float | None:
        """See `Launcher.ends_at`."""
        if not was_started(run) or exit_status(run) is not None:
            return None
        return float((run / "started").read_text().split("\0", 1)[0])

    def kill(self, run: Path) -> None:
        """See `Launcher.kill`."""
        if was_started(run) and exit_status(run) is None:
            (run / "exit").write_text(str(LOST))


def _log_start(environment: Mapping[str, str]) -> None:
    """What the scripted agents do as processes: a line a start, kept outside the database."""
    log = environment.get("PRESSPLAY_AGENT_LOG")
    if log:
        line = " ".join(environment[f"PRESSPLAY_{name}"] for name in ("RUN", "TASK", "ROLE", "ATTEMPT"))
        with Path(log).open("a") as file:
            file.write(f"{line}\n")
