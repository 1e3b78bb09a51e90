"""Start what a lost event should have started (R2), by GitHub and the ledgers.

A changed pull request is examined at once, the others in turn (the end of a check changes no pull request): `_AT_ONCE`
of them each time. A pull request with no unfinished check and no change rests: twice as long after each look, and
`_LONGEST_REST` at most. Each look is two calls to GitHub, which allows about 5,000 an hour.
A ConfigMap for each repository remembers the looks. What existed before that ConfigMap is left alone if everything
starts without a request (`events.start: all`): a new installation must not begin with all old open pull requests.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from pressplay.clock import parse_rfc3339
from pressplay.domain.entries import Entries
from pressplay.github import checks, issues, pulls
from pressplay.github.calls import Client
from pressplay.steps.comments import unanswered
from pressplay.steps.core import consent, landing, parking, stack
from pressplay.steps.core.approvals import ACCEPTANCE_CHECK, awaits_landing, is_approval
from pressplay.steps.core.context import Context, Subject
from pressplay.steps.core.start import start as start_flow
from pressplay.steps.documents import documents_pull, task_documents
from pressplay.steps.intake import issue_state
from pressplay.steps.merge_queue import lost_groups
from pressplay.steps.review import retests, standing
from pressplay.steps.review.scope import in_scope, is_withdrawn, subject_of
from pressplay.steps.review.under_way import is_busy, under_way
from pressplay.steps.triage import untriaged
from pressplay.steps.upkeep import mergeability, stacks

_AT_ONCE = 30
_FIRST_REST, _LONGEST_REST = 60, 900
"""Seconds that a pull request rests after a look without news: the first time, and at most."""
_SWEEP_SECONDS = 3600
"""How often unchanged things are examined: alerts, and issues whose flow had no effect."""
_OVERLAP_SECONDS = 120
"""The overlap of two looks: GitHub's clock and its listings are not exact."""
_SETTLED_SECONDS = 5
_TIMES = 3
"""How often a flow is started for one head without finishing, before the pull request is parked for a person."""


@dataclass
class _Memory:
    """What `reconcile` remembers of a repository: when it began, and the last look at each pull request.

    The field names are keys of the stored JSON.
    """

    since: float
    alerts: float = 0.0
    issues: float = 0.0
    issues_swept: float = 0.0
    queue: str = ""
    """The branch with a merge queue, if there is one."""
    queue_looked: float = 0.0
    pulls: dict[str, dict[str, Any]] = field(default_factory=dict)
    standing: dict[str, dict[str, Any]] = field(default_factory=dict)
    merges: mergeability.Memory = field(default_factory=mergeability.Memory)
    stacks: dict[str, dict[str, Any]] = field(default_factory=dict)
    """How often the flow of each pull request was started whose dependency has landed, as `_start_for` counts."""


def start(context: Context, repo: str) -> int:
    """Give each open pull request its answer, and start missing flows; returns how many were started."""
    memory, pushed = _read(context, repo)
    gh = context.harness(repo, pull_requests="read", checks="read")
    opened = pulls.all_pulls(gh, repo, state="open")
    standing.of_all(context, repo, opened, memory.standing, memory.since)
    busy = under_way(context, repo)
    started = retests.start(context, repo, opened, busy) + _stacks(context, repo, opened, memory, busy)
    if context.settings.events.enabled:
        started += (
            _pulls(context, gh, repo, opened, memory, pushed, busy)
            + _issues(context, repo, memory)
            + _alerts(context, repo, memory)
            + _groups(context, repo, memory)
        )
    _write(context, repo, memory)
    return started


def _stacks(
    context: Context, repo: str, opened: Sequence[pulls.Pull], memory: _Memory, busy: set[tuple[str, int]]
) -> int:
    """Go on with those whose dependency has landed. A play needs that, whether or not events start anything."""
    landed = stacks.landed(context, repo, opened)
    memory.stacks = {str(pull.number): memory.stacks.get(str(pull.number), {}) for pull in landed}
    started = 0
    for pull in landed:
        if not is_busy(pull, busy):
            started += _start_for(context, repo, pull, stacks.FLOW, memory.stacks[str(pull.number)])
            busy.add(("pr", pull.number))
    return started


# -- pull requests -----------------------------------------------------------------------------------------------------


def _pulls(
    context: Context,
    gh: Client,
    repo: str,
    opened: Sequence[pulls.Pull],
    memory: _Memory,
    pushed: float,
    busy: set[tuple[str, int]],
) -> int:
    candidates = [pull for pull in opened if not pull.fork and not pull.draft]
    if context.settings.events.start == "all":
        candidates = [pull for pull in candidates if parse_rfc3339(pull.updated_at) >= memory.since]
    memory.pulls = {str(pull.number): memory.pulls.get(str(pull.number), {}) for pull in candidates}

    def changed(pull: pulls.Pull) -> bool:
        before = memory.pulls[str(pull.number)]
        return before.get("updated") != pull.updated_at or before.get("seen") != pull.head_sha

    def looked(pull: pulls.Pull) -> float:
        return float(memory.pulls[str(pull.number)].get("looked", 0))

    def rests(pull: pulls.Pull) -> bool:
        rest = memory.pulls[str(pull.number)].get("rest", 0)
        # A CronWorkflow's minutes are not exact.
        return not changed(pull) and context.clock.now() - looked(pull) < rest - _SETTLED_SECONDS

    def is_next(pull: pulls.Pull) -> bool:
        """Whether no other conflict with the same base is being resolved: each merge makes the rest conflict again."""
        turn = memory.merges.turns.get(pull.base_ref)
        return turn == pull.number or not any(other.number == turn and is_busy(other, busy) for other in candidates)

    idle = [pull for pull in candidates if not is_busy(pull, busy) and _may_be_in_scope(context, pull)]
    for number in mergeability.look(context, repo, opened, idle, memory.merges, pushed):
        memory.pulls[str(number)]["rest"] = 0
    started = 0
    due = [pull for pull in candidates if not rests(pull)]
    for pull in sorted(due, key=lambda pull: (not changed(pull), looked(pull)))[:_AT_ONCE]:
        if is_busy(pull, busy):
            continue
        before = memory.pulls[str(pull.number)]
        dirty = memory.merges.is_dirty(pull)
        if dirty and not is_next(pull):
            if not changed(pull):
                continue
            dirty = False
        result = _look(context, gh, repo, pull, changed=before.get("updated") != pull.updated_at, dirty=dirty)
        if result.wanted:
            started += _start_for(context, repo, pull, result.wanted, before)
            if dirty:
                memory.merges.turns[pull.base_ref] = pull.number
                busy.add(("pr", pull.number))
            continue
        quiet = not changed(pull) and not result.goes_on
        rest = min(max(2 * before.get("rest", 0), _FIRST_REST), _LONGEST_REST) if quiet else 0
        now = context.clock.now()
        # GitHub's times are in seconds: a comment in the second of this look must not count as seen.
        settled = parse_rfc3339(pull.updated_at) < now - _SETTLED_SECONDS
        before.update(updated=pull.updated_at if settled else "", seen=pull.head_sha, looked=now, rest=rest)
        if not result.goes_on:
            # The started flow has finished; a later comment is a new reason.
            before.pop("times", None)
    return started


def _may_be_in_scope(context: Context, pull: pulls.Pull) -> bool:
    """Whether a pull request may be in scope, by the list alone."""
    events = context.settings.events
    return events.start == "all" or events.label in pull.labels or context.settings.is_ours(pull.author)


@dataclass(frozen=True)
class _LookResult:
    """The result of a look at a pull request: the missing flow, if any, and whether a check is unfinished."""

    wanted: str = ""
    goes_on: bool = False


def _look(context: Context, gh: Client, repo: str, pull: pulls.Pull, *, changed: bool, dirty: bool) -> _LookResult:
    """Look at one pull request. Comments come first; a new comment marks the pull request as changed.

    `dirty`: it conflicts with its base, so that an approval of its head leads nowhere.
    """
    settings = context.settings.flows
    entries = context.ledger(repo).entries("pr", pull.number)
    subject = subject_of(context, repo, pull, entries)
    if task_documents.left_alone(context, repo, pull, entries):
        documents_pull.check_again(context, subject, pull, entries)
        return _LookResult()
    if changed and settings.comments.enabled and unanswered.waiting(context, subject, pull):
        return _LookResult("comments")
    if not in_scope(context, repo, pull, entries) or parking.stopped(entries, subject):
        if changed and is_withdrawn(context, repo, pull, entries):
            consent.ask_again(context, repo, pull.number)
        return _LookResult()
    there = checks.checks(gh, repo, pull.head_sha)
    goes_on = any(check.status != "completed" for check in there)
    if settings.triage.enabled and untriaged.untriaged(context, subject, pull, entries, there):
        return _LookResult("triage")
    check = checks.newest_of(there, context.github.app_id_of_harness(), ACCEPTANCE_CHECK)
    approved = is_approval(check)
    if dirty and awaits_landing(check):
        built = stack.of(context, context.harness(repo, **landing.NEEDS), subject)
        dirty = built is None or not built.waits
    if settings.pull_request.enabled and _may_go_on(entries, subject, pull) and (dirty or not approved):
        return _LookResult("pull-request")
    return _LookResult(goes_on=goes_on)


def _may_go_on(entries: Entries, subject: Subject, pull: pulls.Pull) -> bool:
    parked = parking.parked(entries, subject)
    return parked is None or parked.head != pull.head_sha


def _start_for(context: Context, repo: str, pull: pulls.Pull, flow: str, before: dict[str, Any]) -> bool:
    """Start the flow; park the pull request instead if the flow was started `_TIMES` times without finishing (R4)."""
    times = before.get("times", {}) if before.get("head") == pull.head_sha else {}
    if times.get(flow, 0) >= _TIMES:
        subject = subject_of(context, repo, pull, context.ledger(repo).entries("pr", pull.number))
        parking.park(context, subject, pull, f"the flow {flow} was started {_TIMES} times and did not finish")
        before.update(updated=pull.updated_at, looked=context.clock.now())
        return False
    before.update(head=pull.head_sha, times={**times, flow: times.get(flow, 0) + 1})
    return start_flow(context, flow, repo, pull.number)


# -- issues and alerts -------------------------------------------------------------------------------------------------


def _issues(context: Context, repo: str, memory: _Memory) -> int:
    """Start the flow for requested issues that nothing works on."""
    settings = context.settings
    if not settings.flows.issue.enabled:
        return 0
    everything, now = settings.events.start == "all", context.clock.now()
    sweep = now - memory.issues_swept >= _SWEEP_SECONDS
    wanted = issues.open_issues(
        context.harness(repo, issues="read"),
        repo,
        label=None if everything else settings.events.label,
        since=0.0 if sweep else memory.issues - _OVERLAP_SECONDS,
    )
    memory.issues, memory.issues_swept = now, now if sweep else memory.issues_swept
    started = 0
    for issue in wanted:
        old = everything and settings.events.label not in issue.labels and issue.created_at < memory.since
        if not old and issue_state.is_wanted(context, repo, issue):
            started += start_flow(context, "issue", repo, issue.number)
    return started


def _alerts(context: Context, repo: str, memory: _Memory) -> int:
    if not context.settings.flows.security.enabled or context.clock.now() - memory.alerts < _SWEEP_SECONDS:
        return 0
    memory.alerts = context.clock.now()
    return start_flow(context, "security", repo)


# -- the merge queue ---------------------------------------------------------------------------------------------------


def _groups(context: Context, repo: str, memory: _Memory) -> int:
    now = context.clock.now()
    if now - memory.queue_looked >= _LONGEST_REST:
        memory.queue, memory.queue_looked = lost_groups.queued_branch(context, repo), now
    return lost_groups.start(context, repo, memory.queue) if memory.queue else 0


# -- the memory --------------------------------------------------------------------------------------------------------


def _read(context: Context, repo: str) -> tuple[_Memory, float]:
    """What is remembered, and when somebody last pushed to the default branch."""
    metadata = mergeability.memory_of(context, repo)["metadata"]
    config_map = context.cluster.get("ConfigMap", metadata["namespace"], metadata["name"]) or {}
    data = config_map.get("data") or {}
    pushed = float(data.get(mergeability.PUSHED, 0))
    if "seen" not in data:
        return _Memory(since=context.clock.now(), alerts=context.clock.now()), pushed
    memory = _Memory(**_known(_Memory, json.loads(data["seen"])))
    memory.merges = mergeability.Memory(**_known(mergeability.Memory, json.loads(data["seen"]).get("merges", {})))
    return memory, pushed


def _known(kind: type[Any], stored: dict[str, Any]) -> dict[str, Any]:
    """The fields that this version knows."""
    return {name: value for name, value in stored.items() if name in {field_.name for field_ in fields(kind)}}


def _write(context: Context, repo: str, memory: _Memory) -> None:
    manifest = mergeability.memory_of(context, repo)
    manifest["data"] = {"seen": json.dumps(asdict(memory), sort_keys=True)}
    context.cluster.apply(manifest)
