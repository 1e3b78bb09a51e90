"""Press play: read the backlog, check it, create the play, end.

The play is a generated WorkflowTemplate and a Workflow that refers to it, named `play-<hash>-<n>` with n = finished
plays + 1. An unfinished play is shown, not doubled. Tasks whose pull request is merged are left out.
"""

from __future__ import annotations

import re

from pressplay import names
from pressplay.backlog import graph, workflow
from pressplay.cluster import waits
from pressplay.cluster.port import Manifest
from pressplay.errors import InputError
from pressplay.github import contents, refs, rules
from pressplay.steps import documents, folder, requirements
from pressplay.steps.context import Context, Inputs, Outputs, Subject
from pressplay.steps.tasks import ACCEPTANCE_CHECK

MODES = ("play", "show")
_PLAY_NUMBER = re.compile(r"play-[0-9a-f]{8}-(\d+)")


def plan(inputs: Inputs, context: Context) -> Outputs:
    """The step `plan` of `press-play`: outputs the play's name, what it holds, and what it did (mode show: nothing)."""
    subject = Subject.of(inputs, context)
    mode = inputs.get("mode") or "play"
    if mode not in MODES:
        raise InputError(f"parameter mode: expected one of {', '.join(MODES)}, got {mode!r}")
    gh = context.harness(subject.repo, contents="read", pull_requests="read")
    base = subject.settings.default_branch or contents.default_branch(gh, subject.repo)
    unprotected = rules.unprotected(gh, subject.repo, base, ACCEPTANCE_CHECK, context.github.app_id_of_harness())
    if unprotected and not context.settings.allow_unprotected:
        raise InputError(
            f"{subject.repo}: {unprotected}. Require the check {ACCEPTANCE_CHECK!r} from the App "
            f"{context.settings.github.harness_app!r} by a ruleset on {base}, or set allowUnprotected (R5)"
        )
    plays = _plays(context, subject)
    open_play = next((play for play in plays if waits.phase(play) not in waits.FINISHED), None)
    if open_play is not None and mode == "play":
        name = open_play["metadata"]["name"]
        context.say(f"{name} is under way; nothing was started")
        return {"play": name, "tasks": "0", "ready": "0", "started": "false", "link": _link(context, subject)}
    requirements.check(context.settings.agents, gh, subject, base)
    planned = folder.left(gh, subject, folder.backlog(gh, subject, base), inputs.get("tasks", ""))
    for problem in planned.problems:
        context.say(f"task {problem.task}: left out, the backlog has a problem with it")
    name = names.play(subject.repo, subject.tag, _next_number(plays))
    tasks = [playable.task for playable in planned.playable]
    lacking = documents.lacking(gh, subject, refs.head(gh, subject.repo, base), tasks)
    if mode == "play":
        # A WorkflowTemplate that an earlier, killed call left is the same one: the name is a function of the play.
        for manifest in _manifests(context, subject, planned, name):
            context.cluster.create(manifest)
    _report(context, planned, name, mode)
    if lacking:
        context.say(
            f"without documents of their own: {', '.join(str(task.number) for task in lacking)}; what is missing is "
            f"made from tasks.json by template. To have Morgan write it first: {documents.command(context, subject)}"
        )
    return {
        "play": name,
        "tasks": str(len(planned.playable)),
        "ready": str(len(planned.ready)),
        "started": "true" if mode == "play" and planned.playable else "false",
        "link": _link(context, subject),
    }


def _link(context: Context, subject: Subject) -> str:
    return f"{context.settings.github.web_url}/{subject.repo}/pulls"


def _plays(context: Context, subject: Subject) -> list[Manifest]:
    """All plays of this repository and tag, their first Workflows only."""
    stem = names.play_stem(subject.repo, subject.tag)
    labels = {"press-play/flow": "play", "press-play/repo": names.repo_key(subject.repo)}
    found = context.cluster.list("Workflow", context.settings.namespace, labels)
    return [play for play in found if play["metadata"]["name"].startswith(f"{stem}-")]


def _next_number(plays: list[Manifest]) -> int:
    numbers = [_PLAY_NUMBER.match(play["metadata"]["name"]) for play in plays]
    return max((int(found[1]) for found in numbers if found), default=0) + 1


def _manifests(context: Context, subject: Subject, planned: graph.Plan, name: str) -> list[Manifest]:
    return workflow.play_manifests(
        planned,
        repo=subject.repo,
        tag=subject.tag,
        play=name,
        namespace=context.settings.namespace,
        parallelism=planned.parallelism,
        release=subject.settings.release or "merged",
        instance_id=context.settings.instance_id,
    )


def _report(context: Context, planned: graph.Plan, name: str, mode: str) -> None:
    limits = context.settings.limits
    tasks = [str(planned_task.task.number) for planned_task in planned.playable]
    ready = [str(planned_task.task.number) for planned_task in planned.playable if planned_task.state == "ready"]
    runs = len(tasks) * 3
    context.say(
        f"{'would start' if mode == 'show' else 'play'} {name}: {len(tasks)} tasks in this order: {', '.join(tasks)}; "
        f"at once: {', '.join(ready)}; at least {runs} runs, {planned.parallelism} tasks at once"
    )
    context.say(
        f"limits: rounds {limits.rounds}, attempts {limits.attempts}, minutes of a run {limits.run_minutes}, "
        f"runs of a play {limits.runs_per_play}, of a day {limits.runs_per_repository_and_day}"
    )
