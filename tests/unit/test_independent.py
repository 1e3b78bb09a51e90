"""What independent criteria add to a judgement (R5): only what held on the head counts, and nothing of it is quoted."""

from __future__ import annotations

import base64
import json

import pytest

from pressplay.gates.acceptance import probe_plan
from pressplay.gates.acceptance.probe_plan import ProbePlan
from pressplay.gates.proving import independent
from pressplay.gates.proving.job import PlannedProject, PlannedVariant, TestsPlan
from pressplay.gates.proving.judgement import Finding, IndependentProbes, Judgement, markdown
from pressplay.gates.proving.model import BASE, HEAD, Project
from pressplay.steps.gate_pods.tests_steps import verdict_of

pytestmark = pytest.mark.rule("R5")
MARK = "@mark"
PLAN = b"""\
probes:
  - name: thousand
    covers: [AC1]
    command: {argv: [run, "1000"], expect: {stdout: {lines: ["900"]}}}
  - name: nothing
    covers: [AC1, AC2]
    command: {argv: [run, "0"], expect: {stdout: {lines: ["0"]}}}
"""
PROBES: ProbePlan = probe_plan.read(PLAN, "plan", ["AC1", "AC2"])
PROJECT = Project("", "python", "", "exit")
VARIANTS = (PlannedVariant(BASE, "base", 1), PlannedVariant(HEAD, "base", 1))
JOB = TestsPlan(MARK, (PlannedProject(0, PROJECT, VARIANTS, (1, 2)),), probes=PROBES.document)
PASSED = Judgement("feature", "pass")


def printed(*answers: str | None, mark: str = MARK) -> bytes:
    """What the Pod prints where its two probes get these answers on the head; None: it was not carried out."""
    lines = []
    for number, answer in enumerate(answers, start=1):
        if answer is None:
            continue
        step = f"p0.{HEAD}.1.probe-{number}"
        lines.append(f"{mark} begin {step}")
        for name, text in (("status", "step 1 0 0\n"), ("1-out", answer), ("1-err", "")):
            packed = base64.b64encode(text.encode()).decode()
            lines += [f"{mark} frame probe-{number}-{name} plain", packed, f"{mark} done probe-{number}-{name}"]
        lines.append(f"{mark} ended {step} 0 0")
    return "".join(f"\n{line}\n" for line in [*lines, f"{mark} end"]).encode()


@pytest.mark.parametrize(
    ("log", "outcome", "shown"),
    [
        (printed("900\n", "0\n"), "pass", IndependentProbes(PROBES.digest, 2, ("AC1", "AC2"))),
        (printed("1000\n", "0\n"), "fail", IndependentProbes(PROBES.digest, 2, ("AC2",), ("AC1",))),
        (printed("900\n", "1\n"), "fail", IndependentProbes(PROBES.digest, 2, (), ("AC1", "AC2"))),
        (printed("1000\n", None), "fail", IndependentProbes(PROBES.digest, 2, (), ("AC1",))),
        (printed("900\n", None), "undecided", None),
        (printed(None, None), "undecided", None),
        (b"", "undecided", None),
        (None, "undecided", None),
        (printed("900\n", "0\n", mark="@other"), "undecided", None),
    ],
)
def test_what_counts_is_the_head_alone(log: bytes | None, outcome: str, shown: IndependentProbes | None) -> None:
    judged = independent.add(PASSED, JOB, log)
    assert (judged.outcome, judged.independent) == (outcome, shown)


def test_what_refuses_names_criteria_and_no_word_of_a_probe() -> None:
    judged = independent.add(PASSED, JOB, printed("1000\n", "0\n"))
    assert judged.reason() == "the program does not do what independent probes of AC1 expect"
    assert judged.fixer == "rex"
    texts = json.dumps([judged.to_json(), markdown(judged)])
    assert "thousand" not in texts
    assert "900" not in texts


@pytest.mark.parametrize("log", [printed("900\n", "0\n"), printed("1\n", "1\n"), None])
def test_a_judgement_that_refuses_stays_refused(log: bytes | None) -> None:
    refused = Judgement("feature", "fail", (Finding("red", "1 test fails", fixer="rex"),))
    assert independent.add(refused, JOB, log).outcome == "fail"


def test_a_job_that_could_not_be_planned_is_undecided_for_its_reason() -> None:
    judged = independent.add(PASSED, TestsPlan(problem="none are recorded"), None)
    assert (judged.outcome, judged.reason()) == ("undecided", "none are recorded")


NOTHING = Judgement("feature", "undecided", (Finding("nothing-to-run", "there is nothing to run"),))


@pytest.mark.parametrize(
    ("log", "outcome"), [(printed("900\n", "0\n"), "pass"), (printed("1\n", "1\n"), "fail"), (None, "error")]
)
def test_a_project_without_anything_to_run_passes_only_if_its_independent_criteria_hold(
    log: bytes | None, outcome: str
) -> None:
    verdict = verdict_of(independent.add(NOTHING, JOB, log))
    assert verdict.outcome == outcome
    assert verdict.proves is (outcome != "pass")
