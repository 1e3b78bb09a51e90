"""`pressplay pause`: no further run starts, in the sandbox or a cluster."""

from __future__ import annotations

import click

from pressplay.cluster import pause
from pressplay.commands._installation import Installation, installation_options


@click.command("pause")
@click.option("--repo", help="Only this repository (owner/name); by default all.")
@installation_options
def command(repo: str | None, installation: Installation) -> None:
    """Stop new runs from starting. Runs under way end; what would start waits for `pressplay continue`."""
    repo = installation.check(repo)
    pause.pause(installation.cluster, installation.namespace, repo)
    click.echo(f"Paused: {repo or 'all repositories'}. Runs under way go on to their end.", err=True)
