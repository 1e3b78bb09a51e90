"""Detects from a project's files which commands lint it: one function for each language.

What there is to lint is read from the head commit. How it is linted, whether mypy is run or which npm scripts are, is
read from the default branch, so that a pull request can't switch its own gate off. Only where the default branch has
no project of that language yet does the pull request's own configuration count.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pressplay.gates.lint.files import Files, below, joined, table, text
from pressplay.gates.lint.marks import language_of

ROOT = ""
"""The directory of a project that is the whole repository."""
FOLDER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
"""Folders that are looked into where the root holds no project; others are nobody's project."""
_RUFF = ("ruff.toml", ".ruff.toml")
_MYPY = ("mypy.ini", ".mypy.ini")
_PYTHON = ("pyproject.toml", "setup.py", "setup.cfg", "requirements.txt", "Pipfile")
_GOLANGCI = (".golangci.yml", ".golangci.yaml", ".golangci.toml", ".golangci.json")
_PRETTIER = re.compile(r"\.prettierrc(\..+)?|prettier\.config\..+")
_INSTALLS = {
    "package-lock.json": ("npm", "npm ci --ignore-scripts --no-audit --no-fund"),
    "npm-shrinkwrap.json": ("npm", "npm ci --ignore-scripts --no-audit --no-fund"),
    "pnpm-lock.yaml": ("pnpm", "pnpm install --frozen-lockfile --ignore-scripts"),
    "yarn.lock": ("yarn", "yarn install --frozen-lockfile --ignore-scripts"),
}
"""A lock file → the program that reads it, and how that installs what it names without running anything of it."""
_BERRY = "YARN_NODE_LINKER=node-modules yarn install --immutable --mode=skip-build"
"""The same of yarn from version 2 on, whose lock file begins with `__metadata`."""
LARGEST_LOCK = 20_000_000
"""Bytes of the largest lock file of yarn's whose version is looked at."""
_LINTS = ("lint", "lint:check")
_FORMATS = ("format:check", "check:format", "fmt:check", "prettier:check")
_TYPES = ("typecheck", "type-check", "check-types")
SCRIPTS = (*_LINTS, *_FORMATS, *_TYPES)
"""Scripts of a package.json that the gate runs if it has them."""


@dataclass(frozen=True)
class LintCommand:
    """One command of a gate."""

    label: str
    """The name that people see: our own words, or a number (R7)."""
    line: str
    """The command line for the shell."""
    probe: str = ""
    """A command that ends well where the tool is there; empty: none is asked."""
    sees: str = ""
    """A command that prints something if there is something to lint; empty: no such check."""


@dataclass(frozen=True)
class LintTask:
    """A command and the folder in which it runs, as the repository has it ('' for its root)."""

    folder: str
    command: LintCommand


def detect(head: Files, base: Files) -> dict[str, tuple[LintTask, ...]]:
    """The commands by language, in the order of `LANGUAGES`; none for a language that is not there.

    `head` is the commit that is linted, `base` the default branch; Unreadable if what decides that can't be read.
    Projects are looked for in the root, and where
    that holds none in its folders. Where the default branch has its projects in folders, a first file in the root does
    not hide them.
    """
    folders = tuple(name for name in head.folders(ROOT) if FOLDER.fullmatch(name))
    if not _in_folders(head, base, (ROOT,)):
        return _in_folders(head, base, folders)
    if _in_folders(base, base, (ROOT,)):
        folders = ()
    return _in_folders(head, base, (ROOT, *(name for name in folders if _in_folders(base, base, (name,)))))


def _in_folders(head: Files, base: Files, folders: tuple[str, ...]) -> dict[str, tuple[LintTask, ...]]:
    tasks_by_language = {}
    for language, (is_there, commands) in LANGUAGES.items():
        tasks = [
            LintTask(folder, command)
            for folder in folders
            if is_there(head, folder)
            for command in commands(head, base if is_there(base, folder) else head, folder)
        ]
        if tasks:
            tasks_by_language[language] = tuple(tasks)
    return tasks_by_language


def _table(content: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    for name in path:
        inner = content.get(name)
        content = inner if isinstance(inner, Mapping) else {}
    return content


def _has(files: Files, folder: str, language: str) -> bool:
    """Whether a folder has, at any depth, plain files of a language."""
    return any(
        below(path, folder) and language_of(path) == language and entry.kind == "file"
        for path, entry in files.entries.items()
    )


# --- Rust -----------------------------------------------------------------------------------------------------------


def _is_rust(files: Files, folder: str) -> bool:
    return "Cargo.toml" in files.names(folder)


def _rust(_head: Files, settled: Files, folder: str) -> Iterator[LintCommand]:
    manifest = table(settled, joined(folder, "Cargo.toml"))
    levels = (_table(manifest, "lints", "clippy"), _table(manifest, "workspace", "lints", "clippy"))
    # A project that sets its own level for pedantic keeps it.
    pedantic = "" if any("pedantic" in table for table in levels) else " -W clippy::pedantic"
    yield LintCommand("cargo fmt", "cargo fmt --all --check", "cargo fmt --version")
    yield LintCommand(
        "cargo clippy",
        f"cargo clippy --workspace --all-targets --all-features -- -D warnings{pedantic}",
        "cargo clippy --version",
    )


# --- Python ---------------------------------------------------------------------------------------------------------


def _is_python(files: Files, folder: str) -> bool:
    names = files.names(folder)
    # A single script in another language's project does not make a Python project.
    alone = not any(name in names for name in ("Cargo.toml", "package.json", "go.mod"))
    return any(name in names for name in _PYTHON) or (alone and any(name.endswith(".py") for name in names))


def _python(head: Files, settled: Files, folder: str) -> Iterator[LintCommand]:
    names, tools = settled.names(folder), _table(table(settled, joined(folder, "pyproject.toml")), "tool")
    configured = "ruff" in tools or any(name in names for name in _RUFF)
    # What configures nothing is held to ruff's own rules, not to those of a folder that the checkout happens to lie in.
    alone = "" if configured else " --isolated"
    # What is committed is linted, whether git would ignore it or not.
    of_all = f"--no-cache --no-respect-gitignore{alone}"
    listed = f"ruff check {of_all} --show-files . | grep -E '[.](pyi?|ipynb)$'"
    sees = listed if _has(head, folder, "python") else ""
    yield LintCommand("ruff check", f"ruff check {of_all} --output-format=concise .", "ruff --version", sees)
    if configured and "black" not in tools:
        yield LintCommand("ruff format", f"ruff format {of_all} --check .", "ruff --version", sees)
    mypy = _mypy(settled, folder, tools)
    if mypy is not None:
        yield LintCommand("mypy", "mypy" if mypy else "mypy .", "mypy --version")


def _mypy(settled: Files, folder: str, tools: Mapping[str, Any]) -> bool | None:
    """Whether mypy's configuration names what to check; None if mypy is not configured."""
    if "mypy" in tools:
        return any(name in _table(tools, "mypy") for name in ("files", "packages", "modules"))
    for name in (*_MYPY, "setup.cfg"):
        content = text(settled, joined(folder, name))
        if content is not None and re.search(r"^\[mypy\]", content, re.MULTILINE):
            return re.search(r"^(?:files|packages|modules)\s*=", content, re.MULTILINE) is not None
    return None


# --- TypeScript and JavaScript --------------------------------------------------------------------------------------


def _is_typescript(files: Files, folder: str) -> bool:
    return "package.json" in files.names(folder)


def _typescript(head: Files, settled: Files, folder: str) -> Iterator[LintCommand]:
    package, names = table(settled, joined(folder, "package.json")), settled.names(folder)
    scripts = _table(package, "scripts")
    runner, install = installs(settled, folder)
    commands = []
    for ours, choices in (("lint", _LINTS), ("format", _FORMATS), ("types", _TYPES)):
        chosen = next((script for script in choices if script in scripts), None)
        if chosen is not None:
            commands.append(
                LintCommand(f"{runner} run {chosen}", f"{runner} run --silent {chosen}", f"{runner} --version")
            )
        elif ours == "format" and ("prettier" in package or any(_PRETTIER.fullmatch(name) for name in names)):
            commands.append(_installed("prettier", "--check --ignore-path .prettierignore ."))
        elif ours == "types" and "tsconfig.json" in head.names(folder):
            commands.append(_installed("tsc", "--noEmit"))
    if commands and install and "node_modules" not in head.names(folder):
        yield LintCommand(install.partition(" --")[0], install, f"{runner} --version")
    yield from commands


def installs(files: Files, folder: str) -> tuple[str, str]:
    """The package manager of a folder with a package.json, and how it installs; an empty text without a lock file."""
    names = files.names(folder)
    lock = next((name for name in _INSTALLS if name in names), None)
    if lock is None:
        return "npm", ""
    runner, install = _INSTALLS[lock]
    berry = runner == "yarn" and "\n__metadata:" in (text(files, joined(folder, lock), LARGEST_LOCK) or "")
    return runner, _BERRY if berry else install


def _installed(tool: str, arguments: str) -> LintCommand:
    """A program that the project's own packages bring, or the image."""
    path = 'PATH="$PWD/node_modules/.bin:$PATH"'
    return LintCommand(tool, f"{path} {tool} {arguments}", f"{path} {tool} --version")


# --- Go -------------------------------------------------------------------------------------------------------------


def _is_go(files: Files, folder: str) -> bool:
    return "go.mod" in files.names(folder)


def _go(head: Files, settled: Files, folder: str) -> Iterator[LintCommand]:
    unformatted = "find . -name '*.go' ! -path '*/testdata/*' ! -path './vendor/*' -exec gofmt -l {} +"
    # gofmt exits with 0 even if it lists files, and each listed file is a finding.
    yield LintCommand("gofmt", f'listed=$({unformatted}) && echo "$listed" && test -z "$listed"', "go version")
    sees = "go list -e ./..." if _has(head, folder, "go") else ""
    yield LintCommand("go vet", "go vet ./...", "go version", sees)
    if any(name in settled.names(folder) for name in _GOLANGCI):
        yield LintCommand("golangci-lint", "golangci-lint run ./...", "golangci-lint --version")


LANGUAGES: Mapping[str, tuple[Callable[[Files, str], bool], Callable[[Files, Files, str], Iterator[LintCommand]]]] = {
    "rust": (_is_rust, _rust),
    "python": (_is_python, _python),
    "typescript": (_is_typescript, _typescript),
    "go": (_is_go, _go),
}
"""Language → whether a folder holds a project of it, and what lints that."""
CUSTOM = "custom"
"""In the place of a language: the commands that the values give."""


def given(lines: list[str]) -> dict[str, tuple[LintTask, ...]]:
    """The commands of `lint.commands`, each run in the repository's root."""
    return {CUSTOM: tuple(LintTask(ROOT, LintCommand(f"command {n}", line)) for n, line in enumerate(lines, start=1))}
