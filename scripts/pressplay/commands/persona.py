"""`pressplay persona`: a persona as the agent will find it."""

from __future__ import annotations

from pathlib import Path

import click

from pressplay.templating import personas
from pressplay.validation import packaged, values, yamlsource
from pressplay.validation.report import Invalid, read_text


@click.command("persona")
@click.argument("name")
@click.option(
    "-f",
    "--values",
    "files",
    multiple=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="A values file for the chart; several as with helm, the last one wins.",
)
def command(name: str, files: tuple[Path, ...]) -> None:
    """Print the persona NAME (an agent's id or its GitHub App) as the agent will see it, front matter included."""
    given = [(str(file), read_text(file)) for file in files]
    if problems := values.validate(given):
        raise Invalid(problems)
    sources = [yamlsource.load_yaml(packaged.text("values.yaml"), values.DEFAULTS)]
    sources += [source for file, text in given if (source := yamlsource.load_yaml(text, file)).value is not None]
    merged, _ = values.merge(sources)
    click.echo(personas.render(name, merged), nl=False)
