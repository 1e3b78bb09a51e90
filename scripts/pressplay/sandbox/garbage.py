"""Fewer collections of garbage, for processes that live long and have imported much."""

from __future__ import annotations

import gc

_THRESHOLDS = (20_000, 20, 20)
"""How many new objects the collector waits for (`gc.set_threshold`): thirty times Python's default."""


def collect_less() -> None:
    """Never look again through what is loaded now: githubkit's models alone would be a sixth of a play's work."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
