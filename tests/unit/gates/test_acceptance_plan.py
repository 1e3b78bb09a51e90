"""An acceptance plan is read whole or refused whole, with every fault at its line; what proves nothing is refused."""

from __future__ import annotations

import contextlib
import json
import re
import time
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pressplay.errors import InputError
from pressplay.gates.acceptance import packing
from pressplay.gates.acceptance.probe_plan import LONGEST, PACKED, ProbePlan, read
from pressplay.gates.acceptance.probe_types import Http, Logs, WorkloadProbe
from pressplay.validation.report import Invalid

ROOT = Path(__file__).parents[3]
COMMIT = "0123456789abcdef0123456789abcdef01234567"

WHOLE = """\
description: Products can be listed and added
probes:
  - name: adds
    http:
      method: POST
      path: /products?x=${COMMIT}
      headers: {Accept: application/json}
      json: {name: "${COMMIT}", tags: [1, null]}
      timeoutSeconds: 5
      expect:
        status: [200, 201]
        headers: {Content-Type: json}
        contains: ["${COMMIT}"]
        notContains: [Traceback]
        json: {/commit: "${COMMIT}", "": {a: 1}}
    retries: {times: 3, everySeconds: 5}
  - name: logged
    logs: {namespace: shop, matchLabels: {app: shop}, container: web, expect: {lines: [added], absent: [panic]}}
  - name: rolled-out
    workload:
      kind: Deployment
      name: shop
      expect: {ready: true, replicas: 2, image: "${COMMIT}", labels: {app: shop}, annotations: {a.b/c: d}}
"""


def faults(text: str | bytes) -> str:
    with pytest.raises(Invalid) as raised:
        read(text.encode() if isinstance(text, str) else text, "plan.yaml")
    return str(raised.value)


def http(expect: str, rest: str = "path: /") -> str:
    return f"probes:\n  - name: a\n    http: {{{rest}, expect: {{{expect}}}}}\n"


def test_a_plan_is_read_with_its_defaults():
    plan = read(WHOLE.encode(), "plan.yaml")
    adds, logged, rolled_out = plan.probes(COMMIT)
    assert (adds.name, adds.kind, adds.retries, adds.every_seconds) == ("adds", "http", 3, 5)
    assert isinstance(adds.look, Http)
    assert (adds.look.method, adds.look.path, adds.look.timeout_seconds) == ("POST", f"/products?x={COMMIT}", 5)
    assert adds.look.headers == (("Accept", "application/json"), ("Content-Type", "application/json"))
    assert json.loads(adds.look.body) == {"name": COMMIT, "tags": [1, None]}
    assert adds.look.expect.status == (200, 201)
    assert adds.look.expect.body.contains == (COMMIT,)
    assert dict(adds.look.expect.body.json) == {"/commit": COMMIT, "": {"a": 1}}
    assert logged.look == Logs("shop", "", (("app", "shop"),), "web", 600, ("added",), ("panic",))
    assert (logged.retries, logged.every_seconds) == (0, 2)
    assert rolled_out.look == WorkloadProbe(
        "Deployment", "", "shop", True, 2, COMMIT, (("app", "shop"),), (("a.b/c", "d"),)
    )
    assert plan.description == "Products can be listed and added"
    assert plan.kinds == {"adds": "http", "logged": "logs", "rolled-out": "workload"}


def test_a_plan_that_names_the_commit_needs_a_whole_one():
    plan = read(WHOLE.encode(), "plan.yaml")
    for commit in ("", "0123456", "main", COMMIT.upper(), f"{COMMIT}\n"):
        with pytest.raises(InputError, match="expected its whole id"):
            plan.probes(commit)
    assert read(http("status: 200, equals: Tea").encode(), "f").probes()[0].look.path == "/"


def test_only_the_commit_is_put_in_and_nothing_is_evaluated():
    text = http("status: 200, contains: ['{{=1+1}}', '${HOME}', '$COMMIT', '${COMMIT}']")
    (probe,) = read(text.encode(), "f").probes(COMMIT)
    assert probe.look.expect.body.contains == ("{{=1+1}}", "${HOME}", "$COMMIT", COMMIT)


def test_the_digest_is_the_plan_s_whatever_its_layout_and_comments():
    plan = read(WHOLE.encode(), "plan.yaml")
    anew = yaml.safe_dump(yaml.safe_load(WHOLE), sort_keys=True, default_flow_style=True)
    assert read(f"# a comment\n{anew}".encode(), "f").digest == plan.digest
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", plan.digest)
    assert read(WHOLE.replace("times: 3", "times: 4").encode(), "f").digest != plan.digest


def test_a_plan_travels_through_an_argo_parameter_and_comes_back_the_same():
    plan = read(WHOLE.encode(), "plan.yaml")
    assert re.fullmatch(r"[A-Za-z0-9+/=]+", plan.pack())
    assert ProbePlan.unpack(plan.pack()) == plan
    assert ProbePlan.from_json(plan.to_json()) == plan
    assert plan.pack() == ProbePlan.unpack(plan.pack()).pack()


@pytest.mark.parametrize(
    "packed", ["", "!", "YQ==", packing.pack("[]"), packing.pack('{"probes": []}'), packing.pack("x")[:-8]]
)
def test_what_is_no_packed_plan_is_refused(packed: str):
    with pytest.raises(InputError):
        ProbePlan.unpack(packed)


@pytest.mark.rule("R4")
def test_a_packed_bomb_is_not_unfolded():
    with pytest.raises(InputError, match="at most 4194304 bytes"):
        ProbePlan.unpack(packing.pack(" " * 5_000_000))


def test_of_a_plan_some_kinds_can_be_taken():
    text = f"{WHOLE}  - name: runs\n    command: {{argv: [shop], expect: {{stdout: {{equals: Tea}}}}}}\n"
    plan = read(text.encode(), "plan.yaml")
    assert plan.kinds == {"adds": "http", "logged": "logs", "rolled-out": "workload", "runs": "command"}
    assert plan.needs_deployment
    http_alone, commands = plan.only({"http"}), plan.only({"command"})
    assert http_alone is not None
    assert list(http_alone.kinds) == ["adds"]
    assert commands is not None
    assert not commands.needs_deployment
    assert [probe.name for probe in plan.commands(COMMIT)] == ["runs"]
    assert commands.only({"http"}) is None
    assert read(WHOLE.encode(), "f").commands(COMMIT) == ()


@pytest.mark.rule("R10")
def test_every_fault_is_told_at_once_with_its_line_and_what_to_do():
    told = faults(
        "probes:\n"
        "  - name: a b\n"
        "    htpp: {path: /x}\n"
        "  - name: two\n"
        "    http: {path: x, expect: {status: 700, contain: [x], equals: 1}}\n"
        "    logs: {pod: A_, expect: {absent: [x]}}\n"
        "    retries: {times: 100}\n"
        "  - 7\n"
    )
    for line in (
        'plan.yaml:2:5: $.probes[0]: expected exactly one of the keys "http", "logs", "workload", "command", got none',
        "plan.yaml:2:5: $.probes[0].name: expected a name of its own",
        "plan.yaml:3:5: $.probes[0].htpp: unknown key \"htpp\"; did you mean 'http'?",
        '$.probes[1]: expected exactly one of the keys "http", "logs", "workload", "command", got "http", "logs"',
        "plan.yaml:5:12: $.probes[1].http.path: expected a path below the deployment's address",
        "plan.yaml:5:30: $.probes[1].http.expect.status: expected at most 599, got 700",
        "$.probes[1].http.expect.contain: unknown key \"contain\"; did you mean 'contains'?",
        "$.probes[1].http.expect.equals: expected a text, got 1; put it in quotes",
        "plan.yaml:6:12: $.probes[1].logs.pod: expected an object's name",
        '$.probes[1].logs.expect: expected the key "lines", got none; add it',
        "$.probes[1].retries.times: expected at most 20, got 100",
        "plan.yaml:8:5: $.probes[2]: expected a map, got 7",
    ):
        assert line in told
    assert len(told.splitlines()) == 12


@pytest.mark.rule("R5")
@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing\n",
        "null\n",
        "probes:\n",
        "probes: []\n",
        "{}\n",
        "[]\n",
        "probes: {}\n",
    ],
)
def test_an_empty_plan_is_refused(text: str):
    assert "plan.yaml" in faults(text)


@pytest.mark.rule("R5")
@pytest.mark.parametrize(
    ("text", "told"),
    [
        (http("contains: [x]"), 'expected the key "status"'),
        ("probes:\n  - name: a\n    http: {path: /}\n", 'expected the key "expect"'),
        (http(""), 'expected the key "status"'),
        (http("status: []"), "expected at least 1 entries"),
        (http("status: [200, 404]"), "asserts nothing: it takes success and failure alike (200, 404)"),
        (http("status: [302, 500]"), "asserts nothing"),
        (http("status: [100, 200]"), "expected at least 200"),
        (http("status: 99"), "expected at least 200"),
        (http(f"status: [{', '.join(map(str, range(200, 211)))}]"), "expected at most 10 entries"),
        (http("status: 200, contains: ['']"), "expected a text that is not blank"),
        (http("status: 200, contains: ['  ']"), "expected a text that is not blank"),
        (http("status: 200, contains: []"), "expected at least 1 entries"),
        (http("status: 200, notContains: []"), "expected at least 1 entries"),
        (http("status: 200, json: {}"), "expected at least 1 entries"),
        (http("status: 200, headers: {}"), "expected at least 1 entries"),
        (http("status: 200, headers: {X-A: ''}"), "expected a text that is not blank"),
        (http("status: 200, contains: [x]", "path: /, method: HEAD"), "an answer to HEAD has none"),
        (
            http("status: 404"),
            "this plan asserts nothing: code that only fails, or a deployment in which nothing works",
        ),
        (http("status: [500, 503], contains: [x]"), "this plan asserts nothing"),
        ("probes:\n  - name: a\n    logs: {pod: a, expect: {absent: [panic]}}\n", 'expected the key "lines"'),
        (
            "probes:\n  - name: a\n    logs: {pod: a, expect: {lines: ['  ']}}\n",
            "expected a text on one line that is not",
        ),
        ("probes:\n  - name: a\n    workload: {kind: Pod, name: a, expect: {}}\n", "expected at least 1 entries"),
        (
            "probes:\n  - name: a\n    workload: {kind: Pod, name: a, expect: {ready: false}}\n",
            "expected one of true, got false",
        ),
        (
            "probes:\n  - name: a\n    workload: {kind: Deployment, name: a, expect: {replicas: 0}}\n",
            "expected at least 1, got 0",
        ),
        (
            "probes:\n  - name: a\n    workload: {kind: Pod, name: a, expect: {replicas: 1}}\n",
            "expected no replicas: a Pod has none",
        ),
    ],
)
def test_a_plan_that_asserts_nothing_is_refused(text: str, told: str):
    assert told in faults(text)


@pytest.mark.parametrize(
    "expect",
    [
        "status: 200, equals: '5'",
        "status: [200, 204], contains: [Tea]",
        "status: [200, 404], contains: [gone]",
        "status: 302, headers: {Location: /login}",
        "status: 200, json: {/a: null}",
    ],
)
def test_a_plan_that_can_fail_is_taken(expect: str):
    assert len(read(http(expect).encode(), "f").probes()) == 1


def test_failure_may_be_expected_beside_a_success():
    text = http("status: 422, contains: [price]") + "  - name: b\n    http: {path: /, expect: {status: 200}}\n"
    assert len(read(text.encode(), "f").probes()) == 2


@pytest.mark.rule("R10")
@pytest.mark.parametrize(
    ("text", "told"),
    [
        (http("status: 200") + "  - name: a\n    http: {path: /, expect: {status: 200}}\n", "which is probe 1's too"),
        (http("status: 200", "path: /, body: a, json: b"), 'expected one of "body" and "json"'),
        (http("status: 200", "path: /, url: http://a.test/"), 'expected exactly one of the keys "path", "url"'),
        (http("status: 200", "method: GET"), 'exactly one of the keys "path", "url", got none'),
        (http("status: 200", "path: /, method: get"), "expected one of"),
        (http("status: 200", "path: /, method: CONNECT"), "expected one of"),
        (http("status: 200", "path: //evil.test/x"), "expected a path below"),
        (http("status: 200", "path: '/a b'"), "expected a path below"),
        (http("status: 200", "path: '/a#b'"), "expected a path below"),
        (http("status: 200", "path: '/a\\b'"), "expected a path below"),
        (http("status: 200", 'path: "/a\\n"'), "expected a path below"),
        (http("status: 200", 'path: "/a\\r\\nHost: x"'), "expected a path below"),
        (http("status: 200", "url: 'file:///etc/passwd'"), "expected a whole address"),
        (http("status: 200", "url: 'http://0x7f.1/'"), "expected an IPv4 address as four decimal numbers"),
        (http("status: 200", "url: 'http://a@b.test/'"), "without a user's name"),
        (http("status: 200", "path: /, headers: {Host: evil.test}"), "is the gate's to set"),
        (http("status: 200", "path: /, headers: {content-LENGTH: '1'}"), "is the gate's to set"),
        (http("status: 200", "path: /, headers: {Proxy-Authorization: x}"), "is the gate's to set"),
        (http("status: 200", 'path: /, headers: {X-A: "b\\n"}'), "expected a header's value"),
        (http("status: 200", 'path: /, headers: {X-A: "b\\r\\nX-B: c"}'), "expected a header's value"),
        (http("status: 200", "path: /, headers: {'X A': b}"), "expected a header's name"),
        (http("status: 200", "path: /, timeoutSeconds: 61"), "expected at most 60"),
        (http("status: 200, json: {a: 1}"), "expected a JSON pointer"),
        (http("status: 200, json: {/a~2: 1}"), "expected a JSON pointer"),
        (http("status: 200, json: {/a: .nan}"), "expected a number that JSON has"),
        (http("status: 200, json: {/a: .inf}"), "expected a number that JSON has"),
        (http("status: 200, json: {/a: !!binary aGk=}"), "expected a value that JSON has"),
        (http('status: 200, contains: ["\\ud800"]'), "expected whole characters"),
        (http('status: 200, json: {"/\\udfff": 1}'), "expected a key of whole characters"),
        (http("status: 200, json: {/a: !!int abc}"), "a value that is no int"),
        (http(f"status: {'9' * 5000}"), "a value that is no int"),
        (http("status: '200'"), "write it without quotes"),
        (http("status: 200, contains: [yes]"), "put it in quotes"),
        ("probes:\n  - name: a\n    logs: {pod: ../../x, expect: {lines: [x]}}\n", "expected an object's name"),
        ("probes:\n  - name: a\n    logs: {pod: a, namespace: A, expect: {lines: [x]}}\n", "expected a namespace"),
        ('probes:\n  - name: a\n    logs: {pod: a, expect: {lines: ["a\\nb"]}}\n', "expected a text on one line"),
        ("probes:\n  - name: a\n    logs: {expect: {lines: [x]}}\n", 'exactly one of the keys "pod", "matchLabels"'),
        ("probes:\n  - name: a\n    workload: {kind: Job, name: a, expect: {ready: true}}\n", "expected one of"),
        ("probes: &a\n  - name: a\n    http: *a\n", "plan.yaml:3:11: $: expected no alias, got *a"),
        ("a: 1\n---\nb: 1\n", "expected one YAML document"),
        ("probes: [\n", "expected one YAML document"),
        ("probes: !!python/object:os.system x", "expected one YAML document"),
        ("{[1]: 2}", "expected one YAML document"),
        ("[" * 5000, "expected"),
        (b"probes: \xff\xfe", "expected UTF-8, got byte 8"),
        (b"x" * (LONGEST + 1), f"expected at most {LONGEST} bytes"),
    ],
)
def test_what_is_wrong_is_refused_with_its_reason(text: str | bytes, told: str):
    assert told in faults(text)


def test_too_many_probes_are_refused():
    text = "probes:\n" + "".join(f"  - name: a{n}\n    http: {{path: /, expect: {{status: 200}}}}\n" for n in range(51))
    assert "expected at most 50 entries, got 51" in faults(text)


@pytest.mark.rule("R4")
def test_a_bomb_of_aliases_is_refused_at_once():
    lines = ["a: &a [x,x,x,x,x,x,x,x,x,x]"]
    lines += [f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 10)}]" for i in range(20)]
    started = time.monotonic()
    assert "expected no alias, got *a" in faults("\n".join(lines))
    assert time.monotonic() - started < 2


@pytest.mark.rule("R4")
def test_a_plan_full_of_faults_is_refused_in_seconds():
    many = "\n".join(f"contains{n}: [x]" for n in range(1500))
    assert len(many) < LONGEST
    started = time.monotonic()
    assert "more problems" in faults(many)
    assert time.monotonic() - started < 10


def test_a_plan_too_large_for_a_parameter_is_refused():
    import random

    noise = random.Random(1)
    texts = ["".join(chr(noise.randrange(0x4E00, 0x9FFF)) for _ in range(1000)) for _ in range(17)]
    document = {"probes": [{"name": "a", "http": {"path": "/", "expect": {"status": 200, "contains": texts}}}]}
    raw = yaml.safe_dump(document, allow_unicode=True).encode()
    assert len(raw) < LONGEST
    assert f"expected at most {PACKED} characters once packed" in faults(raw)


@pytest.mark.rule("R10")
@given(st.binary(max_size=200) | st.text(alphabet="probes:[]{}&*!|>-'\"\n #,?%@`~0x", max_size=80).map(str.encode))
@settings(max_examples=100, deadline=None)
def test_any_bytes_are_a_plan_or_refused(data: bytes):
    with contextlib.suppress(Invalid):
        read(data, "f")


WORDS = st.text(min_size=1, max_size=12).filter(
    lambda text: text.strip() and not any("\ud800" <= c <= "\udfff" for c in text)
)
LINES = WORDS.filter(lambda text: "\n" not in text and "\r" not in text)
PARTS = WORDS.map(lambda text: f"{text}abc")
"""Texts that something may be asked to contain."""
NAMES = st.from_regex(r"[a-z]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.floats(allow_nan=False, allow_infinity=False) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)


def some(**optional: st.SearchStrategy) -> st.SearchStrategy:
    """Any of these keys."""
    return st.fixed_dictionaries({}, optional=optional)


HTTP = st.fixed_dictionaries(
    {
        "path": st.from_regex(r"/[a-z0-9?=&%{}$]{0,9}", fullmatch=True),
        "expect": st.fixed_dictionaries(
            {"status": st.integers(200, 399) | st.lists(st.integers(200, 399), min_size=1, max_size=3)},
            optional={
                "headers": st.dictionaries(NAMES, WORDS, min_size=1, max_size=2),
                "contains": st.lists(PARTS, min_size=1, max_size=2),
                "notContains": st.lists(WORDS, min_size=1, max_size=2),
                "equals": WORDS,
                "json": st.dictionaries(NAMES.map(lambda name: f"/{name}"), ANY_JSON, min_size=1, max_size=2),
            },
        ),
    },
    optional={
        "method": st.sampled_from(["GET", "POST", "DELETE"]),
        "headers": st.dictionaries(NAMES.map(lambda name: f"X-{name}"), NAMES, max_size=2),
        "json": ANY_JSON,
        "timeoutSeconds": st.integers(1, 60),
    },
)
LOGS = st.fixed_dictionaries(
    {
        "pod": NAMES,
        "expect": st.fixed_dictionaries(
            {"lines": st.lists(LINES.map(lambda text: f"{text}abc"), min_size=1, max_size=2)}
        ),
    },
    optional={"namespace": NAMES, "sinceSeconds": st.integers(1, 86400)},
)
WORKLOADS = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["Deployment", "StatefulSet", "DaemonSet"]),
        "name": NAMES,
        "expect": st.fixed_dictionaries(
            {"ready": st.just(True)},
            optional={"replicas": st.integers(1, 9), "image": LINES.map(lambda text: f"{text}abc")},
        ),
    }
)
PATHS = st.from_regex(r"[a-z]{1,4}(/[a-z0-9_-]{1,4}\.txt)?", fullmatch=True)
TEXT = some(
    contains=st.lists(PARTS, min_size=1, max_size=2),
    notContains=st.lists(WORDS, min_size=1, max_size=2),
    equals=WORDS,
    lines=st.lists(LINES, min_size=1, max_size=2),
    json=st.dictionaries(NAMES.map(lambda name: f"/{name}"), ANY_JSON, min_size=1, max_size=2),
).filter(bool)
STEP = st.fixed_dictionaries(
    {
        "argv": st.tuples(NAMES).flatmap(
            lambda name: st.lists(WORDS.filter(lambda text: "\0" not in text), max_size=3).map(
                lambda more: [*name, *more]
            )
        ),
        "expect": st.fixed_dictionaries(
            {"stdout": TEXT},
            optional={
                "stderr": TEXT,
                "exitStatus": st.just(0),
                "files": st.dictionaries(PATHS, TEXT, min_size=1, max_size=2),
            },
        ),
    },
    optional={"stdin": WORDS, "timeoutSeconds": st.integers(1, 120)},
)
COMMANDS = STEP | st.fixed_dictionaries(
    {"steps": st.lists(STEP, min_size=1, max_size=3)},
    optional={"files": st.dictionaries(PATHS, WORDS, min_size=1, max_size=1)},
)
COUNTS = {"name": "0", "http": {"path": "/", "expect": {"status": 200, "json": {"/items": 7}}}}
"""A probe that shows something, whatever the others do."""
PLANS = st.dictionaries(
    NAMES,
    st.tuples(
        st.fixed_dictionaries({"http": HTTP})
        | st.fixed_dictionaries({"logs": LOGS})
        | st.fixed_dictionaries({"workload": WORKLOADS}),
        some(retries=st.fixed_dictionaries({"times": st.integers(0, 20)})),
    )
    | st.tuples(
        st.fixed_dictionaries({"command": COMMANDS}),
        some(covers=st.lists(st.sampled_from(["AC1", "AC12"]), min_size=1, unique=True)),
    ),
    min_size=1,
    max_size=3,
).map(lambda probes: {"probes": [COUNTS, *({"name": name, **look, **rest} for name, (look, rest) in probes.items())]})


@pytest.mark.rule("R7")
@given(PLANS)
@settings(max_examples=25, deadline=None)
def test_a_plan_that_is_written_is_read_and_travels_the_same(document):
    plan = read(yaml.safe_dump(document, allow_unicode=False).encode(), "f")
    assert json.loads(plan.to_json()) == document
    assert ProbePlan.from_json(plan.to_json()) == plan
    assert ProbePlan.unpack(plan.pack()) == plan
    assert re.fullmatch(r"[A-Za-z0-9+/=]+", plan.pack())
    assert [probe.name for probe in plan.probes(COMMIT)] == [probe["name"] for probe in document["probes"]]


def test_the_example_that_qa_is_given_is_a_plan():
    persona = (ROOT / "chart/agents/qa.md").read_text(encoding="utf-8")
    lines = persona.splitlines()
    start = next(n for n, line in enumerate(lines) if line.strip() == "probes:")
    end = next(n for n, line in enumerate(lines[start:], start) if not line.strip())
    plan = read("\n".join(line[4:] for line in lines[start:end]).encode(), "qa.md")
    assert set(plan.kinds.values()) == {"http", "command"}
    assert "`.press-play/acceptance/$PRESSPLAY_TASK.yaml`" in persona


def test_the_plans_in_the_how_to_are_plans():
    page = (ROOT / "docs/how-to/acceptance-plans.md").read_text(encoding="utf-8")
    shown = re.findall(r"^```yaml\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    assert shown
    for text in shown:
        assert read(text.encode(), "acceptance-plans.md").probes(COMMIT)
