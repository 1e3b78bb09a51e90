"""Results against expectations: texts match exactly, and an unknown result counts as no."""

from __future__ import annotations

import json

import pytest

from pressplay.gates.acceptance import judge
from pressplay.gates.acceptance.net import BODY, ProbeAnswer
from pressplay.gates.acceptance.probe_types import HttpExpectation, Logs, TextExpectation, WorkloadProbe


def expect(**wanted) -> HttpExpectation:
    status, headers = wanted.pop("status", (200,)), wanted.pop("headers", ())
    return HttpExpectation(status, headers, TextExpectation(**wanted))


def answer(body: bytes | str = b"", status: int = 200, cut: bool = False, **headers: str) -> ProbeAnswer:
    data = body if isinstance(body, bytes) else body.encode()
    return ProbeAnswer(status, tuple((name.replace("_", "-"), value) for name, value in headers.items()), data, cut)


def held(wanted: HttpExpectation, came: ProbeAnswer | None) -> list[bool]:
    """How each expectation but the status ended."""
    return [check.ok for check in judge.http(wanted, came)[1:]]


def test_the_status_must_be_one_of_those_expected():
    (check,) = judge.http(expect(status=(200, 204)), answer(status=500))
    assert (check.what, check.expected, check.got, check.ok) == ("status", "200 or 204", "500", False)
    (check,) = judge.http(expect(status=(200, 204)), answer(status=204))
    assert check.ok


def test_without_a_whole_answer_nothing_holds():
    wanted = expect(headers=(("A", "b"),), contains=("x",), not_contains=("y",), equals="", json=(("", None),))
    checks = judge.http(wanted, None)
    assert [check.ok for check in checks] == [False] * 6
    assert {check.got for check in checks} == {"no whole answer"}


@pytest.mark.parametrize(
    ("wanted", "came", "ok"),
    [
        (expect(contains=("größe",)), answer("die größe"), True),
        (expect(contains=("größe",)), answer("die größe".encode("latin-1")), False),
        (expect(contains=(".*",)), answer("anything"), False),
        (expect(contains=("a\nb",)), answer("a\nb"), True),
        (expect(not_contains=("Traceback",)), answer("fine"), True),
        (expect(not_contains=("Traceback",)), answer("Traceback"), False),
        (expect(not_contains=("x",)), answer(b"a" * BODY, cut=True), False),
        (expect(contains=("a",)), answer(b"a" * BODY, cut=True), True),
        (expect(equals="a"), answer("a"), True),
        (expect(equals="a"), answer("a\n"), False),
        (expect(equals=""), answer(""), True),
        (expect(equals="a" * BODY), answer(b"a" * BODY, cut=True), False),
        (expect(contains=("a",)), answer("a", Content_Encoding="gzip"), False),
        (expect(not_contains=("a",)), answer("b", Content_Encoding="br"), False),
        (expect(contains=("a",)), answer("a", Content_Encoding="identity"), True),
        (expect(headers=(("Content-Type", "json"),)), answer(content_type="application/json"), True),
        (expect(headers=(("Content-Type", "JSON"),)), answer(content_type="application/json"), False),
        (expect(headers=(("X-A", "1"),)), answer(), False),
        (expect(json=(("/a", 1),)), answer('{"a": 1}'), True),
        (expect(json=(("/a", 1),)), answer('{"a": 1.0}'), True),
        (expect(json=(("/a", 1),)), answer('{"a": true}'), False),
        (expect(json=(("/a", True),)), answer('{"a": 1}'), False),
        (expect(json=(("/a", "1"),)), answer('{"a": 1}'), False),
        (expect(json=(("/a", None),)), answer('{"a": null}'), True),
        (expect(json=(("/a", None),)), answer("{}"), False),
        (expect(json=(("/a", {"b": [1, 2]}),)), answer('{"a": {"b": [1, 2]}}'), True),
        (expect(json=(("/a", {"b": [1]}),)), answer('{"a": {"b": [1, 2]}}'), False),
        (expect(json=(("/a", {"b": 1}),)), answer('{"a": {"b": 1, "c": 2}}'), False),
        (expect(json=(("", []),)), answer("[]"), True),
        (expect(json=(("/0", 1),)), answer("[1]"), True),
        (expect(json=(("/1", 1),)), answer("[1]"), False),
        (expect(json=(("/-1", 1),)), answer("[1]"), False),
        (expect(json=(("/00", 1),)), answer("[1]"), False),
        (expect(json=(("/²", 1),)), answer("[1]"), False),
        (expect(json=(("/a", 1),)), answer("no JSON"), False),
        (expect(json=(("/a", "NaN"),)), answer('{"a": NaN}'), False),
        (expect(json=(("/a", 1),)), answer(b'{"a": 1, "b": "\xff"}'), False),
        (expect(json=(("/a", 1),)), answer('{"a": 1}', cut=True), False),
        (expect(json=(("/a", 1),)), answer("[" * 100_000), False),
        (expect(json=(("/a", 1),)), answer("9" * 100_000), False),
    ],
)
def test_an_expectation_holds_or_not(wanted: HttpExpectation, came: ProbeAnswer, ok: bool):
    assert held(wanted, came) == [ok]


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("", ...),
        ("/foo", ["bar", "baz"]),
        ("/foo/0", "bar"),
        ("/", 0),
        ("/a~1b", 1),
        ("/c%d", 2),
        ("/e^f", 3),
        ("/g|h", 4),
        ("/i\\j", 5),
        ('/k"l', 6),
        ("/ ", 7),
        ("/m~0n", 8),
    ],
)
def test_pointers_lead_where_rfc_6901_says(pointer: str, value):
    # Section 5 of the RFC.
    document = json.loads(
        r'{"foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5,'
        r' "k\"l": 6, " ": 7, "m~n": 8}'
    )
    assert judge.resolve(document, pointer) == (document if value is ... else value)


@pytest.mark.rule("R9")
def test_what_is_secret_by_its_name_is_not_shown():
    wanted = expect(
        headers=(("Set-Cookie", "session="),),
        json=(("/client_secret", "c2VjcmV0c2VjcmV0"), ("/id", "c2VjcmV0c2VjcmV0")),
    )
    came = answer('{"client_secret": "c2VjcmV0c2VjcmV0", "id": "c2VjcmV0c2VjcmV0"}', set_cookie="session=abcdef")
    cookie, secret, plain = judge.http(wanted, came)[1:]
    assert (cookie.ok, cookie.got) == (True, "(not shown)")
    assert (secret.ok, secret.got, secret.expected) == (True, "[redacted: secret]", "[redacted: secret]")
    assert (plain.ok, plain.got) == (True, '"c2VjcmV0c2VjcmV0"')


def look(lines=("ready",), absent=()) -> Logs:
    return Logs("ns", "", (("a", "b"),), "", 600, lines, absent)


@pytest.mark.parametrize(
    ("wanted", "found", "whole", "ok"),
    [
        (look(), {"a": b"not yet\nready now\n"}, True, [True]),
        (look(), {"a": b"no", "b": b"ready"}, True, [True]),
        (look(), {"a": b"rea\ndy"}, True, [False]),
        (look(), {}, True, [False]),
        (look(lines=("größe",)), {"a": "größe".encode()}, True, [True]),
        (look(absent=("panic",)), {"a": b"ready"}, True, [True, True]),
        (look(absent=("panic",)), {"a": b"ready", "b": b"panic"}, True, [True, False]),
        (look(absent=("panic",)), {"a": b"ready"}, False, [True, False]),
        (look(absent=("panic",)), {}, True, [False, False]),
    ],
)
def test_lines_must_stand_in_a_log_and_others_in_none(wanted: Logs, found: dict[str, bytes], whole: bool, ok: list):
    logs = [judge.PodLog(pod, text, cut=False) for pod, text in found.items()]
    assert [check.ok for check in judge.logs(wanted, logs, whole)] == ok


def test_of_a_log_that_is_cut_nobody_knows_what_is_absent():
    checks = judge.logs(look(absent=("panic",)), [judge.PodLog("a", b"ready", cut=True)], True)
    assert [(check.ok, check.got) for check in checks] == [(True, "in a"), (False, "a log longer than what is read")]


def deployment(wanted: int | None = 2, **status) -> dict:
    """A Deployment that is rolled out, but for what is given."""
    count = 1 if wanted is None else wanted
    whole = {"observedGeneration": 3, "replicas": count, "updatedReplicas": count, "availableReplicas": count}
    return {
        "kind": "Deployment",
        "metadata": {"name": "a", "generation": 3, "labels": {"app": "shop"}, "annotations": {"rev": "7"}},
        "spec": {
            **({} if wanted is None else {"replicas": wanted}),
            "template": {"spec": {"containers": [{"image": "reg/shop:abc"}, {"image": "reg/proxy:1"}]}},
        },
        "status": {**whole, **status},
    }


@pytest.mark.parametrize(
    ("manifest", "done", "ready"),
    [
        (deployment(), True, 2),
        (deployment(None), True, 1),
        (deployment(observedGeneration=2), False, 2),
        (deployment(updatedReplicas=1), False, 2),
        (deployment(replicas=3), False, 2),
        (deployment(availableReplicas=1), False, 1),
        (deployment(availableReplicas=None), False, 0),
        (deployment(0), False, 0),
        ({"kind": "Deployment", "metadata": {"generation": 1}, "spec": {}}, False, 0),
        (
            {
                "kind": "StatefulSet",
                "metadata": {"generation": 1},
                "spec": {"replicas": 2},
                "status": {"observedGeneration": 1, "replicas": 2, "readyReplicas": 2, "updatedReplicas": 2},
            },
            True,
            2,
        ),
        (
            {
                "kind": "StatefulSet",
                "metadata": {"generation": 1},
                "spec": {"replicas": 2},
                "status": {"observedGeneration": 1, "replicas": 2, "readyReplicas": 2, "updatedReplicas": 1},
            },
            False,
            2,
        ),
        (
            {
                "kind": "DaemonSet",
                "metadata": {"generation": 1},
                "spec": {},
                "status": {
                    "observedGeneration": 1,
                    "desiredNumberScheduled": 3,
                    "updatedNumberScheduled": 3,
                    "numberAvailable": 3,
                },
            },
            True,
            3,
        ),
        (
            {
                "kind": "DaemonSet",
                "metadata": {"generation": 1},
                "spec": {},
                "status": {"observedGeneration": 1, "desiredNumberScheduled": 0},
            },
            False,
            0,
        ),
        ({"kind": "Pod", "metadata": {}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}, True, 1),
        ({"kind": "Pod", "metadata": {}, "status": {"conditions": [{"type": "Ready", "status": "False"}]}}, False, 0),
        (
            {
                "kind": "Pod",
                "metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"},
                "status": {"conditions": [{"type": "Ready", "status": "True"}]},
            },
            False,
            0,
        ),
        ({"kind": "Pod", "metadata": {}, "status": {"phase": "Running"}}, False, 0),
    ],
)
def test_ready_is_what_kubectl_rollout_status_calls_done(manifest: dict, done: bool, ready: int):
    found = judge.rollout(manifest)
    assert (found.done, found.ready) == (done, ready)
    assert found.words


def test_a_workload_is_judged_by_all_that_is_asked_of_it():
    wanted = WorkloadProbe("Deployment", "", "a", True, 2, "shop:abc", (("app", "shop"),), (("rev", "7"),))
    assert all(check.ok for check in judge.workload(wanted, deployment()))
    other = WorkloadProbe("Deployment", "", "a", True, 3, "shop:xyz", (("app", "cart"), ("no", "x")), (("rev", "8"),))
    checks = judge.workload(other, deployment(availableReplicas=1))
    assert [check.ok for check in checks] == [False] * 6
    assert checks[2].got == "reg/shop:abc, reg/proxy:1"
    assert judge.workload(wanted, None)[0].got == "there is none of this name"
