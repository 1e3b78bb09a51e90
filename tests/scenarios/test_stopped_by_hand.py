"""Real processes: a play stopped at any moment, a sandbox's folder that is broken: one sentence, never a traceback."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from harness import REPO, Agents, git, project, task, world

from pressplay.cluster.waits import FINISHED, phase
from pressplay.sandbox import container, detached
from pressplay.sandbox.container import Container
from pressplay.sandbox.deployer import Deployment, ProcessStarter
from pressplay.sandbox.stops import STOPPED

PLAY = [sys.executable, "-c", "from pressplay.cli import run; run()", "play"]
AGENT = """
import json, os, pathlib, subprocess, time
env = os.environ
if env["PRESSPLAY_ROLE"] == "implement":
    pathlib.Path("done.txt").write_text("done")
    subprocess.run(["git", "add", "-A"], check=True)
    subprocess.run(["git", "commit", "-qm", "the work"], check=True)
if env["PRESSPLAY_ROLE"] == "test":
    pathlib.Path(env["PRESSPLAY_RESULT"]).write_text(json.dumps({"verdict": "pass", "body": "seen"}))
with open(env["STARTS"], "a") as log:
    log.write(" ".join(env["PRESSPLAY_" + name] for name in ("RUN", "ROLE", "ATTEMPT")) + "\\n")
"""


def sentences(stderr: str) -> list[str]:
    """The lines but those that say what is played."""
    return [line for line in stderr.splitlines() if not re.match(r"(repository|branch|commit|backlog|tag)  ", line)]


def command(folder: Path, *args: str) -> list[str]:
    agent = [] if "--resume" in args else ["--agent", f"{sys.executable} {folder / 'agent.py'}"]
    return [*PLAY, "project", *agent, *args]


def play(folder: Path, *args: str, **options: object) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "STARTS": str(folder / "starts")}
    return subprocess.run(
        command(folder, *args),
        **{"cwd": folder, "env": environment, "capture_output": True, "text": True, "timeout": 240, **options},
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    project(tmp_path, [task(1)])
    (tmp_path / "agent.py").write_text(AGENT)
    return tmp_path


@pytest.mark.rule("R3")
@pytest.mark.parametrize("seconds", [0.3, 0.8, 1.5, 2.5, 4.0, 6.0])
def test_stopped_at_any_moment_it_says_no_traceback_and_comes_to_the_same_end(folder, seconds):
    """In the imports, the set-up, a clone, a step, a gate, a deployment: whatever it is at by then."""
    environment = {**os.environ, "STARTS": str(folder / "starts")}
    pressed = subprocess.Popen(
        command(folder), cwd=folder, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        _, said = pressed.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(pressed.pid, signal.SIGINT)
        began = time.monotonic()
        _, said = pressed.communicate(timeout=60)
        assert time.monotonic() - began < 10
        # Before Python has begun with what is ours, the system ends it.
        assert pressed.returncode in (130, -signal.SIGINT), said
    assert "Traceback" not in said, said
    saved = folder / ".press-play" / "project" / "play.json"
    done = play(folder, *(["--resume"] if saved.exists() else []))
    assert done.returncode == 0, said + done.stderr
    starts = [line.split() for line in (folder / "starts").read_text().splitlines()]
    assert {start[2] for start in starts} == {"0"}, "no attempt is spent"
    assert sorted({(start[0], start[1]) for start in starts}, key=lambda start: start[1])[0][1] == "implement"
    assert len({start[0] for start in starts}) == 3, starts


@pytest.mark.rule("R3")
def test_a_deployment_that_was_stopped_answers_again_where_it_did(tmp_path):
    made = world(tmp_path / "state", source=project(tmp_path, [task(1)]))
    made.sandbox.close()
    head = git(made.sandbox.forge.git_path(REPO), "rev-parse", "main")
    detached.begin()
    starter = ProcessStarter(made.sandbox.forge, REPO, tmp_path / "deployments", None)
    asked = Deployment(7, head, "preview-1")
    first = starter.start(asked)
    try:
        where = tmp_path / "deployments" / "preview-1" / "7"
        assert detached.stop([where], 1.0) == [where]
        assert starter.stopped() == [asked]
        with pytest.raises(FileNotFoundError):
            (where / "nothing").stat()
        detached.begin()
        again = starter.start(asked)
        assert again == first
        assert starter.stopped() == []
    finally:
        detached.begin()
        starter.stop("preview-1")
    assert starter.stopped() == [], "what is taken down is not to be there again"


@pytest.mark.rule("R3")
def test_a_gate_s_command_that_was_stopped_is_started_anew_and_not_judged(tmp_path):
    detached.begin()
    script = f"test -e {tmp_path}/go || sleep 600"
    manifest = {
        "metadata": {"name": "gate", "namespace": "press-play"},
        "spec": {"containers": [{"name": "main", "image": "x", "command": ["sh", "-c", script]}]},
    }
    try:
        first = Container(manifest, tmp_path / "gates", tmp_path / "volumes", lambda _: None)
        first.start()
        deadline = time.monotonic() + 30
        while not detached.was_started(tmp_path / "gates" / "gate"):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        detached.stop([tmp_path / "gates" / "gate"], 1.0)
        assert first.ended() is None
        (tmp_path / "go").touch()
        detached.begin()
        later = Container(manifest, tmp_path / "gates", tmp_path / "volumes", lambda _: None)
        later.start()
        assert later.wait(30, 0.01) == container.Ended(0)
    finally:
        detached.begin()


@pytest.mark.rule("R3")
@pytest.mark.rule("R4")
@pytest.mark.parametrize("noted", [True, False], ids=["stopped", "killed"])
def test_a_night_for_which_the_sandbox_was_stopped_is_no_time_that_an_agent_worked(tmp_path, noted):
    """An agent has an hour (limits.runMinutes). Where nobody noted a stop, the night counts, and the task fails."""
    agents = Agents(seconds=lambda _role, _task: 50 * 60)
    made = world(tmp_path / "state", agents, source=project(tmp_path, [task(1)]))
    made.sandbox.press()
    clock = made.sandbox.clock
    moment = clock.now() + 30 * 60
    made.sandbox.run(lambda: clock.now() >= moment or any("run-" in line for line in made.starts()))
    made.sandbox.close()
    if noted:
        (tmp_path / "state" / STOPPED).write_text(str(clock.now()))
        [run] = (tmp_path / "state" / "runs").iterdir()
        (run / "stopped").touch()
    clock.sleep(9 * 3600)
    later = world(tmp_path / "state", agents, clock)
    if not noted:
        # As a kill leaves it: the agent goes on, and is found with an end that nobody saw.
        [run] = (tmp_path / "state" / "runs").iterdir()
        (run / "started").unlink()
    summary = later.go_on()
    ends = [(one.state, one.reason) for one in summary.tasks]
    assert ends == [("merged", "") if noted else ("failed", "rex: not finished within 60 minutes")]
    assert {line.split()[3] for line in later.starts()} == {"0"}
    assert all(phase(play) in FINISHED for play in later.sandbox.plays())
    later.sandbox.close()


# -- a folder that is not as it should be ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def played(tmp_path_factory) -> Path:
    """A folder with a play that has ended."""
    folder = tmp_path_factory.mktemp("played")
    project(folder, [task(1)])
    (folder / "agent.py").write_text(AGENT)
    done = play(folder)
    assert done.returncode == 0, done.stderr
    return folder


def _garbage(state: Path) -> None:
    (state / "state.db").write_bytes(b"no database at all\n" * 1000)


def _truncated(state: Path) -> None:
    with (state / "state.db").open("r+b") as file:
        file.truncate((state / "state.db").stat().st_size // 2)


def _emptied(state: Path) -> None:
    (state / "state.db").write_bytes(b"")


def _removed(state: Path) -> None:
    (state / "state.db").unlink()


def _lost(state: Path) -> None:
    shutil.rmtree(state / "git" / "local" / "project.git")


def _half_lost(state: Path) -> None:
    (state / "git" / "local" / "project.git" / "HEAD").unlink()


def _options(state: Path) -> None:
    (state / "play.json").write_text("{")


@pytest.mark.rule("R10")
@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (
            _garbage,
            "state.db: this is not a database of the sandbox, or it is broken (file is not a database): put a copy",
        ),
        (_truncated, "state.db: this is not a database of the sandbox, or it is broken ("),
        (_emptied, "state.db: expected the database of this sandbox, got an empty file: what was built is in"),
        (_removed, "state.db: expected the database of this sandbox, got no file: what was built is in"),
        (
            _lost,
            "local/project.git: the repository local/project is gone: put a copy back, or start again with --fresh",
        ),
        (_half_lost, "local/project.git: the repository local/project is gone: put a copy back, or start again with"),
        (_options, "play.json: not JSON"),
    ],
)
def test_a_broken_folder_is_one_sentence_and_changes_nothing(played, tmp_path, harm, says):
    shutil.copytree(played, tmp_path / "copy")
    state = tmp_path / "copy" / ".press-play" / "project"
    harm(state)
    before = _content(state)
    done = play(tmp_path / "copy", "--resume")
    assert done.returncode == 2, done.stderr
    assert says in done.stderr
    assert len(sentences(done.stderr)) == 1
    assert _content(state) == before


def _content(state: Path) -> dict[str, bytes]:
    """What is in the folder: what a play that is refused may touch (its lock, SQLite's own files) left out."""
    own = ("lock", "state.db-shm", "state.db-wal", "play.json")
    return {
        str(path.relative_to(state)): path.read_bytes()
        for path in state.rglob("*")
        if path.is_file() and path.name not in own
    }


@pytest.mark.rule("R10")
def test_a_database_that_another_program_holds_is_one_sentence(played, tmp_path):
    shutil.copytree(played, tmp_path / "copy")
    database = tmp_path / "copy" / ".press-play" / "project" / "state.db"
    holder = sqlite3.connect(database, isolation_level=None)
    try:
        holder.execute("BEGIN IMMEDIATE")
        done = play(tmp_path / "copy", "--resume")
    finally:
        holder.close()
    assert done.returncode == 2
    assert "state.db: another program holds the database: end that program, then try again\n" in done.stderr
    assert len(sentences(done.stderr)) == 1


@pytest.mark.rule("R10")
@pytest.mark.parametrize(
    ("mount", "says"), [("size=64k", "is full"), ("ro", "must be writable")], ids=["full", "read-only"]
)
def test_a_disk_that_takes_nothing_is_one_sentence(folder, mount, says):
    """On a small disk of its own, or one that may only be read, where Linux lets us mount one."""
    there = folder / "disk"
    there.mkdir()
    inside = f'mount -t tmpfs -o {mount} none {there} && exec "$@"'
    walls = ["unshare", "--map-root-user", "--mount", "sh", "-c", inside, "sh"]
    if subprocess.run([*walls, "true"], check=False, capture_output=True).returncode:
        pytest.skip("unshare can't mount here")
    done = subprocess.run(
        [*walls, *command(folder, "--state", str(there / "state"))],
        cwd=folder,
        env={**os.environ, "STARTS": str(folder / "starts")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert says in done.stderr
    assert len(sentences(done.stderr)) == 1, done.stderr


@pytest.mark.rule("R9")
@pytest.mark.rule("R3")
def test_keys_that_an_earlier_version_kept_are_void_and_gone(tmp_path):
    """Its database had the private keys twice: with the forge's Apps, and in Secrets."""
    made = world(tmp_path / "state", source=project(tmp_path, [task(1)]), merge=False)
    old = made.sandbox.context.github._keys("press-play").private_key
    made.play()
    clock = made.sandbox.clock
    made.sandbox.close()
    connection = sqlite3.connect(tmp_path / "state" / "state.db")
    connection.execute("ALTER TABLE forge_apps ADD COLUMN private_key TEXT NOT NULL DEFAULT ''")
    connection.execute("UPDATE forge_apps SET private_key = ?", (old,))
    connection.execute("DELETE FROM forge_app_keys")
    secret = json.dumps({"kind": "Secret", "metadata": {"name": "s", "namespace": "n"}, "data": {"private-key": old}})
    connection.execute("INSERT INTO objects VALUES ('Secret', 'n', 's', 1, ?, NULL, NULL)", (secret,))
    connection.commit()
    connection.close()
    assert b"PRIVATE KEY" in (tmp_path / "state" / "state.db").read_bytes()

    later = world(tmp_path / "state", clock=clock)
    for path in (tmp_path / "state").glob("state.db*"):
        assert b"PRIVATE KEY" not in path.read_bytes(), path
    assert later.sandbox.cluster.get("Secret", "n", "s") is None
    later.sandbox.merge_what_is_ready()
    assert later.go_on().state == "merged"
    new = later.sandbox.context.github._keys("press-play").private_key
    with later.sandbox.forge._store.session(write=False) as session:
        rows = session.all(
            "SELECT public_key FROM forge_app_keys k JOIN forge_apps a ON a.id = k.app_id WHERE a.slug = 'press-play'"
        )
    from pressplay.sandbox.forge.accounts import public_half

    assert [row["public_key"] for row in rows] == [public_half(new)]
    later.sandbox.close()
