"""Acceptance of the built demo project: what it must do, seen from outside, by people who did not build it.

No agent of the demo sees this module: it is not in the project, and nothing of it travels to a run.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from pressplay.errors import PressPlayError

SECONDS = 30
"""How long a single command of the project may take."""


@dataclass(frozen=True)
class Check:
    """One thing that the project must do: what, whether it does, and where not, what came instead."""

    name: str
    passed: bool
    detail: str = ""


@dataclass(frozen=True)
class Result:
    """All checks, in order. It is accepted only where there are some and all passed."""

    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether the project is accepted."""
        return bool(self.checks) and all(check.passed for check in self.checks)

    def failures(self) -> list[str]:
        """A line for each check that failed."""
        return [f"{check.name}: {check.detail}" for check in self.checks if not check.passed]


class Refused(PressPlayError):
    """The project did something else than it must."""


class Shop:
    """One shop with a journal of its own; its commands are processes started in the checkout."""

    def __init__(self, checkout: Path, folder: Path) -> None:
        self.checkout = checkout
        self.folder = folder
        self.book = folder / "book.jsonl"

    def __call__(self, *arguments: str, status: int = 0, says: str = "") -> str:
        """Run a command; its output. Refused where it ends otherwise than `status`, or stderr lacks `says`."""
        done = self.python("-m", "stockroom", "--book", str(self.book), *arguments)
        error = done.stderr.decode(errors="replace").strip()
        last = error.rpartition("\n")[2]
        if done.returncode != status:
            raise Refused(f"{' '.join(arguments)}: expected exit status {status}, came {done.returncode} ({last})")
        if says not in error:
            raise Refused(f"{' '.join(arguments)}: expected {says!r} on stderr, came {last!r}")
        return done.stdout.decode()

    def python(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        """Run Python in the checkout; Refused where it comes to no end."""
        # Without site-packages: the project needs nothing but the standard library, and starts faster.
        command = [sys.executable, "-S", *arguments]
        env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        try:
            return subprocess.run(command, cwd=self.checkout, env=env, capture_output=True, timeout=SECONDS)
        except subprocess.TimeoutExpired as late:
            raise Refused(f"{' '.join(arguments)}: no end within {SECONDS} s") from late

    def same(self, got: object, expected: object) -> None:
        """Refused where they differ."""
        if got != expected:
            raise Refused(f"expected {expected!r}, came {got!r}")


def acceptance(checkout: Path) -> Result:
    """Try the project checked out at `checkout`: every check, each in a fresh shop. Nothing in the checkout changes."""
    from pressplay.sandbox.demo.acceptance.checks import CHECKS

    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(2) as pool:
        # A copy may keep its bytecode, which makes the many short processes faster.
        copy = Path(folder) / "project"
        shutil.copytree(checkout, copy, ignore=shutil.ignore_patterns(".git"))
        return Result(tuple(pool.map(lambda check: _try(check, copy, Path(folder)), CHECKS)))


def _try(check: Callable[[Shop], None], checkout: Path, folder: Path) -> Check:
    name = (check.__doc__ or check.__name__).strip()
    own = folder / check.__name__
    own.mkdir()
    try:
        check(Shop(checkout, own))
    except Refused as refusal:
        return Check(name, False, str(refusal))
    return Check(name, True)
