"""The tests gate: whether a commit's tests prove it, as the harness itself sees them run.

`plan` decides whether there is anything to do; `checkout` writes the commit, its variants and the script onto a volume;
a Pod without token, account or network runs it; `verdict` reads what the Pod printed. Only paths, names and counts of
that travel on; all of it is strangers' text.
"""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from pressplay import names
from pressplay.domain.profiles import DEFAULT, Profile
from pressplay.domain.reasons import Reason
from pressplay.errors import InputError
from pressplay.gates.acceptance import probe_plan
from pressplay.gates.acceptance.end_plan import EndPlan
from pressplay.gates.acceptance.probe_plan import ProbePlan
from pressplay.gates.only_tests import Paths
from pressplay.gates.proving import assessment, environment, independent, job, judge, services, shards
from pressplay.gates.proving.job import Bounds, PlannedProject, TestsJob, TestsPlan
from pressplay.gates.proving.judgement import Judgement, markdown
from pressplay.gates.proving.model import Environment, Language
from pressplay.github import pulls, refs
from pressplay.github.committed import Unreadable
from pressplay.settings import Tests
from pressplay.steps.core import criteria_first, evidence, merged_trees, stack, task_profile
from pressplay.steps.core.context import Context, Inputs, Outputs, Subject, number
from pressplay.steps.core.verdicts import TESTS, GateVerdict
from pressplay.steps.gate_pods import gate_runs, gate_tokens, named_checks, play_end
from pressplay.steps.gate_pods.candidate import Candidate
from pressplay.steps.gate_pods.gate_runs import GatePod
from pressplay.steps.gate_pods.pod_end import look, waiting_sidecars
from pressplay.validation.details import ending

if TYPE_CHECKING:
    from pressplay.github.clone import Tree

_LANGUAGES: tuple[Language, ...] = get_args(Language)


def plan(inputs: Inputs, context: Context) -> Outputs:
    """See `gate_runs.plan`."""
    return gate_runs.plan(inputs, context, TESTS, Subject.of(inputs, context).settings.tests)


def read_checks(inputs: Inputs, context: Context) -> Outputs:
    """See `named_checks.read`."""
    return named_checks.read(inputs, context, TESTS, Subject.of(inputs, context).settings.tests)


def checkout(inputs: Inputs, context: Context) -> Outputs:
    """See `_check_out`; `state` spent, and nothing else, where the token has expired: see `gate_tokens.reading`."""
    return gate_tokens.reading(inputs, context, _check_out)


def _check_out(inputs: Inputs, context: Context) -> Outputs:
    """Write the head commit, its variants and each language's script into the folder `into`, the volume.

    With `onto` it is the tree of merging the head with that commit, and the base is that commit. With `tasks` it is
    what a play ended with, and the probes are those of all these tasks.

    Outputs: `plan`, for the verdict; where something runs, `pods` (`gate_runs.pods`), and what they may take
    (`gate_runs.bounds`).

    Independent criteria lie in a folder of their own, which no other Pod sees.
    """
    from pressplay.github.clone import Clone

    subject, candidate, into = Subject.of(inputs, context), Candidate.of(inputs), Path(inputs["into"])
    head = candidate.head
    gh = context.harness(subject.repo, contents="read", pull_requests="read")
    pull = pulls.pull(gh, subject.repo, subject.pull_number)
    if candidate.is_superseded(pull):
        # A commit that was replaced by a push may be gone; the verdict will see that the head has changed.
        return {"plan": TestsPlan().pack()}
    tip = refs.head(gh, subject.repo, subject.base(gh))
    # What others merged meanwhile is neither this change's doing nor lost by it.
    base, whole = candidate.onto or stack.compared(context, gh, subject, tip, head).merge_base, head
    # Remove what a killed attempt left.
    for part in ("git", "source", gate_runs.SCRIPTS, independent.POD, "base"):
        shutil.rmtree(into / part, ignore_errors=True)
        (into / part).mkdir(parents=True)
    clone = Clone(into / "git")
    clone.fetch(context.remote(subject.repo), [head, base, tip])
    entries = context.ledger(subject.repo).entries("pr", subject.pull_number)
    if candidate.onto:
        merge = merged_trees.merge(context, gh, clone, subject.repo, candidate.onto, head)
        if merge.conflicts:
            problem, files = "it conflicts with the base branch", ", ".join(merge.conflicts)
            return {"plan": TestsPlan(onto=candidate.onto, problem=problem, details=files).pack()}
        whole = merge.tree
        if not candidate.tasks and candidate.is_proven(entries, TESTS, whole):
            return {"plan": TestsPlan(onto=candidate.onto, tree=whole, proven=True).pack()}
    trees = clone.tree(whole), clone.tree(base)
    # From the newest commit, so that no branch brings an earlier contract back.
    contract = environment.choose(clone.tree(tip), subject.settings.tests.environment)
    probes, tasks, proven = _probes(trees[0], subject), candidate.tasks, False
    left_out: tuple[int, ...] = ()
    end: EndPlan | None = None
    if candidate.tasks:
        plans, unreadable = play_end.plans(trees[0], tasks)
        if candidate.is_deployed(entries):
            end = EndPlan.of(plans, unreadable, subject.settings.deploy.base.commit.workload.namespace)
        proven = play_end.is_green(entries, clone, context.remote(subject.repo), pull.head_sha, whole)
        if proven:
            # The probes of that pull request's task held there, too.
            contract, tasks = contract.without_tests, tuple(task for task in tasks if task != subject.task)
        probes, too_many = probe_plan.joined({task: plan for task, plan in plans.items() if task in tasks}, {"command"})
        left_out = (*(task for task in unreadable if task in tasks), *too_many)
    changed = clone.differing(base, whole)
    is_test = Paths(subject.settings.test_paths.model_dump()).match
    profile = DEFAULT if candidate.tasks else task_profile.of(context, gh, subject, entries)
    made = job.prepare(
        contract,
        changed,
        *trees,
        is_test,
        _mark(),
        _bounds(subject.settings.tests),
        probes,
        head,
        profile,
        candidate.merged(entries, whole),
    )
    probed = TestsJob(TestsPlan())
    if not candidate.tasks:
        probed = _independent(context, subject, profile, contract, changed, trees, is_test, head)
    projects = [part.project for part in (*made.plan.projects, *probed.plan.projects)]
    if refused := services.refused(projects, context.settings.gate_pods.services.images):
        problem = "the values do not allow the image of a service (gatePods.services.images)"
        made = TestsJob(TestsPlan(origin=made.plan.origin, problem=problem, details=", ".join(refused)))
        probed = TestsJob(TestsPlan())
    if made.scripts or probed.scripts:
        clone.check_out(whole, {}, into / "source")
    if any(project.services for project in projects) and (made.scripts or probed.scripts):
        # What services read of the project is no pull request's.
        clone.check_out(tip, {}, into / "base")
    shutil.rmtree(into / "git")
    attempts = number(inputs, "attempts") or 1
    for pod, text in made.scripts.items():
        gate_runs.write_script(context, into, pod, text, attempts)
    for text in probed.scripts.values():
        gate_runs.write_script(context, into, independent.POD, text, attempts, independent.POD)
    _write(into / gate_runs.SCRIPTS, made.files)
    _write(into / independent.POD, probed.files)
    apart = probed.plan if probed.plan != TestsPlan() else None
    plan = replace(made.plan, independent=apart, left_out=left_out, proven=proven, end=end)
    pods = gate_runs.pods(_pods(context, subject, made.plan, probed))
    return {"plan": plan.pack(), "pods": pods, **gate_runs.bounds(subject.settings.tests)}


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    for path, content in files.items():
        where = folder / path
        where.parent.mkdir(parents=True, exist_ok=True)
        where.write_bytes(content)


def _pods(context: Context, subject: Subject, made: TestsPlan, probed: TestsJob) -> Iterator[GatePod]:
    """The Pods of each language, one for each shard, and that of the independent criteria."""
    tools = subject.settings.tests_images
    for language in _LANGUAGES:
        parts = [part for part in made.projects if part.project.language == language]
        sidecars = _sidecars(context, parts, gate_runs.SCRIPTS)
        for pod in shards.pods((part.project for part in parts), language) if parts else ():
            yield GatePod(pod, tools[language], sidecars)
    for only in probed.scripts:
        yield GatePod(independent.POD, tools[only], _sidecars(context, probed.plan.projects, independent.POD))


def _sidecars(context: Context, parts: Iterable[PlannedProject], scripts: str) -> str:
    """The services of a Pod, as JSON. `scripts`: the part of the volume that it has its scripts from."""
    settings = context.settings.gate_pods.services
    return json.dumps([
        services.container(
            part.number, part.project, service, settings.resources, settings.security_context, scripts
        )
        for part in parts
        for service in part.project.services
    ])  # fmt: skip


def _mark() -> str:
    return f"@{secrets.token_hex(16)}"


def _independent(
    context: Context,
    subject: Subject,
    profile: Profile,
    contract: Environment,
    changed: Iterable[str],
    trees: tuple[Tree, Tree],
    is_test: Callable[[str], bool],
    head: str,
) -> TestsJob:
    """The job of the independent criteria; an empty one where the values ask for none."""
    if not criteria_first.asks(subject, profile):
        return TestsJob(TestsPlan())
    probes = criteria_first.recorded(context, subject)
    if probes is None:
        return TestsJob(TestsPlan(problem=_NO_CRITERIA))
    return independent.prepare(contract, changed, *trees, is_test, _mark(), probes, head)


_NO_CRITERIA = (
    "the values ask for independent criteria (tests.criteriaFirst), and none are recorded for this task; press play "
    "again"
)


def _probes(head: Tree, subject: Subject) -> ProbePlan | None:
    """The plan of probes at the head; None if there is none, or none that counts: the test-only gate says so."""
    where = names.acceptance_plan(subject.work_number)
    try:
        content = head.content(where)
        return None if content is None else probe_plan.read(content, where)
    except (InputError, Unreadable):
        return None


def _bounds(tests: Tests) -> Bounds:
    controls = tests.controls
    return Bounds(
        repeat=tests.repeat,
        bodies=controls.bodies != "off",
        hunks=controls.hunks != "off",
        mutants=controls.mutants != "off",
        most=controls.most,
        seconds=controls.minutes * gate_runs.MINUTE,
    )


def verdict(inputs: Inputs, context: Context) -> Outputs:
    """Judge what the Pods printed, and delete the volume and the Pods; `outcome` as from `verdicts.post`.

    `attempt` of `attempts` (from 0) says which Pods. If one was lost with its node, the step ends with status 1 and the
    attempt is repeated; `attempt` none: no attempt had a result.
    """
    subject, candidate = Subject.of(inputs, context), Candidate.of(inputs)
    name, attempt = names.checked(inputs["name"], "name"), number(inputs, "attempt")
    if (before := gate_runs.earlier(context, subject, TESTS, candidate, name)) is not None:
        return before
    if attempt is None:
        return gate_runs.conclude(context, subject, TESTS, candidate, gate_runs.given_up(), name)
    made = TestsPlan.unpack(inputs["plan"])
    if made.proven and not candidate.tasks:
        return gate_runs.conclude(context, subject, TESTS, candidate, _PROVEN, name, made.tree)
    projects = [part.project for part in made.projects]
    wanted = {pod for project in projects for pod in shards.pods([project], project.language)}
    if made.independent is not None and made.independent.projects:
        wanted.add(independent.POD)
    pods = {
        pod: context.cluster.get("Pod", context.settings.namespace, gate_runs.pod_name(name, pod, attempt))
        for pod in wanted
    }
    ends = {language: look(pod) for language, pod in pods.items()}
    if any(end.lost for end in ends.values()) and not gate_runs.is_last(inputs, attempt):
        raise gate_runs.Lost(f"{name}: a container was lost with its node")
    logs = {
        pod: gate_runs.printed(context, name, pod, attempt, assessment.LOG_BYTES)
        for pod, end in ends.items()
        if end.state != "missing"
    }
    waiting = dict.fromkeys(text for pod in pods.values() for text in waiting_sidecars(pod))
    if waiting and any(end.state == "waiting" for end in ends.values()):
        problem = "a service beside the tests could not be started"
        made = replace(made, problem=problem, details=", ".join(waiting))
    if candidate.tasks:
        if made.end is not None:
            # Before the verdict, which says that it is there.
            evidence.keep(context, subject, candidate.head, {evidence.END_PLAN: made.end.pack()})
        ended = assessment.of_end(made, logs)
        concluded = play_end.verdict_of(ended, proven=made.proven)
        return gate_runs.conclude(context, subject, TESTS, candidate, concluded, name, made.tree, ended.failing)
    judgement = _judged(context, subject, made, logs)
    if not candidate.onto:
        records = {evidence.JUDGEMENT: judgement.pack(), evidence.CONTRACT: made.origin}
        evidence.keep(context, subject, candidate.head, records)
    green = judgement.outcome == "pass" and made.complete and judgement.failed == 0
    concluded = replace(verdict_of(judgement), green=green)
    return gate_runs.conclude(context, subject, TESTS, candidate, concluded, name, made.tree)


_PROVEN = GateVerdict("pass", "Proven before", "the same tree passed before")


def _judged(context: Context, subject: Subject, made: TestsPlan, logs: Mapping[str, bytes]) -> Judgement:
    entries = context.ledger(subject.repo).entries("pr", subject.pull_number)
    profile = task_profile.of(context, context.harness(subject.repo, contents="read"), subject, entries)
    controls = subject.settings.tests.controls
    refusing = judge.Bounds(controls.bodies, controls.hunks, controls.mutants)
    of_tests = {pod: log for pod, log in logs.items() if pod != independent.POD}
    return assessment.assess(made, of_tests, profile, refusing, logs.get(independent.POD))


_TITLES: Mapping[str, tuple[Literal["pass", "fail", "error"], str]] = {
    "pass": ("pass", "The tests prove it"),
    "fail": ("fail", "The tests do not prove it"),
    "undecided": ("error", "Could not be judged"),
}


def verdict_of(judgement: Judgement) -> GateVerdict:
    """The gate's verdict of a judgement. A project without anything to run passes, and shows nothing."""
    if judgement.refusing and all(finding.kind == "nothing-to-run" for finding in judgement.refusing):
        reason = "there is nothing to run: it has no test command, and no probe runs a command"
        return GateVerdict("pass", "Nothing to run", reason, proves=False)
    outcome, title = _TITLES[judgement.outcome]
    criteria = {text.partition(":")[0] for text in judgement.accepted}
    return GateVerdict(
        outcome, title, judgement.reason(), markdown(judgement), _why(judgement), holds=tuple(sorted(criteria))
    )


def _why(judgement: Judgement) -> Reason | None:
    """The reason with the first detail of what refuses it; None where nothing has one."""
    detail = next((text for finding in judgement.refusing for text in finding.details), "")
    return Reason(what=judgement.reason(), detail=ending(detail)) if detail else None
