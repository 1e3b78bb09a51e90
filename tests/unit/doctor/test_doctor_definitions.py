"""What a definition would drop of an object, as the API server prunes it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pressplay.doctor.definitions import unknown
from pressplay.doctor.values import pinned

S = {"type": "string"}
CLOSED = {"type": "object", "properties": {"a": S, "deep": {"type": "object", "properties": {"b": S}}}}
KEYS = st.sampled_from(["a", "b", "c", "deep"])
VALUES = st.recursive(st.text(max_size=3), lambda inner: st.dictionaries(KEYS, inner, max_size=3), max_leaves=8)


@pytest.mark.parametrize(
    ("schema", "value", "dropped"),
    [
        (CLOSED, {"a": "1", "deep": {"b": "2"}}, []),
        (CLOSED, {"c": "1", "deep": {"c": "2", "d": {}}}, ["c", "deep.c", "deep.d"]),
        ({"type": "object", "x-kubernetes-preserve-unknown-fields": True}, {"c": {"d": 1}}, []),
        ({"type": "object", "additionalProperties": S}, {"c": "1"}, []),
        ({"type": "object", "additionalProperties": True}, {"c": {"d": 1}}, []),
        ({"type": "object", "additionalProperties": CLOSED}, {"x": {"a": "1", "z": "2"}}, ["x.z"]),
        ({}, {"c": "1"}, ["c"]),
    ],
)
def test_fields_that_a_definition_does_not_know_are_found(schema: dict, value: dict, dropped: list[str]):
    assert list(unknown(schema, value)) == dropped


def prune(schema: dict, value: dict) -> dict:
    """As Kubernetes' structural pruning does it."""
    if schema.get("x-kubernetes-preserve-unknown-fields"):
        return value
    kept = {}
    for name, inner in value.items():
        known = schema.get("properties", {}).get(name, schema.get("additionalProperties"))
        if known:
            kept[name] = prune(known, inner) if isinstance(inner, dict) and isinstance(known, dict) else inner
    return kept


@given(VALUES.filter(lambda value: isinstance(value, dict)))
def test_what_is_found_is_what_pruning_takes_away(value: dict):
    assert (list(unknown(CLOSED, value)) == []) is (prune(CLOSED, value) == value)


@pytest.mark.parametrize(
    ("image", "certain"),
    [
        ("press-play/pressplay:0.1.0", True),
        ("registry.test:5000/pressplay", False),
        ("registry.test:5000/pressplay:latest", False),
        ("registry.test:5000/pressplay:1", True),
        ("pressplay@sha256:0123", True),
        ("node", False),
    ],
)
def test_an_image_is_certain_by_its_tag_or_digest(image: str, certain: bool):
    assert pinned(image) is certain
