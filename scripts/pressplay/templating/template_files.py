"""What the engines share: reading a template, and the error for a name that the data lacks."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path

from pressplay.errors import InputError


def read(template: Path) -> str:
    """A template's text; InputError if it cannot be read or is not UTF-8."""
    try:
        return template.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{template}: expected a template that can be read, in UTF-8; {error}") from error


def unknown_name(template: str | Path, line: int, name: str, known: Iterable[str]) -> InputError:
    """The error for a name that the data lacks."""
    names = sorted(set(known))
    near = difflib.get_close_matches(name.rpartition(".")[2], names, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return InputError(f"{template}:{line}: nothing is named {name!r}; {hint}the names that exist: {', '.join(names)}")
