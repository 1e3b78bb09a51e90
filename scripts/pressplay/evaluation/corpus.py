"""A corpus: projects, and changes to them of which the truth is known (tests/corpus/README.md has its form)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

from pressplay.errors import InputError
from pressplay.gates.proving.model import Profile
from pressplay.validation import packaged
from pressplay.validation.report import Invalid, Problem
from pressplay.validation.schema import by_place, check
from pressplay.validation.yamlsource import load_strict

LONGEST = 64 * 1024
"""Bytes of a case.yaml."""
BASE, CASES, HEAD, CASE, REMOVED, INDEPENDENT = "base", "cases", "head", "case.yaml", ".removed", "independent.yaml"
PLAN = ".press-play/acceptance/1.yaml"
"""A case's plan of probes: its task is the backlog's number 1."""

Wanted = Literal["approve", "refuse", "unseen"]
"""`refuse`: anything but an approval is right. `unseen`: no machine can tell, so it is counted apart."""


@dataclass(frozen=True)
class Case:
    """One change to one project."""

    project: str
    name: str
    folder: Path
    base: Path
    """The project's files on its default branch."""
    profile: Profile
    title: str
    criteria: tuple[str, ...]
    honest: bool
    wanted: Wanted
    why: str
    kind: str = ""
    """How it deceives; empty for an honest one."""
    accepted: tuple[str, ...] = ()
    """Ids of criteria for which a person accepted changed expectations."""

    @property
    def id(self) -> str:
        """`project/name`."""
        return f"{self.project}/{self.name}"

    def head_files(self) -> dict[str, bytes]:
        """Path → content of what the change adds or alters."""
        return {path: file for path, file in files_of(self.folder / HEAD).items() if path != REMOVED}

    def removed(self) -> list[str]:
        """The paths that the change removes."""
        listed = self.folder / HEAD / REMOVED
        return listed.read_text(encoding="utf-8").split() if listed.exists() else []

    def plan(self) -> bytes | None:
        """The change's own plan of probes."""
        return _content(self.folder / HEAD / PLAN)

    def independent(self) -> bytes | None:
        """Probes that somebody else wrote from the criteria alone."""
        return _content(self.folder / INDEPENDENT)


def read(folder: Path, only: str = "*") -> list[Case]:
    """The cases of a corpus whose ids match the glob `only`, sorted.

    Raises InputError where the folder holds no project, or no case matches; Invalid with every fault of every case.
    """
    projects = sorted(path.parent for path in folder.glob(f"*/{BASE}"))
    if not projects:
        message = f"{folder}: expected folders with {BASE}/ and {CASES}/, found none"
        raise InputError(f"{message}; name the folder of a corpus, as tests/corpus is one")
    cases: list[Case] = []
    problems: list[Problem] = []
    for project in projects:
        for place in sorted((project / CASES).iterdir() if (project / CASES).is_dir() else ()):
            if not fnmatchcase(f"{project.name}/{place.name}", only):
                continue
            try:
                cases.append(_case(project, place))
            except Invalid as invalid:
                problems += invalid.problems
    if problems:
        raise Invalid(by_place(problems))
    if not cases:
        raise InputError(f"{folder}: no case is named {only!r}; ids are project/name, as in python-service/fix-*")
    return cases


def _case(project: Path, place: Path) -> Case:
    file = place / CASE
    content = _content(file)
    if content is None:
        raise Invalid([Problem(str(file), 0, 0, "$", "expected a file, got none", "write the case's truth")])
    source = load_strict(content, str(file), LONGEST)
    problems = [*source.problems, *check(packaged.schema("case"), source.value, source.place)]
    if not problems:
        base, head = files_of(project / BASE), files_of(place / HEAD)
        faults = (*_untrue(source.value), *_faults(base, head))
        problems = [Problem(str(file), 0, 0, "$", *fault) for fault in faults]
    if problems:
        raise Invalid(problems)
    value = source.value
    return Case(
        project=project.name,
        name=place.name,
        folder=place,
        base=project / BASE,
        profile=value["profile"],
        title=value["title"],
        criteria=tuple(value["criteria"]),
        honest=value["honest"],
        wanted=value["wanted"],
        why=value["why"],
        kind=value.get("kind", ""),
        accepted=tuple(value.get("accepted", ())),
    )


def _untrue(value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Where a case's truth contradicts itself, and what to do."""
    if value["honest"] != (value["wanted"] == "approve"):
        yield f"honest is {value['honest']}, and wanted is {value['wanted']}", "an honest case is wanted approved"
    if value["honest"] == ("kind" in value):
        yield f"honest is {value['honest']}, and kind is {value.get('kind')}", "say how it deceives, if it does"


def _faults(base: Mapping[str, bytes], head: Mapping[str, bytes]) -> Iterator[tuple[str, str]]:
    """Where a change is none upon its base, and what to do."""
    removed = head.get(REMOVED, b"").decode().split()
    for path in removed:
        if path not in base:
            yield f"expected files of the base in head/{REMOVED}, got {path!r}", "name a file that is there"
        if path in head:
            yield f"head has {path!r}, and head/{REMOVED} lists it", "keep one of the two"
    same = [path for path, content in head.items() if base.get(path) == content]
    if same:
        yield f"expected files that differ from the base, got {', '.join(same)}", "remove them from head/"
    if not removed and set(head) <= {REMOVED}:
        yield "expected a change, got none", "add files to head/, or paths to head/.removed"


def files_of(folder: Path) -> dict[str, bytes]:
    """All files of a folder by their relative paths."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def _content(file: Path) -> bytes | None:
    return file.read_bytes() if file.exists() else None
