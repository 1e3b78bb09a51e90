"""The results of one run by the tests' ids, while a report is read."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pressplay.gates.lint.files import below
from pressplay.gates.proving.model import Status, TestResult

WHOLE = "all tests"
"""The name of the one test of a command of which only the exit status is known."""
BETWEEN = "::"
"""Between the parts of an id."""
MOST = 50_000
"""Tests of a run that are read."""
WORST: tuple[Status, ...] = ("error", "missing", "failed", "skipped", "passed")
"""The worst first: of two results of one test, the one that proves less."""
_TREE = re.compile(r".*/(?:base|head)-p\d+/")
"""Where the script lays the trees: the same file has another path in each."""


class Malformed(Exception):
    """A report is not what its kind says: what was expected and what it got, in words of ours."""

    def __init__(self, expected: str, got: str) -> None:
        super().__init__(f"expected {expected}, got {got}")


class Results:
    """Collects results; of several of one id the worst counts."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.tests: dict[str, TestResult] = {}
        self.recognized = False
        """Whether the report was of its kind, though it may hold no test."""

    def add(self, parts: Sequence[str], result: TestResult) -> None:
        """Note a test; `parts` of its id below the project's folder, empty ones left out. Malformed for too many."""
        self.recognized = True
        id_ = self._id(parts)
        there = self.tests.get(id_)
        if there is None or WORST.index(result.status) < WORST.index(there.status):
            self.tests[id_] = result
        if len(self.tests) > MOST:
            raise Malformed(f"at most {MOST} tests", "more")

    def explain(self, parts: Sequence[str], result: TestResult) -> None:
        """Say of a test that is known not to have passed what it failed of."""
        id_ = self._id(parts)
        there = self.tests.get(id_)
        if there is not None and there.status in ("failed", "error"):
            self.tests[id_] = result

    def _id(self, parts: Sequence[str]) -> str:
        return BETWEEN.join(part for part in (self.folder, *map(self._stable, parts)) if part)

    def _stable(self, part: str) -> str:
        """A part of an id without what differs from tree to tree."""
        text = " ".join(part.split())[:500]
        if not text.startswith("/"):
            return text
        match = _TREE.match(text)
        path = text[match.end() :] if match else text.rpartition("/")[2]
        return path[len(self.folder) + 1 :] if self.folder and below(path, self.folder) else path
