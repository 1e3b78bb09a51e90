"""The environment contract, `.press-play/gates.yaml`: read with all its faults, and written.

What counts is the default branch's file, or the values', never a pull request's.
"""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

import yaml
from pathspec import GitIgnoreSpec

from pressplay.gates.lint.files import Files, normal
from pressplay.gates.proving.detection import FILE, Advice, Contract, detect
from pressplay.gates.proving.model import Environment, Project, Service
from pressplay.github.committed import Unreadable
from pressplay.plaintext import plain
from pressplay.validation import packaged
from pressplay.validation.report import Invalid, invalid, shown
from pressplay.validation.schema import by_place, check
from pressplay.validation.yamlsource import Path, Place, Source, load_strict

MOST_SERVICES = 10
"""Of all projects of one language, which share a Pod: as many as the chart's template watches."""
LONGEST = 64 * 1024
"""Bytes of the file."""
_PLAIN = re.compile(r"[A-Za-z0-9._@+~][A-Za-z0-9._@+~/-]*")
"""Folders whose names no shell takes for anything else."""
_ROOT = "."
"""How the file writes the folder that `Project` has as ''."""


def choose(files: Files, values: Mapping[str, Any] | None = None) -> Environment:
    """See `contract`."""
    return contract(files, values).environment


def contract(files: Files, values: Mapping[str, Any] | None = None, where: str = FILE) -> Contract:
    """The contract that counts: the default branch's file, else the values' (`tests.environment`), else detected.

    `files` are the default branch's; `where` is what errors call its file. Raises Invalid if the file, or the values,
    are wrong: another contract in their place would be nobody's wish.
    """
    try:
        text = files.content(FILE)
    except Unreadable as error:
        raise invalid(where, f"expected a plain file, got {error.why}", "commit it as a plain file") from error
    if text is not None:
        return Contract(read(text, where))
    if values:
        return Contract(from_values(values, "tests.environment in the values"))
    return detect(files)


def lint_lines(contract: Environment) -> list[str]:
    """The lint commands that a contract names, each in its project's folder."""
    return [
        f"cd {shlex.quote(project.folder)} && {line}" if project.folder else line
        for project in contract.projects
        for line in project.lint
    ]


def read(text: bytes, where: str) -> Environment:
    """The contract in a file's bytes; `where` is what errors call it.

    Raises Invalid (an InputError) with all faults and their lines: not UTF-8, too long, not YAML, aliases, what the
    schema refuses, paths that lead out of the repository, two projects with one folder, globs that git does not know.
    """
    source = load_strict(text, where, LONGEST)
    if source.value is None:
        raise invalid(where, "expected a contract with projects, got an empty file", "write the key projects")
    return _checked(source, "file")


def from_values(values: Mapping[str, Any], where: str) -> Environment:
    """The contract in a part of the chart's values, of the same shape; Invalid as `read`, without lines."""
    return _checked(Source(where, values, {(): Place(where, 0, 0)}), "values")


def _checked(source: Source, origin: Literal["file", "values"]) -> Environment:
    problems = [*source.problems, *check(packaged.schema("gates"), source.value, source.place)]
    if not problems:
        problems = [source.problem(*finding) for finding in _meaning(source.value)]
    if problems:
        raise Invalid(by_place(problems))
    return Environment(tuple(_project(project) for project in source.value["projects"]), origin)


def _meaning(document: Mapping[str, Any]) -> Iterator[tuple[Path, str, str]]:
    """Where a document is wrong that its schema accepts, how, and what to do."""
    first: dict[str, int] = {}
    for index, project in enumerate(document["projects"]):
        path: Path = ("projects", index)
        fault = _fault_of_folder(project["folder"], root=True)
        if fault is not None:
            yield ((*path, "folder"), *fault)
        elif first.setdefault(project["folder"], index) != index:
            other = first[project["folder"]] + 1
            message = f"expected a folder of its own, got {shown(project['folder'])}, which is project {other}'s too"
            yield (*path, "folder"), message, "write one project whose test command runs both"
        for key in ("packages", "caches"):
            for number, folder in enumerate(project.get(key, ())):
                fault = _fault_of_folder(folder, root=False)
                if fault is not None:
                    yield ((*path, key, number), *fault)
        for number, glob in enumerate(project.get("generated", ())):
            try:
                GitIgnoreSpec.from_lines([glob])
            except ValueError:
                yield (*path, "generated", number), f"expected a glob as in .gitignore, got {shown(glob)}", "correct it"
        test = project.get("test", {})
        if test.get("shards", 1) > 1 and test["report"] == "exit":
            message = f"expected 1 where the report is exit, got {test['shards']}"
            yield (*path, "test", "shards"), message, "name the runner's kind of report, which says what each ran"
        yield from _faults_of_services(project.get("services", ()), path)
    for language, count in Counter(
        project["language"] for project in document["projects"] for _ in project.get("services", ())
    ).items():
        if count > MOST_SERVICES:
            message = f"expected at most {MOST_SERVICES} services in all projects of {language}, got {count}"
            yield ("projects",), message, "one Pod runs them: leave some out"


def _faults_of_services(services: Iterable[Mapping[str, Any]], path: Path) -> Iterator[tuple[Path, str, str]]:
    """What is wrong with services: none says when one is ready; two of a project, side by side, share name or port."""
    names: set[str] = set()
    ports: set[int] = set()
    for number, service in enumerate(services):
        if service["name"] in names:
            message = f"expected a name of its own, got {shown(service['name'])} again"
            yield (*path, "services", number, "name"), message, "rename it"
        if shared := ports & {*service.get("ports", ())}:
            message = f"expected ports of its own, got {min(shared)}, which another service of the project has"
            yield (*path, "services", number, "ports"), message, "have it listen on another port"
        if not service.get("ports") and not service.get("ready"):
            message = "expected ports or ready, got neither"
            yield (*path, "services", number), message, "say how it is seen to be ready"
        names.add(service["name"])
        ports |= {*service.get("ports", ())}


def _fault_of_folder(text: str, *, root: bool) -> tuple[str, str] | None:
    """Why a text is no folder of a repository in its one spelling, and what to do; None if it is."""
    if root and text == _ROOT:
        return None
    folder = normal("", text)
    if not _PLAIN.fullmatch(text):
        return f"expected letters, digits and . _ @ + ~ - in names of folders, got {shown(text)}", "rename the folder"
    if folder is None:
        return f"expected a folder inside the repository, got {shown(text)}", "write it relative, with / and without .."
    if not folder:
        advice = f"for the root write {_ROOT}" if root else "name a folder below the project's"
        return f"expected a folder, got {shown(text)}", advice
    return None if folder == text else (f"expected a folder, got {shown(text)}", f"write {shown(folder)}")


def _project(project: Mapping[str, Any]) -> Project:
    test = project.get("test", {})
    return Project(
        folder="" if project["folder"] == _ROOT else project["folder"],
        language=project["language"],
        test=test.get("command", "").strip(),
        report=test.get("report", "exit"),
        minutes=test.get("minutes", Project.minutes),
        # JSON's 2.0 is an integer too.
        shards=int(test.get("shards", Project.shards)),
        network=project.get("network", False),
        services=tuple(_service(service) for service in project.get("services", ())),
        **{key: tuple(project.get(key, ())) for key in _LISTS},
    )


def _service(service: Mapping[str, Any]) -> Service:
    return Service(
        **{key: service[key] for key in ("name", "image", "seconds", "user") if key in service},
        **{key: service[key].strip() for key in ("command", "process", "ready") if key in service},
        env=tuple(service.get("env", {}).items()),
        ports=tuple(service.get("ports", ())),
        data=tuple(service.get("data", ())),
    )


_LISTS = ("setup", "build", "lint", "generated", "packages", "caches")


def document(environment: Environment) -> dict[str, Any]:
    """The contract as JSON has it, in the file's shape; what is empty, or as without the key, is left out."""
    return {"projects": [_document(project) for project in environment.projects]}


def _document(project: Project) -> dict[str, Any]:
    test: dict[str, Any] = {"command": project.test, "report": project.report}
    if project.minutes != Project.minutes:
        test["minutes"] = project.minutes
    if project.shards != Project.shards:
        test["shards"] = project.shards
    return {
        "folder": project.folder or _ROOT,
        "language": project.language,
        **{key: list(getattr(project, key)) for key in ("setup", "build") if getattr(project, key)},
        **({"test": test} if project.test else {}),
        **{key: list(getattr(project, key)) for key in _LISTS[2:] if getattr(project, key)},
        **({"network": True} if project.network else {}),
        **({"services": list(map(_service_document, project.services))} if project.services else {}),
    }


def _service_document(service: Service) -> dict[str, Any]:
    without = Service(service.name, service.image, service.command)
    values = {
        **{key: getattr(service, key) for key in ("process", "ready", "seconds", "user")},
        "env": dict(service.env),
        "ports": list(service.ports),
        "data": list(service.data),
    }
    plain_values = {**vars(without), "env": {}, "ports": [], "data": []}
    changed = {key: value for key, value in values.items() if value != plain_values[key]}
    return {"name": service.name, "image": service.image, "command": service.command, **changed}


def written(environment: Environment, advice: Iterable[Advice] = ()) -> str:
    """The contract as a commented file, which `read` reads again; advice becomes comments above the projects."""
    head = [
        "How gates build and test this repository (docs/how-to/tests-gate.md of Press Play).",
        "What counts is this file on the default branch; a pull request can't change it.",
        "A database beside the tests is the key services, which nothing detects.",
        *map(str, advice),
    ]
    comments = "".join(f"# {' '.join(plain(line).split())}\n" for line in head)
    if not environment.projects:
        return f"{comments}projects: []\n"
    body = yaml.dump(document(environment), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000)
    for key, comment in _COMMENTS.items():
        body = body.replace(f"\n  {key}:", f"\n  # {comment}\n  {key}:", 1)
    return comments + body


_COMMENTS = {
    "setup": "Fetches packages, once, through the package proxy. Detected commands run no install script.",
    "build": "Before each run of the tests.",
    "test": "Reports to the file $REPORT, or by what it prints.",
    "packages": "Where setup leaves packages: nothing else may change them.",
    "caches": "Kept from run to run.",
}


class _Dumper(yaml.SafeDumper):
    """YAML without aliases, which `read` refuses."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML's signature
        """Write equal values out each time."""
        return True
