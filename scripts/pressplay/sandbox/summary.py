"""The result of a play: each task's state, pull request, rounds, runs, time, what it waited for, why it stopped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pressplay import names
from pressplay.backlog import graph, workflow
from pressplay.backlog.tasks import Task
from pressplay.clock import parse_rfc3339
from pressplay.cluster import waits
from pressplay.cluster.port import Manifest
from pressplay.domain.entries import Broken, Entries, FinalProof, Run, TaskVerdict
from pressplay.domain.reasons import Reason
from pressplay.domain.usage import Usage
from pressplay.github import pulls
from pressplay.sandbox import stops
from pressplay.sandbox.world import Sandbox
from pressplay.steps.core import backlog_file, landing, parking
from pressplay.steps.core.context import Context, Subject

BROKEN = "merged, broken"
"""The state of a play whose merges broke the base branch, and of the task that did it."""
_UNDER_WAY, _NOT_STARTED = "under way", "not started"
_SHOWN = {"pass": "holds", "error": "not shown"}


@dataclass(frozen=True)
class TaskResult:
    """One task's end.

    `state`: merged, `merged, broken` (it broke the base branch), approved, parked, failed, running, waiting (for its
    dependencies), blocked.
    """

    id: str
    title: str
    state: str
    pr: int | None
    rounds: int
    runs: int
    seconds: int
    waited_for: str
    why: Reason | None
    usage: Usage = field(default_factory=Usage)
    """What its runs used, as agents' command lines say."""

    @property
    def reason(self) -> str:
        """The reason's clause; empty without one."""
        return self.why.what if self.why else ""

    def as_json(self) -> dict[str, Any]:
        """As `pressplay play --json` prints it: `why` has the reason's other parts, where any is known."""
        names_ = ("id", "state", "pr", "rounds", "runs", "seconds", "reason")
        why = self.why.as_json() if self.why else {}
        return {**{name: getattr(self, name) for name in names_}, "why": why, "usage": self.usage.as_json()}


@dataclass(frozen=True)
class FinalResult:
    """What tests and probes of a play's tasks do on the commit of the base branch that it ended with."""

    state: str
    """`holds`, `broken` or `not shown`."""
    commit: str
    """Empty where the step that asks for it failed."""
    onto: str
    """The commit before the play's first merge, with which it is compared."""
    why: Reason

    def line(self) -> str:
        """For people."""
        commit = f" of {self.commit[:12]}" if self.commit else ""
        return f"final proof{commit}: {self.state}: {self.why.line()}"

    def as_json(self) -> dict[str, Any]:
        """As `pressplay play --json` prints it."""
        return {"state": self.state, "commit": self.commit, "onto": self.onto, "why": self.why.as_json()}


@dataclass(frozen=True)
class Summary:
    """A play's end.

    `state`: `merged` (every task is), `merged, broken` (every task is, and the base branch does not hold), `running`,
    `waiting` (for people alone), `failed`.
    """

    play: str
    state: str
    seconds: int
    tasks: tuple[TaskResult, ...]
    final: FinalResult | None = None
    """None where the play has no final proof, or has not come to it."""
    tag: str = ""
    others: Mapping[str, int] = field(default_factory=dict)
    """The backlog's other tags with work → how many of their tasks are left."""

    @property
    def usage(self) -> Usage:
        """What the runs of all its tasks used."""
        of = [task.usage for task in self.tasks]
        return Usage(
            sum(used.tokens for used in of),
            round(sum(used.cost for used in of), 6),
            any(used.unpriced for used in of),
        )

    def as_json(self) -> dict[str, Any]:
        """As `pressplay play --json` prints it."""
        return {
            "play": self.play,
            "state": self.state,
            "seconds": self.seconds,
            "tasks": [task.as_json() for task in self.tasks],
            "usage": self.usage.as_json(),
            "finalProof": self.final.as_json() if self.final else None,
            "tag": self.tag,
            "otherTags": dict(self.others),
        }


def summarize(sandbox: Sandbox) -> Summary:
    """The newest play's summary, from what GitHub, the ledgers and the Workflows hold."""
    context, repo = sandbox.context, sandbox.options.repo
    subject = Subject.of({"repo": repo}, context)
    gh = context.harness(repo, **landing.NEEDS)
    base = subject.base(gh)
    backlog = backlog_file.read(context, gh, subject, base)
    plan = graph.plan(backlog)
    landed = landing.of_backlog(context, gh, subject, backlog, base)
    ledgers = {ledger.number: ledger.entries for ledger in context.ledger(repo).kept("task")}
    of_branch: dict[str, list[pulls.Pull]] = {}
    for listed in pulls.all_pulls(gh, repo):
        of_branch.setdefault("" if listed.fork else listed.head_ref, []).append(listed)
    pulls_by_task = {
        task.number: pull
        for task in backlog.tasks
        if (own := of_branch.get(names.task_branch(task.number)))
        and (pull := _pull_of(task, ledgers.get(task.number, Entries()), landed, own)) is not None
    }
    stem = names.play_stem(repo, subject.tag)
    plays = [play for play in sandbox.plays() if _name(play).startswith(f"{stem}-")]
    newest = plays[-1] if plays else None
    # A large play is several Workflows, which go on side by side.
    parts = [play for play in plays if newest is not None and _name(play) == _name(newest)]
    results: dict[str, TaskResult] = {}
    problems: dict[str, str] = {}
    for problem in plan.problems:
        if problem.blocks:
            problems[problem.task] = "; ".join(filter(None, (problems.get(problem.task), problem.problem)))
    for planned in plan.tasks:
        result = _task(sandbox, planned.task, newest, results, pulls_by_task, problems, landed)
        results[planned.task.id] = result
    final, culprit = _final(context, repo, _name(newest)) if newest else (None, None)
    if (final is None or final.state != "broken") and any(_has_no_end(part) for part in parts):
        final = FinalResult("not shown", "", "", Reason(what="its step failed", todo="the nodes of the play say why"))
    ended = [results[task.id] for task in backlog.tasks if task.id in results]
    ordered = tuple(
        replace(result, state=BROKEN, why=final.why) if final and result.pr and result.pr == culprit else result
        for result in ended
    )
    return Summary(
        play=_name(newest) if newest else "none",
        state=_state(parts, ordered, final),
        seconds=_seconds(parts, sandbox.clock.now(), stops.known(sandbox.options.directory)),
        tasks=ordered,
        final=final,
        tag=backlog.tag,
        others=backlog.others,
    )


def _final(context: Context, repo: str, play: str) -> tuple[FinalResult | None, int | None]:
    """How a play's final proof ended, and the pull request that broke the base branch, if one of the play's did.

    Of a play of several Workflows, what broke counts, and else the one that ended last.
    """
    proofs: list[FinalProof] = []
    for kept in context.ledger(repo).kept("pr"):
        broken = kept.entries.get(Broken, Broken.key_of(play))
        if broken is not None:
            result = FinalResult("broken", broken.tip, broken.onto, broken.why)
            return result, kept.number if broken.by_this else None
        proofs += [proof for proof in kept.entries.all(FinalProof) if proof.play == play and proof.head == proof.tip]
    ended = [proof for proof in proofs if proof.shown in _SHOWN]
    last = max(ended, key=lambda proof: proof.at, default=None)
    return (FinalResult(_SHOWN[last.shown], last.head, last.onto, last.whole) if last else None), None


def _pull_of(task: Task, entries: Entries, landed: landing.Landings, own: Sequence[pulls.Pull]) -> pulls.Pull | None:
    """A task's pull request: the one by which it landed, else the newest that its ledger knows or that is open."""
    if task.id in landed.done:
        return next((pull for pull in own if pull.number == landed.done[task.id]), None)
    known = landing.recorded(entries)
    return next((pull for pull in own if pull.state == "open" or pull.number in known), None)


def _name(play: Mapping[str, Any]) -> str:
    return str(play["metadata"]["labels"]["press-play/play"])


def _has_no_end(part: Manifest) -> bool:
    """Whether the node of the final proof failed in a Workflow of a play."""
    return any(
        node.get("displayName") == workflow.FINAL_PROOF and node.get("phase") in ("Failed", "Error")
        for node in waits.nodes(part).values()
    )


def _state(parts: Sequence[Manifest], tasks: tuple[TaskResult, ...], final: FinalResult | None) -> str:
    if all(task.state in ("merged", BROKEN) for task in tasks):
        return BROKEN if final is not None and final.state == "broken" else "merged"
    if any(waits.phase(part) not in waits.FINISHED for part in parts):
        return "running" if any(task.state == "running" for task in tasks) else "waiting"
    return "failed"


def _seconds(parts: Sequence[Manifest], now: float, stopped: Sequence[stops.Stop]) -> int:
    """How long the play took, without the time for which the sandbox was stopped."""
    known = [status for part in parts if (status := part.get("status") or {}).get("startedAt")]
    starts = [parse_rfc3339(status["startedAt"]) for status in known]
    ends = [parse_rfc3339(status["finishedAt"]) if status.get("finishedAt") else now for status in known]
    return round(stops.between(stopped, min(starts, default=0), max(ends, default=0)))


def _work_seconds(
    runs: Sequence[Run], verdicts: Mapping[int, TaskVerdict], now: float | None, stopped: Sequence[stops.Stop]
) -> int:
    """How long a task was worked on, all tries together: each from its first run to its verdict or its last run.

    The time between tries, the wait for a merge and stops of the sandbox are no work. `now`: where the newest try is
    under way.
    """
    seconds = 0.0
    newest = max((run.try_ for run in runs), default=0)
    for try_ in {run.try_ for run in runs}:
        of_try = [run for run in runs if run.try_ == try_]
        ends = [run.ended for run in of_try if run.ended is not None]
        if (verdict := verdicts.get(try_)) is not None:
            ends.append(verdict.ended)
        elif now is not None and try_ == newest:
            ends.append(int(now))
        began = min(run.began for run in of_try)
        seconds += stops.between(stopped, began, max(ends, default=began))
    return round(seconds)


def _task(
    sandbox: Sandbox,
    task: Task,
    play: Manifest | None,
    before: Mapping[str, TaskResult],
    pulls_by_task: Mapping[int, pulls.Pull],
    problems: Mapping[str, str],
    landed: landing.Landings,
) -> TaskResult:
    ledger, pull = sandbox.context.ledger(sandbox.options.repo), pulls_by_task.get(task.number)
    entries = ledger.entries("task", task.number)
    runs = _begun(entries)
    if pull is not None:
        runs += _begun(ledger.entries("pr", pull.number))
    try_ = names.play_count(play["metadata"]["name"]) if play else 1
    verdict = entries.get(TaskVerdict, TaskVerdict.key_of(try_))
    state, why = _how(task, pull, verdict, runs, before, problems)
    if task.id in landed.done:
        state, why = "merged", None
    elif pull is not None and pull.merged and task.id in landed.undone and verdict is not None:
        state, why = "parked", Reason(what=f"pull request {landed.undone[task.id]}")
    elif pull is not None and state == "approved" and (parked := _parked(sandbox, pull)) is not None:
        state, why = "parked", parked
    if why is None or why.what in (_UNDER_WAY, _NOT_STARTED):
        held = sandbox.context.paused(sandbox.options.repo) if state in ("running", "waiting") else None
        why = Reason(what=held.origin, detail=held.why, todo=held.ended_by) if held is not None else why
    under_way = play is not None and waits.phase(play) not in waits.FINISHED
    verdicts = {verdict.try_: verdict for verdict in entries.all(TaskVerdict)}
    now = sandbox.clock.now() if under_way else None
    return TaskResult(
        id=task.id,
        title=task.title,
        state=state,
        pr=pull.number if pull else None,
        rounds=max((run.round for run in runs), default=0),
        runs=len(runs),
        seconds=_work_seconds(runs, verdicts, now, stops.known(sandbox.options.directory)),
        waited_for=_waited_for(task, pulls_by_task, before),
        why=why,
        usage=Usage.of(run.usage for run in runs),
    )


def _parked(sandbox: Sandbox, pull: pulls.Pull) -> Reason | None:
    """Why an approved task's pull request was parked since: its base moved, or somebody pushed to it."""
    entries = sandbox.context.ledger(sandbox.options.repo).entries("pr", pull.number)
    subject = Subject.of({"repo": sandbox.options.repo, "try": str(max(entries.tries, default=1))}, sandbox.context)
    parked = parking.parked(entries, subject)
    return parked.why if parked is not None and parked.head == pull.head_sha else None


def _begun(entries: Entries) -> list[Run]:
    """The runs that have begun; one that was refused never did."""
    return [run for run in entries.runs if run.started is not None]


def _how(
    task: Task,
    pull: pulls.Pull | None,
    verdict: TaskVerdict | None,
    runs: Sequence[Run],
    before: Mapping[str, TaskResult],
    problems: Mapping[str, str],
) -> tuple[str, Reason | None]:
    if verdict is not None:
        if verdict.outcome == "approved" and pull is not None and pull.state == "closed":
            return "failed", Reason(what=f"pull request #{pull.number} was closed without a merge")
        if verdict.outcome == "approved":
            return "approved", Reason(what=f"waits for the merge of #{pull.number if pull else '?'}")
        return verdict.outcome, verdict.why if verdict.reason else None
    if task.id in problems:
        return "blocked", Reason(what=problems[task.id])
    for dependency in task.dependencies:
        earlier = before.get(dependency)
        if earlier is not None and earlier.state in ("failed", "parked", "blocked"):
            return "blocked", Reason(what=f"needs task {dependency}, which is {earlier.state}")
        if earlier is not None and earlier.state != "merged":
            return "waiting", Reason(what=f"waits for the merge of task {dependency}")
    return ("running", Reason(what=_UNDER_WAY)) if runs else ("waiting", Reason(what=_NOT_STARTED))


def _waited_for(task: Task, pulls_by_task: Mapping[int, pulls.Pull], before: Mapping[str, TaskResult]) -> str:
    """The dependency that was merged last: what the task really waited for."""
    merged = {pull.number: pull.merged_at or "" for pull in pulls_by_task.values() if pull.merged}
    own = [
        (merged[pr], dependency, pr) for dependency in task.dependencies if (pr := _pr(before, dependency)) in merged
    ]
    if not own:
        return ""
    _when, dependency, number = max(own)
    return f"#{number} (task {dependency})"


def _pr(before: Mapping[str, TaskResult], dependency: str) -> int:
    return (before[dependency].pr or 0) if dependency in before else 0
