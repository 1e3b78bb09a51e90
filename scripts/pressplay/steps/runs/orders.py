"""Orders: the branches below `press-play/` by which agents are told what to do, and whether they are still ours.

The ruleset on `press-play/**/*` is the wall: with it nobody but the harness's App writes there. This is the alarm
beside it, for repositories that have no such ruleset. What a run was told is in its ledger as a commit, and whoever
else moved the branch is in GitHub's record of it. The alarm comes late where a branch is moved while the agent starts:
what came of that run is not used, and a person goes on.
"""

from __future__ import annotations

from pressplay import names
from pressplay.domain.entries import Run as RunEntry
from pressplay.domain.entries import Snapshot
from pressplay.domain.roles import COMMENTS
from pressplay.github import pushes, refs
from pressplay.github.calls import Client
from pressplay.steps.core.context import Context
from pressplay.steps.runs.run import Run

TREE_ANNOTATION = "press-play/context-tree"
"""On the CodeRun or DocsRun: the tree that its branch must have."""


def before_run(context: Context, run: Run, entry: RunEntry | None, *, started: bool) -> str:
    """Why a run may not begin, or go on: others moved what it is told. In a sentence of ours; empty where it may.

    `entry` is the ledger's, None where it has none yet. Until the run has `started` the harness still sets the branch:
    what it holds does not matter then, and only who wrote it does. For the role `comments` the snapshot counts, too.
    """
    gh = context.harness(run.subject.repo, contents="read")
    commit = entry.context if entry else None
    reason = _moved(context, gh, run.subject.repo, run.context_branch, commit, strict=started)
    if reason or run.role != COMMENTS:
        return reason
    name = Snapshot.key_of(run.cause)
    taken = context.ledger(run.subject.repo).entries("pr", run.number).get(Snapshot, name)
    commit = taken.context if taken else None
    return _moved(context, gh, run.subject.repo, names.context_branch(name), commit, strict=True)


def after_run(context: Context, run: Run, entry: RunEntry) -> str:
    """Why what came of a run does not count: others moved what it was told. In a sentence of ours; empty otherwise."""
    gh = context.harness(run.subject.repo, contents="read")
    return _moved(context, gh, run.subject.repo, run.context_branch, entry.context, strict=True)


def _moved(context: Context, gh: Client, repo: str, branch: str, commit: str | None, *, strict: bool) -> str:
    """How a branch is not as the harness left it, and by whom; empty where it is.

    Also one that was set back was moved: the agent may have read it in between. `strict`: it must be at `commit`, or
    deleted by the harness itself. Without a commit (an earlier version's entry has none) only who wrote it counts.
    """
    head = refs.find_head(gh, repo, branch)
    record = pushes.record(gh, repo, branch, names.bot(context.settings.github.harness_app))
    if record.others:
        by = f"by {' and '.join(record.others)}"
    elif not strict or commit is None or head == commit or (head is None and record.deleted_by_us):
        return ""
    else:
        by = "(GitHub does not tell by whom)"
    what = "changed or deleted" if head is None else "made or changed" if commit is None else "changed"
    return f"the branch {branch}, which tells it what to do, was {what} {by}, and the harness alone may do that"
