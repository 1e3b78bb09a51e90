"""`pressplay step`: one step of a workflow, as the WorkflowTemplates run it."""

from __future__ import annotations

from pathlib import Path

import click


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

    inputs = registry.parse_inputs(given)
    registry.write_outputs(registry.run(name, inputs, in_cluster.context()), out)
