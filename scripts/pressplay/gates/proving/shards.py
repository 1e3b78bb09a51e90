"""A project's tests in parts, each in a Pod of its own: what the Pods are called, and what their parts are together.

Every shard runs every variant. Its command reads the variables of `command`; which tests are whose is for the runner to
say. Probes of commands are the first shard's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from pressplay.gates.proving.model import BEFORE, HEAD, Language, Project, Status, TestResult, TestRun
from pressplay.gates.proving.script import ProjectScript

_WORST: tuple[Status, ...] = ("error", "missing", "failed", "passed", "skipped")
"""Of two shards' results of one test the first here counts: runners may skip in one shard what another one runs."""
_FIRST = ("tampered", "lost", "service", "tool", "setup", "report", "timeout", "build")
"""Of several shards' problems the first here counts: what blames a change comes after what decides nothing."""
_END = 250
"""Characters of a shard's output that say what its problem is."""


def numbers(project: Project) -> range:
    """The numbers of a project's shards; one where it has no tests."""
    return range(1, (project.shards if project.test else 1) + 1)


def pod(language: Language, shard: int) -> str:
    """What takes a language's place in the names of a shard's Pod, script and folder: `python`, `python-2` …"""
    return language if shard == 1 else f"{language}-{shard}"


def pods(projects: Iterable[Project], language: Language) -> list[str]:
    """The Pods of a language, the first shard's first: as many as the project of the most shards has, at least one."""
    most = max((len(numbers(project)) for project in projects if project.language == language), default=1)
    return [pod(language, shard) for shard in range(1, most + 1)]


def parts(whole: ProjectScript) -> list[tuple[str, ProjectScript]]:
    """A project's part of the script for each of its Pods."""
    project = whole.project
    if len(numbers(project)) == 1:
        return [(pod(project.language, 1), whole)]
    made = []
    for shard in numbers(project):
        own = replace(whole, project=replace(project, test=command(project, shard)))
        if shard > 1:
            own = replace(own, probes={}, probed=frozenset())
        made.append((pod(project.language, shard), own))
    return made


def command(project: Project, shard: int) -> str:
    """The test command of a shard, which says to it which one it is."""
    return f"export PRESSPLAY_SHARD={shard} PRESSPLAY_SHARDS={project.shards}\n{project.test}"


def joined(runs: Sequence[TestRun]) -> TestRun:
    """One run of all shards, in order; where any has a problem, or no test and another status than 0, it has one."""
    if len(runs) == 1:
        return runs[0]
    some = any(run.tests for run in runs)
    named = [_named(_empty(run) if some else run, shard, len(runs)) for shard, run in enumerate(runs, start=1)]
    worst = min(named, key=lambda run: _FIRST.index(run.problem) if run.problem else len(_FIRST))
    tests: dict[str, TestResult] = {}
    for run in named:
        for id_, result in run.tests.items():
            there = tests.get(id_)
            if there is None or _WORST.index(result.status) < _WORST.index(there.status):
                tests[id_] = result
    statuses = [run.exit_status for run in named if run.exit_status is not None]
    status = max(statuses) if len(statuses) == len(named) else None
    return TestRun(tests, status, worst.problem, worst.log, sum(run.seconds for run in named))


def _empty(run: TestRun) -> TestRun:
    """A shard's run, with its problem if it has no test and does not end as one that has none to run."""
    if run.tests or run.problem or run.exit_status == 0:
        return run
    log = f"it reports no test, and ended with status {run.exit_status}; have the test command end with 0 in that case"
    return replace(run, problem="report", log=log)


def _named(run: TestRun, shard: int, count: int) -> TestRun:
    return replace(run, log=f"shard {shard} of {count}: {run.log[-_END:]}".strip()) if run.problem else run


def fault(variant: str, runs: Sequence[TestRun]) -> str:
    """Why the shards' runs of one run of a variant are no parts of one whole: a clause of ours; '' if they are.

    A shard that alone has no report on the base must not count as a base without tests. Shards that all ran the same
    tests are no shards: their runner makes no difference between them.
    """
    if variant == BEFORE and joined(runs).problem == "report" and any(run.problem != "report" for run in runs):
        return "on the base, a shard of its tests has no report that can be read"
    carried_out = [_carried_out(run) for run in runs]
    if variant == HEAD and len(carried_out[0]) > 1 and all(ids == carried_out[0] for ids in carried_out):
        return f"its {len(runs)} shards ran the same tests: the test command does not go by PRESSPLAY_SHARD"
    return ""


def _carried_out(run: TestRun) -> frozenset[str]:
    """The tests that ran: one that can't be loaded may be every shard's."""
    return frozenset(id_ for id_, result in run.tests.items() if result.status in ("passed", "failed"))
