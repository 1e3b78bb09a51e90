"""Waking waits: by a hint (`signal`), and, as hints get lost (R2), by comparing all with the truth (`reconcile`)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from pressplay import names
from pressplay.cluster import pause, waits
from pressplay.cluster.port import Manifest
from pressplay.errors import InputError, PressPlayError, TryAgain
from pressplay.github import pulls, refs
from pressplay.github.calls import Client
from pressplay.steps.context import Context, Inputs, Outputs, Subject, number
from pressplay.steps.tasks import AWAIT_MERGE, AWAIT_VERDICT, judge, verdict_of, wake_with
from pressplay.steps.told import WORKFLOW_ANNOTATION, has_volume, service

KINDS = ("closed", "continue")
_DAY = 86_400


def signal(inputs: Inputs, context: Context) -> Outputs:
    """Wake the waits that a closed (merged or not) pull request, or a `pressplay continue`, answers."""
    what = inputs.get("what", "")
    if what not in KINDS:
        raise InputError(f"parameter what: expected one of {', '.join(KINDS)}, got {what!r}")
    repo = names.repo(inputs["repo"])
    context.settings.repository(repo)
    if what == "continue":
        return {"woken": str(_continue(context, repo))}
    pr = number(inputs, "pr")
    if pr is None:
        raise InputError("parameter pr: expected a pull request's number")
    gh = context.harness(repo, pull_requests="read", contents="read")
    pull = pulls.pull(gh, repo, pr)
    task = names.task_of_branch(pull.head_ref)
    if task is None or pull.state == "open":
        return {"woken": "0"}
    woken = 0
    for play in waits.running(context.cluster, context.settings.namespace, _labels(repo, "play")):
        woken += _closed(context, play, str(task), pull)
    return {"woken": str(woken)}


def _labels(repo: str, flow: str) -> dict[str, str]:
    return {"press-play/flow": flow, "press-play/repo": names.repo_key(repo)}


def _continue(context: Context, repo: str) -> int:
    return pause.wake(context.cluster, context.settings.namespace, {"press-play/repo": names.repo_key(repo)})


def _workflows(context: Context, repo: str) -> list[Manifest]:
    labels = {"press-play/repo": names.repo_key(repo)}
    return waits.running(context.cluster, context.settings.namespace, labels)


def _closed(context: Context, play: Manifest, task: str, pull: pulls.Pull) -> int:
    """Wake what waits for this pull request's end in one play; TryAgain in the moment between two of its waits."""
    own = [wait for wait in waits.of(play) if wait.key.get("task") == task and wait.kind != pause.AWAIT_CONTINUE]
    if own:
        return sum(_end(context, wait, pull) for wait in own)
    states = {node.get("displayName"): node.get("phase") for node in waits.nodes(play).values()}
    approved = states.get(f"t{task}") == "Succeeded"
    if approved and states.get(f"t{task}-merged") in (None, "Pending"):
        raise TryAgain(f"{play['metadata']['name']}: t{task} has just ended, its wait for the merge is not there yet")
    return 0


def _end(context: Context, wait: waits.Wait, pull: pulls.Pull) -> bool:
    if pull.merged:
        return wait.wake(context.cluster, "Succeeded", {"outcome": "merged"})
    return wait.wake(context.cluster, "Failed", {}, f"pull request {pull.number} was closed without a merge")


def reconcile(_inputs: Inputs, context: Context) -> Outputs:
    """Compare every wait and every run with GitHub and the cluster; wake, expire and clean up what was missed."""
    woken, faults = 0, 0
    for repo in context.settings.repositories:
        try:
            woken += _reconcile_waits(context, repo)
            _clean_up(context, repo, _end_orphans(context, repo))
        except PressPlayError as error:
            # One repository's fault must not leave the others' waits asleep.
            faults += 1
            context.say(f"{repo}: {type(error).__name__}")
    if faults:
        raise TryAgain(f"{faults} of {len(context.settings.repositories)} repositories could not be compared")
    return {"woken": str(woken)}


def _reconcile_waits(context: Context, repo: str) -> int:
    workflows = _workflows(context, repo)
    found = [wait for workflow in workflows for wait in waits.of(workflow)]
    woken = _continue(context, repo)
    woken += sum(_reconcile_verdict(context, repo, wait) for wait in found if wait.kind == AWAIT_VERDICT)
    merges = [wait for wait in found if wait.kind == AWAIT_MERGE]
    if merges:
        woken += _reconcile_merges(context, repo, merges)
    return woken


def _subject(context: Context, repo: str, wait: waits.Wait) -> Subject:
    return Subject.of({"repo": repo, **wait.key}, context)


def _reconcile_verdict(context: Context, repo: str, wait: waits.Wait) -> bool:
    """A task's Workflow that ended, or is gone, without waking the play: its verdict is read and taken."""
    subject = _subject(context, repo, wait)
    name = names.task_workflow(subject.play, subject.task or 0)
    workflow = context.cluster.get("Workflow", context.settings.namespace, name)
    if workflow is not None and waits.phase(workflow) not in waits.FINISHED:
        return False
    verdict = verdict_of(context, subject) or judge(context, subject, waits.phase(workflow) if workflow else "Gone")
    key = f"verdict-{subject.attempt_of_person}"
    context.ledger(repo).record("task", subject.task or 0, key, {"play": subject.play, **verdict})
    return wake_with(context, wait, verdict)


def never_merged(context: Context, merges: Iterable[waits.Wait]) -> list[waits.Wait]:
    """Of waits for merges those whose task has failed, or was left out, in another Workflow of the same play.

    Within one Workflow Argo leaves out what depends on a failed task; between two of them nobody else would.
    """
    ended: dict[str, set[str]] = {}
    hopeless = []
    for wait in merges:
        play = wait.key.get("play", "")
        if play not in ended:
            labels = {"press-play/flow": "play", "press-play/play": play}
            parts = context.cluster.list("Workflow", context.settings.namespace, labels) if play else []
            ended[play] = {
                str(node.get("displayName"))
                for part in parts
                for node in waits.nodes(part).values()
                if node.get("phase") in ("Failed", "Error", "Omitted")
            }
        if f"t{wait.key['task']}" in ended[play]:
            hopeless.append(wait)
    return hopeless


def _reconcile_merges(context: Context, repo: str, merges: Sequence[waits.Wait]) -> int:
    """One listing of the open pull requests answers most waits; only those not in it are asked for one by one."""
    gh = context.harness(repo, pull_requests="read", contents="read")
    still_open = pulls.open_branches(gh, repo)
    hopeless = never_merged(context, merges)
    woken = 0
    for wait in merges:
        branch = names.task_branch(int(wait.key["task"]))
        if wait in hopeless:
            woken += wait.wake(context.cluster, "Failed", {}, f"task {wait.key['task']} ended without a merge")
            continue
        if branch in still_open:
            days = context.settings.limits.wait_days
            if context.clock.now() - wait.since > days * _DAY:
                woken += wait.wake(context.cluster, "Failed", {}, f"nobody merged it within {days} days")
            continue
        pull = pulls.find_pull(gh, repo, branch)
        if pull is not None and pull.state != "open":
            woken += _end(context, wait, pull)
    return woken


def _end_orphans(context: Context, repo: str) -> dict[str, Manifest]:
    """Delete runs whose Workflow was stopped or is gone (R4); the runs under way that are left, by name."""
    namespace = context.settings.controller_namespace
    live: dict[str, Manifest] = {}
    for run in context.cluster.list("CodeRun", namespace, _labels(repo, "run")):
        if (run.get("status") or {}).get("phase") in waits.FINISHED:
            continue
        name = run["metadata"]["name"]
        workflow = (run["metadata"].get("annotations") or {}).get(WORKFLOW_ANNOTATION, "")
        owner = context.cluster.get("Workflow", context.settings.namespace, workflow) if workflow else None
        if workflow and (owner is None or waits.phase(owner) in waits.FINISHED):
            context.cluster.delete("CodeRun", namespace, name)
            context.say(f"{name}: deleted, its Workflow {workflow} has ended")
        else:
            live[name] = run
    return live


def _clean_up(context: Context, repo: str, live: Mapping[str, Manifest]) -> None:
    """Delete what runs left: context branches, volumes of tasks whose pull request is closed, tallies of past days."""
    yesterday = datetime.fromtimestamp(context.clock.now() - _DAY, UTC).date().isoformat()
    context.ledger(repo).prune_tallies(before=yesterday)
    gh = context.harness(repo, contents="write", pull_requests="read")
    prefix = names.context_branch("")
    for branch in refs.branches_with_prefix(gh, repo, prefix):
        # A branch without a run yet may be one that is about to start.
        run = context.cluster.get("CodeRun", context.settings.controller_namespace, branch.removeprefix(prefix))
        if run is not None and (run.get("status") or {}).get("phase") in waits.FINISHED:
            refs.delete_branch(gh, repo, branch)
    settings = context.settings.repository(repo)
    if has_volume(settings):
        _delete_volumes(context, gh, repo, f"workspace-{service(repo, settings)}-", live)


def _delete_volumes(context: Context, gh: Client, repo: str, prefix: str, live: Mapping[str, Manifest]) -> None:
    namespace = context.settings.controller_namespace
    found = [claim["metadata"]["name"] for claim in context.cluster.list("PersistentVolumeClaim", namespace)]
    tasks = {name.removeprefix(prefix): name for name in found if re.fullmatch(re.escape(prefix) + r"\d+", name)}
    busy = {run["metadata"]["labels"]["press-play/task"] for run in live.values()}
    for task, claim in tasks.items():
        if task in busy:
            continue
        pull = pulls.find_pull(gh, repo, names.task_branch(int(task)))
        if pull is not None and pull.state == "closed":
            context.cluster.delete("PersistentVolumeClaim", namespace, claim)
            context.say(f"{claim}: deleted, pull request {pull.number} is closed")
