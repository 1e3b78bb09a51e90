"""A shop of the built project, by its command line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from pressplay.errors import PressPlayError

SECONDS = 30
"""How long a single command of the project may take."""


class Refused(PressPlayError):
    """The project did not do what it must."""


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
            raise Refused(f"{' '.join(arguments)}: expected exit status {status}, got {done.returncode} ({last})")
        if says not in error:
            raise Refused(f"{' '.join(arguments)}: expected {says!r} on stderr, got {last!r}")
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
            raise Refused(f"expected {expected!r}, got {got!r}")
