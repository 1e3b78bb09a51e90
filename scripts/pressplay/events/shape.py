"""What the Sensor's manifest may hold: unknown is an error, by name and place (R10)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pressplay.errors import InputError


def known(manifest: object, where: str, *keys: str) -> Mapping[str, Any]:
    """`manifest` if it is a map with no other keys; InputError naming `where` and the others."""
    if not isinstance(manifest, Mapping):
        raise InputError(f"{where}: expected a map")
    others = sorted(str(key) for key in manifest.keys() - set(keys))
    if others:
        raise InputError(f"{where}: {', '.join(others)} is not known here, only {', '.join(keys)}")
    return manifest
