"""The command line, real time, real processes: the demo, sabotage, a kill that agents outlive, a user's own agent."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from harness import git, project, task

PLAY = [sys.executable, "-c", "from pressplay.cli import run; run()", "play"]

AGENT = """
import json, os, pathlib, subprocess, sys, time
env, folder = os.environ, pathlib.Path(sys.argv[1])
with open(folder / "log", "a") as log:
    log.write(f"{env['PRESSPLAY_RUN']} {env['PRESSPLAY_ROLE']} {env['PRESSPLAY_TASK']} {os.getpid()}\\n")
if env["PRESSPLAY_ROLE"] == "implement":
    deadline = time.monotonic() + 60
    while not (folder / "release").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    pathlib.Path(f"task-{env['PRESSPLAY_TASK']}.txt").write_text(pathlib.Path("task/task.md").read_text())
    subprocess.run(["git", "add", "-A"], check=True)
    subprocess.run(["git", "commit", "-qm", "the work"], check=True)
    pathlib.Path(env["PRESSPLAY_RESULT"]).write_text(json.dumps({"title": "{{=1+1}} $(id)", "body": "b"}))
if env["PRESSPLAY_ROLE"] == "test":
    pathlib.Path(env["PRESSPLAY_RESULT"]).write_text(json.dumps({"verdict": "pass", "body": "seen"}))
"""


def play(cwd: Path, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PLAY, *args, "--json"],
        cwd=cwd,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


@pytest.mark.rule("FR1")
def test_the_demo_ends_with_every_task_merged_and_the_hidden_acceptance_tests_green(tmp_path):
    done = play(tmp_path)
    assert done.returncode == 0, done.stderr
    end = json.loads(done.stdout)
    assert end["state"] == "merged"
    assert {result["state"] for result in end["tasks"]} == {"merged"}
    assert len(end["tasks"]) == 14
    assert [result["rounds"] for result in end["tasks"]].count(2) == 1, "QA sends exactly one task back"
    assert "acceptance tests of the built project: passed" in done.stderr
    starts = (tmp_path / ".press-play/demo/agents.log").read_text().splitlines()
    assert len(starts) == len(set(starts)) == 14 * 3 + 3


@pytest.mark.rule("R4")
def test_with_one_agent_sabotaged_the_demo_exits_1_and_says_which_and_why(tmp_path):
    done = play(tmp_path, PRESSPLAY_SABOTAGE="rex:2")
    assert done.returncode == 1
    results = {result["id"]: result for result in json.loads(done.stdout)["tasks"]}
    assert results["2"]["state"] == "failed"
    assert results["2"]["reason"] == "rex: the agent's run failed"
    assert results["1"]["state"] == "merged"
    assert results["5"]["reason"] == "needs task 2, which is failed"


def until(condition: Callable[[], object], what: str) -> None:
    """Wait for something that another process does; a minute at most."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.02)


@pytest.mark.rule("R3")
@pytest.mark.rule("R1")
def test_agents_that_outlive_a_kill_are_found_again_and_not_started_twice(tmp_path):
    source = project(tmp_path, [task(1), task(2)])
    agents = tmp_path / "agents"
    agents.mkdir()
    (tmp_path / "agent.py").write_text(AGENT)
    command = f"{sys.executable} {tmp_path / 'agent.py'} {agents}"
    first = subprocess.Popen(
        [*PLAY, str(source), "--agent", command], cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    log = agents / "log"
    until(lambda: log.exists() and len(log.read_text().splitlines()) == 2, "both agents start")
    first.send_signal(signal.SIGKILL)
    first.wait()
    pids = [int(line.split()[3]) for line in log.read_text().splitlines()]
    for pid in pids:
        os.kill(pid, 0)  # they live on
    (agents / "release").touch()
    done = play(tmp_path, str(source), "--resume")
    assert done.returncode == 0, done.stderr
    starts = [line.split() for line in log.read_text().splitlines()]
    assert len({start[0] for start in starts}) == len(starts) == 6
    assert [int(start[3]) for start in starts if start[1] == "implement"] == pids


@pytest.mark.rule("R3")
def test_an_agent_killed_with_its_keeper_is_noticed_and_tried_again(tmp_path):
    source = project(tmp_path, [task(1)])
    agents = tmp_path / "agents"
    agents.mkdir()
    (tmp_path / "agent.py").write_text(AGENT)
    command = f"{sys.executable} {tmp_path / 'agent.py'} {agents}"
    running = subprocess.Popen(
        [*PLAY, str(source), "--agent", command], cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    log = agents / "log"
    until(lambda: log.exists() and log.read_text().count("\n") == 1, "the agent starts")
    os.killpg(os.getpgid(int(log.read_text().split()[3])), signal.SIGKILL)
    (agents / "release").touch()
    assert running.wait(timeout=120) == 0
    roles = [line.split()[1] for line in log.read_text().splitlines()]
    assert roles == ["implement", "implement", "lint", "test"]


@pytest.mark.rule("R7")
def test_what_an_agent_writes_is_data_and_the_merged_branch_is_there_to_clone(tmp_path):
    title = "`{{workflow.uid}}` {{=1+1}} {{ nope $(rm -rf) \"q\" 'q'\nnext: [line"
    source = project(tmp_path, [task(1, title=title)])
    (tmp_path / "agent.py").write_text(AGENT)
    (tmp_path / "release").touch()
    command = f"{sys.executable} {tmp_path / 'agent.py'} {tmp_path}"
    done = play(tmp_path, str(source), "--agent", command)
    assert done.returncode == 0, done.stderr
    git(tmp_path, "clone", "-q", str(tmp_path / ".press-play/project/git/local/project.git"), "clone")
    assert title.splitlines()[0] in (tmp_path / "clone" / "task-1.txt").read_text()


@pytest.mark.rule("R10")
@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--resume"], "nothing to resume"),
        (["--fresh", "--resume"], "exclude each other"),
        (["."], "give a coding agent: --agent claude"),
        (["nowhere"], "does not exist"),
    ],
)
def test_wrong_input_ends_with_2_and_what_to_do(tmp_path, args, says):
    done = play(tmp_path, *args)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr
