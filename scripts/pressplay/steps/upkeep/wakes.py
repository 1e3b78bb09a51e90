"""End the waits of plays, as GitHub and the cluster require."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from pressplay import names
from pressplay.cluster import pause, waits
from pressplay.cluster.port import Manifest
from pressplay.domain.entries import Entries, TaskVerdict
from pressplay.errors import InputError, TryAgain
from pressplay.github import pulls
from pressplay.github.calls import Client
from pressplay.steps.core import landing, start
from pressplay.steps.core.context import Context, Subject
from pressplay.steps.play.task_verdicts import AWAIT_MERGE

_DAY = 86_400


def continued(context: Context, repo: str) -> int:
    """Wake what waits for the end of a pause, if the pause has ended; returns how many."""
    return pause.wake(context.cluster, context.settings.namespace, {"press-play/repo": names.repo_key(repo)})


def _closed(context: Context, gh: Client, repo: str, play: Manifest, task: str, pr: int) -> int:
    """Wake the waits for a pull request's end in one play; TryAgain in the moment between two of its waits."""
    own = [wait for wait in waits.of(play) if wait.key.get("task") == task and wait.kind != pause.AWAIT_CONTINUE]
    if own:
        return sum(_end(context, gh, repo, wait, only=pr) for wait in own)
    states = {node.get("displayName"): node.get("phase") for node in waits.nodes(play).values()}
    approved = states.get(f"t{task}") == "Succeeded"
    if approved and states.get(f"t{task}-merged") in (None, "Pending"):
        raise TryAgain(f"{play['metadata']['name']}: t{task} has just ended, its wait for the merge is not there yet")
    return 0


def _end(context: Context, gh: Client, repo: str, wait: waits.Wait, only: int | None = None) -> bool:
    """End a wait if its task's pull request was merged or closed; False if the wait continues.

    `only`: the pull request of the event. The event may be late, about an earlier try's pull request, or about a fork's
    branch of the same name, which is no task's.
    """
    subject = Subject.of({"repo": repo, **wait.key}, context)
    pull = landing.pull_of(context, gh, subject)
    if pull is None or pull.state == "open" or only not in (None, pull.number):
        return False
    if not pull.merged:
        return wait.wake(context.cluster, "Failed", {}, f"pull request {pull.number} was closed without a merge")
    ledger, task = context.ledger(repo), subject.task_number
    entries = ledger.entries("task", task)
    reason = landing.note(context, subject, landing.of(context, gh, subject, pull, entries))
    if not reason:
        return wait.wake(context.cluster, "Succeeded", {"outcome": "merged"})
    verdict = entries.get(TaskVerdict, TaskVerdict.key_of(subject.attempt_of_person))
    if verdict is not None:
        # It was approved, then merged into another branch, or by somebody who may not.
        now = int(context.clock.now())
        ledger.record("task", task, replace(verdict, outcome="parked", reason=reason, details=None, ended=now))
    return wait.wake(context.cluster, "Failed", {}, f"parked: {reason}")


def never_merged(context: Context, merges: Iterable[waits.Wait]) -> list[waits.Wait]:
    """The waits for merges whose task has failed, or was omitted, in another Workflow of the same play.

    Within one Workflow Argo omits what depends on a failed task; across Workflows only this function does.
    """
    ended: dict[str, set[str]] = {}
    hopeless = []
    for wait in merges:
        play = wait.key.get("play", "")
        if play not in ended:
            own = {"press-play/flow": "play", "press-play/play": play}
            parts = context.cluster.list("Workflow", context.settings.namespace, own) if play else []
            ended[play] = {
                str(node.get("displayName"))
                for part in parts
                for node in waits.nodes(part).values()
                if node.get("phase") in ("Failed", "Error", "Omitted")
            }
        if f"t{wait.key['task']}" in ended[play]:
            hopeless.append(wait)
    return hopeless


def merged(context: Context, repo: str) -> int:
    """End the waits for merges whose pull request was closed, that can't end any more, or that are too old.

    One listing of the open pull requests and one of the tasks' ledgers decide most of them; only the rest is read one
    by one. A task without a ledger has not begun: once it does, it finds what was merged.
    """
    plays = waits.running(context.cluster, context.settings.namespace, start.labels(repo, "play"))
    merges = [wait for play in plays for wait in waits.of(play) if wait.kind == AWAIT_MERGE]
    if not merges:
        return 0
    try:
        gh = context.harness(repo, **landing.NEEDS)
        still_open = pulls.all_pulls(gh, repo, "open")
    except InputError as error:
        # The App may get access again; but no wait lasts for ever (R3).
        for wait in merges:
            if _too_old(context, context.ledger(repo).entries("task", int(wait.key["task"])), wait):
                wait.wake(context.cluster, "Failed", {}, f"{_unmerged(context)}, as far as GitHub tells: {error}")
        raise
    hopeless = {wait.node_id for wait in never_merged(context, merges)}
    tasks = {kept.number: kept.entries for kept in context.ledger(repo).kept("task")}
    woken = 0
    for wait in merges:
        if wait.node_id in hopeless:
            woken += wait.wake(context.cluster, "Failed", {}, f"task {wait.key['task']} ended without a merge")
            continue
        entries = tasks.get(int(wait.key["task"]))
        if entries is not None and not _is_open(entries, wait, still_open) and _end(context, gh, repo, wait):
            woken += 1
        elif _too_old(context, entries, wait):
            woken += wait.wake(context.cluster, "Failed", {}, _unmerged(context))
    return woken


def _is_open(entries: Entries, wait: waits.Wait, still_open: Iterable[pulls.Pull]) -> bool:
    """Whether the wait's pull request is open: the approved one, else one of the task's branch."""
    task = int(wait.key["task"])
    verdict = _verdict_on(entries, wait)
    if verdict is not None and verdict.pr:
        return any(pull.number == verdict.pr for pull in still_open)
    return any(pull.head_ref == names.task_branch(task) and not pull.fork for pull in still_open)


def _too_old(context: Context, entries: Entries | None, wait: waits.Wait) -> bool:
    """Whether a person had `limits.waitDays` to merge it, since the task's approval.

    A wait for a task of another Workflow begins with the play; it is too old only if nothing works on the task.
    """
    allowed = context.settings.limits.wait_days * _DAY
    if context.clock.now() - wait.since <= allowed:
        return False
    verdict = _verdict_on(entries, wait)
    if verdict is not None:
        return context.clock.now() - max(wait.since, float(verdict.ended)) > allowed
    return not _worked_on(context, wait.key.get("play", ""), int(wait.key["task"]))


def _verdict_on(entries: Entries | None, wait: waits.Wait) -> TaskVerdict | None:
    """The verdict on the wait's task in the wait's play; None if there is none yet. `entries`: the task's."""
    if entries is None:
        return None
    return entries.get(TaskVerdict, TaskVerdict.key_of(names.play_count(wait.key.get("play", ""))))


def _worked_on(context: Context, play: str, task: int) -> bool:
    """Whether the Workflow of a play that starts the task is unfinished."""
    namespace, own = context.settings.namespace, {"press-play/flow": "play", "press-play/play": play}
    parts = context.cluster.list("WorkflowTemplate", namespace, own) if play else []
    for part in parts:
        nodes = [node for template in part["spec"]["templates"] for node in template.get("dag", {}).get("tasks", ())]
        if any(node["name"] == f"t{task}" for node in nodes):
            workflow = context.cluster.get("Workflow", namespace, part["metadata"]["name"])
            return workflow is not None and waits.phase(workflow) not in waits.FINISHED
    return False


def _unmerged(context: Context) -> str:
    return f"nobody merged it within {context.settings.limits.wait_days} days"
