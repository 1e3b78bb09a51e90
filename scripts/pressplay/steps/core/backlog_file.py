"""tasks.json in the repository: where it is, what it holds, and what of it is left to play."""

from __future__ import annotations

from collections.abc import Collection

from pressplay import names
from pressplay.backlog import graph, tasks
from pressplay.domain.profiles import DEFAULT, Profile
from pressplay.errors import InputError
from pressplay.github import contents
from pressplay.github.calls import Client, GitHubRefused
from pressplay.steps.core.context import Context, Subject

TASKS_PATHS = (".taskmaster/tasks/tasks.json", "tasks/tasks.json", "tasks.json")
"""Where Taskmaster keeps its file, newest place first; looked for in the docs project's directory."""


def locate(gh: Client, subject: Subject, ref: str) -> tuple[str, bytes]:
    """The path and the content of tasks.json at `ref`; InputError, with every path tried, if none has it."""
    docs = (subject.settings.docs_project_directory or "").strip("/.")
    paths = [f"{docs}/{path}" if docs else path for path in TASKS_PATHS]
    for path in paths:
        content = contents.read_file(gh, subject.repo, path, ref)
        if content is not None:
            return path, content
    raise InputError(
        f"{subject.repo}@{ref}: no tasks.json; looked for {', '.join(paths)}. Make one with task-master "
        "(task-master parse-prd), commit it to the default branch, and press play again"
    )


def read(gh: Client, subject: Subject, ref: str) -> tasks.Backlog:
    """The repository's backlog at `ref`; InputError if there is none, or if the file is not Taskmaster's."""
    path, content = locate(gh, subject, ref)
    return tasks.read(content, f"{subject.repo}@{ref}:{path}", subject.tag)


def task(gh: Client, subject: Subject, ref: str) -> tasks.Task:
    """The subject's task at `ref`; InputError if the backlog can't be read, or does not hold it."""
    return of_number(subject, read(gh, subject, ref))


def of_number(subject: Subject, backlog: tasks.Backlog) -> tasks.Task:
    """The subject's task in a backlog; InputError if it is not there."""
    numbered = next((task for task in backlog.tasks if task.number == subject.task), None)
    if numbered is None:
        raise InputError(f"{subject.repo}: no task of tag {subject.tag!r} has the number {subject.task}")
    return numbered


def profile(context: Context, gh: Client, subject: Subject) -> Profile:
    """The proof profile of the subject's task: what tasks.json on the default branch says, people's word, else DEFAULT.

    A file that can't be read, or no longer holds the task, leaves the one of which the most must be shown.
    """
    if subject.task is None or names.kind_of(subject.task) != "task":
        return DEFAULT
    try:
        backlog = read(gh, subject, subject.base(gh))
    except GitHubRefused:
        raise
    except InputError:
        context.say(f"tasks.json can't be read: the task counts as a {DEFAULT}")
        return DEFAULT
    stated = {task.profile for task in backlog.tasks if task.number == subject.task}
    return stated.pop() or DEFAULT if len(stated) == 1 else DEFAULT


def remaining(subject: Subject, backlog: tasks.Backlog, done: Collection[str], only: str = "") -> graph.WorkPlan:
    """The plan of the remaining tasks: `done` holds ids of tasks.json; `only` (ids, separated by commas) narrows it."""
    wanted = [part.strip() for part in only.split(",") if part.strip() not in ("", "none")]
    parallelism = subject.settings.parallelism or graph.DEFAULT_PARALLELISM
    overlaps = subject.settings.overlaps or "warn"
    return graph.plan(backlog, parallelism=parallelism, only=wanted or None, done=done, overlaps=overlaps)
