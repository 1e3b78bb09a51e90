"""Packages of Rust and Go: Cargo.toml, Cargo.lock, go.mod, go.work and go.sum.

Sources: The Cargo Book, "Specifying Dependencies" and "The Manifest Format"; go.dev/ref/mod.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from pressplay.gates.supply.model import Listed, Origin, Package

_KINDS = ("dependencies", "dev-dependencies", "build-dependencies", "dev_dependencies", "build_dependencies")


def cargo(table: Mapping[str, Any]) -> Listed:
    """What a Cargo.toml asks for, and what it puts in the place of packages (`patch`, `replace`)."""
    holders = [table.get(kind) for kind in _KINDS]
    holders += [_mapping(target).get(kind) for target in _mapping(table.get("target")).values() for kind in _KINDS]
    holders += [_mapping(table.get("workspace")).get("dependencies")]
    packages = [_crate(name, spec) for holder in holders for name, spec in _mapping(holder).items()]
    replaced = [*_mapping(table.get("patch")).values(), table.get("replace")]
    packages += [_crate(name, spec, locks=False) for holder in replaced for name, spec in _mapping(holder).items()]
    return Listed(tuple(package for package in packages if package is not None))


def _crate(name: str, spec: object, *, locks: bool = True) -> Package | None:
    if isinstance(spec, str):
        return Package("crates", name, spec, locks=locks)
    table = _mapping(spec)
    if table.get("workspace"):
        return None
    origin: Origin = "git" if "git" in table else "path" if "path" in table else "registry"
    where = str(table.get("git") or table.get("path") or table.get("registry") or table.get("registry-index") or "")
    if origin == "registry" and where:
        # Another registry by its name in Cargo's configuration, or by the address of its index.
        origin = "url"
    return Package(
        "crates", str(table.get("package") or name), str(table.get("version") or ""), origin, where, locks=locks
    )


def cargo_lock(table: Mapping[str, Any]) -> Listed:
    """What a Cargo.lock pins. A package without a source is one of the repository itself."""
    packages = []
    entries = table.get("package")
    for entry in entries if isinstance(entries, list) else []:
        entry = _mapping(entry)
        source = str(entry.get("source") or "")
        needed = entry.get("dependencies")
        requires = frozenset(str(text).split(" ")[0] for text in needed) if isinstance(needed, list) else frozenset()
        origin, where = _fetched(source) if source else ("path", ".")
        checksum = entry.get("checksum")
        packages.append(
            Package(
                "crates",
                str(entry.get("name")),
                str(entry.get("version") or ""),
                origin,
                where,
                digests=frozenset([str(checksum)] if checksum else []),
                requires=requires,
            )
        )
    return Listed(tuple(packages))


def _fetched(source: str) -> tuple[Origin, str]:
    kind, _, address = source.partition("+")
    if kind == "git":
        return "git", address
    parts = urlsplit(address)
    return "registry", f"{parts.scheme}://{parts.netloc}{parts.path}".rstrip("/")


def go_mod(text: str) -> Listed:
    """What a go.mod or go.work asks for, and what it puts in the place of modules."""
    packages = []
    for directive, rest in _directives(text):
        words = [word.strip('"`') for word in rest.split()]
        if directive == "require" and len(words) > 1:
            packages.append(Package("go", words[0], words[1]))
        elif directive == "replace" and "=>" in words:
            at = words.index("=>")
            target = words[at + 1 :]
            if target and re.match(r"\.{0,2}/|[A-Za-z]:", target[0]):
                packages.append(Package("go", words[0], "", "path", target[0], locks=False))
            elif target:
                packages.append(Package("go", words[0], "", "url", " ".join(target), locks=False))
    return Listed(tuple(packages))


def go_sum(text: str) -> Listed:
    """What a go.sum has checksums of."""
    digests: dict[tuple[str, str], set[str]] = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) == _COLUMNS:
            digests.setdefault((words[0], words[1].removesuffix("/go.mod")), set()).update(
                [words[2]] if not words[1].endswith("/go.mod") else []
            )
    return Listed(
        tuple(Package("go", name, version, digests=frozenset(known)) for (name, version), known in digests.items())
    )


_COLUMNS = 3


def _directives(text: str) -> Iterator[tuple[str, str]]:
    block = ""
    for line in text.splitlines():
        words = line.partition("//")[0].split()
        if not words:
            continue
        if block:
            if words == [")"]:
                block = ""
            else:
                yield block, " ".join(words)
        elif words[-1] == "(":
            block = words[0]
        else:
            yield words[0], " ".join(words[1:])


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
