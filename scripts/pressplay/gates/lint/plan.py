"""What a checkout found to do, as it travels from step to step."""

from __future__ import annotations

import base64
import json
from dataclasses import asdict, dataclass, field


@dataclass(frozen=True)
class Plan:
    """What a checkout found to do; it travels as base64, since it holds paths that people wrote (R7)."""

    commands: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    """Language → (label, folder and line) of each command."""
    taken: list[str] = field(default_factory=list)
    """Configuration files that are not the pull request's own in the run."""
    own: list[str] = field(default_factory=list)
    """Files whose change alters what checks find, and which are the pull request's."""
    silenced: int = 0
    problem: str = ""
    """Why nothing can be run: a sentence of ours."""

    def packed(self) -> str:
        """As an Argo parameter."""
        return packed(json.dumps(asdict(self)))

    @staticmethod
    def unpacked(text: str) -> Plan:
        """From an Argo parameter."""
        return Plan(**json.loads(base64.b64decode(text)))


def packed(text: str) -> str:
    """Text as an Argo parameter: base64, of which nothing is evaluated."""
    return base64.b64encode(text.encode()).decode()
