"""What the supply gate notices, and what it does about it. Paths, names and lines are strangers' text (R7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

Manager = Literal["npm", "pypi", "crates", "go"]

Kind = Literal[
    "secrets",
    "hidden_text",
    "links",
    "lock_files",
    "sources",
    "install_scripts",
    "workflows",
    "test_runner",
    "unknown_packages",
    "binaries",
    "large_files",
    "images",
    "packages",
]
"""In the order in which a check shows them. Each is a key of `supply` in the values."""
KINDS: tuple[Kind, ...] = get_args(Kind)

Action = Literal["show", "park", "refuse"]
"""`show`: a person reads of it; `park`: a person decides; `refuse`: Rex fixes it."""

Origin = Literal["registry", "git", "path", "url"]


@dataclass(frozen=True)
class Finding:
    """One thing that a change brings in."""

    kind: Kind
    path: str
    label: str
    """A clause of ours."""
    text: str = field(default="", repr=False)
    """What it is about, on one line: strangers' text, without secrets."""
    line: int = 0
    """At the head, from 1; 0: the file as a whole."""


@dataclass(frozen=True)
class Package:
    """A package that a manifest asks for, or that a lock file pins."""

    manager: Manager
    name: str
    version: str = ""
    """As the file has it: a version, a range, or nothing."""
    origin: Origin = "registry"
    where: str = ""
    """`registry`: scheme and host, if the file has them. Else the address or the path."""
    digests: frozenset[str] = frozenset()
    requires: frozenset[str] | None = None
    """Of a lock file: the names that it asks for; None where the file does not say."""
    runs: bool = False
    """Whether it runs code of its own when it is installed."""
    locks: bool = True
    """Whether a lock file must have it."""
    alias: str = ""
    """Another name under which it is used."""
    mismatch: bool = False
    """Whether the address that it is fetched from is that of another package."""


@dataclass(frozen=True)
class Listed:
    """What a file says about packages."""

    packages: tuple[Package, ...] = ()
    registries: tuple[str, ...] = ()
    """What it says about where packages are fetched from: lines or addresses."""
    roots: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Of a lock file: the folder of each manifest, below its own → name → range, as it was when it was written."""


def normal_name(manager: Manager, name: str) -> str:
    """A name as the registry compares it."""
    if manager == "pypi":
        from packaging.utils import canonicalize_name

        return canonicalize_name(name)
    return name.lower().replace("_", "-") if manager == "crates" else name
