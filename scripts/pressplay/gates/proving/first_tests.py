"""The commands for a project's first tests: the base has none, so nothing can be detected there.

Only tests of the head count, and they decide no more than which runner of their language is called: the rest of what is
looked at is the base's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import cached_property

from pressplay.gates.lint.files import Files
from pressplay.gates.proving.detection import detect
from pressplay.gates.proving.model import Environment
from pressplay.github.committed import LARGEST, Entry


def with_first_tests(
    environment: Environment, changed: Iterable[str], head: Files, base: Files, is_test: Callable[[str], bool]
) -> Environment:
    """The contract, with test commands for the projects that get their first tests; only where it was detected."""
    if environment.origin != "detected" or all(project.test for project in environment.projects):
        return environment
    detected = detect(_WithTests(base, head, frozenset(path for path in changed if is_test(path)))).environment
    commands = {(project.folder, project.language): project for project in detected.projects if project.test}
    projects = []
    for project in environment.projects:
        other = commands.get((project.folder, project.language))
        first = other is not None and not project.test
        projects.append(replace(project, test=other.test, report=other.report) if first and other else project)
    return replace(environment, projects=tuple(projects))


class _WithTests:
    """The base's files, with some of the head's in their places."""

    def __init__(self, base: Files, head: Files, paths: frozenset[str]) -> None:
        self._base = base
        self._head = head
        self._paths = paths

    @cached_property
    def entries(self) -> Mapping[str, Entry]:
        """See `Files`."""
        kept = {path: entry for path, entry in self._base.entries.items() if path not in self._paths}
        return kept | {path: self._head.entries[path] for path in self._paths if path in self._head.entries}

    @cached_property
    def _below(self) -> Mapping[str, Mapping[str, bool]]:
        """By folder, what is in it, each with whether that is a folder."""
        below: dict[str, dict[str, bool]] = {}
        for path in self.entries:
            parts = path.split("/")
            for at, part in enumerate(parts):
                below.setdefault("/".join(parts[:at]), {})[part] = at + 1 < len(parts)
        return below

    def names(self, folder: str) -> frozenset[str]:
        """See `Files`."""
        return frozenset(self._below.get(folder, ()))

    def folders(self, folder: str) -> tuple[str, ...]:
        """See `Files`."""
        return tuple(sorted(name for name, is_folder in self._below.get(folder, {}).items() if is_folder))

    def content(self, path: str, most: int = LARGEST) -> bytes | None:
        """See `Files`."""
        return self._side(path).content(path, most)

    def target(self, path: str) -> str:
        """See `Files`."""
        return self._side(path).target(path)

    def _side(self, path: str) -> Files:
        return self._head if path in self._paths else self._base
