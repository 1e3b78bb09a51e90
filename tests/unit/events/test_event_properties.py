"""Whatever JSON comes: nothing crashes, and nothing that people wrote reaches a name, a label or a parameter (R7)."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pressplay import names
from pressplay.chart import rendered_chart
from pressplay.events import gotemplate, paths, webhook
from pressplay.events.listing import listing
from pressplay.events.sensor import Sensor, log_line

PAYLOADS = Path(__file__).parents[2] / "data/webhooks"
NOW = 1_767_225_617.0
EVENTS = sorted(path.name for path in PAYLOADS.iterdir() if path.is_dir())
HOSTILE_TEXTS = [
    "{{=1+1}}",
    "{{ nope",
    "{{workflow.uid}}",
    "$(touch /tmp/x)",
    "`id`",
    "'; drop table x; --",
    "a\nb: c",
    "../../etc/passwd",
    "--upload-pack=x",
    "press-play\n",
    "rex[bot]",
    "\u202e\u0000",
    "<script>",
]
HOSTILE = st.sampled_from(HOSTILE_TEXTS)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text() | HOSTILE,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
CHECKED = re.compile(r"[A-Za-z0-9._/-]+")


@cache
def _sensor() -> Sensor:
    (read,) = Sensor.read(listing(rendered_chart(), "Codertocat/Hello-World"))
    return read


@cache
def _recorded() -> list[tuple[str, str]]:
    """Payloads that start something, or would with another field: (event, its text)."""
    wanted = ("pull_request", "issue", "check_run", "workflow_run", "push", "_alert")
    found = sorted(PAYLOADS.glob("*/*.json"))
    return [(path.parent.name, path.read_text()) for path in found if any(part in path.parent.name for part in wanted)]


def _holds_only_checked_names(event: str, payload: Any) -> int:
    found = _sensor().explain(webhook.as_sensor_sees(event, "guid-1", payload), NOW)
    assert log_line(found).isprintable()
    assert len({one.flow for one in found.flows}) <= 1
    for started in found.flows:
        assert re.fullmatch(r"[a-z0-9-]{1,63}", started.workflow_name)
        assert started.parameters["repo"] == "Codertocat/Hello-World"
        labels = {
            key: value for key, value in started.manifest["metadata"]["labels"].items() if key.startswith("press-play/")
        }
        assert labels.pop("press-play/repo") == names.repo_key("Codertocat/Hello-World")
        for value in [*started.parameters.values(), *labels.values()]:
            assert CHECKED.fullmatch(value)
            assert value.isdecimal() or value in ("Codertocat/Hello-World", "push", "closed", "pushed", started.flow)
    return len(found.flows)


@pytest.mark.rule("R7")
@settings(deadline=None)
@given(event=st.sampled_from(EVENTS) | HOSTILE, payload=st.dictionaries(st.text(max_size=8), JSON, max_size=4))
def test_no_json_makes_the_sensor_crash(event: str, payload: dict[str, Any]):
    _holds_only_checked_names(event, payload)


def _places(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, one in inner for place in _places(one, (*path, key)))]


def _fields() -> list[tuple[str | int, ...]]:
    """Every place that a condition or a template of the Sensor looks at, below the payload."""
    rows = _sensor().rows
    found = set()
    for row in rows:
        for condition in row.filters.conditions:
            for path in getattr(condition, "fields", {"": getattr(condition, "path", None)}).values():
                found.add(tuple(int(p) if p.isdecimal() else p for p in path.text.split(".#(")[0].split(".")[1:]))
    return sorted(found, key=str)


@st.composite
def _altered(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A recorded payload that is in scope, with some of its fields replaced by anything."""
    event, text = draw(st.sampled_from(_recorded()))
    payload: dict[str, Any] = json.loads(text)
    for key in ("pull_request", "issue"):
        if key in payload:
            payload[key]["labels"] = [{"name": "press-play"}]
    if event in ("check_run", "workflow_run"):
        payload[event].update({"conclusion": "failure", "head_branch": "feature/task-1-implementation"})
    places = st.sampled_from(_fields()) | st.sampled_from(_places(payload)[1:])
    for place in draw(st.lists(places, max_size=4)):
        holder: Any = payload
        for key in place[:-1]:
            holder = holder[key] if isinstance(holder, dict) and key in holder else None
            if holder is None:
                break
        if isinstance(holder, dict):
            holder[str(place[-1])] = draw(JSON)
    return event, payload


@pytest.mark.rule("R7")
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None)
@given(case=_altered())
def test_whatever_stands_in_a_recorded_payload_only_checked_names_and_numbers_come_out(
    case: tuple[str, dict[str, Any]],
):
    _holds_only_checked_names(*case)


@pytest.mark.rule("R7")
@pytest.mark.parametrize("hostile", HOSTILE_TEXTS)
def test_hostile_titles_bodies_branches_and_names_change_nothing_of_what_starts(hostile: str):
    started = 0
    for event, text in _recorded():
        payload = json.loads(text)
        for key in ("pull_request", "issue"):
            if key in payload:
                payload[key]["labels"] = [{"name": "press-play"}]
        plain = _sensor().explain(webhook.as_sensor_sees(event, "guid-1", payload), NOW)
        _write(payload, hostile)
        found = _sensor().explain(webhook.as_sensor_sees(event, "guid-1", payload), NOW)
        assert found.flows == plain.flows
        assert hostile not in json.dumps(found.as_json()) + log_line(found)
        started += len(found.flows)
    assert started >= 5


def _write(value: Any, hostile: str) -> None:
    """Put the text wherever people write freely."""
    if isinstance(value, list):
        for inner in value:
            _write(inner, hostile)
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in (
                "title",
                "body",
                "message",
                "description",
                "head_branch",
                "diff_hunk",
                "display_title",
                "name_with_owner",
            ):
                value[key] = hostile
            elif key == "head" and isinstance(inner, dict):
                inner["ref"] = inner["label"] = hostile
            else:
                _write(inner, hostile)


TEMPLATES = [
    "{{ .Input.a }}",
    "x-{{ .Input.a.b }}",
    "{{ .Input.a | int64 }}",
    "{{ (index .Input.a 0).b | int64 }}",
    '{{ printf "%d:%s" (len .Input.a) .Input.a | sha256sum | trunc 8 }}',
    '{{ replace "/" "." .Input.a }}',
    "{{ add (mul (div .Input.a 60) 60) .Input.b }}",
    '{{ printf "%v" .Input.a }}',
]


@settings(deadline=None)
@given(template=st.sampled_from(TEMPLATES), a=JSON, b=JSON)
def test_a_template_makes_a_text_or_fails_in_its_own_way(template: str, a: Any, b: Any):
    event = webhook.as_sensor_sees("push", "1", {"a": a, "b": b})["body"]
    with suppress(gotemplate.TemplateFailed):
        assert isinstance(gotemplate.parse(template, "here").render(event, NOW), str)


@settings(deadline=None)
@given(value=JSON, path=st.sampled_from(["a", "a.b.0.c", 'a.#(name=="x").name', "0"]))
def test_a_path_finds_something_or_nothing(value: Any, path: str):
    found = paths.parse(path, "here").get(webhook.as_sensor_sees("push", "1", {"a": value})["body"])
    assert found is paths.MISSING or isinstance(paths.as_text(found), str)
