"""The flow `security`: open alerts, grouped; each group that nothing works on becomes a task of the Security agent.

A group (the rule; the package; the secret's type) has a number (`names.alert_number`), a ledger of that number, and one
pull request at a time. Its entry `domain.entries.Alerts` has the alerts of the newest try, and which of them were
closed since: one that is open again is news, and so is a new number.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from pressplay import names
from pressplay.cluster import waits
from pressplay.domain.entries import Alerts, TaskVerdict
from pressplay.errors import InputError
from pressplay.github import alerts, pulls
from pressplay.github.calls import Client
from pressplay.steps.core import shares
from pressplay.steps.core.context import Context, Inputs, Outputs, Subject
from pressplay.steps.core.start import seconds_left
from pressplay.steps.play import task_verdicts, tries
from pressplay.steps.runs import limits

TASK_FLOW = "task-alerts"
AGENT = "security"


@dataclass(frozen=True)
class Group:
    """Open alerts that are remedied together."""

    kind: alerts.Kind
    number: int
    """The group's number in place of a task's."""
    alerts: tuple[int, ...]
    severity: int
    """The most severe one; 0 is the highest severity."""


def accept(inputs: Inputs, context: Context) -> Outputs:
    """The seconds left of the window; InputError for a repository that is not listed (R8)."""
    context.settings.listed(inputs["repo"])
    return {"seconds": str(seconds_left(inputs, context))}


def read(inputs: Inputs, context: Context) -> Outputs:
    """Start the Workflow `task` for each group of open alerts that is not remedied, under way or given up.

    Outputs `groups` (how many there are), `started`, `left` (for another day: `limits.securityGroups`).
    """
    repo = context.settings.listed(inputs["repo"])
    read_kinds, groups = _groups(context, repo)
    _note_closed(context, repo, read_kinds, groups)
    gh = context.harness(repo, pull_requests="read")
    started = left = 0
    for group in sorted(groups, key=lambda group: (group.severity, group.number)):
        subject = _wanted(context, gh, repo, group)
        if subject is None:
            continue
        if _count(context, subject):
            _start(context, subject, group)
            started += 1
        else:
            left += 1
    most = context.settings.limits.security_groups
    context.say(f"{repo}: {len(groups)} groups of open alerts, {started} started")
    if left:
        context.say(f"{repo}: {left} groups are left for another day: {most} a day (limits.securityGroups)")
    return {"groups": str(len(groups)), "started": str(started), "left": str(left)}


def workflow_name(repo: str, group: int, try_: int) -> str:
    """The Workflow `task` of a group's try."""
    return names.flow_workflow(TASK_FLOW, repo, group, try_)


# -- the open alerts ---------------------------------------------------------------------------------------------------


def _groups(context: Context, repo: str) -> tuple[set[str], list[Group]]:
    """The kinds that could be read, and the groups of open alerts."""
    kinds: set[str] = set()
    groups: list[Group] = []
    for kind in alerts.KINDS.values():
        listed = _listed(context, repo, kind)
        if listed is None:
            continue
        kinds.add(kind.name)
        by_group: dict[str, list[alerts.Alert]] = {}
        for alert in listed:
            by_group.setdefault(alert.group, []).append(alert)
        groups += [
            Group(
                kind=kind,
                number=names.alert_number(f"{kind.name}:{group}"),
                alerts=tuple(sorted(alert.number for alert in own)),
                severity=min(alerts.SEVERITIES.index(alert.severity) for alert in own),
            )
            for group, own in by_group.items()
        ]
    return kinds, groups


def _listed(context: Context, repo: str, kind: alerts.Kind) -> list[alerts.Alert] | None:
    """The open alerts of a kind; None, and a line in the log, where they can't be read. The others still count."""
    try:
        gh = context.harness(repo, **{kind.permission: "read"})
    except InputError:
        app = context.settings.github.harness_app
        context.say(f"{repo}: {kind.title} is not read: the App {app} lacks the permission {kind.permission}: read")
        return None
    listed = alerts.open_alerts(gh, repo, kind.name)
    if isinstance(listed, int):
        context.say(f"{repo}: {kind.title} has no alerts: it is off, or nothing was scanned yet (GitHub says {listed})")
        return None
    return listed


def _note_closed(context: Context, repo: str, kinds: set[str], groups: Iterable[Group]) -> None:
    """Record which alerts of earlier tries are no longer open."""
    open_now = {group.number: group.alerts for group in groups}
    ledger = context.ledger(repo)
    for kept in ledger.kept("task"):
        entry = kept.entries.get(Alerts)
        if entry is None or entry.kind not in kinds:
            continue
        closed = tuple(sorted({*entry.closed, *(set(entry.numbers) - set(open_now.get(kept.number, ())))}))
        if closed != entry.closed:
            ledger.record("task", kept.number, replace(entry, closed=closed))


# -- the tries ---------------------------------------------------------------------------------------------------------


def _wanted(context: Context, gh: Client, repo: str, group: Group) -> Subject | None:
    """The try to start for a group; None if one is under way, or the last one ended with the same alerts."""
    entries = context.ledger(repo).entries("task", group.number)
    entry = entries.get(Alerts)
    try_ = entry.try_ if entry else 1
    subject = Subject.of({"repo": repo, "task": str(group.number), "try": str(try_)}, context)
    if entry is None:
        return subject
    if TaskVerdict.key_of(try_) not in entries:
        return subject if _abandoned(context, repo, group, try_) else None
    pull = pulls.find_pull(gh, repo, names.task_branch(group.number))
    if (pull is not None and pull.state == "open") or not _news(entry, group):
        return None
    return Subject.of({"repo": repo, "task": str(group.number), "try": str(try_ + 1)}, context)


def _abandoned(context: Context, repo: str, group: Group, try_: int) -> bool:
    """Whether a try that has no verdict has no Workflow either: it was deleted, or never created."""
    workflow = context.cluster.get("Workflow", context.settings.namespace, workflow_name(repo, group.number, try_))
    if workflow is None:
        return True
    if waits.phase(workflow) in waits.FINISHED:
        # Terminated: a person ended it, so no exit hook recorded the verdict.
        subject = Subject.of({"repo": repo, "task": str(group.number), "try": str(try_)}, context)
        verdict = task_verdicts.judge(context, subject, waits.phase(workflow))
        context.ledger(repo).record("task", group.number, verdict)
    return False


def _news(entry: Alerts, group: Group) -> bool:
    return bool(set(group.alerts) - (set(entry.numbers) - set(entry.closed)))


def _count(context: Context, subject: Subject) -> bool:
    """Count a group's try against the day's limit, once; False if the limit is reached."""
    ledger, span = context.ledger(subject.repo), f"alerts-{limits.day(context)}"
    name = workflow_name(subject.repo, subject.task_number, subject.attempt_of_person)
    if not ledger.counted(span, name) and ledger.tally(span) >= context.settings.limits.security_groups:
        return False
    ledger.count(span, name)
    return True


def _start(context: Context, subject: Subject, group: Group) -> None:
    entry = Alerts(kind=group.kind.name, numbers=group.alerts, try_=subject.attempt_of_person)
    context.ledger(subject.repo).record("task", group.number, entry)
    tries.begin_try(context, subject)
    name = workflow_name(subject.repo, group.number, subject.attempt_of_person)
    priority = shares.priority(context, subject.repo, urgent=True)
    context.cluster.create(tries.workflow(context, subject, name, priority=priority, agent=AGENT))
