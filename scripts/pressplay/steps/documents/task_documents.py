"""Documents of tasks: which tasks lack them, and which pull requests bring them.

A task lacks documents where one of the files that its agents read is not on the default branch, or is empty. A pull
request of Morgan's brings documents and nothing else: a person reads and merges it. Clippy, QA and Rex have no business
with it, so no flow works on it, whoever asks and whatever fails on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pressplay import names
from pressplay.backlog.tasks import Task
from pressplay.domain.entries import Entries, LeftAlone
from pressplay.github import pulls, trees
from pressplay.github.calls import Client, raw
from pressplay.steps.core.context import Context, Subject
from pressplay.templating.prompts import TASK_FILES

AGENT = "morgan"
"""The id of the agent that writes documents."""
_BLANK = 16
"""Bytes up to which a file is read to see whether there is anything in it."""


def folder_of(subject: Subject) -> str:
    """Where the documents of a backlog's tasks are in the repository."""
    return f"{names.taskmaster_folder(subject.settings.docs_project_directory or '')}/docs"


def lacking(gh: Client, subject: Subject, commit: str, tasks: Iterable[Task]) -> list[Task]:
    """Those of the tasks that lack documents at a commit. `gh` may read contents."""
    there = trees.files(gh, subject.repo, commit, folder_of(subject))
    return [task for task in tasks if not complete(gh, subject, there, task.number)]


def complete(gh: Client, subject: Subject, there: Mapping[str, trees.Blob], number: int) -> bool:
    """Whether a task has all its documents among the files that are `there`."""
    where = names.task_folder(number, subject.settings.docs_project_directory or "")
    return all(_written(gh, subject.repo, there.get(f"{where}/{name}")) for name in TASK_FILES)


def _written(gh: Client, repo: str, blob: trees.Blob | None) -> bool:
    if blob is None or not blob.regular or not blob.size:
        return False
    return blob.size > _BLANK or bool(raw(gh, f"/repos/{repo}/git/blobs/{blob.sha}").strip())


def command(context: Context, subject: Subject) -> str:
    """What a person types to have documents written."""
    tag = f" -p tag={subject.tag}" if subject.tag != "master" and names.is_plain(subject.tag) else ""
    return (
        f"argo submit -n {context.settings.namespace} --from workflowtemplate/docsrun-template "
        f"-p repo={subject.repo}{tag}"
    )


def is_morgans(context: Context, pull: pulls.Pull) -> bool:
    """Whether a pull request is of Morgan's App, also where that agent has been disabled since."""
    agent = context.settings.agents.get(AGENT)
    return agent is not None and not pull.fork and pull.author.lower() == names.bot(agent.github_app)


def is_of_statuses(context: Context, pull: pulls.Pull) -> bool:
    """Whether a pull request is the harness's own, with the statuses of a backlog (`steps.play.status_steps`)."""
    is_harness = pull.author.lower() == names.bot(context.settings.github.harness_app)
    return is_harness and not pull.fork and pull.head_ref.startswith(names.STATUS_BRANCHES)


def left_alone(context: Context, repo: str, pull: pulls.Pull, entries: Entries) -> bool:
    """Whether no flow works on a pull request because it brings documents or statuses; noted in its ledger, once.

    `entries` is that ledger.
    """
    if is_morgans(context, pull):
        reason = f"{AGENT} wrote it: documents are for a person to merge"
    elif is_of_statuses(context, pull):
        reason = "it sets statuses in tasks.json: they are for a person to merge"
    else:
        return False
    if LeftAlone.KEY not in entries:
        context.ledger(repo).record("pr", pull.number, LeftAlone(reason=reason, since=int(context.clock.now())))
    return True
