"""Fixtures that several parts' tests share."""

from __future__ import annotations

import pytest
from github_world import make_world


@pytest.fixture
def github_world(tmp_path):
    world = make_world(tmp_path)
    yield world
    world.forge.close()
