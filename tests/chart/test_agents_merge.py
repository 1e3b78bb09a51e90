"""Our personas in a ConfigMap that belongs to another release: only our keys come and go."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import pytest

from pressplay.clock import VirtualClock
from pressplay.cluster.sqlite import SqliteCluster
from pressplay.errors import InputError
from pressplay.settings import Settings
from pressplay.steps.core.context import Context
from pressplay.steps.upkeep import agents_steps

OURS = {
    "rex_system-prompt.md": "You are Rex.",
    "qa_system-prompt.md": "You are QA.",
    "press-play-agents.yaml": "agents: {}",
}
THEIRS = {"agents.yaml": "theirs", "morgan_system-prompt.md": "Theirs."}
INPUTS = {"configmap": "controller-agents"}


def never(*_: object) -> bool:
    raise AssertionError("no node is set here")


class Place:
    """A cluster with the foreign ConfigMap and ours."""

    def __init__(self, folder: Path, namespace: str = "press-play") -> None:
        self.cluster = SqliteCluster(folder / "cluster.db", VirtualClock(), never)
        self.context = self.of(namespace)

    def of(self, namespace: str) -> Context:
        settings = Settings(namespace=namespace, controller_namespace="agent-platform")
        return Context(self.cluster, settings, cast(Any, None), VirtualClock())

    def put(self, namespace: str, name: str, data: dict[str, str], annotations: dict[str, str] | None = None) -> None:
        metadata = {"name": name, "namespace": namespace, "annotations": annotations or {}}
        self.cluster.delete("ConfigMap", namespace, name)
        self.cluster.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})

    def foreign(self) -> dict[str, Any]:
        found = self.cluster.get("ConfigMap", "agent-platform", "controller-agents")
        assert found is not None
        return found


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path)
    made.put("agent-platform", "controller-agents", THEIRS, {"meta.helm.sh/release-name": "controller"})
    made.put("press-play", "press-play-agents", OURS)
    return made


def test_merging_adds_our_keys_and_leaves_theirs(place: Place):
    assert agents_steps.merge(INPUTS, place.context) == {"written": "3", "removed": "0"}
    assert place.foreign()["data"] == {**THEIRS, **OURS}
    assert place.foreign()["metadata"]["annotations"] == {
        "meta.helm.sh/release-name": "controller",
        "agents.press-play/press-play": json.dumps(sorted(OURS)),
    }


@pytest.mark.rule("R3")
def test_merging_again_changes_nothing(place: Place):
    agents_steps.merge(INPUTS, place.context)
    before = place.foreign()
    assert agents_steps.merge(INPUTS, place.context) == {"written": "0", "removed": "0"}
    assert place.foreign() == before


def test_an_upgrade_replaces_our_keys_and_removes_those_that_are_gone(place: Place):
    agents_steps.merge(INPUTS, place.context)
    place.put("press-play", "press-play-agents", {"rex_system-prompt.md": "You are the new Rex."})
    assert agents_steps.merge(INPUTS, place.context) == {"written": "1", "removed": "2"}
    assert place.foreign()["data"] == {**THEIRS, "rex_system-prompt.md": "You are the new Rex."}


@pytest.mark.parametrize("text", ["Another Rex.", OURS["rex_system-prompt.md"]])
def test_a_key_of_others_with_our_name_is_refused_and_nothing_is_changed(place: Place, text: str):
    place.put("agent-platform", "controller-agents", {**THEIRS, "rex_system-prompt.md": text})
    before = place.foreign()
    with pytest.raises(
        InputError, match=r"names of ours: rex_system-prompt\.md; nothing was changed\. Disable these agents"
    ):
        agents_steps.merge(INPUTS, place.context)
    assert place.foreign() == before


def test_a_binary_key_of_others_clashes_too(place: Place):
    place.cluster.apply({**place.foreign(), "binaryData": {"qa_system-prompt.md": "AA=="}})
    with pytest.raises(InputError, match=r"qa_system-prompt\.md"):
        agents_steps.merge(INPUTS, place.context)


def test_without_the_foreign_configmap_it_says_what_to_do(place: Place):
    place.cluster.delete("ConfigMap", "agent-platform", "controller-agents")
    with pytest.raises(
        InputError, match=r"install the controller that owns it first, or set agentsConfigMap\.mode to create"
    ):
        agents_steps.merge(INPUTS, place.context)


def test_without_our_own_configmap_it_says_what_to_do(place: Place):
    place.cluster.delete("ConfigMap", "press-play", "press-play-agents")
    with pytest.raises(InputError, match="run helm upgrade"):
        agents_steps.merge(INPUTS, place.context)


def test_removing_leaves_the_foreign_configmap_as_it_was(place: Place):
    before = place.foreign()
    agents_steps.merge(INPUTS, place.context)
    assert agents_steps.remove(INPUTS, place.context) == {"removed": "3"}
    assert place.foreign()["data"] == before["data"]
    assert place.foreign()["metadata"]["annotations"] == before["metadata"]["annotations"]


@pytest.mark.rule("R3")
def test_removing_twice_or_without_the_configmap_is_no_error(place: Place):
    agents_steps.merge(INPUTS, place.context)
    agents_steps.remove(INPUTS, place.context)
    assert agents_steps.remove(INPUTS, place.context) == {"removed": "0"}
    place.cluster.delete("ConfigMap", "agent-platform", "controller-agents")
    assert agents_steps.remove(INPUTS, place.context) == {"removed": "0"}


def test_two_installations_share_one_foreign_configmap_and_keep_apart(place: Place):
    agents_steps.merge(INPUTS, place.context)
    second = place.of("team-b")
    place.put("team-b", "press-play-agents", {"builder_system-prompt.md": "You build."})
    agents_steps.merge(INPUTS, second)
    agents_steps.remove(INPUTS, place.context)
    assert place.foreign()["data"] == {**THEIRS, "builder_system-prompt.md": "You build."}
    place.put("team-b", "press-play-agents", OURS)
    agents_steps.merge(INPUTS, place.context)
    with pytest.raises(InputError, match="keys of others"):
        agents_steps.merge(INPUTS, second)


def test_a_key_that_others_took_away_is_written_again(place: Place):
    agents_steps.merge(INPUTS, place.context)
    place.cluster.apply({**place.foreign(), "data": {"rex_system-prompt.md": None}})
    assert agents_steps.merge(INPUTS, place.context) == {"written": "1", "removed": "0"}


@pytest.mark.parametrize("text", ["not json", '{"a": 1}', "[1]"])
def test_an_annotation_that_was_tampered_with_is_refused(place: Place, text: str):
    place.put("agent-platform", "controller-agents", THEIRS, {"agents.press-play/press-play": text})
    with pytest.raises(InputError, match="expected a JSON list of our keys"):
        agents_steps.remove(INPUTS, place.context)
