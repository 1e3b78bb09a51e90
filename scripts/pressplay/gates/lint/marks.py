"""Marks in the code that take something out of linting: one place, a whole file, or code that is compiled elsewhere.

These are patterns of tokens, not parsers: if they err, they count too much. Each is linear in the size of a file.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["place", "file", "condition"]


@dataclass(frozen=True)
class Mark:
    """A line that takes something out of linting."""

    kind: Kind
    """`place`: what checkers say of a place is silenced; `file`: of a whole file or module, or all rules at once;
    `condition`: code is compiled, and linted, only under a condition."""
    path: str
    line: int

    @property
    def place(self) -> str:
        """As editors write it."""
        return f"{self.path}:{self.line}"


# --- Python ----------------------------------------------------------------------------------------------------------

_PYTHON = re.compile(
    r"\bnoqa\b|\btype:\s*ignore\b|\b(?:ruff|mypy|pyright|pylint|flake8|isort|yapf|black)\s*:|\bfmt:\s*(?:off|skip)\b"
    r"|\bnosec\b",
    re.IGNORECASE,
)
_PYTHON_FILE = re.compile(
    r"\b(?:ruff|flake8)\s*:\s*noqa\b(?!\s*:\s*\w)|\bignore[-_]errors\b|\bskip[-_]file\b|\bpyright\s*:\s*(?:basic|off)\b",
    re.IGNORECASE,
)
_PYTHON_TYPES = re.compile(r"#\s*type:\s*ignore\s*(?:#.*)?", re.IGNORECASE)
_FORMAT = re.compile(r"#\s*(?:fmt|yapf):\s*(off|on|disable|enable)\b", re.IGNORECASE)


def _python(text: str) -> Iterator[tuple[int, Kind]]:
    unformatted = None
    for number, line in enumerate(text.split("\n"), start=1):
        _, sharp, comment = line.partition("#")
        if not sharp:
            continue
        switch = _FORMAT.match(line)
        if switch:
            off = switch[1].lower() in ("off", "disable")
            unformatted = (unformatted or number) if off else None
        if _PYTHON_FILE.search(comment) or _PYTHON_TYPES.fullmatch(line.rstrip()):
            yield number, "file"
        elif _PYTHON.search(comment):
            yield number, "place"
    if unformatted is not None:
        # Switched off for all that follows.
        yield unformatted, "file"


# --- Rust ------------------------------------------------------------------------------------------------------------

_CLIPPYS = (
    r"\bclippy\s*::\s*"
    r"(?:all|pedantic|nursery|style|complexity|perf|correctness|suspicious|restriction|cargo)\b"
)
_GROUP = rf"{_CLIPPYS}|\b(?:warnings|unused|nonstandard_style|future_incompatible)\b"
_RUST = re.compile(
    # What follows is looked at and not taken, so that nothing can hide in it; it is bounded, which keeps this linear.
    r"(?<![.\w:])(?<!fn )(?P<loose>allow|expect)\s*(?P<gap>/[/*])?\((?=(?P<loosened>[^)]{0,1000}))"
    r"|(?<![.\w:])(?<!fn )(?P<strict>warn|deny|forbid)\s*\((?=(?P<tightened>[^)]{0,1000}))"
    r"|\bcfg(?:_attr)?\b\s*(?:!\s*)?(?=(?P<cfg>/[/*]|\([^\]{};]{0,400}))"
    rf"|(?P<bare>\b(?:allow|expect)\s*/[/*]|[(\[{{]\s*(?:r\#)?clippy\s*[)\]}}])|(?P<group>{_CLIPPYS})"
    r"|(?P<mark>\brustfmt\s*::\s*skip\b|\brustfmt_skip\b|\#\s*(?:!\s*)?\[\s*clippy\s*::)"
)
_BOUND, _DEEP = 1000, 12
_GROUPS, _COMMENT = re.compile(_GROUP), re.compile(r"/[/*]")
_CLIPPY = re.compile(r"\bclippy\b(?!\s*::)")
_LOOSENS = re.compile(r"\b(?:allow|expect)\s*\(")
_COMPILED = re.compile(r"\(\s*(?:not\s*\(\s*)?test\b|\(\s*feature\s*=")
"""Conditions under which code is linted: as tests and without, with all features."""
_PARENTHESES = re.compile(r"[()]")
_LINE = 500
"""Characters before a mark in which the beginning of its line is looked for."""


def _rust(text: str) -> Iterator[tuple[int, Kind]]:
    number = 1
    before = listed = 0
    named = _CLIPPY.search(text) is not None
    for match in _RUST.finditer(text):
        start = match.start()
        number, before = number + text.count("\n", before, start), start
        if match["strict"] or match["loose"]:
            # The groups in this list are judged with it.
            listed = max(match.end("tightened"), match.end("loosened"))
        if (match["group"] and start < listed) or _is_comment(text, start):
            continue
        kind = _rust_kind(match, named)
        if kind is not None:
            yield number, kind


def _is_comment(text: str, at: int) -> bool:
    """Whether a place lies in a line that is a comment from its beginning, and no end of a string or a comment."""
    begins = text.rfind("\n", max(0, at - _LINE), at) + 1
    before = text[begins:at] if begins or at < _LINE else ""
    return before.lstrip().startswith("//") and '"' not in before and "*/" not in before


def _rust_kind(match: re.Match[str], named: bool) -> Kind | None:
    if match["loose"]:
        given = match["loosened"]
        # A comment within the list could hide a part of it.
        whole = match["gap"] or len(given) == _BOUND or _GROUPS.search(given) or _COMMENT.search(given)
        return "file" if whole else "place"
    if match["strict"]:
        return None
    if match["cfg"]:
        return _condition(match["cfg"], named)
    return "place" if match["mark"] else "file"


def _condition(region: str, named: bool) -> Kind | None:
    """The effect of a condition; `named`: the file names Clippy, which a macro could substitute for a `$` variable."""
    condition = _balanced(region)
    if condition is None or _CLIPPY.search(condition) or _COMMENT.search(condition) or ("$" in condition and named):
        return "file"
    if _LOOSENS.search(condition):
        return "file" if _GROUPS.search(condition) else "place"
    return None if _COMPILED.match(condition) else "condition"


def _balanced(region: str) -> str | None:
    """A text from its first parenthesis to the closing one; None if it is not closed."""
    depth = 0
    for match, _ in zip(_PARENTHESES.finditer(region), range(_DEEP), strict=False):
        depth += 1 if match[0] == "(" else -1
        if depth == 0:
            return region[: match.end()]
    return None


# --- TypeScript, JavaScript, and what prettier formats ----------------------------------------------------------------

_SCRIPT = re.compile(
    r"\b(?:eslint|oxlint|stylelint|tslint|standard)[-:]disable|@ts-(?:ignore|nocheck|expect-error)\b"
    r"|\b(?:prettier|biome|jshint)[- ]ignore|\beslint\s+[\w@/-]+\s*:",
)
_SCRIPT_FILE = re.compile(
    r"\b(?:eslint|oxlint|stylelint|tslint|standard)[-:]disable(?![-:\w])\s*(?:\*/|--|$)|@ts-nocheck\b"
    r"|\bbiome-ignore-all\b"
)


def _script(text: str) -> Iterator[tuple[int, Kind]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if _SCRIPT_FILE.search(line.rstrip()):
            yield number, "file"
        elif _SCRIPT.search(line):
            yield number, "place"


# --- Go --------------------------------------------------------------------------------------------------------------

_GO = re.compile(r"//\s*(?:nolint\b|lint:ignore\b|\#?nosec\b|revive:disable)|\#nosec\b|^\s*(?://|/\*)line\s")
_GO_FILE = re.compile(
    r"//\s*(?:lint:file-ignore\b|nolint\s*:\s*all\b|revive:disable\s*$)|^// Code generated .*DO NOT EDIT\.\s*$"
)
_GO_WHOLE = re.compile(r"^\s*//\s*nolint\b")
_BUILD = re.compile(r"^//\s*(?:go:build|\+build)\s(.*)")
_TAG = re.compile(r"[\w.]+")
_KNOWN = re.compile(
    r"aix|android|darwin|dragonfly|freebsd|illumos|ios|js|linux|netbsd|openbsd|plan9|solaris|wasip1|windows|unix|386"
    r"|amd64|arm|arm64|loong64|mips|mips64|mips64le|mipsle|ppc64|ppc64le|riscv64|s390x|wasm|cgo|gc|gccgo|race|msan|asan"
    r"|go1\.\d+"
)
"""Tags of `go help buildconstraint`; files with any other are compiled only when somebody asks for it."""


def _go(text: str) -> Iterator[tuple[int, Kind]]:
    begun = False
    for number, line in enumerate(text.split("\n"), start=1):
        begun = begun or line.startswith("package ")
        build = None if begun else _BUILD.match(line)
        if build:
            known = all(_KNOWN.fullmatch(tag) for tag in _TAG.findall(build[1]))
            yield number, "condition" if known else "file"
        elif _GO_FILE.search(line) or (not begun and _GO_WHOLE.match(line)):
            yield number, "file"
        elif _GO.search(line):
            yield number, "place"


_READ: Mapping[str, tuple[Callable[[str], Iterator[tuple[int, Kind]]], tuple[str, ...]]] = {
    "python": (_python, ("py", "pyi", "ipynb")),
    "rust": (_rust, ("rs",)),
    "typescript": (_script, ("js", "jsx", "ts", "tsx", "mjs", "cjs", "mts", "cts", "vue", "svelte", "astro")),
    "go": (_go, ("go",)),
}
_FORMATTED = frozenset({"css", "scss", "less", "html", "htm", "md", "mdx", "yaml", "yml", "graphql", "hbs", "json5"})
"""Suffixes of other files, in which prettier knows marks."""
_BY_SUFFIX = {suffix: language for language, (_, suffixes) in _READ.items() for suffix in suffixes}


def language_of(path: str) -> str | None:
    """The language in which a file is written, by its suffix; None for files that the gate's linters don't read."""
    return _BY_SUFFIX.get(_suffix(path))


def is_read(path: str) -> bool:
    """Whether marks are looked for in a file."""
    return _suffix(path) in _BY_SUFFIX or _suffix(path) in _FORMATTED


def _suffix(path: str) -> str:
    _, dot, suffix = path.rpartition("/")[2].rpartition(".")
    return suffix.lower() if dot else ""


def marks(path: str, text: str) -> list[Mark]:
    """All marks of a file, at most one for each line."""
    read = _READ[_BY_SUFFIX[_suffix(path)]][0] if _suffix(path) in _BY_SUFFIX else _script
    kinds: dict[int, Kind] = {}
    for line, kind in read(text):
        kinds[line] = max(kind, kinds.get(line, kind), key=_ORDER.index)
    if path.endswith("_test.go"):
        # Go projects mark their slow tests with build tags of their own.
        lines = text.split("\n")
        kinds = {line: "condition" if _BUILD.match(lines[line - 1]) else kind for line, kind in kinds.items()}
    return [Mark(kind, path, line) for line, kind in sorted(kinds.items())]


_ORDER: tuple[Kind, ...] = ("condition", "place", "file")


def added(path: str, head: str, base: str) -> list[Mark]:
    """The marks that a file has at the head and had nowhere in it at the base."""
    if head == base:
        return []
    there = _by_text(base, marks(path, base))
    lines = head.split("\n")
    new = []
    for mark in marks(path, head):
        key = mark.kind, lines[mark.line - 1].strip()
        if there[key] > 0:
            there[key] -= 1
        else:
            new.append(mark)
    return new


def _by_text(text: str, there: list[Mark]) -> Counter[tuple[str, str]]:
    lines = text.split("\n")
    return Counter((mark.kind, lines[mark.line - 1].strip()) for mark in there)
