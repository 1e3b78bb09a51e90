"""A Sensor's dependencies and triggers: judged as Argo Events judges them, refused by name and place where unknown."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from sensors import EVENT, SENSOR, changed

from pressplay.errors import InputError
from pressplay.events import webhook
from pressplay.events.listing import listing
from pressplay.events.sensor import Explanation, Sensor, explain, log_line

NOW = 1_767_225_600.0
DATA = "spec/dependencies/0/filters/data"
EXPR = "spec/dependencies/0/filters/exprs/0"
K8S = "spec/triggers/0/template/k8s"


def _explain(sensor: dict[str, Any], payload: dict[str, Any], event: str = "pull_request") -> Explanation:
    (read,) = Sensor.read([sensor])
    return read.explain(webhook.as_sensor_sees(event, "1", payload), NOW)


def _reason(sensor: dict[str, Any], payload: dict[str, Any], event: str = "pull_request") -> str:
    found = _explain(sensor, payload, event)
    assert found.flows == []
    (rejected,) = found.rejected
    assert rejected.flow == "review"
    return rejected.reason


def test_an_event_that_meets_all_conditions_makes_the_triggers_workflow():
    found = _explain(SENSOR, EVENT)
    (started,) = found.flows
    assert (started.flow, started.workflow_name) == ("review", "review-7")
    assert started.parameters == {"pr": "7", "why": "push"}
    resource = copy.deepcopy(SENSOR["spec"]["triggers"][0]["template"]["k8s"]["source"]["resource"])
    resource["metadata"]["name"] = "review-7"
    resource["spec"]["arguments"]["parameters"][0]["value"] = "7"
    assert started.manifest == resource
    assert found.as_json() == {
        "flows": [{"flow": "review", "workflow": "review-7", "parameters": {"pr": "7", "why": "push"}}],
        "rejected": [],
    }
    assert log_line(found) == "starts review as review-7"


@pytest.mark.parametrize(
    ("place", "value", "reason"),
    [
        ("action", "closed", "body.action is none of opened, reopened"),
        ("action", "opened\n", "body.action is none of opened, reopened"),
        ("action", None, "there is no body.action"),
        ("sender/login", "rex[bot]", r"body.sender.login is ^(rex|qa)\[bot\]$"),
        ("sender", None, "there is no body.sender.login"),
        ("ref", "refs/heads/other", "not body.ref == 'refs/heads/' + body.branch"),
        ("ref", None, "there is no body.ref"),
        ("ref", 7, "not body.ref == 'refs/heads/' + body.branch"),
    ],
)
def test_what_is_not_met_is_the_reason(place: str, value: object, reason: str):
    assert _reason(SENSOR, changed(EVENT, place, value)) == reason


@pytest.mark.rule("R7")
def test_a_reason_and_a_log_line_never_hold_a_value_of_the_event():
    hostile = "$(rm -rf /) {{=1+1}}"
    for place in ("action", "ref", "branch", "sender/login"):
        payload = changed(EVENT, place, hostile)
        found = _explain(SENSOR, payload)
        assert hostile not in log_line(found) + str(found.as_json())


def test_an_event_that_no_flow_is_for_is_told_so():
    found = _explain(SENSOR, EVENT, "issues")
    assert log_line(found) == "starts nothing: no flow is for such an event"
    assert [one.reason for one in found.rejected] == ["body.X-GitHub-Event is not pull_request"]


def test_the_reason_is_of_the_dependency_that_came_furthest():
    second = changed(SENSOR, f"{DATA}/1/value", ["^never$"])
    found = explain(
        [*Sensor.read([second]), *Sensor.read([SENSOR])],
        webhook.as_sensor_sees("pull_request", "1", {**EVENT, "sender": {"login": "qa[bot]"}}),
        NOW,
    )
    assert [one.reason for one in found.rejected] == [r"body.sender.login is ^(rex|qa)\[bot\]$"]


@pytest.mark.rule("R1")
def test_two_dependencies_that_make_the_same_workflow_make_it_once():
    found = explain(Sensor.read([SENSOR, SENSOR]), webhook.as_sensor_sees("pull_request", "1", EVENT), NOW)
    assert [one.workflow_name for one in found.flows] == ["review-7"]
    assert found.rejected == []


@pytest.mark.parametrize(
    ("values", "comparator", "passes"),
    [
        (["^x$", "^opened$"], "=", True),
        (["^x$", "^y$"], "=", False),
        # Without an anchor a pattern is found anywhere.
        (["pene"], "=", True),
        (["^x$"], "!=", True),
        (["^opened$"], "!=", False),
        # Several are OR-ed under != too, and so keep out nobody: why the chart writes one.
        (["^opened$", "^x$"], "!=", True),
    ],
)
def test_several_values_are_ored(values: list[str], comparator: str, passes: bool):
    sensor = changed(
        SENSOR, f"{DATA}/1", {"path": "body.action", "type": "string", "value": values, "comparator": comparator}
    )
    assert bool(_explain(sensor, EVENT).flows) is passes


@pytest.mark.parametrize(
    ("expr", "one", "other", "passes"),
    [
        ("one == other", "a", "a", True),
        ("one == other", True, 1, False),
        ("one == other", 1, 1.0, True),
        ("one == other", None, None, True),
        ("one == other", [{"a": [1]}], [{"a": [1]}], True),
        ("one == other", [True], [1], False),
        ("one != other", "a", "b", True),
        ("one != other", "a", "a", False),
        ("one + other == 'a1'", "a", 1, True),
        ("one + other != 'a'", None, "a", True),
        ("one + other == other + one", 1, 2, True),
        ("one + other != 'x'", None, True, False),
    ],
)
def test_an_expression_compares_as_go_does(expr: str, one: object, other: object, passes: bool):
    sensor = changed(changed(SENSOR, f"{EXPR}/expr", expr), f"{EXPR}/fields/0/path", "body.one")
    sensor = changed(sensor, f"{EXPR}/fields/1/path", "body.other")
    assert bool(_explain(sensor, {**EVENT, "one": one, "other": other}).flows) is passes


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("review-{{ .Input.body.title }}", "no Workflow can be made of it: the Workflow's name would not be one"),
        ("{{ .Input.body.missing }}", "comes to nothing for this event"),
        ("{{ sha256sum .Input.body.number }}", "sha256sum wants a string, not float64"),
        (f"review-{'x' * 60}", "the Workflow's name would not be one"),
    ],
)
def test_an_event_of_which_no_workflow_can_be_made_starts_nothing(template: str, reason: str):
    sensor = changed(SENSOR, f"{K8S}/parameters/0/src/dataTemplate", template)
    assert reason in _reason(sensor, {**EVENT, "title": "Hello World"})


def test_a_label_that_the_api_server_would_refuse_starts_nothing():
    extra = {
        "dest": "metadata.labels.press-play/repo",
        "src": {"dependencyName": "opened", "dataTemplate": "{{ .Input.body.ref }}"},
    }
    sensor = changed(SENSOR, f"{K8S}/parameters/2", extra)
    assert "the value of the label press-play/repo would not be one" in _reason(sensor, EVENT)


@pytest.mark.rule("R10")
@pytest.mark.parametrize(
    ("place", "value", "named"),
    [
        ("spec/loggingFields", {}, "spec: loggingFields is not known"),
        ("spec/dependencies/0/transform", {}, r"spec\.dependencies\[0\]: transform"),
        ("spec/dependencies/0/filtersLogicalOperator", "or", "filtersLogicalOperator"),
        ("spec/dependencies/0/filters/script", "return true", r"dependencies\[0\]\.filters: script"),
        ("spec/dependencies/0/filters/time", {}, r"dependencies\[0\]\.filters: time"),
        ("spec/dependencies/0/filters/dataLogicalOperator", "or", "dataLogicalOperator"),
        ("spec/dependencies/1", SENSOR["spec"]["dependencies"][0], "a second dependency 'opened'"),
        (f"{DATA}/0/type", "number", r"data\[0\]: expected type string"),
        (f"{DATA}/0/comparator", ">", r"data\[0\]: expected type string and comparator"),
        (f"{DATA}/0/template", "{{ .Input }}", r"data\[0\]: template is not known"),
        (f"{DATA}/0/value", [], r"data\[0\]\.value: expected at least one"),
        (f"{DATA}/0/value", ["(?=x)"], r"data\[0\]\.value: .*lookaround"),
        (f"{DATA}/0/path", "body.*", r"data\[0\]: path"),
        (f"{EXPR}/expr", "one", "expected one == or !="),
        (f"{EXPR}/expr", "one == other == one", "expected one == or !="),
        (f"{EXPR}/expr", "one =~ other", "is not known here"),
        (f"{EXPR}/expr", "one == '2014-01-02'", "is not known here"),
        (f"{EXPR}/expr", "one == third", "expected fields of"),
        (f"{EXPR}/expr", "one + == other", "expected fields of"),
        (f"{EXPR}/expr", "one other == one", "expected fields of"),
        (f"{EXPR}/expr", "== one", "expected fields of"),
        (f"{EXPR}/fields", [], r"exprs\[0\]\.fields: expected at least one"),
        ("spec/triggers/0/rateLimit", {}, r"triggers\[0\]: rateLimit"),
        ("spec/triggers/0/parameters", [], r"triggers\[0\]: parameters"),
        ("spec/triggers/0/template/http", {}, r"triggers\[0\]\.template: http"),
        ("spec/triggers/0/template/conditions", "opened || opened", "expected the name of one dependency"),
        ("spec/triggers", [], "no trigger waits for opened"),
        (f"{K8S}/operation", "create", "expected patch"),
        (f"{K8S}/liveObject", True, "liveObject"),
        (f"{K8S}/source/url", {}, "source: url"),
        (f"{K8S}/source/resource/kind", "Pod", "expected a Workflow"),
        (f"{K8S}/source/resource/metadata/labels", {}, "expected a Workflow with the label press-play/flow"),
        (f"{K8S}/parameters/0/operation", "append", r"parameters\[0\]: operation"),
        (f"{K8S}/parameters/0/src/value", "x", r"parameters\[0\]\.src: value"),
        (f"{K8S}/parameters/0/src/dependencyName", "other", "expected opened"),
        (f"{K8S}/parameters/0/src/dataTemplate", "{{ env }}", "the function 'env'"),
        (f"{K8S}/parameters/0/dest", "metadata.generateName", "expected a parameter with the dest metadata.name"),
        (f"{K8S}/parameters/0/dest", "metadata.*", "expected keys and indices"),
        (f"{K8S}/parameters/1/dest", "spec.arguments.parameters.5.value", "there is no spec.arguments.parameters.5"),
        (f"{K8S}/parameters/1/dest", "spec.nothing.value", "there is no spec.nothing"),
        (f"{K8S}/parameters/1/dest", "spec.priority", "'pr' has no value"),
    ],
)
def test_what_is_not_known_is_refused_by_name_and_place(place: str, value: Any, named: str):
    with pytest.raises(InputError, match=named) as raised:
        Sensor.read([changed(SENSOR, place, value)])
    assert "Sensor small" in str(raised.value)


@pytest.mark.rule("R10")
def test_an_event_that_no_event_source_receives_is_refused():
    source = {"kind": "EventSource", "metadata": {"name": "press-play"}, "spec": {"github": {"hub": {}}}}
    with pytest.raises(InputError, match="no EventSource 'press-play' receives the event 'github'"):
        Sensor.read([source, SENSOR])
    source["spec"] = {"github": {"github": {}}}
    assert len(Sensor.read([source, SENSOR])) == 1


@pytest.mark.rule("R8")
def test_a_listing_lists_one_repository_in_the_place_of_the_others():
    condition = {"path": "body.repository.full_name", "type": "string", "value": ["^(a/(b|c))$"]}
    sensor = changed(SENSOR, f"{DATA}/3", condition)
    spec = {"github": {"github": {"repositories": [{"owner": "a", "names": ["b", "c"]}]}}}
    source = {"kind": "EventSource", "metadata": {"name": "press-play"}, "spec": spec}
    made = list(listing([source, {"kind": "Service"}, sensor], "acme/shop.js"))
    assert made[0]["spec"]["github"]["github"]["repositories"] == [{"owner": "acme", "names": ["shop.js"]}]
    for name, started in (("acme/shop.js", 1), ("acme/shopxjs", 0), ("a/b", 0), ("acme/shop.js\n", 0)):
        assert len(_explain(made[1], {**EVENT, "repository": {"full_name": name}}).flows) == started
    assert len(made) == 2
    assert sensor["spec"]["dependencies"][0]["filters"]["data"][3] == condition
    with pytest.raises(InputError, match="expected owner/name"):
        list(listing([sensor], "acme"))
