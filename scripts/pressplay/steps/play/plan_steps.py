"""Press play: read the backlog, check it, create the play, end.

The play is a generated WorkflowTemplate and a Workflow that refers to it, named `play-<hash>-<n>`. The number is the
try of all its tasks (R1): one more than the highest of earlier plays and of the tasks' ledgers. Where a play is
unfinished, `presses` says so for a press and for `mode=show` alike, and no second one starts. Tasks that have landed
are left out, unless they are requested by name.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from pressplay import names
from pressplay.backlog import github_issues, graph, workflow
from pressplay.backlog.resolution import Choice
from pressplay.backlog.tasks import FINISHED, Backlog
from pressplay.clock import rfc3339
from pressplay.cluster.pause import Pause
from pressplay.cluster.port import Manifest
from pressplay.domain import profiles
from pressplay.domain.entries import TaskOfPull
from pressplay.errors import InputError
from pressplay.steps.core import backlog_file, github_backlog, landing, merged_trees, provable, verdicts
from pressplay.steps.core.context import Context, Inputs, Outputs, Subject
from pressplay.steps.documents import task_documents
from pressplay.steps.play import presses, protection, report
from pressplay.steps.play.report import Report
from pressplay.steps.play.tries import begin_try
from pressplay.steps.runs import limits as run_limits
from pressplay.steps.runs import requirements

MODES: tuple[presses.Mode, ...] = ("play", "show")
_OVERLAPS = 20
"""Sets of tasks with the same files, and tasks with an open pull request, that the log lists."""
_LOGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,99}")


def plan(inputs: Inputs, context: Context) -> Outputs:
    """The step `plan` of `press-play`: outputs the play's name, what it holds, and what it did (mode show: nothing).

    `report` is the ConfigMap that keeps what it printed, under the mode.
    """
    tag = github_backlog.chosen(inputs, context)
    subject = Subject.of({**inputs, "tag": tag.value if tag else ""}, context)
    wanted = inputs.get("mode") or "play"
    mode = next((mode for mode in MODES if mode == wanted), None)
    if mode is None:
        raise InputError(f"parameter mode: expected one of {', '.join(MODES)}, got {wanted!r}")
    with report.keeping(context, subject, mode) as noting:
        outputs = _plan(inputs, noting, mode, tag)
    return {**outputs, "link": _link(context, noting.subject), "report": noting.name}


def _plan(inputs: Inputs, noting: Report, mode: presses.Mode, tag: Choice | None) -> Outputs:
    context, subject = noting.context, noting.subject
    gh = context.harness(subject.repo, contents="read", pull_requests="read")
    resolved = backlog_file.read_now(context, gh, subject, tag)
    subject, base = replace(subject, tag=names.checked(resolved.tag.value, "tag")), resolved.branch.value
    noting.subject = subject
    plain_branch = replace(resolved.branch, value=names.shown_branch(base))
    for line in replace(resolved, branch=plain_branch).lines():
        context.say(line)
    protection.demand(context, gh, subject.repo, base)
    plays = presses.existing(context, subject)
    if mode == "play":
        _complete(context, plays)
    if (under_way := plays.under_way) is not None:
        presses.say_what_is_under_way(context, subject, plays, under_way, mode)
        if mode == "show":
            # Ledgers know what was merged, and not what became of it.
            backlog = resolved.backlog()
            _say_what_is_undone(context, backlog, landing.of_backlog(context, gh, subject, backlog, base))
        name = names.play(subject.repo, subject.tag, under_way)
        return {"play": name, "tasks": "0", "ready": "0", "started": "false"}
    requirements.check(context.settings.agents, gh, subject, base)
    commit = resolved.commit.value
    for advice in provable.demand(gh, subject.repo, commit, context.settings):
        context.say(f"not provable yet: {advice}")
    backlog = resolved.backlog()
    landings = landing.of_backlog(context, gh, subject, backlog, base)
    requested = _named(backlog, inputs.get("tasks", "")) | github_issues.reopened(backlog)
    again = {task: pr for task, pr in landings.done.items() if task in requested}
    done = {task: pr for task, pr in landings.done.items() if task not in again}
    planned = backlog_file.remaining(subject, backlog, done, inputs.get("tasks", ""))
    _say_what_is_done(context, backlog, landings, again)
    stuck = {problem.task for problem in planned.problems if problem.blocks}
    for left_out in planned.tasks:
        if left_out.task.id in stuck:
            context.say(f"task {left_out.task.number}: left out, the backlog has a problem with it (pressplay plan)")
    if not planned.tasks and (others := [tag for tag in backlog.others if names.is_plain(tag)]):
        context.say(f"nothing is left to play in this tag; other tags with tasks to do: {', '.join(others)} (-p tag)")
    _say_what_overlaps(context, planned)
    _say_whose_words(context, subject, planned)
    # Workflows go a while after they have ended (workflows.ttlSeconds); the newest play's template stays.
    whole = [number for number in plays.templates if plays.first(number) is not None]
    tasks = [playable.task for playable in planned.playable]
    number = max([*whole, *plays.workflows, *_tries(context, subject, {task.number for task in tasks})], default=0) + 1
    name = names.play(subject.repo, subject.tag, number)
    lacking = task_documents.lacking(gh, subject, commit, tasks)
    opened = presses.open_pulls(context, subject, planned, number)
    if mode == "play":
        if github_issues.of_tag(subject.tag) is not None:
            github_backlog.pin(context, subject, resolved.document, commit)
        for task in tasks:
            if task.id in again:
                begin_try(context, replace(subject, task=task.number, attempt_of_person=number))
        for left in plays.templates.get(number, ()):
            context.cluster.delete("WorkflowTemplate", context.settings.namespace, left["metadata"]["name"])
        _create(context, subject, _manifests(context, subject, planned, name, commit), number)
    _report(context, subject, planned, name, mode, opened)
    if subject.settings.release == "approved":
        _say_what_is_stacked(context, planned)
    if (held := context.paused(subject.repo)) is not None:
        context.say(f"no run of it begins yet: {subject.repo} is paused {_by(held)}; {held.ended_by}")
    if lacking:
        command = task_documents.command(context, subject)
        context.say(
            f"without documents of their own: {', '.join(str(task.number) for task in lacking)}; what is missing is "
            f"made from the backlog by template. To have Morgan write it first: {command}"
        )
    return {
        "play": name,
        "tasks": str(len(planned.playable)),
        "ready": str(len(planned.ready)),
        "started": "true" if mode == "play" and planned.playable else "false",
    }


def _named(backlog: Backlog, only: str) -> set[str]:
    """The ids of the tasks that the parameter `tasks` names, by id or number."""
    wanted = {part.strip() for part in only.split(",")}
    return {task.id for task in backlog.tasks if task.id in wanted or str(task.number) in wanted}


def _say_what_is_done(context: Context, backlog: Backlog, landings: landing.Landings, again: Mapping[str, int]) -> None:
    """Log which tasks are taken as done, and why: a person may know better (`tasks=` plays one anyway)."""
    numbers = {task.id: task.number for task in backlog.tasks}
    finished = [str(task.number) for task in backlog.tasks if task.status in FINISHED]
    if finished:
        context.say(f"taken as done, by their status in {backlog.kept_in}: {', '.join(finished)}")
    landed = [f"{numbers[task]} (#{pr})" for task, pr in landings.done.items() if task not in again]
    if landed:
        context.say(
            f"taken as done, for people merged their pull requests: {', '.join(landed)}. "
            f"To play one anyway: -p tasks={landed[0].split()[0]}"
        )
    if again:
        listed = ", ".join(f"{numbers[task]} (#{pr})" for task, pr in again.items())
        how = "asked for by name" if github_issues.of_tag(backlog.tag) is None else "reopened, or asked for by name"
        context.say(f"played again, because they were {how}: {listed}")
    _say_what_is_undone(context, backlog, landings)


def _say_what_is_undone(context: Context, backlog: Backlog, landings: landing.Landings) -> None:
    """Log which tasks were merged, and are no part of the branch any more."""
    numbers = {task.id: task.number for task in backlog.tasks}
    for task, why in landings.undone.items():
        context.say(f"task {numbers[task]} is not taken as done: {why}")


def _say_whose_words(context: Context, subject: Subject, planned: graph.WorkPlan) -> None:
    """Log which tasks are issues that people without write access opened: the press consents to their texts."""
    if github_issues.of_tag(subject.tag) is None:
        return
    ids = set(github_backlog.of_strangers(context, subject.repo, [playable.task for playable in planned.playable]))
    listed = [str(playable.task.number) for playable in planned.playable if playable.task.id in ids]
    if listed:
        context.say(
            f"opened by people without write access: {', '.join(listed)}; their texts count as they are at this press, "
            "so read them first"
        )


def _say_what_overlaps(context: Context, planned: graph.WorkPlan) -> None:
    """Log which tasks may conflict, or start one after the other, since they name the same files."""
    numbers = {playable.task.id: str(playable.task.number) for playable in planned.playable}
    for overlap in planned.overlaps[:_OVERLAPS]:
        context.say(overlap.sentence([numbers[name] for name in overlap.tasks]))
    if planned.overlaps:
        context.say("to start such tasks one after the other, set `overlaps: order` in the values")
    if len(planned.overlaps) > _OVERLAPS:
        context.say(f"and {len(planned.overlaps) - _OVERLAPS} more sets of tasks that name the same files")
    for playable in planned.playable:
        if playable.follows:
            after = ", ".join(numbers[name] for name in playable.follows)
            context.say(f"task {playable.task.number} starts once {after} ended, for they name the same files")


def _say_what_is_stacked(context: Context, planned: graph.WorkPlan) -> None:
    """Log which tasks start before what they depend on is merged, and which wait for it although tasks are released."""
    numbers = {playable.task.id: str(playable.task.number) for playable in planned.playable}
    stacked = workflow.begun_on(planned)
    for task, dependency in list(stacked.items())[:_OVERLAPS]:
        context.say(f"task {numbers[task]} starts on the approved head of task {numbers[dependency]}, merged or not")
    if len(stacked) > _OVERLAPS:
        context.say(f"and {len(stacked) - _OVERLAPS} more tasks start on an approved head")
    apart = [playable for playable in planned.playable if playable.waits_for and playable.task.id not in stacked]
    for playable in apart[:_OVERLAPS]:
        after = ", ".join(numbers[name] for name in playable.waits_for)
        context.say(f"task {playable.task.number} starts once {after} are merged: no approved head holds all of them")
    if len(apart) > _OVERLAPS:
        context.say(f"and {len(apart) - _OVERLAPS} more tasks start once what they depend on is merged")


def _link(context: Context, subject: Subject) -> str:
    return f"{context.settings.github.web_url}/{subject.repo}/pulls"


def _tries(context: Context, subject: Subject, tasks: Collection[int]) -> Iterator[int]:
    """The tries that the ledgers of tasks and of their pull requests hold.

    A person's `/press-play retry` raises them too, and people delete plays: a new press must be a new try anyway.
    """
    ledger = context.ledger(subject.repo)
    for kept in ledger.kept("task"):
        if kept.number in tasks:
            yield from kept.entries.tries
    for kept in ledger.kept("pr"):
        entry = kept.entries.get(TaskOfPull)
        if entry is not None and entry.task in tasks:
            yield from kept.entries.tries


def _create(context: Context, subject: Subject, manifests: Iterable[Manifest], number: int) -> None:
    """Create a play. The first part's WorkflowTemplate is created last: once it is there, all are (R3).

    After a kill before that, the next call replaces the play; after a kill later, the next call completes it.
    """
    parts = [manifest for manifest in manifests if manifest["kind"] == "WorkflowTemplate"]
    plays = presses.Plays(names.play_stem(subject.repo, subject.tag), {number: parts}, {})
    first = plays.first(number)
    if first is not None:
        for part in [*(part for part in parts if part is not first), first]:
            context.cluster.create(part)
        _complete(context, plays)


def _complete(context: Context, plays: presses.Plays) -> None:
    """Create the Workflows of the newest play, if an earlier press was killed before it created all of them."""
    number = plays.unmarked
    first = plays.first(number) if number is not None else None
    if number is None or first is None:
        return
    for part in plays.templates[number]:
        context.cluster.create(workflow.of_template(part))
    metadata = {key: first["metadata"][key] for key in ("name", "namespace")}
    started = {"annotations": {presses.STARTED: rfc3339(context.clock.now())}}
    context.cluster.apply({key: first[key] for key in ("apiVersion", "kind")} | {"metadata": metadata | started})


def _manifests(context: Context, subject: Subject, planned: graph.WorkPlan, name: str, commit: str) -> list[Manifest]:
    """The play's objects; `commit` is the base branch's newest. No final proof where no gate of ours runs tests."""
    is_proven = subject.settings.base.final_proof and verdicts.TESTS in merged_trees.judging(subject.settings)
    return workflow.play_manifests(
        planned,
        repo=subject.repo,
        tag=subject.tag,
        play=name,
        namespace=context.settings.namespace,
        parallelism=planned.parallelism,
        release=subject.settings.release or "merged",
        instance_id=context.settings.instance_id,
        since=commit if is_proven else "",
        # GitHub closes the issues itself.
        statuses=bool(subject.settings.status_pull_request) and github_issues.of_tag(subject.tag) is None,
    )


def _by(held: Pause) -> str:
    """By whom, without text that people wrote freely (R7)."""
    if held.in_values:
        return "in the values"
    return f"by {held.by}" if _LOGIN.fullmatch(held.by) else "by a person"


def _report(
    context: Context,
    subject: Subject,
    planned: graph.WorkPlan,
    name: str,
    mode: str,
    opened: Sequence[presses.OpenPull],
) -> None:
    for playable in planned.playable:
        if (profile := playable.proposed_profile) is not None:
            is_issue = github_issues.of_tag(subject.tag) is not None
            context.say(f"task {playable.task.number} {profiles.advice(profile, is_issue=is_issue)}")
    for pull in opened[:_OVERLAPS]:
        context.say(pull.sentence())
    if len(opened) > _OVERLAPS:
        context.say(f"and {len(opened) - _OVERLAPS} more tasks have an open pull request")
    limits = context.settings.limits
    tasks = [str(planned_task.task.number) for planned_task in planned.playable]
    ready = [str(planned_task.task.number) for planned_task in planned.playable if planned_task.state == "ready"]
    runs = presses.least_runs(planned, opened)
    context.say(
        f"{'would start' if mode == 'show' else 'play'} {name}: {len(tasks)} tasks in this order: {', '.join(tasks)}; "
        f"at once: {', '.join(ready)}; at least {runs} runs, {planned.parallelism} tasks at once"
    )
    context.say(
        f"limits: rounds {limits.rounds}, attempts {limits.attempts}, minutes of a run {limits.run_minutes}, "
        f"runs of a play {run_limits.of_play(context, subject)[0]}, of a day {run_limits.of_day(context, subject)[0]}"
    )
