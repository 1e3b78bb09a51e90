"""What a change touches beside what its profile is about: a task of tests or of documents leaves the program alone.

Comments of source files are documents. What is neither known as a document nor as of the tests counts as the program.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from pressplay.domain.profiles import Profile
from pressplay.gates import syntax
from pressplay.gates.only_tests import ACCEPTANCE, CommitFiles, Paths, only_tests
from pressplay.gates.proving import profiles
from pressplay.gates.syntax import COMMENTS
from pressplay.github.comparison import Changed, Comparison

MANIFESTS = frozenset(
    {
        "package.json", "package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "pnpm-workspace.yaml",
        "yarn.lock", ".npmrc", ".yarnrc", ".yarnrc.yml", "Cargo.toml", "Cargo.lock", "go.mod", "go.sum", "go.work",
        "pyproject.toml",
        "poetry.lock", "uv.lock", "Pipfile", "Pipfile.lock", "setup.py", "setup.cfg",
    }
)  # fmt: skip
"""Files by which packages are fetched."""
_OF_RUNNERS = re.compile(
    r"pytest\.ini|tox\.ini|noxfile\.py|\.coveragerc|\.mocharc\.\w+|\.nycrc(\.\w+)?|(jest|vitest|playwright)\.config\.\w+"
)
"""What configures a test runner alone."""
_DOCUMENTS = frozenset({".md", ".markdown", ".rst", ".adoc"})
_NAMED = re.compile(r"(LICEN[CS]E|COPYING|NOTICE|AUTHORS|CONTRIBUTORS|CHANGELOG|CHANGES|README)(-[\w.-]+)?(\.txt)?")
_FOLDERS = frozenset({"docs", "doc"})
"""At the top: whatever lies in them is about the program."""
_PLAIN = frozenset({"100644", "100755"})
_ACTS = re.compile(r"//\s*(?:go:|\+build|export)|.*#\s*(?:cgo|include|define)|#.*coding[:=]|#!", re.DOTALL)
"""Comments that change what a program does: build constraints, C in Go, a file's encoding."""


def beside(profile: Profile, whole: Comparison, before: CommitFiles, after: CommitFiles, paths: Paths) -> list[str]:
    """The changed files that a change of this profile may not touch, sorted; none where it may touch all."""
    demand = profiles.TABLE[profile]
    if demand.program:
        return []
    others = {offence.path for offence in only_tests(whole, paths, before, after)}
    touched: set[str] = set()
    for changed in whole.files:
        of_tests = profile == "tests" and (changed.path not in others or is_manifest(changed.path))
        plan = changed.path.startswith(ACCEPTANCE) and changed.before.startswith(ACCEPTANCE)
        if not (of_tests or plan or _is_document(changed, before, after)):
            both = {changed.path, changed.before}
            touched |= {path for path in both if not _is_named_document(path)} or both
    return sorted(touched)


def is_manifest(path: str) -> bool:
    """Whether packages are fetched by a file, or it configures a test runner alone."""
    name = PurePosixPath(path).name
    return lists_packages(path) or _OF_RUNNERS.fullmatch(name) is not None


def lists_packages(path: str) -> bool:
    """Whether packages are fetched by a file (`package.json`, `requirements-dev.txt`)."""
    name = PurePosixPath(path).name
    return name in MANIFESTS or (name.startswith("requirements") and name.endswith(".txt"))


def _is_document(changed: Changed, before: CommitFiles, after: CommitFiles) -> bool:
    there = [
        side.mode(path)
        for side, path, status in ((before, changed.before, "added"), (after, changed.path, "removed"))
        if changed.status != status
    ]
    if not all(mode in _PLAIN for mode in there):
        return False
    if _is_named_document(changed.path) and _is_named_document(changed.before):
        return True
    if changed.status in ("added", "removed") or changed.path != changed.before or not syntax.readable(changed.path):
        return False
    was, now = (_code(changed.path, side.text(changed.path)) for side in (before, after))
    return was is not None and was == now and len(set(there)) == 1


def _is_named_document(path: str) -> bool:
    where = PurePosixPath(path)
    if where.parts[0].startswith("."):
        return False
    return where.parts[0] in _FOLDERS or where.suffix.lower() in _DOCUMENTS or _NAMED.fullmatch(where.name) is not None


def _code(path: str, text: str) -> list[tuple[str, int]] | None:
    """A source file's tokens without comments and Python's documentation; None if it is undecided.

    The first of a line has its column, for the languages to which that means something.
    """
    source = syntax.parse(path, text)
    return None if source is None else list(_tokens(source, python=path.endswith(".py")))


def _tokens(source: syntax.SyntaxTree, *, python: bool) -> Iterator[tuple[str, int]]:
    for token in syntax.tokens(source, source.root):
        documents = python and token.kind == "string" and token.within == "expression_statement" and token.siblings == 1
        if documents or (token.kind in COMMENTS and not _ACTS.match(token.text)):
            continue
        line = source.text[source.text.rfind(b"\n", 0, token.begin) + 1 : token.begin]
        yield token.text, -1 if line.strip() else len(line)
