"""`pressplay sandbox`: parts of the sandbox as services of their own, to try the chart on a test cluster.

Both stop on SIGTERM and SIGINT, and go on where they were when they are started again with the same folder.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import sys
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from pressplay import names
from pressplay.errors import InputError

_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.group("sandbox", context_settings={"help_option_names": ["-h", "--help"]})
@click.pass_context
def command(context: click.Context) -> None:
    """Run one part of the sandbox by itself, for a test cluster."""
    # Before the imports, which take most of a second: a signal to stop counts in it as well.
    context.obj = _stop_requested()


@command.command("forge")
@click.option("--data", type=_FOLDER, required=True, help="The forge's folder; made where it is not there.")
@click.option("--listen", required=True, metavar="HOST:PORT", help="Where to answer; port 0 takes a free one.")
@click.option("--url", help="How others reach it, where that is not http://HOST:PORT.")
@click.option(
    "--project",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="What the repository begins with (default: the demo project).",
)
@click.option("--repo", required=True, help="The repository, owner/name.")
@click.option("--namespace", "-n", default="press-play", show_default=True, help="The release's namespace.")
@click.option("--controller-namespace", default="agent-platform", show_default=True, help="Where CodeRuns live.")
@click.option("--secrets", type=click.Path(dir_okay=False, path_type=Path), help="Write the Apps' Secrets here.")
@click.option("--merge", type=click.Choice(["auto", "never"]), default="auto", show_default=True)
@click.pass_obj
def forge(
    stop: threading.Event,
    data: Path,
    listen: str,
    url: str | None,
    project: Path | None,
    repo: str,
    namespace: str,
    controller_namespace: str,
    secrets: Path | None,
    merge: str,
) -> None:
    """GitHub's stand-in over HTTP, set up with the chart's default Apps, a ruleset and a maintainer.

    Prints one JSON object {"url", "apiURL", "gitURL", "webURL"} once it answers. `kubectl apply -f` installs what
    --secrets names, in both namespaces.
    """
    from pressplay.backlog import checkout
    from pressplay.chart import rendered_chart
    from pressplay.clock import SystemClock
    from pressplay.sandbox import demo, service, setup
    from pressplay.sandbox.configuration import settings_of
    from pressplay.sandbox.forge import Forge
    from pressplay.sandbox.maintainer import Maintainer
    from pressplay.settings import GitHub
    from pressplay.validation import values

    names.repo(repo)
    host, port = _address(listen)
    data.mkdir(parents=True, exist_ok=True)
    branch = checkout.opened(project).branch()[0] if project is not None else checkout.BRANCH
    settings = settings_of(rendered_chart()).model_copy(
        update={"namespace": namespace, "controller_namespace": controller_namespace}
    )
    made = Forge(data / "forge.db", data / "git", SystemClock(), url or f"http://{host}:{port}")
    server = made.serve(host, port)
    try:
        address = (url or server.url).rstrip("/")
        made.web_url = address
        served_by = values.load([])["serve"]["githubApp"]
        apps = setup.set_up(made, settings, repo, project or demo.PROJECT, branch=branch, serve_app=served_by)
        if secrets is not None:
            _write_secretly(secrets, {"apiVersion": "v1", "kind": "List", "items": [*setup.secrets(settings, apps)]})
        addresses = {"url": address, "apiURL": f"{address}/api/v3", "gitURL": address, "webURL": address}
        click.echo(json.dumps(addresses))
        # The maintainer sits beside the forge, whatever address others know it by.
        github = GitHub(apiURL=f"{server.url}/api/v3", gitURL=server.url, webURL=server.url)
        if merge == "auto":
            with closing(Maintainer(made, github, repo, setup.MAINTAINER, None)) as maintainer:
                service.merge_what_becomes_ready(made, maintainer, stop, _say)
        stop.wait()
    finally:
        server.close()
        made.close()


@command.command("runner")
@click.option("--namespace", "-n", default="agent-platform", show_default=True, help="Where CodeRuns live.")
@click.option("--data", type=_FOLDER, required=True, help="The runs' folder, and the agents' log beside it.")
@click.option("--forge-url", required=True, help="The forge's address (or a GitHub Enterprise Server's).")
@click.option("--agent", metavar="COMMAND", help="A coding agent's command line (default: the scripted agents).")
@click.pass_obj
def runner(stop: threading.Event, namespace: str, data: Path, forge_url: str, agent: str | None) -> None:
    """Carry out the CodeRuns of the cluster in KUBECONFIG on this machine, in place of their controller.

    The Apps' keys are read from the Secrets of the namespace. PRESSPLAY_SCRIPT, PRESSPLAY_SEND_BACK and
    PRESSPLAY_SABOTAGE reach the scripted agents.
    """
    from pressplay.clock import SystemClock
    from pressplay.cluster.kubernetes import KubernetesCluster
    from pressplay.github.access import GitHubAccess
    from pressplay.sandbox import service
    from pressplay.sandbox.launcher import ProcessLauncher
    from pressplay.sandbox.runner import Runner, over_http
    from pressplay.settings import GitHub
    from pressplay.steps.core.in_cluster import app_key

    data.mkdir(parents=True, exist_ok=True)
    address = forge_url.rstrip("/")
    cluster, clock = KubernetesCluster(), SystemClock()
    settings = GitHub(apiURL=f"{address}/api/v3", gitURL=address, webURL=address)
    github = GitHubAccess(settings, lambda app: app_key(cluster, namespace, app), clock)
    environment = {"PRESSPLAY_AGENT_LOG": str((data / "agents.log").resolve())}
    for name in ("PRESSPLAY_SCRIPT", "PRESSPLAY_SEND_BACK", "PRESSPLAY_SABOTAGE"):
        if name in os.environ:
            environment[name] = os.environ[name]
    command_line = shlex.split(agent) if agent else [sys.executable, "-m", "pressplay.sandbox.agents"]
    carrier = Runner(
        cluster,
        namespace,
        github,
        lambda app, repo, level: over_http(github, settings.git_url, app, repo, level),
        ProcessLauncher(command_line),
        data / "runs",
        clock,
        environment,
    )
    service.carry_out_runs(cluster, namespace, carrier, stop, _say)


def _address(listen: str) -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    if not host or not port.isdecimal():
        raise InputError(f"--listen {listen!r}: expected HOST:PORT, for example 127.0.0.1:8080")
    return host, int(port)


def _stop_requested() -> threading.Event:
    """An event that SIGTERM and SIGINT set; a second one ends this process at once, whatever it waits for."""
    stop = threading.Event()

    def request_stop(_number: int, _frame: Any) -> None:
        stop.set()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, request_stop)
    return stop


def _say(line: str) -> None:
    click.echo(line, err=True)


def _write_secretly(path: Path, manifest: dict[str, Any]) -> None:
    """Write what holds keys so that nobody else on the machine may read it."""
    path.unlink(missing_ok=True)
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(file, "w") as out:
        json.dump(manifest, out)
