"""A step of a Workflow that began before an upgrade reads the upgraded release's settings."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from pressplay import __version__
from pressplay.errors import InputError
from pressplay.steps.core.in_cluster import read_settings

NEWER = {
    "namespace": "press-play",
    "controllerNamespace": "agent-platform",
    "limits": {"attempts": 3, "runsPerMoon": 7},
    "repositories": {"acme/shop": {"lint": {"paint": "red"}}},
    "weather": {"kind": "fair"},
}


def read(config, version):
    labels = {"app.kubernetes.io/version": version}
    found = {"metadata": {"labels": labels}, "data": {"config.json": json.dumps(config)}}
    return read_settings(SimpleNamespace(get=lambda *_: found), "press-play")


def test_what_another_version_knows_besides_is_left_out():
    settings = read(NEWER, "0.99.0")
    assert settings.limits.attempts == 3
    assert list(settings.repositories) == ["acme/shop"]


def test_what_its_own_version_does_not_know_is_an_error():
    with pytest.raises(InputError, match="runsPerMoon"):
        read(NEWER, __version__)


def test_what_is_wrong_in_another_version_is_an_error_all_the_same():
    with pytest.raises(InputError, match="attempts"):
        read({**NEWER, "limits": {"attempts": 0}}, "0.99.0")
