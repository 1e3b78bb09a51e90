"""`pressplay validate`: everything that is wrong with what people wrote, all at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from pressplay.backlog import graph
from pressplay.backlog.tasks import from_document, tag_lists
from pressplay.commands._installation import DEFAULT_NAMESPACE
from pressplay.errors import EXIT_NEVER
from pressplay.validation import packaged, values
from pressplay.validation.report import Invalid, Problem, invalid, json_path, read_text
from pressplay.validation.schema import by_place, check
from pressplay.validation.yamlsource import load_json

SHOWN = 100

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("validate")
@click.option(
    "-f", "--values", "values_files", type=_FILE, multiple=True, help="A values file; repeat it as with helm, in order."
)
@click.option("--tasks", type=_FILE, help="A Taskmaster tasks.json; all its tags are checked.")
@click.option("--requirements", type=_FILE, help="A project's requirements.yaml, against the values.")
@click.option("--gates", type=_FILE, help="A project's .press-play/gates.yaml.")
@click.option(
    "--project",
    type=click.Path(file_okay=False, path_type=Path),
    help="A project's folder: its .press-play/gates.yaml as committed, and what it lacks to be provable.",
)
@click.option(
    "--repo", help="The repository whose values count for --requirements and --project (default: the only one)."
)
@click.option("--json", "as_json", is_flag=True, help="Print the problems as JSON, for programs.")
@click.pass_context
def command(
    ctx: click.Context,
    values_files: tuple[Path, ...],
    tasks: Path | None,
    requirements: Path | None,
    gates: Path | None,
    project: Path | None,
    repo: str | None,
    as_json: bool,
) -> None:
    """Check values files, tasks.json, requirements.yaml, gates.yaml. Without options, check the chart's own defaults.

    Prints every problem with its file, line, path, what was expected and what to do, and what each agent is given of a
    requirements.yaml that is right. What keeps a project from being proven is a warning. Exit status 0 where there is
    no problem, 2 otherwise.
    """
    if repo is not None and requirements is None and project is None:
        raise click.UsageError("--repo goes with --requirements or --project")
    problems: list[Problem] = []
    if values_files or not any((tasks, requirements, gates, project)):
        problems += _values(values_files)
    given: dict[str, Any] = {}
    if requirements is not None:
        wrong, given = _requirements(requirements, () if problems else values_files, repo, whole=not problems)
        problems += wrong
    notes: list[Problem] = []
    if tasks is not None:
        wrong, notes = _tasks(tasks)
        problems += wrong
    if gates is not None:
        problems += _gates(gates)
    if project is not None:
        wrong, lacking = _project(project, () if problems else values_files, repo)
        problems += wrong
        notes += lacking
    if as_json:
        listed = [{**problem.as_json(), "severity": "error"} for problem in problems]
        listed += [{**note.as_json(), "severity": "warning"} for note in notes]
        extra = {"given": given} if requirements is not None else {}
        click.echo(json.dumps({"valid": not problems, "problems": listed, **extra}, indent=2))
    else:
        for problem in [*problems, *notes][:SHOWN]:
            warning = " (warning)" if problem in notes else ""
            click.echo(f"{problem}{warning}", err=True)
        hidden = len(problems) + len(notes) - SHOWN
        if hidden > 0:
            click.echo(f"and {hidden} more; --json lists them all", err=True)
        _show(given)
        files = [*values_files, *(path for path in (tasks, requirements, gates, project) if path is not None)]
        checked = list(map(str, files)) or ["the chart's own values"]
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


def _requirements(
    file: Path, values_files: tuple[Path, ...], repo: str | None, *, whole: bool
) -> tuple[list[Problem], dict[str, Any]]:
    """What is wrong with a requirements.yaml, and what each enabled agent is given of one that is right.

    Where the values are wrong themselves (`whole` is false), only the file's own form is checked.
    """
    from pressplay.settings import Settings
    from pressplay.validation import requirements

    try:
        file_requirements = requirements.load(read_text(file), str(file))
    except Invalid as error:
        return error.problems, {}
    if not whole:
        return list(file_requirements.malformed), {}
    merged = values.load([(str(path), read_text(path)) for path in values_files])
    settings = Settings.model_validate(values.config(merged, DEFAULT_NAMESPACE))
    if repo is not None:
        secrets = settings.repository(repo).secrets
    elif len(settings.repositories) == 1:
        secrets = settings.repository(*settings.repositories).secrets
    else:
        secrets = settings.defaults.secrets
    # What has the wrong form is reported once.
    wrong = {problem.path for problem in file_requirements.malformed}
    refused = [
        problem for problem in file_requirements.refused(settings.agents, secrets or ()) if problem.path not in wrong
    ]
    problems = by_place([*file_requirements.malformed, *refused])
    if problems:
        return problems, {}
    enabled = {name: agent for name, agent in sorted(settings.agents.items()) if agent.enabled}
    return [], {name: file_requirements.given(name, agent).as_json() for name, agent in enabled.items()}


def _gates(file: Path) -> list[Problem]:
    from pressplay.gates.proving import environment

    try:
        environment.read(_bytes(file), str(file))
    except Invalid as error:
        return error.problems
    return []


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise invalid(str(file), f"expected a readable file: {error.strerror}", "check the path") from error


def _project(folder: Path, values_files: tuple[Path, ...], repo: str | None) -> tuple[list[Problem], list[Problem]]:
    """What is wrong with a project's environment contract, and as warnings what the project lacks to be provable."""
    from pressplay.commands import _lacks
    from pressplay.commands._files import files_of
    from pressplay.gates.proving import detection, environment, lacks

    means, given = _lacks.means_of(values_files, repo)
    with files_of(folder) as files:
        try:
            contract = environment.contract(files, given, str(folder / detection.FILE))
        except Invalid as error:
            return error.problems, []
        advice = lacks.lacks(contract, files, means)
    return [], [Problem(str(folder), 0, 0, "$", item.message, item.do) for item in advice]


def _show(given: dict[str, Any]) -> None:
    """A line for each kind of thing that an agent is given; values of variables are left to --json."""
    for name, has in given.items():
        click.echo(f"{name}:")
        variables = [
            f"{variable} (Secret {secret['name']}, key {key})"
            for secret in has["secrets"]
            for keys in secret["keys"]
            for key, variable in keys.items()
        ]
        for what, entries in (
            ("local servers", has["localTools"]),
            ("remote tools", has["remoteTools"]),
            ("variables", [*variables, *has["environment"]]),
        ):
            click.echo(f"  {what + ':':<15}{', '.join(entries) or 'none'}")


def _tasks(file: Path) -> tuple[list[Problem], list[Problem]]:
    """The errors and the warnings in a tasks.json: its shape first, then every tag's graph."""
    try:
        source = load_json(read_text(file), str(file))
        problems = by_place([*source.problems, *check(packaged.schema("tasks"), source.value, source.place)])
        tags = {} if problems else tag_lists(source.value, str(file))
    except Invalid as error:
        return error.problems, []
    notes: list[Problem] = []
    for tag in tags:
        for problem in graph.plan(from_document(source.value, str(file), tag)).problems:
            at = source.place(problem.where)
            place = json_path(problem.where)
            located = Problem(at.file, at.line, at.column, place, f"task {problem.task} {problem.problem}")
            (problems if problem.blocks else notes).append(located)
    return by_place(problems), by_place(notes)


def _count(number: int, word: str) -> str:
    return f"{number} {word}" + ("" if number == 1 else "s")
