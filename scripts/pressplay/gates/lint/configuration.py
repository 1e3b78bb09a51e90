"""What of a pull request's files decides how it is linted: taken from the default branch, and told.

Whole files that only tools read are the default branch's; of files that also say other things (`Cargo.toml`,
`pyproject.toml`, `package.json`) only the tools' own parts are. A file that the default branch has not is left out of
the run, unless the default branch has no project of that language yet. What can be neither taken nor left (compilers'
settings, marks in the code that silence a linter) is counted and told.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

WHOLE: Mapping[str, tuple[str, ...]] = {
    "rust": (
        "clippy.toml",
        ".clippy.toml",
        "rustfmt.toml",
        ".rustfmt.toml",
        "rust-toolchain",
        "rust-toolchain.toml",
        ".cargo/config",
        ".cargo/config.toml",
    ),
    "python": ("ruff.toml", ".ruff.toml", "mypy.ini", ".mypy.ini", "setup.cfg"),
    "typescript": (
        "eslint.config.*",
        ".eslintrc",
        ".eslintrc.*",
        ".eslintignore",
        ".prettierrc",
        ".prettierrc.*",
        "prettier.config.*",
        ".prettierignore",
        "biome.json",
        "biome.jsonc",
        ".editorconfig",
        ".npmrc",
    ),
    "go": (".golangci.yml", ".golangci.yaml", ".golangci.toml", ".golangci.json"),
    # Tools leave out what these name.
    "": (".gitignore", ".ignore", ".rgignore"),
}
"""Language → files that are taken whole, wherever they lie in the repository."""
PARTS: Mapping[str, tuple[str, tuple[tuple[str, ...], ...]]] = {
    "Cargo.toml": ("rust", (("lints",), ("workspace", "lints"))),
    "pyproject.toml": ("python", (("tool", "ruff"), ("tool", "mypy"), ("tool", "black"))),
    "package.json": ("typescript", (("scripts",), ("eslintConfig",), ("eslintIgnore",), ("prettier",))),
}
"""File → its language, and the parts of it that are taken."""
TOLD = ("tsconfig*.json", ".github/workflows/*")
"""Files whose change is told and nothing more."""
SILENCED = re.compile(
    r"#\s*noqa\b|#\s*type:\s*ignore|#\s*(?:ruff|mypy|pyright|pylint|flake8):|#\s*fmt:\s*(?:off|skip)"
    r"|#!?\[\s*(?:clippy::|rustfmt::skip|(?:allow|expect)\s*\()|#!?\[\s*cfg_attr\([^\]]*\b(?:allow|expect)\s*\("
    r"|//\s*nolint\b|//\s*lint:ignore|\beslint-disable|@ts-(?:ignore|nocheck|expect-error)|\b(?:prettier|biome)-ignore"
)
"""Marks in the code that silence a linter or a formatter."""

Read = Callable[[str], bytes | None]
"""A plain file's bytes by its path; None where there is none."""


@dataclass(frozen=True)
class Taken:
    """A file that the run has otherwise than the pull request: with this content, or (None) not at all."""

    path: str
    content: bytes | None


def kind(path: str) -> tuple[str, bool] | None:
    """The language whose tools a file configures, and whether it is taken whole; None for any other file."""
    name = path.rpartition("/")[2]
    if name in PARTS:
        return PARTS[name][0], False
    for language, globs in WHOLE.items():
        for glob in globs:
            if fnmatchcase(name, glob) or (("/" in glob) and f"/{path}".endswith(f"/{glob}")):
                return language, True
    return None


def is_told(path: str) -> bool:
    """Whether a change to this file is told, because it changes what checks find, and is left at that."""
    name = path.rpartition("/")[2]
    return any(fnmatchcase(path if "/" in glob else name, glob) for glob in TOLD)


def taken(paths: Iterable[str], head: Read, base: Read, new: frozenset[str]) -> list[Taken]:
    """What the run of `head` takes from `base`; `paths` are the files of either that differ.

    `new`: the languages of which the default branch has no project yet; their configuration is the pull request's own.
    """
    found = []
    for path in sorted(set(paths)):
        what = kind(path)
        if what is None or what[0] in new:
            continue
        theirs, ours = head(path), base(path)
        if what[1]:
            if theirs != ours:
                found.append(Taken(path, ours))
        elif theirs is not None:
            # Where the default branch has no such file, it configures no tool either.
            mixed = _mixed(path.rpartition("/")[2], theirs, ours or b"")
            if mixed is not None:
                found.append(Taken(path, mixed))
    return found


def _mixed(name: str, theirs: bytes, ours: bytes) -> bytes | None:
    """`theirs` with the tools' parts of `ours`; None where they are the same, or it can't be read (a tool will say)."""
    loads, dumps = (json.loads, _json) if name.endswith(".json") else (tomlkit.parse, tomlkit.dumps)
    try:
        document = loads(theirs.decode())
    except (ValueError, TOMLKitError, RecursionError):
        return None
    try:
        settled = loads(ours.decode() or ("{}" if name.endswith(".json") else ""))
    except (ValueError, TOMLKitError, RecursionError):
        settled = {}
    if not isinstance(document, MutableMapping) or not isinstance(settled, Mapping):
        return None
    changed = [_take(document, settled, path) for path in PARTS[name][1]]
    return dumps(document).encode() if any(changed) else None


def _take(document: MutableMapping[str, Any], settled: Mapping[str, Any], path: tuple[str, ...]) -> bool:
    """Make one part of a document that of another; whether that changed it."""
    wanted = _at(settled, path)
    if _plain(_at(document, path)) == _plain(wanted):
        return False
    holder: Any = document
    for name in path[:-1]:
        if not isinstance(holder.get(name), MutableMapping):
            holder[name] = {}
        holder = holder[name]
    holder.pop(path[-1], None)
    if wanted is not None:
        holder[path[-1]] = wanted
    return True


def _at(document: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        document = document.get(name) if isinstance(document, Mapping) else None
    return document


def _plain(value: Any) -> Any:
    return value.unwrap() if hasattr(value, "unwrap") else value


def _json(document: Any) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def silenced(paths: Iterable[str], head: Read, base: Read) -> int:
    """How many more marks that silence a linter the files of `paths` have at `head` than at `base`."""
    return sum(max(0, _marks(head(path)) - _marks(base(path))) for path in paths)


def _marks(content: bytes | None) -> int:
    return 0 if content is None or b"\0" in content else len(SILENCED.findall(content.decode(errors="replace")))
