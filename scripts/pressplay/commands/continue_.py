"""`pressplay continue`: runs may start again."""

from __future__ import annotations

import click

from pressplay.cluster import pause
from pressplay.commands._installation import Installation, installation_options
from pressplay.errors import PressPlayError


@click.command("continue")
@click.option("--repo", help="Only this repository (owner/name); by default all.")
@installation_options
def command(repo: str | None, installation: Installation) -> None:
    """Let runs start again, and wake what waits for it at once.

    In a cluster, waking at once goes through the Argo Server: PRESSPLAY_ARGO_URL, and PRESSPLAY_ARGO_TOKEN where it
    wants one. Without, the workflow `reconcile` wakes what waits when it runs next.
    """
    repo = installation.check(repo)
    pause.allow(installation.cluster, installation.namespace, repo)
    click.echo(f"Continued: {repo or 'all repositories'}.", err=True)
    for name in [repo] if repo else installation.settings().repositories:
        if (held := pause.of(installation.cluster, installation.namespace, name)) is not None:
            click.echo(f"{name} is still {held.origin}: {held.ended_by}.", err=True)
    try:
        woken = pause.wake_of(installation.cluster, installation.namespace, repo)
    except PressPlayError as error:
        click.echo(f"What waits was not woken at once ({error}); reconcile wakes it when it runs next.", err=True)
    else:
        click.echo(f"{woken} waiting run{'' if woken == 1 else 's'} woken.", err=True)
