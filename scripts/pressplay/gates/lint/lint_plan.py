"""What the checkout decided to lint, as it travels from step to step."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field

LISTED_BYTES = 5_000
"""Bytes of one list of a plan, so that it is small enough for a parameter (Linux: 128 KiB for a word)."""
_LONGEST = 200


@dataclass(frozen=True)
class LintPlan:
    """What the checkout decided to lint; it travels as base64, since it holds paths that people wrote (R7).

    Lists hold only their first items; `counts` has the full number by the list's name.
    """

    commands: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    """Language → (label, folder and line) of each command."""
    taken: list[str] = field(default_factory=list)
    """Configuration files that are not the pull request's own in the run."""
    own: list[str] = field(default_factory=list)
    """Files whose change alters what checks find, and which are the pull request's."""
    silenced: int = 0
    """How many marks that silence a linter at a place were added."""
    problem: str = ""
    """Why nothing can be run: a sentence in our own words."""
    places: list[str] = field(default_factory=list)
    """Where those marks are: path and line."""
    whole: list[str] = field(default_factory=list)
    """Where marks were added that take a whole file out of linting, or all rules at once."""
    conditions: list[str] = field(default_factory=list)
    """Where code was put under a condition, so that it is linted only elsewhere."""
    unseen: list[str] = field(default_factory=list)
    """Changed files of code that no command looks at."""
    undecided: list[tuple[str, str]] = field(default_factory=list)
    """(path, why in our own words): what can't be decided."""
    whys: dict[str, int] = field(default_factory=dict)
    """Why something can't be decided → of how many files."""
    counts: dict[str, int] = field(default_factory=dict)
    refuse: bool = False
    """Whether marks at places are refused (`lint.suppressions`)."""
    tree: str = ""
    """The tree of a head that is judged as merged with its base."""
    proven: bool = False
    """Whether that tree passed before, so that nothing runs."""

    def count(self, name: str) -> int:
        """The full number of a list's items."""
        return self.counts.get(name, len(getattr(self, name)))

    def packed(self) -> str:
        """As an Argo parameter."""
        return packed(json.dumps(asdict(self)))

    @staticmethod
    def unpacked(text: str) -> LintPlan:
        """From an Argo parameter."""
        return LintPlan(**json.loads(base64.b64decode(text)))


def listed(texts: Iterable[str]) -> list[str]:
    """The first of these texts, so that a plan stays small enough for a parameter."""
    kept, left = [], LISTED_BYTES
    for text in texts:
        cut = text if len(text) <= _LONGEST else f"…{text[-_LONGEST:]}"
        left -= len(json.dumps(cut)) + 2
        if left < 0:
            break
        kept.append(cut)
    return kept


def packed(text: str) -> str:
    """Text as an Argo parameter: base64, of which nothing is evaluated."""
    return base64.b64encode(text.encode()).decode()
