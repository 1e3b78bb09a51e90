"""`pressplay plan`: what a backlog's play would do."""

from __future__ import annotations

import contextlib
import functools
import gc
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pressplay import names
from pressplay.backlog import github_issues, graph, overlap, workflow
from pressplay.backlog.tasks import FINISHED
from pressplay.commands import _files, _lacks, _project
from pressplay.domain import profiles
from pressplay.errors import InputError

if TYPE_CHECKING:
    from pressplay.backlog.resolution import Resolved
    from pressplay.gates.proving.detection import Advice

ROWS = 100
"""Rows of the table: rich takes seconds over ten thousand, and nobody reads them."""
STAND_IN = "owner/repository"


@click.command("plan")
@click.argument("path", default=".", type=click.Path(path_type=Path))
@_project.options
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
@click.option("--namespace", default="press-play", show_default=True, help="The namespace, for -o workflow.")
@click.option(
    "--release",
    type=click.Choice(["merged", "approved"]),
    default="merged",
    show_default=True,
    help="What lets dependents start: the merge, or the approval, on whose head they then start.",
)
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
    parallel: int,
    output: str,
    minutes: float,
    namespace: str,
    release: workflow.Release,
    overlaps: overlap.Overlaps,
) -> None:
    """Show what the play of a Taskmaster backlog would do: order, critical path, estimate, what starts first.

    PATH is a project's folder, of which the commit counts that `pressplay play` would play, or a tasks.json, which is
    read as it is. First comes what that is. Problems in the backlog are shown and keep only the tasks they touch from
    playing; the exit status is 2 only where the file cannot be read at all. Last comes what the project lacks to be
    provable.
    """
    click.get_current_context().with_resource(_no_collections())
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
    tasks = resolved.backlog()
    planned = graph.plan(tasks, parallelism=parallel, overlaps=overlaps)
    _project.show(resolved, notes, functools.partial(click.echo, err=output != "table"))
    if output == "json":
        advice = [{"message": item.message, "do": item.do} for item in _missing(path, resolved)]
        stacked = {"stacked": workflow.begun_on(planned)} if release == "approved" else {}
        others = {"other_tags": dict(tasks.others)} if tasks.others else {}
        whole = {"resolved": resolved.as_json(), **planned.as_json(), **stacked, **others, "lacks": advice}
        click.echo(json.dumps(whole, indent=2 if len(planned.tasks) <= ROWS else None))
    elif output == "workflow":
        name = resolved.repo.value or STAND_IN
        manifests = workflow.play_manifests(
            planned,
            repo=name,
            tag=planned.tag,
            play=names.play(name, planned.tag, 1),
            namespace=namespace,
            parallelism=parallel,
            release=release,
        )
        click.echo(workflow.to_yaml(manifests), nl=False)
        for problem in planned.problems:
            click.echo(_line(str(problem)), err=True)
    else:
        click.echo("")
        _show(planned, tuple(task.id for task in tasks.tasks if task.status in FINISHED), minutes, release)
        if tasks.others and not planned.playable:
            listed = tuple(f"{tag} ({count})" for tag, count in tasks.others.items())
            click.echo(f"Other tags with tasks to do: {_list(listed)}; plan one with --tag")
        _lacks.show(_missing(path, resolved))


@contextlib.contextmanager
def _no_collections() -> Iterator[None]:
    """Look for no garbage meanwhile.

    A plan of 100,000 tasks is millions of objects, all of them in use: looking through them took longer with each.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _missing(path: Path, resolved: Resolved) -> list[Advice]:
    """What the project lacks to be provable; nothing where a backlog lies in none."""
    folder = path if path.is_dir() else _files.project_of(path)
    if folder is None:
        return []
    from pressplay.gates.proving import detection, environment, lacks

    try:
        with _files.files_of(folder, resolved.commit.value or "HEAD") as files:
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
    tag = _line(planned.tag)
    if planned.tasks:
        console.print(f"Tag {tag}: {playable} of {len(planned.tasks)} tasks can play{rest}.", soft_wrap=True)
    else:
        console.print(f"Nothing left to play in the tag {tag}.", soft_wrap=True)
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
            advice = profiles.advice(profile, is_issue=github_issues.of_tag(planned.tag) is not None)
            console.print(Text(f"  task {_line(id_)} {advice}"), soft_wrap=True)
    if planned.overlaps:
        console.print(f"\nOverlaps ({len(planned.overlaps)}):", soft_wrap=True)
        for item in planned.overlaps[:ROWS]:
            console.print(Text(f"  {item.sentence([_line(task) for task in item.tasks])}"), soft_wrap=True)
    if planned.problems:
        console.print(f"\nProblems ({len(planned.problems)}):", soft_wrap=True)
        for problem in planned.problems[:ROWS]:
            console.print(Text(f"  {_line(str(problem))}"), soft_wrap=True)
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
