"""R9: no token, key or secret that was issued stands in a log, a parameter, an event, a file or a repository."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conversation import PR, Rex, Talk, changes_and_answers
from harness import CHART, REPO, World, git, project, task, world
from leaks import Issued, leaks

from pressplay.clock import SystemClock
from pressplay.sandbox.forge.ci import CiJob
from pressplay.sandbox.launcher import ProcessLauncher
from pressplay.sandbox.world import Options, Sandbox

pytestmark = pytest.mark.rule("R9")

AGENT = """
import json, os, pathlib, subprocess, sys
env = os.environ
pathlib.Path(sys.argv[1], f"{env['PRESSPLAY_RUN']}.env").write_text(json.dumps(dict(env)))
if env["PRESSPLAY_ROLE"] == "implement":
    pathlib.Path("done.txt").write_text("done")
    subprocess.run(["git", "add", "-A"], check=True)
    subprocess.run(["git", "commit", "-qm", "the work"], check=True)
if env["PRESSPLAY_ROLE"] == "test":
    pathlib.Path(env["PRESSPLAY_RESULT"]).write_text(json.dumps({"verdict": "pass", "body": "seen"}))
"""


@pytest.fixture(scope="module")
def flows(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, Issued]:
    """A play, comments and their answers, a failed check and its triage, an error of GitHub's on the way."""
    directory, rex, issued = tmp_path_factory.mktemp("flows"), Rex(does=changes_and_answers), Issued()
    made = world(directory / "state", rex, merge=False)
    issued.listen(made.sandbox)
    made.sandbox.set_up_project(project(directory, [task(1), task(2, 1)]))
    made.play()
    talk = Talk(made, rex)
    talk.on_line("Why one?")
    talk.say("And please say why.")
    made.go_on()
    made.sandbox.forge.report_ci(REPO, talk.head(), jobs=(CiJob("test", "failure", "##[error]exit code 1"),))
    made.go_on()
    made.sandbox.forge.suspend("press-play", REPO)
    made.sandbox.submit("pull-request", "refused-1", {"repo": REPO, "pr": str(PR)})
    made.sandbox.run(lambda: any("suspended" in line for line in made.said))
    made.sandbox.forge.suspend("press-play", REPO, suspended=False)
    made.go_on()
    issued.keys(made.sandbox)
    return made, issued


def test_no_flow_leaves_a_secret_anywhere(flows):
    made, issued = flows
    assert {line.split()[2] for line in made.starts()} >= {"implement", "lint", "test", "comments", "triage"}
    assert any("suspended" in line for line in made.said)
    assert issued.seen["token"] >= 10
    assert issued.seen["jwt"] >= 2
    # Each App's key is two Secrets' where QA is concerned; the webhook's is one.
    assert (issued.seen["private-key"], issued.seen["secret"]) == (9, 1)
    assert leaks(made.sandbox, issued, made.said) == []


def a_token(made: World) -> str:
    return made.sandbox.context.github.token("qa-agent", REPO, {"pull_requests": "write"})


def _parameter(made: World, token: str) -> str:
    made.sandbox.submit("signal", "planted", {"repo": REPO, "what": token})
    return "table objects.body Workflow/planted"


def _encoded(made: World, token: str) -> str:
    packed = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    metadata = {"name": "planted", "namespace": "press-play"}
    made.sandbox.cluster.create({"kind": "ConfigMap", "metadata": metadata, "data": {"config": f"Basic {packed}"}})
    return "table objects.body ConfigMap/planted"


def _pod(made: World, token: str) -> str:
    metadata = {"name": "planted", "namespace": "press-play"}
    made.sandbox.cluster.create({"kind": "Pod", "metadata": metadata, "spec": {}})
    made.sandbox.cluster.set_status("Pod", "press-play", "planted", {"phase": "Failed", "message": token})
    return "table objects.status Pod/planted"


def _line(made: World, token: str) -> str:
    made.said.append(f"git push http://x-access-token:{token}@forge failed")
    return "what was said"


def _commit(made: World, token: str) -> str:
    tree = made.sandbox.options.directory / "planted"
    repository = made.sandbox.forge.git_path(REPO)
    git(repository.parent, "clone", "-q", str(repository), str(tree))
    (tree / "notes.txt").write_text(token)
    git(tree, "add", "-A")
    git(tree, "-c", "user.name=x", "-c", "user.email=x@x", "commit", "-qm", "Notes")
    git(tree, "push", "-q", "origin", "HEAD:refs/heads/planted")
    return f"objects of git/{REPO}.git"


def _event(made: World, token: str) -> str:
    with made.sandbox.forge._store.session(write=True) as session:
        session.insert("forge_events", name="push", delivery="d", payload={"x": token}, time=0)
    return "table forge_events.payload"


def _stored(made: World, token: str) -> str:
    with made.sandbox.forge._store.session(write=True) as session:
        session.insert("forge_tokens", hash=token)
    return "table forge_tokens.hash"


def _file(made: World, _token: str) -> str:
    key = made.sandbox.context.github._keys("qa-agent").private_key
    (made.sandbox.options.directory / "dump.json").write_text(json.dumps({"key": key}))
    return "file dump.json"


def test_what_is_planted_is_found_wherever_it_is(flows):
    """Each a token of its own, or a key: a test that could not fail would be none."""
    made, issued = flows
    places = set()
    for plant in (_parameter, _encoded, _pod, _line, _commit, _event, _stored, _file):
        made.sandbox.context.github._clients.clear()
        places.add(plant(made, a_token(made)))
    assert places <= set(leaks(made.sandbox, issued, made.said))


# Agents outlive the process that started them, on purpose.
@pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")
def test_real_processes_and_pushes_show_no_secret(tmp_path):
    """Tokens reach git over HTTP; what the agents get, and what anybody on the machine sees of processes, has none."""
    (tmp_path / "agent.py").write_text(AGENT)
    said: list[str] = []
    issued = Issued()
    sandbox = Sandbox(
        Options(directory=tmp_path / "state", repo=REPO, say=said.append, agent_environment={}),
        CHART,
        SystemClock(),
        ProcessLauncher([sys.executable, str(tmp_path / "agent.py"), str(tmp_path / "state")]),
    )
    try:
        issued.listen(sandbox)
        sandbox.set_up_project(project(tmp_path, [task(1)]))
        sandbox.press()
        sandbox.run(sandbox.only_people_are_waited_for)
        issued.keys(sandbox)
        assert any(b"\0push\0" in line for line in issued.processes)
        assert issued.seen["token"] >= 10
        assert len(list((tmp_path / "state").glob("*.env"))) == 3
        assert leaks(sandbox, issued, said) == []
        # It would have been seen: a process with a token on its command line.
        token = sandbox.context.github.token("qa-agent", REPO, {"pull_requests": "write"})
        with subprocess.Popen([sys.executable, "-c", "input()", token], stdin=subprocess.PIPE) as planted:
            while token.encode() not in Path(f"/proc/{planted.pid}/cmdline").read_bytes():
                # The system shows a new program's arguments a moment after it has begun.
                time.sleep(0.01)
            sandbox.context.github.token("press-play", REPO, {"metadata": "read"})
            planted.communicate(b"\n")
        assert "a command line" in leaks(sandbox, issued, said)
    finally:
        sandbox.close()
