"""Services beside the tests, in the chart's own Pod as the sandbox plays it: real processes behind the wall."""

from __future__ import annotations

import base64
import json
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from pressplay.chart import rendered_chart
from pressplay.gates.proving import assessment, environment, frames, job, script, services
from pressplay.gates.proving.frames import Seen
from pressplay.gates.proving.judge import Bounds
from pressplay.gates.proving.model import Control, Project, Service
from pressplay.gates.proving.script import ProjectScript
from pressplay.sandbox.container import Container, wall
from pressplay.sandbox.engine.substitution import Scope, substitute_text
from pressplay.settings import GateServices
from pressplay.steps.gate_pods import gate_runs

pytestmark = [
    pytest.mark.rule("R5"),
    pytest.mark.skipif("--pid" not in wall(lambda _: None), reason="unshare does not work here"),
]
MARK = "@0123456789abcdef"
SERVER = """\
import os
import pathlib
import socketserver
import subprocess
import sys

store = pathlib.Path(os.environ["PRESSPLAY_DATA"], "store")


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        word, _, rest = self.rfile.readline().decode().strip().partition(" ")
        if word == "set":
            store.write_text(rest)
        elif word == "run":
            subprocess.Popen(rest, shell=True, start_new_session=True)
        elif word == "greet":
            store.write_text(os.environ["GREETING"])
        elif word == "die":
            os._exit(3)
        self.wfile.write(store.read_bytes() if store.exists() else b"nothing")


socketserver.ThreadingTCPServer.allow_reuse_address = True
socketserver.ThreadingTCPServer(("127.0.0.1", 5555), Handler).serve_forever()
"""
CLIENT = """\
import socket
import sys

with socket.create_connection(("127.0.0.1", 5555), timeout=10) as connection:
    connection.sendall((" ".join(sys.argv[1:]) + "\\n").encode())
    print(connection.makefile().read())
"""
STORE = Service(
    "store",
    f"registry.example/store@sha256:{'0' * 64}",
    "store-server",
    process="exec python server.py # it's \"$(id)`\n",
    env=(("GREETING", "it's $HOME; `id`"),),
    ports=(5555,),
    seconds=20,
)


def pod(parts: list[ProjectScript]) -> dict[str, Any]:
    """The Pod of gate-tests, as Argo fills it in for these projects."""
    settings = GateServices()
    listed = [
        services.container(part.number, part.project, service, settings.resources, settings.security_context)
        for part in parts
        for service in part.project.services
    ]
    gate = next(made for made in rendered_chart() if made["metadata"]["name"] == "gate-tests")
    manifest = next(t["resource"]["manifest"] for t in gate["spec"]["templates"] if t["name"] == "run")
    inputs = {
        "name": "claim",
        "language": "python",
        "attempt": "0",
        "repo": "acme/shop",
        "pr": "7",
        "seconds": "120",
        "resources": base64.b64encode(b"{}").decode(),
        "pods": gate_runs.pods([gate_runs.GatePod("python", "", json.dumps(listed))]),
    }
    names = {f"inputs.parameters.{name}": value for name, value in inputs.items()}
    made: dict[str, Any] = yaml.safe_load(substitute_text(manifest, Scope({**names, "workflow.name": "task-1"})))
    return made


class Gate:
    """A tests gate's container with its services, and what it printed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.claim = folder / "volumes" / "claim"

    def printed(self, part: ProjectScript, head: Mapping[str, str] | None = None, seconds: float = 60) -> str:
        for path, text in {"server.py": SERVER, "client.py": CLIENT}.items():
            write(self.claim / "base" / path, text)
            write(self.claim / "source" / path, text)
        for path, text in (head or {}).items():
            write(self.claim / "source" / path, text)
        for variant in part.trees:
            for name in ("remove.sh", "touch.sh"):
                write(self.claim / "script" / "variants" / "p0" / variant / name, "")
        for path, content in services.files(part.number, part.project):
            write(self.claim / "script" / path, content.decode())
        write(self.claim / "script" / "python.sh", script.script(MARK, [part]))
        container = Container(pod([part]), self.folder / "runs", self.folder / "volumes", lambda _: None)
        container.start()
        try:
            ended = container.wait(seconds, 0.05)
        finally:
            container.kill()
        log = container.log()
        assert ended, log
        assert ended.exit_code == 0, log
        return log

    def shown(self, part: ProjectScript, head: Mapping[str, str] | None = None) -> Seen:
        return frames.read(MARK, self.printed(part, head))


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path)


def part_of(test: str, service: Service = STORE, runs: int = 1, **fields: Any) -> ProjectScript:
    rest = {key: fields.pop(key) for key in ("probes", "probed") if key in fields}
    project = Project("", "python", test, "exit", services=(service,), **fields)
    return ProjectScript(
        0,
        project,
        {"head": "base"},
        [("head", run) for run in range(1, runs + 1)],
        **{"probes": {}, **rest},
    )


def log_of(shown: Seen, step: str) -> str:
    return shown.steps[step].frames["log"].decode()


def test_tests_reach_a_service_that_was_started_with_its_own_variables(gate: Gate) -> None:
    shown = gate.shown(part_of("python client.py get && python client.py set me && python client.py greet"))
    assert {name: step.exit_status for name, step in shown.steps.items()} == {
        "p0.head.1.services": 0,
        "p0.head.1": 0,
        "p0.head.1.rest": 0,
    }
    assert log_of(shown, "p0.head.1").splitlines() == ["nothing", "me", "it's $HOME; `id`"]


SLY = {
    "in its store": "python client.py set mine",
    "in a file beside it": "python client.py run 'mkdir -m 0 $PRESSPLAY_DATA/.sly; echo x >$PRESSPLAY_DATA/..sly'",
    "in a process beside it": (
        "python client.py run 'while sleep 0.1; do echo mine >$PRESSPLAY_DATA/store; done' && sleep 0.3"
    ),
    "in a process that has its port": "python client.py run 'while sleep 0.1; do python server.py; done' && sleep 0.3",
    "where the service answers": (
        "python client.py run 'echo mine >$GATE_ANSWER/mine; mkdir $GATE_ANSWER/.mine' && sleep 0.3"
    ),
    "where it asks": 'for f in mine .mine ..mine; do echo mine >"$ASK/$f"; done',
    "in a request of its own": 'rm -rf "$PWD/../../ask"; python client.py set mine',
}


@pytest.mark.parametrize("sly", SLY.values(), ids=SLY.keys())
def test_what_a_run_leaves_in_a_service_is_gone_in_the_next(gate: Gate, sly: str) -> None:
    ask, answers = (gate.folder / "volumes" / f"claim-python-0.{name}" for name in ("ask", "answers/p0-store"))
    look = (
        f'test "$(python client.py get)" = nothing && test "$(ls -A {ask})" = now '
        f'&& test -z "$(ls -A {answers} | grep -v -e begun -e state -e log)" && test "$(ls -A {answers} | wc -l)" = 3'
    )
    shown = gate.shown(part_of(f"{look} && {sly.replace('$ASK', str(ask))}", runs=3))
    statuses = {name: step.exit_status for name, step in shown.steps.items() if name[-1].isdigit()}
    assert statuses == {"p0.head.1": 0, "p0.head.2": 0, "p0.head.3": 0}, shown
    data = gate.folder / "volumes" / "claim-python-0.service-data" / "p0-store" / "0"
    assert list(data.iterdir()) == []


def test_no_run_answers_for_a_service_or_asks_for_it_beforehand(gate: Gate) -> None:
    # What a run writes where the script asks is neither obeyed for the next run, nor does it hold the script up.
    ask = gate.folder / "volumes" / "claim-python-0.ask"
    shown = gate.shown(
        part_of(f"test \"$(python client.py get)\" = nothing && echo 'x ready p0-store' >{ask}/now", runs=2)
    )
    statuses = {name: step.exit_status for name, step in shown.steps.items()}
    assert (statuses["p0.head.1"], statuses["p0.head.2.services"], statuses["p0.head.2"]) == (0, 0, 0)


def test_the_head_s_own_version_of_the_service_is_not_what_runs(gate: Gate) -> None:
    shown = gate.shown(part_of("python client.py get"), head={"server.py": "raise SystemExit('the head')\n"})
    assert shown.steps["p0.head.1"].exit_status == 0


def test_services_are_not_there_for_setup_and_build(gate: Gate) -> None:
    lines = ("! python client.py get",)
    shown = gate.shown(part_of("python client.py get", setup=lines, build=lines, runs=2))
    assert {step.exit_status for step in shown.steps.values()} == {0}


def test_probes_of_commands_have_them_too(gate: Gate) -> None:
    ask = 'python client.py {} >"$out/file" 2>&1'
    fragment = "; ".join([ask.format("set probe"), "reap", ask.format("get"), 'frame x "$out/file"'])
    part = part_of("python client.py get", probes={"probe-1": fragment}, probed=frozenset({"head"}))
    shown = gate.shown(part)
    assert shown.steps["p0.head.1.probe-1"].frames["x"].strip() == b"probe"
    assert shown.steps["p0.head.1.probe-1.rest"].exit_status == 0


def documented() -> Service:
    """The database of the page about the tests gate."""
    page = (Path(__file__).parents[3] / "docs/how-to/tests-gate.md").read_text()
    example = next(text for text in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL) if "services:" in text)
    return environment.read(example.encode(), "tests-gate.md").projects[0].services[0]


@pytest.mark.skipif(not all(map(shutil.which, ("initdb", "postgres", "psql"))), reason="no PostgreSQL here")
def test_a_real_database_is_empty_for_each_run(gate: Gate) -> None:
    sql = "CREATE ROLE sly SUPERUSER; ALTER SYSTEM SET work_mem = '1MB'; CREATE TABLE sly(); CREATE DATABASE sly;"
    ask = "psql -v ON_ERROR_STOP=1 postgres://shop:x@127.0.0.1/shop"
    lines = [f'{ask} -c "{line}"' for line in sql.split("; ")]
    shown = gate.shown(part_of(" && ".join(lines), documented(), runs=2))
    statuses = {name: step.exit_status for name, step in shown.steps.items()}
    assert set(statuses.values()) == {0}, [step.frames for step in shown.steps.values()]
    assert len(statuses) == 6


FAULTS = {
    "it never listens": (replace(STORE, process="sleep 60", seconds=1), "store: it was not ready within 1 s"),
    "it never answers": (replace(STORE, ready="false", seconds=1), "store: it was not ready within 1 s"),
    "it ends": (replace(STORE, process="echo no licence >&2; exit 4"), "store: it ended with status 4\nno licence"),
    "it is not here": (replace(STORE, process=""), "store: the sandbox runs no images, and it names no process"),
    "its program is not here": (replace(STORE, process="no-such-database"), "store: it ended with status 127"),
}


@pytest.mark.parametrize(("service", "words"), FAULTS.values(), ids=FAULTS.keys())
def test_without_its_service_nothing_is_run_and_the_reason_is_shown(gate: Gate, service: Service, words: str) -> None:
    part = part_of("exit 1", service)
    shown = gate.shown(part)
    assert "p0.head.1" not in shown.steps
    assert log_of(shown, "p0.head.1.services").startswith(words)
    judged = judgement(part, shown)
    assert judged.outcome == "undecided"
    (finding,) = judged.refusing
    assert (finding.kind, finding.fixer) == ("no-results", None)
    assert "a service beside the tests" in finding.sentence
    assert finding.details[0].startswith(words.replace("\n", ": "))


def test_nothing_is_run_any_more_once_nothing_can_be_decided(gate: Gate) -> None:
    part = part_of("true", replace(STORE, process="exit 4"), runs=3)
    assert len(gate.shown(part).steps) == 3
    shown = Gate(gate.folder / "again").shown(replace(part, decisive=frozenset({"head"})))
    assert (list(shown.steps), shown.ended) == (["p0.head.1.services"], True)


def test_a_service_that_ends_while_the_tests_run_decides_nothing(gate: Gate) -> None:
    part = part_of("python client.py die; exit 1")
    shown = gate.shown(part)
    assert log_of(shown, "p0.head.1.rest").startswith("store: it ended with status 3 while the tests ran")
    assert judgement(part, shown).outcome == "undecided"


def supervised(folder: Path, wrapper: list[str], service: Service) -> str:
    """What the supervisor of a service answers, as a process of this machine in the network of this machine."""
    for name in ("ask", "answer", "data"):
        (folder / name).mkdir()
    write(folder / "ask" / "now", "word ready p0-store\n")
    write(folder / "run.sh", services.supervisor(0, service))
    environment = {
        "PATH": "/usr/bin:/bin",
        "GATE_ASK": str(folder / "ask"),
        "GATE_ANSWER": str(folder / "answer"),
        "GATE_DATA": str(folder / "data"),
        "GATE_PROCESS": "yes",
        "PRESSPLAY_PROJECT": str(folder),
    }
    process = subprocess.Popen([*wrapper, "sh", str(folder / "run.sh")], env=environment)
    try:
        end = time.monotonic() + 20
        while not (folder / "answer" / "state").exists():
            assert time.monotonic() < end
            time.sleep(0.05)
        return (folder / "answer" / "state").read_text()
    finally:
        process.kill()
        process.wait(20)


def test_without_a_process_table_of_its_own_none_is_started(tmp_path: Path) -> None:
    assert supervised(tmp_path, [], STORE) == "word failed what it left can't be ended and removed\n"


def test_another_program_s_port_is_not_taken_for_the_service_s(tmp_path: Path) -> None:
    # Lent the machine's network (--gates-online), tests must not reach the machine's own database.
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        service = replace(STORE, process="sleep 60", ports=(port,))
        state = supervised(tmp_path, list(wall(lambda _: None, online=True)), service)
    assert state == f"word failed its port {port} is taken by another program\n"


def judgement(part: ProjectScript, shown: Seen) -> Any:
    variants = tuple(job.PlannedVariant(name, tree, len(part.schedule)) for name, tree in part.trees.items())
    plan = job.TestsPlan(MARK, (job.PlannedProject(0, part.project, variants),))
    (run,) = job.results(plan, {"python": shown})["head"]
    assert run.problem == "service"
    log = relogged(shown)
    return assessment.assess(plan, {"python": log.encode()}, "feature", Bounds())


def relogged(shown: Seen) -> str:
    """A log that shows the same."""
    lines = []
    for name, step in shown.steps.items():
        lines += [f"{MARK} begin {name}", f"{MARK} ended {name} {step.exit_status} 0"]
        for frame, content in step.frames.items():
            lines += [f"{MARK} frame {frame} plain", base64.b64encode(content).decode(), f"{MARK} done {frame}"]
    return "\n".join([*lines, f"{MARK} end", ""])


def test_a_control_whose_service_was_not_there_says_nothing() -> None:
    project = Project("", "python", "true", "exit", services=(STORE,))
    control = job.PlannedVariant("c1", "base", 1, "body", "a.py", 1, "f")
    plan = job.TestsPlan(MARK, (job.PlannedProject(0, project, (control,), (1,)),), probes="")
    steps = {
        "p0.c1.1.services": frames.Step(1, 0, {"log": b"store: gone"}),
        "p0.c1.1.probe-1.rest": frames.Step(1, 0, {"log": b"store: gone"}),
    }
    shown = Seen(steps, frozenset(), ended=True)
    assert job.without_services(plan, {"python": shown}) == []
    assert job.results(plan, {"python": shown})["c1"][0].problem == "service"
    assert job.unserved(shown, "p0.c1.1.probe-1") is not None
    assert isinstance(control.control, Control)


@pytest.mark.parametrize(
    ("image", "full"),
    [
        ("postgres", "docker.io/library/postgres"),
        ("bitnami/redis", "docker.io/bitnami/redis"),
        ("ghcr.io/acme/db", "ghcr.io/acme/db"),
        ("localhost/db", "localhost/db"),
        ("registry:5000/db", "registry:5000/db"),
    ],
)
def test_an_image_s_repository_is_read_as_runtimes_read_it(image: str, full: str) -> None:
    assert services.repository(f"{image}@sha256:{'0' * 64}") == full


@pytest.mark.rule("R6")
@pytest.mark.parametrize(
    ("allowed", "is_refused"),
    [
        (["*"], False),
        ([], True),
        (["registry.example/store"], False),
        (["registry.example/*"], False),
        (["registry.example/stor"], True),
        (["registry.exampl*"], True),
        (["registry.example"], True),
        (["docker.io/library/store", "registry.example/other"], True),
    ],
)
def test_the_values_say_which_images_may_be_named(allowed: list[str], is_refused: bool) -> None:
    project = Project("", "python", "true", "exit", services=(STORE, replace(STORE, name="other")))
    assert services.refused([project], allowed) == ([STORE.image] if is_refused else [])
