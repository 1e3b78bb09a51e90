"""Acceptance of the built demo project: what it must do, seen from outside, by people who did not build it.

No agent of the demo sees this module: it is not in the project, and nothing of it travels to a run.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from pressplay.sandbox.demo.acceptance.checks import CHECKS
from pressplay.sandbox.demo.acceptance.shop import Refused, Shop


@dataclass(frozen=True)
class Check:
    """One thing that the project must do: what, whether it does, and if not, what it did instead."""

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


def acceptance(checkout: Path) -> Result:
    """Try the project checked out at `checkout`: every check, each in a fresh shop. Nothing in the checkout changes."""
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
