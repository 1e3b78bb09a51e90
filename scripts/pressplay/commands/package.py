"""`pressplay package`: the chart as an archive, and only if everything about it is right."""

from __future__ import annotations

from pathlib import Path

import click

from pressplay.commands import generate
from pressplay.validation import helm, values
from pressplay.validation.report import Invalid, read_text

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("package")
@click.option(
    "-f", "--values", "values_files", type=_FILE, multiple=True, help="A values file that must fit too; repeatable."
)
@click.option(
    "-d",
    "--destination",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("dist"),
    show_default=True,
    help="Where the archive goes.",
)
def command(values_files: tuple[Path, ...], destination: Path) -> None:
    """Validate the values, verify what is generated, lint the chart, then package it. Prints the archive's path."""
    problems = values.validate([(str(file), read_text(file)) for file in values_files])
    if problems:
        raise Invalid(problems)
    root = helm.repository()
    generate.check(root)
    given = [argument for file in values_files for argument in ("--values", str(file.resolve()))]
    helm.run(root, "lint", "--strict", "chart", "--namespace", helm.NAMESPACE, *given)
    helm.template(root, values_files)
    made = helm.run(root, "package", "chart", "--destination", str(destination.resolve()))
    # Helm's words are "Successfully packaged chart and saved it to: PATH".
    click.echo(made.strip().rpartition(": ")[2])
