"""The flows' data: what is read of it, what is refused, and that the settings know each flow."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from pressplay import names
from pressplay.domain import flows
from pressplay.errors import InputError
from pressplay.settings import Settings
from pressplay.validation import values

SECURITY = [flow.name for flow in flows.flows()].index("security")
QUEUE = [flow.name for flow in flows.flows()].index("merge-group")
WITH_EVENTS = [flow for flow in flows.flows() if flow.rows]


def settings(**own: Any) -> Settings:
    text = yaml.safe_dump({"repositories": {"acme/shop": {}}, **own})
    return Settings.model_validate(values.config(values.load([("values.yaml", text)]), "press-play"))


def changed(change: Any) -> str:
    document = yaml.safe_load(flows.text())
    change(document)
    return yaml.safe_dump(document)


def test_a_flow_is_found_by_its_name_and_another_name_is_refused():
    assert flows.flow("issue").templates == ("issue",)
    with pytest.raises(InputError, match=r"flow 'isue': expected one of pull-request, comments"):
        flows.flow("isue")


@pytest.mark.rule("R10")
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d["flows"][0].update(window_="1"), "flows.0.window_: Extra inputs are not permitted"),
        (lambda d: d["flows"][0]["rows"][0].pop("number"), "row pull-request: expected a number, a commit"),
        (lambda d: d["flows"][QUEUE]["rows"][0].pop("commit"), "row merge-group: expected a number, a commit"),
        (lambda d: d["flows"][QUEUE]["rows"][0].pop("conditions"), "expected a condition that holds the form of its"),
        (lambda d: d["flows"][SECURITY]["rows"][0].update(number="body.x"), "row security-alert: expected a number"),
        (lambda d: d["flows"][0].pop("values"), "flow pull-request: expected values or a window"),
        (lambda d: d["flows"][0]["conditions"][0].update({"not": "^x$"}), "expected one of is and not"),
        (lambda d: d["flows"][0]["conditions"][0].pop("is"), "expected one of is and not"),
        (lambda d: d["flows"][0]["parameters"].remove("why"), "constants why are no parameters of the flow"),
        (lambda d: d["flows"][1].update(name="triage"), "two flows, or two rows, have the same name"),
        (lambda d: d["flows"][0]["rows"][1].update(name="pull-request"), "two flows, or two rows, have the same name"),
        (lambda d: d["flows"][0]["rows"][1].update(events=["ping"]), "events: expected those of the rows, ping"),
        (lambda d: d["events"].update(ping="metadata"), "events: expected those of the rows, ping"),
    ],
)
def test_what_does_not_fit_is_refused_by_its_place(change: Any, message: str):
    with pytest.raises(InputError, match=re.escape(message)):
        flows.parse(changed(change))


@pytest.mark.parametrize("flow", WITH_EVENTS, ids=lambda flow: flow.name)
def test_the_settings_have_switch_window_and_lists_of_each_flow(flow: flows.Flow):
    own = settings().flow(flow.name)
    assert own.enabled
    assert own.window > 0
    lists = {row.requires for row in flow.rows} | {c.setting for row in flow.rows for c in row.conditions}
    known = {field.alias for field in type(own).model_fields.values()}
    assert lists - {""} <= known


@pytest.mark.rule("R1")
@pytest.mark.parametrize("flow", WITH_EVENTS, ids=lambda flow: flow.name)
def test_two_rows_of_a_flow_share_a_name_only_where_they_are_about_the_same(flow: flows.Flow):
    parts = {"number": 7, "window": 3}
    for row in flow.rows:
        about = {part: value for part, value in parts.items() if part != "number" or row.number}
        name = flow.workflow_name("acme/shop", **about, **row.constants)
        assert name.startswith(f"{flow.name}-{names.digest('acme/shop', length=8)}-")
        assert name.endswith("-7-3" if row.number else "-3")
        others = [other for other in flow.rows if (other.subject, other.constants) != (row.subject, row.constants)]
        assert name not in {flow.workflow_name("acme/shop", **about, **other.constants) for other in others}


@pytest.mark.parametrize(
    ("own", "flow", "rows"),
    [
        ({}, "pull-request", ["pull-request", "pull-request-label"]),
        ({"events": {"start": "all"}}, "pull-request", ["pull-request"]),
        ({"events": {"start": "all"}}, "issue", ["issue-opened", "issue-label"]),
        ({}, "issue", ["issue-label"]),
        ({}, "security", ["security-alert"]),
        ({"flows": {"security": {"scanWorkflows": ["CodeQL"]}}}, "security", ["security-alert", "security-scan"]),
        ({"flows": {"security": {"enabled": False}}}, "security", []),
        ({"events": {"enabled": False}}, "signal", []),
        ({}, "reconcile", []),
    ],
)
def test_the_rows_that_count_are_those_that_the_values_allow(own: dict[str, Any], flow: str, rows: list[str]):
    assert [row.name for row in settings(**own).started_by(flows.flow(flow))] == rows
