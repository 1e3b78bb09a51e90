"""The environment contract that a repository's files propose, where neither a file nor the values give one.

It is read from the default branch's files. Projects of a language are looked for in the root, and where that holds
none with tests in its folders, and in folders of these that hold none (`services/api`).
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from pressplay.gates import tests
from pressplay.gates.lint import detect as lint
from pressplay.gates.lint import files as files_
from pressplay.gates.lint.files import Files, at, below, folder_of, joined, name_of
from pressplay.gates.lint.marks import language_of
from pressplay.gates.lint.projects import LEFT_OUT
from pressplay.gates.proving import node_scripts
from pressplay.gates.proving.model import Environment, Language, Project
from pressplay.github.committed import LARGEST, Unreadable
from pressplay.validation.report import Invalid, shown
from pressplay.validation.yamlsource import load_strict

FILE = ".press-play/gates.yaml"
"""Where a repository's own contract is."""
_NOT_PROJECTS = frozenset({"examples", "example", "fixtures", "third_party", "vendor", "testdata", "templates"})
_SKIPPED = _NOT_PROJECTS.union(*LEFT_OUT.values())
"""Folders in which no project of the repository's own is looked for."""
_MOST = 50
"""Projects of a repository, as in the schema."""


@dataclass(frozen=True)
class Advice:
    """What keeps a project from being proven, and what to do. Paths in it are the default branch's."""

    message: str
    do: str

    def __str__(self) -> str:
        return f"{self.message}; {self.do}"


@dataclass(frozen=True)
class Contract:
    """The environment contract that counts, and what was not detected."""

    environment: Environment
    advice: tuple[Advice, ...] = ()


def detect(files: Files) -> Contract:
    """The projects in the files of the default branch; a folder has one. What can't be read makes no project."""
    remarks: list[Advice] = []
    projects: dict[str, Project] = {}
    for language, look in _LOOK.items():
        for project in _of_language(files, language, look, remarks):
            other = projects.get(project.folder)
            if other is None:
                projects[project.folder] = project
                continue
            both = bool(other.test and project.test)
            kept, left = sorted((other, project), key=lambda candidate: _weight(files, candidate), reverse=True)
            projects[project.folder] = kept
            if both:
                remarks.append(
                    Advice(
                        f"{_place(kept.folder)} has tests in {kept.language} and {left.language}, and only the first "
                        "are run",
                        f"write down one command in {FILE} that runs both",
                    )
                )
    listed = sorted(projects.values(), key=lambda project: project.folder)
    if len(listed) > _MOST:
        remarks.append(
            Advice(f"only the first {_MOST} of {len(listed)} projects are taken", f"write those that count into {FILE}")
        )
    return Contract(Environment(tuple(listed[:_MOST]), "detected"), tuple(remarks))


def _weight(files: Files, project: Project) -> tuple[bool, int]:
    """Which of two projects in one folder counts: one with tests, then the one with more code."""
    code = sum(below(path, project.folder) and language_of(path) == project.language for path in files.entries)
    return bool(project.test), code


def _place(folder: str) -> str:
    return folder or "the root"


Look = Callable[[Files, str, list[Advice]], Project | None]


def _of_language(files: Files, language: Language, look: Look, remarks: list[Advice]) -> Iterator[Project]:
    """The projects of one language: the root's, if it has tests, else those of folders."""
    is_there = lint.LANGUAGES[language][0]

    def project(folder: str) -> tuple[Project | None, list[Advice]]:
        notes: list[Advice] = []
        if not is_there(files, folder):
            return None, notes
        try:
            return look(files, folder, notes), notes
        except Unreadable as error:
            message = f"{_place(folder)}: no project was detected, since {shown(error.path)} is {error.why}"
            return None, [Advice(message, f"correct it, or write the project into {FILE}")]

    root, notes = project(lint.ROOT)
    if root is not None and root.test:
        remarks += notes
        yield root
        return
    inner = list(_in_folders(files, is_there, project, remarks))
    if root is None or not any(candidate.test for candidate in inner):
        remarks += notes
    if root is not None and not any(candidate.test for candidate in inner):
        yield root
    else:
        yield from inner


def _in_folders(
    files: Files,
    is_there: Callable[[Files, str], bool],
    project: Callable[[str], tuple[Project | None, list[Advice]]],
    remarks: list[Advice],
) -> Iterator[Project]:
    for folder in _folders(files, lint.ROOT):
        places = [folder] if is_there(files, folder) else _folders(files, folder)
        for place in places:
            candidate, notes = project(place)
            remarks += notes
            if candidate is not None:
                yield candidate


def _folders(files: Files, folder: str) -> list[str]:
    return [
        joined(folder, name) for name in files.folders(folder) if lint.FOLDER.fullmatch(name) and name not in _SKIPPED
    ]


# --- Rust -------------------------------------------------------------------------------------------------------------


def _rust(files: Files, folder: str, _notes: list[Advice]) -> Project:
    locked = " --locked" if "Cargo.lock" in files.names(folder) else ""
    return Project(
        folder,
        "rust",
        test="cargo test --workspace --no-fail-fast",
        report="libtest",
        setup=(f"cargo fetch{locked}",),
        caches=("target",),
    )


# --- Go ---------------------------------------------------------------------------------------------------------------


def _go(files: Files, folder: str, _notes: list[Advice]) -> Project:
    vendored = "vendor" in files.names(folder)
    return Project(
        folder,
        "go",
        test="go test -json -count=1 ./...",
        report="go-json",
        setup=() if vendored else ("go mod download",),
    )


# --- Python -----------------------------------------------------------------------------------------------------------

_MANIFESTS = ("pyproject.toml", "setup.py", "setup.cfg", "Pipfile")
_MENTION_PYTEST = re.compile(r"pyproject\.toml|setup\.(?:cfg|py)|tox\.ini|Pipfile|requirements[\w.-]*\.(?:txt|in)")
_PYTEST = re.compile(r"\bpytest\b")
_IMPORTS = re.compile(r"^\s*(?:import|from)\s+pytest\b", re.MULTILINE)
_LOOKED_INTO = 200
"""Test files that are read, at most, to tell their framework."""
_CONFTEST = "conftest.py"


def _python(files: Files, folder: str, notes: list[Advice]) -> Project | None:
    project = _python_tests(files, folder, notes)
    names = files.names(folder)
    if project.test and _needs_packages(files, folder):
        message = f"{_place(folder)}: no setup is detected for Python, and its tests need packages"
        notes.append(Advice(message, f"put them into the image tests.images.python, or write setup into {FILE}"))
    # Scripts beside another project are no project of their own.
    return project if project.test or any(name in names for name in (*_MANIFESTS, "requirements.txt")) else None


def _needs_packages(files: Files, folder: str) -> bool:
    """Whether a project names packages, as far as is easily seen."""
    project = at(_table(files, joined(folder, "pyproject.toml")), "project", "dependencies")
    poetry = at(_table(files, joined(folder, "pyproject.toml")), "tool", "poetry", "dependencies")
    listed = [line for line in _text(files, joined(folder, "requirements.txt")).splitlines() if _NEED.match(line)]
    others = isinstance(poetry, Mapping) and len(poetry.keys() - {"python"}) > 0
    return bool(project) or others or bool(listed) or "Pipfile" in files.names(folder)


_NEED = re.compile(r"\s*[A-Za-z0-9]")


def _table(files: Files, path: str) -> Mapping[str, object]:
    try:
        return files_.table(files, path)
    except Unreadable:
        return {}


def _python_tests(files: Files, folder: str, notes: list[Advice]) -> Project:
    names = files.names(folder)
    nested = [
        folder_of(path)
        for path in files.entries
        if name_of(path) in _MANIFESTS and below(path, folder) and folder_of(path) != folder
    ]
    test_files = sorted(
        path
        for path, entry in files.entries.items()
        if entry.kind == "file"
        and below(path, folder)
        and path.endswith(".py")
        and tests.is_test(path)
        and name_of(path) != "__init__.py"
        and not any(below(path, inner) for inner in nested)
        and not _SKIPPED & set(path.split("/")[:-1])
    )
    source = _source_path(files, folder)
    if _is_pytest(files, folder, test_files):
        command = (
            f'{source}python3 -m pytest -q -p no:cacheprovider --junitxml="$REPORT" --continue-on-collection-errors'
        )
        return Project(folder, "python", command, "junit") if test_files else Project(folder, "python", "", "exit")
    if "manage.py" in names and test_files:
        return Project(folder, "python", "python3 manage.py test -v 2 --noinput", "unittest")
    discovered = [path for path in test_files if re.fullmatch(r"test.*\.py", name_of(path))]
    if not discovered:
        if test_files:
            message = f"{_place(folder)}: its tests are neither pytest's nor named test*.py, as unittest wants them"
            notes.append(Advice(message, f"write its test command into {FILE}"))
        return Project(folder, "python", "", "exit")
    starts = sorted({_start(files, folder, path) for path in discovered})
    runs = [
        f"{source}python3 -m unittest discover -v{f' -s {shlex.quote(start)}' if start else ''}" for start in starts
    ]
    if len(runs) > 1:
        all_runs = " ".join(f"{run} || failed=1;" for run in runs)
        return Project(folder, "python", f"failed=0; {all_runs} (exit $failed)", "unittest")
    return Project(folder, "python", runs[0], "unittest")


def _is_pytest(files: Files, folder: str, test_files: list[str]) -> bool:
    """Whether a project's files mention pytest."""
    names = files.names(folder)
    if "pytest.ini" in names or any(name_of(path) == _CONFTEST for path in test_files) or _CONFTEST in names:
        return True
    mentions = [joined(folder, name) for name in names if _MENTION_PYTEST.fullmatch(name)]
    mentions += [joined(folder, f"requirements/{name}") for name in files.names(joined(folder, "requirements"))]
    if any(_PYTEST.search(_text(files, path)) for path in mentions):
        return True
    return any(_IMPORTS.search(_text(files, path)) for path in test_files[:_LOOKED_INTO])


def _text(files: Files, path: str) -> str:
    """A file's text; empty for what is no text: it mentions nothing."""
    try:
        return files_.text(files, path) or ""
    except Unreadable:
        return ""


def _source_path(files: Files, folder: str) -> str:
    """What makes a `src` layout importable without an installation."""
    src = joined(folder, "src")
    inner = files.names(src)
    is_layout = "__init__.py" not in inner and (
        any(name.endswith(".py") for name in inner)
        or any("__init__.py" in files.names(joined(src, name)) for name in files.folders(src))
    )
    return "PYTHONPATH=src " if is_layout else ""


def _start(files: Files, folder: str, path: str) -> str:
    """Where unittest must begin to find a test file: above its topmost package; '' for the project's folder."""
    start = folder_of(path)
    while start != folder and "__init__.py" in files.names(start):
        start = folder_of(start)
    return start if not folder else start.removeprefix(folder).lstrip("/")


# --- TypeScript and JavaScript ----------------------------------------------------------------------------------------


def _typescript(files: Files, folder: str, notes: list[Advice]) -> Project | None:
    package = files_.table(files, joined(folder, "package.json"))
    own = node_scripts.package_tests(_scripts(package))
    members = _members(files, folder, package)
    build = [f"{node_scripts.ENVIRONMENT} && {line}" for line in own.build]
    parts = [("", part) for part in own.parts]
    if not parts and members:
        for member in members:
            of_member = node_scripts.package_tests(_scripts(_table(files, joined(folder, f"{member}/package.json"))))
            inside = f"cd {shlex.quote(member)} && {node_scripts.ENVIRONMENT}"
            build += [f"{node_scripts.ENVIRONMENT} && {inside} && {line}" for line in of_member.build]
            parts += [(member, part) for part in of_member.parts]
            if of_member.why:
                where = _place(joined(folder, member))
                message = f"{where}: its tests are not run, since its test script {of_member.why}"
                notes.append(Advice(message, f"write the test command of {_place(folder)} into {FILE}"))
        if parts and own.why:
            message = f"{_place(folder)}: the members' own test scripts are run, since that of the root {own.why}"
            notes.append(Advice(message, f"if they need one another's build, write its command into {FILE}"))
    elif own.why:
        message = f"{_place(folder)}: no test command was detected, since its test script {own.why}"
        notes.append(Advice(message, f"write the test command into {FILE}"))
    test = node_scripts.command(parts) if parts else node_scripts.Part("", "exit")
    if parts and test.report == "exit":
        message = f"{_place(folder)}: how its tests report is not known, so that only the whole run passes or fails"
        notes.append(Advice(message, f"write a test command with a report into {FILE}"))
    setup, packages = _installed(files, folder, package, members, notes)
    return Project(folder, "typescript", test.line, test.report, setup, tuple(build), packages=packages)


def _scripts(package: Mapping[str, object]) -> Mapping[str, object]:
    scripts = package.get("scripts")
    return scripts if isinstance(scripts, Mapping) else {}


def _installed(
    files: Files, folder: str, package: Mapping[str, object], members: list[str], notes: list[Advice]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """`setup` and `packages` of a project with a package.json: nothing of the packages is run."""
    if "node_modules" in files.names(folder):
        return (), ()
    _, install = lint.installs(files, folder)
    needs = any(at(package, key) for key in ("dependencies", "devDependencies", "optionalDependencies"))
    if not install and (needs or members):
        install = "npm install --ignore-scripts --no-package-lock --no-audit --no-fund"
        message = f"{_place(folder)}: it has no lock file, so that each run may get other packages"
        notes.append(Advice(message, "commit one"))
    if not install:
        return (), ()
    return (install,), ("node_modules", *(f"{member}/node_modules" for member in members))


def _members(files: Files, folder: str, package: Mapping[str, object]) -> list[str]:
    """The folders of a workspace's members, relative to its own; empty if it is none."""
    listed = at(package, "workspaces")
    if isinstance(listed, Mapping):
        listed = listed.get("packages")
    workspace = joined(folder, "pnpm-workspace.yaml")
    if workspace in files.entries:
        try:
            content = load_strict(files.content(workspace) or b"", workspace, LARGEST).value
        except Invalid as error:
            raise Unreadable(workspace, "not plain YAML") from error
        listed = at(content, "packages")
    patterns = [pattern for pattern in listed if isinstance(pattern, str)] if isinstance(listed, list) else []
    wanted = [_glob(pattern) for pattern in patterns if not pattern.startswith("!")]
    out = [_glob(pattern[1:]) for pattern in patterns if pattern.startswith("!")]
    members = set()
    for path in files.entries:
        place = folder_of(path)
        if name_of(path) != "package.json" or place == folder or not below(path, folder):
            continue
        member = place[len(folder) :].lstrip("/")
        names = member.split("/")
        if not all(lint.FOLDER.fullmatch(name) for name in names) or "node_modules" in names:
            continue
        if any(glob.fullmatch(member) for glob in wanted) and not any(glob.fullmatch(member) for glob in out):
            members.add(member)
    return sorted(members)[:_MOST]


def _glob(pattern: str) -> re.Pattern[str]:
    return files_.glob(files_.normal("", pattern) or "")


_LOOK: Mapping[Language, Look] = {"rust": _rust, "python": _python, "typescript": _typescript, "go": _go}
