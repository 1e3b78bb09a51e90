"""Failing checks of a pull request's head: classified, run again, reported, or handed to the Triage agent.

The ledger's entry `domain.entries.Triage` says for each failure what is planned and whether it is done. It is written
first, so that each failure is handled once, whatever process dies in between. A check that is run again gets another
id; `check`, a hash of its identity, shows that it is the same check.

Failures of an unfinished workflow run wait until it has ended: GitHub re-runs nothing before, and an agent should see
all of them at once. The real failures of one head are one piece of work; its cause is the first one's: `check-<id>`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pressplay.domain.entries import Entries, Triage
from pressplay.github import actions, checks, comparison, issues, pulls, refs
from pressplay.github.calls import Client, GitHubRefused
from pressplay.steps.core import parking
from pressplay.steps.core.context import Context, Inputs, Outputs, Subject
from pressplay.steps.triage import untriaged
from pressplay.steps.triage.classify import Evidence, FailureVerdict, classify
from pressplay.steps.triage.failure import ANNOTATIONS, LOG_LINES
from pressplay.validation.markdown import code

BASE_LABEL = "press-play/base-broken"
_MOST = 20
"""Failed checks that are classified at once: of a larger matrix the first ones show enough."""
_HISTORY, _FLAKES = 20, 5
"""How many runs of the base branch are read, and for how many re-run ones the jobs."""


# -- the plan ----------------------------------------------------------------------------------------------------------


def look(inputs: Inputs, context: Context) -> Outputs:
    """Classify the failed checks of the head, and plan what is done about each.

    Outputs: class (the gravest), cause (of the Triage agent's run, or none), rerun and report (yes or no).
    """
    subject = Subject.of(inputs, context)
    gh = context.harness(subject.repo, actions="read", checks="read", contents="read", pull_requests="read")
    pull = pulls.pull(gh, subject.repo, subject.pull_number)
    ledger = context.ledger(subject.repo)
    entries = ledger.entries("pr", pull.number)
    failed = untriaged.untriaged(context, subject, pull, entries)[:_MOST]
    if not failed:
        return {"class": "none", "cause": "none", "rerun": "no", "report": "no"}
    record = _Record(gh, subject.repo, pull)
    verdicts = [
        (failure, classify(record.evidence(failure, _was_run_again(entries, subject, pull, failure))))
        for failure in failed
    ]
    real = min((failure for failure, verdict in verdicts if verdict.kind == "real"), key=_order, default=None)
    plans = set()
    for failure, verdict in verdicts:
        plan = _plan(verdict, repaired=real is not None)
        context.say(f"{failure.cause}: {verdict.kind}: {verdict.reason}")
        if not plan:
            continue
        plans.add(plan)
        entry = _entry(context, subject, pull, failure, verdict, plan)
        if plan == "repair" and real is not None:
            entry = replace(entry, cause=real.cause)
        ledger.record("pr", pull.number, entry)
    return {
        "class": next((kind for kind in _GRAVEST if any(v.kind == kind for _, v in verdicts)), "none"),
        "cause": real.cause if real is not None else "none",
        "rerun": "yes" if "rerun" in plans else "no",
        "report": "yes" if "report" in plans else "no",
    }


_GRAVEST = ("real", "infrastructure", "flaky", "base")


def _order(failed: untriaged.Failed) -> tuple[bool, int]:
    return failed.check is None, failed.check.id if failed.check else failed.run.id if failed.run else 0


def _plan(verdict: FailureVerdict, *, repaired: bool) -> str:
    """What to do about a failure; empty (nothing yet) if a repair is about to change the head."""
    if verdict.kind == "real":
        return "repair"
    if verdict.kind in ("none", "base"):
        return {"none": "leave", "base": "report"}[verdict.kind]
    if repaired:
        return ""
    return "rerun" if verdict.rerun else "report"


def _entry(
    context: Context, subject: Subject, pull: pulls.Pull, failed: untriaged.Failed, verdict: FailureVerdict, plan: str
) -> Triage:
    return Triage(
        id=Triage.id_of(failed.cause),
        kind=verdict.kind,
        reason=verdict.reason,
        plan=plan,
        done=plan == "leave",
        head=pull.head_sha,
        check=failed.same,
        cause=failed.cause,
        run=failed.run.id if failed.run else 0,
        attempt=failed.run.attempt if failed.run else 0,
        ended=failed.ended,
        try_=subject.attempt_of_person,
        at=int(context.clock.now()),
    )


def _was_run_again(entries: Entries, subject: Subject, pull: pulls.Pull, failed: untriaged.Failed) -> bool:
    return _has_rerun(entries, failed.same, pull.head_sha, subject.attempt_of_person)


def _has_rerun(entries: Entries, check: str, head: str, try_: int) -> bool:
    """Whether we had a check run again on a commit in a try."""
    return any(
        entry.rerun and (entry.check, entry.head, entry.try_) == (check, head, try_) for entry in entries.all(Triage)
    )


# -- GitHub's record ---------------------------------------------------------------------------------------------------


class _Record:
    """GitHub's record of a pull request's failed checks; shared data is read once."""

    def __init__(self, gh: Client, repo: str, pull: pulls.Pull) -> None:
        self._gh, self._repo, self._pull = gh, repo, pull
        self._base = refs.head(gh, repo, pull.base_ref)
        compared = comparison.compare(gh, repo, self._base, pull.head_sha)
        self._merge_base = compared.merge_base
        self._changed = {path for file in compared.files for path in (file.path, file.before)}
        self._ended: dict[str, dict[str, str]] = {}
        self._jobs: dict[int, list[actions.WorkflowJob]] = {}
        self._flaky: dict[int, frozenset[str]] = {}

    def evidence(self, failed: untriaged.Failed, run_again: bool) -> Evidence:
        """The evidence on one failed check, for `classify`."""
        check, run = failed.check, failed.run
        jobs = self._jobs_of(run) if run is not None and check is not None else []
        job = next((job for job in jobs if check is not None and job.check == check.id), None)
        log = (actions.log_tail(self._gh, self._repo, job.id, LOG_LINES) or "") if job is not None else ""
        step = job.failed_step if job is not None else None
        return Evidence(
            conclusion=failed.conclusion,
            job=job is not None,
            began=job is None or job.ran,
            failed_step=step.name if step is not None else None,
            words=(*self._annotated(check), *(line for line in log.splitlines() if line.startswith("##[error]"))),
            log=log,
            workflow_changed=run is not None and run.path.partition("@")[0] in self._changed,
            passed_here=self._passed_here(check, jobs),
            on_base=self._ended_at(self._base).get(failed.same),
            on_merge_base=self._ended_at(self._merge_base).get(failed.same),
            flaky_on_base=job is not None and run is not None and job.name in self._flaky_jobs(run.workflow),
            run_again=run_again,
        )

    def _annotated(self, check: checks.CheckRun | None) -> list[str]:
        """The check's annotations on no file of the project: those are the runner's."""
        if check is None:
            return []
        annotations = checks.annotations_of(self._gh, self._repo, check.id, ANNOTATIONS)
        return [annotation.message for annotation in annotations if annotation.path in ("", ".github")]

    def _passed_here(self, check: checks.CheckRun | None, jobs: Sequence[actions.WorkflowJob]) -> bool:
        if check is None:
            return False
        if jobs:
            # Of this run alone: another event's run of the same workflow tests another tree.
            return any(job.name == check.name and job.conclusion == "success" for job in jobs)
        every = checks.every_run(self._gh, self._repo, check.head_sha, check.name)
        return any(attempt.app == check.app and attempt.conclusion == "success" for attempt in every)

    def _jobs_of(self, run: actions.WorkflowRun) -> list[actions.WorkflowJob]:
        if run.id not in self._jobs:
            self._jobs[run.id] = actions.jobs(self._gh, self._repo, run.id)
        return self._jobs[run.id]

    def _ended_at(self, sha: str) -> dict[str, str]:
        """How each check ended on a commit, by `Failed.same`."""
        if sha not in self._ended:
            workflow_runs = actions.runs_of_commit(self._gh, self._repo, sha)
            runs = {run.suite: run for run in workflow_runs}
            ended = [
                (untriaged.Failed(check.conclusion or "", check, runs.get(check.suite)), check.id)
                for check in checks.checks(self._gh, self._repo, sha)
            ]
            ended += [(untriaged.Failed(run.conclusion or "", None, run), run.id) for run in workflow_runs]
            newest = sorted(ended, key=lambda end: end[1])
            self._ended[sha] = {end.same: end.conclusion for end, _ in newest if end.conclusion}
        return self._ended[sha]

    def _flaky_jobs(self, workflow: int) -> frozenset[str]:
        """The jobs of a workflow that on some commit of the base branch failed and passed."""
        if workflow not in self._flaky:
            runs = actions.runs_of_workflow(self._gh, self._repo, workflow, self._pull.base_ref, _HISTORY)
            again = [run for run in runs if run.attempt > 1 and run.conclusion == "success"][:_FLAKES]
            ends = {(run.id, job.name, job.conclusion) for run in again for job in self._jobs_of(run)}
            both = {name for run, name, end in ends if end == "failure" and (run, name, "success") in ends}
            self._flaky[workflow] = frozenset(both)
        return self._flaky[workflow]


# -- the actions -------------------------------------------------------------------------------------------------------


def _planned(context: Context, subject: Subject, pull: pulls.Pull, plan: str) -> list[Triage]:
    """The failures of this head and try with this plan that are not done yet."""
    return [
        entry
        for entry in context.ledger(subject.repo).entries("pr", pull.number).all(Triage)
        if entry.plan == plan
        and not entry.done
        and entry.head == pull.head_sha
        and entry.try_ == subject.attempt_of_person
    ]


def rerun(inputs: Inputs, context: Context) -> Outputs:
    """Re-run what is planned, each workflow run once; what GitHub refuses to re-run is left for `report`.

    A run's attempt shows whether the re-run was requested already, so a second call requests nothing twice.
    """
    subject = Subject.of(inputs, context)
    gh = context.harness(subject.repo, actions="write", checks="write", pull_requests="read")
    pull = pulls.pull(gh, subject.repo, subject.pull_number)
    ledger = context.ledger(subject.repo)
    restarted: set[int] = set()
    done, report = 0, "no"
    for planned in _planned(context, subject, pull, "rerun"):
        entry = replace(planned, rerun=True)
        ledger.record("pr", pull.number, entry)
        if entry.run in restarted or _ask_again(gh, subject.repo, entry):
            done += 1
            restarted |= {entry.run} - {0}
            entry = replace(entry, done=True)
        else:
            report = "yes"
            reason = f"{entry.reason}, and it can't be run again from here"
            entry = replace(entry, rerun=False, plan="report", reason=reason)
        ledger.record("pr", pull.number, entry)
    return {"rerun": str(done), "report": report}


def _ask_again(gh: Client, repo: str, entry: Triage) -> bool:
    """Whether it runs again: requested now, or before."""
    try:
        if not entry.run:
            checks.ask_again(gh, repo, int(Triage.id_of(entry.cause)))
            return True
        if _runs_again(gh, repo, entry):
            return True
        if entry.cause.startswith("run-"):
            actions.rerun(gh, repo, entry.run)
        else:
            actions.rerun_failed(gh, repo, entry.run)
    except GitHubRefused:
        # Another Workflow may have requested it in between; else GitHub's refusal counts.
        return bool(entry.run) and _runs_again(gh, repo, entry)
    return True


def _runs_again(gh: Client, repo: str, entry: Triage) -> bool:
    return actions.run(gh, repo, entry.run).attempt > entry.attempt


def report(inputs: Inputs, context: Context) -> Outputs:
    """Report to people what they must fix: a broken base branch by comment and label, infrastructure by parking."""
    subject = Subject.of(inputs, context)
    gh = context.harness(subject.repo, checks="read", issues="write", pull_requests="write")
    pull = pulls.pull(gh, subject.repo, subject.pull_number)
    ledger = context.ledger(subject.repo)
    planned = _planned(context, subject, pull, "report")
    broken = [entry for entry in planned if entry.kind == "base"]
    if broken:
        issues.comment(gh, subject.repo, pull.number, _base_broken(context, gh, subject, pull, broken), "triage-base")
        issues.add_labels(gh, subject.repo, pull.number, [BASE_LABEL])
    others = [entry for entry in planned if entry.kind != "base"]
    if others and pull.state == "open":
        first = others[0]
        again = _has_rerun(ledger.entries("pr", pull.number), first.check, first.head, first.try_)
        how = "again when it was run again" if again else "from outside"
        reason = f"{_several(len(others))} failed {how}: {first.reason} ({first.cause})"
        parking.park(context, subject, pull, reason)
    for entry in planned:
        ledger.record("pr", pull.number, replace(entry, done=True))
    return {"reported": str(len(planned))}


def _several(count: int) -> str:
    return "a check" if count == 1 else f"{count} checks"


def _base_broken(context: Context, gh: Client, subject: Subject, pull: pulls.Pull, broken: Sequence[Triage]) -> str:
    lines = []
    for entry in broken:
        if entry.cause.startswith("check-"):
            check = checks.check(gh, subject.repo, int(Triage.id_of(entry.cause)))
            lines.append(f"- {code(check.name)}: {entry.reason} ([log]({check.html_url}))")
        else:
            where = f"{context.settings.github.web_url}/{subject.repo}/actions/runs/{entry.run}"
            lines.append(f"- [a workflow]({where}): {entry.reason}")
    return (
        f"Not from this pull request, so nothing was changed here. On `{pull.head_sha}`:\n\n"
        + "\n".join(sorted(lines))
        + f"\n\nFix it on {code(pull.base_ref)}, then bring this branch up to date."
    )
