"""What a task, or a part of it, says about how to do it: Taskmaster's metadata of implementation.

Source: `packages/tm-core/src/common/types/index.ts` of eyaltoledano/claude-task-master, version 0.43.1, commit c0c98d36
(TaskImplementationMetadata). People write these fields by hand as well: no shape is refused, and what is no text stays
JSON. All texts are data that people wrote (R7).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class RelevantFile:
    """A file that the task names."""

    path: str
    action: str = ""
    """`create`, `modify` or `reference`, as written."""
    description: str = ""


@dataclass(frozen=True, slots=True)
class Infrastructure:
    """Something that is there to be used."""

    name: str
    location: str = ""
    usage: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guidance:
    """All of it; each is empty where nothing is said."""

    included: str = ""
    excluded: str = ""
    approach: str = ""
    constraints: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    infrastructure: tuple[Infrastructure, ...] = ()
    files: tuple[RelevantFile, ...] = ()

    @staticmethod
    def of(item: Mapping[str, Any]) -> Guidance:
        """What the object of a task or part says."""
        if _FIELDS.isdisjoint(item):
            return _NOTHING
        scope = item.get("scopeBoundaries")
        bounds = scope if isinstance(scope, dict) else {"included": scope}
        return Guidance(
            included=joined(bounds.get("included")),
            excluded=joined(bounds.get("excluded")),
            approach=joined(item.get("implementationApproach")),
            constraints=texts(item.get("technicalConstraints")),
            patterns=texts(item.get("codebasePatterns")),
            infrastructure=tuple(
                Infrastructure(*_fields(part, "name", "location", "usage"))
                for part in _listed(item.get("existingInfrastructure"))
            ),
            files=tuple(
                RelevantFile(*_fields(part, "path", "action", "description"))
                for part in _listed(item.get("relevantFiles"))
            ),
        )

    @property
    def demands(self) -> tuple[str, ...]:
        """The texts that say what must be true at the end, those that are not empty."""
        return tuple(text for text in (self.included, self.excluded, *self.constraints) if text)


_FIELDS = frozenset(
    {
        "scopeBoundaries",
        "implementationApproach",
        "technicalConstraints",
        "codebasePatterns",
        "existingInfrastructure",
        "relevantFiles",
    }
)
_NOTHING = Guidance()


def texts(value: object) -> tuple[str, ...]:
    """The texts in a text or a list. No shape is prescribed: what is no text stays JSON."""
    if value is None:
        return ()
    entries = [text if isinstance(text, str) else json.dumps(text, ensure_ascii=False) for text in _listed(value)]
    return tuple(sound(text.strip()) for text in entries if text.strip())


def joined(value: object) -> str:
    """The same as one text: a line for each entry of a list."""
    return "\n".join(texts(value))


def sound(text: str) -> str:
    """`text` with a ? for each lone surrogate: JSON can express one, but no file, terminal or API accepts it."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _listed(value: object) -> list[object]:
    entries = value if isinstance(value, list) else [value]
    return [item for item in entries if item is not None]


def _fields(part: object, first: str, *others: str) -> list[str]:
    """The named texts of an object; of anything else, all of it as the first."""
    if not isinstance(part, dict):
        return [joined(part), *("" for _ in others)]
    if not joined(part.get(first)):
        # It has another shape: nothing of it is lost.
        return [joined(part), *("" for _ in others)]
    return [joined(part.get(name)) for name in (first, *others)]
