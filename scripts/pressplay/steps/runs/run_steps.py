"""One run of an agent: prepared (limits, ledger, context), started (CodeRun or DocsRun), waited for, and collected (by
what is on GitHub).

`carry_out` does all of it. Its state is `over`, or `paused` (wait for `pressplay continue`, and call it again).
Its outcome: `done`; for the role test `pass` or `changes`; `nothing` (changes were requested, none made;
for the role comments: the answers need no change); `blocked` (the agent asks a person to decide); `failed`, `timeout`,
`parked` (a limit was reached, others moved the branch with the instructions, or comments were neither worked on nor
answered), `superseded` (the head moved, or the pull request was closed), `stopped` (by a person). Status 1 requests
another attempt.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from pressplay import names
from pressplay.cluster.port import Manifest
from pressplay.domain.entries import Entries, PullOfTask, Result, TaskOfPull
from pressplay.domain.entries import Run as RunEntry
from pressplay.domain.roles import IMPLEMENT, PLAN
from pressplay.domain.usage import Usage
from pressplay.errors import InputError, PressPlayError, TryAgain
from pressplay.github import pulls, refs
from pressplay.github.calls import Client
from pressplay.steps.core import consent, faults, landing, parking, task_source
from pressplay.steps.core.context import Context, Inputs, Outputs
from pressplay.steps.core.manifests import packed
from pressplay.steps.core.waiting import Wait, Waiting, refused
from pressplay.steps.runs import judging, limits, orders, outcomes, requirements, task_folder, usage
from pressplay.steps.runs.coderun import RunSpec, coderun
from pressplay.steps.runs.role_work import CannotBegin, Rooms
from pressplay.steps.runs.run import Run, has_ended, take_away
from pressplay.validation.requirements import Given

RECONCILE = "reconcile"
NUDGED = "press-play/nudged-by"


@dataclass(frozen=True)
class _Prepared:
    """What came of preparing a run; `manifest` and `began` (Unix seconds) where its state is `go`."""

    state: Literal["go", "paused", "over"]
    manifest: Manifest = field(default_factory=dict)
    began: int = 0


def carry_out(inputs: Inputs, context: Context, rooms: Rooms) -> Outputs:
    """A run from its preparation to its result. If it is killed anywhere, running it again goes on with that run (R3).

    Waiting, while the agent works.
    """

    def over(why_refused: str = "") -> Outputs:
        result = _collect(run, context, rooms, why_refused)
        gates = rooms.roles[run.role.name].gates(context, run, result, inputs)
        return {"state": "over", **_outputs(run, context, result), **gates}

    run = Run.of(inputs, context)
    prepared = _prepare(run, context, rooms, woken=inputs.get("woken") == "true")
    if prepared.state == "paused":
        return {"state": "paused"}
    if prepared.state == "over":
        return over()
    manifest = prepared.manifest
    # One that is there is that of this run: a pod that was lost comes back to it.
    if why := refused(context.cluster, manifest):
        return over(why)
    where = manifest["kind"], manifest["metadata"]["namespace"], manifest["metadata"]["name"]
    # It has no more time because several pods waited for it.
    allowed = context.settings.limits.run_minutes * 60 + outcomes.held(context.cluster.get(*where))
    raise Waiting(Wait(*where, prepared.began + allowed, _is_over, over))


def _is_over(run: Manifest | None) -> bool:
    return run is None or has_ended(run)


def prepare(inputs: Inputs, context: Context, rooms: Rooms) -> Outputs:
    """Everything before the agent starts, as earlier versions' Workflows have it: a step of its own."""
    run = Run.of(inputs, context)
    prepared = _prepare(run, context, rooms, woken=inputs.get("woken") == "true")
    manifest = packed(prepared.manifest) if prepared.state == "go" else "none"
    return {"state": prepared.state, "manifest": manifest, "run": run.name}


def _prepare(run: Run, context: Context, rooms: Rooms, *, woken: bool) -> _Prepared:
    """Everything before the agent starts. If it is killed anywhere, running it again completes it (R3)."""
    ledger = context.ledger(run.subject.repo)
    entries = ledger.entries(run.kind, run.number)
    entry = entries.get(RunEntry, run.name)
    if entry is not None and entry.result is not None:
        return _Prepared("over")
    if entry is None:
        _see_that_it_is_wanted(run, entries)
        # A run with an entry in the ledger has passed the limits, and may have started.
        if not woken and (held := context.paused(run.subject.repo)) is not None:
            context.say(f"{run.name}: paused; {held.ended_by}")
            return _Prepared("paused")
        refused = _refused(context, run, entries)
        if refused:
            return _over(context, run, None, refused)
    started = context.cluster.get(run.resource, context.settings.controller_namespace, run.name) is not None
    moved = orders.before_run(context, run, entry, started=started)
    if moved:
        return _over(context, run, entry, _given_up(context, run, moved))
    gh = context.harness(run.subject.repo, contents="write", pull_requests="read")
    work = rooms.roles[run.role.name]
    if work.request is not None:
        # A DocsRun has no fields for the project's requirements.yaml.
        manifest, entry = work.request(context, run, entry, started)
    else:
        base = run.subject.base(gh)
        agent_id, agent = context.settings.agent(run.agent_id)
        given, reason = requirements.given(context, gh, run.subject, base, agent_id, agent)
        if reason:
            return _over(context, run, entry, Result(outcome="parked", reason=reason))
        try:
            manifest, entry = _coderun(context, gh, run, entry, base, given, rooms, started=started)
        except (consent.Withdrawn, CannotBegin) as error:
            return _over(context, run, entry, Result(outcome="parked", reason=str(error)))
    if entry.context:
        tree = refs.tree(gh, run.subject.repo, entry.context)
        entry = replace(entry, tree=tree)
        manifest["metadata"]["annotations"][orders.TREE_ANNOTATION] = tree
    ledger.record(run.kind, run.number, entry)
    for span in limits.spans(context, run):
        ledger.count(span, run.name)
    _see_to_reconcile(context, run)
    return _Prepared("go", manifest, entry.started or _now(context))


def _see_that_it_is_wanted(run: Run, entries: Entries) -> None:
    """InputError unless the attempt before failed so that another one may help: it would do the work twice.

    Argo begins another attempt whatever ended the one before; only the recorded result says whether one is wanted.
    """
    if not run.attempt:
        return
    before = entries.get(RunEntry, replace(run, attempt=run.attempt - 1).name)
    if before is None or (before.result is not None and before.result.outcome == "failed"):
        return
    what = "its result could not be read" if before.result is None else "the gates after it could not be begun"
    raise InputError(
        f"run {before.name}: {what}, so no other attempt is made; fix the cause, then press "
        f"play again, or say `/press-play retry` on the pull request{faults.lasting(entries, run.subject)}"
    )


def _see_to_reconcile(context: Context, run: Run) -> None:
    """Make Argo look again at the CronWorkflow `reconcile`, which cleans up after runs, if it ought to be scheduled.

    Helm creates it before the WorkflowTemplate that it refers to. Argo (observed on 4.1.2) then marks it as invalid and
    does not schedule it before it changes, or 20 minutes have passed.
    """
    if context.settings.reconcile.mode == "service":
        return
    schedule = context.cluster.get("CronWorkflow", context.settings.namespace, RECONCILE)
    if schedule is None or (schedule.get("status") or {}).get("lastScheduledTime"):
        return
    identity = {"apiVersion": "argoproj.io/v1alpha1", "kind": "CronWorkflow"}
    metadata = {"name": RECONCILE, "namespace": context.settings.namespace, "annotations": {NUDGED: run.name}}
    context.cluster.apply({**identity, "metadata": metadata})


def _over(context: Context, run: Run, entry: RunEntry | None, result: Result) -> _Prepared:
    """Record the result of a run that does not begin."""
    context.say(f"{run.name}: {result.outcome}: {result.reason}")
    entry = (entry or run.entry()).with_result(result, context.clock.now())
    context.ledger(run.subject.repo).record(run.kind, run.number, entry)
    return _Prepared("over")


def _now(context: Context) -> int:
    return int(context.clock.now())


def _refused(context: Context, run: Run, entries: Entries) -> Result | None:
    """Why the run may not begin; None if it may."""
    if run.kind == "pr":
        if parking.stopped(entries, run.subject):
            return Result(outcome="stopped", reason=parking.STOPPED)
        pull = pulls.pull(context.harness(run.subject.repo, pull_requests="read"), run.subject.repo, run.number)
        if pull.state != "open":
            return Result(outcome="superseded", reason="the pull request was closed")
        if run.head not in ("", pull.head_sha):
            return Result(outcome="superseded", reason="somebody else pushed to the pull request")
    reason = limits.reached(context, run, entries)
    return Result(outcome="parked", reason=reason) if reason else None


def _given_up(context: Context, run: Run, moved: str) -> Result:
    """The result of a run whose orders others `moved`: nothing of it counts, and a person takes over.

    A run that is under way is stopped, and the pull request that it opened is parked: no flow would know the reason.
    """
    repo = run.subject.repo
    there = context.cluster.get(run.resource, context.settings.controller_namespace, run.name)
    if there is not None and not has_ended(there):
        take_away(context, repo, run.resource, run.name)
    result = Result(outcome="parked", reason=moved, moved=True)
    gh = context.harness(repo, contents="read", pull_requests="read")
    if run.kind == "pr":
        return replace(result, new_head=pulls.pull(gh, repo, run.number).head_sha)
    pull = landing.pull_of(context, gh, run.subject) if run.role == IMPLEMENT else None
    if pull is None or pull.state != "open":
        return result
    parking.park(context, replace(run.subject, pr=pull.number), pull, f"{run.agent_id}: {moved}")
    return replace(result, pr=pull.number, new_head=pull.head_sha)


def _coderun(
    context: Context,
    gh: Client,
    run: Run,
    entry: RunEntry | None,
    base: str,
    given: Given,
    rooms: Rooms,
    *,
    started: bool,
) -> tuple[Manifest, RunEntry]:
    repo, head = run.subject.repo, run.head
    if run.role.stage == "task":
        branch = names.task_branch(run.work)
        before = entry.head if entry is not None else None
        head = head or before or rooms.roles[run.role.name].begins_at(context, gh, run, base)
    else:
        branch = pulls.pull(gh, repo, run.number).head_ref
    agent = context.settings.agent(run.agent_id)[1]
    spec = RunSpec(run=run, agent=agent, branch=branch, base=base, head=head, given=given)
    if entry is not None and started:
        # The agent may have read the commit: it stays as it is.
        return coderun(context, spec), entry
    commit = task_folder.commit(gh, spec, task_folder.files(context, gh, spec, rooms))
    if entry is None:
        new = replace(
            run.entry(),
            head=head,
            started=_now(context),
            play=run.subject.play,
            newest_review=0,
            newest_comment=judging.newest_comment(gh, run),
        )
        entry = rooms.roles[run.role.name].note(context, gh, run, new)
    return coderun(context, spec), replace(entry, context=commit)


class _AnotherAttempt(PressPlayError):
    """The attempt failed and another one is allowed: status 1, on which Argo's retry strategy acts."""


def collect(inputs: Inputs, context: Context, rooms: Rooms) -> Outputs:
    """Everything after the agent has ended, as earlier versions' Workflows have it: a step of its own."""
    run = Run.of(inputs, context)
    return _outputs(run, context, _collect(run, context, rooms))


def _collect(run: Run, context: Context, rooms: Rooms, refused: str = "") -> Result:
    """Record the run's result in the ledger, by what is on GitHub. `refused`: why the API server took no run."""
    ledger = context.ledger(run.subject.repo)
    entries = ledger.entries(run.kind, run.number)
    entry = entries.get(RunEntry, run.name)
    if entry is None:
        raise TryAgain(f"run {run.name}: nothing in the ledger; was it prepared?")
    result = entry.result
    if result is None:
        # Before `_result`, which may delete the run.
        entry = usage.noted(context, run, entry)
        if cost := Usage.of([entry.usage]).cost:
            for span in limits.spans(context, run, entry.started):
                ledger.spend(span, run.name, cost)
        result = _result(context, run, entry, entries, rooms, refused)
        entry = entry.with_result(result, context.clock.now())
        ledger.record(run.kind, run.number, entry)
        if run.kind == "task" and run.role != PLAN and result.pr:
            ledger.record("task", run.number, PullOfTask(pr=result.pr))
            ledger.record("pr", result.pr, TaskOfPull(task=run.number, tag=run.subject.tag))
            task_source.opened(context, run.subject, result.pr)
    context.say(f"{run.name} ({run.agent_id}, attempt {run.attempt}): {result.outcome}")
    if result.outcome == "failed" and result.again and run.attempt + 1 < context.settings.limits.attempts:
        raise _AnotherAttempt(f"run {run.name}: {result.why.line()}; another attempt follows")
    return result


def _outputs(run: Run, context: Context, result: Result) -> Outputs:
    pr = result.pr or run.subject.pr
    return {
        "outcome": result.outcome,
        "run": run.name,
        "pr": str(pr or "none"),
        "head": result.new_head or run.head or "none",
        "link": f"{context.settings.github.web_url}/{run.subject.repo}/pull/{pr}" if pr else "none",
    }


def _result(context: Context, run: Run, entry: RunEntry, entries: Entries, rooms: Rooms, refused: str) -> Result:
    """The result of a run, by what is on GitHub."""
    if run.kind == "pr" and parking.stopped(entries, run.subject):
        return Result(outcome="stopped", reason=parking.STOPPED)
    moved = orders.after_run(context, run, entry)
    if moved:
        return _given_up(context, run, moved)
    result = outcomes.of(context, run, entry, rooms.roles[run.role.name].judge, refused)
    if result.outcome == judging.BLOCKED and run.role == IMPLEMENT:
        # No flow works on its pull request yet, so no flow would park it.
        parking.park_blocked(context, replace(run.subject, pr=result.pr), run.agent_id, result)
    return result
