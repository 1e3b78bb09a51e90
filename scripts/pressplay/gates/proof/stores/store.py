"""What a store of proofs does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from pressplay.errors import InputError

ENVELOPE_TYPE = "application/vnd.dsse.envelope.v1+json"
"""The media type of a proof, as in-toto's registries and tools name it."""
MOST = 100
"""Proofs of one pull request that are read."""


class Store(Protocol):
    """Keeps envelopes, each under a name made of its content: none replaces another.

    Every method raises TryAgain for a passing fault (no answer, a 429, a 5xx) and InputError for what stays wrong (no
    right, no bucket, other content under a proof's name), with the server's own words.
    """

    def keep(self, repo: str, pull: int, commit: str, envelope: str) -> str:
        """Keep an envelope, once; returns the reference under which it is now."""
        ...

    def fetch(self, repo: str, pull: int, commit: str = "") -> list[str]:
        """The envelopes of a pull request, or of one of its commits; each is what was kept."""
        ...

    def look(self) -> str:
        """Ask the store for something that needs the right to read; returns what it is called."""
        ...

    def close(self) -> None:
        """Close its connections."""
        ...


def credential(data: Mapping[str, str], key: str, where: str) -> str:
    """A text of a Secret; InputError where it is absent or empty."""
    text = data.get(key, "").strip()
    if not text:
        raise InputError(f"{where}: expected the key {key}, got {'an empty text' if key in data else 'none'}")
    return text
