"""Deletes old objects once a day, `reconcile.keepDays` after they ended (R1).

Runs, and context branches whose run is gone; proofs of closed pull requests, ledgers of merged ones; WorkflowTemplates
and tallies of earlier plays, except those of the newest play, which numbers the next one. A task's ledger stays: it
records that the task was done.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from pressplay import names
from pressplay.clock import parse_rfc3339
from pressplay.cluster.port import Manifest
from pressplay.github import pulls, refs
from pressplay.steps.core.context import Context
from pressplay.steps.core.start import labels
from pressplay.steps.runs import limits
from pressplay.steps.runs.run import KINDS, has_ended
from pressplay.steps.upkeep import cleanup

_DAY = 86_400
_AT_ONCE = 200
"""Deletions in one pass: even the first one in an old installation must fit into a minute."""


def prune(context: Context, repo: str, live: Mapping[str, Manifest]) -> None:
    """Delete old objects, once a day; `live` are the unfinished runs. After a kill the next call continues."""
    ledger, today = context.ledger(repo), f"pruned-{limits.day(context)}"
    if ledger.counted(today, "reconcile"):
        return
    before = context.clock.now() - context.settings.reconcile.keep_days * _DAY
    deleted: dict[str, int] = {}
    for kind, namespace, name in _old(context, repo, live, before):
        if sum(deleted.values()) == _AT_ONCE:
            break
        context.cluster.delete(kind, namespace, name)
        deleted[kind] = deleted.get(kind, 0) + 1
    else:
        yesterday = datetime.fromtimestamp(context.clock.now() - _DAY, UTC).date().isoformat()
        ledger.prune_tallies(before=yesterday)
        _contexts(context, repo, live, before)
        ledger.count(today, "reconcile")
    if deleted:
        context.say(f"{repo}: pruned {', '.join(f'{count} {kind}' for kind, count in sorted(deleted.items()))}")


def _old(context: Context, repo: str, live: Mapping[str, Manifest], before: float) -> Iterator[tuple[str, str, str]]:
    """(kind, namespace, name) of the objects to delete."""
    namespace, runs_in = context.settings.namespace, context.settings.controller_namespace
    # When a run is deleted, some controllers also end what runs for the same service.
    busy = {run["spec"].get("service") for run in live.values()}
    for run in [run for kind in KINDS for run in context.cluster.list(kind, runs_in, labels(repo, "run"))]:
        if not _made(run) < before or not has_ended(run) or run["spec"].get("service", "") in busy:
            continue
        if run["kind"] != "DocsRun" or cleanup.is_collected(context, repo, run):
            yield run["kind"], runs_in, run["metadata"]["name"]
    yield from (("ConfigMap", namespace, name) for name in _of_pulls(context, repo, before))
    for kind, name in _of_plays(context, repo, before):
        yield kind, namespace, name


def _of_pulls(context: Context, repo: str, before: float) -> Iterator[str]:
    """The proofs of closed pull requests, then the ledgers of merged ones: proofs are found by their ledger."""
    old = [kept for kept in context.ledger(repo).kept("pr") if kept.made < before]
    if not old:
        return
    gh = context.harness(repo, pull_requests="read")
    for kept in old:
        pull = pulls.known_pull(gh, repo, kept.number)
        if pull is None or pull.state != "closed" or parse_rfc3339(pull.updated_at) >= before:
            continue
        about = {
            "press-play/proof": "acceptance",
            "press-play/pr": str(kept.number),
            "press-play/repo": names.repo_key(repo),
        }
        for proof in context.cluster.list("ConfigMap", context.settings.namespace, about):
            yield proof["metadata"]["name"]
        if pull.merged:
            # A closed one can be opened again: its old comments and commands must not count again.
            yield kept.name


def _of_plays(context: Context, repo: str, before: float) -> Iterator[tuple[str, str]]:
    """The tallies of earlier plays, each before the WorkflowTemplates by which it is found."""
    namespace, own = context.settings.namespace, labels(repo, "play")
    templates = [(_play(manifest), manifest) for manifest in context.cluster.list("WorkflowTemplate", namespace, own)]
    newest: dict[str, int] = {}
    for play, _ in templates:
        stem = play.rpartition("-")[0]
        newest[stem] = max(newest.get(stem, 0), names.play_count(play))
    there = {_play(manifest) for manifest in context.cluster.list("Workflow", namespace, own)}
    for play, template in templates:
        earlier = names.play_count(play) < newest[play.rpartition("-")[0]]
        if earlier and play not in there and _made(template) < before:
            yield "ConfigMap", names.tally(repo, play)
            yield "WorkflowTemplate", template["metadata"]["name"]


def _play(part: Manifest) -> str:
    return str(part["metadata"]["labels"]["press-play/play"])


def _contexts(context: Context, repo: str, live: Mapping[str, Manifest], before: float) -> None:
    """Delete old context branches without a run; a young one may belong to a run that is about to start."""
    gh = context.harness(repo, contents="write")
    for branch, head in refs.branches_with_prefix(gh, repo, names.context_branch("run-")).items():
        if branch.removeprefix(names.context_branch("")) in live:
            continue
        if refs.committed_at(gh, repo, head) < before:
            refs.delete_branch(gh, repo, branch)
            context.say(f"{repo}: deleted {branch}, whose run is gone")


def _made(manifest: Manifest) -> float:
    return parse_rfc3339(manifest["metadata"]["creationTimestamp"])
