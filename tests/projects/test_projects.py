"""Backlog to merged for projects of five kinds, with their real toolchains, as a user plays them (acceptance, NFR).

Each takes an honest case of the corpus: its gates run the project's own tests, on the base, on the head and on the head
spoilt on purpose. A toolchain that is not there is named, and fails where `PRESSPLAY_PROJECTS` asks for all.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from case_tasks import CORPUS, agent, task

from pressplay.validation import helm

ROOT = Path(__file__).parents[2]
PRESSPLAY = str(Path(sys.executable).with_name("pressplay"))
PROJECTS = {
    "python-service": ("feature-volume", ["python3"], []),
    "rust-library": ("feature-", ["cargo"], ["cargo clippy --locked --workspace --all-targets -- -D warnings"]),
    "node-cli": ("feature-", ["node", "npm"], ["find bin lib test -name '*.js' | xargs -n 1 node --check"]),
    "go-service": ("feature-", ["go"], []),
    "no-tests": ("feature-", ["python3"], []),
}
"""Project → how its case's name begins, what must be on PATH, and its own linters, where ours ask for more."""


@pytest.mark.parametrize("name", PROJECTS)
def test_a_task_is_played_from_the_backlog_to_a_merged_pull_request(name: str, tmp_path: Path) -> None:
    beginning, tools, lint = PROJECTS[name]
    absent = [tool for tool in tools if shutil.which(tool) is None]
    if absent:
        assert not os.environ.get("PRESSPLAY_PROJECTS"), f"{name} needs {', '.join(absent)} on PATH"
        pytest.skip(f"{name} needs {', '.join(absent)} on PATH")
    case = next(path for path in sorted((CORPUS / name / "cases").iterdir()) if path.name.startswith(beginning))
    project = project_of(case, tmp_path)
    if lint:
        write_contract(project, lint)
    backlog(project, task(case))
    # Packages: a cluster has a proxy for them.
    status, end = play(project, case, tmp_path, "--gates-online")
    assert status == 0
    assert [task["state"] for task in end["tasks"]] == ["merged"]


@pytest.mark.parametrize(
    ("name", "state", "reason"),
    [
        ("fix-border", "merged", ""),
        ("special-cased-border", "parked", "the program does not do what independent probes of AC1 expect"),
    ],
)
def test_criteria_first_tell_a_fix_from_a_special_case(name: str, state: str, reason: str, tmp_path: Path) -> None:
    """Values of a user's, rendered by Helm; QA's tests agree with the special case."""
    case = CORPUS / "python-service" / "cases" / name
    project = project_of(case, tmp_path)
    backlog(project, task(case))
    values = tmp_path / "values.yaml"
    values.write_text("repositories: {local/python-service: {tests: {criteriaFirst: true}}}\nlimits: {rounds: 1}\n")
    chart = tmp_path / "chart.yaml"
    chart.write_text(helm.template(ROOT, [values]))
    status, end = play(project, case, tmp_path, "--chart", str(chart))
    (ended,) = end["tasks"]
    assert (status, ended["state"]) == (0 if state == "merged" else 1, state)
    assert reason in json.dumps(ended)


@pytest.mark.parametrize(("kind", "state", "truth"), [("good", "merged", "right"), ("sloppy", "parked", "wrong")])
def test_agents_are_measured_by_tests_that_they_have_not_read(kind: str, state: str, truth: str) -> None:
    """The sloppy agent hands in a special case, and tests of its own that agree with it."""
    agent = shlex.join([sys.executable, str(Path(__file__).with_name("corpus_agent.py")), kind, str(CORPUS)])
    command = [PRESSPLAY, "eval", str(CORPUS), "--only", "python-service/fix-border", "--agent", agent, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    document = json.loads(done.stdout)
    (trial,) = document["trials"]
    assert (done.returncode, trial["state"], trial["truth"]) == (0, state, truth), done.stderr[-4000:]
    assert document["all"]["mergedWrong"] == 0


def project_of(case: Path, tmp_path: Path) -> Path:
    """A copy of the project that a case is of."""
    project = tmp_path / case.parents[1].name
    shutil.copytree(case.parents[1] / "base", project)
    return project


def play(project: Path, case: Path, tmp_path: Path, *options: str) -> tuple[int, dict[str, Any]]:
    """The exit status and the end of a play, by the agent that hands in this case."""
    state = str(tmp_path / "state")
    command = [PRESSPLAY, "play", str(project), "--agent", shlex.join(agent(case)), "--json", "--state", state]
    played = subprocess.run(
        [*command, *options], capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": ""}
    )
    print(played.stderr[-8000:])
    assert played.stdout, played.stderr[-4000:]
    end: dict[str, Any] = json.loads(played.stdout)
    return played.returncode, end


def write_contract(project: Path, lint: list[str]) -> None:
    """The contract that a user writes: what is detected, and the project's own linters."""
    detected = subprocess.run([PRESSPLAY, "gates", "detect", str(project)], capture_output=True, text=True, check=True)
    contract = yaml.safe_load(detected.stdout)
    for part in contract["projects"]:
        part["lint"] = lint
    where = project / ".press-play" / "gates.yaml"
    where.parent.mkdir(exist_ok=True)
    where.write_text(yaml.safe_dump(contract))


def backlog(project: Path, task: dict[str, Any]) -> None:
    """Make the project a repository whose backlog is the case's task."""
    tasks = project / ".taskmaster" / "tasks" / "tasks.json"
    tasks.parent.mkdir(parents=True)
    tasks.write_text(json.dumps({"master": {"tasks": [task]}}))
    for command in (["init", "-q", "-b", "main"], ["add", "--all"], ["commit", "-q", "-m", "Begin"]):
        subprocess.run(
            ["git", "-c", "user.name=People", "-c", "user.email=people@example.com", *command], cwd=project, check=True
        )
