"""Fixtures that several parts' tests share."""

from __future__ import annotations

import pytest
from github_world import make_world
from hypothesis import settings

# A loaded machine is slow now and then: a property has no time of its own, and the suite has a minute.
settings.register_profile("unit", deadline=None, max_examples=60)
settings.load_profile("unit")


@pytest.fixture
def github_world(tmp_path):
    world = make_world(tmp_path)
    yield world
    world.forge.close()
