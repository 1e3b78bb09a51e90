"""The forge and the runner on this machine, as `pressplay sandbox` runs them, and what a test asks of them."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from agent import HELD
from cluster import CONTROLLER, ROOT

from pressplay.clock import SystemClock
from pressplay.sandbox.forge import Forge

PRESSPLAY = str(ROOT / ".venv/bin/pressplay")
AGENT = [sys.executable, str(Path(__file__).with_name("agent.py"))]


@contextmanager
def service(log: Path, *command: str, environment: Mapping[str, str] | None = None) -> Iterator[subprocess.Popen[str]]:
    """Run it while the block lasts, then make sure that it stops when told."""
    with log.open("wb") as errors:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, text=True, env={**os.environ, **(environment or {})}
        )
        try:
            yield process
            assert process.poll() is None, f"{command[:3]} ended by itself: {log.read_text()[-2000:]}"
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=30)
            assert process.returncode == 0, f"{command[:3]} did not stop cleanly: {log.read_text()[-2000:]}"


@contextmanager
def forge(
    directory: Path, project: Path, repo: str, namespace: str, merge: str = "auto"
) -> Iterator[tuple[int, dict[str, str]]]:
    """The forge, reachable from the cluster's pods; its pid and addresses. `directory`/secrets.json is for kubectl."""
    host = os.environ.get("PRESSPLAY_E2E_HOST", "127.0.0.1")
    command = [PRESSPLAY, "sandbox", "forge", "--data", str(directory), "--listen", f"{host}:0", "--repo", repo]
    command += ["--project", str(project), "-n", namespace, "--controller-namespace", CONTROLLER]
    command += ["--merge", merge]
    with service(directory / "forge.log", *command, "--secrets", str(directory / "secrets.json")) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, (directory / "forge.log").read_text()
        yield process.pid, json.loads(line)


@contextmanager
def silent(pid: int) -> Iterator[None]:
    """Connections to this process are taken and not answered while the block lasts."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@contextmanager
def runner(directory: Path, url: str, agent: list[str] = AGENT, **environment: str) -> Iterator[None]:
    """The runner of the CodeRuns in CONTROLLER."""
    command = [PRESSPLAY, "sandbox", "runner", "-n", CONTROLLER, "--data", str(directory), "--forge-url", url]
    with service(directory / "runner.log", *command, "--agent", shlex.join(agent), environment=environment):
        yield


@contextmanager
def working(directory: Path) -> Iterator[None]:
    """No agent comes to an end while the block lasts; `directory` is the runner's."""
    held = directory / HELD
    held.touch()
    try:
        yield
    finally:
        held.unlink()


@contextmanager
def forwarded(namespace: str, name: str, port: int) -> Iterator[str]:
    """The address on this machine of a Service's port, while the block lasts."""
    command = ("kubectl", "port-forward", "-n", namespace, f"service/{name}", f":{port}", "--address", "127.0.0.1")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            found = re.search(r"127\.0\.0\.1:(\d+)", process.stdout.readline())
            assert found, "kubectl port-forward said nothing of a port"
            yield f"http://127.0.0.1:{found[1]}"
        finally:
            process.send_signal(signal.SIGTERM)


class Person:
    """Somebody with every right on the repository, by the forge's API."""

    def __init__(self, directory: Path, url: str, repo: str) -> None:
        self.forge = Forge(directory / "forge.db", directory / "git", SystemClock(), url)
        token = self.forge.user_token("maintainer")
        self.base = f"{url}/api/v3/repos/{repo}"
        self.client = httpx.Client(headers={"Authorization": f"Bearer {token}"}, timeout=30)

    def close(self) -> None:
        self.client.close()
        self.forge.close()

    def ask(self, method: str, path: str, **options: Any) -> Any:
        answer = self.client.request(method, self.base + path, **options)
        answer.raise_for_status()
        return answer.json()


def starts(directory: Path) -> list[list[str]]:
    """The agents' own log, kept outside of the cluster: [run, task, role, attempt] a start."""
    log = directory / "agents.log"
    return [line.split() for line in log.read_text().splitlines()] if log.exists() else []
