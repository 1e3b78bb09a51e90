"""`task/around.md`: facts about what a task builds on and what is being worked on at the same time.

For the runs that write code. What is ours is read from ledgers and pull requests; titles and paths are people's, shown
as code spans (R7).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pressplay import names
from pressplay.backlog.tasks import FINISHED, Backlog, Task
from pressplay.domain.entries import Entries, Landed, PullOfTask
from pressplay.domain.roles import CONFLICT, FIX, IMPLEMENT
from pressplay.github import comparison, pulls
from pressplay.github.calls import Client, GitHubRefused
from pressplay.steps.core.context import Context, Subject
from pressplay.validation.markdown import code

FILE = "around.md"
ROLES = (IMPLEMENT.name, FIX.name, CONFLICT.name)
MOST_TASKS = 10
"""Dependencies, and tasks under way, whose files are listed: each costs two calls to GitHub."""
MOST_READ = 30
"""Ledgers of other tasks that are read."""
MOST_FILES = 20
_LINE = 160


def text(context: Context, gh: Client, subject: Subject, backlog: Backlog, task: Task) -> str:
    """The file's text; empty where there is nothing to say. `gh` may read contents and pull requests."""
    by_id = {other.id: other for other in backlog.tasks}
    needed = [by_id[name] for name in task.dependencies if name in by_id]
    built_on = list(_built_on(context, gh, subject, needed, backlog.kept_in))
    others = [other for other in backlog.tasks if other.number != task.number and other not in needed]
    under_way = list(_under_way(context, gh, subject, others))
    lines = []
    if built_on:
        lines += ["", "## What this task depends on", "", *built_on]
    if under_way:
        lines += [
            "",
            "## What is being worked on at the same time",
            "",
            "Not merged, and not yours: leave these files alone where you can, and what these tasks ask for to them.",
            "",
            *under_way,
        ]
    if not lines:
        return ""
    return "\n".join(["# What is around this task", "", "Texts in backticks are other people's.", *lines]) + "\n"


def _built_on(context: Context, gh: Client, subject: Subject, needed: Sequence[Task], kept_in: str) -> Iterator[str]:
    for at, task in enumerate(needed):
        entries = context.ledger(subject.repo).entries("task", task.number)
        landed, opened = entries.get(Landed), entries.get(PullOfTask)
        number = landed.pr if landed is not None else opened.pr if opened is not None else 0
        pull = pulls.known_pull(gh, subject.repo, number) if number and at < MOST_TASKS else None
        if pull is None:
            how = f"its status in {kept_in} says that it is done" if task.status in FINISHED else "done"
            yield f"- {_name(task)}: {how}"
            continue
        where = (
            f"merged as `{landed.commit}`" if landed is not None else f"approved at `{pull.head_sha}`, not merged yet"
        )
        yield f"- {_name(task)}: #{pull.number}, {where}{_listed(_files(gh, subject, pull))}"


def _under_way(context: Context, gh: Client, subject: Subject, others: Sequence[Task]) -> Iterator[str]:
    """Other tasks' open pull requests; then the tasks that have begun and name their files."""
    unfinished = {task.number: task for task in others if task.status not in FINISHED}
    opened: dict[int, pulls.Pull] = {}
    for pull in pulls.all_pulls(gh, subject.repo, "open"):
        number = names.task_of_branch(pull.head_ref)
        if number in unfinished and not pull.fork:
            opened[number] = pull
    for number in sorted(opened)[:MOST_TASKS]:
        pull = opened[number]
        yield f"- {_name(unfinished[number])}: #{pull.number}{_listed(_files(gh, subject, pull))}"
    if len(opened) > MOST_TASKS:
        yield f"- and {len(opened) - MOST_TASKS} more"
    # Each costs a read of its ledger: only those that say something.
    telling = [task for task in unfinished.values() if task.number not in opened and task.changed_files]
    for task in telling[:MOST_READ]:
        if _works(context.ledger(subject.repo).entries("task", task.number)):
            yield f"- {_name(task)}: an agent works on it{_listed(task.changed_files, 'it names')}"


def _works(entries: Entries) -> bool:
    """Whether a task's run has begun, and opened no pull request yet."""
    begun = any(run.started for run in entries.runs)
    return begun and Landed.KEY not in entries and PullOfTask.KEY not in entries


def _name(task: Task) -> str:
    return f"task {code(task.id, 40)} {code(task.title, _LINE)}"


def _files(gh: Client, subject: Subject, pull: pulls.Pull) -> tuple[str, ...] | None:
    try:
        compared = comparison.compare(gh, subject.repo, pull.base_sha, pull.head_sha)
    except GitHubRefused as error:
        if error.status == 404:
            return None
        raise
    return tuple(file.path for file in compared.files)


def _listed(files: Sequence[str] | None, what: str = "it changes") -> str:
    if not files:
        return ""
    more = f" and {len(files) - MOST_FILES} more" if len(files) > MOST_FILES else ""
    return f"; {what} {', '.join(code(path) for path in files[:MOST_FILES])}{more}"
