"""What the containers of a tests gate printed, judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from pressplay.domain.profiles import Profile
from pressplay.gates.proving import independent, job
from pressplay.gates.proving.evidence import ProbeRuns, quoted
from pressplay.gates.proving.frames import Tampered
from pressplay.gates.proving.job import TestsPlan
from pressplay.gates.proving.judge import Bounds, judge
from pressplay.gates.proving.judgement import Finding, Judgement
from pressplay.gates.proving.model import HEAD

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


def _of_tests(plan: TestsPlan, logs: Mapping[str, bytes], profile: Profile, bounds: Bounds) -> Judgement:
    if plan.problem:
        details = (plan.details,) if plan.details else ()
        return Judgement(profile, "undecided", (Finding("no-results", plan.problem, details),))
    if any(len(log) >= LOG_BYTES for log in logs.values()):
        return Judgement(profile, "undecided", (Finding("no-results", f"it prints more than {LOG_BYTES} bytes"),))
    texts = {pod: log.decode(errors="replace") for pod, log in logs.items()}
    try:
        read = job.read_logs(plan, texts)
    except Tampered as error:
        return Judgement(profile, "fail", (Finding("tampered", str(error), fixer="rex"),))
    if without := job.without_services(plan, read):
        text = "a service beside the tests was not there, or did not live to their end"
        reason, _, log = without[0].partition("\n")
        detail = quoted(f"{reason}: {log[-200:]}" if log.strip() else reason)
        return Judgement(profile, "undecided", (Finding("no-results", text, (detail,)),))
    if unlike := job.unlike_parts(plan, read):
        return Judgement(profile, "undecided", (Finding("no-results", unlike),))
    runs = job.results(plan, read)
    probes = [ProbeRuns.of(name, proofs) for name, proofs in job.probe_results(plan, read).items()]
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
