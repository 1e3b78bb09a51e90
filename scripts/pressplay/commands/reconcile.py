"""`pressplay reconcile`: the step `reconcile` again and again in one process, as its Deployment runs it."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import click


@click.command("reconcile")
@click.option("--schedule", default="* * * * *", show_default=True, metavar="CRON", help="When, in UTC.")
@click.option(
    "--probes",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="A folder for the files `alive` and `ready`, each with the time (Unix seconds) until which it is so.",
)
def command(schedule: str, probes: Path) -> None:
    """Compare with GitHub and the cluster at once, and then by a schedule, until SIGTERM."""
    from pressplay.clock import SystemClock
    from pressplay.steps import registry
    from pressplay.steps.core import in_cluster
    from pressplay.steps.upkeep.resident import Resident

    stop = threading.Event()

    def end_between_calls() -> None:
        if stop.is_set():
            # No Exception: nothing on the way may take it for a fault, and go on.
            raise SystemExit(0)

    for signal_ in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signal_, lambda *_: stop.set())
    installation = in_cluster.Installation(end_between_calls)

    def one_pass() -> None:
        context = installation.context()
        outputs = registry.run("reconcile", {}, context)
        if any(count != "0" for count in outputs.values()):
            context.say(", ".join(f"{name} {count}" for name, count in outputs.items()))

    Resident(schedule, probes, SystemClock(), stop.wait, lambda line: click.echo(line, err=True)).run(one_pass)
