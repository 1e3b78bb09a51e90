"""What each test did, read from what real runners wrote (tests/data/reports), and from what strangers may write."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pressplay.gates.proving import failures, reports
from pressplay.gates.proving.model import REPORT_KINDS, Project, ReportKind

DATA = Path(__file__).parents[2] / "data/reports"
RECORDED: dict[str, ReportKind] = {
    "pytest.xml": "junit", "node.xml": "junit", "vitest.xml": "junit", "mocha.xml": "junit", "node.tap": "tap",
    "tape.tap": "tap",
    "jest.json": "jest-json", "unittest.txt": "unittest", "go.jsonl": "go-json", "cargo.txt": "libtest",
}  # fmt: skip
IN_FILES = ("junit", "jest-json")


def read(kind: ReportKind, content: bytes | str, folder: str = "", exit_status: int = 1) -> dict[str, str]:
    raw = content.encode() if isinstance(content, str) else content
    report, output = (raw, "") if kind in IN_FILES else (None, raw.decode())
    results = reports.read(kind, report, output, exit_status, folder)
    return {id_: result.status + ("*" if result.unbuilt else "") for id_, result in results.items()}


@pytest.mark.parametrize("name", RECORDED)
def test_what_a_runner_wrote_is_read_test_by_test(name: str):
    expected = (DATA / f"{name}.expected").read_text(encoding="utf-8").splitlines()
    actual = read(RECORDED[name], (DATA / name).read_bytes())
    assert [f"{status} {id_}" for id_, status in actual.items()] == expected


@pytest.mark.parametrize("name", RECORDED)
def test_ids_are_the_same_in_each_tree_and_hold_no_path_of_the_machine(name: str):
    text = (DATA / name).read_text(encoding="utf-8")
    ids = read(RECORDED[name], text)
    assert not any("/work" in id_ or "head-p0" in id_ for id_ in ids)
    assert read(RECORDED[name], text.replace("/gate/work/head-p0", "/elsewhere/base-p0")) == ids
    below = read(RECORDED[name], text.replace("/gate/work/head-p0", "/gate/work/head-p0/services/api"), "services/api")
    assert below == {f"services/api::{id_}": status for id_, status in ids.items()}


MESSAGES = [
    # class, message, status, could not be loaded
    ("AssertionError", "2 != 3", "failed", False),
    ("AssertionError", "ImportError: only a message", "failed", False),
    ("Failed", "DID NOT RAISE ValueError", "failed", False),
    ("Failed", "Timeout (>1.0s) from pytest-timeout.", "error", False),
    ("ZeroDivisionError", "division by zero", "failed", False),
    ("shop.errors.OutOfStock", "none left", "failed", False),
    ("java.lang.AssertionError", "expected 2", "failed", False),
    ("KeyError", "'total'", "failed", False),
    ("SystemExit", "2", "failed", False),
    ("ImportError", "cannot import name 'refund'", "missing", True),
    ("ModuleNotFoundError", "No module named 'shop.returns'", "missing", True),
    ("SyntaxError", "invalid syntax", "missing", True),
    ("SyntaxError", "Unexpected end of JSON input", "failed", False),
    ("SyntaxError", "Unexpected token 'u', \"usage: ta\"... is not valid JSON", "failed", False),
    ("SyntaxError", "Unexpected token 'export'", "missing", True),
    ("FileNotFoundError", "[Errno 2] No such file", "missing", True),
    ("NotImplementedError", "", "missing", False),
    ("NameError", "name 'refund' is not defined", "missing", False),
    ("AttributeError", "module 'shop' has no attribute 'refund'", "missing", False),
    ("AttributeError", "'Cart' object has no attribute 'refund'", "missing", False),
    ("AttributeError", "'NoneType' object has no attribute 'total'", "failed", False),
    ("TypeError", "ship() got an unexpected keyword argument 'to'", "missing", False),
    ("TypeError", "ship() missing 1 required positional argument: 'to'", "missing", False),
    ("TypeError", "Cart.ship() takes 1 positional argument but 2 were given", "missing", False),
    ("TypeError", "unsupported operand type(s) for +: 'NoneType' and 'int'", "failed", False),
    ("TypeError", "cart.refund is not a function", "missing", False),
    ("TypeError", "(0 , lib.refund) is not a function", "missing", False),
    ("TypeError", "cart.Refund is not a constructor", "missing", False),
    ("TypeError", "Cannot read properties of undefined (reading 'total')", "failed", False),
    ("ReferenceError", "refund is not defined", "missing", False),
    ("Error", "Cannot find module './gone'", "missing", True),
    ("Error", "Test timed out in 5000ms.", "error", False),
    ("Error", "Timeout of 2000ms exceeded.", "error", False),
    ("Error", "the shop is closed", "failed", False),
    ("", "something", "missing", True),
]  # fmt: skip


@pytest.mark.parametrize(("name", "message", "status", "unbuilt"), MESSAGES)
def test_the_class_of_the_exception_says_what_a_test_failed_of(name: str, message: str, status: str, unbuilt: bool):
    result = failures.failed(name, message)
    assert (result.status, result.unbuilt) == (status, unbuilt)


BOMB = '<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;&b;">]><testsuites><testcase name="&c;"/></testsuites>'
OUTSIDE = '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><testsuites><testcase name="&b;"/></testsuites>'
UNREADABLE: list[tuple[str, ReportKind, bytes]] = [
    ("no XML", "junit", b"hello"),
    ("half of it", "junit", (DATA / "pytest.xml").read_bytes()[:3000]),
    ("another root", "junit", b"<html/>"),
    ("entities", "junit", BOMB.encode()),
    ("a file from outside", "junit", OUTSIDE.encode()),
    ("too deep", "junit", b"<testsuites>" + b'<testsuite name="a">' * 60 + b"</testsuite>" * 60 + b"</testsuites>"),
    ("too large", "junit", b"<testsuites>" + b" " * reports.LARGEST + b"</testsuites>"),
    ("no JSON", "jest-json", b"{"),
    ("a list", "jest-json", b"[]"),
    ("JSON of others", "jest-json", b'{"testResults": 3}'),
    ("too deep JSON", "jest-json", b"[" * 100_000),
    ("half an event", "go-json", b'{"Action":"run","Package":"a"'),
    ("nothing, and all is well", "go-json", b""),
    ("nothing, and all is well", "libtest", b"hello"),
    ("nothing, and all is well", "unittest", b"hello"),
    ("nothing, and all is well", "tap", b"hello"),
    ("more than libtest counts", "libtest", b"\nrunning 1 test\ntest a ... ok\ntest b ... ok\n\n"),
    ("more than unittest counts", "unittest", b"test_a (m.A) ... ok\ntest_b (m.A) ... ok\n\nRan 1 test in 0s\n"),
]  # fmt: skip


@pytest.mark.rule("R7")
@pytest.mark.parametrize(("what", "kind", "content"), UNREADABLE, ids=[f"{row[1]}: {row[0]}" for row in UNREADABLE])
def test_what_is_not_of_its_kind_is_unreadable(what: str, kind: ReportKind, content: bytes):
    with pytest.raises(reports.UnreadableReport) as raised:
        read(kind, content, exit_status=0)
    assert not isinstance(raised.value, reports.AbsentReport)
    assert "expected" in str(raised.value)


@pytest.mark.parametrize("kind", IN_FILES)
@pytest.mark.parametrize("report", [None, b""])
def test_an_absent_report_differs_from_an_unreadable_one(kind: ReportKind, report: bytes | None):
    with pytest.raises(reports.AbsentReport, match=r"\$REPORT"):
        reports.read(kind, report, "hello", 0, "")


def test_of_several_results_of_one_test_the_worst_counts():
    def suite(*cases: str) -> str:
        inner = "".join(f'<testcase name="t">{case}</testcase>' for case in cases)
        return f'<testsuite name="s">{inner}</testsuite>'

    failing, absent = '<failure type="AssertionError" message="no"/>', '<failure type="ImportError" message="no"/>'
    assert read("junit", suite("", "")) == {"t": "passed"}
    assert read("junit", suite("", failing, "")) == {"t": "failed"}
    assert read("junit", suite(failing, absent)) == {"t": "missing*"}
    assert read("junit", suite("<skipped/>", "")) == {"t": "skipped"}


def test_a_test_that_its_runner_ran_again_did_not_pass():
    flaky = '<testsuite><testcase classname="A" name="t"><flakyFailure type="E"/></testcase></testsuite>'
    assert read("junit", flaky) == {"A::t": "failed"}
    test = {"ancestorTitles": [], "title": "t", "status": "passed", "invocations": 2}
    assert read("jest-json", json.dumps({"testResults": [{"name": "a.js", "assertionResults": [test]}]})) == {
        "a.js::t": "failed"
    }


def test_an_error_beside_tests_is_none_of_their_failures():
    assert read("junit", '<testsuite><testcase name="t"><error message="no"/></testcase></testsuite>') == {
        "t": "missing*"
    }
    assert read("junit", '<testsuite><testcase name="t"><error message="KeyError: a"/></testcase></testsuite>') == {
        "t": "error"
    }
    started = '{"Action":"run","Package":"p","Test":"TestA"}\n'
    assert read("go-json", started) == {"p::TestA": "error"}
    late = '{"Action":"output","Package":"p","Test":"TestA","Output":"panic: test timed out after 1s\\n"}\n'
    assert read("go-json", started + late + '{"Action":"fail","Package":"p","Test":"TestA"}') == {"p::TestA": "error"}
    assert read("go-json", '{"Action":"fail","Package":"p"}') == {"p::package": "error"}


@pytest.mark.parametrize(
    ("output", "exit_status", "status"),
    [
        ("ok", 0, "passed"),
        ("Traceback\nAssertionError: 1 != 2", 1, "failed"),
        ("ModuleNotFoundError: No module named 'x'", 1, "missing*"),
        ("error[E0425]: cannot find function `refund`", 101, "missing*"),
        ("no", 1, "missing*"),
    ],
)
def test_an_exit_status_alone_is_one_test(output: str, exit_status: int, status: str):
    assert read("exit", output, "cli", exit_status) == {f"cli::{reports.WHOLE}": status}


def project(report: ReportKind) -> Project:
    return Project("", "rust", "true", report)


def test_a_program_that_did_not_compile_has_no_results_and_says_so():
    output = (DATA / "cargo-build.txt").read_text(encoding="utf-8")
    run = reports.run(project("libtest"), None, output, 101, 2.5)
    assert (run.tests, run.problem, run.exit_status, run.seconds) == ({}, "build", 101, 2.5)
    assert "could not compile" in run.log
    run = reports.run(project("libtest"), None, "error: no such command", 101, 0)
    assert (run.problem, run.tests) == ("report", {})
    assert "no such command" in run.log
    assert reports.run(project("junit"), None, "", 1, 0).problem == "report"
    assert reports.run(project("junit"), (DATA / "pytest.xml").read_bytes(), "", 1, 0).problem == ""
    assert reports.run(project("junit"), b"<testsuites/>", "", 5, 0).tests == {}


@pytest.mark.rule("R7")
@given(
    st.sampled_from(REPORT_KINDS),
    st.one_of(
        st.binary(max_size=300),
        st.sampled_from(sorted(RECORDED)).flatmap(
            lambda name: st.tuples(st.just((DATA / name).read_bytes()), st.integers(0, 4000), st.integers(0, 400)).map(
                lambda cut: cut[0][: cut[1]] + cut[0][cut[1] + cut[2] :]
            )
        ),
    ),
    st.integers(0, 200),
)
def test_whatever_a_report_holds_it_is_read_or_refused(kind: ReportKind, content: bytes, exit_status: int):
    try:
        results = reports.read(kind, content, content.decode("utf-8", "replace"), exit_status, "folder")
    except reports.UnreadableReport:
        return
    assert all(id_.startswith("folder") and len(result.message) <= 300 for id_, result in results.items())


def test_what_a_test_of_tape_throws_is_its_result_and_tests_after_it_have_none():
    crash = "/gate/work/base-p0/a.js:9\n\nTypeError: Cannot read properties of null (reading 'a')\n    at b (a.js:9)\n"
    begun = "TAP version 13\n# first\nok 1 should be truthy\n# second\n"

    assert read("tap", begun + crash) == {"first": "passed", "second": "failed"}
    assert read("tap", begun + crash.replace("Cannot read properties of null", "x is not a function:")) == {
        "first": "passed",
        "second": "missing",
    }
    assert read("tap", begun) == {"first": "passed", "second": "error"}


@pytest.mark.rule("R7")
def test_a_test_of_tape_that_prints_an_end_hides_nothing():
    stream = "TAP version 13\n# first\n1..1\n# tests 1\nnot ok 1 should be truthy\n# second\nnot ok 2 no\n\n1..2\n"

    assert "passed" not in read("tap", stream).values()
    both = read("tap", f"TAP version 13\n# a\nok 1 yes\n1..1\n# tests 1\n{stream}")
    assert [id_ for id_, status in both.items() if status == "passed"] == ["a"]
