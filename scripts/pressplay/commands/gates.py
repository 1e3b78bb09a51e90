"""`pressplay gates`: how the gates build and test a repository."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pressplay.commands import _lacks
from pressplay.commands._files import files_of

if TYPE_CHECKING:
    from pressplay.gates.lint.files import Files

_WHERE = click.argument("where", metavar="[DIR|REF]", default=".")


@click.group("gates")
def command() -> None:
    """Show how the gates build and test a repository: its environment contract."""


@command.command("detect")
@_WHERE
def detect(where: str) -> None:
    """Propose a .press-play/gates.yaml, with comments, by the files of a project.

    DIR is a project's folder: of a git repository its HEAD is read. REF is a commit of the repository here. Whatever
    was not detected stands in the comments.
    """
    from pressplay.gates.proving import detection, environment

    with _files(where) as files:
        contract = detection.detect(files)
    click.echo(environment.written(contract.environment, contract.advice), nl=False)


@command.command("show")
@_WHERE
@click.option(
    "-f",
    "--values",
    "values_files",
    type=click.Path(dir_okay=False, path_type=Path),
    multiple=True,
    help="A values file; repeat it as with helm, in order.",
)
@click.option("--repo", help="The repository whose values count (default: the only one that they list).")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON, for programs.")
def show(where: str, values_files: tuple[Path, ...], repo: str | None, as_json: bool) -> None:
    """Show the contract that counts: the file's, else the values', else the detected one, and what it lacks.

    DIR is a project's folder: of a git repository its HEAD is read. REF is a commit of the repository here. Exit status
    2 where the file, or the values, are wrong.
    """
    from pressplay.gates.proving import environment, lacks

    means, values = _lacks.means_of(values_files, repo)
    with _files(where) as files:
        contract = environment.contract(files, values)
        advice = lacks.lacks(contract, files, means)
    if as_json:
        whole = {
            "origin": contract.environment.origin,
            **environment.document(contract.environment),
            "lacks": [{"message": item.message, "do": item.do} for item in advice],
        }
        click.echo(json.dumps(whole, indent=2))
        return
    click.echo(f"# From: {_ORIGINS[contract.environment.origin]}.")
    click.echo(environment.written(contract.environment), nl=False)
    _lacks.show(advice)


_ORIGINS = {"file": "the file .press-play/gates.yaml", "values": "the values", "detected": "the project's files"}


@contextmanager
def _files(where: str) -> Iterator[Files]:
    """The files in a folder, or of a commit of the repository here."""
    folder = Path(where)
    with files_of(folder) if folder.is_dir() else files_of(Path(), where) as files:
        yield files
