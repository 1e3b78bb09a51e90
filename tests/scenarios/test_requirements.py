"""FR8: what requirements.yaml asks for is in CodeRun and task folder; what may not be had stops plays and runs."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from harness import REPO, Agents, World, git, project, task, world

from pressplay.cluster import waits
from pressplay.domain.entries import Parked

pytestmark = pytest.mark.rule("FR8")

ASKED = """
remoteTools: [web_search, docs_get]
localServers:
  files: {command: npx, args: [-y, server], tools: [read_file]}
environment: {PORT: "3000", RATE: "12e5"}
agents:
  rex:
    secrets: [{name: shop-database, keys: [{password: DATABASE_PASSWORD}]}]
  qa:
    without: {localServers: [files]}
    environment: {PORT: "3001"}
"""
SETTINGS = {
    "repositories": {REPO: {"secrets": ["shop-database"]}},
    "agents": {
        "rex": {"localTools": ["git"], "remoteTools": ["web_search"], "requirements": {"secrets": ["shop-*"]}},
    },
}
PASSWORD = "pass-of-the-shop"


@dataclass
class Takers(Agents):
    """Agents that keep what they were given."""

    had: dict[str, dict[str, str]] = field(default_factory=dict)
    tools: dict[str, Any] = field(default_factory=dict)

    def __call__(self, tree: Path, env: Mapping[str, str]) -> int:
        self.had[env["PRESSPLAY_AGENT"]] = dict(env)
        file = tree / "task" / "toolman-config.json"
        self.tools[env["PRESSPLAY_AGENT"]] = json.loads(file.read_text()) if file.exists() else None
        return super().__call__(tree, env)


def asking(tmp_path: Path, text: str) -> Path:
    source = project(tmp_path, [task(1)])
    (source / ".taskmaster" / "requirements.yaml").write_text(text)
    return source


def with_secret(made: World) -> World:
    data = {"password": base64.b64encode(PASSWORD.encode()).decode()}
    metadata = {"name": "shop-database", "namespace": made.sandbox.settings.controller_namespace}
    made.sandbox.cluster.create({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data})
    return made


def coderuns(made: World) -> dict[str, dict[str, Any]]:
    """The specs of the CodeRuns by agent."""
    found = made.sandbox.cluster.list("CodeRun", made.sandbox.settings.controller_namespace)
    return {run["metadata"]["labels"]["press-play/agent"]: run["spec"] for run in found}


def required(spec: Mapping[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = yaml.safe_load(base64.b64decode(spec["taskRequirements"]))
    return told


@pytest.mark.rule("R9")
def test_what_a_project_asks_for_reaches_coderun_task_folder_and_agent(tmp_path):
    agents = Takers()
    made = with_secret(world(tmp_path / "state", agents, source=asking(tmp_path, ASKED), settings=SETTINGS))
    assert made.play().state == "merged"
    specs = coderuns(made)
    assert (specs["rex"]["localTools"], specs["rex"]["remoteTools"]) == ("git,files", "web_search,docs_get")
    assert (specs["qa"]["localTools"], specs["qa"]["remoteTools"]) == ("", "docs_get,web_search")
    assert required(specs["rex"])["secrets"] == [{"name": "shop-database", "keys": [{"password": "DATABASE_PASSWORD"}]}]
    assert [agent for agent, spec in specs.items() if "secrets" in required(spec)] == ["rex"]
    environment = required(specs["qa"])["environment"]
    assert (environment["PORT"], environment["RATE"], environment["PRESSPLAY_AGENT"]) == ("3001", "12e5", "qa")
    # Only what the earliest CodeRun has; the controller reads the rest of the folder.
    assert specs["rex"].keys() == {
        "taskId", "service", "repositoryUrl", "docsRepositoryUrl", "docsProjectDirectory", "docsBranch",
        "workingDirectory", "model", "githubApp", "localTools", "remoteTools", "taskRequirements",
    }  # fmt: skip
    files = {"command": "npx", "args": ["-y", "server"], "tools": ["read_file"], "workingDirectory": "project_root"}
    assert agents.tools["rex"] == {"remoteTools": ["web_search", "docs_get"], "localServers": {"files": files}}
    assert agents.tools["qa"] == {"remoteTools": ["docs_get", "web_search"], "localServers": {}}
    assert agents.had["rex"]["DATABASE_PASSWORD"] == PASSWORD
    assert "DATABASE_PASSWORD" not in agents.had["qa"]
    # The harness names the Secret; its value is in no object but the Secret, in no log and in no commit.
    assert not any(PASSWORD in line for line in made.said)
    for kind in ("CodeRun", "Workflow", "Pod", "ConfigMap"):
        assert PASSWORD not in json.dumps(made.sandbox.cluster.list(kind, ""))
    batch = ["git", "cat-file", "--batch-all-objects", "--batch"]
    repository = made.sandbox.forge.git_path(REPO)
    objects = subprocess.run(batch, cwd=repository, check=True, capture_output=True).stdout
    assert b"toolman-config.json" in objects
    assert PASSWORD.encode() not in objects


def test_without_the_file_nothing_changes(tmp_path):
    agents = Takers()
    made = world(tmp_path / "state", agents, source=project(tmp_path, [task(1)]), settings=SETTINGS)
    assert made.play().state == "merged"
    assert coderuns(made)["rex"]["localTools"] == "git"
    assert required(coderuns(made)["qa"]).keys() == {"environment"}
    assert set(agents.tools.values()) == {None}


@pytest.mark.rule("R10")
@pytest.mark.parametrize("mode", ["play", "show"])
def test_a_play_does_not_start_where_the_project_asks_for_what_it_may_not_have(tmp_path, mode):
    """An unlisted Secret, for all agents: `press-play` fails once, with file, line, path and what to do."""
    text = "remoteTools: [x]\nsecrets: [{name: other, keys: [{a: A}]}]\n"
    made = world(tmp_path / "state", source=asking(tmp_path, text), settings=SETTINGS)
    made.play(mode=mode)
    press = made.sandbox.cluster.get("Workflow", "press-play", "press-play-1")
    assert press is not None
    assert press["status"]["phase"] in ("Failed", "Error")
    pods = [node for node in waits.nodes(press).values() if node["type"] == "Pod"]
    assert len(pods) == 1, "wrong input is not tried again"
    assert pods[0]["message"].endswith("exit code 2)")
    (told,) = (line for line in made.said if line.startswith("step plan: "))
    assert ".taskmaster/requirements.yaml:2:12: $.secrets[0].name: expected a Secret that is listed" in told
    assert "repositories.<name>.secrets" in told
    assert coderuns(made) == {}
    assert made.sandbox.plays() == []


def test_a_file_that_changes_for_the_worse_parks_the_pull_request_with_the_reason(tmp_path):
    """It is read anew for each run, from the default branch."""
    source = asking(tmp_path, "remoteTools: [x]\n")
    asks = "environment: {PORT: '1'}\nagents:\n  qa:\n    secrets: [{name: shop-database, keys: [{password: A}]}]\n"

    def worsen(made: World, tree: Path) -> None:
        git(tree, "fetch", "-q", "origin", "main")
        git(tree, "checkout", "-q", "-B", "worse", "FETCH_HEAD")
        (tree / ".taskmaster" / "requirements.yaml").write_text(asks)
        git(tree, "commit", "-aqm", "Ask for more")
        git(tree, "push", "-q", str(made.sandbox.forge.git_path(REPO)), "HEAD:main")
        git(tree, "checkout", "-q", "-")
        made.sandbox.forge.sync(REPO)

    @dataclass
    class Worsening(Agents):
        made: World | None = None

        def __call__(self, tree: Path, env: Mapping[str, str]) -> int:
            code = super().__call__(tree, env)
            if env["PRESSPLAY_ROLE"] == "lint" and self.made is not None:
                worsen(self.made, tree)
            return code

    agents = Worsening()
    made = agents.made = world(tmp_path / "state", agents, source=source, settings=SETTINGS)
    summary = made.play()
    assert summary.tasks[0].state != "merged"
    entries = made.sandbox.context.ledger(REPO).entries("pr", 1)
    (parked,) = entries.all(Parked)
    assert parked.reason == (
        "qa: `.taskmaster/requirements.yaml` on the default branch asks for what may not be had: line 4, "
        '`$.agents.qa.secrets[0].name: expected a Secret that each of these agents may be given, got "shop-database" '
        "for qa` (`pressplay validate --requirements` tells all of it)"
    )
    assert [run.outcome for run in entries.runs if run.agent == "qa"] == ["parked"]
    assert set(coderuns(made)) == {"rex", "clippy"}


@pytest.mark.rule("R7")
def test_a_malformed_file_is_told_by_its_lines_alone_where_others_read_it(tmp_path):
    """An unknown key is anybody's text; a run's reason goes to pull requests and ledgers."""
    made = world(tmp_path / "state", source=project(tmp_path, [task(1)]), settings=SETTINGS)
    tree = tmp_path / "tree"
    git(tmp_path, "clone", "-q", str(made.sandbox.forge.git_path(REPO)), "tree")
    (tree / ".taskmaster" / "requirements.yaml").write_text("remoteTools: []\n'{{=bad(}} @acme': 1\n")
    git(tree, "add", "-A")
    git(tree, "-c", "user.name=m", "-c", "user.email=m@x.invalid", "commit", "-qm", "x")
    git(tree, "push", "-q", "origin", "HEAD:main")
    made.sandbox.forge.sync(REPO)
    made.sandbox.submit("task", "task-1", {"task": "1", "repo": REPO, "task-id": "1", "begins": "implement"})
    made.go_on()
    (run,) = made.sandbox.context.ledger(REPO).entries("task", 1).runs
    assert (run.agent, run.outcome) == ("rex", "parked")
    assert "is wrong in line 2 (" in run.reason
    assert "acme" not in run.reason.replace("acme/shop", "")
    assert coderuns(made) == {}


def test_a_secret_that_is_not_there_fails_the_run_by_its_name(tmp_path):
    made = world(tmp_path / "state", source=asking(tmp_path, ASKED), settings=SETTINGS)
    made.play()
    found = made.sandbox.cluster.list("CodeRun", made.sandbox.settings.controller_namespace)
    messages = {run["status"]["message"] for run in found}
    assert messages == {"Secret agent-platform/shop-database: no key 'password', which the run wants"}
