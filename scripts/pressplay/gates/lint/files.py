"""The files of a commit as the lint gate reads them: a missing file differs from one that can't be read."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol

from pressplay.github.committed import LARGEST, Entry, Unreadable


class Files(Protocol):
    """The files of one commit (`pressplay.github.clone.Tree`)."""

    @property
    def entries(self) -> Mapping[str, Entry]:
        """All files, links and submodules by their paths."""
        ...

    def names(self, folder: str) -> frozenset[str]:
        """The names of the files and folders in a folder; empty if there is no such folder."""
        ...

    def folders(self, folder: str) -> tuple[str, ...]:
        """The folders in a folder, sorted."""
        ...

    def content(self, path: str, most: int = LARGEST) -> bytes | None:
        """A plain file's bytes; None if there is nothing. Unreadable for anything but a plain file."""
        ...

    def target(self, path: str) -> str:
        """Where a symbolic link leads."""
        ...


class NoFiles:
    """A commit that has no files."""

    entries: Mapping[str, Entry] = MappingProxyType({})

    def names(self, folder: str) -> frozenset[str]:  # noqa: ARG002 - the protocol's signature
        """See `Files.names`."""
        return frozenset()

    def folders(self, folder: str) -> tuple[str, ...]:  # noqa: ARG002
        """See `Files.folders`."""
        return ()

    def content(self, path: str, most: int = LARGEST) -> bytes | None:  # noqa: ARG002
        """See `Files.content`."""
        return None

    def target(self, path: str) -> str:
        """See `Files.target`."""
        raise KeyError(path)


@dataclass(frozen=True, order=True)
class Undecided:
    """A file about which the gate can't decide what it does to linting, and why in words of our own."""

    path: str
    why: str


def text(files: Files, path: str, most: int = LARGEST) -> str | None:
    """A file's text without a byte order mark, as tools read it; None if there is no file, else Unreadable."""
    content = files.content(path, most)
    return None if content is None else decoded(path, content)


def decoded(path: str, content: bytes) -> str:
    """Bytes as text without a byte order mark; Unreadable if they are not UTF-8."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(path, "not UTF-8 text") from error


def table(files: Files, path: str, most: int = LARGEST) -> dict[str, Any]:
    """The table of a TOML or JSON file; empty if there is no file, Unreadable if it holds no table."""
    source = text(files, path, most)
    if source is None:
        return {}
    kind = "JSON" if path.lower().endswith(".json") else "TOML"
    try:
        content = json.loads(source) if kind == "JSON" else tomllib.loads(source)
    except (ValueError, RecursionError) as error:
        raise Unreadable(path, f"not {kind}") from error
    if not isinstance(content, dict):
        raise Unreadable(path, f"a {kind} file without a table")
    return content


def at(document: Any, *path: str) -> Any:
    """The value of a table at a path of names; None if there is none."""
    for name in path:
        document = document.get(name) if isinstance(document, Mapping) else None
    return document


def folder_of(path: str) -> str:
    """The folder in which a file lies; '' for the root."""
    return path.rpartition("/")[0]


def name_of(path: str) -> str:
    """A path's last part."""
    return path.rpartition("/")[2]


def below(path: str, folder: str) -> bool:
    """Whether a path lies in a folder, at any depth; all lie in the root, ''."""
    return not folder or path.startswith(f"{folder}/")


def joined(folder: str, name: str) -> str:
    """A path in a folder, which may be the root, ''."""
    return f"{folder}/{name}" if folder else name


def glob(pattern: str) -> re.Pattern[str]:
    """A glob for folders, of cargo's or a package manager's: `*` is within one folder's name, `**` is any folders.

    A pattern with brackets is taken as it is written, and matches too little.
    """
    return re.compile(re.escape(pattern).replace(r"\*\*", ".*").replace(r"\*", "[^/]*").replace(r"\?", "[^/]"))


def leads_to(files: Files, path: str) -> str | None:
    """The path of the repository at which a chain of links ends; None if it leaves it, or is too long.

    A link to a folder ends at that folder's path.
    """
    for _ in range(_HOPS):
        entry = files.entries.get(path)
        if entry is None or entry.kind != "link":
            return path
        resolved = normal(folder_of(path), files.target(path))
        if resolved is None:
            return None
        path = resolved
    return None


_HOPS = 8


def normal(folder: str, relative: str) -> str | None:
    """A relative path as the repository has it; None if it leads outside."""
    if relative.startswith("/") or "\\" in relative:
        return None
    parts = folder.split("/") if folder else []
    for part in relative.split("/"):
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)
