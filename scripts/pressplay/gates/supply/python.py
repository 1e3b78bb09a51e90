"""Packages of Python: requirements files, pyproject.toml, poetry.lock, uv.lock, Pipfile and Pipfile.lock.

Sources: pip's "Requirements File Format"; packaging.python.org, "pyproject.toml specification" and "Dependency Groups";
the documentation of Poetry, uv and Pipenv.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from packaging.requirements import InvalidRequirement, Requirement

from pressplay.gates.supply.model import Listed, Origin, Package
from pressplay.github.committed import Unreadable

_VCS = re.compile(r"(?:git|hg|svn|bzr)\+|git://|ssh://")
_ARCHIVE = re.compile(r"\.(?:whl|zip|tar\.gz|tgz|tar\.bz2)$")
_WHERE = re.compile(r"(?:-i|-f|--(?:index-url|extra-index-url|find-links|trusted-host|no-index|pre|proxy))\b")
"""Options of a requirements file that say where packages are fetched from."""


def _origin(address: str) -> tuple[Origin, str]:
    if _VCS.match(address):
        return "git", address
    if address.startswith("file:"):
        return "path", re.sub(r"^file:(?://)?", "", address).partition("#")[0]
    return ("url", address) if "://" in address else ("path", address)


def _required(text: str, path: str, *, locks: bool = True) -> Package:
    try:
        requirement = Requirement(text)
    except InvalidRequirement as error:
        raise Unreadable(path, "a requirement that can't be read") from error
    if requirement.url:
        return Package("pypi", requirement.name, "", *_origin(requirement.url), locks=locks)
    return Package("pypi", requirement.name, str(requirement.specifier), locks=locks)


def requirements(text: str, path: str) -> Listed:
    """What a requirements file asks for; Unreadable for a line that pip would not read either."""
    packages, registries = [], []
    for line in text.replace("\\\r\n", " ").replace("\\\n", " ").splitlines():
        plain = re.sub(r"(^|\s)#.*", "", line).strip()
        if not plain or re.match(r"(?:-r|-c|--(?:requirement|constraint))\b", plain):
            continue
        if _WHERE.match(plain):
            registries.append(plain)
            continue
        editable = re.match(r"(?:-e|--editable)[\s=]+(.*)", plain)
        hashes = frozenset(re.findall(r"--hash[=\s](\S+)", plain))
        wanted = re.sub(r"\s--?[a-z].*", "", editable[1] if editable else plain).strip()
        if not wanted or plain.startswith("--"):
            continue
        if editable or _VCS.match(wanted) or re.match(r"[a-z]+://|file:|[./~]", wanted) or _is_file(wanted):
            name = re.search(r"#.*\begg=([\w.-]+)", wanted)
            packages.append(Package("pypi", name[1] if name else wanted, "", *_origin(wanted.partition("[")[0])))
            continue
        package = _required(wanted, path)
        packages.append(Package("pypi", package.name, package.version, package.origin, package.where, digests=hashes))
    return Listed(tuple(packages), tuple(registries))


def _is_file(wanted: str) -> bool:
    return "@" not in wanted and ("/" in wanted or bool(_ARCHIVE.search(wanted)))


def pyproject(table: Mapping[str, Any], path: str) -> Listed:
    """What a pyproject.toml asks for, Poetry's and uv's tables among it."""
    project, tool = _mapping(table.get("project")), _mapping(table.get("tool"))
    poetry, uv = _mapping(tool.get("poetry")), _mapping(tool.get("uv"))
    groups = [project.get("dependencies"), *_mapping(project.get("optional-dependencies")).values()]
    groups += [*_mapping(table.get("dependency-groups")).values(), uv.get("dev-dependencies")]
    packages = [_required(text, path) for group in groups for text in _texts(group)]
    built = _texts(_mapping(table.get("build-system")).get("requires"))
    packages += [_required(text, path, locks=False) for text in built]
    holders = [poetry.get("dependencies"), poetry.get("dev-dependencies")]
    holders += [_mapping(group).get("dependencies") for group in _mapping(poetry.get("group")).values()]
    for holder in holders:
        packages += [made for name, spec in _mapping(holder).items() if name != "python" for made in _spec(name, spec)]
    for name, spec in _mapping(uv.get("sources")).items():
        packages += [made for made in _spec(name, spec) if made.origin != "registry"]
    lists = [uv.get("index"), poetry.get("source")]
    registries = [str(_mapping(entry).get("url")) for listed in lists for entry in _list(listed)]
    registries += [str(uv[key]) for key in ("index-url", "extra-index-url", "find-links") if key in uv]
    return Listed(tuple(packages), tuple(registries))


def build_system(table: Mapping[str, Any]) -> object:
    """What builds a Python project: code that runs when it is installed."""
    return table.get("build-system")


def _spec(name: str, spec: object) -> Iterator[Package]:
    """A package as Poetry, uv and Pipenv write it: a range, a table, or several of them."""
    for entry in spec if isinstance(spec, list) else [spec]:
        if isinstance(entry, str):
            yield Package("pypi", name, "" if entry == "*" else entry)
            continue
        table = _mapping(entry)
        if table.get("workspace"):
            continue
        origin: Origin = "registry"
        where = ""
        for key, kind in _SOURCES.items():
            if isinstance(table.get(key), str):
                origin, where = kind, str(table[key])
        yield Package("pypi", name, str(table.get("version") or ""), origin, where)


_SOURCES: Mapping[str, Origin] = {
    "git": "git",
    "hg": "git",
    "path": "path",
    "editable": "path",
    "directory": "path",
    "virtual": "path",
    "file": "url",
    "url": "url",
}


def poetry_lock(table: Mapping[str, Any]) -> Listed:
    """What a poetry.lock pins."""
    packages = []
    for entry in _list(table.get("package")):
        entry = _mapping(entry)
        source = _mapping(entry.get("source"))
        kind, where = str(source.get("type") or ""), str(source.get("url") or "")
        origin: Origin = "registry" if kind in ("", "legacy") else _POETRY.get(kind, "url")
        packages.append(
            Package(
                "pypi",
                str(entry.get("name")),
                str(entry.get("version") or ""),
                origin,
                _host(where) if origin == "registry" else where,
                digests=frozenset(str(_mapping(file).get("hash")) for file in _list(entry.get("files"))),
                requires=frozenset(_mapping(entry.get("dependencies"))),
            )
        )
    return Listed(tuple(packages))


_POETRY: Mapping[str, Origin] = {"git": "git", "directory": "path", "file": "path", "url": "url"}


def uv_lock(table: Mapping[str, Any]) -> Listed:
    """What a uv.lock pins; the projects of the repository itself have no registry."""
    packages = []
    for entry in _list(table.get("package")):
        entry = _mapping(entry)
        source = _mapping(entry.get("source"))
        registry = source.get("registry")
        origin, where = next(
            ((kind, str(source[key])) for key, kind in _SOURCES.items() if key in source), ("registry", "")
        )
        lists = [entry.get("dependencies"), *_mapping(entry.get("optional-dependencies")).values()]
        lists += [*_mapping(entry.get("dev-dependencies")).values()]
        files = [entry.get("sdist"), *_list(entry.get("wheels"))]
        packages.append(
            Package(
                "pypi",
                str(entry.get("name")),
                str(entry.get("version") or ""),
                origin,
                _host(str(registry)) if registry else where,
                digests=frozenset(str(_mapping(file)["hash"]) for file in files if "hash" in _mapping(file)),
                requires=frozenset(str(_mapping(needed).get("name")) for listed in lists for needed in _list(listed)),
            )
        )
    return Listed(tuple(packages))


def pipfile(table: Mapping[str, Any]) -> Listed:
    """What a Pipfile asks for."""
    packages = [
        made
        for part in ("packages", "dev-packages")
        for name, spec in _mapping(table.get(part)).items()
        for made in _spec(name, spec)
    ]
    return Listed(tuple(packages), tuple(str(_mapping(entry).get("url")) for entry in _list(table.get("source"))))


def pipfile_lock(table: Mapping[str, Any]) -> Listed:
    """What a Pipfile.lock pins."""
    packages = []
    for part, holder in table.items():
        for name, entry in _mapping(holder).items() if part != "_meta" else ():
            digests = frozenset(map(str, _list(_mapping(entry).get("hashes"))))
            packages += [
                Package("pypi", name, made.version.removeprefix("=="), made.origin, made.where, digests=digests)
                for made in _spec(name, _mapping(entry))
            ]
    sources = _list(_mapping(table.get("_meta")).get("sources"))
    return Listed(tuple(packages), tuple(str(_mapping(entry).get("url")) for entry in sources))


def _host(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else address


def _texts(value: object) -> list[str]:
    return [text for text in _list(value) if isinstance(text, str)]


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
