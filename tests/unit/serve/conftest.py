"""Fixtures of the tests of `pressplay serve`."""

from __future__ import annotations

import pytest
from served import SETTINGS, Served

from pressplay.serve.request import CommentSource


@pytest.fixture
def served(github_world):
    calls = []
    source = CommentSource(
        SETTINGS, github_world.access, "press-play", github_world.clock, count=lambda *call: calls.append(call)
    )
    return Served(github_world, github_world.pull(), source, calls)
