"""A play ends with probes of the deployment of its base branch, where the values name its environment (R5)."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from harness import CHART, REPO, World, git, project, task, world
from killing import Murder, same_end
from people import person
from team import Team, commit

from pressplay.clock import VirtualClock
from pressplay.cluster import waits
from pressplay.domain.entries import Broken, FinalProof
from pressplay.errors import PressPlayError
from pressplay.github import deployments
from pressplay.patch import merge
from pressplay.sandbox import detached
from pressplay.sandbox.deployer import Deployer, Deployment, ProcessStarter, Running, VirtualStarter
from pressplay.sandbox.forge import Forge
from pressplay.sandbox.progress import Progress
from pressplay.sandbox.summary import summarize
from pressplay.settings import CONFIG_KEY, CONFIG_MAP

pytestmark = pytest.mark.rule("R5")
STAGING = "staging"
TOGETHER = "left and right do not go together"
SERVER = f"""
import http.server, os, pathlib

class Shop(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        page = pathlib.Path("docs") / (self.path.strip("/") + ".md")
        both = all((page.parent / name).exists() for name in ("left.md", "right.md"))
        status, text = (200, page.read_text()) if page.exists() else (404, "no such page")
        if self.path == "/version":
            status, text = 200, os.environ["COMMIT_SHA"]
        elif self.path == "/left" and both:
            status, text = 500, "{TOGETHER}"
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_args): ...

http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Shop).serve_forever()
"""
"""A service whose pages are the documents; two of them break one of its pages, which no test says."""
SEEN_BY_PATH = {"environment": STAGING, "commit": {"path": "/version"}}
SEEN_BY_LABEL = {"environment": STAGING, "commit": {"workload": {"namespace": "preview", "name": STAGING}}}


def settings(base: Mapping[str, Any], **deploy: Any) -> dict[str, Any]:
    contract = {"projects": [{"folder": ".", "language": "other", "test": {"command": "true", "report": "exit"}}]}
    tests = {"enabled": True, "environment": contract}
    return {
        "defaults": {
            "tests": tests,
            "base": {"strategy": "off", "finalProof": True},
            "deploy": {"base": base, "commit": {"workload": {"namespace": ""}}, **deploy},
        }
    }


def probes(name: str) -> str:
    expect = f'{{status: 200, contains: ["About {name}"]}}'
    return f"probes:\n- name: answers\n  http: {{path: /{name}, expect: {expect}, timeoutSeconds: 5}}\n"


class Started(VirtualStarter):
    """Starts each commit for real, also under virtual time."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.forge: Forge | None = None
        self.deployed: list[tuple[str, str]] = []

    def start(self, deployment: Deployment) -> Running:
        assert self.forge is not None
        self.deployed.append((deployment.environment, deployment.sha))
        return ProcessStarter(self.forge, REPO, self._directory, None).start(deployment)

    def stop(self, environment: str) -> None:
        if self.forge is not None:
            ProcessStarter(self.forge, REPO, self._directory, None).stop(environment)


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Started]:
    detached.begin()
    starter = Started(tmp_path / "deployments")
    yield starter
    for folder in (tmp_path / "deployments").glob("*"):
        starter.stop(folder.name)


def shop(tmp_path: Path, plans: Sequence[str]) -> Path:
    """The service as a project, with a task for each plan of probes; an empty one is every project's."""
    source = project(tmp_path, [task(number, profile="docs") for number, _ in enumerate(plans, start=1)])
    (source / "server.py").write_text(SERVER)
    (source / "Procfile").write_text(f"web: exec {sys.executable} server.py\n")
    for number, text in enumerate(plans, start=1):
        if text:
            (source / ".press-play" / "acceptance" / f"{number}.yaml").write_text(text)
    return source


def approved(tmp_path: Path, plans: Sequence[str], names: Sequence[str], **options: Any) -> World:
    """A play of tasks that each write one document, with these plans of probes; all wait for a person's merge."""

    def implements(tree: Path, env: Mapping[str, str]) -> None:
        name = names[int(env["PRESSPLAY_TASK"]) - 1]
        commit(tree, f"docs/{name}.md", f"About {name}.\n")

    numbers = range(1, len(names) + 1)
    source = shop(tmp_path, plans)
    team = Team(does={"implement": implements}, silent={("implement", number) for number in numbers})
    made = world(tmp_path / "state", team, merge=False, **options)
    if isinstance(starter := options.get("starter"), Started):
        starter.forge = made.sandbox.forge
    made.sandbox.set_up_project(source)
    summary = made.play()
    assert [result.state for result in summary.tasks] == ["approved"] * len(names), [r.why for r in summary.tasks]
    return made


def merges(made: World, tasks: Sequence[int]) -> str:
    """A person merges the tasks' pull requests in this order; the commit that the branch ends with."""
    known = {ledger.number: ledger.entries for ledger in made.sandbox.context.ledger(REPO).kept("task")}
    with person(made) as api:
        for number in tasks:
            pr = next(entry.pr for entry in known[number] if getattr(entry, "KEY", "") == "pr")
            api.put(f"pulls/{pr}/merge", json={"merge_method": "merge"}).raise_for_status()
    return git(made.sandbox.forge.git_path(REPO), "rev-parse", "main")


def entries(made: World, kind: type[Any]) -> list[Any]:
    return [entry for pr in made.sandbox.context.ledger(REPO).kept("pr") for entry in pr.entries.all(kind)]


def comments(made: World, pr: int) -> str:
    with person(made) as api:
        return "\n".join(comment["body"] for comment in api.get(f"issues/{pr}/comments").json())


def last(made: World) -> FinalProof:
    (proof,) = entries(made, FinalProof)
    assert isinstance(proof, FinalProof)
    return proof


def test_two_proven_tasks_that_break_each_other_where_they_are_deployed_are_named_by_their_probes(tmp_path, started):
    options = {"settings": settings(SEEN_BY_PATH), "starter": started}
    made = approved(tmp_path, [probes("left"), probes("right"), probes("three")], ["left", "right", "three"], **options)
    tip = merges(made, (1, 3, 2))
    lines: list[str] = []
    progress = Progress(made.sandbox, lines.append)
    made.sandbox.run(made.sandbox.only_people_are_waited_for, progress.watch)
    progress.watch()
    summary = summarize(made.sandbox)
    assert (summary.state, waits.phase(made.sandbox.plays()[-1])) == ("merged, broken", "Failed")
    # Nobody knows which merge did it: no task is said to have.
    assert {result.state for result in summary.tasks} == {"merged"}
    (broken,) = entries(made, Broken)
    assert (broken.commit, broken.tip, broken.by_this) == (tip, tip, False)
    assert "what task 1 (#" in broken.reason
    assert "1/answers" in broken.reason
    assert "2/answers" not in broken.reason
    assert "which merge did it is not known" in broken.why.todo
    proof = last(made)
    assert proof.deployed is not None
    assert (proof.outcome, proof.deployed.outcome, proof.deployed.tasks) == ("pass", "fail", (1,))
    assert (STAGING, tip) in started.deployed
    # What came back is where the last merged pull request is: in a person's words and in the deployment's.
    by_number = {result.id: result for result in summary.tasks}
    text = comments(made, by_number["2"].pr or 0)
    assert "merged, broken" in text
    assert TOGETHER in text
    assert "running-commit-by-path" in text
    assert any(f"its deployment into {STAGING} is probed" in line for line in lines)


def test_what_holds_where_the_base_branch_is_deployed_ends_well_and_says_so(tmp_path, started):
    options = {"settings": settings(SEEN_BY_PATH), "starter": started}
    made = approved(tmp_path, [probes("one"), probes("two")], ["one", "two"], **options)
    tip = merges(made, (2, 1))
    summary = made.go_on()
    assert (summary.state, waits.phase(made.sandbox.plays()[-1])) == ("merged", "Succeeded")
    assert summary.final is not None
    assert (summary.final.state, summary.final.commit) == ("holds", tip)
    assert summary.final.why.what.endswith("2 probes held on its deployment into staging")
    # Nothing was asked for: CI's deployment of the push is the only one.
    gh = made.sandbox.context.harness(REPO, deployments="read")
    assert [record.key for record in deployments._listed(gh, REPO, STAGING, tip)] == [""]


NEVER = "not deployed: nobody deployed {tip} into staging within 30 minutes (deploy.timeoutMinutes)"


def test_without_a_deployment_nothing_is_said_to_be_broken_and_a_person_reads_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(Deployer, "deploy_push", lambda *_: None)
    made = approved(tmp_path, ["", ""], ["one", "two"], settings=settings(SEEN_BY_LABEL))
    tip, began = merges(made, (1, 2)), made.sandbox.clock.now()
    summary = made.go_on()
    assert 30 * 60 <= made.sandbox.clock.now() - began < 40 * 60
    assert (summary.state, waits.phase(made.sandbox.plays()[-1])) == ("merged", "Succeeded")
    assert entries(made, Broken) == []
    assert summary.final is not None
    assert summary.final.state == "not shown"
    assert NEVER.format(tip=tip[:12]) in summary.final.why.what
    assert "nothing was ever deployed there" in summary.final.why.what
    text = comments(made, summary.tasks[1].pr or 0)
    assert "does not mean that the base branch is broken" in text
    assert "and ask by hand what the tasks promise" in text
    assert f"{REPO}/deployments" in text


class Refuses(VirtualStarter):
    def start(self, deployment: Deployment) -> Running:
        if deployment.environment == STAGING:
            raise PressPlayError("no room left in staging")
        return super().start(deployment)


def test_a_deployment_that_fails_is_no_fault_of_the_branch_and_its_own_words_are_there(tmp_path):
    starter = Refuses(tmp_path / "state" / "deployments")
    made = approved(tmp_path, ["", ""], ["one", "two"], settings=settings(SEEN_BY_LABEL), starter=starter)
    merges(made, (1, 2))
    began = made.sandbox.clock.now()
    summary = made.go_on()
    assert made.sandbox.clock.now() - began < 10 * 60
    assert (summary.state, summary.final and summary.final.state) == ("merged", "not shown")
    assert summary.final is not None
    assert "not deployed: the deployment into staging failed" in summary.final.why.what
    assert "no room left in staging" in summary.final.why.detail
    assert entries(made, Broken) == []


class Together(VirtualStarter):
    """Says that it serves a commit, unless both documents are in it."""

    def start(self, deployment: Deployment) -> Running:
        running = super().start(deployment)
        bare = running.log.parent.parent / "git" / f"{REPO}.git"
        there = git(bare, "ls-tree", "-r", "--name-only", deployment.sha)
        if "docs/left.md" in there and "docs/right.md" in there:
            running.log.write_text(f"{TOGETHER}\n")
        return running


@pytest.mark.rule("R3")
@pytest.mark.rule("R1")
def test_killed_at_commit_points_the_same_is_said_of_the_deployment(tmp_path):
    def opened(state: Path, clock: VirtualClock, murder: Any = lambda: None) -> World:
        starter = Together(state / "deployments")
        return world(state, None, clock, murder, settings=settings(SEEN_BY_LABEL), merge=False, starter=starter)

    start = tmp_path / "start"
    start.mkdir()
    starter = Together(start / "state" / "deployments")
    made = approved(start, ["", ""], ["left", "right"], settings=settings(SEEN_BY_LABEL), starter=starter)
    merges(made, (1, 2))
    assert entries(made, FinalProof) == []
    now = made.sandbox.clock.now()
    made.sandbox.close()

    def life(state: Path, murder: Murder) -> None:
        made = opened(state, VirtualClock(now), murder)
        made.settle()
        made.sandbox.close()

    def end(state: Path) -> tuple[Any, ...]:
        made = opened(state, VirtualClock(now + 1000))
        summary = made.go_on()
        (broken,) = entries(made, Broken)
        said = [comments(made, result.pr or 0).count("merged, broken") for result in summary.tasks]
        proof = last(made)
        assert proof.deployed is not None
        made.sandbox.close()
        return summary.state, broken.tip, proof.deployed.outcome, proof.deployed.tasks, said

    expected = same_end(start / "state", tmp_path, life, end, spared=lambda kills: max(1, kills // 10))
    assert (expected[0], expected[2:]) == ("merged, broken", ("fail", (2, 1), [0, 1]))


AGENT = """
import json, os, pathlib, subprocess
env = os.environ
name = ("left", "right")[int(env["PRESSPLAY_TASK"]) - 1]
if env["PRESSPLAY_ROLE"] == "implement":
    pathlib.Path("docs").mkdir(exist_ok=True)
    pathlib.Path(f"docs/{name}.md").write_text(f"About {name}.\\n")
    subprocess.run(["git", "add", "-A"], check=True)
    subprocess.run(["git", "commit", "-qm", "the work"], check=True)
if env["PRESSPLAY_ROLE"] == "test":
    pathlib.Path(env["PRESSPLAY_RESULT"]).write_text(json.dumps({"verdict": "pass", "body": "seen"}))
"""


def test_in_real_time_a_play_ends_with_its_deployments_in_their_order(tmp_path):
    source = shop(tmp_path, [probes("left"), probes("right")])
    git(source, "init", "-q", "-b", "main")
    git(source, "add", "-A")
    git(source, "-c", "user.name=ann", "-c", "user.email=ann@example.com", "commit", "-qm", "a shop")
    (tmp_path / "agent.py").write_text(AGENT)
    own = {"defaults": {**settings(SEEN_BY_LABEL)["defaults"], "lint": {"enabled": False}}}
    chart = [with_settings(manifest, own) for manifest in CHART]
    (tmp_path / "chart.yaml").write_text(yaml.safe_dump_all(chart))
    play = [sys.executable, "-c", "from pressplay.cli import run; run()", "play", "project", "--json"]
    agent = f"{sys.executable} {tmp_path / 'agent.py'}"
    command = [*play, "--agent", agent, "--chart", str(tmp_path / "chart.yaml"), "--state", "state"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 1, done.stderr
    end = json.loads(done.stdout)
    assert (end["state"], {result["state"] for result in end["tasks"]}) == ("merged, broken", {"merged"})
    assert "1 of 2 probes did not hold on its deployment into staging: 1/answers" in end["finalProof"]["why"]["what"]
    assert "expected 200, got 500" in end["finalProof"]["why"]["detail"]


def with_settings(manifest: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """A manifest of the chart; of its configuration, with other settings."""
    if manifest["kind"] != "ConfigMap" or manifest["metadata"]["name"] != CONFIG_MAP:
        return dict(manifest)
    config = merge(json.loads(manifest["data"][CONFIG_KEY]), own)
    return {**manifest, "data": {CONFIG_KEY: json.dumps(config)}}
