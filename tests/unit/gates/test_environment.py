"""The environment contract: what a file and the values may say, which of them counts, and how it is written."""

from __future__ import annotations

import contextlib
import copy
import json
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis_jsonschema import from_schema
from trees import SUBMODULE, Link, tree

from pressplay.errors import InputError
from pressplay.gates.proving.detection import FILE, Advice
from pressplay.gates.proving.environment import LONGEST, choose, contract, document, from_values, read, written
from pressplay.gates.proving.model import LANGUAGES, REPORT_KINDS, Environment, Project, Service
from pressplay.validation import packaged
from pressplay.validation.report import Invalid

FULL = """\
projects:
  - folder: services/api
    language: go
    setup: [go mod download]
    build: ["go generate ./..."]
    test:
      command: |
        go vet ./... &&
        go test -json ./...
      report: go-json
      minutes: 20
      shards: 3
    lint: [make lint]
    generated: ["*.pb.go", "!hand.pb.go"]
    packages: [vendor]
    caches: [.cache/build]
    network: true
    services:
      - name: db
        image: ghcr.io/acme/postgres@sha256:%s
        command: docker-entrypoint.sh postgres
        process: exec postgres
        env: {POSTGRES_PASSWORD: "a b"}
        ports: [5432]
        ready: pg_isready
        seconds: 30
        data: [/var/lib/postgresql/data]
        user: 999
  - folder: .
    language: other
""" % ("0a" * 32)


@pytest.mark.rule("FR10")
def test_reads_every_key() -> None:
    environment = read(FULL.encode(), FILE)
    api, root = environment.projects
    assert environment.origin == "file"
    assert api == Project(
        folder="services/api",
        language="go",
        test="go vet ./... &&\ngo test -json ./...",
        report="go-json",
        setup=("go mod download",),
        build=("go generate ./...",),
        lint=("make lint",),
        generated=("*.pb.go", "!hand.pb.go"),
        packages=("vendor",),
        caches=(".cache/build",),
        minutes=20,
        shards=3,
        network=True,
        services=(
            Service(
                "db",
                f"ghcr.io/acme/postgres@sha256:{'0a' * 32}",
                "docker-entrypoint.sh postgres",
                process="exec postgres",
                env=(("POSTGRES_PASSWORD", "a b"),),
                ports=(5432,),
                ready="pg_isready",
                seconds=30,
                data=("/var/lib/postgresql/data",),
                user=999,
            ),
        ),
    )
    assert root == Project("", "other", "", "exit")


def test_the_schema_has_the_words_of_the_model() -> None:
    definitions = packaged.schema("gates")["definitions"]
    assert tuple(definitions["project"]["properties"]["language"]["enum"]) == LANGUAGES
    assert tuple(definitions["test"]["properties"]["report"]["enum"]) == REPORT_KINDS


def _one(**keys: object) -> str:
    return json.dumps({"projects": [{"folder": "a", "language": "go", **keys}]})


def _beside(**keys: object) -> str:
    service = {"name": "db", "image": f"db@sha256:{'0' * 64}", "command": "x", "ports": [5432]}
    return _one(services=[{key: value for key, value in {**service, **keys}.items() if value is not None}])


_AT = "$.projects[0].services[0]"


@pytest.mark.rule("R10")
@pytest.mark.parametrize(
    ("text", "path", "words"),
    [
        ("", "$", "an empty file"),
        ("[]", "$", "expected a map"),
        ("projects: []", "$.projects", "at least 1"),
        ("projects: [{folder: a}]", "$.projects[0]", '"language"'),
        (_beside(image=None), _AT, '"image"'),
        (_beside(image="postgres"), f"{_AT}.image", "by digest"),
        (_beside(image="postgres:17"), f"{_AT}.image", "by digest"),
        (_beside(image=f"postgres:17@sha256:{'0' * 64}"), f"{_AT}.image", "by digest"),
        (_beside(image=f"postgres@sha256:{'0' * 63}"), f"{_AT}.image", "by digest"),
        (_beside(image=f"postgres@sha256:{'0' * 64}\n"), f"{_AT}.image", "by digest"),
        (_beside(image=f"{{{{=x}}}}@sha256:{'0' * 64}"), f"{_AT}.image", "by digest"),
        (_beside(command=None), _AT, '"command"'),
        (_beside(ports=None), _AT, "ports or ready"),
        (_beside(ports=[80]), f"{_AT}.ports[0]", "at least 1024"),
        (_beside(name="Db"), f"{_AT}.name", "lower-case"),
        (_beside(name="a b"), f"{_AT}.name", "lower-case"),
        (_beside(env={"GATE_ASK": "x"}), f"{_AT}.env.GATE_ASK", "GATE_"),
        (_beside(env={"A": 1}), f"{_AT}.env.A", "a text"),
        (_beside(env={"A": {"secretKeyRef": {}}}), f"{_AT}.env.A", "a text"),
        (_beside(user=0), f"{_AT}.user", "at least 1"),
        (_beside(data=["/gate/x"]), f"{_AT}.data[0]", "/gate"),
        (_beside(data=["/a/../etc"]), f"{_AT}.data[0]", "absolute path"),
        (_beside(data=["x"]), f"{_AT}.data[0]", "absolute path"),
        (_beside(securityContext={"privileged": True}), f"{_AT}.securityContext", "unknown key"),
        (_beside(volumeMounts=[]), f"{_AT}.volumeMounts", "unknown key"),
        (_one(shards=2), "$.projects[0].shards", 'unknown key "shards"'),
        (_one(test={"command": "x", "report": "tap", "shards": 0}), "$.projects[0].test.shards", "at least 1"),
        (_one(test={"command": "x", "report": "tap", "shards": 17}), "$.projects[0].test.shards", "at most 16"),
        (_one(test={"command": "x", "report": "tap", "shards": True}), "$.projects[0].test.shards", "whole number"),
        (_one(test={"command": "x", "report": "exit", "shards": 2}), "$.projects[0].test.shards", "report is exit"),
        (_one(language="ruby"), "$.projects[0].language", '"other"'),
        (_one(test={"command": "x"}), "$.projects[0].test", '"report"'),
        (_one(test={"command": "  ", "report": "exit"}), "$.projects[0].test.command", "command line"),
        (_one(test={"command": "a\x00b", "report": "exit"}), "$.projects[0].test.command", "control"),
        (_one(test={"command": "x", "report": "xml"}), "$.projects[0].test.report", "junit"),
        (_one(test={"command": "x", "report": "exit", "minutes": 0}), "$.projects[0].test.minutes", "at least 1"),
        (_one(setup="make"), "$.projects[0].setup", "expected a list"),
        (_one(network="no"), "$.projects[0].network", "true or false"),
        (_one(folder=".."), "$.projects[0].folder", "inside the repository"),
        (_one(folder="a/../../b"), "$.projects[0].folder", "inside the repository"),
        (_one(folder="/etc"), "$.projects[0].folder", "letters, digits"),
        (_one(folder="-a"), "$.projects[0].folder", "letters, digits"),
        (_one(folder="a;b"), "$.projects[0].folder", "letters, digits"),
        (_one(folder="a b"), "$.projects[0].folder", "letters, digits"),
        (_one(folder="a\nb"), "$.projects[0].folder", "letters, digits"),
        (_one(folder="./a"), "$.projects[0].folder", 'write "a"'),
        (_one(folder="a/"), "$.projects[0].folder", 'write "a"'),
        (_one(folder="./."), "$.projects[0].folder", "for the root write ."),
        (_one(packages=["."]), "$.projects[0].packages[0]", "below the project's"),
        (_one(packages=["../x"]), "$.projects[0].packages[0]", "inside the repository"),
        (_one(caches=["$HOME"]), "$.projects[0].caches[0]", "letters, digits"),
        (_one(generated=["!"]), "$.projects[0].generated[0]", "glob"),
        (_one(generated=["a\nb"]), "$.projects[0].generated[0]", "control"),
        ('{"projects": [{"folder": "a", "folder": "b", "language": "go"}]}', "$.projects[0].folder", "each key once"),
        ("a: &x [1]\nb: *x", "$", "no alias"),
        ("[" * 60 + "]" * 60, "$", "levels"),
        ("a: [", "$", "YAML"),
    ],
)
def test_refuses_with_the_place(text: str, path: str, words: str) -> None:
    with pytest.raises(Invalid) as caught:
        read(text.encode(), FILE)
    assert [(problem.path, words in str(problem)) for problem in caught.value.problems] == [(path, True)]
    assert caught.value.problems[0].line > 0 or path == "$"


def test_two_projects_may_not_share_a_folder() -> None:
    text = "projects:\n- {folder: a, language: go}\n- {folder: b, language: go}\n- {folder: a, language: python}\n"
    with pytest.raises(Invalid, match=r"gates.yaml:4:4: \$.projects\[2\].folder: .* which is project 1's too"):
        read(text.encode(), FILE)


def test_services_of_a_project_have_names_and_ports_of_their_own_and_are_few() -> None:
    service = {"name": "db", "image": f"db@sha256:{'0' * 64}", "command": "x", "ports": [5432]}
    with pytest.raises(Invalid) as caught:
        read(_one(services=[service, service]).encode(), FILE)
    assert [problem.path for problem in caught.value.problems] == [
        "$.projects[0].services[1].name",
        "$.projects[0].services[1].ports",
    ]
    services = [{**service, "name": f"s{n}", "ports": [5000 + n]} for n in range(4)]
    projects = [{"folder": f"f{n}", "language": "go", "services": services} for n in range(3)]
    assert read(json.dumps({"projects": projects[:2]}).encode(), FILE).projects
    with pytest.raises(Invalid, match=r"at most 10 services in all projects of go, got 12"):
        read(json.dumps({"projects": projects}).encode(), FILE)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"#" * (LONGEST + 1)])
def test_refuses_what_is_no_text_or_too_long(content: bytes) -> None:
    with pytest.raises(Invalid):
        read(content, FILE)


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_a_contract_or_an_input_error(content: bytes) -> None:
    with contextlib.suppress(InputError):
        assert read(content, FILE).projects


# Each example of a whole schema takes half a second to draw, and far longer on a busy machine.
@settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow])
# YAML folds what ends a line for Unicode alone.
@example({"projects": [{"folder": "a", "language": "go", "build": ["x\x85"]}]})
@example({"projects": [{"folder": "a", "language": "go", "build": ["x\u2028y"]}]})
@given(from_schema(copy.deepcopy(packaged.schema("gates"))))
def test_what_is_accepted_is_written_and_read_again(values: dict[str, object]) -> None:
    try:
        environment = from_values(values, "values")
    except Invalid:
        return
    assert read(written(environment).encode(), FILE).projects == environment.projects
    assert from_values(document(environment), "values") == environment


@given(st.text(max_size=300))
def test_advice_stays_a_comment(text: str) -> None:
    environment = Environment((Project("", "go", "go test", "exit"),), "detected")
    assert read(written(environment, [Advice(text, text)]).encode("utf-8", "replace"), FILE).projects


# --- which contract counts --------------------------------------------------------------------------------------------

VALUES = {"projects": [{"folder": "v", "language": "go"}]}
GO = {"go.mod": "module x\n"}


@pytest.mark.rule("R6")
@pytest.mark.parametrize(
    ("files", "values", "origin", "folder"),
    [
        ({**GO, FILE: "projects: [{folder: f, language: go}]"}, VALUES, "file", "f"),
        ({**GO, FILE: "projects: [{folder: f, language: go}]"}, None, "file", "f"),
        (GO, VALUES, "values", "v"),
        (GO, {}, "detected", ""),
        (GO, None, "detected", ""),
    ],
)
def test_the_file_counts_then_the_values_then_what_is_detected(
    files: dict[str, str], values: dict[str, object] | None, origin: str, folder: str
) -> None:
    environment = choose(tree(files), values)
    assert (environment.origin, environment.projects[0].folder) == (origin, folder)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("projects: nothing", "expected a list"),
        (Link("elsewhere.yaml"), "a symbolic link"),
        (SUBMODULE, "a submodule"),
        ("#" * 1_000_001, "larger than"),
    ],
)
def test_a_wrong_file_never_counts_as_none(content: object, words: str) -> None:
    with pytest.raises(Invalid, match=words):
        choose(tree({**GO, FILE: content}), VALUES)


def test_wrong_values_name_the_key() -> None:
    with pytest.raises(Invalid, match=r"^tests.environment in the values: \$.projects\[0\].folder"):
        choose(tree(GO), {"projects": [{"folder": "..", "language": "go"}]})


def test_errors_name_the_file_as_the_caller_does() -> None:
    with pytest.raises(Invalid, match=r"^acme/shop@main:gates:1:1"):
        contract(tree({FILE: "[]"}), where="acme/shop@main:gates")


def test_the_examples_of_the_documentation_are_valid() -> None:
    page = (Path(__file__).parents[3] / "docs/how-to/tests-gate.md").read_text(encoding="utf-8")
    examples = re.findall(r"```yaml\n(.*?)```", page.partition("## The environment contract")[2], re.DOTALL)
    languages = {project.language for example in examples for project in read(example.encode(), FILE).projects}
    assert languages == set(LANGUAGES)
