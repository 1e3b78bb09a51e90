"""Deletes what ended runs leave behind: runs without a Workflow, context branches, volumes.

A run is a CodeRun or a DocsRun.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from pressplay import names
from pressplay.cluster import waits
from pressplay.cluster.ledger import Subject as LedgerSubject
from pressplay.cluster.port import Manifest
from pressplay.domain.entries import Run
from pressplay.domain.roles import ROLES
from pressplay.github import pulls, refs
from pressplay.github.calls import Client
from pressplay.github.snapshots import PREFIX
from pressplay.steps.comments import snapshot
from pressplay.steps.core.context import Context
from pressplay.steps.core.manifests import WORKFLOW_ANNOTATION
from pressplay.steps.core.start import labels
from pressplay.steps.documents import docs_requests
from pressplay.steps.documents.docsrun import VOLUME
from pressplay.steps.runs.coderun import has_volume, service
from pressplay.steps.runs.run import KINDS, has_ended, take_away


def end_orphans(context: Context, repo: str) -> dict[str, Manifest]:
    """Delete runs whose Workflow was stopped or is gone (R4); returns the remaining unfinished runs by name."""
    namespace = context.settings.controller_namespace
    live: dict[str, Manifest] = {}
    for run in [run for kind in KINDS for run in context.cluster.list(kind, namespace, labels(repo, "run"))]:
        if has_ended(run):
            continue
        kind, name = run["kind"], run["metadata"]["name"]
        workflow = (run["metadata"].get("annotations") or {}).get(WORKFLOW_ANNOTATION, "")
        owner = context.cluster.get("Workflow", context.settings.namespace, workflow) if workflow else None
        if workflow and (owner is None or waits.phase(owner) in waits.FINISHED):
            if kind == "DocsRun":
                docs_requests.end_orphan(context, repo, run)
            take_away(context, repo, kind, name)
            context.say(f"{name}: deleted, its Workflow {workflow} has ended")
        else:
            live[name] = run
    return live


def clean_up(context: Context, repo: str, live: Mapping[str, Manifest]) -> None:
    """Delete context branches of ended runs, and volumes of tasks whose pull request is closed."""
    gh = context.harness(repo, contents="write", pull_requests="read")
    prefix = names.context_branch("")
    branches = [branch.removeprefix(prefix) for branch in refs.branches_with_prefix(gh, repo, prefix)]
    needed = _needed_snapshots(context, gh, repo) if any(name.startswith(PREFIX) for name in branches) else set()
    for name in branches:
        # A branch without a run may belong to a run that is about to start.
        run = _find(context, name)
        ended = run is not None and has_ended(run) and is_collected(context, repo, run)
        if ended or (name.startswith(PREFIX) and name.removeprefix(PREFIX) not in needed):
            refs.delete_branch(gh, repo, names.context_branch(name))
    settings = context.settings.repository(repo)
    claims = context.cluster.list("PersistentVolumeClaim", context.settings.controller_namespace)
    volumes = [claim["metadata"]["name"] for claim in claims]
    _delete_volumes_of_criteria(context, volumes, f"workspace-{service(repo, settings)}-", live)
    if has_volume(settings):
        _delete_volumes(context, gh, repo, volumes, f"workspace-{service(repo, settings)}-", live)
    _delete_volumes_of_documents(context, volumes)


def _find(context: Context, name: str) -> Manifest | None:
    runs = (context.cluster.get(kind, context.settings.controller_namespace, name) for kind in KINDS)
    return next((run for run in runs if run is not None), None)


def is_collected(context: Context, repo: str, run: Manifest) -> bool:
    """Whether an ended run was judged, or nothing will judge it.

    Until then its branch is needed: it must stay as the harness left it, and documents' pull requests are against it.
    """
    entry = _entry_of(context, repo, run)
    if entry is None or entry.result is not None:
        return True
    workflow = (run["metadata"].get("annotations") or {}).get(WORKFLOW_ANNOTATION, "")
    owner = context.cluster.get("Workflow", context.settings.namespace, workflow) if workflow else None
    return run["kind"] == "CodeRun" and bool(workflow) and (owner is None or waits.phase(owner) in waits.FINISHED)


def _entry_of(context: Context, repo: str, run: Manifest) -> Run | None:
    """The ledger's entry of a run, by its labels."""
    labels_ = run["metadata"]["labels"]
    role = ROLES.get(labels_.get("press-play/role", ""))
    kind: LedgerSubject = role.works_on if role else "pr"
    number = labels_.get(f"press-play/{kind}")
    return context.ledger(repo).entries(kind, int(number)).get(Run, run["metadata"]["name"]) if number else None


def _needed_snapshots(context: Context, gh: Client, repo: str) -> set[str]:
    """The hashes of unanswered snapshots of open pull requests."""
    ledger = context.ledger(repo)
    opened = pulls.all_pulls(gh, repo, state="open")
    return {hash_ for pull in opened for hash_ in snapshot.unanswered(ledger.entries("pr", pull.number))}


def _delete_volumes(
    context: Context, gh: Client, repo: str, volumes: Iterable[str], prefix: str, live: Mapping[str, Manifest]
) -> None:
    namespace = context.settings.controller_namespace
    tasks = {name.removeprefix(prefix): name for name in volumes if re.fullmatch(re.escape(prefix) + r"\d+", name)}
    busy = {run["metadata"]["labels"]["press-play/task"] for run in live.values()}
    for task, claim in tasks.items():
        if task in busy:
            continue
        pull = pulls.find_pull(gh, repo, names.task_branch(int(task)))
        if pull is not None and pull.state == "closed":
            context.cluster.delete("PersistentVolumeClaim", namespace, claim)
            context.say(f"{claim}: deleted, pull request {pull.number} is closed")


def _delete_volumes_of_criteria(
    context: Context, volumes: Iterable[str], prefix: str, live: Mapping[str, Manifest]
) -> None:
    """Delete the volumes of ended runs that wrote independent criteria: nobody may read what they left there."""
    busy = {str(run["spec"].get("taskId")) for run in live.values()}
    for claim in volumes:
        number = claim.removeprefix(prefix)
        if claim.startswith(prefix) and number.isdecimal() and names.is_independent(int(number)) and number not in busy:
            context.cluster.delete("PersistentVolumeClaim", context.settings.controller_namespace, claim)
            context.say(f"{claim}: deleted, its run has ended")


def _delete_volumes_of_documents(context: Context, volumes: Iterable[str]) -> None:
    """Delete the volumes of ended DocsRuns: each DocsRun has its own, which nothing needs after it."""
    namespace = context.settings.controller_namespace
    for claim in volumes:
        match = VOLUME.fullmatch(claim)
        run = context.cluster.get("DocsRun", namespace, match["run"]) if match else None
        if match and (run is None or has_ended(run)):
            context.cluster.delete("PersistentVolumeClaim", namespace, claim)
            context.say(f"{claim}: deleted, its run has ended")
