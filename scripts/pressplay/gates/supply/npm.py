"""Packages of npm, pnpm and yarn: package.json, package-lock.json, pnpm-lock.yaml, yarn.lock.

Sources: docs.npmjs.com, "package.json" and "package-lock.json"; pnpm.io/lockfile-format; yarnpkg.com, "Lockfile".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from pressplay.gates.supply.model import Listed, Origin, Package

_KINDS = ("dependencies", "devDependencies", "optionalDependencies", "peerDependencies")
_REPLACE = ("overrides", "resolutions")
_GIT = re.compile(r"git[+:@]|(?:github|gitlab|bitbucket|gist):|ssh:|[\w.-]+/[\w.-]+(?:#|$)|https?://[^#]*\.git(?:#|$)")
_PATH = re.compile(r"(?:file|link|portal|patch):|\.{0,2}/|~/")
_HOOKS = frozenset({"preinstall", "install", "postinstall", "prepare", "preprepare", "postprepare", "prepublish"})
"""Scripts of a package.json that `npm install` runs. Source: docs.npmjs.com, "Scripts", Life Cycle."""


def _origin(spec: str) -> tuple[Origin, str]:
    if spec.startswith("workspace:"):
        return "registry", ""
    if _PATH.match(spec):
        return "path", spec.partition(":")[2] if re.match(r"(?:file|link|portal|patch):", spec) else spec
    if _GIT.match(spec):
        return "git", spec
    if re.match(r"https?:", spec):
        return "url", spec
    return "registry", ""


def _asked(name: str, spec: object, *, locks: bool) -> Package:
    text = spec if isinstance(spec, str) else ""
    alias = ""
    if text.startswith("npm:"):
        alias = name
        name, _, text = text.removeprefix("npm:").rpartition("@") if "@" in text[5:] else (text[4:], "", "")
    origin, where = _origin(text)
    return Package("npm", name, text, origin, where, locks=locks and not text.startswith("workspace:"), alias=alias)


def manifest(table: Mapping[str, Any]) -> Listed:
    """What a package.json asks for, and what it puts in the place of packages."""
    packages = []
    for kind in _KINDS:
        for name, spec in _mapping(table.get(kind)).items():
            packages.append(_asked(name, spec, locks=kind != "peerDependencies"))
    replaced = [table.get(kind) for kind in _REPLACE] + [_mapping(table.get("pnpm")).get("overrides")]
    for holder in replaced:
        packages += [_asked(name, spec, locks=False) for name, spec in _leaves(holder)]
    return Listed(tuple(packages))


def _leaves(holder: object, depth: int = 0) -> Iterator[tuple[str, object]]:
    if depth > _DEEP:
        return
    for name, spec in _mapping(holder).items():
        if isinstance(spec, Mapping):
            yield from _leaves(spec, depth + 1)
        elif not str(spec).startswith("$"):
            # `a>b`, `**/b`: the package in its place among others; `b@1`: a version of it.
            above, _, last = re.sub(r"(?<=[^/>])@.*", "", str(name).rpartition(">")[2]).rpartition("/")
            scope = above.rpartition("/")[2]
            yield f"{scope}/{last}" if scope.startswith("@") else last, spec


_DEEP = 50


def hooks(table: Mapping[str, Any]) -> dict[str, str]:
    """What a package.json runs, or lets packages run, when it is installed: name → command or names."""
    scripts = {name: str(line) for name, line in _mapping(table.get("scripts")).items() if name in _HOOKS}
    built = {"onlyBuiltDependencies": _mapping(table.get("pnpm")).get("onlyBuiltDependencies")}
    built["trustedDependencies"] = table.get("trustedDependencies")
    return scripts | {name: " ".join(map(str, names)) for name, names in built.items() if isinstance(names, list)}


def npm_lock(table: Mapping[str, Any]) -> Listed:
    """What a package-lock.json or npm-shrinkwrap.json pins."""
    packages, roots = [], {}
    entries = _mapping(table.get("packages"))
    for where, entry in entries.items():
        entry = _mapping(entry)
        if "node_modules/" not in f"{where}":
            roots[where] = {name: str(spec) for kind in _KINDS[:3] for name, spec in _mapping(entry.get(kind)).items()}
            continue
        if not entry.get("inBundle"):
            packages.append(_pinned(where.rpartition("node_modules/")[2], entry))
    if not entries:
        packages = [_pinned(name, entry) for name, entry in _nested(table.get("dependencies"))]
    return Listed(tuple(packages), roots=roots)


def _nested(holder: object, depth: int = 0) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The packages of lockfileVersion 1."""
    for name, entry in _mapping(holder).items():
        yield name, _mapping(entry)
        if depth < _DEEP:
            yield from _nested(_mapping(entry).get("dependencies"), depth + 1)


def _pinned(folder: str, entry: Mapping[str, Any]) -> Package:
    alias = folder if isinstance(entry.get("name"), str) and entry["name"] != folder else ""
    name = str(entry.get("name") or folder)
    resolved = str(entry.get("resolved") or "")
    required = _mapping(entry.get("requires")) or {
        dependency: "" for kind in _KINDS for dependency in _mapping(entry.get(kind))
    }
    return Package(
        "npm",
        name,
        str(entry.get("version") or ""),
        *_fetched(resolved, linked=bool(entry.get("link"))),
        digests=frozenset(str(entry.get("integrity") or "").split()),
        requires=frozenset(required),
        runs=bool(entry.get("hasInstallScript")),
        alias=alias,
        mismatch=_is_another(name, resolved),
    )


def _fetched(resolved: str, *, linked: bool = False) -> tuple[Origin, str]:
    if linked:
        return "path", resolved
    if not resolved:
        return "registry", ""
    origin, where = _origin(resolved)
    if origin != "url":
        return origin, where
    parts = urlsplit(resolved)
    return ("registry", f"{parts.scheme}://{parts.netloc}") if "/-/" in parts.path else ("url", resolved)


def _is_another(name: str, resolved: str) -> bool:
    """Whether a registry's tarball is that of another package: `<registry>/<name>/-/<file>`."""
    path = unquote(urlsplit(resolved).path) if resolved.startswith("http") else ""
    return "/-/" in path and not f"/{path.partition('/-/')[0].strip('/')}".endswith(f"/{name}")


_KEY = re.compile(r"/?(?P<name>(?:@[^/@]+/)?[^/@]+)[@/](?P<version>.+)")


def pnpm_lock(table: Mapping[str, Any]) -> Listed:
    """What a pnpm-lock.yaml pins."""
    snapshots = {str(key).partition("(")[0]: _mapping(entry) for key, entry in _mapping(table.get("snapshots")).items()}
    packages = []
    for key, entry in _mapping(table.get("packages")).items():
        entry, plain = _mapping(entry), str(key).partition("(")[0]
        match = _KEY.fullmatch(plain)
        name, version = (match["name"], match["version"]) if match else (plain, "")
        resolution = _mapping(entry.get("resolution"))
        origin, where = _fetched(str(resolution.get("tarball") or ""))
        if resolution.get("repo"):
            origin, where = "git", f"{resolution['repo']}#{resolution.get('commit', '')}"
        elif resolution.get("directory"):
            origin, where = "path", str(resolution["directory"])
        elif origin == "registry" and _origin(version)[0] != "registry":
            origin, where = _origin(version)
        holders = (entry, snapshots.get(plain, {}))
        required = {name for holder in holders for kind in _KINDS for name in _mapping(holder.get(kind))}
        packages.append(
            Package(
                "npm",
                str(entry.get("name") or name),
                str(entry.get("version") or version),
                origin,
                where,
                digests=frozenset(str(resolution.get("integrity") or "").split()),
                requires=frozenset(required),
                runs=bool(entry.get("requiresBuild")),
                mismatch=_is_another(name, str(resolution.get("tarball") or "")),
            )
        )
    roots = {
        "" if folder == "." else str(folder): {
            name: str(_mapping(spec).get("specifier") or "")
            for kind in _KINDS[:3]
            for name, spec in _mapping(_mapping(importer).get(kind)).items()
        }
        for folder, importer in _mapping(table.get("importers")).items()
    }
    return Listed(tuple(packages), roots=roots)


_ENTRY = re.compile(r'"?(?P<name>(?:@[^/@"]+/)?[^@"]+)@(?P<spec>[^",:]*(?::[^",]*?)?)"?(?:,|:$)')


def yarn_lock(text: str) -> Listed:
    """What a yarn.lock of version 1 pins: blocks of a key, and of names with values below it."""
    packages: list[Package] = []
    name, fields, required, within = "", dict[str, str](), set[str](), False

    def done() -> None:
        if name:
            resolved = fields.get("resolved", "").partition("#")[0]
            packages.append(
                Package(
                    "npm",
                    name,
                    fields.get("version", ""),
                    *_fetched(resolved),
                    digests=frozenset(fields.get("integrity", "").split()),
                    requires=frozenset(required),
                    mismatch=_is_another(name, resolved),
                )
            )

    for line in text.splitlines():
        depth = len(line) - len(line.lstrip(" "))
        if not line.strip() or line.startswith("#"):
            continue
        if depth == 0:
            done()
            match = _ENTRY.match(line)
            name, fields, required, within = (match["name"] if match else line.strip(' :"')), {}, set(), False
            if match and match["spec"].startswith("npm:"):
                name = match["spec"].removeprefix("npm:").rpartition("@")[0] or match["spec"].removeprefix("npm:")
            continue
        key, _, value = line.strip().partition(" ")
        if depth == _FIELD:
            within = key in ("dependencies:", "optionalDependencies:")
            fields[key] = value.strip('"')
        elif within:
            required.add(key.strip('"'))
    done()
    return Listed(tuple(packages))


_FIELD = 2
"""How many blanks stand before a field of yarn's."""


def berry_lock(table: Mapping[str, Any]) -> Listed:
    """What a yarn.lock of version 2 or later pins."""
    packages = []
    for key, entry in table.items():
        entry = _mapping(entry)
        resolution = str(entry.get("resolution") or "")
        match = re.fullmatch(r"(?P<name>(?:@[^/@]+/)?[^@]+)@(?P<rest>.+)", resolution)
        if key == "__metadata" or match is None or match["rest"].startswith("workspace:"):
            continue
        origin, where = ("registry", "") if match["rest"].startswith("npm:") else _origin(match["rest"])
        archive = re.search(r"::__archiveUrl=([^&]+)", match["rest"])
        if archive:
            origin, where = "url", unquote(archive[1])
        packages.append(
            Package(
                "npm",
                match["name"],
                str(entry.get("version") or ""),
                "path" if match["rest"].startswith("patch:") else origin,  # type: ignore[arg-type]
                where,
                digests=frozenset(str(entry.get("checksum") or "").split()),
                requires=frozenset(name for kind in _KINDS for name in _mapping(entry.get(kind))),
            )
        )
    return Listed(tuple(packages))


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
