"""Packages that a change brings in or moves, where they come from, and whether lock files agree with manifests."""

from __future__ import annotations

import configparser
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from pressplay.gates.lint.files import Files, below, folder_of, joined, name_of, normal, table, text
from pressplay.gates.supply import compiled, npm, python
from pressplay.gates.supply.model import Finding, Listed, Manager, Package, normal_name
from pressplay.github.committed import Unreadable

LARGEST = 20_000_000
"""Bytes of the largest lock file that is read."""
_PUBLIC: Mapping[Manager, frozenset[str]] = {
    "npm": frozenset({"https://registry.npmjs.org", "https://registry.yarnpkg.com"}),
    "pypi": frozenset({"https://pypi.org", "https://files.pythonhosted.org"}),
    "crates": frozenset({"https://github.com/rust-lang/crates.io-index", "https://index.crates.io"}),
    "go": frozenset(),
}
"""The registries that package managers use where nothing else is said."""


def _yaml(files: Files, path: str) -> dict[str, Any]:
    import yaml

    try:
        content = yaml.load(text(files, path, LARGEST) or "", getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise Unreadable(path, "not YAML") from error
    if content is not None and not isinstance(content, dict):
        raise Unreadable(path, "a YAML file without a table")
    return content or {}


def _json(files: Files, path: str) -> dict[str, Any]:
    try:
        content = json.loads(text(files, path, LARGEST) or "{}")
    except (ValueError, RecursionError) as error:
        raise Unreadable(path, "not JSON") from error
    if not isinstance(content, dict):
        raise Unreadable(path, "a JSON file without a table")
    return content


def _toml(files: Files, path: str) -> dict[str, Any]:
    return table(files, path, LARGEST)


def _yarn(files: Files, path: str) -> Listed:
    lines = text(files, path, LARGEST) or ""
    return npm.berry_lock(_yaml(files, path)) if "__metadata:" in lines else npm.yarn_lock(lines)


@dataclass(frozen=True)
class _Form:
    """A form in which packages are listed."""

    manager: Manager
    names: tuple[str, ...]
    """Globs of a file's name."""
    read: Callable[[Files, str], Listed]
    lock: tuple[str, ...] = ()
    """Of a manifest: the names of its lock files, in its folder or above it."""
    is_lock: bool = False


_FORMS: tuple[_Form, ...] = (
    _Form(
        "npm",
        ("package.json",),
        lambda files, path: npm.manifest(table(files, path)),
        lock=("package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "yarn.lock"),
    ),
    _Form(
        "npm",
        ("package-lock.json", "npm-shrinkwrap.json"),
        lambda files, path: npm.npm_lock(_json(files, path)),
        is_lock=True,
    ),
    _Form("npm", ("pnpm-lock.yaml",), lambda files, path: npm.pnpm_lock(_yaml(files, path)), is_lock=True),
    _Form("npm", ("yarn.lock",), _yarn, is_lock=True),
    _Form(
        "pypi",
        ("requirements*.txt", "requirements*.in", "*requirements.txt", "constraints*.txt"),
        lambda files, path: python.requirements(text(files, path) or "", path),
    ),
    _Form(
        "pypi",
        ("pyproject.toml",),
        lambda files, path: python.pyproject(table(files, path), path),
        lock=("poetry.lock", "uv.lock"),
    ),
    _Form("pypi", ("poetry.lock",), lambda files, path: python.poetry_lock(_toml(files, path)), is_lock=True),
    _Form("pypi", ("uv.lock",), lambda files, path: python.uv_lock(_toml(files, path)), is_lock=True),
    _Form("pypi", ("Pipfile",), lambda files, path: python.pipfile(_toml(files, path)), lock=("Pipfile.lock",)),
    _Form("pypi", ("Pipfile.lock",), lambda files, path: python.pipfile_lock(_json(files, path)), is_lock=True),
    _Form("crates", ("Cargo.toml",), lambda files, path: compiled.cargo(table(files, path)), lock=("Cargo.lock",)),
    _Form("crates", ("Cargo.lock",), lambda files, path: compiled.cargo_lock(_toml(files, path)), is_lock=True),
    _Form(
        "go",
        ("go.mod", "go.work"),
        lambda files, path: compiled.go_mod(text(files, path) or ""),
        lock=("go.sum", "go.work.sum"),
    ),
    _Form(
        "go",
        ("go.sum", "go.work.sum"),
        lambda files, path: compiled.go_sum(text(files, path, LARGEST) or ""),
        is_lock=True,
    ),
)
_UNREAD = (
    "bun.lock", "bun.lockb", "deno.lock", "deno.json", "jsr.json", "pylock*.toml", "pdm.lock", "environment.y*ml",
    "Gemfile", "Gemfile.lock", "*.gemspec", "pom.xml", "build.gradle", "build.gradle.kts", "*.csproj",
    "packages.lock.json", "composer.json", "composer.lock", "mix.exs", "Package.swift", "Package.resolved",
    "conanfile.*", "vcpkg.json", "pnpm-workspace.yaml", "setup.cfg",
)  # fmt: skip
"""Files that name packages in a form that the gate does not read."""
_CONFIGURES = (
    ".npmrc", ".yarnrc", ".yarnrc.yml", "bunfig.toml", ".pnpmfile.cjs", "pip.conf", "pip.ini", ".pypirc", "uv.toml",
    "poetry.toml", ".cargo/config.toml", ".cargo/config", "nuget.config",
)  # fmt: skip
"""Files that say where packages are fetched from, or what is run on the way."""


def _form(path: str) -> _Form | None:
    name = name_of(path)
    return next((form for form in _FORMS if any(fnmatchcase(name, glob) for glob in form.names)), None)


def is_lock(path: str) -> bool:
    """Whether a file is a lock file that the gate reads: those may be large."""
    form = _form(path)
    return form is not None and form.is_lock


@dataclass(frozen=True)
class Brought:
    """What a change brings in, of packages."""

    findings: tuple[Finding, ...]
    fresh: tuple[Package, ...]
    """New or moved packages of registries, each once."""


def brought(changed: Sequence[str], head: Files, base: Files) -> Brought:
    """Packages that are new, or that have another version or source. Unreadable for a file that can't be read."""
    findings: list[Finding] = []
    fresh: dict[tuple[str, str, str], Package] = {}
    for path in changed:
        if path not in head.entries:
            continue
        findings += _configuration(path, head, base)
        form = _form(path)
        if form is None:
            continue
        now = form.read(head, path)
        was = _before(form, base, path)
        new = _new(now, was)
        known = _PUBLIC[form.manager] | {package.where for package in was.packages if package.origin == "registry"}
        for package in new:
            findings += _of(package, path, head, form, known)
            if package.origin == "registry":
                fresh.setdefault((package.manager, normal_name(form.manager, package.name), package.version), package)
        findings += (
            Finding("sources", path, "says where packages are fetched from", line)
            for line in now.registries
            if line not in was.registries and line.rstrip("/") not in _INDEXES
        )
        findings += _moved(path, now, was)
        findings += _unpinned(path, form, new, head) if form.lock else _unasked(path, form, now, new, head)
    return Brought(tuple(findings), tuple(fresh.values()))


_INDEXES = frozenset({"https://pypi.org/simple", "--index-url https://pypi.org/simple", "-i https://pypi.org/simple"})


def _before(form: _Form, base: Files, path: str) -> Listed:
    """What the file listed before. Where that can't be read, all of the head's is new."""
    try:
        return form.read(base, path) if path in base.entries else Listed()
    except Unreadable:
        return Listed()


def _new(now: Listed, was: Listed) -> list[Package]:
    def what(package: Package) -> tuple[object, ...]:
        return package.name, package.version, package.origin, package.where, package.alias, package.mismatch

    known = {what(package) for package in was.packages}
    return list({what(package): package for package in now.packages if what(package) not in known}.values())


def _of(package: Package, path: str, head: Files, form: _Form, known: frozenset[str] | set[str]) -> Iterator[Finding]:
    named = " ".join(part for part in (package.name, package.version) if part)
    elsewhere = {"git": "comes from a git repository", "url": "comes from an address of its own"}
    if package.origin == "path":
        if _is_inside(package.where, path, head, from_root=form.is_lock):
            return
        yield Finding(
            "sources", path, "comes from a path that is not in the repository", f"{package.name} {package.where}"
        )
        return
    if package.origin in elsewhere:
        yield Finding("sources", path, elsewhere[package.origin], f"{package.name} {package.where}")
    elif package.where and package.where not in known:
        yield Finding("sources", path, "comes from a registry that the base does not use", f"{named} {package.where}")
    else:
        yield Finding("packages", path, "is new, or has another version", f"{form.manager} {named}")
    if package.mismatch:
        yield Finding("lock_files", path, "is fetched from the address of another package", named)
    if package.runs:
        yield Finding("install_scripts", path, "runs code when it is installed", named)


def _is_inside(where: str, path: str, head: Files, *, from_root: bool) -> bool:
    """Whether a path leads to a folder of the repository; an archive is none."""
    folder = normal(folder_of(path), where.removeprefix("./") if from_root else where)
    if folder is None:
        return False
    return not folder or (folder not in head.entries and bool(head.names(folder)))


def _moved(path: str, now: Listed, was: Listed) -> Iterator[Finding]:
    """A version that the base pins with other checksums: what is fetched is another thing by the same name."""
    known = {(package.name, package.version): package.digests for package in was.packages if package.digests}
    for package in now.packages:
        digests = known.get((package.name, package.version))
        if digests and package.digests.isdisjoint(digests):
            label = "has other checksums than the base for the same version"
            yield Finding("lock_files", path, label, f"{package.name} {package.version}")


def _unpinned(path: str, form: _Form, new: Iterable[Package], head: Files) -> Iterator[Finding]:
    """Packages that a manifest newly asks for, and that its lock file does not have as the manifest wants them."""
    lock = _lock_of(path, form, head)
    if lock is None:
        return
    listed = next(other for other in _FORMS if other.is_lock and name_of(lock) in other.names).read(head, lock)
    pinned = {normal_name(form.manager, package.name) for package in listed.packages}
    folder = folder_of(path)[len(folder_of(lock)) :].strip("/")
    root = listed.roots.get(folder, {})
    for package in new:
        if not package.locks or package.origin == "path":
            continue
        name, asked_as = normal_name(form.manager, package.name), package.alias or package.name
        if name not in pinned:
            yield Finding("lock_files", path, "is asked for, and its lock file does not have it", package.name)
        elif form.manager == "npm" and root and not package.alias and root.get(asked_as) != package.version:
            label = "is asked for in another version than its lock file was written for"
            yield Finding("lock_files", path, label, f"{package.name} {package.version}")


def _lock_of(path: str, form: _Form, head: Files) -> str | None:
    folder = folder_of(path)
    while True:
        names = head.names(folder)
        lock = next((joined(folder, name) for name in form.lock if name in names), None)
        if lock is not None or not folder:
            return lock
        folder = folder_of(folder)


def _unasked(path: str, form: _Form, now: Listed, new: Iterable[Package], head: Files) -> Iterator[Finding]:
    """Packages that a lock file newly pins, and that neither a manifest nor another package asks for."""
    pinned = [package for package in new if package.origin != "path"]
    if not form.is_lock or not pinned or any(package.requires is None for package in now.packages):
        return
    wanted = {
        normal_name(form.manager, name)
        for package in now.packages
        # What the repository's own packages ask for, their manifests say.
        if package.origin != "path"
        for name in package.requires or ()
    }
    for manifest in head.entries:
        other = _form(manifest)
        if other is not None and name_of(path) in other.lock and below(manifest, folder_of(path)):
            try:
                listed = other.read(head, manifest)
            except Unreadable:
                continue
            wanted |= {normal_name(form.manager, package.name) for package in listed.packages}
    for package in pinned:
        if normal_name(form.manager, package.name) not in wanted:
            label = "is pinned, and nothing asks for it"
            yield Finding("lock_files", path, label, f"{package.name} {package.version}")


def _configuration(path: str, head: Files, base: Files) -> Iterator[Finding]:
    name = name_of(path)
    if any(path == known or path.endswith(f"/{known}") for known in _CONFIGURES):
        yield Finding("sources", path, "says where packages are fetched from, or how")
    elif name == "setup.cfg":
        if _asked_by_setup(head, path) != _asked_by_setup(base, path):
            yield Finding("packages", path, "names packages in a form that this gate does not read")
    elif any(fnmatchcase(name, glob) for glob in _UNREAD):
        yield Finding("packages", path, "names packages in a form that this gate does not read")


def _asked_by_setup(files: Files, path: str) -> object:
    """What a setup.cfg asks for."""
    reader = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        reader.read_string(text(files, path) or "")
    except configparser.Error:
        return object()
    parts = [part for part in reader.sections() if re.match(r"options(?:$|\.extras_require)", part)]
    wanted = re.compile(r"install_requires|setup_requires|tests_require")
    return [
        (part, key, value)
        for part in parts
        for key, value in reader[part].items()
        if part != "options" or wanted.fullmatch(key)
    ]
