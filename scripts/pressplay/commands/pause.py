"""`pressplay pause`: no further run starts, in the sandbox or a cluster."""

from __future__ import annotations

import getpass

import click

from pressplay.clock import SystemClock
from pressplay.cluster import pause
from pressplay.commands._installation import Installation, installation_options


@click.command("pause")
@click.option("--repo", help="Only this repository (owner/name); by default all.")
@click.option("--why", default="", help="The reason, which summary and doctor show.")
@click.option("--by", default="", help="Who pauses; by default your login on this machine.")
@installation_options
def command(repo: str | None, why: str, by: str, installation: Installation) -> None:
    """Stop new runs from starting. Runs under way end; what would start waits for `pressplay continue`."""
    repo = installation.check(repo)
    pause.pause(installation.cluster, installation.namespace, repo, by or _login(), why, SystemClock().now())
    click.echo(f"Paused: {repo or 'all repositories'}. Runs under way go on to their end.", err=True)


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A container's user need not have a name.
        return ""
