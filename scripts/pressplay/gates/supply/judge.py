"""What the supply gate decides: each finding is shown, parks the pull request for a person, or is refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from pressplay.gates.lint.files import Files, Undecided
from pressplay.gates.supply import contents, packages, runner
from pressplay.gates.supply.model import KINDS, Action, Finding, Kind, Package
from pressplay.github.committed import Unreadable
from pressplay.plaintext import plain
from pressplay.settings import Supply
from pressplay.validation.markdown import code

MOST_FILES = 5_000
"""Changed files that are read; a larger change is undecided."""
_MOST = 60_000
"""Characters of a check's text, which has room for 65,535."""
SHOWN = 40
"""Findings of a kind that a check lists."""
WORDS: Mapping[Kind, tuple[str, str]] = {
    "secrets": ("secret", "secrets"),
    "hidden_text": ("line with hidden characters", "lines with hidden characters"),
    "links": ("link out of the repository", "links out of the repository"),
    "lock_files": ("disagreement of a lock file", "disagreements of lock files"),
    "sources": ("package source", "package sources"),
    "install_scripts": ("install script", "install scripts"),
    "workflows": ("workflow file", "workflow files"),
    "test_runner": ("line that reaches for the test runner", "lines that reach for the test runner"),
    "unknown_packages": ("package that is unknown or days old", "packages that are unknown or days old"),
    "binaries": ("binary file", "binary files"),
    "large_files": ("large file", "large files"),
    "images": ("base image without a digest", "base images without a digest"),
    "packages": ("new or moved package", "new or moved packages"),
}
_HEADINGS: tuple[tuple[Action, str], ...] = (
    ("refuse", "Refused"),
    ("park", "For a person to decide"),
    ("show", "Shown"),
)


@dataclass(frozen=True)
class Inspection:
    """What a change brings in."""

    findings: tuple[Finding, ...]
    undecided: tuple[Undecided, ...] = ()
    """Files that can't be read, and why."""
    fresh: tuple[Package, ...] = ()
    """New or moved packages of registries."""

    def having(self, findings: Iterable[Finding]) -> Inspection:
        """The same with further findings."""
        return replace(self, findings=tuple(dict.fromkeys(sorted([*self.findings, *findings], key=_order))))


def _order(finding: Finding) -> tuple[int, str, int]:
    return KINDS.index(finding.kind), finding.path, finding.line


def inspect(changed: Sequence[str], head: Files, base: Files, is_test: Callable[[str], bool]) -> Inspection:
    """Everything that the files at the paths `changed` bring in, compared with those of the base.

    `is_test`: whether a path belongs to the tests, which may name their runner.
    """
    if len(changed) > MOST_FILES:
        why = f"more than {MOST_FILES:,} changed files"
        return Inspection((), (Undecided(changed[0], why),))
    findings: list[Finding] = []
    undecided: list[Undecided] = []
    fresh: dict[Package, None] = {}
    for path in changed:
        try:
            findings += contents.of_file(path, head, base)
            read = packages.brought([path], head, base)
            findings += read.findings
            fresh |= dict.fromkeys(read.fresh)
            entry = head.entries.get(path)
            if entry is not None and entry.kind == "file" and not is_test(path) and not _is_large(findings, path):
                findings += runner.reaches(path, head, base)
        except Unreadable as error:
            undecided.append(Undecided(error.path, error.why))
    return Inspection((), tuple(dict.fromkeys(undecided)), tuple(fresh)).having(findings)


def _is_large(findings: Iterable[Finding], path: str) -> bool:
    return any(finding.path == path and finding.kind in ("large_files", "binaries") for finding in findings)


_RUN_EARLY: frozenset[Kind] = frozenset({"sources", "install_scripts", "workflows"})
"""What others run of a commit before any person has looked at it."""


@dataclass(frozen=True)
class Judgement:
    """What is done about what a change brings in."""

    inspection: Inspection
    policy: Mapping[Kind, Action]
    unasked: int = 0
    """Packages about which no registry could be asked, or could tell."""
    accepted: bool = False
    """Whether a person accepted what only a person may."""

    @property
    def outcome(self) -> Literal["pass", "fail", "error"]:
        """`fail`: Rex fixes what is refused; `error`: a person decides."""
        if self._of("refuse"):
            return "fail"
        if self.inspection.undecided or (self._of("park") and not self.accepted):
            return "error"
        return "pass"

    @property
    def acceptable(self) -> bool:
        """Whether a person can accept it by a comment: what can't be read must be fixed."""
        return not self.inspection.undecided and not self._of("refuse")

    @property
    def runs_early(self) -> bool:
        """Whether what is parked may run, with the repository's secrets, as soon as the commit is deployed or built."""
        return any(finding.kind in _RUN_EARLY for finding in self._of("park"))

    def _of(self, action: Action) -> list[Finding]:
        return [finding for finding in self.inspection.findings if self.policy[finding.kind] == action]

    def reason(self) -> str:
        """One sentence of ours, with counts."""
        refused, parked, shown = (_counted(self._of(action)) for action, _ in _HEADINGS)
        if refused:
            return f"it brings in what is refused: {refused}"
        if self.inspection.undecided:
            count = len(self.inspection.undecided)
            return f"what it brings in can't be decided: {count} {'file' if count == 1 else 'files'} can't be read"
        if parked and not self.accepted:
            return f"it brings in {parked}"
        if parked:
            return f"a person accepted what it brings in: {parked}"
        return f"it brings in: {shown}" if shown else "it brings in nothing but code of its own"

    def markdown(self) -> str:
        """All findings for a check's text, bounded; strangers' text is quoted."""
        parts = []
        for path in self.inspection.undecided[:SHOWN]:
            parts.append(f"- {code(plain(path.path))}: {path.why}")
        if parts:
            parts = ["### Can't be read\n", *parts, ""]
        for action, heading in _HEADINGS:
            findings = self._of(action)
            if findings:
                parts += [f"### {heading}\n", *_listed(findings), ""]
        if self.unasked:
            parts.append(f"Packages that no registry could be asked about: {self.unasked}.")
        text = "\n".join(parts).strip()
        return text if len(text) <= _MOST else text[:_MOST].rpartition("\n")[0] + "\n- and more"


def policy(settings: Supply) -> dict[Kind, Action]:
    """What the values say about each kind."""
    return {
        "secrets": settings.secrets,
        "hidden_text": settings.hidden_text,
        "links": settings.links,
        "lock_files": settings.lock_files,
        "sources": settings.sources,
        "install_scripts": settings.install_scripts,
        "workflows": settings.workflows,
        "test_runner": settings.test_runner,
        "unknown_packages": settings.unknown_packages,
        "binaries": settings.binaries,
        "large_files": settings.large_files,
        "images": settings.images,
        "packages": settings.packages,
    }


def _counted(findings: Iterable[Finding]) -> str:
    counts = Counter(finding.kind for finding in findings)
    return ", ".join(f"{counts[kind]} {WORDS[kind][counts[kind] != 1]}" for kind in KINDS if counts[kind])


def _listed(findings: Sequence[Finding]) -> list[str]:
    lines: list[str] = []
    for kind in KINDS:
        of_kind = [finding for finding in findings if finding.kind == kind]
        for finding in of_kind[:SHOWN]:
            where = f"{finding.path}:{finding.line}" if finding.line else finding.path
            about = [code(plain(text)) for text in (where, finding.text) if text]
            lines.append(f"- {': '.join(about)}: {finding.label}")
        if len(of_kind) > SHOWN:
            lines.append(f"- and {len(of_kind) - SHOWN} more {WORDS[kind][1]}")
    return lines
