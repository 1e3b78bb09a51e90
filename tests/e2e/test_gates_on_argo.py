"""A Python project from its backlog to merged, its gates in Pods; its tests try what the wall forbids."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from case_tasks import CORPUS, agent, task
from cluster import kubectl, listed, run, until
from installation import LIMIT, NAMESPACE, REPO, Installed, install, project_of
from preview import has_storage
from services import PRESSPLAY

CASE = CORPUS / "python-service/cases/feature-volume"
IMAGE = os.environ.get("PRESSPLAY_E2E_PYTHON_IMAGE", "")
SERVICE_IMAGE = os.environ.get("PRESSPLAY_E2E_SERVICE_IMAGE", "")
WALL = """\
import os
import pathlib

import pytest


def test_no_token_of_the_cluster_is_here():
    assert not pathlib.Path("/var/run/secrets/kubernetes.io").exists()


def test_no_variable_holds_a_secret_or_an_address():
    names = [name for name in os.environ if any(word in name for word in ("TOKEN", "SECRET", "KEY", "SERVICE_HOST"))]
    assert [name for name in names if name != "KUBERNETES_SERVICE_HOST"] == []


@pytest.mark.parametrize("path", ["/gate/source/owned", "/gate/script/owned", "/etc/owned", "/owned"])
def test_no_other_path_can_be_written(path):
    with pytest.raises(OSError):
        pathlib.Path(path).write_text("mine")


def test_the_user_is_nobody_with_rights():
    assert os.getuid() != 0
    capabilities = pathlib.Path("/proc/self/status").read_text().split("CapEff:")[1].split()[0]
    assert int(capabilities, 16) == 0
"""
SPY = """

def test_the_independent_criteria_are_nowhere():
    probe = bytes.fromhex("PROBE")
    for folder in ("/gate", "/tmp"):
        for path in pathlib.Path(folder).rglob("*"):
            if path.is_file():
                try:
                    assert probe not in path.read_bytes(), path
                except PermissionError:
                    pass
"""
NETWORK = """

def test_no_network_is_reached():
    import socket

    with pytest.raises(OSError):
        socket.create_connection((ADDRESS, 443), timeout=5)
"""
"""Added where the cluster carries NetworkPolicies out: a CNI that ignores them lets this connection through."""

CONTRACT = """\
projects:
  - folder: .
    language: python
    test: {{command: 'python3 -m pytest -q --junitxml="$REPORT"', report: junit}}
    services:
      - name: store
        image: {image}
        command: exec python3 "$PRESSPLAY_PROJECT/tools/store.py"
        env: {{GREETING: "{{{{=1+1}}}} $(HOME) $$"}}
        ports: [5555]
        data: [/var/store]
"""
SHARDED = """\
projects:
  - folder: .
    language: python
    test: {command: 'python3 -m pytest -q --junitxml="$REPORT"', report: junit, shards: 2}
"""
CONFTEST = """\
import os
import zlib


def pytest_collection_modifyitems(config, items):
    shard, shards = int(os.environ.get("PRESSPLAY_SHARD", "1")), int(os.environ.get("PRESSPLAY_SHARDS", "1"))
    others = [item for item in items if zlib.crc32(item.nodeid.encode()) % shards != shard - 1]
    config.hook.pytest_deselected(items=others)
    items[:] = [item for item in items if item not in others]
"""
STORE = """\
\"\"\"A server that keeps a line in each of its folders, and says what it is allowed.\"\"\"

import json
import os
import pathlib
import socketserver

FOLDERS = [pathlib.Path(name) for name in ("/var/store", "/tmp", os.environ["PRESSPLAY_DATA"])]


def state():
    status = pathlib.Path("/proc/self/status").read_text()
    return {
        "kept": sorted(str(path) for folder in FOLDERS for path in folder.iterdir()),
        "user": os.getuid(),
        "capabilities": int(status.split("CapEff:")[1].split()[0], 16),
        "token": pathlib.Path("/var/run/secrets/kubernetes.io").exists(),
        "root": os.access("/", os.W_OK) or os.access(os.environ["PRESSPLAY_PROJECT"], os.W_OK),
        "greeting": os.environ["GREETING"],
        "project": sorted(os.listdir(os.environ["PRESSPLAY_PROJECT"])),
    }


class Handler(socketserver.StreamRequestHandler):
    \"\"\"Answers, and keeps what it was sent.\"\"\"

    def handle(self):
        \"\"\"One line, one answer.\"\"\"
        word = self.rfile.readline().decode().strip()
        answer = state()
        for folder in FOLDERS:
            (folder / "kept").write_text(word)
        self.wfile.write(json.dumps(answer).encode())


socketserver.ThreadingTCPServer.allow_reuse_address = True
socketserver.ThreadingTCPServer(("127.0.0.1", 5555), Handler).serve_forever()
"""
BESIDE = """\
import json
import pathlib
import socket


def test_the_service_is_fresh_walled_and_of_the_default_branch():
    with socket.create_connection(("127.0.0.1", 5555), timeout=10) as connection:
        connection.sendall(b"mine\\n")
        answer = json.loads(connection.makefile().read())
    assert answer["kept"] == []
    assert answer["user"] != 0
    assert answer["capabilities"] == 0
    assert not answer["token"]
    assert not answer["root"]
    assert answer["greeting"] == "{{=1+1}} $(HOME) $$"
    assert "tools" in answer["project"]


def test_nobody_but_the_service_answers_for_it():
    for path in pathlib.Path("/gate/services").rglob("state"):
        try:
            path.write_text("mine")
        except OSError:
            continue
        raise AssertionError(path)
"""
"""Added for a project with a service: each of the runs must find what no earlier one left."""

pytestmark = [
    pytest.mark.timeout(2 * LIMIT),
    pytest.mark.skipif(not IMAGE, reason="PRESSPLAY_E2E_PYTHON_IMAGE is not set: an image with python and pytest"),
]


def case_of(directory: Path, *, service: bool) -> Path:
    """The corpus' honest feature, with tests that try the wall, and those that try a service's."""
    case = directory / "case" / CASE.name
    shutil.copytree(CASE, case)
    probe = yaml.safe_load((case / "independent.yaml").read_text())["probes"][0]
    words = max(probe["command"]["argv"], key=len)
    text = WALL + SPY.replace("PROBE", words.encode().hex())
    if os.environ.get("PRESSPLAY_E2E_NETWORK_POLICY"):
        address = kubectl("get", "service", "kubernetes", "-n", "default", "-o", "jsonpath={.spec.clusterIP}")
        text += NETWORK.replace("ADDRESS", repr(address))
    (case / "head" / "tests" / "test_wall.py").write_text(text)
    if service:
        (case / "head" / "tests" / "test_beside.py").write_text(BESIDE)
    return case


@pytest.fixture(params=["alone", "service", "sharded"])
def installed(controller_namespace: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Installed]:
    service = request.param == "service"
    if service and not SERVICE_IMAGE:
        pytest.skip("PRESSPLAY_E2E_SERVICE_IMAGE is not set: an image with python and sh, by digest")
    if not has_storage():
        pytest.skip("no default StorageClass: gates have no volume for the checkout")
    small = {"size": "128Mi"}
    defaults = {
        "lint": {"volume": small},
        "tests": {"images": {"python": IMAGE}, "controls": {"most": 4}, "criteriaFirst": True, "volume": small},
    }
    project = project_of(tmp_path, task(CASE))
    shutil.copytree(CASE.parents[1] / "base", project, dirs_exist_ok=True)
    own = {
        "alone": {},
        "service": {".press-play/gates.yaml": CONTRACT.format(image=SERVICE_IMAGE), "tools/store.py": STORE},
        "sharded": {".press-play/gates.yaml": SHARDED, "tests/conftest.py": CONFTEST},
    }
    for path, text in own[request.param].items():
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        (project / path).write_text(text)
    case = case_of(tmp_path, service=service)
    yield from install(tmp_path, project, settings={"defaults": defaults}, agent=agent(case))


@pytest.mark.rule("R6")
def test_a_project_s_own_tests_prove_its_feature_in_walled_pods(installed: Installed) -> None:
    began = time.monotonic()
    play = installed.press()["play"]
    ended = until("the play to end", lambda: installed.ended(play), LIMIT, installed.told)
    print(f"ended after {time.monotonic() - began:.0f} s")
    assert ended["status"]["phase"] == "Succeeded", why(installed)
    pull = installed.person.ask("GET", "/pulls?state=all")[0]
    assert pull["merged_at"]
    checks = installed.person.ask("GET", f"/commits/{pull['head']['sha']}/check-runs")["check_runs"]
    conclusions = {check["name"]: check["conclusion"] for check in checks if check["name"].startswith("press-play/")}
    assert {"press-play/lint", "press-play/tests", "press-play/supply"} <= conclusions.keys()
    assert set(conclusions.values()) == {"success"}
    tests = next(check for check in checks if check["name"] == "press-play/tests")
    print(tests["output"]["summary"], tests["output"].get("text") or "", sep="\n")
    assert "independent probe" in tests["output"]["summary"]
    print(run(PRESSPLAY, "criteria", "show", REPO, "1", "-n", NAMESPACE).stdout)
    proof = installed.directory / "proof.json"
    run(PRESSPLAY, "proof", "get", f"{REPO}#{pull['number']}", "-n", NAMESPACE, "-o", str(proof))
    run(PRESSPLAY, "proof", "verify", str(proof), "-n", NAMESPACE, "--commit", pull["head"]["sha"])
    print(run(PRESSPLAY, "proof", "show", f"{REPO}#{pull['number']}", "-n", NAMESPACE).stdout)
    # The final proof has just ended: its volume goes once Argo has cleared away the checkout's pod.
    until("the gates' volumes to go", lambda: not listed("pvc", NAMESPACE, "app.kubernetes.io/part-of=press-play"), 180)


def why(installed: Installed) -> str:
    """What the checks and the comments of the pull requests say."""
    lines = []
    for pull in installed.person.ask("GET", "/pulls?state=all"):
        for check in installed.person.ask("GET", f"/commits/{pull['head']['sha']}/check-runs")["check_runs"]:
            lines += [f"{check['name']}: {check['conclusion']}", *map(str, filter(None, check["output"].values()))]
        lines += [comment["body"] for comment in installed.person.ask("GET", f"/issues/{pull['number']}/comments")]
    return "\n".join(lines) or "no pull request"
