"""Whether a change weakened a project's tests: files, tests or assertions gone, tests switched off (R6).

It reads text, file by file, without running or parsing it: what it counts stands in `LANGUAGES`, one row a language.
It is strict: an assertion that was altered counts as gone, since only a person can tell a correction from a loosening.
Moving tests between files, and laying them out anew, weakens nothing. What it can't see: a wrong fixture, fewer cases
of a parametrized test, an `if` around an assertion; those are for whoever reviews.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from pressplay.github.comparison import Comparison

_LONGEST = 80
"""Lines of one assertion; beyond, only its first line is looked at."""


@dataclass(frozen=True)
class Language:
    """How a language's tests are told, by file name and by what stands in a line."""

    suffixes: tuple[str, ...]
    names: tuple[str, ...]
    """Globs of a test file's name."""
    folders: tuple[str, ...]
    """Folders all of whose files of this language belong to the tests."""
    test: re.Pattern[str]
    assertion: re.Pattern[str]
    skip: re.Pattern[str]
    quotes: str = "\"'`"
    inline: re.Pattern[str] | None = None
    """The line from which on a source file holds its own tests."""
    condition: re.Pattern[str] | None = None
    """What on the line before an assertion belongs to it: Go's tests compare by `if` and then call `t.Error`."""


LANGUAGES: Mapping[str, Language] = {
    "python": Language(
        suffixes=(".py",),
        names=("test_*.py", "*_test.py", "tests.py", "conftest.py"),
        folders=("tests", "test"),
        test=re.compile(r"^\s*(?:async\s+)?def\s+test"),
        assertion=re.compile(
            r"^\s*(?:assert\b|(?:self|cls)\.(?:assert\w+|fail\w*)\(|(?:async\s+)?with\s+.*\b(?:raises|warns|assertRaises\w*)\("
            r"|.*\.assert_\w+\(|pytest\.(?:raises|fail)\()"
        ),
        skip=re.compile(
            r"\bmark\.(?:skip|skipif|xfail)\b|\bpytest\.(?:skip|xfail|importorskip)\(|\bskip(?:If|Unless)\(|@(?:unittest\.)?skip\b"
            r"|\bexpectedFailure\b|\bself\.skipTest\(|\bSkipTest\b|\bcollect_ignore|__test__\s*=\s*False"
        ),
        quotes="\"'",
    ),
    "rust": Language(
        suffixes=(".rs",),
        names=("*_test.rs", "test_*.rs", "tests.rs", "test.rs"),
        folders=("tests",),
        test=re.compile(r"^\s*#\[(?:\w+::)*(?:test|rstest|test_case|quickcheck)\b"),
        assertion=re.compile(
            r"^\s*(?:(?:\w+::)*(?:prop_)?(?:debug_)?assert\w*!|(?:\w+::)*assert\w*\(|panic!|unreachable!)"
        ),
        skip=re.compile(
            r"#\[\s*ignore\b|#\[\s*cfg_attr\([^\]]*\bignore\b|#\[\s*should_panic\b|#\[\s*cfg\(\s*(?:any\(\)|FALSE)"
        ),
        # `'` begins a lifetime as often as a character.
        quotes='"',
        inline=re.compile(r"^\s*#\[cfg\((?:all\()?test\b"),
    ),
    "typescript": Language(
        suffixes=(".js", ".jsx", ".ts", ".tsx", ".mjs", ".cjs", ".mts", ".cts", ".vue", ".svelte"),
        names=("*.test.*", "*.spec.*", "*.cy.*"),
        folders=("__tests__", "tests", "test", "e2e", "cypress"),
        test=re.compile(r"^\s*(?:it|test|specify)(?:\.\w+)*\s*[(`]"),
        assertion=re.compile(
            r"^\s*(?:await\s+|return\s+)*(?:expect(?:\.\w+)*\(|assert(?:\.\w+)*\(|t\.\w+\(|cy\..*\.should\(|\.should\(|.*\.should\.\w+)"
        ),
        skip=re.compile(
            r"\b(?:it|test|describe|suite|context|specify)\.(?:\w+\.)*(?:skip|skipIf|todo|only|fails|failing|fixme)\b"
            r"|^\s*(?:x|f)(?:it|test|describe|specify|context)\s*\(|\bthis\.skip\(|\btest\.skip\(|\bpending\("
        ),
    ),
    "go": Language(
        suffixes=(".go",),
        names=("*_test.go",),
        folders=(),
        test=re.compile(r"^func\s+(?:\([^)]*\)\s*)?(?:Test|Fuzz|Example)\w*\("),
        assertion=re.compile(
            r"^\s*(?:[tb]\.(?:Error|Errorf|Fatal|Fatalf|Fail|FailNow)\(|(?:\w+\.)?(?:assert|require)\.\w+\(|Expect\()"
        ),
        skip=re.compile(
            r"\b[tbf]\.Skip(?:f|Now)?\(|\btesting\.Short\(\)|//go:build\s+(?:ignore|never)|//\s*\+build\s+ignore"
        ),
        condition=re.compile(r"^\s*(?:\}\s*else\s+)?if\b.*\{\s*$"),
    ),
}


@dataclass(frozen=True)
class Weakening:
    """What of the tests a change took away, as counts: no text of the project's, so it may be told anywhere (R7)."""

    files: int = 0
    tests: int = 0
    assertions: int = 0
    skips: int = 0
    unseen: bool = False
    """There are more changed files than GitHub names: what can't be seen can't be vouched for."""

    def __bool__(self) -> bool:
        return bool(self.files or self.tests or self.assertions or self.skips or self.unseen)

    def __str__(self) -> str:
        counted = (
            (self.files, "test file", "removed"),
            (self.tests, "test", "removed"),
            (self.assertions, "assertion", "removed or altered"),
            (self.skips, "skip or expected failure", "added"),
        )
        said = [f"{n} {what}{'s' if n > 1 else ''} {done}" for n, what, done in counted if n]
        return ", ".join([*said, *(["more changed files than can be looked through"] if self.unseen else [])])


def language_of(path: str) -> Language | None:
    """The row of `LANGUAGES` that a file belongs to; None for any other file."""
    suffix = PurePosixPath(path).suffix
    return next((one for one in LANGUAGES.values() if suffix in one.suffixes), None)


def is_test(path: str) -> bool:
    """Whether a path is a test file's, by its name or by a folder that it is in."""
    language, where = language_of(path), PurePosixPath(path)
    return language is not None and (
        any(fnmatchcase(where.name, glob) for glob in language.names)
        or any(folder in language.folders for folder in where.parts[:-1])
    )


Read = Callable[[str], str]
"""A file's text by its path, at one of the two commits."""


def weakened(compared: Comparison, before: Read, after: Read) -> Weakening:
    """What the changes between two commits took away from the tests; nothing is falsy.

    `before` and `after` give a changed file's text at either commit; they are asked for files of `LANGUAGES` only.
    """
    was, now = Tests(), Tests()
    gone: list[tuple[str, Tests]] = []
    for changed in compared.files:
        if changed.status == "copied":
            continue
        old = Tests() if changed.status == "added" else tests_of(changed.before, before)
        new = Tests() if changed.status == "removed" else tests_of(changed.path, after)
        if changed.status == "removed" and is_test(changed.before):
            gone.append((changed.before, old))
        was, now = was + old, now + new
    lost, skipped, fewer = was.assertions - now.assertions, now.skips - was.skips, max(0, was.tests - now.tests)
    # A file whose tests all stand elsewhere now was moved; one that held none supported others.
    removed = [path for path, old in gone if fewer or old.assertions & lost or not old.assertions]
    return Weakening(
        files=len(removed), tests=fewer, assertions=lost.total(), skips=skipped.total(), unseen=not compared.whole
    )


@dataclass(frozen=True)
class Tests:
    """The tests of a file, or of several: how many, what they assert, what switches some of them off."""

    tests: int = 0
    assertions: Counter[str] = field(default_factory=Counter)
    skips: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: Tests) -> Tests:
        return Tests(self.tests + other.tests, self.assertions + other.assertions, self.skips + other.skips)


def tests_of(path: str, read: Read) -> Tests:
    """The tests of a file: of all of it, or of what follows its language's mark of tests within a source file."""
    language = language_of(path)
    if language is None or not (is_test(path) or language.inline):
        return Tests()
    lines = read(path).splitlines()
    if not is_test(path) and language.inline is not None:
        mark = language.inline
        lines = lines[next((at for at, line in enumerate(lines) if mark.match(line)), len(lines)) :]
    return Tests(
        tests=sum(1 for line in lines if language.test.match(line)),
        assertions=Counter(_assertions(lines, language)),
        skips=Counter(found[0] for line in lines if not _comment(line) and (found := language.skip.search(line))),
    )


def _comment(line: str) -> bool:
    text = line.lstrip()
    return text.startswith(("//", "# ", "#:")) and not text.startswith(("//go:build", "// +build"))


def _assertions(lines: Sequence[str], language: Language) -> Iterator[str]:
    at = 0
    while at < len(lines):
        if _comment(lines[at]) or not language.assertion.match(lines[at]):
            at += 1
            continue
        end = _end(lines, at, language.quotes)
        begin = at
        if language.condition is not None and at and language.condition.match(lines[at - 1]):
            begin -= 1
        # Without its layout, which a formatter may alter.
        yield re.sub(r",(?=[)\]}])", "", re.sub(r"\s+", "", "".join(lines[begin:end])))
        at = end


def _end(lines: Sequence[str], begin: int, quotes: str) -> int:
    """The line after the statement that begins here: where its brackets are closed and nothing goes on."""
    depth = 0
    for at in range(begin, min(begin + _LONGEST, len(lines))):
        depth += _opened(lines[at], quotes)
        following = lines[at + 1].lstrip() if at + 1 < len(lines) else ""
        if depth <= 0 and not lines[at].endswith("\\") and not following.startswith("."):
            return at + 1
    return begin + 1


def _opened(line: str, quotes: str) -> int:
    """How many more brackets a line opens than it closes, those within quotes left out."""
    depth, quote, escaped = 0, "", False
    for letter in line:
        if escaped:
            escaped = False
        elif quote:
            escaped = letter == "\\"
            quote = "" if letter == quote else quote
        elif letter in quotes:
            quote = letter
        elif letter in "([{":
            depth += 1
        elif letter in ")]}":
            depth -= 1
    return depth
