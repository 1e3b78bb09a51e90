"""tasks.json in the repository: where it is, what it holds, and what of it is left to play."""

from __future__ import annotations

from collections.abc import Collection

from pressplay.backlog import graph, tasks
from pressplay.errors import InputError
from pressplay.github import contents
from pressplay.github.calls import Client
from pressplay.steps.core.context import Subject

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


def remaining(subject: Subject, backlog: tasks.Backlog, done: Collection[str], only: str = "") -> graph.WorkPlan:
    """The plan of the remaining tasks: `done` holds ids of tasks.json; `only` (ids, separated by commas) narrows it."""
    wanted = [part.strip() for part in only.split(",") if part.strip() not in ("", "none")]
    parallelism = subject.settings.parallelism or graph.DEFAULT_PARALLELISM
    return graph.plan(backlog, parallelism=parallelism, only=wanted or None, done=done)
