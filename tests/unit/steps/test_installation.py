"""What a process keeps of its installation from one context to the next, and what it reads again."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pressplay.chart import rendered_chart
from pressplay.clock import VirtualClock
from pressplay.cluster.kubernetes import KubernetesCluster
from pressplay.cluster.sqlite import SqliteCluster
from pressplay.errors import InputError
from pressplay.settings import CONFIG_KEY, CONFIG_MAP
from pressplay.steps.core import in_cluster

NAMESPACE = "press-play"


class Counted(SqliteCluster):
    """Counts which objects are read."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, VirtualClock(0.0), lambda *_: None)
        self.reads: list[tuple[str, str]] = []

    def get(self, kind: str, namespace: str, name: str) -> Any:
        self.reads.append((kind, name))
        return super().get(kind, namespace, name)


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Counted]:
    made = Counted(tmp_path / "cluster.sqlite")
    for manifest in rendered_chart():
        made.apply(manifest)
    keep(made, "1")
    monkeypatch.setattr(KubernetesCluster, "from_environment", lambda *_: made)
    monkeypatch.setenv("PRESSPLAY_NAMESPACE", NAMESPACE)
    made.reads.clear()
    yield made
    made.close()


def keep(cluster: SqliteCluster, app_id: str) -> None:
    data = {"app-id": base64.b64encode(app_id.encode()).decode(), "private-key": "aw=="}
    metadata = {"name": "github-app-press-play", "namespace": NAMESPACE}
    cluster.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data})


def change(cluster: SqliteCluster, **settings: Any) -> None:
    config_map = cluster.get("ConfigMap", NAMESPACE, CONFIG_MAP)
    assert config_map is not None
    text = json.dumps({**json.loads(config_map["data"][CONFIG_KEY]), **settings})
    cluster.apply({**config_map, "data": {CONFIG_KEY: text}})


def test_settings_and_a_key_are_read_once_for_a_step(cluster: Counted):
    context = in_cluster.context()
    assert [context.github.app_id_of_harness() for _ in range(3)] == [1, 1, 1]
    assert cluster.reads == [("ConfigMap", CONFIG_MAP), ("Secret", "github-app-press-play")]
    context.github.close()


def test_the_next_context_has_the_settings_and_keys_as_they_are_then_and_the_same_way_to_github(cluster: Counted):
    installation = in_cluster.Installation()
    first = installation.context()
    assert (first.settings.repositories.keys(), first.github.app_id_of_harness()) == ({"example/repository"}, 1)
    change(cluster, repositories={"acme/shop": {}})
    keep(cluster, "2")
    second = installation.context()
    assert (second.settings.repositories.keys(), second.github.app_id_of_harness()) == ({"acme/shop"}, 2)
    assert second.github is first.github
    github = first.settings.github.model_dump(by_alias=True)
    change(cluster, github={**github, "apiURL": "https://ghes.test/api/v3"})
    third = installation.context()
    assert third.github is not first.github
    third.github.close()


def test_without_a_namespace_there_is_none(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("PRESSPLAY_NAMESPACE", raising=False)
    with pytest.raises(InputError, match="PRESSPLAY_NAMESPACE is not set"):
        in_cluster.Installation()
