"""The files of a pull request that decide how it is linted: taken from the default branch, and reported.

Whole files that only tools read are the default branch's, and so is what they refer to; of files that also say other
things (`Cargo.toml`, `pyproject.toml`, `package.json`) only the tools' own parts are. A file that the default branch
has not is left out of the run, unless the default branch has no project of that language yet. Nothing is taken for
absent that is there and can't be read: it is undecided, and a person decides.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

import tomlkit

from pressplay.gates.lint import files
from pressplay.gates.lint.detect import SCRIPTS
from pressplay.gates.lint.files import Files, Undecided, at, folder_of, name_of, normal
from pressplay.github.committed import Unreadable

ANY = ""
"""Used as a language: anything that is linted."""
_PACKAGE_MANAGERS = (".npmrc", ".yarnrc", ".yarnrc.yml", ".pnpmfile.cjs", "pnpmfile.js", "bunfig.toml")
"""The configuration files of npm, yarn, pnpm and bun."""
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
    "python": (
        "ruff.toml",
        ".ruff.toml",
        "mypy.ini",
        ".mypy.ini",
        "setup.cfg",
        "tox.ini",
        ".flake8",
        ".pylintrc",
        "pylintrc",
        "pyrightconfig.json",
    ),
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
        ".stylelintrc*",
        ".oxlintrc.json",
        ".babelrc*",
        "babel.config.*",
        *_PACKAGE_MANAGERS,
    ),
    "go": (".golangci.yml", ".golangci.yaml", ".golangci.toml", ".golangci.json"),
    # What tools leave out, and what named commands are the names of.
    ANY: (
        ".gitignore",
        ".ignore",
        ".rgignore",
        ".ruffignore",
        "makefile",
        "gnumakefile",
        "*.mk",
        "justfile",
        ".justfile",
        "taskfile.yml",
        "taskfile.yaml",
        "noxfile.py",
        ".pre-commit-config.yaml",
    ),
}
"""Language → names of files that are taken whole, in any folder and in upper or lower case."""
HELD = ("tsconfig*.json", "jsconfig*.json")
"""Files that are taken if the default branch has them, and reported if they are new: a new folder needs its own."""
STEERING = frozenset(
    {
        ".cargo/config",
        ".cargo/config.toml",
        "rust-toolchain",
        "rust-toolchain.toml",
        *_PACKAGE_MANAGERS,
    }
)
"""Files that can replace the tools themselves: never a pull request's own, the first of its language included."""
PARTS: Mapping[str, tuple[str, tuple[tuple[str, ...], ...]]] = {
    "Cargo.toml": ("rust", (("lints",), ("workspace", "lints"), ("workspace", "exclude"))),
    "pyproject.toml": (
        "python",
        (("tool", "ruff"), ("tool", "mypy"), ("tool", "black"), ("tool", "pylint"), ("tool", "pyright")),
    ),
    "package.json": (
        "typescript",
        (("scripts",), ("eslintConfig",), ("eslintIgnore",), ("prettier",), ("stylelint",), ("babel",)),
    ),
}
"""File → its language, and the parts of it that are taken."""
REPORTED = (".github/workflows/*",)
"""Files whose change is only reported."""
_LEFT_OUT: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "pyproject.toml": tuple(
        ("tool", "ruff", *rest)
        for rest in (("exclude",), ("extend-exclude",), ("include",), ("lint", "exclude"), ("format", "exclude"))
    ),
    "ruff.toml": (("exclude",), ("extend-exclude",), ("include",), ("lint", "exclude"), ("format", "exclude")),
    "rustfmt.toml": (("ignore",), ("disable_all_formatting",), ("skip_children",)),
    "Cargo.toml": (("workspace", "exclude"),),
    "package.json": (("eslintIgnore",), ("eslintConfig", "ignorePatterns")),
}
"""File (a leading dot aside) → what in it takes whole files out of linting."""
_IGNORES = frozenset({".eslintignore", ".prettierignore"})
LARGEST_MIXED = 250_000
"""Bytes of the largest file of which parts are taken."""


@dataclass(frozen=True)
class Taken:
    """A file that the run has otherwise than the pull request: with this content, or (None) not at all."""

    path: str
    content: bytes | None


@dataclass
class Configuration:
    """Whose configuration a run has."""

    taken: list[Taken] = field(default_factory=list)
    """What the run has otherwise than the pull request."""
    own: list[str] = field(default_factory=list)
    """What changed, decides what checks find, and is the pull request's."""
    undecided: list[Undecided] = field(default_factory=list)


def kind(path: str) -> tuple[str, bool] | None:
    """The language whose tools a file configures, and whether it is taken whole; None for any other file."""
    name, low = name_of(path), path.lower()
    for part, (language, _) in PARTS.items():
        if name.lower() == part.lower():
            return language, False
    for language, globs in WHOLE.items():
        if any(_is(low, glob) for glob in globs):
            return language, True
    return None


def _is(low: str, glob: str) -> bool:
    return f"/{low}".endswith(f"/{glob}") if "/" in glob else fnmatchcase(name_of(low), glob)


def _is_steering(path: str) -> bool:
    return any(_is(path.lower(), glob) for glob in STEERING)


def _is_held(path: str) -> bool:
    return any(_is(path.lower(), glob) for glob in HELD)


def is_reported(path: str) -> bool:
    """Whether a change to this file is only reported: it changes what checks find."""
    return any(fnmatchcase(path, glob) for glob in REPORTED)


def settle(
    paths: Iterable[str], head: Files, base: Files, new: frozenset[str], lines: Iterable[str] = ()
) -> Configuration:
    """The configuration for linting `head`; `paths` are the files that differ between `head` and `base`.

    `new`: the languages without a project on the default branch; their configuration is the pull request's own.
    `lines`: the commands from the values; the repository's files that they run are also the default branch's.
    """
    settled = Configuration()
    changed = sorted(set(paths))
    referred = _referred(changed, base, settled, [line for line in lines if line])
    for path in changed:
        try:
            _settle(path, head, base, new, path in referred, settled)
        except Unreadable as error:
            settled.undecided.append(Undecided(error.path, f"{error.why}, where a linter's configuration is expected"))
    settled.undecided += _links(head, frozenset(changed))
    return settled


def _settle(path: str, head: Files, base: Files, new: frozenset[str], referred: bool, settled: Configuration) -> None:
    what = (ANY, True) if referred else kind(path)
    if what is None:
        if _is_held(path) and path in base.entries:
            _take_whole(path, head, base, settled)
        elif _is_held(path) or is_reported(path):
            settled.own.append(path)
        return
    language, whole = what
    if language in new:
        if path in head.entries:
            _own(path, head, settled)
    elif whole:
        _take_whole(path, head, base, settled)
    elif path in head.entries:
        # If the default branch has no such file, it configures no tool either.
        mixed = _mixed(path, head, base)
        if mixed is not None:
            settled.taken.append(Taken(path, mixed))


def _take_whole(path: str, head: Files, base: Files, settled: Configuration) -> None:
    files.text(head, path)
    files.text(base, path)
    settled.taken.append(Taken(path, base.content(path)))


def _own(path: str, head: Files, settled: Configuration) -> None:
    """Take a configuration file of the first project of its language from the pull request."""
    name = name_of(path).lower()
    if _is_steering(path):
        settled.undecided.append(Undecided(path, "can replace the linters, and is not the default branch's"))
        return
    settled.own.append(path)
    content = files.text(head, path)
    left_out = next((parts for known, parts in _LEFT_OUT.items() if name.lstrip(".") == known.lower()), ())
    if left_out and any(at(files.table(head, path), *part) for part in left_out):
        settled.undecided.append(Undecided(path, "takes files out of linting, and is not the default branch's"))
    if name in _IGNORES and any(line.strip() and not line.startswith("#") for line in (content or "").splitlines()):
        settled.undecided.append(Undecided(path, "takes files out of linting, and is not the default branch's"))


def _mixed(path: str, head: Files, base: Files) -> bytes | None:
    """The head's file with the base's sections for tools; None if they are equal."""
    part = next(name for name in PARTS if name.lower() == name_of(path).lower())
    theirs, ours = (files.table(tree, path, LARGEST_MIXED) for tree in (head, base))
    parts = PARTS[part][1]
    if all(at(theirs, *where) == at(ours, *where) for where in parts):
        return None
    text = files.text(head, path, LARGEST_MIXED) or ""
    document: MutableMapping[str, Any] = json.loads(text) if part.endswith(".json") else tomlkit.parse(text)
    for where in parts:
        if at(theirs, *where) != at(ours, *where):
            _put(document, where, at(ours, *where))
    made = (
        json.dumps(document, indent=2, ensure_ascii=False) + "\n" if part.endswith(".json") else tomlkit.dumps(document)
    )
    return made.encode()


def _put(document: MutableMapping[str, Any], path: tuple[str, ...], wanted: Any) -> None:
    holder: Any = document
    for name in path[:-1]:
        if not isinstance(holder.get(name), MutableMapping):
            holder[name] = {}
        holder = holder[name]
    holder.pop(path[-1], None)
    if wanted is not None:
        holder[path[-1]] = wanted


# --- links -----------------------------------------------------------------------------------------------------------


def _links(head: Files, changed: frozenset[str]) -> Iterator[Undecided]:
    """Links through which a tool would read a file that isn't judged under its own name."""
    for path, entry in head.entries.items():
        if entry.kind != "link":
            continue
        to = files.leads_to(head, path)
        if to is None:
            if path in changed:
                yield Undecided(path, "a symbolic link that leads out of the repository")
        elif path in changed and name_of(path).lower() == ".cargo":
            yield Undecided(path, "a symbolic link, where a linter's configuration is expected")
        elif (
            path not in changed
            and (kind(path) or _is_held(path) or name_of(path).lower() == ".cargo")
            and any(path_ == to or files.below(path_, to) for path_ in changed)
        ):
            yield Undecided(path, "a symbolic link to something that the pull request changes")


# --- what configuration refers to ------------------------------------------------------------------------------------

_IMPORTS = re.compile(r"""\b(?:from|import|require)\b\s*(?:\(\s*)?["'](\.{1,2}/[^"'\n]{1,300})["']""")
_EXTENDS = re.compile(r"""\b(?:extends?|plugins?|parser|jsPlugins)\b["']?\s*[:=]\s*(\[[^\]]*|[^\n]*)""")
_NAMES = re.compile(r"""[^\s"',\[\]{}]+""")
_PROGRAM = re.compile(r"\.[cm]?[jt]s$")
_SUFFIXES = ("", ".js", ".cjs", ".mjs", ".ts", ".json", ".toml", ".py", "/index.js", "/__init__.py", "/__main__.py")
_INTERPRETERS = frozenset({"node", "sh", "bash", "dash", "zsh", "python", "python3", "tsx", "ts-node", "bun", "."})
_SHELLS = frozenset({"sh", "bash", "dash", "zsh"})
_OPTIONS = frozenset(
    {"-c", "-f", "-m", "-p", "-r", "--config", "--config-path", "--config-file", "--file", "--makefile", "--import",
     "--loader", "--plugin", "--project", "--rcfile", "--require", "--rulesdir", "--ignore-path"}
)  # fmt: skip
"""After these comes a file or a module that a tool takes for its own."""
_NEXT = re.compile(r"[;&|()]+")
_MOST_FILES = 5_000


def _referred(changed: list[str], base: Files, settled: Configuration, lines: list[str]) -> frozenset[str]:
    """The changed files that the default branch's configuration, or one of `lines`, runs or includes."""
    there = frozenset(base.entries) | frozenset(changed)
    referred: set[str] = set()
    for line in lines:
        referred |= _resolved(_of_command(line), "", there)
    queue = [path for path in base.entries if kind(path) or _is_held(path)]
    queue = list(dict.fromkeys([*queue, *(files.leads_to(base, path) or path for path in queue), *sorted(referred)]))
    seen = set(queue)
    while queue and len(seen) <= _MOST_FILES:
        path = queue.pop()
        if path not in base.entries or base.entries[path].kind != "file":
            continue
        try:
            names = list(_names_in(path, files.text(base, path) or "", bool(lines)))
        except Unreadable as error:
            settled.undecided.append(Undecided(path, f"{error.why}, and configuration on the default branch"))
            continue
        more = _resolved(names, folder_of(path), there)
        referred |= more
        queue += sorted(more - seen)
        seen |= more
    if queue:
        settled.undecided.append(Undecided(queue[0], f"one of more than {_MOST_FILES:,} files of configuration"))
    return frozenset(path for path in changed if path in referred or any(up in referred for up in _above(path)))


def _above(path: str) -> Iterator[str]:
    """The folders above a path."""
    return (path[:end] for end, letter in enumerate(path) if letter == "/")


def _names_in(path: str, content: str, named: bool) -> Iterator[str]:
    """The names of files and modules that a file of configuration refers to; `named`: commands are named by values."""
    name = name_of(path).lower()
    if name == "package.json":
        for line in _scripts(path, content):
            yield from _of_command(line)
    elif _PROGRAM.search(name):
        yield from _IMPORTS.findall(content)
    elif any(_is(name, glob) for glob in WHOLE[ANY]):
        for line in content.splitlines() if named else ():
            yield from _of_command(line)
    elif name.endswith((".sh", ".py")):
        return
    else:
        for listed in _EXTENDS.findall(content):
            yield from _NAMES.findall(listed)


def _scripts(path: str, content: str) -> Iterator[str]:
    """The scripts that the gate runs, and those that these name."""
    try:
        scripts = at(json.loads(content), "scripts")
    except (ValueError, RecursionError) as error:
        raise Unreadable(path, "not JSON") from error
    listed = scripts.items() if isinstance(scripts, Mapping) else ()
    lines = {name: line for name, line in listed if isinstance(line, str)}
    queue = [name for name in lines if name.removeprefix("pre").removeprefix("post") in SCRIPTS]
    seen = set(queue)
    while queue:
        line = lines[queue.pop()]
        yield line
        more = (set(_NAMES.findall(_NEXT.sub(" ", line))) & lines.keys()) - seen
        seen |= more
        queue += sorted(more)


def _of_command(line: str) -> Iterator[str]:
    """The words of a shell command that name what it runs or is configured by; a folder ends with a stroke."""
    try:
        words = shlex.split(_NEXT.sub(" ; ", line.lstrip("@-\t ")), comments=True)
    except ValueError:
        words = line.split()
    first, interpreter, option = True, "", ""
    for word in words:
        if word == ";":
            first, interpreter, option = True, "", ""
        elif option == "-c" and interpreter in _SHELLS:
            yield from _of_command(word.replace("\0", ""))
            option = ""
        elif option or (first and "/" in word) or (interpreter and not word.startswith("-")):
            yield f"{word}/" if option == "--rulesdir" else word.replace(".", "/") if option == "-m" else word
            first, interpreter, option = False, "", ""
        elif word.startswith("-"):
            name, _, value = word.partition("=")
            if name in _OPTIONS and value:
                yield value
            option = name if name in _OPTIONS and not value else ""
        elif first:
            # A variable that is set, or a program by its name.
            first, interpreter = "=" in word, word if word in _INTERPRETERS else ""


def _resolved(names: Iterable[str], folder: str, there: frozenset[str]) -> set[str]:
    """The files and folders that names refer to from a folder."""
    paths: set[str] = set()
    for name in names:
        path = normal(folder, name)
        if path:
            known = (*(f"{path}{suffix}" for suffix in _SUFFIXES), f"{_PROGRAM.sub('', path)}.ts")
            paths |= {path} if name.endswith("/") else there.intersection(known)
    return paths
