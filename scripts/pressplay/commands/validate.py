"""`pressplay validate`: everything that is wrong with what people wrote, all at once."""

from __future__ import annotations

import json
from pathlib import Path

import click

from pressplay.backlog import graph
from pressplay.backlog.tasks import from_document, tag_lists
from pressplay.errors import EXIT_NEVER
from pressplay.validation import packaged, values
from pressplay.validation.report import Invalid, Problem, json_path, read_text
from pressplay.validation.schema import by_place, check
from pressplay.validation.yamlsource import load_json

SHOWN = 100

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("validate")
@click.option(
    "-f", "--values", "values_files", type=_FILE, multiple=True, help="A values file; repeat it as with helm, in order."
)
@click.option("--tasks", type=_FILE, help="A Taskmaster tasks.json; all its tags are checked.")
@click.option("--json", "as_json", is_flag=True, help="Print the problems as JSON, for programs.")
@click.pass_context
def command(ctx: click.Context, values_files: tuple[Path, ...], tasks: Path | None, as_json: bool) -> None:
    """Check values files and tasks.json. Without options, check the chart's own defaults.

    Prints every problem with its file, line, path, what was expected and what to do. Exit status 0 where there is none,
    2 otherwise.
    """
    problems: list[Problem] = []
    if values_files or tasks is None:
        problems += _values(values_files)
    notes: list[Problem] = []
    if tasks is not None:
        wrong, notes = _tasks(tasks)
        problems += wrong
    if as_json:
        found = [{**problem.as_json(), "severity": "error"} for problem in problems]
        found += [{**note.as_json(), "severity": "warning"} for note in notes]
        click.echo(json.dumps({"valid": not problems, "problems": found}, indent=2))
    else:
        for problem in [*problems, *notes][:SHOWN]:
            warning = " (warning)" if problem in notes else ""
            click.echo(f"{problem}{warning}", err=True)
        hidden = len(problems) + len(notes) - SHOWN
        if hidden > 0:
            click.echo(f"and {hidden} more; --json lists them all", err=True)
        checked = [*map(str, values_files), *([str(tasks)] if tasks else [])] or ["the chart's own values"]
        click.echo(f"{', '.join(checked)}: {_count(len(problems), 'error')}, {_count(len(notes), 'warning')}")
    if problems:
        ctx.exit(EXIT_NEVER)


def _values(files: tuple[Path, ...]) -> list[Problem]:
    problems: list[Problem] = []
    texts: list[tuple[str, str]] = []
    for file in files:
        try:
            texts.append((str(file), read_text(file)))
        except Invalid as error:
            problems += error.problems
    return problems or values.validate(texts)


def _tasks(file: Path) -> tuple[list[Problem], list[Problem]]:
    """The errors and the warnings in a tasks.json: its shape first, then every tag's graph."""
    try:
        source = load_json(read_text(file), str(file))
        problems = by_place([*source.problems, *check(packaged.schema("tasks"), source.value, source.place)])
        tags = {} if problems else tag_lists(source.value, str(file))
    except Invalid as error:
        return error.problems, []
    notes: list[Problem] = []
    for tag, (path, _) in tags.items():
        backlog = from_document(source.value, str(file), tag)
        index = {task.id: task.index for task in backlog.tasks}
        for problem in graph.plan(backlog).problems:
            where = (*path, index[problem.task])
            at = source.place(where)
            found = Problem(at.file, at.line, at.column, json_path(where), f"task {problem.task} {problem.problem}")
            (problems if problem.blocks else notes).append(found)
    return by_place(problems), by_place(notes)


def _count(number: int, word: str) -> str:
    return f"{number} {word}" + ("" if number == 1 else "s")
