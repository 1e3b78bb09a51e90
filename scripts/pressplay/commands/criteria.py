"""`pressplay criteria`: read, or drop, the sealed probes that a run wrote of a task before any code existed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from pressplay.commands._installation import Installation, installation_options
from pressplay.errors import InputError

if TYPE_CHECKING:
    from pressplay.cluster.ledger import Ledger
    from pressplay.domain.entries import IndependentPlan


@click.group("criteria")
def command() -> None:
    """Read, or drop, the independent criteria of a task (docs/how-to/criteria-first.md)."""


_repo = click.argument("repo", metavar="REPO")
_task = click.argument("task", metavar="TASK", type=click.IntRange(min=1))


@command.command("show")
@_repo
@_task
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@installation_options
def show(repo: str, task: int, as_json: bool, installation: Installation) -> None:
    """Print the plan of probes of task TASK (its number) of REPO (acme/shop). Keep it from whoever implements."""
    import yaml

    from pressplay.gates.acceptance.probe_plan import ProbePlan

    _, recorded = _recorded(installation, repo, task)
    plan = json.loads(ProbePlan.unpack(recorded.plan, f"the independent criteria of task {task}").document)
    click.echo(json.dumps(plan, indent=2) if as_json else yaml.safe_dump(plan, sort_keys=False, allow_unicode=True))


@command.command("drop")
@_repo
@_task
@installation_options
def drop(repo: str, task: int, installation: Installation) -> None:
    """Take the plan of task TASK of REPO out. Another run writes a new one when play is pressed again."""
    from pressplay.domain.entries import IndependentPlan

    ledger, _ = _recorded(installation, repo, task)
    ledger.record("task", task, IndependentPlan(cause="", run="", plan=""))
    click.echo(
        f"Dropped. Press play again: argo submit --from workflowtemplate/press-play -p repo={ledger.repo}", err=True
    )


def _recorded(installation: Installation, repo: str, task: int) -> tuple[Ledger, IndependentPlan]:
    from pressplay import names
    from pressplay.cluster.ledger import Ledger
    from pressplay.domain.entries import IndependentPlan

    ledger = Ledger(installation.cluster, installation.namespace, installation.check(names.repo(repo)) or "")
    recorded = ledger.entries("task", task).get(IndependentPlan)
    if recorded is None or not recorded.plan:
        raise InputError(
            f"{repo}, task {task}: no independent criteria in namespace {installation.namespace}; a task has them once "
            "a play began it with tests.criteriaFirst in the values"
        )
    return ledger, recorded
