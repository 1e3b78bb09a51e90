"""`pressplay plan`: what a backlog's play would do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pressplay import names
from pressplay.backlog import graph, overlap, workflow
from pressplay.backlog.tasks import FINISHED, read
from pressplay.commands import _files, _lacks
from pressplay.domain import profiles
from pressplay.errors import InputError
from pressplay.validation.report import read_text

if TYPE_CHECKING:
    from pressplay.gates.proving.detection import Advice

ROWS = 100
"""Rows of the table: rich takes seconds over ten thousand, and nobody reads them."""
STAND_IN = "owner/repository"


@click.command("plan")
@click.argument("tasks_json", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--tag", help="The tag to plan; by default master, or the file's only one.")
@click.option(
    "--parallel",
    type=click.IntRange(min=1),
    default=graph.DEFAULT_PARALLELISM,
    show_default=True,
    help="How many tasks run at once.",
)
@click.option(
    "-o",
    "--output",
    type=click.Choice(["table", "json", "workflow"]),
    default="table",
    show_default=True,
    help="table for people, json for programs, workflow for what would be submitted.",
)
@click.option(
    "--minutes",
    type=click.FloatRange(min=0, min_open=True),
    default=graph.DEFAULT_MINUTES,
    show_default=True,
    help="What a task is taken to last, for the estimate.",
)
@click.option(
    "--overlaps",
    type=click.Choice(["warn", "order"]),
    default="warn",
    show_default=True,
    help="What happens to tasks that name the same file in relevantFiles.",
)
@click.option("--repo", default=STAND_IN, show_default=True, help="The repository, for -o workflow.")
@click.option("--namespace", default="press-play", show_default=True, help="The namespace, for -o workflow.")
@click.option(
    "--release",
    type=click.Choice(["merged", "approved"]),
    default="merged",
    show_default=True,
    help="What lets dependents start: the merge, or the approval, on whose head they then start.",
)
def command(
    tasks_json: Path,
    tag: str | None,
    parallel: int,
    output: str,
    minutes: float,
    repo: str,
    namespace: str,
    release: workflow.Release,
    overlaps: overlap.Overlaps,
) -> None:
    """Show what the play of a Taskmaster backlog would do: order, critical path, estimate, what starts first.

    Problems in the backlog are shown and keep only the tasks they touch from playing; the exit status is 2 only where
    the file cannot be read at all. Last comes what the project that the file lies in lacks to be provable.
    """
    backlog = read(read_text(tasks_json), str(tasks_json), tag)
    planned = graph.plan(backlog, parallelism=parallel, overlaps=overlaps)
    if output == "json":
        advice = [{"message": item.message, "do": item.do} for item in _missing(tasks_json)]
        stacked = {"stacked": workflow.begun_on(planned)} if release == "approved" else {}
        whole = {**planned.as_json(), **stacked, "lacks": advice}
        click.echo(json.dumps(whole, indent=2 if len(planned.tasks) <= ROWS else None))
    elif output == "workflow":
        manifests = workflow.play_manifests(
            planned,
            repo=repo,
            tag=planned.tag,
            play=names.play(repo, planned.tag, 1),
            namespace=namespace,
            parallelism=parallel,
            release=release,
        )
        click.echo(workflow.to_yaml(manifests), nl=False)
        for problem in planned.problems:
            click.echo(f"task {_line(problem.task)}: {_line(problem.problem)}", err=True)
    else:
        _show(planned, tuple(task.id for task in backlog.tasks if task.status in FINISHED), minutes, release)
        _lacks.show(_missing(tasks_json))


def _missing(tasks_json: Path) -> list[Advice]:
    """What the project that the backlog lies in lacks to be provable; nothing where it lies in none."""
    folder = _files.project_of(tasks_json)
    if folder is None:
        return []
    from pressplay.gates.proving import detection, environment, lacks

    try:
        with _files.files_of(folder) as files:
            contract = environment.contract(files, where=str(folder / detection.FILE))
            return lacks.lacks(contract, files, lacks.Means())
    except InputError as error:
        return [detection.Advice(str(error).splitlines()[0], f"pressplay validate --project {folder} shows all of it")]


def _show(planned: graph.WorkPlan, done: tuple[str, ...], minutes: float, release: workflow.Release) -> None:
    """The table and the summary for people, on stdout."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False, emoji=False, markup=False)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for header in ("#", "task", "title", "state", "starts", "slack", "waits for"):
        table.add_column(header, justify="right" if header in ("#", "starts", "slack") else "left", overflow="fold")
    colours = {"ready": "green", "waiting": "", "blocked": "red"}
    for row in planned.tasks[:ROWS]:
        table.add_row(
            str(row.order),
            Text(_line(row.task.id)),
            Text(_line(row.task.title)),
            Text(row.state, style=colours[row.state]),
            "-" if row.start is None else f"+{_duration(row.start * minutes)}",
            "-" if row.slack is None else f"{row.slack:g}",
            Text(_list((*row.waits_for, *row.follows))),
        )
    if planned.tasks:
        console.print(table)
        console.print()
    if len(planned.tasks) > ROWS:
        console.print(f"and {len(planned.tasks) - ROWS} more tasks; -o json lists them all\n", soft_wrap=True)
    playable = len(planned.playable)
    blocked = len(planned.tasks) - playable
    rest = f", {blocked} blocked" if blocked else ""
    console.print(f"Tag {_line(planned.tag)}: {playable} of {len(planned.tasks)} tasks can play{rest}.", soft_wrap=True)
    if done:
        console.print(f"Taken as done: {_list(done)} (by their status; a play also asks GitHub)", soft_wrap=True)
    if playable:
        together = f"{planned.parallelism} at once and {minutes:g} minutes a task"
        console.print(f"Starts first:  {_list(planned.ready[: planned.parallelism])}", soft_wrap=True)
        console.print(
            f"Critical path: {_list(planned.critical_path, ' → ')} ({_duration(planned.length * minutes)})",
            soft_wrap=True,
        )
        console.print(f"Estimate:      {_duration(planned.makespan * minutes)} with {together}", soft_wrap=True)
    stacked = workflow.begun_on(planned) if release == "approved" else {}
    if stacked:
        listed = tuple(f"{task} on {dependency}" for task, dependency in stacked.items())
        console.print(f"Stacked:       {_list(listed)} (each starts on the approved head)", soft_wrap=True)
    proposed = [(row.task.id, profile) for row in planned.tasks if (profile := row.proposed_profile) is not None]
    if proposed:
        console.print("\nProof profiles that no one has set:", soft_wrap=True)
        for id_, profile in proposed[:ROWS]:
            console.print(Text(f"  task {_line(id_)} {profiles.advice(profile)}"), soft_wrap=True)
    if planned.overlaps:
        console.print(f"\nOverlaps ({len(planned.overlaps)}):", soft_wrap=True)
        for item in planned.overlaps[:ROWS]:
            console.print(Text(f"  {item.sentence([_line(task) for task in item.tasks])}"), soft_wrap=True)
    if planned.problems:
        console.print(f"\nProblems ({len(planned.problems)}):", soft_wrap=True)
        for problem in planned.problems[:ROWS]:
            console.print(Text(f"  task {_line(problem.task)} {_line(problem.problem)}"), soft_wrap=True)
        if len(planned.problems) > ROWS:
            console.print(f"  and {len(planned.problems) - ROWS} more; -o json lists them all", soft_wrap=True)


def _line(text: str) -> str:
    """`text` on one line without what a terminal would act on (R7)."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _list(ids: tuple[str, ...], between: str = ", ", limit: int = 30) -> str:
    shown = between.join(_line(name) for name in ids[:limit])
    return shown if len(ids) <= limit else f"{shown}{between}… ({len(ids)} in all)"


def _duration(minutes: float) -> str:
    whole = round(minutes)
    if whole < 60:
        return f"{whole} min"
    hours, rest = divmod(whole, 60)
    return f"{hours} h" + (f" {rest} min" if rest else "")
