"""`pressplay step`: one step of a workflow, as the WorkflowTemplates run it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pressplay.steps.core.context import Outputs


@click.command("step")
@click.argument("name")
@click.option("--in", "given", required=True, metavar="JSON", help="The step's inputs: an object of strings.")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="Where each output becomes a file."
)
def command(name: str, given: str, out: Path) -> None:
    """Run the step NAME in a cluster. Exit status 0 done, 75 try again, 2 never."""
    from pressplay.steps import registry
    from pressplay.steps.core import in_cluster
    from pressplay.steps.core.waiting import Waiting

    context = in_cluster.context()
    work: Callable[[], Outputs] = partial(registry.run, name, registry.parse_inputs(given), context)
    while True:
        try:
            outputs = work()
        except Waiting as waiting:
            in_cluster.wait(context, waiting.wait)
            work = waiting.wait.then
        else:
            registry.write_outputs(outputs, out)
            return
