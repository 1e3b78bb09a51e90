"""`pressplay prompts`: the task folders of a backlog."""

from __future__ import annotations

import functools
import os
import tempfile
from pathlib import Path

import click

from pressplay.backlog import tasks
from pressplay.commands import _project
from pressplay.errors import InputError
from pressplay.plaintext import plain
from pressplay.templating import prompts


@click.command("prompts")
@click.argument("path", type=click.Path(path_type=Path))
@_project.options
@click.option(
    "-o",
    "--output",
    "directory",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the folders task-N are written, for example .taskmaster/docs.",
)
@click.option(
    "--templates",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder with your own *.mustache; what it lacks is ours.",
)
@click.option("--force", is_flag=True, help="Write over files that are there with another content.")
def command(
    path: Path,
    repo: str | None,
    branch: str | None,
    commit: str | None,
    backlog: str | None,
    tag: str | None,
    issues: Path | None,
    milestone: str | None,
    issue: str | None,
    directory: Path,
    templates: Path | None,
    force: bool,
) -> None:
    """Write prompt.md, task.md and acceptance-criteria.md for every task of a backlog that is not finished.

    PATH is a project's folder, of which the commit counts that `pressplay play` would play, or a tasks.json, which is
    read as it is. N is the integer that stands for the task. Files that are there already are left alone, unless
    --force. A task whose own fields are wrong is left out, and named.
    """
    choices = _project.Choices(
        repo or "",
        branch or "",
        commit or "",
        backlog or "",
        tag or "",
        str(issues or ""),
        milestone or "",
        issue or "",
    )
    resolved, notes = _project.of_path(path, choices)
    _project.show(resolved, notes, functools.partial(click.echo, err=True))
    read = resolved.backlog()
    blocked = {problem.task for problem in read.problems if problem.blocks}
    # Everything is made before anything is written: a fault in a template leaves nothing half done.
    made = {
        directory / f"task-{task.number}" / name: text
        for task in read.tasks
        if task.status not in tasks.FINISHED and task.id not in blocked
        for name, text in prompts.task_files(task, read, templates).items()
    }
    for file, text in made.items():
        click.echo(f"{file}: {_write(file, text.encode(), force)}", err=True)
    for problem in read.problems:
        click.echo(plain(f"{problem}{': left out' if problem.blocks else ''}"), err=True)


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
