"""`pressplay continue`: runs may start again."""

from __future__ import annotations

import click

from pressplay.cluster import pause
from pressplay.commands._installation import Installation, installation_options


@click.command("continue")
@click.option("--repo", help="Only this repository (owner/name); by default all.")
@installation_options
def command(repo: str | None, installation: Installation) -> None:
    """Let runs start again, and wake what waits for it at once."""
    woken = pause.go_on(installation.cluster, installation.namespace, repo)
    click.echo(f"Continued: {repo or 'all repositories'}; {woken} waiting runs woken.", err=True)
