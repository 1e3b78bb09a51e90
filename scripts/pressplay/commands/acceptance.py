"""`pressplay acceptance`: try a plan of probes against a deployment and the checkout, from a person's machine."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pressplay.clock import SystemClock, rfc3339
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
@click.option("--url", default="", help="The deployment's address: http://localhost:8000.")
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

    Only tries: what counts is what the harness captures in the cluster. Commands run in copies of the current folder,
    without the walls that the gate has. Probes of a deployment need --url. Probes of logs and workloads are made where
    --namespace allows them, with KUBECONFIG; else they are left out. Exit status 0 where every probe held, 1 where one
    did not, 2 where the plan is wrong (every error is shown).
    """
    from pressplay.gates.acceptance import probe_plan as plans

    plan = plans.read(_bytes(plan_file, plans.LONGEST + 1), "stdin" if plan_file == "-" else plan_file)
    if commit:
        plans.whole_commit(commit)
    left_out = _left_out(plan, url, namespaces)
    if len(left_out) == len(plan.kinds):
        if url:
            why = "all probes of this plan look into a cluster"
            raise PressPlayError(f"{why}: name the namespaces that they may look into by --namespace")
        raise InputError("all probes of this plan look at a deployment: give its address by --url")
    proof = _tried(plan, left_out, url, commit, hosts, namespaces)
    if as_json:
        whole = {"passed": proof.passed, "leftOut": list(left_out), "proof": json.loads(proof.to_json())}
        click.echo(json.dumps(whole, indent=2, ensure_ascii=False))
    else:
        _show(proof, left_out)
    if not proof.passed:
        ctx.exit(EXIT_FAILED)


def _left_out(plan: ProbePlan, url: str, namespaces: tuple[str, ...]) -> dict[str, str]:
    """The probes that can't be tried here, by name, and why."""
    why = {} if namespaces else dict.fromkeys(("logs", "workload"), "looks into a cluster: see --namespace")
    why |= {} if url else dict.fromkeys(("http", "logs", "workload"), "looks at a deployment: see --url")
    return {name: why[kind] for name, kind in plan.kinds.items() if kind in why}


def _tried(
    plan: ProbePlan,
    left_out: dict[str, str],
    url: str,
    commit: str,
    hosts: tuple[str, ...],
    namespaces: tuple[str, ...],
) -> Proof:
    """What the probes brought that are not left out, in the plan's order."""
    from pressplay.gates.acceptance import probes
    from pressplay.gates.acceptance.proof import Proof
    from pressplay.gates.acceptance.reach import EVERYWHERE, Reach, parse

    clock = SystemClock()
    proof = Proof(commit, "", url, plan.digest, rfc3339(clock.now()), "", ())
    deployed = plan.only({kind for name, kind in plan.kinds.items() if name not in left_out} - {"command"})
    if deployed is not None:
        reach = Reach((_host(parse(url)), *hosts), namespaces, EVERYWHERE, loopback=True)
        target = probes.Target(url, "", commit, namespaces[0] if namespaces else "")
        with _cluster(namespaces) as cluster:
            proof = probes.run(deployed, target, reach, cluster, clock, say=lambda line: click.echo(line, err=True))
    made = {probe.name: probe for probe in proof.probes}
    if "command" in plan.kinds.values():
        from pressplay.commands import _local_commands

        click.echo("commands run here, in copies of this folder, without the walls of the gate", err=True)
        made |= {probe.name: probe for probe in _local_commands.carry_out(plan, commit, Path.cwd())}
    in_order = tuple(made[name] for name in plan.kinds if name in made)
    return replace(proof, plan=plan.digest, ended=rfc3339(clock.now()), probes=in_order)


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


def _show(proof: Proof, left_out: dict[str, str]) -> None:
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
    for name, why in left_out.items():
        table.add_row(Text(name), "", Text("left out", style="yellow"), "-", why)
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
