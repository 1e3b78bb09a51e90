"""Where trials run their gates' commands: behind the sandbox's wall, with packages that were fetched before.

Packages of the corpus' projects come from their registries once, into a folder that stays, as a cluster's package proxy
would keep them. Behind the wall there is no network.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pressplay.errors import InputError
from pressplay.gates.proving.beside import lists_packages
from pressplay.gates.proving.job import TestsJob
from pressplay.gates.proving.model import Environment
from pressplay.github.commits import Commits

_SECONDS = 3600
"""What a container may take: `tests.timeoutMinutes` of the chart."""
_POLL = 0.1
_ALONE = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
"""What keeps the packages of this program's own development out of the projects' tests."""


class Workshop:
    """Runs jobs of the tests gate. Threads may share one."""

    def __init__(self, cache: Path, say: Callable[[str], None]) -> None:
        """`cache`: a folder that keeps fetched packages and compiled standard libraries from call to call."""
        self._home = cache / "home"
        self._done = cache / "prepared"
        self._say = say
        self._lock = threading.Lock()
        for folder in (self._home, self._done):
            folder.mkdir(parents=True, exist_ok=True)

    def _prepare(self, environment: Environment, commits: Commits) -> None:
        """Fetch what both commits' projects need, with a network; what fails then fails behind the wall, too."""
        for project in environment.projects:
            for sha, tree in ((commits.base, commits.trees[1]), (commits.head, commits.trees[0])):
                names = sorted(filter(lists_packages, tree.entries))
                text = repr([project.setup, project.language, [(name, tree.entries[name].sha) for name in names]])
                done = self._done / hashlib.sha256(text.encode()).hexdigest()
                with self._lock:
                    if not done.exists():
                        # What compilers keep of their standard libraries is worth more than the packages.
                        lines = (*project.setup, *([project.test] if sha == commits.base and project.test else []))
                        self._fetch(project.folder, lines, sha, commits)
                        done.touch()

    def _fetch(self, folder: str, lines: Sequence[str], sha: str, commits: Commits) -> None:
        from pressplay.sandbox.container import NETWORK_VARIABLES

        with tempfile.TemporaryDirectory(prefix="press-play-eval-") as temporary:
            where = Path(temporary, "tree")
            where.mkdir()
            commits.clone.check_out(sha, {}, where)
            names = ("PATH", *_TOOLS, *NETWORK_VARIABLES)
            environment = {name: os.environ[name] for name in names if name in os.environ}
            environment.setdefault("RUSTUP_HOME", str(Path("~/.rustup").expanduser()))
            environment |= {**_homes(self._home, temporary), **_ALONE, "REPORT": f"{temporary}/report"}
            environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environment["PATH"]])
            for line in lines:
                done = subprocess.run(
                    ["sh", "-c", line],
                    cwd=where / folder,
                    env=environment,
                    capture_output=True,
                    text=True,
                    check=False,
                    timeout=600,
                )
                if done.returncode:
                    self._say(f"{line}: exit status {done.returncode}: {done.stderr.strip()[-200:]}")

    def run(self, environment: Environment, commits: Commits, made: TestsJob) -> dict[str, bytes]:
        """What the job's containers print, by Pod. One that does not end in time is lost, as on a cluster."""
        self._prepare(environment, commits)
        folder = Path(tempfile.mkdtemp(prefix="press-play-eval-"))
        try:
            source, script = folder / "source", folder / "script"
            source.mkdir()
            commits.clone.check_out(commits.head, {}, source)
            for path, content in made.files.items():
                _write(script / path, content)
            if any(self._home.iterdir()):
                shutil.copytree(self._home, script / "home", symlinks=True)
            logs: dict[str, bytes] = {}
            for name, text in made.scripts.items():
                _write(script / f"{name}.sh", text.encode())
                logs[name] = self._container(name, folder)
            return logs
        finally:
            from pressplay.sandbox.container import remove

            remove(folder)

    def _container(self, pod_name: str, folder: Path) -> bytes:
        from pressplay.sandbox.container import OFFLINE, Container

        work = folder / f"work-{pod_name}"
        variables = {
            "GATE_SOURCE": str(folder / "source"),
            "GATE_WORK": str(work),
            **_homes(work / "home", str(work / "tmp")),
            **OFFLINE,
            **_ALONE,
        }
        work.mkdir()
        command = ["sh", "-c", 'eval "$(cat "$0")"', str(folder / "script" / f"{pod_name}.sh")]
        pod = {
            "metadata": {"name": f"eval-{pod_name}"},
            "spec": {
                "containers": [
                    {
                        "name": "main",
                        "command": command,
                        "workingDir": str(work),
                        "env": [{"name": name, "value": value} for name, value in variables.items()],
                    }
                ]
            },
        }
        container = Container(pod, folder / "runs", folder, self._say)
        try:
            container.start()
            ended = container.wait(_SECONDS, _POLL)
        finally:
            container.kill()
        if ended is None:
            raise InputError(f"eval-{pod_name}: the container was not started")
        return container.log().encode()


_TOOLS = ("RUSTUP_HOME", "PYENV_ROOT")


def _homes(home: Path, temporary: str) -> Mapping[str, str]:
    """Where tools keep what is theirs, as the chart's gates have it."""
    return {
        "HOME": str(home),
        "TMPDIR": temporary,
        "CARGO_HOME": str(home / ".cargo"),
        "GOPATH": str(home / "go"),
        "GOCACHE": str(home / ".cache" / "go-build"),
        "GOTOOLCHAIN": "local",
        "LANG": "C.UTF-8",
        "CI": "true",
    }


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
