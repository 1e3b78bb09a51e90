"""Template engines as plugins: one for each file ending, all with the same two promises.

A name that a template uses and the data lacks is an InputError with the template's file, the line, the name and the
names that exist. Data is data: a value is copied, never evaluated (R7).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from pressplay.errors import InputError


class Engine(Protocol):
    """Renders template files of one kind."""

    def render(self, template: Path, data: Mapping[str, object]) -> str:
        """The text that `template` makes of `data`; InputError for a missing name or an invalid template."""
        ...


def _jinja() -> Engine:
    from pressplay.templating.jinja import Jinja

    return Jinja()


def _mustache() -> Engine:
    from pressplay.templating.mustache import Mustache

    return Mustache()


ENGINES: dict[str, Callable[[], Engine]] = {".j2": _jinja, ".mustache": _mustache}
"""File ending → its engine. Add another by its ending; an engine is imported only when one of its files is rendered."""


def render(template: Path, data: Mapping[str, object]) -> str:
    """Render with the engine of the file's ending; InputError if there is none, or as the engine says."""
    engine = ENGINES.get(template.suffix)
    if engine is None:
        raise InputError(f"{template}: expected a template that ends in one of {', '.join(sorted(ENGINES))}")
    return engine().render(template, data)
