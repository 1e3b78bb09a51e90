"""What the tests gate runs, and what it gets: projects, variants of the tree, results by test.

Everything here is data. Texts of tests, paths and messages are strangers' (R7).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

from pressplay.domain.profiles import PROFILES as PROFILES
from pressplay.domain.profiles import Profile as Profile

Language = Literal["python", "rust", "typescript", "go", "other"]
"""Decides the image, and how functions are found; `other`: no controls can be made."""
LANGUAGES: tuple[Language, ...] = get_args(Language)

ReportKind = Literal["junit", "unittest", "go-json", "libtest", "jest-json", "tap", "exit"]
"""How a test command says what each test did.

`junit` and `jest-json`: a file at `$REPORT`. `go-json` (`go test -json`), `libtest` (`cargo test`), `unittest`
(`python -m unittest -v`) and `tap`: its output, standard error included. `exit`: its exit status alone, as one test.
"""
REPORT_KINDS: tuple[ReportKind, ...] = get_args(ReportKind)


@dataclass(frozen=True)
class Service:
    """What runs beside a project's tests (a database), at the same localhost: fresh for each of their runs."""

    name: str
    image: str
    """By its digest: `repository@sha256:…`."""
    command: str
    """The line that starts it in its image, in the foreground."""
    process: str = ""
    """The line that starts it on this machine, in the sandbox; empty: there it can't be had."""
    env: tuple[tuple[str, str], ...] = ()
    """Variables of both lines."""
    ports: tuple[int, ...] = ()
    """It is ready once it listens on all of these TCP ports, …"""
    ready: str = ""
    """… and this line ends with 0, if there is one."""
    seconds: int = 60
    """What it may take to become ready."""
    data: tuple[str, ...] = ()
    """Folders of its image that it writes to: empty at each start."""
    user: int | None = None
    """As whom it runs; None: as the image says, or as the Pod does."""


@dataclass(frozen=True)
class Project:
    """One project of a repository, and how gates build and test it."""

    folder: str
    """As the repository has it; '' for its root."""
    language: Language
    test: str
    """The command line; empty: there are no tests to run."""
    report: ReportKind
    setup: tuple[str, ...] = ()
    """Command lines that fetch packages, through the package proxy only."""
    build: tuple[str, ...] = ()
    lint: tuple[str, ...] = ()
    """Command lines in the place of those that the lint gate detects."""
    generated: tuple[str, ...] = ()
    """Globs, as in .gitignore, of files that nobody writes by hand: no control changes them."""
    packages: tuple[str, ...] = ()
    """Folders below `folder` where `setup` leaves packages (`node_modules`, `.venv`): kept from run to run, and
    nothing else may change them."""
    caches: tuple[str, ...] = ()
    """Folders below `folder` that are kept from run to run, and that runs may change (`target`)."""
    minutes: int = 10
    """What one run of the tests may take."""
    shards: int = 1
    """In how many parts its tests run side by side, each in a Pod of its own (`shards`)."""
    network: bool = False
    """Whether its tests need a network, which gates never give: such a project is undecided."""
    services: tuple[Service, ...] = ()
    """What runs beside its tests and its probes, but not beside `setup` and `build`."""


@dataclass(frozen=True)
class Environment:
    """How a repository's projects are built and tested."""

    projects: tuple[Project, ...]
    origin: Literal["file", "values", "detected"]

    @property
    def without_tests(self) -> Environment:
        """The same, with no test to run: not by the contract, and not as one of a project's first tests."""
        untested = tuple(replace(project, test="", shards=1) for project in self.projects)
        return Environment(untested, "values")


ControlKind = Literal["bodies", "body", "hunk", "mutant"]


@dataclass(frozen=True)
class Control:
    """The head with one thing spoilt on purpose: tests that prove something notice it."""

    kind: ControlKind
    """`bodies`: all changed functions return at once; `body`: one does, or a group of them; `hunk`: one hunk of the
    source is taken back; `mutant`: one operator or literal is another."""
    path: str
    """The file, or the first of several."""
    line: int
    """At the head, from 1."""
    label: str
    """What was changed, in few words: strangers' names are in it (R7)."""
    files: Mapping[str, bytes | None] = field(repr=False)
    """Path → content in the place of the head's; None: the file is gone."""
    weak: bool = False
    """Whether a test that only reaches the code notices it, whatever it asserts (a panic in place of a value)."""
    same: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """Of emptied functions: the files with as much text more, that do what the head does."""


BEFORE, BASE, HEAD = "before", "base", "head"
"""Variants of the tree: the base as it is, its program with the head's tests, the head. Controls are `c1`, `c2` …"""
SAME = "same"
"""The variant, if there is one, that does what the head does in other words: what fails there looks at the text."""

Status = Literal["passed", "failed", "missing", "error", "skipped"]
"""`failed`: by an assertion, or by what the tested code does. `missing`: the test names what is not there (an import,
an attribute, a parameter): it did not build. `error`: it could not be run for any other reason (a fixture, a time
limit)."""


@dataclass(frozen=True)
class TestResult:
    """What one test did in one run."""

    __test__ = False
    """Not a test class, although pytest would take it for one by its name."""
    status: Status
    message: str = field(default="", repr=False)
    """The first line of why: strangers' text (R7)."""
    unbuilt: bool = False
    """Of `missing`: whether the test could not even be loaded (an import, a syntax or a compile error)."""


@dataclass(frozen=True)
class TestRun:
    """One run of a project's tests on a variant."""

    __test__ = False
    tests: Mapping[str, TestResult]
    """By id: the project's folder, the file or class, the name. Empty where nothing was reported."""
    exit_status: int | None
    """Of the test command; None if it was not run, or not to its end."""
    problem: Literal["", "setup", "build", "timeout", "tool", "report", "tampered", "lost", "service"] = ""
    """Why there are no results, or not all: `setup` or `build` failed, its time ran out, a tool is not there, the
    report can't be read, something changed the packages, the container was lost, a service was not there."""
    log: str = field(default="", repr=False)
    """The end of what it printed: strangers' text (R7)."""
    seconds: float = 0.0
