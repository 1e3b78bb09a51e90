"""The flow `security`: alerts are remedied by one pull request a group, and a secret that leaked is shown nowhere."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from harness import REPO, Agents, World, git, project, task, world
from hostile import TEXTS, marked, untouched_by_canaries
from people import person

from pressplay import names
from pressplay.cluster import waits
from pressplay.sandbox.setup import MAINTAINER

INJECTION = names.alert_number("code-scanning:py/sql-injection")
SECRET = "ghp_" + "s3cr3t" * 6


@dataclass
class Guards(Agents):
    """Agents that keep what they were given."""

    reads: dict[tuple[int, str], dict[str, str]] = field(default_factory=dict)
    apps: dict[str, str] = field(default_factory=dict)

    def __call__(self, tree: Path, env: Mapping[str, str]) -> int:
        number, role = int(env["PRESSPLAY_TASK"]), env["PRESSPLAY_ROLE"]
        self.reads[number, role] = {path.name: path.read_bytes().decode() for path in (tree / "task").iterdir()}
        self.apps[role] = env["PRESSPLAY_AGENT"]
        if role == "implement":
            file = tree / f"remedies_{number}.txt"
            file.write_text((file.read_text() if file.exists() else "") + f"{env['PRESSPLAY_RUN']}\n")
        return super().__call__(tree, env)


@pytest.fixture
def start(tmp_path):
    def make(agents: Agents | None = None, **options: Any) -> World:
        return world(tmp_path / "state", agents or Guards(), source=project(tmp_path, [task(1)]), **options)

    return make


def sweep(made: World, name: str = "sweep") -> dict[str, str]:
    """Read the alerts by hand, and go on; what the flow put out."""
    made.sandbox.submit("security", name, {"repo": REPO, "until": "0"})
    made.settle()
    workflow = made.sandbox.cluster.get("Workflow", "press-play", name)
    assert waits.phase(workflow) == "Succeeded"
    (root,) = [node for node in waits.nodes(workflow).values() if node["name"] == name]
    return {one["name"]: one["value"] for one in root["outputs"]["parameters"]}


def pull_requests(made: World) -> list[dict[str, Any]]:
    with person(made, MAINTAINER) as gh:
        found = gh.get("/pulls", params={"state": "all"}).json()
    return sorted(found, key=lambda pull: pull["number"])


def code(made: World, rule: str = "py/sql-injection", **fields: Any) -> int:
    return made.sandbox.forge.create_alert(REPO, "code-scanning", rule=rule, **fields)


def test_alerts_are_remedied_by_one_pull_request_a_group(start):
    agents = Guards()
    made = start(agents)
    forge = made.sandbox.forge
    code(made, path="src/db.py", line=7, message="This query depends on user input.")
    code(made, path="src/shop.py", line=9)
    code(made, rule="py/clear-text-logging")
    forge.create_alert(REPO, "dependabot", package="requests", vulnerable="< 2.32.0", patched="2.32.0")
    forge.create_alert(REPO, "dependabot", package="requests", manifest="tools/requirements.txt")
    made.settle()
    found = pull_requests(made)
    assert len(found) == 3
    assert all(pull["merged_at"] for pull in found)
    by_branch = {pull["head"]["ref"]: pull for pull in found}
    pull = by_branch[names.task_branch(INJECTION)]
    assert pull["user"]["login"] == "security-agent[bot]"
    url = f"{made.sandbox.url}/{REPO}/security/code-scanning"
    for alert in (1, 2):
        assert f"- [Code scanning alert {alert}]({url}/{alert})\n" in pull["body"]
    assert "alert 3" not in pull["body"]
    assert agents.apps == {"implement": "security", "lint": "clippy", "test": "qa"}
    given = agents.reads[INJECTION, "implement"]
    assert "- At `src/db.py:7`" in given["task.md"]
    assert "This query depends on user input." in given["task.md"]
    assert [alert["number"] for alert in json.loads(given["alerts.json"])["alerts"]] == [1, 2]
    assert "Remedy the alerts in `task/task.md`" in given["instructions.md"]
    assert "the flaw is gone, not hidden from it" in given["acceptance-criteria.md"]
    package = agents.reads[names.alert_number("dependabot:pip:requests"), "test"]["task.md"]
    assert "- Vulnerable versions: < 2.32.0\n- First patched version: 2.32.0\n" in package
    assert "- At `tools/requirements.txt`" in package
    # Nobody dismissed anything: a scan is what closes an alert.
    with person(made, MAINTAINER) as gh:
        assert {alert["state"] for alert in gh.get("/code-scanning/alerts").json()} == {"open"}


@pytest.mark.rule("R1")
def test_r1_alerts_that_were_dealt_with_start_nothing_again_and_news_starts_another_try(start):
    made = start()
    first = code(made)
    made.settle()
    assert sweep(made, "again") == {"groups": "1", "started": "0", "left": "0"}
    assert len(pull_requests(made)) == 1
    made.sandbox.forge.fix_alert(REPO, "code-scanning", first)
    second = code(made)
    made.settle()
    found = pull_requests(made)
    assert [bool(pull["merged_at"]) for pull in found] == [True, True]
    assert f"alert {second}]" in found[1]["body"]
    assert f"alert {first}]" not in found[1]["body"]
    # One that was seen remedied and is back is news too.
    made.sandbox.forge.reopen_alert(REPO, "code-scanning", first)
    made.settle()
    assert f"alert {first}]" in pull_requests(made)[2]["body"]
    assert sweep(made, "last")["started"] == "0"


def test_alerts_that_come_while_their_group_is_worked_on_wait_for_its_merge(start):
    made = start(merge=False)
    code(made)
    made.settle()
    code(made)
    assert sweep(made)["started"] == "0"
    with person(made, MAINTAINER) as gh:
        head = pull_requests(made)[0]["head"]["sha"]
        assert gh.put("/pulls/1/merge", json={"sha": head}).status_code == 200
    assert sweep(made, "after")["started"] == "1"
    found = pull_requests(made)
    assert [pull["state"] for pull in found] == ["closed", "open"]
    assert "alert 2]" in found[1]["body"]


@pytest.mark.rule("R4")
def test_r4_only_so_many_groups_are_begun_in_a_day_the_worst_first(start):
    made = start(settings={"limits": {"securityGroups": 2}})
    code(made, rule="low", security_severity="low")
    code(made, rule="critical", security_severity="critical")
    code(made, rule="high", security_severity="high")
    made.settle()
    assert {pull["head"]["ref"] for pull in pull_requests(made)} == {
        names.task_branch(names.alert_number(f"code-scanning:{rule}")) for rule in ("critical", "high")
    }
    assert f"{REPO}: 1 groups are left for another day: 2 a day (limits.securityGroups)" in made.said
    made.sandbox.clock.sleep(86_400)
    assert sweep(made) == {"groups": "3", "started": "1", "left": "0"}
    assert len(pull_requests(made)) == 3


@pytest.mark.rule("R4")
def test_r4_a_group_that_was_given_up_is_not_begun_again_for_the_same_alerts(start):
    made = start(Guards(fails={("implement", INJECTION)}))
    code(made)
    made.settle()
    assert len(made.starts()) == 2
    assert sweep(made)["started"] == "0"
    code(made)
    made.settle()
    assert len(made.starts()) == 4


@pytest.mark.rule("R3")
def test_r3_a_group_whose_workflow_was_deleted_is_begun_again_by_the_same_name(start):
    made = start(merge=False)
    code(made)
    name = names.flow_workflow("task-alerts", REPO, INJECTION, 1)
    made.sandbox.run(lambda: made.sandbox.cluster.get("Workflow", "press-play", name) is not None)
    made.sandbox.cluster.delete("Workflow", "press-play", name)
    assert sweep(made)["started"] == "1"
    assert waits.phase(made.sandbox.cluster.get("Workflow", "press-play", name)) == "Succeeded"
    assert len(pull_requests(made)) == 1


@pytest.mark.rule("R9")
def test_r9_a_secret_that_leaked_is_shown_nowhere(start, tmp_path):
    """Not in what agents read, git's objects, the cluster's, the log; only the forge itself knows it."""
    agents = Guards()
    made = start(agents)
    with person(made, MAINTAINER) as gh:
        leaked = gh.post("/issues", json={"title": "oops", "body": "I pasted something."}).json()["number"]
    made.sandbox.forge.create_alert(
        REPO,
        "secret-scanning",
        secret=SECRET,
        locations=[{"path": "README.md", "line": 1}, {"issue": leaked}],
    )
    made.settle()
    (pull,) = pull_requests(made)
    assert pull["merged_at"]
    assert "[Secret scanning alert 1](" in pull["body"]
    number = names.alert_number("secret-scanning:github_personal_access_token")
    given = agents.reads[number, "implement"]
    assert "- At `README.md:1` in commit `" in given["task.md"]
    assert "- At `(issue_body)`" in given["task.md"]
    assert "GitHub Personal Access Token" in given["prompt.md"]
    assert "must be rotated" in given["acceptance-criteria.md"]
    assert [name for files in agents.reads.values() for name, text in files.items() if SECRET in text] == []
    assert [line for line in made.said if SECRET in line] == []
    state = made.sandbox.options.directory
    with sqlite3.connect(state / "state.db") as connection:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        holding = [
            table
            for table in tables
            if any(SECRET in str(row) for row in connection.execute(f'SELECT * FROM "{table}"'))
        ]
    assert {"objects", "forge_alerts"} <= set(tables)
    # That the search finds it where it must be, in the forge's own tables, is what makes the rest of it mean something.
    assert "forge_alerts" in holding
    assert [table for table in holding if not table.startswith("forge_")] == []
    objects = subprocess.run(
        ["git", "cat-file", "--batch", "--batch-all-objects"],
        cwd=made.sandbox.forge.git_path(REPO),
        check=True,
        capture_output=True,
    ).stdout
    assert b"Secret scanning" in objects
    assert SECRET.encode() not in objects
    files = [path for path in state.rglob("*") if path.is_file() and not path.name.startswith("state.db")]
    assert [path for path in files if SECRET.encode() in path.read_bytes()] == []


@pytest.mark.parametrize("off", ["code-scanning", "dependabot", "secret-scanning"])
def test_a_kind_of_alerts_that_is_off_is_said_and_the_others_are_read(start, off):
    made = start(merge=False)
    forge = made.sandbox.forge
    forge.disable_alerts(REPO, off)
    if off != "dependabot":
        forge.create_alert(REPO, "dependabot", package="requests")
    else:
        code(made)
    made.settle()
    assert len(pull_requests(made)) == 1
    assert [line for line in made.said if "has no alerts: it is off, or nothing was scanned yet" in line]


@pytest.mark.rule("R9")
def test_r9_a_permission_that_the_app_lacks_is_named_and_the_other_kinds_are_read(start):
    made = start(merge=False)
    granted = {
        "contents": "write",
        "pull_requests": "write",
        "checks": "write",
        "issues": "write",
        "actions": "write",
        "metadata": "read",
        "vulnerability_alerts": "read",
    }
    made.sandbox.forge.create_app("press-play", "press-play", granted)
    made.sandbox.forge.create_alert(REPO, "dependabot", package="requests")
    assert sweep(made)["groups"] == "1"
    for kind, permission in (("Code", "security_events"), ("Secret", "secret_scanning_alerts")):
        assert (
            f"{REPO}: {kind} scanning is not read: the App press-play lacks the permission {permission}: read"
            in made.said
        )


@pytest.mark.rule("R7")
def test_r7_hostile_texts_of_alerts_reach_the_agents_alone(start, tmp_path):
    agents = Guards()
    made = start(agents)
    text = "\n\n".join(marked(one[:2000]) for one in TEXTS.values())
    rule = marked(TEXTS["expression"])
    code(made, rule=rule, description=text, message=text, path="a {{=1+1}} $(x).py")
    made.sandbox.forge.create_alert(REPO, "dependabot", package=marked(TEXTS["shell"]), summary=text, description=text)
    made.settle()
    assert [bool(pull["merged_at"]) for pull in pull_requests(made)] == [True, True]
    given = agents.reads[names.alert_number(f"code-scanning:{rule}"), "implement"]["task.md"]
    assert text in given
    assert f"- Rule: {rule}" in given
    untouched_by_canaries(made)
    assert not list(tmp_path.rglob("pwned"))
    assert not re.search("kanarie", git(made.sandbox.forge.git_path(REPO), "log", "--all", "--format=%B"))
