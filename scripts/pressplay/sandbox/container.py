"""A Pod's container as a process of this machine: what stands in for an image, volumes and a wall.

The image is not used: the programs are those that are installed here. A volume is a folder, and where the container's
command, arguments, variables or working directory name the place at which it is mounted, they name the folder instead.
The environment holds nothing of ours. Where Linux lets us, the process has no network, unless the user lends it the
machine's, and sees no other process; it is no wall against reading files, which the process does with the user's own
rights.

A Pod's sidecars, which are the services beside a gate's tests, are processes too: each with a process table of its own,
all with the network of the first. They run a line that their contract gives for this machine.

The process outlives this one: after a kill the next sandbox takes it up, or records it as lost.
"""

from __future__ import annotations

import functools
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pressplay import names
from pressplay.cluster.port import Manifest
from pressplay.errors import InputError
from pressplay.gates.proving.services import AS_PROCESS
from pressplay.sandbox import detached
from pressplay.sandbox.detached import LOST, was_started
from pressplay.sandbox.launcher import ProcessLauncher

LOG_BYTES = 8_000_000
"""Of a container's output; a kubelet keeps ten million."""
_TRIES, _POLL = 10, 0.02
_ONLINE = ("unshare", "--map-root-user", "--pid", "--fork", "--kill-child", "--mount-proc")
"""What takes other processes away, and leaves the network."""
_ONE = "the sandbox runs Pods of one container only, and its sidecars"
_OWN_PROCESSES = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")
"""What gives a container of a Pod of several a process table of its own, within the wall of all."""
_AS_NOBODY = ("unshare", "--map-user=65534", "--map-group=65534")
"""What takes the name of root, which the wall gives: databases refuse to run as root."""
_WALLS = (
    (*_ONLINE, "--net"),
    ("unshare", "--map-root-user", "--net"),
)
"""What takes network and other processes away, the most first (util-linux)."""
_LOOPBACK = """\
import fcntl, os, socket, struct, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
    up = struct.pack("16sh14x", b"lo", 0x1 | 0x40)
    fcntl.ioctl(control, 0x8914, up)
os.execvp(sys.argv[1], sys.argv[1:])
"""
"""Brings up the loopback interface of a new network namespace, which a Pod's has, too: tests ask their own servers.
SIOCSIFFLAGS with IFF_UP and IFF_RUNNING (netdevice(7))."""
_TOOLS = {"RUSTUP_HOME": "~/.rustup", "PYENV_ROOT": "", "ASDF_DATA_DIR": "", "MISE_DATA_DIR": "", "NVM_DIR": ""}
"""Where installers keep toolchains, which their programs on PATH must find under another HOME; '' where unset."""
NETWORK_VARIABLES = ("SSL_CERT_FILE", "HTTPS_PROXY", "https_proxy", "NPM_CONFIG_REGISTRY", "GOPROXY")
"""Of this machine's variables, those that say how packages are fetched."""
OFFLINE = {"CARGO_NET_OFFLINE": "true", "GOPROXY": "off", "PIP_NO_INDEX": "1", "NPM_CONFIG_OFFLINE": "true"}
"""What the chart sets where gates have no package proxy, so that tools fail at once."""
_KNOWN = frozenset(
    {
        "name",
        "image",
        "imagePullPolicy",
        "command",
        "args",
        "env",
        "workingDir",
        "resources",
        "securityContext",
        "volumeMounts",
    }
)


@dataclass(frozen=True)
class Ended:
    """How a container ended, in Kubernetes' words."""

    exit_code: int
    reason: str = ""

    def status(self, log: str) -> dict[str, Any]:
        """The Pod's status, as a kubelet writes it, with the `log`."""
        done = {"exitCode": self.exit_code, "reason": "Error" if self.exit_code else "Completed"}
        return {
            "phase": "Failed" if self.exit_code or self.reason else "Succeeded",
            "reason": self.reason or None,
            "containerStatuses": [{"name": "main", "state": {"terminated": done}}],
            "log": log,
        }


class Container:
    """The process of one Pod. `run` may be called again by another process after a kill."""

    def __init__(
        self, pod: Manifest, runs: Path, volumes: Path, say: Callable[[str], None], online: bool = False
    ) -> None:
        """`runs` holds a folder a Pod, `volumes` a folder a claim; `online`: whether it keeps the machine's network.

        InputError for what no such process can be.
        """
        self._pod = pod
        self._name: str = names.checked(pod["metadata"]["name"], "Pod")
        self._folder = runs / self._name
        self._container = _only_container(pod)
        self._mounts = mounts(pod, volumes)
        self._sidecars = [(sidecar, mounts(pod, volumes, sidecar)) for sidecar in _sidecars(pod)]
        self._volumes = volumes
        self.claims = claims(pod)
        self._say = say
        self._online = online
        self._launcher = ProcessLauncher(self._command(wall(say, online)))

    def _command(self, outer: Sequence[str]) -> list[str]:
        own = _words(self._container, self._mounts)
        if not self._sidecars:
            return [*outer, *own]
        # Without the wall none of them has a process table of its own, and none starts its service.
        inner = _OWN_PROCESSES if "--pid" in outer else ()
        beside = (*inner, *_nobody(tuple(outer), inner))
        lines = [
            f"{shlex.join([*_with(self._environment_of(sidecar, places)), *beside, *_words(sidecar, places)])} "
            f"</dev/null >{shlex.quote(str(self._folder / sidecar['name']))}.log 2>&1 &"
            for sidecar, places in self._sidecars
        ]
        # They end with the first process, which the command becomes.
        return [*outer, "sh", "-c", "\n".join([*lines, f"exec {shlex.join([*inner, *own])}"])]

    def start(self) -> None:
        """Start the process, unless it was started before; start it again if the sandbox was stopped meanwhile."""
        if detached.was_stopped(self._folder):
            detached.renew(self._folder)
        if was_started(self._folder):
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        for places in (self._mounts, *(places for _, places in self._sidecars)):
            for place in places.values():
                place.mkdir(parents=True, exist_ok=True)
        where = Path(localized(self._container.get("workingDir") or "/", self._mounts))
        self._launcher.start(self._folder, where, self._environment_of(self._container, self._mounts))

    def _environment_of(self, container: Mapping[str, Any], places: Mapping[str, Path]) -> dict[str, str]:
        ours = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
        environment = {"PATH": search_path(ours, self._volumes), "LANG": "C.UTF-8"}
        for name, usual in _TOOLS.items():
            folder = os.environ.get(name) or str(Path(usual).expanduser())
            if (os.environ.get(name) or usual) and Path(folder).is_dir():
                environment[name] = folder
        if self._online:
            environment |= {name: os.environ[name] for name in NETWORK_VARIABLES if name in os.environ}
        if container is not self._container:
            environment[AS_PROCESS] = "yes"
        for item in container.get("env") or ():
            if "value" not in item:
                raise InputError(f"pod {self._name}: variable {item['name']}: the sandbox knows only plain values")
            if self._online and OFFLINE.get(item["name"]) == item["value"]:
                continue
            environment[item["name"]] = localized(item["value"], places)
        return environment

    def ended(self) -> Ended | None:
        """How it ended; None while it runs. A process that left no exit status counts as lost with its node."""
        code = self._launcher.ended(self._folder)
        if code is None:
            return None
        return Ended(137, "NodeLost") if code == LOST else Ended(code)

    def wait(self, seconds: float, poll: float, stopped: Callable[[], bool] = lambda: False) -> Ended | None:
        """Wait for the end, killing it `seconds` after its beginning; None once `stopped()` is true."""
        began = time.time()
        while not stopped():
            ended = self.ended()
            if ended is not None:
                return ended
            if time.time() >= self._began(began) + seconds:
                self.kill()
                return Ended(137, "DeadlineExceeded")
            time.sleep(poll)
        return None

    def _began(self, otherwise: float) -> float:
        """When the process began, an earlier one of ours having started it too (Unix seconds)."""
        try:
            return (self._folder / "started").stat().st_mtime
        except FileNotFoundError:
            return otherwise

    def kill(self) -> None:
        """End the process, and what it started."""
        self._launcher.kill(self._folder)

    def log(self) -> str:
        """The beginning of what it printed."""
        try:
            with (self._folder / "log").open("rb") as file:
                return file.read(LOG_BYTES).decode(errors="replace")
        except FileNotFoundError:
            return ""


def search_path(path: str, volumes: Path) -> str:
    """The folders of a PATH in which programs of this machine lie: none that a checkout could hold.

    A relative folder (`node_modules/.bin`, `.` or an empty word) would be one of the checkout's own.
    """
    absolute = [entry for entry in path.split(os.pathsep) if Path(entry).is_absolute()]
    inside = volumes.resolve()
    return os.pathsep.join(
        entry for entry in dict.fromkeys(absolute) if not Path(entry).resolve().is_relative_to(inside)
    )


def claims(pod: Manifest) -> list[str]:
    """The names of the volumes that a Pod has of its namespace."""
    volumes = pod["spec"].get("volumes") or ()
    return [volume["persistentVolumeClaim"]["claimName"] for volume in volumes if "persistentVolumeClaim" in volume]


def mounts(
    pod: Manifest, volumes: Path, container: Mapping[str, Any] | None = None, *, claims_only: bool = False
) -> dict[str, Path]:
    """The folder for each place at which a container of the Pod (its only one, or a sidecar) has a volume mounted.

    `claims_only`: leave out the Pod's emptyDirs and Secrets; otherwise a Secret is refused: only steps have any.
    """
    pod_name, container = pod["metadata"]["name"], container or _only_container(pod)
    sources = {}
    for volume in pod["spec"].get("volumes") or ():
        if "persistentVolumeClaim" in volume:
            sources[volume["name"]] = volumes / names.checked(volume["persistentVolumeClaim"]["claimName"], "claim")
        elif "emptyDir" in volume:
            if not claims_only:
                sources[volume["name"]] = volumes / f"{pod_name}.{volume['name']}"
        elif "secret" in volume and claims_only:
            continue
        else:
            kinds = ", ".join(sorted(set(volume) - {"name"}))
            raise InputError(f"pod {pod_name}: volume {volume['name']}: the sandbox does not know {kinds}")
    return {
        mount["mountPath"]: sources[mount["name"]] / mount.get("subPath", "")
        for mount in container.get("volumeMounts") or ()
        if not claims_only or mount["name"] in sources
    }


def localized(text: str, places: Mapping[str, Path]) -> str:
    """`text` with folders in the place of the paths at which they would be mounted."""
    if not places:
        return text
    longest = sorted(places, key=len, reverse=True)
    pattern = rf"(?<![\w./-])(?:{'|'.join(map(re.escape, longest))})(?![\w.-])"
    return re.sub(pattern, lambda match: str(places[match[0]]), text)


def end(folder: Path) -> None:
    """End the process of a Pod that is gone, if it runs, and remove its folder."""
    ProcessLauncher([]).kill(folder)
    remove(folder)


def remove(folder: Path) -> None:
    """Remove a volume's folder, whatever rights its files have (Go's module cache can't be written to).

    What can't be removed stays for the next time that the sandbox is taken up.
    """

    def open_up(function: Callable[[str], object], path: str, _error: object) -> None:
        for entry in (Path(path).parent, Path(path)):
            if not entry.is_symlink():
                entry.chmod(0o700)
        function(path)

    for _ in range(_TRIES):
        try:
            shutil.rmtree(folder, onerror=open_up)
        except FileNotFoundError:
            return
        except OSError:
            # A process that was just killed may still be leaving something.
            time.sleep(_POLL)
        else:
            return


def wall(say: Callable[[str], None], online: bool = False) -> tuple[str, ...]:
    """The command before a container's own that takes the network away; empty, and said once, where none works here.

    `online`: it takes other processes away only.
    """
    prefix = _wall(online)
    if not prefix and not online:
        _say_once(say)
    return prefix


def tells_processes_apart(online: bool = False) -> bool:
    """Whether a container here has a process table of its own, as the sidecars of a Pod need it."""
    return "--pid" in _wall(online)


@functools.cache
def _wall(online: bool) -> tuple[str, ...]:
    own_address = (sys.executable, "-I", "-S", "-c", _LOOPBACK)
    closed = ((*words, *end) for words in _WALLS for end in (own_address, ()))
    for candidate in (_ONLINE,) if online else closed:
        try:
            done = subprocess.run([*candidate, "true"], capture_output=True, check=False, timeout=10)
        except (OSError, subprocess.TimeoutExpired):
            continue
        if done.returncode == 0:
            return candidate
    return ()


@functools.cache
def _nobody(outer: tuple[str, ...], inner: tuple[str, ...]) -> tuple[str, ...]:
    """What runs a program as nobody within a wall, where util-linux can (2.38 does)."""
    try:
        done = subprocess.run([*outer, *inner, *_AS_NOBODY, "true"], capture_output=True, check=False, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return _AS_NOBODY if done.returncode == 0 else ()


_said: list[bool] = []


def _say_once(say: Callable[[str], None]) -> None:
    if not _said:
        _said.append(True)
        say(
            "gates: no process can be kept from the network on this machine (unshare does not work here): the lint "
            "gate's commands run without a wall"
        )


def _only_container(pod: Manifest) -> Mapping[str, Any]:
    containers = pod["spec"]["containers"]
    if len(containers) != 1:
        raise InputError(
            f"pod {pod['metadata']['name']}: the sandbox runs Pods of one container only, and its sidecars"
        )
    return _known(pod, containers[0], _KNOWN)


def _sidecars(pod: Manifest) -> list[Mapping[str, Any]]:
    """The containers that run beside the only one, from before its beginning to its end."""
    listed = pod["spec"].get("initContainers") or ()
    if any(container.get("restartPolicy") != "Always" for container in listed):
        raise InputError(
            f"pod {pod['metadata']['name']}: the sandbox runs Pods of one container only, and its sidecars"
        )
    return [_known(pod, container, _KNOWN | {"restartPolicy"}) for container in listed]


def _known(pod: Manifest, container: Mapping[str, Any], keys: frozenset[str]) -> Mapping[str, Any]:
    name = pod["metadata"]["name"]
    for key in sorted(set(container) - keys):
        raise InputError(f"pod {name}: the sandbox does not know a container's {key}")
    if not container.get("command"):
        raise InputError(f"pod {name}: expected a command, since the sandbox has no image to look it up in")
    return container


def _words(container: Mapping[str, Any], places: Mapping[str, Path]) -> list[str]:
    """A container's command line, as this machine has it."""
    return [localized(word, places) for key in ("command", "args") for word in container.get(key) or ()]


def _with(environment: Mapping[str, str]) -> list[str]:
    """The beginning of a command line that gives a program these variables alone."""
    return ["env", "-i", *(f"{name}={value}" for name, value in environment.items())]
