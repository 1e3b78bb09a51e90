"""What a pull request is linted by, and what of it is not: all that is decided before anything runs.

Nothing here runs or trusts anything of the pull request. What can't be decided is named with its path, and the gate
ends `error`: a person looks at it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from pressplay.gates.lint import configuration, detect, files, marks, projects, tools
from pressplay.gates.lint.configuration import Taken
from pressplay.gates.lint.detect import LintTask
from pressplay.gates.lint.files import Files, Undecided
from pressplay.gates.lint.marks import Mark
from pressplay.github.committed import Unreadable

LARGEST_CODE = 8_000_000
"""Bytes of the largest file of code in which marks are looked for."""


@dataclass
class Decided:
    """How a head commit is linted."""

    tasks: dict[str, tuple[LintTask, ...]] = field(default_factory=dict)
    taken: list[Taken] = field(default_factory=list)
    """What the run has otherwise than the pull request."""
    own: list[str] = field(default_factory=list)
    """Files whose change alters what checks find, and which are the pull request's."""
    marks: list[Mark] = field(default_factory=list)
    """What the pull request takes out of linting in its code."""
    unseen: list[str] = field(default_factory=list)
    """Changed files of code that no command looks at."""
    undecided: list[Undecided] = field(default_factory=list)


def decide(paths: Iterable[str], head: Files, base: Files, lines: Sequence[str] = ()) -> Decided:
    """Decide how `head` is linted; `paths` are the files that differ between it and `base`, the default branch.

    `lines`: the commands from the values, which replace those that the files ask for.
    """
    changed = sorted(set(paths))
    try:
        tasks, before = detect.detect(head, base), detect.detect(base, base)
    except Unreadable as error:
        return Decided(undecided=[Undecided(error.path, f"{error.why}, where a linter's configuration is expected")])
    settled = configuration.settle(changed, head, base, frozenset(tasks) - frozenset(before), lines)
    covered = projects.coverage(changed, head, base, tasks, before, named=bool(lines))
    added, unread = _marks(changed, head, base)
    undecided = {*settled.undecided, *tools.replaced(changed, head, base), *covered.undecided, *unread}
    return Decided(
        tasks=detect.given(list(lines)) if lines else tasks,
        taken=settled.taken,
        own=settled.own,
        marks=added,
        unseen=covered.unseen,
        undecided=sorted(undecided),
    )


def _marks(changed: Iterable[str], head: Files, base: Files) -> tuple[list[Mark], list[Undecided]]:
    """The marks that the pull request adds; a file that was only moved adds none."""
    known = {(entry.sha, _suffix(path)) for path, entry in base.entries.items()}
    added: list[Mark] = []
    unread = []
    for path in changed:
        entry = head.entries.get(path)
        if entry is None or entry.kind != "file" or not marks.is_read(path) or (entry.sha, _suffix(path)) in known:
            continue
        try:
            theirs = files.text(head, path, LARGEST_CODE) or ""
            added += marks.added(path, theirs, _before(base, path))
        except Unreadable as error:
            if marks.language_of(path) is not None:
                unread.append(Undecided(path, f"{error.why}, where a file of code is expected"))
    return added, unread


def _before(base: Files, path: str) -> str:
    """A file's text on the default branch; what can't be read there had no marks."""
    try:
        return files.text(base, path, LARGEST_CODE) or ""
    except Unreadable:
        return ""


def _suffix(path: str) -> str:
    return files.name_of(path).rpartition(".")[2]
