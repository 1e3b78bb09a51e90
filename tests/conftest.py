"""What makes the tests fast, for all of them: temporary files in memory, and few collections of garbage."""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from pathlib import Path

import pytest

MEMORY = Path("/dev/shm")
ROOM = 4 * 2**30
"""What a whole run may need there, in bytes."""


def pytest_configure(config: pytest.Config) -> None:
    """Sandboxes make and remove thousands of small files, which takes ten times as long on a disk."""
    if "TMPDIR" in os.environ or not os.access(MEMORY, os.W_OK):
        return
    if os.statvfs(MEMORY).f_flag & os.ST_NOEXEC or shutil.disk_usage(MEMORY).free < ROOM:
        return
    # For this process and those that it starts; workers of xdist inherit it.
    os.environ["TMPDIR"] = str(MEMORY)
    tempfile.tempdir = None


def pytest_collection_finish(session: pytest.Session) -> None:
    """What was imported stays: to go through githubkit's models again and again is a quarter of a play."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
