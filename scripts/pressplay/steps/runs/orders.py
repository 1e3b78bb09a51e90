"""Orders: the branches below `press-play/` that instruct agents, and whether somebody else changed them (R5).

The ruleset on `press-play/**/*` prevents that: only the harness's App can write there. This module detects it in
repositories without that ruleset. The ledger has the commit that instructs a run, and GitHub's record has everybody who
moved the branch. If a branch is moved while the agent starts, it is detected only later: the run's result is not used,
and a person takes over.
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
    """Why a run may not begin, or continue: others changed its instructions. A sentence of ours; empty if it may.

    `entry` is the ledger's, None if it has none yet. Until the run has `started` the harness still sets the branch: its
    content does not matter then, only who wrote it. For the role `comments` the snapshot's branch counts too.
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
    """Why a run's result does not count: others changed its instructions. A sentence of ours; empty if it counts."""
    gh = context.harness(run.subject.repo, contents="read")
    return _moved(context, gh, run.subject.repo, run.context_branch, entry.context, strict=True)


def _moved(context: Context, gh: Client, repo: str, branch: str, commit: str | None, *, strict: bool) -> str:
    """How a branch differs from what the harness left, and who changed it; empty if it does not differ.

    A branch that was set back counts as moved: the agent may have read it in between. `strict`: the branch must be at
    `commit`, or deleted by the harness itself. Without a commit (an entry of an earlier version has none) only its
    authors count.
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
