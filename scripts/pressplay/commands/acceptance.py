"""`pressplay acceptance`: try a plan of probes against a deployment, from where one sits."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import click

from pressplay.errors import EXIT_FAILED, InputError, PressPlayError

if TYPE_CHECKING:
    from pressplay.cluster.port import Cluster
    from pressplay.gates.acceptance.probe_plan import ProbePlan
    from pressplay.gates.acceptance.proof import Proof
    from pressplay.gates.acceptance.reach import Address

FILE_WIDTH = 160
"""Columns of the table where nobody looks on."""


@click.command("acceptance")
@click.argument("plan_file", metavar="PLAN", type=click.Path(dir_okay=False, allow_dash=True))
@click.option("--url", required=True, help="The deployment's address: http://localhost:8000.")
@click.option("--commit", default="", metavar="SHA", help="What ${COMMIT} in the plan stands for: the whole id.")
@click.option(
    "--host",
    "hosts",
    multiple=True,
    metavar="PATTERN",
    help="A host that the plan may ask besides the deployment's, or *.suffix; repeat it.",
)
@click.option(
    "--namespace",
    "-n",
    "namespaces",
    multiple=True,
    help="A namespace that probes of logs and workloads may look into; repeat it. The first is the deployment's.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the proof as JSON, for programs.")
@click.pass_context
def command(
    ctx: click.Context,
    plan_file: str,
    url: str,
    commit: str,
    hosts: tuple[str, ...],
    namespaces: tuple[str, ...],
    as_json: bool,
) -> None:
    """Make the probes of PLAN and show the answers. PLAN is a file, or - for stdin.

    Only tries: what counts is what the harness captures in the cluster. Probes of logs and workloads are made where
    --namespace allows them, with KUBECONFIG; else they are left out. Exit status 0 where every probe held, 1 where one
    did not, 2 where the plan is wrong (every error is shown).
    """
    from pressplay.clock import SystemClock
    from pressplay.gates.acceptance import probe_plan as plans
    from pressplay.gates.acceptance import probes
    from pressplay.gates.acceptance.reach import EVERYWHERE, Reach, parse

    plan = plans.read(_bytes(plan_file, plans.LONGEST + 1), "stdin" if plan_file == "-" else plan_file)
    if commit:
        plans.whole_commit(commit)
    own = parse(url)
    reach = Reach((_host(own), *hosts), namespaces, EVERYWHERE, loopback=True)
    tried, left_out = (plan, []) if namespaces else _without_cluster(plan)
    target = probes.Target(url, "", commit, namespaces[0] if namespaces else "")
    with _cluster(namespaces) as cluster:
        proof = probes.run(tried, target, reach, cluster, SystemClock(), say=lambda line: click.echo(line, err=True))
    if as_json:
        whole = {"passed": proof.passed, "leftOut": left_out, "proof": json.loads(proof.to_json())}
        click.echo(json.dumps(whole, indent=2, ensure_ascii=False))
    else:
        _show(proof, left_out)
    if not proof.passed:
        ctx.exit(EXIT_FAILED)


def _bytes(file: str, most: int) -> bytes:
    try:
        with click.open_file(file, "rb") as opened:
            return bytes(opened.read(most))
    except OSError as error:
        raise InputError(f"{file}: expected a readable file: {error.strerror}") from error


@contextmanager
def _cluster(namespaces: tuple[str, ...]) -> Iterator[Cluster | None]:
    """The cluster of KUBECONFIG, where there is something to look for in it."""
    if not namespaces:
        yield None
        return
    from pressplay.cluster.kubernetes import KubernetesCluster

    with closing(KubernetesCluster()) as cluster:
        yield cluster


def _host(own: Address) -> str:
    return f"[{own.host}]" if ":" in own.host else own.host


def _without_cluster(plan: ProbePlan) -> tuple[ProbePlan, list[str]]:
    """What of a plan can be tried without a cluster, and the names of the probes that can't."""
    tried = plan.without_cluster()
    if tried is None:
        raise PressPlayError(
            "all probes of this plan look into a cluster: name the namespaces that they may look into by --namespace"
        )
    return tried, [name for name, kind in plan.kinds.items() if kind != "http"]


def _show(proof: Proof, left_out: list[str]) -> None:
    """The table and the summary for people, on stdout."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from pressplay.gates.acceptance.proof import reason

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("probe", "kind", "outcome", "tries", "what did not hold"):
        table.add_column(name, overflow="fold", justify="right" if name == "tries" else "left")
    for probe in proof.probes:
        failed = [f"{check.what}: expected {check.expected}, got {check.got}" for check in probe.checks if not check.ok]
        wrong = [probe.fault] if probe.fault else failed
        outcome = Text("held", style="green") if probe.passed else Text("failed", style="red")
        table.add_row(Text(probe.name), probe.kind, outcome, str(probe.attempts), Text("\n".join(wrong) or "-"))
    for name in left_out:
        table.add_row(Text(name), "", Text("left out", style="yellow"), "-", "looks into a cluster: see --namespace")
    width = None if sys.stdout.isatty() else FILE_WIDTH
    console = Console(highlight=False, emoji=False, markup=False, width=width)
    console.print(table)
    console.print()
    for probe in proof.probes:
        if not probe.passed and probe.came:
            console.print(
                Text(f"{probe.name} asked: {probe.asked}\nand got:\n{_indented(probe.came)}\n"), soft_wrap=True
            )
    console.print(f"{reason(proof)}.", soft_wrap=True)


def _indented(text: str, lines: int = 30) -> str:
    all_lines = text.splitlines()
    more = [f"… ({len(all_lines) - lines} more lines; --json has them)"] if len(all_lines) > lines else []
    return "\n".join(f"    {line}" for line in [*all_lines[:lines], *more])
