"""Permissions of Apps and tokens, compared and shown."""

from __future__ import annotations

from collections.abc import Mapping

_LEVELS = ("read", "write", "admin")


def lacking(wanted: Mapping[str, str], have: Mapping[str, str]) -> dict[str, str]:
    """The wanted permissions that are not granted, or not at that level."""
    return {name: level for name, level in wanted.items() if have.get(name) not in _LEVELS[_LEVELS.index(level) :]}


def listed(permissions: Mapping[str, str]) -> str:
    """Permissions as GitHub's API writes them."""
    return ", ".join(f"{name}: {level}" for name, level in sorted(permissions.items()))
