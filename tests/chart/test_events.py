"""EventSource and Sensor: filters that mean what they say, the library's names, and little that travels."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from charts import DEFAULTS, ROOT, VALUES, load, one, render

from pressplay import names
from pressplay.domain import flows
from pressplay.errors import PressPlayError
from pressplay.settings import parse
from pressplay.validation import helm

Documents = list[dict[str, Any]]
FULL_NAME = "body.repository.full_name"
COMMIT = "0123456789abcdef" * 2 + "01234567"
FLOWS = {flow.name: flow for flow in flows.flows() if flow.rows}
WITH_EVENTS = [path.stem for path in VALUES if path.stem != "02-merge-beside-others"]
NOW = "now | unixEpoch | int64"
LARGEST_VARIABLE = 131_072
"""What Linux takes as one argument or variable of a program, with its name (MAX_ARG_STRLEN)."""


@pytest.fixture(params=WITH_EVENTS)
def name(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture
def sensor(name: str) -> dict[str, Any]:
    return one(render(name)[1], "Sensor", "press-play")


def rendered(folder: Path, values: dict[str, Any]) -> Documents:
    file = folder / "values.yaml"
    file.write_text(yaml.safe_dump(values), encoding="utf-8")
    return load(helm.template(ROOT, [file]))


def data(dependency: dict[str, Any], path: str) -> list[dict[str, Any]]:
    return [found for found in dependency["filters"]["data"] if found["path"] == path]


def pairs(sensor: dict[str, Any]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Each dependency with its trigger."""
    spec = sensor["spec"]
    return list(zip(spec["dependencies"], spec["triggers"], strict=True))


def templates(trigger: dict[str, Any]) -> dict[str, str]:
    return {part["dest"]: part["src"]["dataTemplate"] for part in trigger["template"]["k8s"]["parameters"]}


# -- what there is -----------------------------------------------------------------------------------------------------


def test_nothing_of_it_is_there_without_repositories_or_where_it_is_switched_off():
    for found in (DEFAULTS, "02-merge-beside-others"):
        documents = render(found)[1]
        assert {d["kind"] for d in documents}.isdisjoint({"EventBus", "EventSource", "Sensor"})
        assert not any("eventsource" in d["metadata"]["name"] or "webhook" in d["metadata"]["name"] for d in documents)


def test_each_dependency_has_one_trigger_which_waits_for_it_alone(sensor: dict[str, Any]):
    seen = set()
    for dependency, trigger in pairs(sensor):
        assert dependency["eventSourceName"] == "press-play"
        assert dependency["eventName"] == "github"
        assert trigger["template"]["name"] == trigger["template"]["conditions"] == dependency["name"]
        assert {part["src"]["dependencyName"] for part in trigger["template"]["k8s"]["parameters"]} == {
            dependency["name"]
        }
        seen.add(dependency["name"])
    assert len(seen) == len(pairs(sensor))


def test_each_flow_that_is_switched_on_is_started_by_something(sensor: dict[str, Any], name: str):
    started = {
        trigger["template"]["k8s"]["source"]["resource"]["metadata"]["labels"]["press-play/flow"]
        for _, trigger in pairs(sensor)
    }
    assert started == FLOWS.keys() - ({"pull-request"} if name == "05-everything" else set())


@pytest.mark.parametrize("flow", [name for name, flow in FLOWS.items() if flow.values])
def test_a_flow_that_is_switched_off_is_started_by_nothing(tmp_path: Path, flow: str):
    switched_off = {FLOWS[flow].values: {"enabled": False}}
    documents = rendered(tmp_path, {"repositories": {"acme/shop": {}}, "flows": switched_off})
    sensor = one(documents, "Sensor", "press-play")
    started = [dependency["name"] for dependency in sensor["spec"]["dependencies"]]
    assert not [found for found in started if found.startswith(flow)]
    text = yaml.safe_dump(sensor)
    assert f"press-play/flow: {flow}\n" not in text
    assert "press-play/flow: signal\n" in text


def test_the_webhook_is_asked_for_exactly_the_events_that_are_looked_at(sensor: dict[str, Any], name: str):
    wanted = one(render(name)[1], "EventSource", "press-play")["spec"]["github"]["github"]["events"]
    looked_at = set()
    for dependency in sensor["spec"]["dependencies"]:
        (event,) = data(dependency, "body.X-GitHub-Event")
        looked_at |= set(event["value"][0].removeprefix("^(").removesuffix(")$").split("|"))
    assert set(wanted) == looked_at
    assert len(wanted) == len(looked_at)


def test_an_event_source_always_checks_the_signature(name: str):
    source = one(render(name)[1], "EventSource", "press-play")["spec"]["github"]["github"]
    assert source["webhookSecret"]["name"]
    assert source["webhookSecret"]["key"]
    assert source["contentType"] == "json"


def test_an_event_source_that_only_receives_has_no_key_of_an_app():
    assert "githubApp" not in one(render("01-minimal")[1], "EventSource", "press-play")["spec"]["github"]["github"]


def test_an_event_source_that_makes_webhooks_does_so_on_the_same_github():
    source = one(render("05-everything")[1], "EventSource", "press-play")["spec"]["github"]["github"]
    assert source["githubApp"] == {
        "appID": 1234567,
        "installationID": 12345678,
        "privateKey": {"name": "github-app-conductor", "key": "private-key"},
    }
    assert source["githubBaseURL"] == "http://forge.example.com:8080/api/v3"
    assert source["githubUploadURL"] == "http://forge.example.com:8080/api/uploads"


def test_the_bus_carries_the_largest_payload_even_where_every_character_is_escaped():
    small = one(render("05-everything")[1], "EventBus", "ours")["spec"]["jetstream"]
    # `<` becomes six characters, and those eight in base64; the rest is for the headers.
    assert int(small["maxPayload"]) == 8 * 1_048_576 + 1_048_576
    # JetStream refuses a message of more than 32 MiB.
    assert one(render("01-minimal")[1], "EventBus", "press-play")["spec"]["jetstream"]["maxPayload"] == "33554432"


# -- filters -----------------------------------------------------------------------------------------------------------


def test_every_filter_is_an_anchored_text(sensor: dict[str, Any]):
    for dependency in sensor["spec"]["dependencies"]:
        for part in dependency["filters"]["data"]:
            assert part["type"] == "string"
            (pattern,) = part["value"]
            re.compile(pattern)
            assert pattern.removeprefix("(?i)").startswith("^")
            assert pattern.endswith(("$", ")")) or pattern in ("^http", "^press-play/")
            assert part.get("comparator", "=") in ("=", "!=")
        for part in dependency["filters"].get("exprs", []):
            assert part["expr"] in ("one == other", "one == 'refs/heads/' + other")
            assert [field["name"] for field in part["fields"]] == ["one", "other"]


@pytest.mark.rule("R8")
def test_every_dependency_is_for_listed_repositories_alone(sensor: dict[str, Any], name: str):
    (values,) = (yaml.safe_load(path.read_text(encoding="utf-8")) for path in VALUES if path.stem == name)
    listed = values["repositories"]
    for dependency in sensor["spec"]["dependencies"]:
        (found,) = data(dependency, FULL_NAME)
        (pattern,) = found["value"]
        assert "comparator" not in found
        assert all(re.search(pattern, repository) for repository in listed)
        for repository in listed:
            strangers = (
                f"x{repository}",
                f"{repository}x",
                repository.replace("/", "/x/"),
                repository.partition("/")[2],
            )
            assert not any(re.search(pattern, other) for other in strangers)
        assert not re.search(pattern, "acme/dotXname_under-score")


@pytest.mark.rule("R8")
def test_our_own_apps_are_kept_out_by_one_pattern_and_nobody_else_is(sensor: dict[str, Any], name: str):
    documents = render(name)[1]
    config = json.loads(one(documents, "ConfigMap", "press-play-config")["data"]["config.json"])
    ours = [config["github"]["harnessApp"], *(agent["githubApp"] for agent in config["agents"].values())]
    kept_out = [d for d in sensor["spec"]["dependencies"] if data(d, "body.sender.login")]
    assert {d["name"].partition("-")[0] for d in kept_out} >= {"comments", "issue"}
    for dependency in kept_out:
        (found,) = data(dependency, "body.sender.login")
        assert found["comparator"] == "!="
        (pattern,) = found["value"]
        assert all(re.search(pattern, f"{names.slug(app)}[bot]") for app in ours)
        assert not any(re.search(pattern, f"{names.slug(app)}{end}") for app in ours for end in ("", "[bot]x", "b"))


@pytest.mark.rule("R8")
def test_whoever_is_not_asked_for_by_label_waits_under_label_and_not_under_all(tmp_path: Path):
    by_mode = {}
    for mode in ("label", "all"):
        documents = rendered(tmp_path, {"repositories": {"acme/shop": {}}, "events": {"start": mode, "label": "a.b/c"}})
        by_mode[mode] = {d["name"]: d for d in one(documents, "Sensor", "press-play")["spec"]["dependencies"]}
    assert by_mode["label"].keys() - by_mode["all"].keys() == {
        "pull-request-labelled", "pull-request-ours", "pull-request-label",
        "comments-said-labelled", "comments-said-ours", "comments-said-command",
        "comments-line-labelled", "comments-line-ours", "comments-review-labelled", "comments-review-ours",
    }  # fmt: skip
    assert by_mode["all"].keys() - by_mode["label"].keys() == {
        "pull-request", "comments-said", "comments-line", "comments-review", "issue-opened",
    }  # fmt: skip
    (label,) = data(by_mode["label"]["pull-request-labelled"], 'body.pull_request.labels.#(name=="a.b/c").name')
    assert label["value"] == [r"^a\.b/c$"]
    assert data(by_mode["label"]["triage-check"], "body.check_run.check_suite.head_branch")
    assert not data(by_mode["all"]["triage-check"], "body.check_run.check_suite.head_branch")


def test_names_of_checks_and_workflows_mean_themselves():
    sensor = one(render("05-everything")[1], "Sensor", "press-play")
    by_name = {dependency["name"]: dependency for dependency in sensor["spec"]["dependencies"]}
    ignored = ['build (ubuntu-latest, "3.11")', "Bob's check", "a|b.*", "{{ nope"]
    found = data(by_name["triage-check"], "body.check_run.name")
    assert [part["comparator"] for part in found] == ["!=", "!="]
    for pattern in (found[1]["value"][0], data(by_name["triage-workflow"], "body.workflow_run.name")[0]["value"][0]):
        assert all(re.search(pattern, check) for check in ignored)
        assert not any(re.search(pattern, check) for check in ("a", "b", "build ubuntu-latest", "Bob's checks", ""))
    scans = data(by_name["security-scan"], "body.workflow_run.name")[0]["value"][0]
    assert [bool(re.search(scans, scan)) for scan in ("CodeQL", "Trivy scan", "CodeQL 2")] == [True, True, False]


# -- what is made ------------------------------------------------------------------------------------------------------


@pytest.mark.rule("R7")
def test_nothing_travels_but_the_repository_numbers_commits_and_constants(sensor: dict[str, Any]):
    number = re.compile(r"\{\{ (\(index \.Input\.[a-z_.]+ 0\)|\.Input\.[a-z_.]+)\.(?:number|id) \| int64 \}\}")
    until = re.compile(rf"\{{\{{ add \(mul \(div \({re.escape(NOW)}\) (\d+)\) \1\) \d+ \}}\}}")
    for _, trigger in pairs(sensor):
        workflow = trigger["template"]["k8s"]["source"]["resource"]
        made = templates(trigger)
        for index, parameter in enumerate(workflow["spec"]["arguments"]["parameters"]):
            template = made.pop(f"spec.arguments.parameters.{index}.value", None)
            if template is None:
                assert parameter["value"] in ("push", "closed", "edited", "pushed", "deployed")
            elif parameter["name"] == "repo":
                assert template == "{{ .Input.body.repository.full_name }}"
            elif parameter["name"] == "until":
                assert until.fullmatch(template)
            elif parameter["name"] == "commit":
                assert template == "{{ .Input.body.merge_group.head_sha }}"
            else:
                assert parameter["name"] in ("pr", "issue", "deployment")
                assert number.fullmatch(template)
        assert made.pop("metadata.labels.press-play/repo") == '{{ replace "/" "." .Input.body.repository.full_name }}'
        for subject in ("pr", "issue", "deployment"):
            assert number.fullmatch(made.pop(f"metadata.labels.press-play/{subject}", "{{ .Input.x.number | int64 }}"))
        assert made.keys() == {"metadata.name"}


def test_a_flow_is_given_what_its_template_wants_and_nothing_that_it_does_not_know(sensor: dict[str, Any], name: str):
    for _, trigger in pairs(sensor):
        spec = trigger["template"]["k8s"]["source"]["resource"]["spec"]
        given = {parameter["name"] for parameter in spec["arguments"]["parameters"]}
        template = one(render(name)[1], "WorkflowTemplate", spec["workflowTemplateRef"]["name"])
        known = template["spec"]["arguments"]["parameters"]
        assert given <= {parameter["name"] for parameter in known}
        assert given >= {parameter["name"] for parameter in known if "value" not in parameter}


@pytest.mark.rule("R1")
def test_a_workflow_is_patched_so_that_the_same_name_again_changes_nothing(sensor: dict[str, Any], name: str):
    config = json.loads(one(render(name)[1], "ConfigMap", "press-play-config")["data"]["config.json"])
    for _, trigger in pairs(sensor):
        assert trigger["template"]["k8s"]["operation"] == "patch"
        assert trigger["atLeastOnce"] is True
        workflow = trigger["template"]["k8s"]["source"]["resource"]
        assert workflow["metadata"]["namespace"] == "press-play"
        labels = workflow["metadata"]["labels"]
        assert labels["app.kubernetes.io/part-of"] == "press-play"
        assert labels.get("workflows.argoproj.io/controller-instanceid", "") == config["instanceId"]
        assert labels["press-play/flow"] == workflow["spec"]["workflowTemplateRef"]["name"]
        assert workflow["spec"]["priority"] == 1000


def number_of(event: dict[str, Any], template: str) -> int | None:
    """Put the number 1234567 where this template looks for it, as GitHub would; None where it looks for none."""
    found = re.search(r"\{\{ (?:\(index )?\.Input\.([a-z_.]+?)(?: 0\))?\.(number|id) \| int64 \}\}", template)
    if found is None:
        return None
    path = found[1].split(".")
    inside = event
    for key in path[:-1]:
        inside = inside.setdefault(key, {})
    # Go's JSON makes floats of numbers, and would print this one as 1.234567e+06.
    subject = {found[2]: 1_234_567}
    inside[path[-1]] = [subject] if "(index" in template else subject
    return 1_234_567


def carried_out(folder: Path, cases: list[dict[str, Any]]) -> list[str]:
    """What Go and sprig themselves (helm has the same functions) make of templates."""
    chart = folder / "go"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: go\nversion: 0.0.0\n")
    (chart / "cases.json").write_text(json.dumps({"cases": cases}))
    (chart / "templates/made.yaml").write_text(
        "made:\n"
        '{{- range (.Files.Get "cases.json" | fromJson).cases }}\n'
        '- {{ tpl .template (dict "Input" .event "Template" $.Template) | quote }}\n'
        "{{- end }}\n"
    )
    (found,) = load(helm.run(ROOT, "template", "x", str(chart)))
    made: list[str] = found["made"]
    return made


@pytest.mark.rule("R2")
def test_each_push_has_a_workflow_of_its_own_in_the_same_window(sensor: dict[str, Any]):
    """Else the second of two merges within seconds starts nothing, and what waits for it waits for `reconcile`."""
    (made,) = (templates(trigger) for dependency, trigger in pairs(sensor) if dependency["name"] == "signal-pushed")
    assert "-pushed-{{ .Input.body.after | trunc 12 }}-" in made["metadata.name"]


@pytest.mark.rule("R1")
@pytest.mark.parametrize("moment", [1_767_225_599.9, 1_767_225_600.0])
def test_go_makes_the_same_names_of_the_sensor_as_the_library(tmp_path: Path, moment: float):
    for index, stem in enumerate(("01-minimal", "05-everything")):
        documents = render(stem)[1]
        settings = parse(one(documents, "ConfigMap", "press-play-config")["data"]["config.json"])
        cases: list[dict[str, Any]] = []
        wanted: list[str] = []
        for _, trigger in pairs(one(documents, "Sensor", "press-play")):
            workflow = trigger["template"]["k8s"]["source"]["resource"]
            flow = workflow["metadata"]["labels"]["press-play/flow"]
            parameters = workflow["spec"]["arguments"]["parameters"]
            what = [p["value"] for p in parameters if p["name"] == "what"]
            made = templates(trigger)
            event: dict[str, Any] = {"body": {"repository": {"full_name": "Acme-2/shop.web_x-1"}}}
            number = number_of(event, made["metadata.name"])
            commit = COMMIT if re.search(r"head_sha|body\.after", made["metadata.name"]) else ""
            event["body"] |= {"merge_group": {"head_sha": COMMIT}, "after": COMMIT}
            seconds = settings.flow(flow).window
            window = names.window_at(moment, seconds)
            for dest, template in made.items():
                assert ("now" in template) == (NOW in template)
                cases.append({"template": template.replace(NOW, str(int(moment))), "event": event})
                if dest == "metadata.name":
                    short = [names.short_commit(commit)] if commit else []
                    parts = [*what, *([number] if number else []), *short, window]
                    wanted.append(names.flow_workflow(flow, "Acme-2/shop.web_x-1", *parts))
                elif dest == "metadata.labels.press-play/repo":
                    wanted.append(names.repo_key("Acme-2/shop.web_x-1"))
                elif "now" in template:
                    wanted.append(str(names.window_until(window, seconds)))
                elif "head_sha" in template:
                    wanted.append(commit)
                elif "full_name" in template:
                    wanted.append("Acme-2/shop.web_x-1")
                else:
                    wanted.append("1234567")
        assert carried_out(tmp_path / str(index), cases) == wanted


# -- bounds ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["label", "all"])
def test_a_hundred_repositories_fit_into_one_sensor(tmp_path: Path, mode: str):
    listed = {f"an-organisation/the-service-number-{number:03}": {} for number in range(100)}
    sensor = one(rendered(tmp_path, {"repositories": listed, "events": {"start": mode}}), "Sensor", "press-play")
    handed_over = {"metadata": {"name": "press-play", "namespace": "press-play"}, "spec": sensor["spec"], "status": {}}
    encoded = base64.b64encode(json.dumps(handed_over, separators=(",", ":")).encode())
    assert len(b"SENSOR_OBJECT=" + encoded) + 1 < LARGEST_VARIABLE
    for dependency in sensor["spec"]["dependencies"]:
        (found,) = data(dependency, FULL_NAME)
        assert all(re.search(found["value"][0], repository) for repository in listed)
        assert not re.search(found["value"][0], "an-organisation/the-service-number-100")


@pytest.mark.rule("R10")
def test_more_than_a_sensors_pod_can_be_given_is_refused_before_the_installation(tmp_path: Path):
    listed = {f"an-organisation/the-service-number-{number:04}": {} for number in range(400)}
    with pytest.raises(PressPlayError, match="more than the 128000 that its pod can be given"):
        rendered(tmp_path, {"repositories": listed})
