"""A gate's container in the sandbox: a process with nothing of ours, ended on time, found again after a kill (R3)."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from pressplay.chart import rendered_chart
from pressplay.clock import SystemClock
from pressplay.cluster.sqlite import SqliteCluster
from pressplay.errors import InputError
from pressplay.sandbox import container
from pressplay.sandbox.container import Container, localized, wall
from pressplay.sandbox.engine import set_node
from pressplay.sandbox.kubelet import STOP_ANNOTATION, Kubelet
from pressplay.settings import Settings
from pressplay.steps import registry
from pressplay.steps.core.context import Context

NAMESPACE = "press-play"


def pod(script: str, name: str = "gate-lint-x-custom-0", **spec: Any) -> dict[str, Any]:
    main: dict[str, Any] = {
        "name": "main",
        "image": "nobody/uses-this",
        "command": ["sh", "-c", script],
        "workingDir": "/gate/work",
        "env": [{"name": "HOME", "value": "/gate/work/home"}],
        "volumeMounts": [
            {"name": "gate", "mountPath": "/gate/source", "subPath": "source", "readOnly": True},
            {"name": "gate", "mountPath": "/gate/work", "subPath": "work"},
            {"name": "tmp", "mountPath": "/tmp"},
        ],
    }
    volumes = [
        {"name": "gate", "persistentVolumeClaim": {"claimName": "claim"}},
        {"name": "tmp", "emptyDir": {}},
    ]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": {}},
        "spec": {"containers": [main], "volumes": volumes, **spec},
    }


def test_no_program_is_looked_for_in_a_checkout(tmp_path):
    volumes, tools = tmp_path / "volumes", tmp_path / "tools"
    (volumes / "claim" / "bin").mkdir(parents=True)
    tools.mkdir()
    (tmp_path / "sly").symlink_to(volumes / "claim" / "bin")
    words = [
        str(tools),
        "node_modules/.bin",
        ".",
        "",
        str(volumes / "claim" / "bin"),
        str(tmp_path / "sly"),
        "/usr/bin",
    ]
    assert container.search_path(os.pathsep.join(words), volumes) == f"{tools}{os.pathsep}/usr/bin"


CLAIM = {
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "metadata": {"name": "claim", "namespace": NAMESPACE},
    "spec": {},
}


class Machine:
    """A cluster and a kubelet in threads."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.said: list[str] = []
        self.cluster = SqliteCluster(folder / "state.db", SystemClock(), set_node)
        self.kubelet = self.another()

    def another(self) -> Kubelet:
        settings = Settings(namespace=NAMESPACE, controller_namespace="agents")
        context = Context(self.cluster, settings, cast(Any, None), SystemClock(), self.said.append)
        return Kubelet(self.cluster, context, lambda _step: context, self.folder, inline=False, wake=lambda: None)

    def start(self, manifest: dict[str, Any]) -> str:
        self.cluster.create(CLAIM)
        self.cluster.create(manifest)
        name: str = manifest["metadata"]["name"]
        self.kubelet.sync(NAMESPACE, name)
        return name

    def status(self, name: str) -> dict[str, Any]:
        return (self.cluster.get("Pod", NAMESPACE, name) or {}).get("status") or {}

    def ended(self, name: str) -> dict[str, Any]:
        until(lambda: self.status(name).get("phase") in ("Succeeded", "Failed"))
        return self.status(name)


def until(happened: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


@pytest.fixture
def machine(tmp_path):
    made = Machine(tmp_path)
    yield made
    made.kubelet.close()
    made.cluster.close()


def exit_code(status: dict[str, Any]) -> int:
    code: int = status["containerStatuses"][0]["state"]["terminated"]["exitCode"]
    return code


@pytest.mark.parametrize(("code", "phase"), [(0, "Succeeded"), (12, "Failed")])
def test_its_exit_status_and_what_it_printed_are_the_pods(machine, code, phase):
    status = machine.ended(machine.start(pod(f"echo said; echo too >&2; exit {code}")))
    assert (status["phase"], exit_code(status)) == (phase, code)
    assert machine.cluster.logs(NAMESPACE, "gate-lint-x-custom-0", "main", 60, 100) == b"said\ntoo\n"
    assert machine.cluster.logs(NAMESPACE, "gate-lint-x-custom-0", "main", 60, 2) == b"o\n"
    assert machine.cluster.logs(NAMESPACE, "nobody", "main", 60, 2) is None


@pytest.mark.rule("R9")
@pytest.mark.parametrize("kind", ["secret", "configMap", "hostPath"])
def test_it_is_given_claims_and_empty_folders_alone(machine, kind):
    volume = {"name": "more", kind: {"secretName": "gate-lint-x-token-0"}}
    with pytest.raises(InputError, match=f"volume more: the sandbox does not know {kind}"):
        machine.start(pod("true", volumes=[volume]))


@pytest.mark.rule("R9")
def test_a_step_has_the_files_of_its_secrets_in_memory_alone(machine, monkeypatch):
    mounted_files: list[bytes | None] = []

    def step(_inputs: dict[str, str], context: Context) -> dict[str, str]:
        mounted_files.extend(context.mounted(f"/github/{name}") for name in ("token", "other"))
        return {}

    monkeypatch.setitem(registry.LOADERS, "reads", lambda: {"reads": step})
    metadata = {"name": "t", "namespace": NAMESPACE}
    machine.cluster.create({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": {"token": "Z2hzXzE="}})
    made = pod("true", "reads", volumes=[{"name": "token", "secret": {"secretName": "t", "optional": True}}])
    made["spec"]["containers"] = [
        {
            "name": "main",
            "command": ["pressplay", "step", "reads"],
            "args": ["--in", "{}", "--out", "/tmp/out"],
            "volumeMounts": [{"name": "token", "mountPath": "/github"}],
        }
    ]
    machine.ended(machine.start(made))
    assert mounted_files == [b"ghs_1", None]
    assert not [path for path in machine.folder.rglob("*") if path.is_file() and b"ghs_1" in path.read_bytes()]


@pytest.mark.rule("R9")
def test_it_sees_nothing_of_our_environment_and_its_volumes_under_their_own_names(machine, monkeypatch):
    monkeypatch.setenv("GITHUB_TOKEN", "ghs_secret")
    monkeypatch.setenv("PRESSPLAY_ANYTHING", "x")
    (machine.folder / "volumes" / "claim" / "source").mkdir(parents=True)
    (machine.folder / "volumes" / "claim" / "source" / "file").write_text("from the volume\n")
    machine.ended(machine.start(pod('cat /gate/source/file; pwd; echo "$HOME"; env')))
    log = (machine.cluster.logs(NAMESPACE, "gate-lint-x-custom-0", "main", 60, 10_000) or b"").decode()
    work = machine.folder.resolve() / "volumes" / "claim" / "work"
    assert log.startswith(f"from the volume\n{work}\n{work}/home\n")
    names = {line.partition("=")[0] for line in log.splitlines()[3:]}
    assert names <= {"PATH", "LANG", "HOME", "PWD", "OLDPWD", "_", "SHLVL", *container._TOOLS}
    assert str(Path(sys.executable).parent) in log
    # What was its alone is gone with it.
    assert [path.name for path in (machine.folder / "volumes").iterdir()] == ["claim"]


def test_it_has_no_network_and_sees_no_other_process_where_linux_lets_us(machine):
    if not wall(lambda _: None):
        pytest.skip("unshare does not work here")
    script = f"cat /proc/net/dev | grep -vc 'lo:\\|Inter\\|face'; kill -0 {os.getpid()} 2>/dev/null && echo seen; true"
    machine.ended(machine.start(pod(script)))
    assert machine.cluster.logs(NAMESPACE, "gate-lint-x-custom-0", "main", 60, 100) == b"0\n"


def test_online_it_keeps_the_network_and_still_sees_no_other_process():
    closed, online = wall(lambda _: None), wall(lambda _: None, online=True)
    if not online:
        pytest.skip("unshare does not work here")
    assert "--net" in closed
    script = f"cat /proc/net/dev | wc -l; kill -0 {os.getpid()} 2>/dev/null && echo seen; true"
    lines = subprocess.run([*online, "sh", "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert lines == [str(len(Path("/proc/net/dev").read_text().splitlines()))]


def test_online_its_tools_fetch_packages_as_this_machine_does(tmp_path, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    variables = [{"name": "NPM_CONFIG_OFFLINE", "value": "true"}, {"name": "HOME", "value": "/gate/work/home"}]
    made = pod("true")
    made["spec"]["containers"][0]["env"] = variables
    for online, wanted in ((False, {"NPM_CONFIG_OFFLINE"}), (True, {"HTTPS_PROXY"})):
        container_of = Container(made, tmp_path, tmp_path, lambda _: None, online)
        environment = container_of._environment_of(made["spec"]["containers"][0], {})
        assert environment.keys() & {"NPM_CONFIG_OFFLINE", "HTTPS_PROXY"} == wanted


def test_offline_is_what_the_chart_s_gates_are_told():
    (gate,) = (made for made in rendered_chart() if made["metadata"]["name"] == "gate-tests")
    (manifest,) = (t["resource"]["manifest"] for t in gate["spec"]["templates"] if t["name"] == "run")
    for name, value in container.OFFLINE.items():
        assert re.search(rf'- name: {name}\n +value: "{value}"', manifest)


def test_it_has_a_loopback_of_its_own_as_a_pod_has(machine):
    # The tests of a service ask the service at 127.0.0.1.
    if sys.executable not in wall(lambda _: None):
        pytest.skip("unshare does not work here, or gives no loopback")
    ask = (
        "import socket, sys; server = socket.create_server(('127.0.0.1', 0)); "
        "print(socket.create_connection(server.getsockname(), timeout=10).getpeername()[0])"
    )
    machine.ended(machine.start(pod(f'python -c "{ask}"')))
    assert machine.cluster.logs(NAMESPACE, "gate-lint-x-custom-0", "main", 60, 100) == b"127.0.0.1\n"


def test_a_machine_without_such_a_wall_is_told_of_once(monkeypatch):
    monkeypatch.setattr(container, "_WALLS", (("no-such-program",), ("false",)))
    monkeypatch.setattr(container, "_said", [])
    container._wall.cache_clear()
    said: list[str] = []
    try:
        assert wall(said.append) == wall(said.append) == ()
    finally:
        container._wall.cache_clear()
    assert len(said) == 1
    assert "without a wall" in said[0]


def gone(marker: str) -> bool:
    """Whether no process carries the marker in its command line."""
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    return marker not in listed


@pytest.mark.rule("R4")
def test_it_is_killed_at_its_deadline_with_all_that_it_started(machine):
    status = machine.ended(machine.start(pod("sleep 3471 & sleep 3472", activeDeadlineSeconds=1)))
    assert status["reason"] == "DeadlineExceeded"
    assert status["phase"] == "Failed"
    until(lambda: gone("sleep 3471") and gone("sleep 3472"))


@pytest.mark.parametrize("by", ["delete", "stop"])
def test_it_is_killed_where_its_pod_is_deleted_or_told_to_stop(machine, by):
    name = machine.start(pod("sleep 3473"))
    until(lambda: not gone("sleep 3473"))
    if by == "delete":
        machine.cluster.delete("Pod", NAMESPACE, name)
    else:
        annotations = {"annotations": {STOP_ANNOTATION: "why"}}
        machine.cluster.apply({"kind": "Pod", "metadata": {"name": name, "namespace": NAMESPACE, **annotations}})
    machine.kubelet.sync(NAMESPACE, name)
    until(lambda: gone("sleep 3473"))


@pytest.mark.rule("R3")
def test_another_kubelet_finds_it_again_and_starts_it_no_second_time(machine):
    name = machine.start(pod("echo once; sleep 0.5; exit 11"))
    until(lambda: (machine.folder / "gates" / name / "started").exists())
    # As a kill leaves it: nobody waits, the process goes on.
    machine.kubelet.close()
    assert machine.status(name)["phase"] == "Running"
    machine.kubelet = machine.another()
    machine.kubelet.take_up()
    assert exit_code(machine.ended(name)) == 11
    assert machine.cluster.logs(NAMESPACE, name, "main", 60, 100) == b"once\n"


@pytest.mark.rule("R3")
def test_one_that_was_killed_itself_is_given_up_as_lost_with_its_node(machine):
    name = machine.start(pod("sleep 3474"))
    started = machine.folder / "gates" / name / "started"
    until(started.exists)
    os.killpg(int(started.read_text().split()[0]), signal.SIGKILL)
    status = machine.ended(name)
    assert (status["phase"], status["reason"]) == ("Failed", "NodeLost")


def test_a_pod_waits_for_its_volume_and_the_folder_goes_with_the_claim(machine):
    machine.cluster.create(pod("echo here >/gate/work/file; chmod 500 /gate/work"))
    assert not machine.kubelet.sync(NAMESPACE, "gate-lint-x-custom-0")
    machine.cluster.create(CLAIM)
    machine.kubelet.sync_claim(NAMESPACE, "claim")
    machine.ended("gate-lint-x-custom-0")
    folder = machine.folder / "volumes" / "claim"
    assert (folder / "work" / "file").read_text() == "here\n"
    machine.cluster.delete("PersistentVolumeClaim", NAMESPACE, "claim")
    machine.kubelet.sync_claim(NAMESPACE, "claim")
    # It outlives its claim as long as a Pod has it.
    assert folder.exists()
    machine.cluster.delete("Pod", NAMESPACE, "gate-lint-x-custom-0")
    machine.kubelet.sync(NAMESPACE, "gate-lint-x-custom-0")
    assert not folder.exists()
    assert list((machine.folder / "gates").iterdir()) == []


@pytest.mark.rule("R3")
def test_processes_and_folders_of_what_is_gone_go_when_the_sandbox_is_taken_up(machine):
    name = machine.start(pod("sleep 3475"))
    until(lambda: not gone("sleep 3475"))
    machine.kubelet.close()
    machine.cluster.delete("Pod", NAMESPACE, name)
    machine.kubelet = machine.another()
    machine.kubelet.take_up()
    until(lambda: gone("sleep 3475"))
    assert list((machine.folder / "gates").iterdir()) == []
    (machine.folder / "volumes" / "old" / "x").mkdir(parents=True)
    machine.kubelet.take_up()
    assert [path.name for path in (machine.folder / "volumes").iterdir()] == ["claim"]


@pytest.mark.rule("R10")
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda p: p["spec"]["volumes"].append({"name": "k", "secret": {"secretName": "x"}}), "does not know secret"),
        (lambda p: p["spec"]["containers"].append({"name": "other"}), "one container only"),
        (lambda p: p["spec"].update(initContainers=[{"name": "first"}]), "one container only"),
        (lambda p: p["spec"]["containers"][0].update(envFrom=[]), "does not know a container's envFrom"),
        (lambda p: p["spec"]["containers"][0].pop("command"), "expected a command"),
        (
            lambda p: p["spec"]["containers"][0]["env"].append({"name": "T", "valueFrom": {"secretKeyRef": {}}}),
            "only plain values",
        ),
        (lambda p: p["metadata"].update(name="../up {{"), "expected only letters"),
    ],
)
def test_what_no_process_can_be_is_refused_by_name(tmp_path, change, words):
    manifest = pod("true")
    change(manifest)
    with pytest.raises(InputError, match=words):
        Container(manifest, tmp_path, tmp_path, lambda _: None).start()


def test_a_mounted_path_is_replaced_whole_and_nowhere_else():
    places = {"/gate": Path("/a/gate"), "/gate/work": Path("/b"), "/tmp": Path("/c")}
    text = "/gate/work/tree:/gate/source /gateway /x/gate /gate.d '/gate' /tmp /var/tmp /gate-2 /gate"
    assert (
        localized(text, places)
        == "/b/tree:/a/gate/source /gateway /x/gate /gate.d '/a/gate' /c /var/tmp /gate-2 /a/gate"
    )
    assert localized("/gate", {}) == "/gate"
