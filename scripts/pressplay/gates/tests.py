"""Whether a change weakened a project's tests: files, tests, assertions or snapshots gone, tests switched off (R6).

It compares what the test text of both sides holds (`gates.test_text`), without running it. It is strict: an assertion
that was altered counts as removed, since only a person can tell a correction from a loosening; of a test that asserts
nothing that we know, all of its body counts as one assertion. Moving tests between files, or reformatting them,
weakens nothing; nor does a new test that is switched off. What it can't see: a wrong fixture, fewer cases of a
parametrized test, an `if` around an assertion; those are for the reviewer. A file that its parser can't read is
undecided, and undecided never passes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import PurePosixPath
from typing import Literal

from pressplay.gates import syntax, test_text
from pressplay.gates.test_text import Test, Tests
from pressplay.github.comparison import Changed, Comparison


@dataclass(frozen=True)
class Language:
    """How to recognize a language's test files."""

    suffixes: tuple[str, ...]
    names: tuple[str, ...]
    """Globs of a test file's name."""
    folders: tuple[str, ...]
    """Folders in which every file of this language belongs to the tests."""
    inline: tuple[str, ...] = ()
    """Every source file with inline tests has one of these words; empty: source files hold no tests."""


LANGUAGES: Mapping[str, Language] = {
    "python": Language((".py",), ("test_*.py", "*_test.py", "tests.py", "conftest.py"), ("tests", "test")),
    "rust": Language(
        (".rs",), ("*_test.rs", "test_*.rs", "tests.rs", "test.rs"), ("tests",), inline=("test", "quickcheck")
    ),
    "typescript": Language(
        (".js", ".jsx", ".ts", ".tsx", ".mjs", ".cjs", ".mts", ".cts", ".vue", ".svelte"),
        ("*.test.*", "*.spec.*", "*.cy.*"),
        ("__tests__", "tests", "test", "e2e", "cypress"),
    ),
    "go": Language((".go",), ("*_test.go",), ()),
}
_SNAPSHOTS = frozenset({"__snapshots__", "__image_snapshots__", "testdata", "golden", "goldens"})
"""Folders whose files of no known language are what tests compare with."""
_SNAPSHOT_NAMES = ("*.snap", "*.ambr", "*.golden", "*.snapshot")
_TEST_WORDS = ("test", "assert", "expect", "should", "it(")
"""One of them stands in every test that a file without a parser (Vue, Svelte) may hold."""

Kind = Literal["file", "test", "assertion", "snapshot", "skip"]


@dataclass(frozen=True)
class Loss:
    """One thing that a change took away from the tests, or a skip that it added. Path and text are people's (R7)."""

    kind: Kind
    path: str
    text: str
    line: int = 0
    """Its line before the change; for a skip, its line now."""


@dataclass(frozen=True)
class Weakening:
    """The losses of a change to tests, as counts: without the project's texts, so its `str` may be shown anywhere."""

    files: int = 0
    tests: int = 0
    assertions: int = 0
    skips: int = 0
    snapshots: int = 0
    undecided: int = 0
    """Files that can't be read as their language."""
    unseen: bool = False
    """There are more changed files than GitHub lists: nobody saw the rest."""
    losses: tuple[Loss, ...] = field(default=(), compare=False)

    def __bool__(self) -> bool:
        counts = (self.files, self.tests, self.assertions, self.skips, self.snapshots, self.undecided)
        return any(counts) or self.unseen

    def __str__(self) -> str:
        counted = (
            (self.files, "test file", "removed"),
            (self.tests, "test", "removed"),
            (self.assertions, "assertion", "removed or altered"),
            (self.snapshots, "snapshot", "removed or rewritten"),
            (self.skips, "skip or expected failure", "added"),
        )
        parts = [f"{n} {what}{'s' if n > 1 else ''} {done}" for n, what, done in counted if n]
        if self.undecided:
            parts.append(unreadable(self.undecided))
        return ", ".join([*parts, *(["more changed files than can be looked through"] if self.unseen else [])])


def unreadable(files: int) -> str:
    """The words for files that are undecided."""
    if files == 1:
        return "1 file that can't be read as its language"
    return f"{files} files that can't be read as their language"


def language_of(path: str) -> Language | None:
    """The row of `LANGUAGES` that a file belongs to; None for any other file."""
    suffix = PurePosixPath(path).suffix
    return next((language for language in LANGUAGES.values() if suffix in language.suffixes), None)


def is_test(path: str) -> bool:
    """Whether a path is a test file's, by its name or by a folder that it is in."""
    language, where = language_of(path), PurePosixPath(path)
    return language is not None and (
        any(fnmatchcase(where.name, glob) for glob in language.names)
        or any(folder in language.folders for folder in where.parts[:-1])
    )


def is_snapshot(path: str) -> bool:
    """Whether a path is that of a file which tests compare with, and which their tools write."""
    where = PurePosixPath(path)
    return language_of(path) is None and (
        any(fnmatchcase(where.name, glob) for glob in _SNAPSHOT_NAMES) or not _SNAPSHOTS.isdisjoint(where.parts[:-1])
    )


Read = Callable[[str], str]
"""A file's text by its path, at one of the two commits."""


def weakened(compared: Comparison, before: Read, after: Read) -> Weakening:
    """What the changes between two commits took away from the tests; nothing is falsy.

    `before` and `after` give a changed file's text at either commit; they are asked for files of `LANGUAGES` and
    snapshots only, once for each.
    """
    return Change.of(compared, before, after).weakening


@dataclass
class Side:
    """The tests in the changed files at one of the two commits."""

    files: dict[str, Tests] = field(default_factory=dict)
    snapshots: dict[str, Counter[str]] = field(default_factory=dict)
    undecided: set[str] = field(default_factory=set)

    def read(self, path: str, text: Read) -> None:
        """Add a file; a file without tests is not read."""
        if is_snapshot(path):
            self.snapshots[path] = Counter(test_text.entries(path, text(path)))
            return
        language = language_of(path)
        if language is None or not (is_test(path) or language.inline):
            return
        content = text(path)
        if not is_test(path) and not any(word in content for word in language.inline):
            return
        if not syntax.readable(path):
            if any(word in content for word in _TEST_WORDS):
                self.undecided.add(path)
            return
        source = syntax.parse(path, content)
        name = next(name for name, one in LANGUAGES.items() if one is language)
        tests = None if source is None else test_text.read(name, source, whole=is_test(path))
        if tests is None:
            self.undecided.add(path)
        else:
            self.files[path] = tests

    @cached_property
    def tests(self) -> list[tuple[str, Test]]:
        """All tests, each with its file."""
        return [(path, test) for path, tests in self.files.items() for test in tests.tests]

    def facts(self, without: Iterable[Test] = ()) -> Counter[tuple[Kind, str]]:
        """Assertions and snapshots, of all files; `without` those of some tests."""
        total: Counter[tuple[Kind, str]] = Counter()
        left_out = list(without)
        for tests in self.files.values():
            for text, count in tests.asserted(left_out).items():
                total["assertion", text] += count
        for texts in self.snapshots.values():
            for text, count in texts.items():
                total["snapshot", text] += count
        return total


@dataclass
class Change:
    """A change to the test text, both sides of it."""

    was: Side
    now: Side
    removed: list[str]
    """Test files that are gone."""
    added: set[str]
    whole: bool

    @classmethod
    def of(cls, compared: Comparison, before: Read, after: Read) -> Change:
        """Read both sides of a comparison."""
        change = cls(Side(), Side(), [], set(), compared.whole)
        for changed in compared.files:
            change._take(changed, before, after)
        return change

    def _take(self, changed: Changed, before: Read, after: Read) -> None:
        if changed.status == "copied":
            return
        if changed.status == "added":
            self.added.add(changed.path)
        else:
            self.was.read(changed.before, before)
        if changed.status != "removed":
            self.now.read(changed.path, after)
        elif is_test(changed.before):
            self.removed.append(changed.before)

    @cached_property
    def _hidden(self) -> tuple[list[Test], Counter[str], dict[str, tuple[str, int]]]:
        """New tests that are switched off; the skips that switch off what was on before, and their places.

        New tests may be switched off: that takes nothing away. But they don't replace a test that was there before.
        """
        known = Counter(test.name for _, test in self.was.tests)
        skipped: Counter[str] = Counter()
        for _, test in self.was.tests:
            skipped.update(f"{text} {test.name}" for text in test.skips.elements())
        new: list[Test] = []
        added: Counter[str] = Counter()
        where: dict[str, tuple[str, int]] = {}
        for path, tests in self.now.files.items():
            fresh = path in self.added and bool(tests.skips)
            for test in tests.tests:
                if fresh or (test.skips and test.name not in known):
                    new.append(test)
                    continue
                for text in test.skips.elements():
                    added[f"{text} {test.name}"] += 1
                    where.setdefault(f"{text} {test.name}", (path, tests.lines.get(text, 0)))
            for text, count in (Counter() if fresh else tests.skips).items() | tests.only.items():
                added[text] += count
                where.setdefault(text, (path, tests.lines.get(text, 0)))
        for tests in self.was.files.values():
            skipped.update(tests.skips)
            skipped.update(tests.only)
        return new, added - skipped, where

    @cached_property
    def lost(self) -> Counter[tuple[Kind, str]]:
        """Assertions and snapshots that are gone."""
        return self.was.facts() - self.now.facts(self._hidden[0])

    @cached_property
    def gained(self) -> Counter[tuple[Kind, str]]:
        """Assertions and snapshots that are new."""
        return self.now.facts(self._hidden[0]) - self.was.facts()

    @property
    def skipped(self) -> Counter[str]:
        """The skips that switch off what was on before, each with its test's name if it belongs to one test."""
        return self._hidden[1]

    @cached_property
    def skips(self) -> dict[str, str]:
        """Every skip that is there now → the name of its test, empty if it applies to more than one."""
        names = {text: "" for tests in self.now.files.values() for text in (*tests.skips, *tests.only)}
        names.update({f"{text} {test.name}": test.name for _, test in self.now.tests for text in test.skips})
        return names

    @cached_property
    def written(self) -> set[str]:
        """The names of the tests that are new."""
        return {test.name for _, test in self.now.tests} - {test.name for _, test in self.was.tests}

    @cached_property
    def weakening(self) -> Weakening:
        """What the change took away."""
        new, skips, _ = self._hidden
        fewer = max(0, len(self.was.tests) - (len(self.now.tests) - len(new)))
        lost = Counter(kind for kind, _ in self.lost.elements())
        removed = [path for path in self.removed if self._is_gone(path, fewer)]
        return Weakening(
            files=len(removed),
            tests=fewer,
            assertions=lost["assertion"],
            skips=skips.total(),
            snapshots=lost["snapshot"],
            undecided=len(self.was.undecided | self.now.undecided),
            unseen=not self.whole,
            losses=tuple(self._losses(removed, fewer)),
        )

    def _is_gone(self, path: str, fewer: int) -> bool:
        """Whether a removed test file is gone: one whose tests all stand elsewhere now was moved.

        One that held none supported others.
        """
        tests = self.was.files.get(path)
        if tests is None:
            return path not in self.was.undecided
        asserted = tests.asserted()
        return bool(fewer) or not asserted or any(("assertion", text) in self.lost for text in asserted)

    def _losses(self, removed: list[str], fewer: int) -> Iterator[Loss]:
        for path in removed:
            yield Loss("file", path, "")
        names = Counter(test.name for _, test in self.now.tests)
        gone = [(path, test) for path, test in self.was.tests if test.name not in names]
        for path, test in gone[:fewer]:
            yield Loss("test", path, test.name, test.line)
        left = Counter(self.lost)
        for path, tests in self.was.files.items():
            for text in tests.asserted():
                if left["assertion", text] > 0:
                    left["assertion", text] = 0
                    yield Loss("assertion", path, text, tests.lines.get(text, 0))
        for path, texts in self.was.snapshots.items():
            for text in texts:
                if left["snapshot", text] > 0:
                    left["snapshot", text] = 0
                    yield Loss("snapshot", path, text)
        _, skips, where = self._hidden
        for text in skips:
            path, line = where[text]
            yield Loss("skip", path, text, line)
