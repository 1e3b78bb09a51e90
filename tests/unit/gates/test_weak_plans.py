"""A plan that a stub would pass is refused with its line; its honest twin is accepted."""

from __future__ import annotations

import json

import pytest
import yaml

from pressplay.gates.acceptance.probe_plan import ProbePlan, read
from pressplay.validation.report import Invalid


def plan(*entries: str) -> bytes:
    return ("probes:\n" + "".join(f"  - {{name: p{n}, {entry}}}\n" for n, entry in enumerate(entries))).encode()


def faults(text: bytes, criteria: frozenset[str] | None = None) -> list[str]:
    """The faults, without the first one of the plan as a whole."""
    with pytest.raises(Invalid) as raised:
        read(text, "plan.yaml", criteria)
    return str(raised.value).splitlines()


COMMIT, ECHO = "asks for the commit alone", "only text that the probe itself sends"
NOTHING, ELSEWHERE, RUNS = "an empty answer would do", "another host than the deployment", "only that something runs"

GET = "http: {path: /, expect: {status: 200"
WEAK_AND_HONEST = [
    ("a 200 alone", f"{GET}}}}}", NOTHING, f"{GET}, json: {{/items: 3}}}}}}"),
    ("what is not there", f"{GET}, notContains: [panic]}}}}", NOTHING, f"{GET}, notContains: [x], equals: Tea}}}}"),
    ("an empty body", f"{GET}, equals: ' '}}}}", NOTHING, f"{GET}, equals: '5'}}}}"),
    ("the commit in it", f"{GET}, equals: '${{COMMIT}}'}}}}", COMMIT, f"{GET}, contains: ['${{COMMIT}}', Tea]}}}}"),
    (
        "the commit in JSON",
        f"{GET}, json: {{'': {{commit: '${{COMMIT}}'}}}}}}}}",
        COMMIT,
        f"{GET}, json: {{'': {{commit: '${{COMMIT}}', version: 2}}}}}}}}",
    ),
    ("the commit in a header", f"{GET}, headers: {{A: '${{COMMIT}}'}}}}}}", COMMIT, f"{GET}, headers: {{A: tea}}}}}}"),
    (
        "the commit in the log",
        "logs: {pod: a, expect: {lines: ['serving ${COMMIT}']}}",
        COMMIT,
        "logs: {pod: a, expect: {lines: ['serving ${COMMIT}', 'added product']}}",
    ),
    (
        "the commit in an image",
        "workload: {kind: Deployment, name: a, expect: {ready: true, image: '${COMMIT}'}}",
        COMMIT,
        "workload: {kind: Deployment, name: a, expect: {ready: true, image: '${COMMIT}', labels: {tier: web}}}",
    ),
    (
        "that it runs",
        "workload: {kind: Deployment, name: a, expect: {ready: true, replicas: 1}}",
        RUNS,
        "workload: {kind: Deployment, name: a, expect: {replicas: 3}}",
    ),
    (
        "another host",
        "http: {url: 'https://example.com/', expect: {status: 200, contains: [Example Domain]}}",
        ELSEWHERE,
        "http: {path: /, expect: {status: 200, contains: [Example Domain]}}",
    ),
    (
        "what the path says",
        "http: {path: '/search?q=green%20tea', expect: {status: 200, contains: [green tea]}}",
        ECHO,
        "http: {path: '/search?q=green%20tea', expect: {status: 200, contains: [green tea, '3 products']}}",
    ),
    (
        "what the body says",
        'http: {method: POST, path: /, json: {name: "Tea \\"green\\""}, '
'expect: {status: 201, contains: ["Tea \\"green\\""]}}',
        ECHO,
        'http: {method: POST, path: /, json: {name: Tea}, '
'expect: {status: 201, json: {/name: Tea}}}',
    ),
    (
        "the commit and what the body says",
        "http: {method: POST, path: /, body: Green tea, expect: {status: 200, contains: [tea, '${COMMIT}']}}",
        ECHO,
        "http: {method: POST, path: /, body: Green tea, expect: {status: 200, contains: [GREEN TEA]}}",
    ),
    ("an exit status", "command: {argv: [shop, list], expect: {exitStatus: 0}}", NOTHING,
     "command: {argv: [shop, list], expect: {stdout: {lines: ['Tea']}}}"),
    ("no output", "command: {argv: [shop, list], expect: {stdout: {equals: ''}, "
"stderr: {notContains: [error]}}}", NOTHING,
     "command: {argv: [shop, list], expect: {stdout: {equals: \"5\\n\"}}}"),
    ("no file", "command: {argv: [shop, rm], expect: {files: {book: {absent: true}}}}", NOTHING,
     "command: {argv: [shop, rm], expect: {files: {book: {absent: true}}, "
"stdout: {contains: [removed]}}}"),
    ("the commit of a command", "command: {argv: [shop], expect: {stdout: {contains: ['${COMMIT}']}}}", COMMIT,
     "command: {argv: [shop], expect: {stdout: {contains: ['${COMMIT}', shop 1.2]}}}"),
    ("its own arguments", "command: {argv: [echo, green tea], expect: {stdout: {equals: \"green tea\\n\"}}}", ECHO,
     "command: {argv: [shop, green tea], expect: {stdout: {equals: \"added green tea\\n\"}}}"),
    ("a text in its own program", "command: {argv: [sh, -c, 'echo added tea'], "
"expect: {stdout: {contains: [added tea]}}}",
     ECHO, "command: {argv: [sh, -c, 'shop list | sort'], expect: {stdout: {lines: [added tea]}}}"),
    ("its own input", "command: {argv: [cat], stdin: \"a,b\\n\", expect: {stdout: {equals: \"a,b\\n\"}}}", ECHO,
     "command: {argv: [csv], stdin: \"a,b\\n\", expect: {stdout: {json: {/0/0: a}}}}"),
    ("its own files", "command: {files: {a: green tea}, argv: [cat, a], "
"expect: {stdout: {contains: [green]}, files: {a: {equals: green tea}}}}",
     ECHO, "command: {files: {a: green tea}, argv: [shop, load, a], "
"expect: {files: {book: {contains: [price]}}}}"),
    ("what an earlier step says", "command: {steps: [{argv: [put, green tea], expect: {exitStatus: 0}}, "
"{argv: [get], expect: {stdout: {contains: [green tea]}}}]}",
     ECHO, "command: {steps: [{argv: [put, green tea], expect: {exitStatus: 0}}, "
"{argv: [get], expect: {stdout: {equals: 'green tea: 1'}}}]}"),
]  # fmt: skip


@pytest.mark.rule("R5")
@pytest.mark.parametrize(
    ("weak", "why", "honest"), [row[1:] for row in WEAK_AND_HONEST], ids=[r[0] for r in WEAK_AND_HONEST]
)
def test_a_plan_of_nothing_but_weak_probes_is_refused_and_one_that_counts_is_enough(weak: str, why: str, honest: str):
    whole, own = faults(plan(weak))
    assert whole.startswith("plan.yaml:1:1: $.probes: this plan shows nothing of the change")
    assert own.startswith("plan.yaml:2:5: $.probes[0]: this probe shows nothing: ")
    assert why in own
    assert "; " in own.removeprefix("plan.yaml")
    assert list(read(plan(honest), "f").kinds) == ["p0"]
    assert list(read(plan(weak, honest), "f").kinds) == ["p0", "p1"]


def test_every_weak_probe_of_a_refused_plan_is_listed_at_its_line():
    problems = faults(plan(f"{GET}}}}}", "logs: {pod: a, expect: {lines: ['${COMMIT}']}}"))
    assert [line.split(": ")[0] for line in problems] == ["plan.yaml:1:1", "plan.yaml:2:5", "plan.yaml:3:5"]


@pytest.mark.rule("R5")
def test_a_line_of_the_log_that_a_request_brings_is_an_echo():
    post = "http: {method: POST, path: /tea, body: green, expect: {status: 201}}"
    log = "logs: {pod: a, expect: {lines: [%s]}}"
    assert any(ECHO in fault for fault in faults(plan(post, log % "'/tea', green")))
    assert read(plan(post, log % "added green"), "f")


@pytest.mark.rule("R5")
@pytest.mark.parametrize(
    ("probe", "path"),
    [
        (f"{GET}, json: {{/a: 1}}, contains: [ab]}}}}", "http.expect.contains[0]"),
        (f"{GET}, contains: [Tea, ' a b ']}}}}", "http.expect.contains[1]"),
        ("logs: {pod: a, expect: {lines: [added, i]}}", "logs.expect.lines[1]"),
        ("workload: {kind: Pod, name: a, expect: {image: sh}}", "workload.expect.image"),
        ("command: {argv: [a], expect: {stdout: {contains: ['1']}}}", "command.expect.stdout.contains[0]"),
        ("command: {argv: [a], expect: {stderr: {contains: ['1']}}}", "command.expect.stderr.contains[0]"),
        ("command: {argv: [a], expect: {files: {b: {contains: ['1']}}}}", "command.expect.files.b.contains[0]"),
        (
            "command: {steps: [{argv: [a], expect: {exitStatus: 0}}, {argv: [a], expect: {stdout: {contains: [é]}}}]}",
            "command.steps[1].expect.stdout.contains[0]",
        ),
    ],
)
def test_one_or_two_letters_are_refused_beside_whatever_else(probe: str, path: str):
    counts = f"{GET}, json: {{/a: 1}}}}}}"
    (fault,) = [line for line in faults(plan(counts, probe)) if "3 characters or more" in line]
    assert fault.startswith("plan.yaml:3:")
    assert f": $.probes[1].{path}: " in fault


@pytest.mark.parametrize(
    "probe",
    [
        f"{GET}, json: {{/a: x}}}}}}",
        f"{GET}, equals: x}}}}",
        f"{GET}, contains: [茶は緑]}}}}",
        f"{GET}, contains: [abc], notContains: [x]}}}}",
        "command: {argv: [a], expect: {stdout: {lines: ['5']}}}",
        "logs: {pod: a, expect: {lines: [added], absent: [x]}}",
    ],
)
def test_short_texts_that_say_something_are_accepted(probe: str):
    assert read(plan(probe), "f")


@pytest.mark.rule("R10")
@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("{argv: [a]}", 'expected the key "expect", got none; add it'),
        ("{expect: {exitStatus: 0}}", 'exactly one of the keys "argv", "steps", got none'),
        (
            "{argv: [a], steps: [{argv: [a], expect: {exitStatus: 0}}], expect: {exitStatus: 0}}",
            "exactly one of the keys",
        ),
        ("{steps: [{argv: [a], expect: {exitStatus: 0}}], expect: {exitStatus: 0}}", "expected no expect beside steps"),
        ("{steps: [{argv: [a], expect: {exitStatus: 0}}], stdin: a}", "expected no stdin beside steps"),
        ("{argv: [], expect: {exitStatus: 0}}", "expected at least 1 entries"),
        ("{argv: shop list, expect: {exitStatus: 0}}", "expected a list"),
        ("{argv: [-c], expect: {exitStatus: 0}}", "expected a program"),
        ("{argv: ['A=b', c], expect: {exitStatus: 0}}", "expected a program"),
        ("{argv: [''], expect: {exitStatus: 0}}", "expected a program"),
        ('{argv: [a, "b\\0"], expect: {exitStatus: 0}}', "without the character NUL"),
        ("{argv: [a], expect: {}}", "expected at least 1 entries"),
        ("{argv: [a], expect: {stdout: {}}}", "expected at least 1 entries"),
        ("{argv: [a], expect: {exitStatus: 256}}", "expected at most 255"),
        ("{argv: [a], expect: {exitStatus: [0, 1]}}", "asserts nothing: it takes success and failure alike (0, 1)"),
        (
            "{argv: [a], expect: {exitStatus: 1, stderr: {contains: [why]}}}",
            "this plan asserts nothing: code that only fails",
        ),
        ("{argv: [a], timeoutSeconds: 121, expect: {exitStatus: 0}}", "expected at most 120"),
        ("{argv: [a], expect: {files: {../b: {equals: c}}}}", "expected a path within the repository"),
        ("{argv: [a], expect: {files: {/b: {equals: c}}}}", "expected a path within the repository"),
        ("{argv: [a], expect: {files: {b/./c: {equals: c}}}}", "expected a path within the repository"),
        ("{argv: [a], expect: {files: {b//c: {equals: c}}}}", "expected a path within the repository"),
        ("{argv: [a], expect: {files: {b/: {equals: c}}}}", "expected a path within the repository"),
        ("{argv: [a], files: {../b: c}, expect: {exitStatus: 0}}", "expected a path within the repository"),
        ("{argv: [a], files: {b: c, b/d: e}, expect: {exitStatus: 0}}", "which is a folder of others"),
        ('{argv: [a], files: {"b\\nc": d}, expect: {exitStatus: 0}}', "expected a path within the repository"),
        ("{argv: [a], project: .., expect: {exitStatus: 0}}", "expected a path within the repository"),
        ("{argv: [a], expect: {files: {b: {absent: true, equals: c}}}}", "expected absent alone"),
        ("{argv: [a], expect: {files: {b: {absent: false}}}}", "expected one of true"),
        ("{argv: [a], env: {A: b}, expect: {exitStatus: 0}}", 'unknown key "env"'),
        ("{argv: [a], expect: {exitStatus: 0}}, retries: {times: 1}", "expected no retries of a command"),
    ],
)
def test_a_wrong_command_is_refused_with_its_reason(command: str, message: str):
    assert message in "\n".join(faults(plan(f"command: {command}")))


COVERING = """\
tests: {AC2: ["shop.test_sell"], AC7: [x]}
probes:
  - name: a
    covers: [AC1, AC9]
    command: {argv: [shop], expect: {stdout: {contains: [Tea]}}}
"""


def test_criteria_that_the_task_does_not_have_are_refused_where_they_are_known():
    plan = read(COVERING.encode(), "plan.yaml")
    assert plan.covers == {"a": ("AC1", "AC9")}
    assert plan.tests == {"AC2": ("shop.test_sell",), "AC7": ("x",)}
    assert read(COVERING.encode(), "f", frozenset({"AC1", "AC2", "AC7", "AC9"})) == plan
    tests, probes = faults(COVERING.encode(), frozenset({"AC1", "AC2"}))
    assert tests.startswith('plan.yaml:1:34: $.tests.AC7: expected a criterion of the task, got "AC7"')
    assert probes.startswith('plan.yaml:4:19: $.probes[0].covers[1]: expected a criterion of the task, got "AC9"')


@pytest.mark.parametrize("text", ["covers: [AC0]", "covers: [ac1]", "covers: []", "covers: [AC1, AC1]", "covers: AC1"])
def test_covers_lists_ids(text: str):
    assert "$.probes[0].covers" in "\n".join(faults(plan(f"{text}, {GET}, equals: Tea}}}}")))


def test_a_plan_of_ours_may_ask_for_the_commit_alone():
    document = yaml.safe_load(plan(f"{GET}, contains: ['${{COMMIT}}']}}}}"))
    assert ProbePlan.from_json(json.dumps(document)).names_the_commit
