"""The stand-in for a deployment system: it carries out the forge's deployments, as GitHub Actions or Argo CD would.

Where the settings name the environment of a base branch, it also deploys what is pushed to that branch.

What runs is the project's own start command at the deployment's commit (the line `web:` of its Procfile), which listens
on $PORT and gets its commit in $COMMIT_SHA. The sandbox's cluster has a Deployment and a Pod of it in the namespace
`preview`, both named as the environment, so that probes can look at them. One commit at a time runs in an environment.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import httpx

from pressplay import names
from pressplay.cluster.ledger import PART_OF
from pressplay.cluster.port import Cluster
from pressplay.cluster.sqlite import LOG_FILE
from pressplay.errors import PressPlayError, TryAgain
from pressplay.gates.proving.lacks import PROCFILE, WEB
from pressplay.sandbox import detached
from pressplay.sandbox.forge import Forge
from pressplay.settings import GitHub

NAMESPACE = "preview"
COMMIT_LABEL = "app.kubernetes.io/version"
DEPLOYMENT_FILE, PORT_FILE = "asked.json", "port"
"""Files of a deployment: the request, and the port on which it answers."""
_COUNTED = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
_FINAL = ("success", "failure", "error", "inactive")
_AT_ONCE = 4
_START_SECONDS = 30.0
_POLL = 0.03
_KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV", "PYTHONPATH")
"""What a project's process gets of our environment."""


@dataclass(frozen=True)
class Deployment:
    """A deployment that was requested from the forge."""

    id: int
    sha: str
    environment: str


@dataclass(frozen=True)
class Running:
    """Where a deployment answers, and where its output goes."""

    url: str
    log: Path


class Starter(Protocol):
    """Starts a commit in an environment, and ends what ran there before."""

    def start(self, deployment: Deployment) -> Running:
        """Start it and wait until it answers; PressPlayError with the reason where it does not."""
        ...

    def stop(self, environment: str) -> None:
        """End what runs in an environment, if anything does."""
        ...

    def stopped(self) -> list[Deployment]:
        """The deployments that were stopped with the sandbox and must run again."""
        ...


class Deployer:
    """Carries out deployments; it may be killed anywhere, and does the same again."""

    def __init__(
        self,
        forge: Forge,
        github: GitHub,
        repo: str,
        login: str,
        cluster: Cluster,
        starter: Starter,
        transport: httpx.BaseTransport | None,
        wake: Callable[[], None],
    ) -> None:
        """`login` may write to the repository; with a `transport` (virtual time) it works in the calling thread."""
        self._forge, self._repo, self._login = forge, repo, login
        self._base = f"{github.api_url}/repos/{repo}"
        self._cluster, self._starter, self._transport, self._wake = cluster, starter, transport, wake
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="deploy") if transport is None else None
        self._under_way: dict[int, str] = {}

    @property
    def busy(self) -> bool:
        """Whether a deployment is under way."""
        return bool(self._under_way)

    def deploy_requested(self) -> None:
        """Deploy what was requested; TryAgain where the forge does not answer as it should."""
        if not self._forge.git_path(self._repo).exists():
            return
        try:
            with self._client() as client:
                for deployment in self._open(client):
                    # One at a time in an environment, in their order: `wake` says when the next one may start.
                    if deployment.environment not in list(self._under_way.values()):
                        self._start(deployment)
        except (httpx.HTTPError, ValueError) as error:
            raise TryAgain(f"the forge did not answer: {type(error).__name__}") from error

    def deploy_push(self, sha: str, environment: str) -> None:
        """Record a deployment of a commit that was pushed; one that is recorded stays. TryAgain as `deploy_requested`.

        It is carried out with those that were requested.
        """
        body = {"ref": sha, "environment": environment, "auto_merge": False, "required_contexts": []}
        try:
            with self._client() as client:
                known = client.get(f"{self._base}/deployments", params={"sha": sha, "environment": environment})
                known.raise_for_status()
                if not known.json():
                    client.post(f"{self._base}/deployments", json=body).raise_for_status()
        except (httpx.HTTPError, ValueError) as error:
            raise TryAgain(f"the forge did not answer: {type(error).__name__}") from error

    def restore(self) -> None:
        """Start what was stopped with the sandbox, and wait until it answers, so that probes of it can go on."""
        if self._pool is not None:
            wait([self._pool.submit(self._deploy, deployment) for deployment in self._starter.stopped()])

    def take_down(self, environment: str) -> None:
        """End what runs in an environment."""
        self._starter.stop(environment)
        for kind in ("Deployment", "Pod"):
            self._cluster.delete(kind, NAMESPACE, environment)

    def close(self) -> None:
        """Wait for what is under way, and end all that runs."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
        for pod in self._cluster.list("Pod", NAMESPACE):
            self._starter.stop(pod["metadata"]["name"])

    def _client(self) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self._forge.user_token(self._login)}"}
        return httpx.Client(headers=headers, transport=self._transport, timeout=30.0)

    def _open(self, client: httpx.Client) -> list[Deployment]:
        """The deployments that have not ended, oldest first."""
        response = client.get(f"{self._base}/deployments", params={"per_page": "100"})
        response.raise_for_status()
        return [
            Deployment(entry["id"], entry["sha"], entry["environment"])
            for entry in reversed(response.json())
            if entry["id"] not in self._under_way and self._state(client, entry["id"]) not in _FINAL
        ]

    def _state(self, client: httpx.Client, number: int) -> str:
        response = client.get(f"{self._base}/deployments/{number}/statuses", params={"per_page": "1"})
        response.raise_for_status()
        statuses = response.json()
        return str(statuses[0]["state"]) if statuses else "pending"

    def _start(self, deployment: Deployment) -> None:
        if self._pool is None:
            self._deploy(deployment)
            return
        self._under_way[deployment.id] = deployment.environment
        self._pool.submit(self._in_thread, deployment)

    def _in_thread(self, deployment: Deployment) -> None:
        try:
            self._deploy(deployment)
        finally:
            self._under_way.pop(deployment.id, None)
            self._wake()

    def _deploy(self, deployment: Deployment) -> None:
        try:
            running = self._starter.start(deployment)
        except PressPlayError as error:
            self._set_status(deployment, {"state": "failure", "description": str(error)[:140]})
            return
        self._record(deployment, running)
        self._set_status(deployment, {"state": "success", "environment_url": running.url})

    def _set_status(self, deployment: Deployment, status: Mapping[str, str]) -> None:
        with self._client() as client:
            client.post(f"{self._base}/deployments/{deployment.id}/statuses", json=dict(status)).raise_for_status()

    def _record(self, deployment: Deployment, running: Running) -> None:
        """Write the objects that a cluster would have of it."""
        labels = {**PART_OF, "app": deployment.environment, COMMIT_LABEL: deployment.sha}
        metadata = {"name": deployment.environment, "namespace": NAMESPACE, "labels": labels}
        template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "web", "image": deployment.sha}]}}
        spec = {"replicas": 1, "selector": {"matchLabels": {"app": deployment.environment}}, "template": template}
        shown: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
            "Deployment": (
                {"apiVersion": "apps/v1", "metadata": {**metadata, "generation": 1}, "spec": spec},
                {"observedGeneration": 1, **dict.fromkeys(_COUNTED, 1)},
            ),
            "Pod": (
                {
                    "apiVersion": "v1",
                    "metadata": {**metadata, "annotations": {LOG_FILE: str(running.log)}},
                    "spec": template["spec"],
                },
                {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
            ),
        }
        for kind, (manifest, status) in shown.items():
            self._cluster.apply({"kind": kind, **manifest})
            self._cluster.set_status(kind, NAMESPACE, deployment.environment, status)


class ProcessStarter:
    """Runs the project's own start command, as a process that outlives this one; the next one takes it up."""

    def __init__(self, forge: Forge, repo: str, directory: Path, command: str | None) -> None:
        """`directory` holds a folder for each environment; `command` is for a commit without a Procfile."""
        self._forge, self._repo = forge, repo
        self._directory = directory.resolve()
        self._command = command

    def start(self, deployment: Deployment) -> Running:
        """See `Starter.start`."""
        folder = self._folder(deployment.environment) / str(deployment.id)
        self._stop(deployment.environment, but=folder)
        tree = folder / "tree"
        tree.mkdir(parents=True, exist_ok=True)
        (folder / DEPLOYMENT_FILE).write_text(json.dumps(asdict(deployment)))
        self._check_out(deployment.sha, tree, folder / "index")
        command = self._start_command(tree)
        # After a restart, those who know its address find it at the same port.
        port = _free_port(_number(folder / PORT_FILE))
        (folder / PORT_FILE).write_text(str(port))
        detached.renew(folder)
        environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
        variables = {**environment, "PORT": str(port), "COMMIT_SHA": deployment.sha}
        detached.start(folder, ["sh", "-c", command], tree, variables)
        self._wait(folder, port, command)
        return Running(f"http://127.0.0.1:{port}", folder / "log")

    def stop(self, environment: str) -> None:
        """See `Starter.stop`."""
        self._stop(environment)

    def _stop(self, environment: str, but: Path | None = None) -> None:
        for started in self._folder(environment).glob("*/started"):
            detached.kill(started.parent)
            if started.parent != but:
                # It must not start again.
                (started.parent / "stopped").unlink(missing_ok=True)

    def stopped(self) -> list[Deployment]:
        """See `Starter.stopped`."""
        marks = self._directory.glob("*/*/stopped")
        return [Deployment(**json.loads((mark.parent / DEPLOYMENT_FILE).read_text())) for mark in marks]

    def _folder(self, environment: str) -> Path:
        return self._directory / names.checked(environment, "environment").replace("/", "-")

    def _check_out(self, sha: str, tree: Path, index: Path) -> None:
        """The files of a commit, without a clone."""
        repository = {"GIT_DIR": str(self._forge.git_path(self._repo).resolve()), "GIT_WORK_TREE": str(tree)}
        done = subprocess.run(
            ["git", "checkout", "--quiet", "--force", sha, "--", "."],
            cwd=tree,
            env={**os.environ, **repository, "GIT_INDEX_FILE": str(index)},
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            process_group=0,
            umask=detached.umask(),
        )
        if done.returncode:
            raise PressPlayError(f"git checkout {sha}: {done.stderr.strip()[:200]}")

    def _start_command(self, tree: Path) -> str:
        """The line `web:` of the commit's Procfile, else the one given."""
        procfile = tree / PROCFILE
        match = WEB.search(procfile.read_text(errors="replace")) if procfile.is_file() else None
        command = match[1].strip() if match else self._command
        if not command:
            raise PressPlayError(f"the commit has no {PROCFILE} with a line `web: COMMAND`, and no --start was given")
        return command

    def _wait(self, folder: Path, port: int, command: str) -> None:
        """Until something listens on the port; PressPlayError where the process ends or takes too long."""
        end = time.monotonic() + _START_SECONDS
        while time.monotonic() < end:
            if (folder / "exit").exists():
                raise PressPlayError(f"`{command[:60]}` ended with status {(folder / 'exit').read_text()}, see its log")
            with socket.socket() as probe:
                probe.settimeout(1.0)
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(_POLL)
        raise PressPlayError(f"`{command[:60]}` did not listen on $PORT within {_START_SECONDS:.0f} s, see its log")


class VirtualStarter:
    """Under virtual time: starts nothing; each requested deployment counts as running at once."""

    def __init__(self, directory: Path) -> None:
        """`directory` holds the logs."""
        self._directory = directory.resolve()

    def start(self, deployment: Deployment) -> Running:
        """See `Starter.start`."""
        self._directory.mkdir(parents=True, exist_ok=True)
        log = self._directory / f"{deployment.environment.replace('/', '-')}.log"
        log.write_text(f"serving {deployment.sha}\n")
        return Running("http://preview.invalid", log)

    def stop(self, environment: str) -> None:
        """See `Starter.stop`."""

    def stopped(self) -> list[Deployment]:
        """See `Starter.stopped`."""
        return []


def _number(file: Path) -> int:
    """The number that a file holds; 0 where there is none."""
    try:
        return int(file.read_text())
    except (FileNotFoundError, ValueError):
        return 0


def _free_port(preferred: int = 0) -> int:
    """The preferred port if it is free, else another one."""
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", preferred))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
