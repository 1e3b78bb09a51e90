"""Whether a play left its base branch whole: what is broken, what decides nothing, and what fails."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import pytest

from pressplay.gates.acceptance import probe_plan
from pressplay.gates.acceptance.probe_plan import PACKED, ProbePlan
from pressplay.gates.acceptance.proof import ProbeCheck, ProbeProof
from pressplay.gates.proving import assessment
from pressplay.gates.proving.final import Verdict, judge
from pressplay.gates.proving.job import TestsPlan
from pressplay.gates.proving.model import TestResult, TestRun

pytestmark = pytest.mark.rule("R5")
RESULTS = {
    "p": TestResult("passed"),
    "f": TestResult("failed", "1 != 2"),
    "m": TestResult("missing", "No module", unbuilt=True),
    "e": TestResult("error", "a fixture"),
    "s": TestResult("skipped"),
}


def run(text: str) -> TestRun:
    """From `old:p new:f`, or `!build`."""
    if text.startswith("!"):
        problem: Any = text[1:]
        return TestRun({}, 1, problem, f"the log of {problem}")
    results = {part.rpartition(":")[0]: RESULTS[part.rpartition(":")[2]] for part in text.split()}
    red = any(result.status not in ("passed", "skipped") for result in results.values())
    return TestRun(results, int(red))


def judged(before: str, head: str, changed: Sequence[str] = (), probes: str = "") -> Verdict:
    """`head` may hold both runs, with `/` between them; `probes` as `12/it-runs:+-`: it held, and then not."""
    runs = [run(text) for text in head.split("/")]
    shown = {
        part.rpartition(":")[0]: {"head": [proof(sign) for sign in part.rpartition(":")[2]]} for part in probes.split()
    }
    tests = {"before": [run(before)], "head": runs * 2 if len(runs) == 1 else runs} if before or head else {}
    return judge(tests, frozenset(changed), shown)


def proof(sign: str) -> ProbeProof:
    checks = () if sign == "?" else (ProbeCheck("stdout", "one", "one" if sign == "+" else "two", sign == "+"),)
    return ProbeProof("it-runs", "command", "cat", 1, "", "it was not carried out" if sign == "?" else "", checks)


@pytest.mark.parametrize(
    ("before", "head", "outcome", "count"),
    [
        ("old:p", "old:p new:p", "pass", 0),
        ("old:p", "old:f", "fail", 1),
        ("old:p", "old:p new:f", "fail", 1),
        ("old:p", "old:m", "fail", 1),
        ("old:p", "old:e other:f", "fail", 2),
        ("old:s", "old:f", "fail", 1),
        # What failed before is not the play's doing.
        ("old:f", "old:f", "pass", 0),
        ("old:e", "old:f new:p", "pass", 0),
        # A suite that can't be loaded reports itself, in the place of its tests.
        ("suite.old:p", "loader.suite:m", "fail", 1),
        # A flaky test decides nothing; another one that fails does.
        ("old:p", "old:p/old:f", "error", 0),
        ("old:p", "old:p new:f/old:p new:p", "error", 0),
        ("old:p", "old:f new:f/old:f new:p", "fail", 1),
        ("old:p", "old:p new:f/old:p", "error", 0),
        # A tree that does not build, or never ends, and did before, is broken; lost containers are not its doing.
        ("old:p", "!build", "fail", 1),
        ("old:p", "!timeout", "fail", 1),
        ("old:p", "!timeout/old:p", "error", 0),
        ("old:p", "!lost", "error", 0),
        ("old:p", "!tool", "error", 0),
        ("old:p", "!setup", "error", 0),
        ("old:p", "!service", "error", 0),
        ("!build", "!build", "error", 0),
        # Where the base did not build, what passes now passes; what fails can't be compared.
        ("!build", "old:p", "pass", 0),
        ("!build", "old:f", "error", 0),
        ("!report", "first:p", "pass", 0),
        ("!report", "first:f", "fail", 1),
        ("", "", "pass", 0),
    ],
)
def test_what_fails_and_did_not_before_is_broken(before, head, outcome, count):
    verdict = judged(before, head)
    assert (verdict.outcome, len(verdict.failing)) == (outcome, count), verdict


@pytest.mark.parametrize(
    ("head", "changed", "outcome"),
    [
        # An approved task took the test out, or changed it.
        ("kept:p", ["gone"], "pass"),
        ("kept:p gone:s", ["gone"], "pass"),
        # Its text is still there: nobody did.
        ("kept:p", [], "error"),
        ("kept:p gone:s", [], "error"),
        ("kept:f", [], "fail"),
    ],
)
def test_a_test_that_is_gone_is_no_fault_where_its_text_is_gone_too(head, changed, outcome):
    assert judged("kept:p tests.T::gone:p", head.replace("gone:", "tests.T::gone:"), changed).outcome == outcome


@pytest.mark.parametrize(
    ("probes", "outcome", "count"),
    [
        ("1/it-runs:++ 2/it-runs:++", "pass", 0),
        ("1/it-runs:-- 2/it-runs:++", "fail", 1),
        ("1/it-runs:+- 2/it-runs:++", "error", 0),
        ("1/it-runs:??", "error", 0),
        ("1/it-runs:?- 2/it-runs:--", "fail", 1),
    ],
)
def test_every_probe_holds_in_every_run(probes, outcome, count):
    verdict = judged("", "", probes=probes)
    assert (verdict.outcome, len(verdict.failing)) == (outcome, count)


def test_the_reason_counts_and_the_details_say_why():
    verdict = judged("old:p", "old:f new:f", probes="7/it-runs:--")
    assert verdict.reason() == (
        "2 tests fail that did not fail before the play's first merge; 1 probe of the play's tasks did not hold"
    )
    details = [detail for finding in verdict.findings for detail in finding.details]
    assert details == ["new: failed: 1 != 2", "old: failed: 1 != 2", "7/it-runs: stdout: expected one, got two"]
    assert judged("old:p", "old:p", probes="7/it-runs:++").reason() == "1 test passes, 1 probe held"


def test_the_same_failure_has_the_same_digest_on_every_commit():
    first, second = judged("old:p", "old:f new:f"), judged("old:p", "old:e")
    assert set(second.failing) < set(first.failing)


@pytest.mark.parametrize(
    ("plan", "log", "outcome"),
    [
        (TestsPlan("@mark", problem="a changed file can't be read"), "", "error"),
        (TestsPlan("@mark", left_out=(7,)), "", "error"),
        (TestsPlan("@mark"), "", "pass"),
        # Who writes the gate's marks hides what fails: that must not end well.
        (TestsPlan("@mark"), "\n@mark ended p0.head.1 0 1\n", "fail"),
    ],
)
def test_what_was_not_run_is_not_shown_and_a_log_that_a_test_wrote_into_is_broken(plan, log, outcome):
    verdict = assessment.of_end(plan, {"python": log.encode()} if log else {})
    assert (verdict.outcome, bool(verdict.failing)) == (outcome, outcome == "fail")
    assert verdict.reason()


def plan(*names: str, padding: int = 0) -> ProbePlan:
    expected = "expect: {stdout: {contains: [value]}}"
    probes = "".join(
        f"- name: {name}\n  command: {{argv: [cat, '{noise(padding, name)}'], {expected}}}\n" for name in names
    )
    return probe_plan.read(f"probes:\n{probes}".encode(), "plan.yaml")


def noise(length: int, seed: str) -> str:
    """Text that can't be packed."""
    text = ""
    while len(text) < length:
        text += hashlib.sha256(f"{seed}{len(text)}".encode()).hexdigest()
    return text[:length]


def test_the_probes_of_several_tasks_are_one_plan_with_names_of_their_own():
    joined, left_out = probe_plan.joined({12: plan("a", "b"), 3: plan("a")}, {"command"})
    assert joined is not None
    assert [probe.name for probe in joined.commands("0" * 40)] == ["12/a", "12/b", "3/a"]
    assert left_out == ()
    assert probe_plan.joined({}, {"command"}) == (None, ())


def test_probes_for_which_there_is_no_room_are_named():
    joined, left_out = probe_plan.joined({n: plan(f"a{n}", f"b{n}", padding=900) for n in range(1, 60)}, {"command"})
    assert joined is not None
    assert len(joined.pack()) <= PACKED + 100
    assert left_out
    assert [probe.name for probe in joined.commands("0" * 40)][:2] == ["1/a1", "1/b1"]
