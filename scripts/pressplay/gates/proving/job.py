"""The job of a tests gate: which trees, commands and probes a container runs, and what came of each.

`prepare` decides everything from git's objects, before anything of the pull request runs. `TestsPlan` is what of that
travels from the checkout to the verdict. `results` turns the containers' logs into runs for the judge.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import ClassVar, Literal

from pydantic import ConfigDict, TypeAdapter

from pressplay.domain.profiles import DEFAULT, Profile
from pressplay.gates import tests
from pressplay.gates.acceptance import command, packing
from pressplay.gates.acceptance.end_plan import EndPlan
from pressplay.gates.acceptance.probe_plan import ProbePlan
from pressplay.gates.acceptance.probe_types import Probe
from pressplay.gates.acceptance.proof import ProbeProof
from pressplay.gates.lint.files import Files, NoFiles, below, text
from pressplay.gates.proving import base_tree, beside, controls, frames, profiles, reports, script, services, shards
from pressplay.gates.proving.evidence import KEPT
from pressplay.gates.proving.first_tests import with_first_tests
from pressplay.gates.proving.model import (
    BASE,
    BEFORE,
    HEAD,
    SAME,
    Control,
    ControlKind,
    Environment,
    Project,
    TestRun,
)
from pressplay.gates.proving.script import ProjectScript
from pressplay.github.committed import Unreadable

PROBE = "probe-"
"""How the step of a probe begins, and its frames; its place among the plan's commands follows."""


@dataclass(frozen=True)
class Bounds:
    """What a repository's values say about controls (`tests.controls`)."""

    repeat: int = 3
    """Runs of the tests on the base and on the head."""
    bodies: bool = True
    hunks: bool = True
    mutants: bool = True
    """Whether controls of this kind are made at all."""
    most: int = 20
    """Controls of a job, beside `bodies`."""
    seconds: int = 600
    """After so many seconds no further control is begun, beside `bodies`."""


@dataclass(frozen=True)
class PlannedVariant:
    """A variant as it travels: without its files."""

    id: str
    tree: str
    runs: int
    kind: ControlKind | None = None
    path: str = field(default="", repr=False)
    line: int = 0
    label: str = field(default="", repr=False)
    weak: bool = False

    @property
    def is_probed(self) -> bool:
        """Whether probes of commands are carried out on it."""
        return self.id in (BASE, HEAD, SAME) or self.kind in ("bodies", "body")

    @property
    def is_optional(self) -> bool:
        """Whether it only adds to the proof, so that it is left out where time runs out."""
        return self.kind not in (None, "bodies")

    @property
    def control(self) -> Control | None:
        """The control that it is; None for the base and the head."""
        return Control(self.kind, self.path, self.line, self.label, {}, self.weak) if self.kind else None


@dataclass(frozen=True)
class PlannedProject:
    """One project's part of a job."""

    number: int
    project: Project
    variants: tuple[PlannedVariant, ...]
    probes: tuple[int, ...] = ()
    """The places of its probes among the plan's commands, from 1."""


@dataclass(frozen=True)
class TestsPlan:
    """What the checkout decided to run, for the verdict. It holds strangers' paths and names (R7)."""

    __test__ = False
    """Not a test class, although pytest would take it for one by its name."""
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    mark: str = ""
    projects: tuple[PlannedProject, ...] = ()
    origin: str = "detected"
    """Where the environment contract is from."""
    changed_tests: tuple[str, ...] = ()
    """The names of tests whose text the pull request changes."""
    accepted: Mapping[str, str] = field(default_factory=dict)
    """The names of tests whose expectation changes, as the plan of probes says → the criterion that asks for it."""
    probes: str = ""
    """The plan of probes as canonical JSON; empty where it has none for a command."""
    commit: str = ""
    """The head's id, for probes that name it."""
    problem: str = ""
    """Why nothing can be run: a clause of ours."""
    details: str = ""
    """What the problem is about: strangers' text."""
    onto: str = ""
    """The commit of the base branch with which the head was merged, where that is what is judged."""
    tree: str = ""
    """The merged tree."""
    proven: bool = False
    """Whether that tree passed before, so that nothing runs."""
    independent: TestsPlan | None = None
    """The plan of the independent criteria's job (`independent`), which a Pod of its own carries out."""
    complete: bool = False
    """Whether the tests of all projects are run, also of those that the change does not concern."""
    is_end: bool = False
    """Whether it is about what a play ended with: `probes` are of all its tasks then."""
    left_out: tuple[int, ...] = ()
    """The tasks for whose probes there was no room."""
    end: EndPlan | None = None
    """The probes for the deployment of a play's end; None where nobody looks there."""

    @property
    def probe_plan(self) -> ProbePlan:
        """The plan of probes; InputError where `probes` is not one. One of several tasks is checked before."""
        return ProbePlan(self.probes) if self.is_end else ProbePlan.from_json(self.probes)

    def pack(self) -> str:
        """As an Argo parameter may carry it."""
        return packing.pack_json(TypeAdapter(TestsPlan), self)

    @staticmethod
    def unpack(text: str) -> TestsPlan:
        """The plan that `pack` packed; InputError if it is not one."""
        return packing.unpack_json(TypeAdapter(TestsPlan), text, "parameter plan")


@dataclass(frozen=True)
class Merged:
    """A head that is judged as merged with a commit of the base branch.

    Its change was proven at the head. What is left to see is whether both sides still work together.
    """

    onto: str
    tree: str
    runs: int = 2
    """Runs of the tests on the merged tree: with two, a flaky test is not taken for a broken one."""
    is_end: bool = False
    """Whether it is what a play ended with, and the plan of probes one of all its tasks (`probe_plan.joined`)."""


@dataclass(frozen=True)
class TestsJob:
    """A plan, and the files that the containers need for it."""

    __test__ = False
    plan: TestsPlan
    scripts: Mapping[str, str] = field(default_factory=dict)
    """By Pod (`shards.pod`)."""
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """Path below the folder of the scripts → content."""


def prepare(
    environment: Environment,
    changed: Iterable[str],
    head: Files,
    base: Files,
    is_test: Callable[[str], bool],
    mark: str,
    bounds: Bounds,
    probes: ProbePlan | None = None,
    commit: str = "",
    profile: Profile = DEFAULT,
    merged: Merged | None = None,
) -> TestsJob:
    """The job for `head` (of the id `commit`) against `base`; `changed` are the paths that differ between the two.

    `mark` begins the lines of the script's output that count: a word that nobody can guess. `probes`: the head's plan,
    whose commands are carried out on the base, on the head, and on each control of emptied bodies. `profile`: a
    refactoring is also run with the base's tests, and for tests alone the whole program is what controls spoil.
    `merged`: `head` is a merged tree and `base` the base branch's; no test has to prove anything again.
    """
    paths = sorted(set(changed))
    environment = with_first_tests(environment, paths, head, base, is_test)
    try:
        overlays: dict[str, Mapping[str, bytes | None]] = {BEFORE: base_tree.before(paths, head, base), HEAD: {}}
        if merged is None:
            overlays[BASE] = base_tree.base_with_tests(paths, head, base, is_test)
        if merged is None and profile == "refactor":
            overlays[KEPT] = base_tree.head_with_tests(paths, head, base, is_test)
        names = _changed_tests(paths, head, base, is_test)
        accepted = _accepted(probes, paths, base)
    except Unreadable as error:
        plan = TestsPlan(mark, origin=environment.origin, problem="a changed file can't be read", details=str(error))
        return TestsJob(plan)
    plan = TestsPlan(mark, origin=environment.origin, changed_tests=tuple(sorted(names)), accepted=accepted)
    if merged is not None and merged.is_end:
        names |= _changed_tests(paths, base, head, is_test)
        plan = replace(plan, changed_tests=tuple(sorted(names)), is_end=True)
    if merged is not None:
        plan = replace(plan, onto=merged.onto, tree=merged.tree)
        bounds = Bounds(merged.runs, bodies=False, hunks=False, mutants=False)
    scripts: dict[str, list[ProjectScript]] = {}
    files: dict[str, bytes] = {}
    commands = _commands(environment, probes, commit)
    for of_project in commands.values():
        for number, probe in of_project.items():
            files.update(command.files_for(probe, number))
    planned, count = [], 0
    is_source = controls.sources(is_test, base, environment.projects)
    # Of tests alone nothing of the program changed: as against an empty base, all of it did.
    spoilt, against = (sorted(head.entries), NoFiles()) if profile == "tests" else (paths, base)
    demand = profiles.TABLE[profile]
    most = bounds.most + 1 if demand.bodies or demand.shown == "controls" else 0
    made = [
        control
        for control in (controls.controls(spoilt, head, against, is_source, most) if merged is None else ())
        if _is_wanted(control.kind, bounds)
    ]
    affected = _affected(environment, paths, commands)
    for number, project in enumerate(affected):
        trees = (BASE, HEAD) if any(map(beside.lists_packages, paths)) else (BASE, BASE)
        # Probes of a merged tree are not compared with the base.
        compared = merged is None or bool(project.test)
        variants = [
            *([PlannedVariant(BEFORE, trees[0], 1)] if compared else []),
            *([PlannedVariant(BASE, trees[0], bounds.repeat)] if BASE in overlays else []),
            PlannedVariant(HEAD, trees[1], bounds.repeat),
            *([PlannedVariant(KEPT, trees[1], 1)] if KEPT in overlays else []),
        ]
        laid: dict[str, Mapping[str, bytes | None]] = dict(overlays)
        for control in _own(made, project, environment):
            count += 1
            variant = PlannedVariant(
                f"c{count}", trees[1], 1, control.kind, control.path, control.line, control.label, control.weak
            )
            laid[variant.id] = control.files
            if control.kind == "bodies" and control.same:
                variants.append(PlannedVariant(SAME, trees[1], 1))
                laid[SAME] = control.same
            variants.append(variant)
        own = commands.get(project.folder, {})
        planned.append(PlannedProject(number, project, tuple(variants), tuple(own)))
        files.update(services.files(number, project))
        for id_, overlay in laid.items():
            files.update(_laid(f"variants/p{number}/{id_}", overlay))
        whole = ProjectScript(
            number,
            project,
            {variant.id: variant.tree for variant in variants},
            _schedule(variants, mark),
            {f"{PROBE}{probe_number}": command.shell(probe, probe_number) for probe_number, probe in own.items()},
            probed=frozenset(variant.id for variant in variants if variant.is_probed),
            decisive=frozenset(variant.id for variant in variants if variant.kind is None),
            optional=frozenset(variant.id for variant in variants if variant.is_optional),
            budget=bounds.seconds,
        )
        for pod, part in shards.parts(whole):
            scripts.setdefault(pod, []).append(part)
    document = probes.document if probes is not None and any(commands.values()) else ""
    with_tests = {project.folder for project in environment.projects if project.test}
    complete = with_tests == {project.folder for project in affected if project.test}
    plan = replace(plan, projects=tuple(planned), probes=document, commit=commit, complete=complete)
    texts = {pod: script.script(mark, parts) for pod, parts in scripts.items()}
    return TestsJob(plan, texts, files)


def _schedule(variants: Sequence[PlannedVariant], mark: str) -> list[tuple[str, int]]:
    """The order of all runs: what decides is shuffled, so that no test can tell from what ran before it where it is.

    The base as it is comes first: nothing of a pull request's runs in it, and it fills the caches. `mark` is the job's
    secret.
    """
    mixed: list[tuple[str, int]] = []
    optional: list[tuple[str, int]] = []
    for variant in variants:
        runs = [(variant.id, run) for run in range(1, variant.runs + 1)]
        if variant.id != BEFORE:
            (optional if variant.is_optional else mixed).extend(runs)
    random.Random(f"{mark} schedule").shuffle(mixed)  # noqa: S311 - as unknown as the mark is
    first = [(BEFORE, 1) for variant in variants if variant.id == BEFORE]
    return [*first, *mixed, *optional]


def _laid(folder: str, overlay: Mapping[str, bytes | None]) -> dict[str, bytes]:
    gone = [path for path, content in overlay.items() if content is None]
    files = {f"{folder}/files/{path}": content for path, content in overlay.items() if content is not None}
    return {
        f"{folder}/remove.sh": script.removal(gone).encode(),
        f"{folder}/touch.sh": script.touches(overlay).encode(),
        **files,
    }


def _commands(environment: Environment, probes: ProbePlan | None, commit: str) -> dict[str, dict[int, Probe]]:
    """The probes of commands by the folders of their projects, and by their places in the plan, from 1.

    A probe that is of no project is of none here: nothing carries it out, and the judge sees that it did not hold.
    """
    folders = [project.folder for project in environment.projects]
    by_folder: dict[str, dict[int, Probe]] = {}
    for number, probe in enumerate(probes.commands(commit) if probes else (), start=1):
        where = command.folder(probe, folders)
        if where is not None:
            by_folder.setdefault(where, {})[number] = probe
    return by_folder


def _affected(environment: Environment, changed: Sequence[str], probed: Collection[str]) -> tuple[Project, ...]:
    """The projects that the change can concern: those whose files it changes, or all where it changes others'.

    And those in which commands are probed (`probed`).
    """
    with_tests = tuple(project for project in environment.projects if project.test or project.folder in probed)
    concerned = {project.folder for project in environment.projects for path in changed if below(path, project.folder)}
    elsewhere = any(not any(below(path, project.folder) for project in environment.projects) for path in changed)
    return tuple(p for p in with_tests if elsewhere or p.folder in concerned or p.folder in probed)


def _own(made: Sequence[Control], project: Project, environment: Environment) -> Iterator[Control]:
    """The controls of a project's own files; those of files of no project are every project's."""
    for control in made:
        owner = max(
            (other.folder for other in environment.projects if below(control.path, other.folder)), key=len, default=None
        )
        if owner in (None, project.folder):
            yield control


def _is_wanted(kind: ControlKind, bounds: Bounds) -> bool:
    return {"bodies": bounds.bodies, "body": bounds.bodies, "hunk": bounds.hunks, "mutant": bounds.mutants}[kind]


def _changed_tests(changed: Sequence[str], head: Files, base: Files, is_test: Callable[[str], bool]) -> set[str]:
    """The names of the tests at the head that are new or otherwise than on the base."""
    was, now = tests.Side(), tests.Side()
    read = [path for path in changed if is_test(path) or tests.language_of(path) is not None]
    for side, files in ((was, base), (now, head)):
        for path in read:
            if path in files.entries:
                side.read(path, partial(_source, files))
    before = {(path, test.name): (test.assertions, test.skips) for path, test in was.tests}
    return {test.name for path, test in now.tests if before.get((path, test.name)) != (test.assertions, test.skips)}


def _source(files: Files, path: str) -> str:
    return text(files, path) or ""


def _accepted(probes: ProbePlan | None, changed: Sequence[str], base: Files) -> dict[str, str]:
    """What the plan says of changed expectations, with the names of the tests that its files have on the base."""
    accepted = dict(probes.changed) if probes else {}
    for path in [path for path in accepted if path in changed and path in base.entries]:
        was = tests.Side()
        was.read(path, partial(_source, base))
        accepted |= {test.name: accepted[path] for _, test in was.tests if test.name not in accepted}
    return accepted


# --- what came of it -------------------------------------------------------------------------------------------------


Logs = Mapping[str, frames.Seen]
"""What the containers' logs show, by their Pods (`shards.pod`); a container without one was lost."""


def read_logs(plan: TestsPlan, logs: Mapping[str, str]) -> Logs:
    """What the logs show. Raises frames.Tampered where one is not as its script writes it."""
    return {pod: frames.read(plan.mark, log) for pod, log in logs.items()}


def results(plan: TestsPlan, logs: Logs) -> dict[str, list[TestRun]]:
    """The runs of each variant, in order, all projects together."""
    runs: dict[str, list[TestRun]] = {}
    for part in plan.projects:
        for variant in part.variants if part.project.test else ():
            own = [shards.joined(run) for run in _runs(part, variant, logs)]
            if not own:
                continue
            there = runs.get(variant.id)
            runs[variant.id] = own if there is None else [_joined(*pair) for pair in zip(there, own, strict=True)]
    return runs


def _runs(part: PlannedProject, variant: PlannedVariant, logs: Logs) -> list[list[TestRun]]:
    """Each run of a variant, by shards; none where a shard left the variant out."""
    step = f"p{part.number}.{variant.id}"
    own = [logs.get(pod) for pod in _pods(part)]
    if any(log is not None and step in log.skipped for log in own):
        return []
    return [[_run(part.project, log, step, number) for log in own] for number in range(1, variant.runs + 1)]


def _pods(part: PlannedProject) -> list[str]:
    return shards.pods([part.project], part.project.language)


def unlike_parts(plan: TestsPlan, logs: Logs) -> str:
    """Why the shards of a project's tests are no parts of one whole (`shards.fault`); '' if all are."""
    faults = (
        shards.fault(variant.id, run)
        for part in plan.projects
        for variant in part.variants
        if len(_pods(part)) > 1 and variant.id in (BEFORE, HEAD)
        for run in _runs(part, variant, logs)
    )
    return next(filter(None, faults), "")


def probe_results(plan: TestsPlan, logs: Logs) -> dict[str, dict[str, list[ProbeProof]]]:
    """What came of each probe of a command in each run, by name and variant, without those that were left out."""
    if not plan.probes:
        return {}
    probes = plan.probe_plan
    commands = dict(enumerate(probes.commands(plan.commit), start=1))
    of_a_project = {number for part in plan.projects for number in part.probes}
    # One that is of no project was carried out nowhere.
    shown = {
        probe.name: {} if number in of_a_project else {HEAD: [command.judge(probe, None)]}
        for number, probe in commands.items()
    }
    for part in plan.projects if commands else ():
        log = logs.get(part.project.language)
        for variant in part.variants:
            step = f"p{part.number}.{variant.id}"
            if not variant.is_probed or (log is not None and step in log.skipped):
                continue
            for run in range(1, variant.runs + 1):
                names = [f"{step}.{run}.{PROBE}{number}" for number in part.probes]
                done = [log.steps.get(name) for name in names if log and not unserved(log, name)] if log else []
                brought = command.results({n: f for each in done if each for n, f in each.frames.items()}, probes)
                for probe in (commands[number] for number in part.probes):
                    shown[probe.name].setdefault(variant.id, []).append(command.judge(probe, brought[probe.name]))
    return shown


def unserved(log: frames.Seen, step: str) -> frames.Step | None:
    """Where the services of a step did not start, or did not live to its end: what says so."""
    parts = (log.steps.get(f"{step}.{part}") for part in (services.UP, services.REST))
    return next((part for part in parts if part is not None and part.exit_status != 0), None)


def without_services(plan: TestsPlan, logs: Logs) -> list[str]:
    """What the logs say of services that were not there for a run that is no control's: strangers' text (R7)."""
    texts = []
    for part in plan.projects:
        for log in [logs[pod] for pod in _pods(part) if pod in logs]:
            for variant in part.variants:
                step = f"p{part.number}.{variant.id}"
                runs = [f"{step}.{run}" for run in range(1, variant.runs + 1)]
                probes = [f"{run}.{PROBE}{number}" for run in runs for number in part.probes]
                for name in [*runs, *probes] if variant.kind is None else ():
                    if (without := unserved(log, name)) is not None:
                        texts.append(_text(without.frames.get("log", b"")))
    return texts


def _run(project: Project, log: frames.Seen | None, step: str, number: int) -> TestRun:
    if log is None:
        return TestRun({}, None, "lost")
    name = f"{step}.{number}"
    prepared: tuple[tuple[str, Literal["setup", "build"]], ...] = (
        *((f"{step}.setup-{n}", "setup") for n, _ in enumerate(project.setup, start=1)),
        *((f"{name}.build-{n}", "build") for n, _ in enumerate(project.build, start=1)),
    )
    for earlier, problem in prepared:
        done = log.steps.get(earlier)
        if done is not None and done.exit_status != 0:
            no_tool = done.exit_status in _NOT_THERE
            log_end = _text(done.frames.get("log", b""))
            return TestRun({}, done.exit_status, "tool" if no_tool else problem, log_end)
    if (without := unserved(log, name)) is not None:
        return TestRun({}, None, "service", _text(without.frames.get("log", b"")))
    done = log.steps.get(name)
    if done is None:
        if not log.ended:
            return TestRun({}, None, "lost")
        return TestRun({}, None, "setup", _failed_setup(log, step.partition(".")[0]))
    output = _text(done.frames.get("log", b""))
    if done.exit_status is None:
        return TestRun({}, None, "timeout", output, done.seconds)
    if done.tampered:
        return TestRun({}, done.exit_status, "tampered", output, done.seconds)
    if done.exit_status in _NOT_THERE:
        return TestRun({}, done.exit_status, "tool", output, done.seconds)
    if done.exit_status in _TIMED_OUT and done.seconds >= project.minutes * 60:
        return TestRun({}, done.exit_status, "timeout", output, done.seconds)
    report = done.frames.get("report") or None
    return reports.run(project, report, output, done.exit_status, done.seconds)


def _failed_setup(log: frames.Seen, project: str) -> str:
    """What the project's first setup that failed printed: on an earlier variant, whose packages this one has, too."""
    for name, done in log.steps.items():
        if name.startswith(f"{project}.") and ".setup-" in name and done.exit_status != 0:
            return _text(done.frames.get("log", b""))
    return ""


_NOT_THERE = (126, 127)
"""The shell's words for a program that is not there, or can't be run."""
_TIMED_OUT = (124, 137, 143)


def _text(content: bytes) -> str:
    return content.decode("utf-8", "replace")


def _joined(first: TestRun, second: TestRun) -> TestRun:
    """The runs of two projects as one."""
    worse = first if first.problem else second
    statuses = [run.exit_status for run in (first, second) if run.exit_status is not None]
    status = max(statuses) if len(statuses) > 1 else None
    return TestRun({**first.tests, **second.tests}, status, worse.problem, worse.log, first.seconds + second.seconds)
