"""What of a pull request replaces the linters, or runs within them: a person decides about each.

Tools are the image's, or what the default branch's lock file names. A pull request's new packages are installed with
them; a package that could replace a linter is undecided, and so is code that a compiler runs while it lints
(Rust's build scripts and procedural macros).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any

from pressplay.gates.lint import files
from pressplay.gates.lint.files import Files, Undecided, at, below, folder_of, joined, name_of
from pressplay.github.committed import Unreadable

_FOLDERS = frozenset({"node_modules", ".venv", "venv", "target", "site-packages", "__pypackages__"})
"""Folders that tools install into, or keep what they made in: never a pull request's to change."""
_NESTED = ((".cargo", "bin"), ("vendor", "bin"), (".yarn", "releases"), (".yarn", "plugins"), (".yarn", "sdks"))
_LOADED = frozenset({".pnp.cjs", ".pnp.js", ".pnp.loader.mjs", "pnpm-workspace.yaml", "go.work", "go.work.sum"})
"""Files that say where packages are loaded from."""
LOCKS = ("package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "yarn.lock")
_LARGEST_LOCK = 32_000_000
_TOOLS = re.compile(
    r"(?:.*[/_-])?(?:eslint|prettier|typescript|stylelint|tslint|oxlint|biome|xo|standard|rome)(?:[/_-].*)?"
    r"|@(?:biomejs|eslint|eslint-community|typescript-eslint|babel)/.*|eslint.*|prettier.*|stylelint.*"
    r"|tsc|tsserver|vue-tsc|svelte-check|npm|npx|pnpm|yarn|node|corepack|npm-run-all2?|concurrently|sh|bash|run-[sp]"
)
"""Packages and programs that lint, or that run what lints."""
_KINDS = ("dependencies", "devDependencies", "optionalDependencies", "peerDependencies")
_REPLACES = ("overrides", "resolutions", "pnpm", "packageManager", "devEngines", "dependenciesMeta", "installConfig")
"""Parts of a package.json that replace one package by another."""
_REGISTRY = re.compile(r"[\w.+<>=~^|*\s-]*")
"""A range of versions, or a tag: no address, no path, no other package's name."""
_HOST = re.compile(r"https?://[^/\s\"']+")
_ELSEWHERE = re.compile(
    r"\b(?:file|link|portal|workspace|patch|exec|git(?:\+\w+)?|github|npm):|\bgit@|\.git\b|\bdirectory:"
)
_LISTED = re.compile(r"""^\s*["'/]?(?P<name>(?:@[\w.-]+/)?[\w.-]+)@""")


def replaced(paths: Iterable[str], head: Files, base: Files) -> list[Undecided]:
    """What could replace a linter, or runs within one; `paths` are the files that differ between `head` and `base`."""
    changed = sorted(set(paths))
    undecided: list[Undecided] = []
    for path in changed:
        try:
            undecided += _of(path, head, base)
        except Unreadable as error:
            undecided.append(Undecided(error.path, f"{error.why}, where packages are named"))
    return [*undecided, *_rust(changed, head, base)]


def _of(path: str, head: Files, base: Files) -> Iterator[Undecided]:
    parts = path.lower().split("/")
    for folder in _FOLDERS & set(parts):
        if path in head.entries and not (folder == "target" and not _is_build(path, head)):
            yield Undecided(path, f"in a folder {folder}, which belongs to tools")
    if any(pair in pairwise(parts) for pair in _NESTED) and path in head.entries:
        yield Undecided(path, "in a folder that belongs to tools")
    if parts[-1] in _LOADED:
        yield Undecided(path, "says where packages are loaded from")
    elif parts[-1] == "package.json" and path in head.entries:
        yield from _package(path, files.table(head, path), files.table(base, path))
    elif parts[-1] in LOCKS:
        yield from _lock(path, head, base)
    elif parts[-1] == "go.mod" and path in head.entries:
        yield from _go_module(path, head, base)


def _is_build(path: str, head: Files) -> bool:
    """Whether a folder `target` is where cargo builds: beside a Cargo.toml, or no folder at all."""
    parts = path.split("/")
    places = [number for number, part in enumerate(parts) if part.lower() == "target"]
    return any(n == len(parts) - 1 or "Cargo.toml" in head.names("/".join(parts[:n])) for n in places)


# --- packages of npm, pnpm and yarn -----------------------------------------------------------------------------------


def _package(path: str, theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> Iterator[Undecided]:
    for kind in _KINDS:
        new, old = (
            packages if isinstance(packages, Mapping) else {} for packages in (theirs.get(kind), ours.get(kind))
        )
        for name, version in new.items():
            if old.get(name) == version:
                continue
            if _TOOLS.fullmatch(name):
                yield Undecided(path, "changes which version of a linter is used")
            elif not isinstance(version, str) or not _REGISTRY.fullmatch(version):
                yield Undecided(path, "names a package that comes from elsewhere than a registry")
        if any(_TOOLS.fullmatch(name) and name not in new and not _elsewhere(name, theirs) for name in old):
            yield Undecided(path, "takes a linter out of the packages")
    if any(theirs.get(part) != ours.get(part) for part in _REPLACES):
        yield Undecided(path, "changes which package replaces which")
    programs = _programs(theirs)
    if programs != _programs(ours) and any(_TOOLS.fullmatch(name) for name in programs):
        yield Undecided(path, "brings a program by a linter's name")


def _elsewhere(name: str, package: Mapping[str, Any]) -> bool:
    return any(name in (package.get(kind) or {}) for kind in _KINDS if isinstance(package.get(kind), Mapping))


def _programs(package: Mapping[str, Any]) -> set[str]:
    """The names by which a package, or an entry of a lock file, is installed as a program or as another package."""
    name, programs = package.get("name"), package.get("bin")
    names = {name.rpartition("/")[2]} if isinstance(name, str) else set()
    return names | (set(programs) if isinstance(programs, Mapping) else set())


def _lock(path: str, head: Files, base: Files) -> Iterator[Undecided]:
    if path not in head.entries or path not in base.entries:
        yield Undecided(path, "a lock file that only one side has: linters are installed by the default branch's")
        return
    if path.lower().endswith(".json"):
        yield from _npm_lock(path, *(files.table(tree, path, _LARGEST_LOCK) for tree in (head, base)))
        return
    theirs, ours = ((files.text(tree, path, _LARGEST_LOCK) or "").splitlines() for tree in (head, base))
    known, hosts = frozenset(ours), _hosts(ours)
    new = [line for line in theirs if line not in known]
    gone = known - frozenset(theirs)
    if any(_is_tools(line) for line in (*new, *gone)):
        yield Undecided(path, "changes which version of a linter is used")
    if any(_ELSEWHERE.search(line) for line in new) or (hosts and _hosts(new) - hosts):
        yield Undecided(path, "names a package that comes from elsewhere than the default branch's registries")


def _is_tools(line: str) -> bool:
    listed = _LISTED.match(line)
    return listed is not None and _TOOLS.fullmatch(listed["name"]) is not None


def _hosts(lines: Iterable[str]) -> frozenset[str]:
    return frozenset(host for line in lines for host in _HOST.findall(line))


def _npm_lock(path: str, theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> Iterator[Undecided]:
    new, old = (
        packages if isinstance(packages, Mapping) else {} for packages in (theirs.get("packages"), ours.get("packages"))
    )
    if not new:
        yield Undecided(path, "a lock file without a list of packages (lockfileVersion 1)")
        return
    hosts = {host for entry in old.values() for host in _HOST.findall(str(at(entry, "resolved") or ""))}
    hosts |= {"https://registry.npmjs.org"}
    for where, entry in new.items():
        # The entries of folders are the packages of the repository itself, which are judged by their package.json.
        if entry == old.get(where) or "node_modules/" not in where or not isinstance(entry, Mapping):
            continue
        name = where.rpartition("node_modules/")[2]
        resolved = str(entry.get("resolved") or "")
        if _TOOLS.fullmatch(name) or any(_TOOLS.fullmatch(program) for program in _programs(entry)):
            yield Undecided(path, "changes which version of a linter is used")
        elif entry.get("link") or not (resolved or entry.get("inBundle")) or _HOST.findall(resolved)[:1] == []:
            yield Undecided(path, "names a package that comes from elsewhere than a registry")
        elif not {*_HOST.findall(resolved)} <= hosts:
            yield Undecided(path, "names a package that comes from elsewhere than the default branch's registries")
    if any(_TOOLS.fullmatch(where.rpartition("node_modules/")[2]) for where in old if where and where not in new):
        yield Undecided(path, "takes a linter out of the packages")


# --- Go ---------------------------------------------------------------------------------------------------------------


def _go_module(path: str, head: Files, base: Files) -> Iterator[Undecided]:
    theirs, ours = (_directives(files.text(tree, path) or "") for tree in (head, base))
    if any(directive == "ignore" for directive, _ in theirs - ours):
        yield Undecided(path, "takes folders out of the module, which are then not looked at")


def _directives(text: str) -> set[tuple[str, str]]:
    """The directives of a go.mod and what each says. Source: go.dev/ref/mod, "go.mod files"."""
    directives, block = set(), ""
    for line in text.splitlines():
        words = line.partition("//")[0].split()
        if not words:
            continue
        if block:
            block = "" if words == [")"] else block
            directives.add((block, " ".join(words)))
        elif words[-1] == "(" or words[0].endswith("("):
            block = words[0].rstrip("(")
        else:
            directives.add((words[0], " ".join(words[1:])))
    return directives


# --- Rust -------------------------------------------------------------------------------------------------------------

_INCLUDED = re.compile(r'(?:\binclude\s*!\s*[(\[{]|\bpath\s*=)\s*r?#?"([^"\n]{1,300})"')
_SCRIPT = "a build script, which the compiler runs while it lints"
_MACRO = "of a procedural macro, or of what one or a build script is built from: the compiler runs it while it lints"


def _rust(changed: list[str], head: Files, base: Files) -> Iterator[Undecided]:
    """Build scripts and procedural macros that changed: the compiler runs them, and lints what they leave it."""
    if not any(path.endswith((".rs", "Cargo.toml")) for path in changed):
        return
    scripts: set[str] = set()
    run: set[str] = set()
    uses: dict[str, set[str]] = {}
    for manifest in (path for path in head.entries if name_of(path) == "Cargo.toml"):
        try:
            content, was = files.table(head, manifest), files.table(base, manifest)
        except Unreadable as error:
            yield Undecided(manifest, f"{error.why}, where a package of Rust's is expected")
            continue
        folder, build = folder_of(manifest), at(content, "package", "build")
        script = files.normal(folder, build if isinstance(build, str) else "build.rs")
        if script is None:
            yield Undecided(manifest, "names a build script outside the repository")
        elif script in head.entries and build is not False:
            scripts |= _parts_of(script, head)
            if isinstance(build, str) and build != at(was, "package", "build"):
                yield Undecided(manifest, "changes the build script, which the compiler runs while it lints")
        uses[folder] = set(_paths(folder, content, "dependencies"))
        run |= set(_paths(folder, content, "build-dependencies"))
        if _is_macro(content):
            run.add(folder)
            if not _is_macro(was):
                yield Undecided(manifest, _MACRO)
    queue = list(run)
    while queue:
        more = uses.get(queue.pop(), set()) - run
        run |= more
        queue += more
    for path in changed:
        if path in scripts and path in head.entries:
            yield Undecided(path, _SCRIPT)
        elif path.endswith(".rs") and path in head.entries and any(below(path, folder) for folder in run):
            yield Undecided(path, _MACRO)


def _parts_of(script: str, head: Files) -> set[str]:
    """A build script's file, and the files that it could have as modules or include."""
    folder = folder_of(script)
    files_ = {script, files.leads_to(head, script) or script}
    beside = {joined(folder, name) for name in head.names(folder) if name.endswith(".rs")}
    modules = {joined(joined(folder, "build"), name) for name in head.names(joined(folder, "build"))}
    try:
        named = {files.normal(folder, name) or "" for name in _INCLUDED.findall(files.text(head, script) or "")}
    except Unreadable:
        named = set()
    return files_ | modules | named | (beside if name_of(folder) != "src" else set())


def _paths(folder: str, content: Mapping[str, Any], kind: str) -> Iterator[str]:
    """The folders of the packages that a manifest depends on by their paths."""
    tables = [at(content, kind), at(content, "workspace", kind)]
    targets = at(content, "target")
    tables += [at(target, kind) for target in targets.values()] if isinstance(targets, Mapping) else []
    for table in tables:
        for dependency in table.values() if isinstance(table, Mapping) else ():
            path = at(dependency, "path")
            where = files.normal(folder, path) if isinstance(path, str) else None
            if where is not None:
                yield where


def _is_macro(content: Mapping[str, Any]) -> bool:
    library = at(content, "lib")
    kinds = at(library, "crate-type") or at(library, "crate_type") or []
    return bool(at(library, "proc-macro") or at(library, "proc_macro") or "proc-macro" in kinds)
