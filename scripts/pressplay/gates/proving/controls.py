"""Negative controls: the head with one thing spoilt, which tests that prove something notice.

In their order: all changed functions return at once; each of them does (or groups of them, so that all are covered);
each hunk of the source is taken back; small mutants of changed lines. All are made by one mechanism for four
languages, from the trees of `gates.syntax`, and what does not parse any more is dropped. `mutants` says why no tool
of a language's own makes them.

Only the program is changed: no tests, no generated or vendored files, none of Rust's own test modules. New and removed
files are not taken back whole: then nothing builds, which proves nothing.

Functions that panic for want of a value, and constructors, are emptied apart from the others: what only reaches them
fails, whatever it asserts, and hides what the others would show.
"""

from __future__ import annotations

import codecs
import functools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from pathspec import GitIgnoreSpec

from pressplay.gates import rust, syntax
from pressplay.gates.lint.files import Files, Undecided, below, folder_of, joined, name_of
from pressplay.gates.proving.changes import Hunk, Lines, hunks, lines_of
from pressplay.gates.proving.emptying import Edit, Emptying, applied, does_nothing, emptying
from pressplay.gates.proving.functions import Function, code_lines, functions, language_of, touched
from pressplay.gates.proving.model import Control, ControlKind, Project
from pressplay.gates.proving.mutants import Mutant, mutants
from pressplay.gates.syntax import SyntaxTree
from pressplay.github.committed import Unreadable

_VENDORED = frozenset({"vendor", "node_modules", "third_party", "site-packages", ".venv", "venv"})
_MOST_OF_A_PACKAGE = 50
"""Files of a Go package in which a type is looked for."""


def sources(is_test: Callable[[str], bool], base: Files, projects: Iterable[Project] = ()) -> Callable[[str], bool]:
    """What `controls` wants to know: whether a path is the program's, which people write.

    It is if a parser reads it, and it is no test, nothing that the environment contract calls generated, and in no
    folder of others' code that the base has, too.
    """
    specs = [(project.folder, GitIgnoreSpec.from_lines(project.generated)) for project in projects]

    @functools.cache
    def vendored(folder: str) -> bool:
        if not folder:
            return False
        above = folder_of(folder)
        return vendored(above) or (name_of(folder) in _VENDORED and name_of(folder) in base.names(above))

    def is_source(path: str) -> bool:
        if language_of(path) == "other" or path.endswith((".d.ts", ".d.mts", ".d.cts")) or is_test(path):
            return False
        generated = any(
            below(path, folder) and spec.match_file(path[len(folder) :].lstrip("/")) for folder, spec in specs
        )
        return not generated and not vendored(folder_of(path))

    return is_source


def controls(
    changed: Iterable[str], head: Files, base: Files, is_source: Callable[[str], bool], most: int
) -> list[Control]:
    """The controls of a change, at most `most`, in the order in which they are best run.

    `changed`: the paths that differ. Files that can't be read have no controls: `unread` names them. The same change
    gives the same controls.
    """
    if most < 1:
        return []
    files = [file for file in _files(changed, head, base, is_source) if isinstance(file, _File)]
    all_at_once, parts = _emptied(files, most - 1)
    result = [*all_at_once, *parts]
    taken_back = [(file, hunk) for file in files for hunk in file.hunks()]
    result += _made(_taken_back, _spread(taken_back, max(0, most - len(result)) // 2))
    spoilt = [(file, mutant) for file in files for mutant in file.mutants()]
    result += _made(_mutated, _spread(spoilt, max(0, most - len(result))))
    return result[:most]


def unread(changed: Iterable[str], head: Files, base: Files, is_source: Callable[[str], bool]) -> list[Undecided]:
    """The changed source files of which parts have no controls, and why."""
    result = []
    for file in _files(changed, head, base, is_source):
        if isinstance(file, Undecided):
            result.append(file)
        elif (line := file.first_fault()) is not None:
            result.append(Undecided(file.path, f"line {line} can't be read as its language"))
    return sorted(result)


class _File:
    """A changed source file at the head."""

    def __init__(self, path: str, head: bytes, base: bytes | None, tree: SyntaxTree, package: _Package) -> None:
        self.path = path
        self.content = head
        self.tree = tree
        self._mark = head[: len(head) - len(tree.text)]
        self._base = None if base is None else base.removeprefix(codecs.BOM_UTF8)
        self._hunks = hunks(self._base or b"", tree.text)
        self._changed = Lines(line for hunk in self._hunks for line in hunk.new)
        self._code = Lines(code_lines(path, tree, self._changed))
        self._declared = package.declared
        self._faults = sum(1 for _ in _faults(tree))

    @functools.cached_property
    def _removed(self) -> Lines:
        """The base's lines of code that are gone."""
        gone = Lines(line for hunk in self._hunks for line in hunk.old)
        tree = None if self._base is None else syntax.read(self.path, self._base)
        return gone if tree is None else Lines(code_lines(self.path, tree, gone))

    def first_fault(self) -> int | None:
        """The first changed line of which the grammar does not know all."""
        wrong = [rows for rows in _faults(self.tree) if self._changed.meet(*rows)]
        return min(first for first, _ in wrong) if wrong else None

    @functools.cached_property
    def _touched(self) -> list[Function]:
        gaps = [hunk.new.start for hunk in self._hunks if not hunk.new and self._has_code(hunk.old)]
        near = Lines([*self._code.numbers, *gaps])
        candidates = functions(self.path, self.tree, near)
        return touched(candidates, self.tree, self._code, gaps)

    def emptied(self) -> list[tuple[Function, Emptying]]:
        """The changed functions, and how each is emptied."""
        pairs = [(function, emptying(self.path, self.tree, function, self._declared)) for function in self._touched]
        return [(function, how) for function, how in pairs if how is not None]

    def idle(self) -> list[Function]:
        """The new functions that do nothing."""
        idle = [function for function in self._touched if does_nothing(self.path, self.tree, function)]
        before = None if self._base is None or not idle else syntax.read(self.path, self._base)
        known = set() if before is None else {function.name for function in functions(self.path, before)}
        return [function for function in idle if function.name not in known]

    def _has_code(self, lines: range) -> bool:
        return bool(lines) and self._removed.meet(lines.start, lines.stop - 1)

    def hunks(self) -> Iterator[Hunk]:
        """The hunks that can be taken back: of a file of the base, with code, without Rust's own tests."""
        if self._base is None:
            return
        before = syntax.read(self.path, self._base)
        own, old = _own_tests(self.path, self.tree), _own_tests(self.path, before)
        for hunk in self._hunks:
            in_tests = any(
                hunk.new.start < end and begin < max(hunk.new.stop, hunk.new.start + 1) for begin, end in own
            )
            in_tests |= any(
                hunk.old.start < end and begin < max(hunk.old.stop, hunk.old.start + 1) for begin, end in old
            )
            new = bool(hunk.new) and self._code.meet(hunk.new.start, hunk.new.stop - 1)
            if not in_tests and (new or self._has_code(hunk.old)):
                yield hunk

    def mutants(self) -> Iterator[Mutant]:
        """The mutants of changed lines."""
        return mutants(self.path, self.tree, self._code)

    def taken_back(self, hunk: Hunk) -> bytes | None:
        """The file without a hunk; None if it does not parse."""
        new, old = self._lines, self._base_lines
        lines = [
            *new[: hunk.new.start - 1],
            *old[hunk.old.start - 1 : hunk.old.stop - 1],
            *new[hunk.new.stop - 1 :],
        ]
        return self._checked(b"".join(lines))

    @functools.cached_property
    def _lines(self) -> list[bytes]:
        return lines_of(self.tree.text)

    @functools.cached_property
    def _base_lines(self) -> list[bytes]:
        return lines_of(self._base or b"")

    def edited(self, edits: Iterable[Edit]) -> bytes | None:
        """The file with edits; None if it does not parse."""
        return self._checked(applied(self.tree.text, edits))

    def _checked(self, text: bytes) -> bytes | None:
        if text == self.tree.text:
            return None
        tree = syntax.read(self.path, text)
        # What the grammar did not know before, it need not know now.
        broken = tree is None or (tree.root.has_error and sum(1 for _ in _faults(tree)) > self._faults)
        return None if broken else self._mark + text


def _faults(tree: SyntaxTree) -> Iterator[tuple[int, int]]:
    """The first and last line of each part that the grammar does not know."""
    stack = [tree.root]
    while stack:
        node = stack.pop()
        if node.is_error or node.is_missing:
            yield node.start_point.row + 1, node.end_point.row + 1
        elif node.has_error:
            stack.extend(node.children)


def _own_tests(path: str, tree: SyntaxTree | None) -> list[tuple[int, int]]:
    """The lines of a Rust file's test modules: the first, and the one after the last."""
    if tree is None or not path.endswith(".rs"):
        return []
    spans = rust.test_modules(tree)
    return [(tree.text.count(b"\n", 0, begin) + 1, tree.text.count(b"\n", 0, end) + 2) for begin, end in spans]


class _Package:
    """The types of the Go package that a file belongs to, looked for when they are asked for."""

    _TYPE = re.compile(r"^(?:type\s+|\t)(\w+)(?:\[[^\]\n]*\])?\s+=?\s*((?:struct|map|\[|\w).*)$", re.MULTILINE)

    def __init__(self, folder: str, head: Files) -> None:
        self._folder = folder
        self._head = head

    def declared(self, name: str) -> str:
        """What is right of a type's name; empty if it is unknown."""
        return self._types.get(name, "")

    @functools.cached_property
    def _types(self) -> Mapping[str, str]:
        names = sorted(name for name in self._head.names(self._folder) if name.endswith(".go"))
        types: dict[str, str] = {}
        for name in names[:_MOST_OF_A_PACKAGE]:
            try:
                content = self._head.content(joined(self._folder, name)) or b""
            except Unreadable:
                continue
            types.update(self._TYPE.findall(content.decode(errors="replace")))
        return types


def _files(
    changed: Iterable[str], head: Files, base: Files, is_source: Callable[[str], bool]
) -> Iterator[_File | Undecided]:
    packages: dict[str, _Package] = {}
    for path in sorted(set(changed)):
        entry = head.entries.get(path)
        if entry is None or not is_source(path) or language_of(path) == "other":
            continue
        folder = folder_of(path)
        try:
            content = head.content(path)
            known = base.entries.get(path)
            before = base.content(path) if known is not None and known.kind == "file" else None
        except Unreadable as error:
            yield Undecided(error.path, error.why)
            continue
        tree = None if content is None else syntax.read(path, content)
        if content is None or tree is None:
            yield Undecided(path, "can't be read as its language")
        elif content != before:
            package = packages.setdefault(folder, _Package(folder, head))
            yield _File(path, content, before, tree, package)


@dataclass(frozen=True)
class _Part:
    """A changed function, and its emptying."""

    file: _File
    function: Function
    how: Emptying

    @property
    def apart(self) -> bool:
        """Whether it hides what other functions show."""
        return self.how.weak or self.how.constructor


def _emptied(files: Sequence[_File], most: int) -> tuple[list[Control], list[Control]]:
    """All changed functions emptied at once, and each of them, or groups."""
    parts = [_Part(file, *pair) for file in files for pair in file.emptied()]
    together = [part for part in parts if not part.apart]
    apart = [part for part in parts if part.apart]
    first = together or [part for part in apart if not part.how.constructor] or apart
    bodies = _group("bodies", first)
    limit = (most + 1) // 2
    share = round(limit * len(together) / len(parts)) if parts else 0
    share = min(max(share, 1 if together else 0), limit - 1 if apart and limit > 1 else limit)
    groups = [*_groups(together, share), *_groups(apart, limit - share)]
    singles = [control for group in groups if (control := _group("body", group)) is not None]
    if bodies is None:
        bodies = next((_stub(file, function) for file in files for function in file.idle()), None)
    known = bodies.files if bodies is not None else None
    return [bodies] if bodies is not None else [], [control for control in singles if control.files != known]


def _stub(file: _File, function: Function) -> Control:
    """The head itself, where a new function does nothing, and no other changed: nobody can notice the difference."""
    label = f"{function.name or 'a function'} does nothing, spoilt or not"
    return Control("bodies", file.path, function.first, label, {file.path: file.content})


def _groups(parts: Sequence[_Part], count: int) -> Iterator[Sequence[_Part]]:
    """The parts in at most `count` groups of neighbours, as even as can be."""
    count = min(count, len(parts))
    for at in range(count):
        yield parts[at * len(parts) // count : (at + 1) * len(parts) // count]


def _group(kind: ControlKind, parts: Sequence[_Part]) -> Control | None:
    """A control that empties some functions; None if no file of them parses then."""
    by_file: dict[str, list[_Part]] = {}
    for part in parts:
        by_file.setdefault(part.file.path, []).append(part)
    files: dict[str, bytes] = {}
    same: dict[str, bytes] = {}
    kept: list[_Part] = []
    for path, group in by_file.items():
        content = group[0].file.edited(edit for part in group for edit in part.how.edits)
        if content is not None:
            files[path] = content
            kept += group
            if kind == "bodies":
                reworded = group[0].file.edited(edit for part in group for edit in part.how.same)
                same |= {path: reworded} if reworded is not None else {}
    if not kept:
        return None
    first = kept[0]
    name = first.function.name or "a function"
    label = f"{name} returns at once" if len(kept) == 1 else f"{len(kept)} functions return at once, {name} first"
    weak = any(part.apart for part in kept)
    return Control(kind, first.file.path, first.function.first, label, files, weak, same)


_Item = TypeVar("_Item")


def _spread(items: Sequence[tuple[_File, _Item]], most: int) -> list[tuple[_File, _Item]]:
    """At most `most` of the items: as many of each file as can be, and from everywhere in it."""
    by_file: dict[str, list[tuple[_File, _Item]]] = {}
    for item in items:
        by_file.setdefault(item[0].path, []).append(item)
    left = min(most, len(items))
    shares = dict.fromkeys(by_file, 0)
    waiting = list(by_file)
    while left and waiting:
        share = max(1, left // len(waiting))
        for path in list(waiting):
            given = min(share, len(by_file[path]) - shares[path], left)
            shares[path] += given
            left -= given
            if shares[path] == len(by_file[path]):
                waiting.remove(path)
    chosen = []
    for path, own in by_file.items():
        count = shares[path]
        chosen += [own[(2 * at + 1) * len(own) // (2 * count)] for at in range(count)]
    return chosen


def _made(make: Callable[[_File, _Item], Control | None], items: Iterable[tuple[_File, _Item]]) -> Iterator[Control]:
    for file, item in items:
        control = make(file, item)
        if control is not None:
            yield control


def _taken_back(file: _File, hunk: Hunk) -> Control | None:
    content = file.taken_back(hunk)
    if content is None:
        return None
    label = f"the base's text again: {_lines(hunk.old)} for {_lines(hunk.new)}"
    return Control("hunk", file.path, max(1, hunk.new.start), label, {file.path: content})


def _lines(lines: range) -> str:
    return "1 line" if len(lines) == 1 else f"{len(lines)} lines"


def _mutated(file: _File, mutant: Mutant) -> Control | None:
    content = file.edited(mutant.edits)
    return None if content is None else Control("mutant", file.path, mutant.line, mutant.label, {file.path: content})
