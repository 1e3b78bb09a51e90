"""Independent criteria: probes of commands that another run wrote from the task's text, before any code existed.

A Pod of their own carries them out: what the tests of the head could read, the next head could answer. So nothing of a
probe is shown either, but the ids of the criteria that it asks about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from pressplay.gates.acceptance.probe_plan import ProbePlan
from pressplay.gates.lint.files import Files
from pressplay.gates.proving import job
from pressplay.gates.proving.frames import Tampered
from pressplay.gates.proving.job import TestsJob, TestsPlan
from pressplay.gates.proving.judgement import Finding, IndependentProbes, Judgement
from pressplay.gates.proving.model import HEAD, Environment

POD = "independent"
"""Takes a language's place in the names of its Pod and of its script."""
_NO_CONTROLS = job.Bounds(repeat=2, bodies=False, hunks=False, mutants=False)
_WHOLE_TASK = "the task's text"
"""Stands for the criteria of a probe that names none."""


def prepare(
    environment: Environment,
    changed: Iterable[str],
    head: Files,
    base: Files,
    is_test: Callable[[str], bool],
    mark: str,
    probes: ProbePlan,
    commit: str,
) -> TestsJob:
    """The job of the probes alone, on the base and on the head; arguments as those of `job.prepare`.

    No test is run in it: not by the contract, and not as one of a project's first tests.
    """
    made = job.prepare(
        environment.without_tests,
        changed, head, base, is_test, mark, _NO_CONTROLS, probes, commit,
    )  # fmt: skip
    if len(made.scripts) > 1:
        return TestsJob(TestsPlan(mark, problem="the independent probes run programs of several languages"))
    return made


def add(judgement: Judgement, plan: TestsPlan, log: bytes | None) -> Judgement:
    """The judgement with what the independent probes show; `log`: what their Pod printed, None if it was lost.

    Only the head must answer as they expect. What could not be carried out is undecided.
    """
    shown = _carried_out(plan, log)
    if isinstance(shown, Finding):
        finding = shown
        unknown = finding.kind == "no-results"
    elif shown.failed:
        criteria = ", ".join(shown.failed)
        sentence = f"the program does not do what independent probes of {criteria} expect"
        finding, unknown = Finding("independent", sentence, fixer="rex"), False
    else:
        return replace(judgement, independent=shown)
    findings = (*judgement.findings, finding)
    outcome = judgement.outcome if judgement.outcome == "fail" else "undecided" if unknown else "fail"
    independent = None if isinstance(shown, Finding) else shown
    return replace(judgement, outcome=outcome, findings=findings, independent=independent)


def _carried_out(plan: TestsPlan, log: bytes | None) -> IndependentProbes | Finding:
    if plan.problem:
        return Finding("no-results", plan.problem)
    language = next((part.project.language for part in plan.projects), None)
    if log is None or language is None:
        return Finding("no-results", "the independent probes were not carried out")
    try:
        proofs = job.probe_results(plan, job.read_logs(plan, {language: log.decode(errors="replace")}))
    except Tampered as error:
        return Finding("tampered", f"under independent probes, {error}", fixer="rex")
    runs = {name: by_variant.get(HEAD, []) for name, by_variant in proofs.items()}
    holding = {name for name, each in runs.items() if each and all(proof.passed for proof in each)}
    failing = {name for name, each in runs.items() if any(not (proof.passed or proof.fault) for proof in each)}
    if not runs or (holding != runs.keys() and not failing):
        return Finding("no-results", "not every independent probe could be carried out")
    probes = ProbePlan.from_json(plan.probes)

    def criteria(names: Iterable[str]) -> set[str]:
        return {id_ for name in names for id_ in probes.covers[name] or (_WHOLE_TASK,)}

    held = criteria(runs) - criteria(runs.keys() - holding)
    return IndependentProbes(probes.digest, len(runs), tuple(sorted(held)), tuple(sorted(criteria(failing))))
