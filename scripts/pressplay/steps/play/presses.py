"""What a press of play would do now: one judgement, which a press carries out and `mode=show` reports.

An unfinished play is the whole answer: nothing starts beside it. Otherwise a task needs as many runs as the state of
its pull request leaves; one that is approved waits for its merge and needs none.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from pressplay import names
from pressplay.backlog import graph, workflow
from pressplay.cluster import waits
from pressplay.cluster.port import Manifest
from pressplay.domain.entries import Entries, Landed, TaskVerdict
from pressplay.github import pulls
from pressplay.steps.core import landing
from pressplay.steps.core.context import Context, Subject
from pressplay.steps.play import task_verdicts

Mode = Literal["play", "show"]
STARTED = "press-play/started"
"""On a play's first WorkflowTemplate: when all of its Workflows existed."""
AT_WORK, MERGE, PARKED = "at work", "wait for a person's merge", "parked"
"""Where a task of a play stands."""
_LISTED = 30
"""Tasks that a line of the log lists."""
_WHOLE, _REVIEWED = 3, 2
"""Runs of a task that nothing goes wrong with: of Rex, Clippy and QA; without Rex where its pull request is open."""


@dataclass(frozen=True)
class Plays:
    """The plays of a repository's tag that exist: their objects by the play's number."""

    stem: str
    templates: Mapping[int, Sequence[Manifest]]
    workflows: Mapping[int, Sequence[Manifest]]

    def first(self, number: int) -> Manifest | None:
        """The first WorkflowTemplate of a play, which is created last: with it, the play is whole (R3)."""
        name = f"{self.stem}-{number}"
        return next((part for part in self.templates.get(number, ()) if part["metadata"]["name"] == name), None)

    @property
    def unmarked(self) -> int | None:
        """The newest play, if it is not marked as started: a press may have been killed while it created Workflows."""
        number = max(self.templates, default=0)
        first = self.first(number)
        return None if first is None or STARTED in (first["metadata"].get("annotations") or {}) else number

    @property
    def interrupted(self) -> int | None:
        """The newest play, if a Workflow of it was never created: the next press creates what is left of it."""
        number = self.unmarked
        if number is None:
            return None
        there = {part["metadata"]["name"] for part in self.workflows.get(number, ())}
        return None if all(part["metadata"]["name"] in there for part in self.templates[number]) else number

    @property
    def under_way(self) -> int | None:
        """The unfinished play that keeps a press from starting another one; None if there is none."""
        if self.interrupted is not None:
            return self.interrupted
        unfinished = (
            number
            for number, parts in self.workflows.items()
            if any(waits.phase(part) not in waits.FINISHED for part in parts)
        )
        return next(unfinished, None)


def existing(context: Context, subject: Subject) -> Plays:
    """The plays of the subject's repository and tag, as the cluster has them."""
    by_number = [_by_number(context, subject, kind) for kind in ("WorkflowTemplate", "Workflow")]
    return Plays(names.play_stem(subject.repo, subject.tag), *by_number)


def _by_number(context: Context, subject: Subject, kind: str) -> dict[int, list[Manifest]]:
    stem = names.play_stem(subject.repo, subject.tag)
    labels = {"press-play/flow": "play", "press-play/repo": names.repo_key(subject.repo)}
    plays: dict[int, list[Manifest]] = {}
    for manifest in context.cluster.list(kind, context.settings.namespace, labels):
        name = manifest["metadata"]["name"]
        if name.startswith(f"{stem}-"):
            plays.setdefault(names.play_count(name), []).append(manifest)
    return plays


def say_what_is_under_way(context: Context, subject: Subject, plays: Plays, number: int, mode: Mode) -> None:
    """Log that a press starts nothing beside the play `number`, and where the tasks of that play stand."""
    name = names.play(subject.repo, subject.tag, number)
    if mode == "play":
        context.say(f"{name} is under way; nothing was started")
    elif plays.interrupted == number:
        context.say(f"{name} was interrupted while it was created; a press would create the rest, and no other play")
    else:
        context.say(f"{name} is under way; a press would start nothing")
    listed: dict[str, list[str]] = {}
    for task in standing(context, subject, plays, number):
        pull = f" (#{task.pr})" if task.state == MERGE else ""
        listed.setdefault(task.state, []).append(f"{task.number}{pull}")
    lines = [
        f"{state}: {', '.join(tasks[:_LISTED])}" + (f" … ({len(tasks)} in all)" if len(tasks) > _LISTED else "")
        for state, tasks in listed.items()
    ]
    if lines:
        context.say(f"its tasks: {'; '.join(lines)}")


@dataclass(frozen=True)
class TaskStanding:
    """Where a task of a play stands, by its ledger."""

    number: int
    state: str
    """AT_WORK, MERGE, PARKED, `merged`, `not begun`, or the outcome of its verdict where that is none of these."""
    pr: int | None


def standing(context: Context, subject: Subject, plays: Plays, number: int) -> list[TaskStanding]:
    """Where the tasks of the play `number` stand, by their numbers."""
    tasks = sorted(_tasks(plays.templates.get(number, ())))
    ledgers = {kept.number: kept.entries for kept in context.ledger(subject.repo).kept("task")} if tasks else {}
    about = {"press-play/flow": "task", "press-play/play": names.play(subject.repo, subject.tag, number)}
    started = context.cluster.list("Workflow", context.settings.namespace, about) if tasks else []
    begun = {int(flow["metadata"]["labels"]["press-play/task"]) for flow in started}
    return [_of_task(task, number, ledgers.get(task, Entries()), begun) for task in tasks]


def _of_task(task: int, play: int, entries: Entries, begun: Collection[int]) -> TaskStanding:
    verdict, landed = entries.get(TaskVerdict, TaskVerdict.key_of(play)), entries.get(Landed)
    if verdict is None:
        return TaskStanding(task, AT_WORK if task in begun else "not begun", None)
    if verdict.outcome == "approved" and (landed is None or landed.pr != verdict.pr):
        return TaskStanding(task, MERGE, verdict.pr)
    return TaskStanding(task, "merged" if verdict.is_good else verdict.outcome, verdict.pr)


def _tasks(templates: Iterable[Manifest]) -> set[int]:
    """The numbers of the tasks that a play's WorkflowTemplates start."""
    return {
        int(parameter["value"])
        for part in templates
        for template in part["spec"]["templates"]
        for node in template.get("dag", {}).get("tasks", ())
        if node.get("templateRef", {}).get("template") == workflow.START_TASK
        for parameter in node["arguments"]["parameters"]
        if parameter["name"] == "task"
    }


@dataclass(frozen=True)
class OpenPull:
    """A task's open pull request, which a press goes on with."""

    task: int
    pr: int
    approved: bool
    """Whether its head is proven: then the task only waits for the merge."""

    def sentence(self) -> str:
        """For the log."""
        if self.approved:
            return f"task {self.task} needs no run: #{self.pr} is approved, and waits for a person's merge"
        return f"task {self.task} goes on with the review of #{self.pr}, which is open"


def open_pulls(context: Context, subject: Subject, planned: graph.WorkPlan, number: int) -> list[OpenPull]:
    """The open pull requests of the tasks that the play `number` would have, judged as their flows judge them."""
    gh = context.harness(subject.repo, **landing.NEEDS, checks="read")
    branches = {pull.head_ref for pull in pulls.all_pulls(gh, subject.repo, "open") if not pull.fork}
    opened: list[OpenPull] = []
    for playable in planned.playable:
        task = playable.task.number
        if names.task_branch(task) not in branches:
            continue
        work = replace(subject, task=task, attempt_of_person=number)
        pull = landing.pull_of(context, gh, work)
        if pull is not None and pull.state == "open":
            opened.append(OpenPull(task, pull.number, task_verdicts.is_approved(context, gh, work, pull)))
    return opened


def least_runs(planned: graph.WorkPlan, opened: Iterable[OpenPull]) -> int:
    """How many runs a play makes if nothing is sent back."""
    of_open = {pull.task: 0 if pull.approved else _REVIEWED for pull in opened}
    return sum(of_open.get(playable.task.number, _WHOLE) for playable in planned.playable)
