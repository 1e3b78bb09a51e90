"""What makes the tests fast, for all of them: temporary files in memory, and few collections of garbage."""

from __future__ import annotations

import os
import tempfile

import pytest

from pressplay.sandbox import garbage, state_folder

ROOM = 4 * 2**30
"""What a whole run may need there, in bytes."""


def pytest_configure(config: pytest.Config) -> None:
    """Sandboxes make and remove thousands of small files, which takes ten times as long on a disk."""
    if "TMPDIR" in os.environ or not state_folder.has_memory(ROOM):
        return
    # For this process and those that it starts; workers of xdist inherit it.
    os.environ["TMPDIR"] = str(state_folder.MEMORY)
    tempfile.tempdir = None


def pytest_collection_finish(session: pytest.Session) -> None:
    """What was imported for the tests stays, too."""
    garbage.collect_less()
