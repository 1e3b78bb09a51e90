"""`pressplay doctor`: what an installation needs, looked at before the first play and whenever nothing moves."""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pressplay.commands._installation import DEFAULT_NAMESPACE
from pressplay.errors import EXIT_FAILED, InputError

if TYPE_CHECKING:
    import httpx

    from pressplay.clock import Clock
    from pressplay.cluster.argo_server import ArgoServer
    from pressplay.cluster.port import Cluster
    from pressplay.doctor.results import Result
    from pressplay.doctor.subject import Subject

_COLOURS = {"ok": "green", "wrong": "red", "note": "yellow", "not looked at": None}
_FILE = click.Path(dir_okay=False, path_type=Path)
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@dataclass(frozen=True)
class Ports:
    """What is asked: by default the cluster in KUBECONFIG and the network; tests hand in others."""

    cluster: Cluster | None
    """None: nothing names one."""
    clock: Clock
    transport: httpx.BaseTransport | None = None
    argo: ArgoServer | None = None


@click.command("doctor")
@click.option(
    "-f", "--values", "values_files", type=_FILE, multiple=True, help="A values file; repeat it as with helm, in order."
)
@click.option("--namespace", "-n", default=DEFAULT_NAMESPACE, show_default=True, help="Where the chart is installed.")
@click.option(
    "--repo", "repos", multiple=True, help="Only this repository (owner/name) on GitHub; by default all listed."
)
@click.option(
    "--app-keys",
    type=_FOLDER,
    help="The Apps' keys from the files that `pressplay apps exchange` wrote, not from the cluster's Secrets.",
)
@click.option("--no-cluster", is_flag=True, help="Ask no cluster: look at values, and with --app-keys at GitHub.")
@click.option("--offline", is_flag=True, help="Ask neither the cluster nor GitHub: look at the values alone.")
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON, for programs.")
@click.pass_context
def command(
    ctx: click.Context,
    values_files: tuple[Path, ...],
    namespace: str,
    repos: tuple[str, ...],
    app_keys: Path | None,
    no_cluster: bool,
    offline: bool,
    as_json: bool,
) -> None:
    """Look at everything that an installation needs, and say what to do about what is wrong. Nothing is changed.

    Looks at the values (-f), at the cluster in KUBECONFIG, and at GitHub as each of the Apps. It goes by the settings
    of the release that is installed there; values files are compared with them. Before an installation it goes by the
    values alone.

    A line a check: `ok`; `wrong`, with what to do; `note`, to know; `not looked at`, with why. Exit status 0 where
    nothing is wrong, 1 where something is, 2 where it could not begin.
    """
    from pressplay.doctor.examine import groups

    all_results: list[Result] = []
    with ExitStack() as closing:
        ports = ctx.obj if isinstance(ctx.obj, Ports) else _ports(closing, ask_cluster=not (no_cluster or offline))
        subject = _subject(ports, values_files, namespace, repos, app_keys, no_cluster=no_cluster, offline=offline)
        closing.callback(subject.close)
        for group in groups(subject):
            click.echo(f"Looking at {group.name} …", err=True)
            results = list(group.results())
            all_results += results
            if not as_json:
                _show(group.name, results)
        blind = subject.without_settings
    wrong = sum(result.state == "wrong" for result in all_results)
    if as_json:
        click.echo(json.dumps({"checks": [result.as_json() for result in all_results], "wrong": wrong}, indent=2))
    else:
        counts = [(state, sum(result.state == state for result in all_results)) for state in _COLOURS]
        click.echo(", ".join(f"{count} {state}" for state, count in counts))
    if wrong:
        ctx.exit(EXIT_FAILED)
    if blind:
        raise InputError(blind)


def _show(group: str, results: list[Result]) -> None:
    click.echo(click.style(group, bold=True))
    for result in results:
        state = click.style(f"{result.state:<14}", fg=_COLOURS[result.state])
        click.echo(f"  {state}{result.name}: {result.message}")
        if result.do:
            click.echo(f"{'':16}do: {result.do}")
    click.echo()


def _ports(closing: ExitStack, *, ask_cluster: bool) -> Ports:
    """The cluster in KUBECONFIG, where it names one and it is to be asked, the network, the time."""
    from pressplay.clock import SystemClock
    from pressplay.cluster.argo_server import ArgoServer
    from pressplay.cluster.kubernetes import KubernetesCluster, configured

    cluster = KubernetesCluster.from_environment() if ask_cluster and configured() else None
    if cluster is not None:
        closing.callback(cluster.close)
    return Ports(cluster, SystemClock(), argo=ArgoServer.from_environment())


def _subject(
    ports: Ports,
    values_files: tuple[Path, ...],
    namespace: str,
    repos: tuple[str, ...],
    app_keys: Path | None,
    *,
    no_cluster: bool,
    offline: bool,
) -> Subject:
    """What is to be looked at; InputError where there is nothing, or it could not begin."""
    from pressplay.doctor import keys
    from pressplay.doctor.subject import Subject
    from pressplay.validation.report import read_text

    files = [(str(file), read_text(file)) for file in values_files]
    why_not = "KUBECONFIG names none" if ports.cluster is None else ""
    if no_cluster or offline:
        why_not = f"it is left out ({'--offline' if offline else '--no-cluster'})"
    if why_not and not files:
        raise InputError(
            f"nothing to look at: no values file was given (-f values.yaml), and of the cluster: {why_not}"
        )
    no_github = "it is left out (--offline)" if offline else ""
    if why_not and app_keys is None and not offline:
        no_github = (
            "without a cluster no key of an App is at hand; --app-keys takes those that pressplay apps exchange wrote"
        )
    return Subject(
        namespace,
        ports.clock,
        files=files,
        cluster=None if why_not else ports.cluster,
        no_cluster=why_not,
        no_github=no_github,
        repos=repos,
        keys=keys.read(app_keys) if app_keys is not None else None,
        argo=ports.argo,
        transport=ports.transport,
    )
