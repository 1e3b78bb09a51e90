"""What is new, and which criteria are shown: only what counts, and what is not known shows nothing."""

from __future__ import annotations

import json
from typing import get_args

import pytest

from pressplay.domain.criteria import Criterion
from pressplay.gates.acceptance.coverage import coverage
from pressplay.gates.acceptance.probe_plan import ProbePlan
from pressplay.gates.acceptance.proof import ProbeCheck, ProbeProof
from pressplay.gates.proving.evidence import ProbeRuns
from pressplay.gates.proving.judge import Bounds, judge
from pressplay.gates.proving.model import BASE, HEAD, PROFILES, SAME, Profile

CRITERIA = [Criterion(f"AC{number}", "text", "acceptanceCriteria") for number in (1, 2, 3)]


def made(ok: bool, fault: str = "", attempts: int = 1) -> ProbeProof:
    return ProbeProof(
        "p", "command", "$ shop", attempts, "", fault, () if fault else (ProbeCheck("stdout is", "a", "b", ok),)
    )


@pytest.mark.rule("R5")
@pytest.mark.parametrize(
    ("base", "head", "new"),
    [
        (made(False), made(True), "new"),
        (made(True), made(True), "not new"),
        (None, made(True), "unknown"),
        (made(False, "it was not carried out", 0), made(True), "unknown"),
        (made(False), made(False), "unknown"),
        (made(True), made(False), "unknown"),
    ],
)
def test_a_probe_is_new_if_it_was_made_on_the_base_and_did_not_hold(
    base: ProbeProof | None, head: ProbeProof, new: str
):
    proofs = {HEAD: [head]} if base is None else {BASE: [base], HEAD: [head]}
    assert ProbeRuns.of("p", proofs).newness == new


@pytest.mark.rule("R5")
def test_a_probe_that_holds_in_some_runs_of_the_head_is_neither_held_nor_new():
    """Seen: a program that picks a sample by chance answered right once, and was approved."""
    runs = ProbeRuns.of("p", {BASE: [made(False)] * 3, HEAD: [made(True), made(False), made(True)]})
    assert not runs.all(HEAD, True)
    assert runs.newness == "unknown"


@pytest.mark.rule("R5")
def test_a_probe_that_reads_the_program_s_text_is_not_new():
    runs = ProbeRuns.of("p", {BASE: [made(False)], HEAD: [made(True)], SAME: [made(False)]})
    assert runs.newness == "unknown"


@pytest.mark.rule("R5")
def test_a_probe_that_was_not_carried_out_on_a_control_has_not_noticed_it():
    runs = ProbeRuns.of(
        "p", {HEAD: [made(True)], "c1": [made(False, "it was not carried out", 0)], "c2": [made(False)]}
    )
    assert not runs.all("c1", False)
    assert runs.all("c2", False)


@pytest.mark.rule("R5")
@pytest.mark.parametrize(
    ("profile", "probes", "refused"),
    [
        ("feature", {"a": "not new", "b": "not new"}, True),
        ("fix", {"a": "not new"}, True),
        ("feature", {"a": "not new", "b": "new"}, False),
        ("feature", {"a": "not new", "b": "unknown"}, False),
        ("feature", {}, False),
        *((profile, {"a": "not new"}, False) for profile in PROFILES if profile not in ("feature", "fix")),
    ],
)
def test_a_plan_that_holds_on_the_base_is_refused_for_features_and_fixes(profile: Profile, probes, refused: bool):
    assert profile in get_args(Profile)
    on_base = {"new": False, "not new": True, "unknown": None}
    runs = [ProbeRuns(name, {BASE: [on_base[newness]], HEAD: [True]}) for name, newness in probes.items()]
    findings = judge(profile, {}, [], frozenset(), Bounds(), runs).findings
    assert any(finding.kind == "not-new" and finding.refuses for finding in findings) is refused


def plan(tests: dict[str, list[str]], **covers: list[str]) -> ProbePlan:
    probes = [
        {"name": name, "covers": ids, "command": {"argv": ["shop"], "expect": {"stdout": {"contains": ["Tea"]}}}}
        for name, ids in covers.items()
    ]
    return ProbePlan.from_json(json.dumps({"tests": tests, "probes": probes} if tests else {"probes": probes}))


@pytest.mark.rule("R5")
def test_a_criterion_is_shown_by_a_test_that_proves_or_a_probe_that_held():
    wanted = plan({"AC2": ["test_sell"], "AC3": ["test_gone", "test_other"]}, sells=["AC1", "AC3"], lists=["AC1"])
    first, second, third = coverage(wanted, CRITERIA, {"tests/test_sell.py::Sell::test_sell"}, {"sells"})
    assert (first.tests, first.probes, first.shown) == ((), ("sells",), True)
    assert (second.tests, second.probes, second.shown) == (("tests/test_sell.py::Sell::test_sell",), (), True)
    assert (third.tests, third.probes) == ((), ("sells",))
    assert [row.shown for row in coverage(wanted, CRITERIA, set(), set())] == [False, False, False]


@pytest.mark.parametrize(
    ("name", "test", "means"),
    [
        ("test_sell", "tests/test_sell.py::test_sell", True),
        ("tests/test_sell.py::test_sell", "tests/test_sell.py::test_sell", True),
        ("sell", "tests/test_sell.py::test_sell", False),
        ("Sell.test_more", "shop tests.Sell.test_more", True),
        ("sells what there is", "web/shop.test.ts > sells what there is", True),
        ("test_sell", "tests/test_sell.py::test_sell_more", False),
        ("longer than the id is", "short", False),
    ],
)
def test_a_plan_names_a_test_by_its_id_or_the_end_of_it(name: str, test: str, means: bool):
    (row, *_) = coverage(plan({"AC1": [name]}, p=["AC2"]), CRITERIA, {test}, set())
    assert row.shown is means
