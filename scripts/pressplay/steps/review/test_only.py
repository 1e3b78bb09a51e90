"""What the harness requires of a pull request's tests, each time that QA has finished (R6).

QA changed only tests and its plan of probes, in any push; the tests are as strong as before (`kept_tests`), and merges
of the base keep what it has (`kept_base`); there is something besides tests to prove, and a plan to prove it; QA
answered what was contested. The commits stay on the branch. QA reads what it must fix and runs again in the same round;
Rex reads what he must fix once in a try.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pressplay import names
from pressplay.domain.entries import Entries
from pressplay.domain.entries import Run as RunEntry
from pressplay.domain.profiles import Profile
from pressplay.domain.roles import LINT, TEST
from pressplay.errors import InputError
from pressplay.gates.acceptance.probe_plan import ProbePlan, unusable
from pressplay.gates.only_tests import Offence, Paths, only_tests, reason
from pressplay.gates.tests import Loss
from pressplay.github import comparison, pulls
from pressplay.github.calls import Client, GitHubRefused
from pressplay.github.files import Files
from pressplay.steps.core import stack, task_criteria, task_profile, verdicts
from pressplay.steps.core.context import Context, Subject
from pressplay.steps.core.verdicts import GateVerdict
from pressplay.steps.review import kept_base, kept_tests, plans, pushed
from pressplay.steps.review.kept_tests import Finding
from pressplay.steps.review.pushed import Branch, Pushed
from pressplay.steps.runs import contests
from pressplay.validation.markdown import fenced


@dataclass(frozen=True)
class Judged:
    """The verdict on a commit, and what was learned of it on the way."""

    verdict: GateVerdict
    for_rex: bool
    """Whether Rex can fix all that it refuses."""
    changes: Sequence[tuple[Loss, str]]
    """The expectations that the change alters for a criterion, each with its id."""
    plan: ProbePlan | None
    """The commit's plan of probes; None where it holds none that proves anything."""


def judged(context: Context, gh: Client, subject: Subject, pull: pulls.Pull, entries: Entries) -> Judged:
    """What the gate makes of the pull request's head. `gh` may read contents and pull requests."""
    head = pull.head_sha
    profile = task_profile.of(context, gh, subject, entries)
    plan, fault = _plan(context, gh, subject, head)
    changed = plan.changed if plan is not None else {}
    findings = list(_findings(context, gh, subject, pull, entries, profile, changed))
    findings += _unanswered(context, gh, subject, entries)
    refused = [finding for finding in findings if not finding.held_for]
    verdict = _verdict(findings)
    passed = any(run.outcome == "pass" and run.new_head == head for run in _runs(entries, subject, TEST.name))
    if verdict.outcome == "pass" and passed:
        verdict = fault or _lacking(subject, plan) or verdict
    for_rex = bool(refused) and all(finding.fixer == "rex" for finding in refused)
    return Judged(verdict, for_rex, [change for finding in findings for change in finding.changes], plan)


def _findings(
    context: Context,
    gh: Client,
    subject: Subject,
    pull: pulls.Pull,
    entries: Entries,
    profile: Profile,
    changed: Mapping[str, str],
) -> Iterator[Finding]:
    head, paths = pull.head_sha, Paths(subject.settings.test_paths.model_dump())
    whole = stack.compared(context, gh, subject, pull.base_ref, head)
    before, after = Files(gh, subject.repo, whole.merge_base), Files(gh, subject.repo, head)
    branch = pushed.of(context, subject, pull, entries)
    if branch.too_many:
        yield Finding(f"more than {pushed.MOST} pushes of agents' Apps since it was last passed", "", "rex")
        return
    offences = (
        _of_pushes(branch, paths, after) if branch.recorded else _of_runs(gh, subject, paths, entries, head, after)
    )
    if offences:
        listed = kept_tests.paths(offence.path for offence in offences if offence.path)
        yield Finding(reason(offences), f"Not of the tests:\n\n{listed}", "qa")
    own_plan = names.acceptance_plan(subject.work_number)
    yield from kept_tests.findings(whole, before, after, branch, pull.base_ref, own_plan, changed)
    yield from kept_base.findings(context, gh, subject, pull, entries)
    yield from kept_tests.of_profile(whole, before, after, paths, profile)


def _unanswered(context: Context, gh: Client, subject: Subject, entries: Entries) -> Iterator[Finding]:
    """What was contested before QA gave its verdict, and its verdict does not name."""
    pending = contests.pending(context, gh, subject, entries)
    if pending:
        count = f"{len(pending)} contested {'point' if len(pending) == 1 else 'points'}"
        listed = "\n".join(f"- `{point.id}`" for point in pending)
        details = f"The verdict must have a line for each, with its id and the answer:\n\n{listed}"
        yield Finding(f"QA's verdict does not answer {count}", details, "qa")


def _verdict(findings: list[Finding]) -> GateVerdict:
    refused = [finding for finding in findings if not finding.held_for]
    details = "\n\n".join(
        f"{finding.reason[:1].upper()}{finding.reason[1:]}.\n\n{finding.details}" for finding in refused or findings
    )
    if not refused and findings:
        holds = tuple(sorted({criterion for finding in findings for criterion in finding.held_for}))
        reason = "; ".join(finding.reason for finding in findings)
        return GateVerdict("pass", "Changed expectations", reason, details, holds=holds)
    if not refused:
        return GateVerdict(
            "pass", "Tests are kept", "QA changed nothing but tests and the plan of probes, and no test is weaker"
        )
    return GateVerdict(
        "fail", "Tests or plan are not as they must be", "; ".join(finding.reason for finding in refused), details
    )


def _of_pushes(branch: Branch, paths: Paths, head: Files) -> list[Offence]:
    """What QA's pushes, of any run, changed besides tests and did not undo since."""
    own = [push for at, push in enumerate(branch.moves) if at >= branch.judged and push.whose == "qa"]
    offences: dict[str, Offence] = {}
    for push in own:
        for offence in only_tests(push.compared, paths, push.was, push.now):
            offences.setdefault(offence.path, offence)
    return [offence for offence in offences.values() if offence.why == "unseen" or not _undone(offence.path, own, head)]


def _undone(path: str, own: list[Pushed], head: Files) -> bool:
    """Whether a file at the head is as before QA's pushes changed it, or they undid their changes.

    QA need not undo what others changed in between.
    """
    begin: tuple[tuple[str, str] | None] | None = None
    end: tuple[tuple[str, str] | None] = (None,)
    for push in own:
        was, now = push.was.entry(path), push.now.entry(path)
        if was == now:
            continue
        if begin is not None and was != end[0]:
            if begin[0] not in (end[0], head.entry(path)):
                return False
            begin = None
        begin, end = begin or (was,), (now,)
    return begin is None or begin[0] in (end[0], head.entry(path))


def _of_runs(gh: Client, subject: Subject, paths: Paths, entries: Entries, head: str, after: Files) -> list[Offence]:
    """The same without GitHub's record of pushes: all changes since QA began count as QA's."""
    before = began_at(entries, subject, head)
    if before == head:
        return []
    compared = comparison.difference(gh, subject.repo, before, head)
    return only_tests(compared, paths, Files(gh, subject.repo, before), after)


def began_at(entries: Entries, subject: Subject, head: str) -> str:
    """The commit at which QA began the work that ended at `head`.

    It includes its earlier runs whose commits the gate did not pass: a failed run may have pushed too, and what a later
    run undid does not count. Clippy may have formatted the commits in between.
    """
    tests, lints = _runs(entries, subject, TEST.name), _runs(entries, subject, LINT.name)

    def left(at: str) -> RunEntry | None:
        """QA's run that moved the head to `at`, if the gate has not passed that commit."""
        if at != head and verdicts.has_passed(entries, verdicts.TEST_ONLY, at):
            return None
        return next((run for run in tests if run.new_head == at != run.head), None)

    begin, known = head, set[str]()
    while begin not in known:
        known.add(begin)
        run = left(begin) or next((r for r in lints if r.new_head == begin != r.head and r.head and left(r.head)), None)
        begin = run.head if run and run.head else begin
    return begin


def _runs(entries: Entries, subject: Subject, role: str) -> list[RunEntry]:
    """The runs of a role in this try, the newest first."""
    own = [run for run in entries.runs_of(subject.attempt_of_person) if run.role == role and run.started is not None]
    return sorted(own, key=lambda run: (run.began, run.attempt), reverse=True)


def _plan(context: Context, gh: Client, subject: Subject, head: str) -> tuple[ProbePlan | None, GateVerdict | None]:
    """The plan of probes at the head, None if there is none; or what is wrong with it."""
    try:
        return plans.read(gh, subject, head, task_criteria.ids(context, subject)), None
    except GitHubRefused:
        raise
    except InputError as error:
        where = names.acceptance_plan(subject.work_number)
        # Its text quotes what QA wrote.
        return None, GateVerdict("fail", "The plan of probes is wrong", unusable(where), fenced(str(error)))


def _lacking(subject: Subject, plan: ProbePlan | None) -> GateVerdict | None:
    """What the plan of probes lacks for this installation; None if it lacks nothing."""
    settings, where = subject.settings, names.acceptance_plan(subject.work_number)
    deploys = settings.deploy.mode != "none"
    if plan is None and deploys and not settings.tests.enabled:
        return GateVerdict("fail", "No plan of probes", f"QA passed it without a plan of probes at {where}")
    if plan is not None and plan.needs_deployment and not deploys and settings.tests.enabled:
        reason = f"the plan of probes at {where} asks for a deployment, and none is set up: probe commands instead"
        return GateVerdict("fail", "Nothing is deployed", reason)
    return None
