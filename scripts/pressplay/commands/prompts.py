"""`pressplay prompts`: the task folders of a backlog."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import click

from pressplay.backlog import tasks
from pressplay.errors import InputError
from pressplay.templating import prompts


@click.command("prompts")
@click.argument("tasks_json", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "-o",
    "--output",
    "directory",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the folders task-N are written, for example .taskmaster/docs.",
)
@click.option("--tag", help="The tag to read; by default master, or the file's only one.")
@click.option(
    "--templates",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder with your own *.mustache; what it lacks is ours.",
)
@click.option("--force", is_flag=True, help="Write over files that are there with another content.")
def command(tasks_json: Path, directory: Path, tag: str | None, templates: Path | None, force: bool) -> None:
    """Write prompt.md, task.md and acceptance-criteria.md for every task of TASKS_JSON that is not finished.

    N is the integer that stands for the task. Files that are there already are left alone, unless --force.
    """
    try:
        content = tasks_json.read_bytes()
    except OSError as error:
        raise InputError(f"{tasks_json}: expected the tasks.json that Taskmaster writes; {error.strerror}") from error
    backlog = tasks.read(content, str(tasks_json), tag)
    if blocked := [problem for problem in backlog.problems if problem.blocks]:
        raise InputError("\n".join(f"{tasks_json}: task {problem.task}: {problem.problem}" for problem in blocked))
    # Everything is made before anything is written: a fault in a template leaves nothing half done.
    made = {
        directory / f"task-{task.number}" / name: text
        for task in backlog.tasks
        if task.status not in tasks.FINISHED
        for name, text in prompts.task_files(task, backlog, templates).items()
    }
    for path, text in made.items():
        click.echo(f"{path}: {_write(path, text.encode(), force)}", err=True)


def _write(path: Path, content: bytes, force: bool) -> str:
    """Write a file whole or not at all; what was done, in a word or two."""
    try:
        there = path.read_bytes() if path.exists() else None
        if there == content:
            return "up to date"
        if there is not None and not force:
            return "kept as it is (--force writes over it)"
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, half = tempfile.mkstemp(dir=path.parent, prefix=".half-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            Path(half).chmod(0o644)
            Path(half).replace(path)
        except BaseException:
            Path(half).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise InputError(f"{path}: expected a place that can be written; {error.strerror}") from error
    return "written" if there is None else "written over"
