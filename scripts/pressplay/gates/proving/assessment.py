"""What the containers of a tests gate printed, judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

from pressplay.domain.profiles import Profile
from pressplay.gates.acceptance.proof import ProbeProof
from pressplay.gates.proving import final, independent, job
from pressplay.gates.proving.evidence import ProbeRuns, quoted
from pressplay.gates.proving.frames import Tampered
from pressplay.gates.proving.job import TestsPlan
from pressplay.gates.proving.judge import Bounds, judge
from pressplay.gates.proving.judgement import Finding, Judgement
from pressplay.gates.proving.model import HEAD, TestRun

LOG_BYTES = 8_000_000
"""Of a container's output: a log that is longer does not count."""


def assess(
    plan: TestsPlan,
    logs: Mapping[str, bytes],
    profile: Profile,
    bounds: Bounds,
    independent_log: bytes | None = None,
) -> Judgement:
    """The judgement on what a plan's containers printed, by their Pods; a container without a log was lost.

    `independent_log`: what the Pod of the independent criteria printed, where the plan has some.
    """
    judged = _of_tests(plan, logs, profile, bounds)
    if plan.independent is None:
        return judged
    if len(independent_log or b"") >= LOG_BYTES:
        independent_log = None
    return independent.add(judged, plan.independent, independent_log)


def of_end(plan: TestsPlan, logs: Mapping[str, bytes]) -> final.Verdict:
    """The verdict on what a play ended with; arguments as those of `assess`."""
    carried_out = _read(plan, logs)
    if isinstance(carried_out, Finding):
        return final.without_runs(carried_out.sentence, carried_out.details, tampered=carried_out.kind == "tampered")
    verdict = final.judge(carried_out.runs, frozenset(plan.changed_tests), carried_out.probes)
    if not plan.left_out:
        return verdict
    listed = ", ".join(map(str, plan.left_out))
    unread = final.Finding(f"the probes of tasks {listed} were not run: a play can have so many, and no more")
    return replace(verdict, unknown=(*verdict.unknown, unread))


@dataclass(frozen=True)
class _CarriedOut:
    """What the containers did."""

    runs: Mapping[str, list[TestRun]]
    """Of the tests, by variant."""
    probes: Mapping[str, Mapping[str, list[ProbeProof]]]
    """By name and variant."""


def _read(plan: TestsPlan, logs: Mapping[str, bytes]) -> _CarriedOut | Finding:
    """What the containers did, by their logs; a finding where that decides nothing, or one is not its script's."""
    if plan.problem:
        return Finding("no-results", plan.problem, (plan.details,) if plan.details else ())
    if any(len(log) >= LOG_BYTES for log in logs.values()):
        return Finding("no-results", f"it prints more than {LOG_BYTES} bytes")
    texts = {pod: log.decode(errors="replace") for pod, log in logs.items()}
    try:
        read = job.read_logs(plan, texts)
    except Tampered as error:
        return Finding("tampered", str(error), fixer="rex")
    if without := job.without_services(plan, read):
        text = "a service beside the tests was not there, or did not live to their end"
        reason, _, log = without[0].partition("\n")
        return Finding("no-results", text, (quoted(f"{reason}: {log[-200:]}" if log.strip() else reason),))
    if unlike := job.unlike_parts(plan, read):
        return Finding("no-results", unlike)
    return _CarriedOut(job.results(plan, read), job.probe_results(plan, read))


def _of_tests(plan: TestsPlan, logs: Mapping[str, bytes], profile: Profile, bounds: Bounds) -> Judgement:
    carried_out = _read(plan, logs)
    if isinstance(carried_out, Finding):
        return Judgement(profile, "fail" if carried_out.kind == "tampered" else "undecided", (carried_out,))
    runs = carried_out.runs
    probes = [ProbeRuns.of(name, proofs) for name, proofs in carried_out.probes.items()]
    controls = [(v.id, v.control) for part in plan.projects for v in part.variants if v.control is not None]
    judged = judge(
        profile,
        runs,
        controls,
        frozenset(plan.changed_tests),
        bounds,
        probes,
        plan.accepted,
        merged=bool(plan.onto),
    )
    counts = Counter(test.status for run in runs.get(HEAD, ())[-1:] for test in run.tests.values())
    skipped, passed = counts["skipped"], counts["passed"]
    return replace(judged, passed=passed, skipped=skipped, failed=counts.total() - passed - skipped)
