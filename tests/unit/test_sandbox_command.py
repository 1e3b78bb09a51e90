"""`pressplay sandbox`: the forge as a service of its own, and the loop that carries CodeRuns out."""

from __future__ import annotations

import base64
import json
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from pressplay.cli import main
from pressplay.clock import SystemClock
from pressplay.cluster.sqlite import SqliteCluster
from pressplay.github.access import AppKey
from pressplay.sandbox import service
from pressplay.sandbox.engine import set_node
from pressplay.sandbox.forge.accounts import new_key

COMMAND = [sys.executable, "-c", "import pressplay.cli as c; c.run()", "sandbox", "forge"]


def served(directory: Path) -> tuple[subprocess.Popen[str], dict[str, str]]:
    project = directory / "project"
    project.mkdir(exist_ok=True)
    (project / "README.md").write_text("# a project\n")
    process = subprocess.Popen(
        [
            *(*COMMAND, "--data", str(directory / "forge"), "--listen", "127.0.0.1:0", "--project", str(project)),
            *("--repo", "acme/shop", "-n", "here", "--controller-namespace", "there"),
            *("--secrets", str(directory / "secrets.json")),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    return process, json.loads(process.stdout.readline())


def stop(process: subprocess.Popen[str]) -> int:
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    return process.returncode


@pytest.mark.rule("R5")
@pytest.mark.rule("R9")
def test_the_forge_stands_alone_takes_its_keys_after_a_restart_and_gives_each_namespace_its_own(tmp_path):
    process, told = served(tmp_path)
    tree = httpx.get(f"{told['apiURL']}/repos/acme/shop/contents/README.md")
    assert tree.status_code in (401, 404), "a repository of a test is nobody's business"
    assert stop(process) == 0
    file = tmp_path / "secrets.json"
    assert file.stat().st_mode & 0o777 == 0o600
    first = json.loads(file.read_text())["items"]
    held = {(item["metadata"]["namespace"], item["metadata"]["name"]) for item in first}
    assert {name for space, name in held if space == "here"} == {
        "github-app-press-play", "github-app-qa-agent", "github-app-press-play-serve",
    }  # fmt: skip
    assert ("there", "github-app-rex") in held
    assert ("there", "github-app-press-play") not in held
    assert b"PRIVATE KEY" in base64.b64decode(first[0]["data"]["private-key"])

    process, told = served(tmp_path)
    second = json.loads(file.read_text())["items"]
    assert [asked_as_itself(told, key_of(one)) for one in (*first, *second)] == [200] * 2 * len(first)
    assert asked_as_itself(told, AppKey(key_of(first[0]).app_id, new_key())) == 401
    assert stop(process) == 0
    assert key_of(first[0]) != key_of(second[0])
    for path in (tmp_path / "forge").glob("forge.db*"):
        assert b"PRIVATE KEY" not in path.read_bytes(), "the forge has the public halves alone"


def key_of(secret: dict[str, Any]) -> AppKey:
    data = {name: base64.b64decode(value).decode() for name, value in secret["data"].items()}
    return AppKey(int(data["app-id"]), data["private-key"])


def asked_as_itself(told: dict[str, str], key: AppKey) -> int:
    now = int(time.time())
    token = jwt.encode({"iss": str(key.app_id), "iat": now - 5, "exp": now + 300}, key.private_key, "RS256")
    return httpx.get(f"{told['apiURL']}/app", headers={"Authorization": f"Bearer {token}"}).status_code


@pytest.mark.rule("R3")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_forge_ends_well_where_it_is_told_to_before_it_answers(tmp_path, number):
    """In the middle of the imports, which take most of a second: nothing says when, so as soon as signals are taken."""
    process = subprocess.Popen(
        [*COMMAND, "--data", str(tmp_path / "forge"), "--listen", "127.0.0.1:0", "--repo", "acme/shop"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    caught = f"/proc/{process.pid}/status"
    while not int(re.search(r"SigCgt:\s+(\w+)", Path(caught).read_text())[1], 16) & 1 << signal.SIGTERM - 1:
        time.sleep(0.005)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")


def test_the_forge_begins_with_the_branch_that_is_checked_out(tmp_path):
    project = tmp_path / "project"
    project.mkdir()
    (project / "a").write_text("a")
    for line in ("init -qb develop", "add -A", "-c user.name=a -c user.email=a@b commit -qm x"):
        subprocess.run(["git", *line.split()], cwd=project, check=True)
    process, _addresses = served(tmp_path)
    assert stop(process) == 0
    copy = tmp_path / "forge" / "git" / "acme" / "shop.git"
    assert (copy / "HEAD").read_text() == "ref: refs/heads/develop\n"


def test_an_address_that_is_none_is_refused(tmp_path, capsys):
    arguments = ["sandbox", "forge", "--data", str(tmp_path), "--listen", "8080", "--repo", "acme/shop"]
    assert main(arguments) == 2
    assert "expected HOST:PORT" in capsys.readouterr().err


class Carrier:
    """Stands in for the runner: notes who was carried out and ends the run; stops the service some looks later."""

    def __init__(self, cluster: SqliteCluster, stop: threading.Event, runs: int) -> None:
        self.cluster, self.stop, self.runs = cluster, stop, runs
        self.carried: list[str] = []

    def carry_out(self, name, poll, say):
        self.carried.append(name)
        self.cluster.set_status("CodeRun", "there", name, {"phase": "Succeeded"})
        if len(self.carried) == self.runs:
            threading.Timer(0.1, self.stop.set).start()


@pytest.mark.rule("R1")
def test_each_run_that_has_not_ended_is_carried_out_once_those_under_way_before_too(tmp_path, monkeypatch):
    monkeypatch.setattr(service, "_POLL", 0.01)
    cluster = SqliteCluster(tmp_path / "state.db", SystemClock(), set_node)
    for name, phase in (("run-new", None), ("run-under-way", "Running"), ("run-ended", "Failed")):
        metadata = {"name": name, "namespace": "there"}
        cluster.create({"apiVersion": "agents.platform/v1", "kind": "CodeRun", "metadata": metadata, "spec": {}})
        if phase:
            cluster.set_status("CodeRun", "there", name, {"phase": phase})
    told = threading.Event()
    carrier = Carrier(cluster, told, runs=2)
    service.carry_out_runs(cluster, "there", carrier, told, lambda _line: None)
    assert sorted(carrier.carried) == ["run-new", "run-under-way"]
    cluster.close()
