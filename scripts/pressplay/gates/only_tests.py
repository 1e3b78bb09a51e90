"""Whether a change touches tests alone (R6): what QA may do, judged by paths, and by what the files at them are.

A path is a test's by the project's globs for its language, if the values have any, else by the conventions
that `gates.tests` knows. A link or a submodule never is: it leads elsewhere. Nor is what is deployed:
below the folders of deployment manifests `e2e` is an environment. In a Rust source file the module marked
`#[cfg(test)]` is, so long as the program around it stays as it was; a file that its parser can't read is undecided,
and that is none, either.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Literal, Protocol

from pathspec import GitIgnoreSpec

from pressplay.gates import rust
from pressplay.gates.tests import LANGUAGES, is_test, language_of, unreadable
from pressplay.github.comparison import Changed, Comparison

OTHER = "other"
"""The globs for files of no known language."""
ACCEPTANCE = ".press-play/acceptance/"
"""Where the plans of acceptance probes lie, which QA writes."""
_ANYWHERE = frozenset({"tests", "__tests__", "testdata", "e2e", "cypress", "__snapshots__"})
"""Folders whose files of no known language belong to tests: data, pages, recordings."""
_AT_THE_TOP = frozenset({"test"})
"""The same, but only at the top: further down it may be an environment of that name."""
_DEPLOYED = frozenset(
    {
        "deploy", "deployment", "deployments", "k8s", "kubernetes", "manifests", "charts", "chart", "helm", "helmfile",
        "kustomize", "overlays", "clusters", "environments", "envs", "argocd", "flux", "terraform", "infra", ".github",
    }
)  # fmt: skip
"""Folders of what is deployed: below them a folder `e2e` or `tests` may be an environment of that name."""
_ENVIRONMENTS = frozenset({"tests", "test", "e2e"})
_MANIFESTS = (
    "kustomization.yaml",
    "kustomization.yml",
    "Kustomization",
    "Chart.yaml",
    "values*.yaml",
    "helmfile*.yaml",
)
_MANIFEST = re.compile(r"""(?=.*?^[ \t]*["']?apiVersion["']?[ \t]*:)(?=.*?^[ \t]*["']?kind["']?[ \t]*:)""", re.S | re.M)
_DATA = (".yaml", ".yml", ".json")
_PLAIN = frozenset({"100644", "100755"})
"""Git's modes of plain files."""

Why = Literal["path", "link", "submodule", "program", "manifest", "undecided", "unseen"]
_WORDS: Mapping[Why, tuple[str, str]] = {
    "path": ("file outside the tests' paths", "files outside the tests' paths"),
    "link": ("symbolic link", "symbolic links"),
    "submodule": ("submodule", "submodules"),
    "manifest": ("deployment manifest", "deployment manifests"),
    "program": ("source file beside its own tests", "source files beside their own tests"),
}


class CommitFiles(Protocol):
    """The files of one of the two commits."""

    def mode(self, path: str) -> str | None:
        """Git's mode of a file (`100644`, `120000` …); None if there is none."""
        ...

    def text(self, path: str) -> str:
        """A file's text; empty if there is none."""
        ...


@dataclass(frozen=True)
class Offence:
    """A changed file that is not a test. The path is people's text (R7)."""

    path: str
    why: Why


@dataclass(frozen=True)
class Paths:
    """Which paths are tests'. `globs`: language (or `other`) → patterns as in .gitignore; empty: the built-in ones."""

    globs: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @cached_property
    def _specs(self) -> dict[str, GitIgnoreSpec]:
        return {name: GitIgnoreSpec.from_lines(lines) for name, lines in self.globs.items() if lines}

    def match(self, path: str) -> bool:
        """Whether a file at `path` belongs to the tests."""
        if path.startswith(ACCEPTANCE):
            return True
        language = language_of(path)
        name = next((name for name, one in LANGUAGES.items() if one is language), OTHER)
        if name in self._specs:
            return self._specs[name].match_file(path)
        *folders, last = path.split("/")
        if not _DEPLOYED.isdisjoint(folders):
            folders = [folder for folder in folders if folder not in _ENVIRONMENTS]
            path = "/".join([*folders, last])
        if language is not None:
            return is_test(path)
        if not folders or folders[0].startswith(".") or any(fnmatchcase(last, glob) for glob in _MANIFESTS):
            return False
        return folders[0] in _AT_THE_TOP or not _ANYWHERE.isdisjoint(folders)

    def by_folder(self, path: str) -> bool:
        """Whether a file belongs to the tests by the name of its folder alone, so that what it holds decides."""
        return (
            OTHER not in self._specs
            and language_of(path) is None
            and not path.startswith(ACCEPTANCE)
            and not _ENVIRONMENTS.isdisjoint(path.split("/")[:-1])
        )


def only_tests(compared: Comparison, paths: Paths, before: CommitFiles, after: CommitFiles) -> list[Offence]:
    """The changed files that are not tests; empty if the change touches only tests.

    `before` and `after` read the changed files at the two ends of the comparison. A renamed file must be a test at both
    its paths; a comparison that GitHub cut is an offence itself, since nobody saw the rest.
    """
    offences = [
        offence for changed in compared.files if (offence := _offence(changed, paths, before, after)) is not None
    ]
    return offences if compared.whole else [*offences, Offence("", "unseen")]


def _offence(changed: Changed, paths: Paths, before: CommitFiles, after: CommitFiles) -> Offence | None:
    if changed.status != "removed":
        mode = after.mode(changed.path)
        if mode not in _PLAIN:
            return Offence(changed.path, "submodule" if mode == "160000" else "link")
    touched = {changed.path} if changed.status in ("added", "copied") else {changed.path, changed.before}
    outside = sorted(path for path in touched if not paths.match(path))
    if not outside:
        return _manifest(changed, paths, before, after)
    if changed.path != changed.before or not _holds_tests(changed.path):
        return Offence(outside[0], "path")
    was, now = before.text(changed.path), after.text(changed.path)
    if was == now:
        # Its mode was changed.
        return Offence(changed.path, "program")
    programs = [rust.program(text) for text in (was, now)]
    if None in programs:
        return Offence(changed.path, "undecided")
    return None if programs[0] == programs[1] else Offence(changed.path, "program")


def _manifest(changed: Changed, paths: Paths, before: CommitFiles, after: CommitFiles) -> Offence | None:
    """A manifest of Kubernetes' in a folder that may as well be an environment as tests."""
    was = (changed.before, before, changed.status not in ("added", "copied"))
    now = (changed.path, after, changed.status != "removed")
    for path, side, there in (was, now):
        if there and path.endswith(_DATA) and paths.by_folder(path) and _MANIFEST.match(side.text(path)):
            return Offence(path, "manifest")
    return None


def _holds_tests(path: str) -> bool:
    """Whether files of this language hold tests together with the program."""
    language = language_of(path)
    return language is not None and bool(language.inline)


def reason(offences: Iterable[Offence]) -> str:
    """What QA changed besides tests, as counts and our own words: safe to show anywhere (R7)."""
    counted = Counter(offence.why for offence in offences)
    parts = [
        f"{counted[why]} {singular if counted[why] == 1 else plural}"
        for why, (singular, plural) in _WORDS.items()
        if counted[why]
    ]
    if counted["undecided"]:
        parts.append(unreadable(counted["undecided"]))
    if counted["unseen"]:
        parts.append("more changed files than can be looked through")
    return f"QA may change only tests, but changed {', '.join(parts)}"
