"""A sandbox under virtual time, with agents whose behaviour and durations a test decides."""

from __future__ import annotations

import functools
import itertools
import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pressplay import names
from pressplay.chart import rendered_chart
from pressplay.clock import VirtualClock
from pressplay.cluster import waits
from pressplay.github import refs
from pressplay.patch import merge
from pressplay.sandbox.deployer import Starter
from pressplay.sandbox.eventsource import Network
from pressplay.sandbox.forge import accounts
from pressplay.sandbox.launcher import VirtualLauncher
from pressplay.sandbox.summary import Summary, summarize
from pressplay.sandbox.world import Options, Sandbox

REPO = "acme/shop"
KEYS = 12
"""More than a sandbox has Apps."""

_make, _turns = accounts.new_key, itertools.cycle(range(KEYS))


@functools.cache
def _key(_number: int) -> str:
    return _make()


# A new key takes a tenth of a second: the same few serve every sandbox of this process, different ones its Apps.
accounts.new_key = lambda: _key(next(_turns))


PLAN = """probes:
- name: it-runs
  logs:
    namespace: preview
    matchLabels: {app.kubernetes.io/version: "${COMMIT}"}
    expect:
      lines: ["serving ${COMMIT}", "serving"]
"""
"""What every deployment of a virtual starter writes into its log."""


UNGATED = {"defaults": {"lint": {"enabled": False}, "tests": {"enabled": False}}}
"""The lint gate has scenarios of its own: elsewhere nothing is checked out and no tool is started."""


def task(number: int, *dependencies: int, **fields: Any) -> dict[str, Any]:
    """A task as tasks.json has it."""
    return {
        "id": number,
        "title": f"Task {number}",
        "description": "d",
        "status": "pending",
        "dependencies": list(dependencies),
        **fields,
    }


@dataclass
class Agents:
    """What agents do: `fails` (role, task) every time, `wants_changes` task → in how many rounds."""

    fails: set[tuple[str, int]] = field(default_factory=set)
    wants_changes: dict[int, int] = field(default_factory=dict)
    silent: set[tuple[str, int]] = field(default_factory=set)
    """(role, task) that ends well without leaving anything."""
    seconds: Callable[[str, int], float] = lambda _role, _task: 60.0
    plans: bool = True
    """Whether QA writes a plan of probes where the project has none for the work."""

    def __call__(self, tree: Path, env: Mapping[str, str]) -> int:
        role, number = env["PRESSPLAY_ROLE"], int(env["PRESSPLAY_TASK"])
        assert (tree / "task" / "prompt.md").is_file()
        assert Path(env["PRESSPLAY_PERSONA"]).is_file()
        if (role, number) in self.fails:
            return 1
        if (role, number) in self.silent:
            return 0
        if role in ("implement", "fix"):
            (tree / f"task_{number}_{role}_{env['PRESSPLAY_ROUND']}.txt").write_text("done\n")
            git(tree, "add", "-A")
            git(tree, "commit", "--allow-empty", "-qm", f"{role} {number}")
        if role == "conflict":
            merge_base(tree, env)
        if role == "issue":
            made = "# Do it\n\n## Acceptance criteria\n- it is done"
            Path(env["PRESSPLAY_RESULT"]).write_text(json.dumps({"task": made}))
        if role == "test":
            if self.plans:
                plan(tree, number)
            changes = int(env["PRESSPLAY_ROUND"]) <= self.wants_changes.get(number, 0)
            result = {"verdict": "changes" if changes else "pass", "body": "said the test's agent"}
            Path(env["PRESSPLAY_RESULT"]).write_text(json.dumps(result))
        return 0

    def duration(self, env: Mapping[str, str]) -> float:
        return self.seconds(env["PRESSPLAY_ROLE"], int(env["PRESSPLAY_TASK"]))


def plan(tree: Path, number: int) -> None:
    """QA's plan of probes, where the project has none for this work yet."""
    file = tree / names.acceptance_plan(number)
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(PLAN)
        git(tree, "add", "-A")
        git(tree, "commit", "-qm", f"plan {number}")


def merge_base(tree: Path, env: Mapping[str, str]) -> None:
    """Merge the base; where lines conflict, keep those of both sides."""
    (tree / ".git" / "info").mkdir(exist_ok=True)
    (tree / ".git" / "info" / "attributes").write_text("* merge=union\n")
    git(tree, "merge", "-q", "--no-edit", f"origin/{env['PRESSPLAY_BASE']}")


def git(cwd: Path, *args: str) -> str:
    done = subprocess.run(["git", *args], cwd=cwd, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def project(directory: Path, tasks: Sequence[Mapping[str, Any]]) -> Path:
    """A project with this backlog."""
    path = directory / "project"
    (path / ".taskmaster" / "tasks").mkdir(parents=True)
    (path / ".taskmaster" / "tasks" / "tasks.json").write_text(json.dumps({"master": {"tasks": list(tasks)}}))
    (path / "README.md").write_text("# a project\n")
    # Under virtual time nothing is started: there a stand-in writes the same line.
    serve = f"{sys.executable} -m http.server $PORT --bind 127.0.0.1"
    (path / "Procfile").write_text(f"web: echo serving $COMMIT_SHA; exec {serve}\n")
    plans = path / ".press-play" / "acceptance"
    plans.mkdir(parents=True)
    for one in tasks:
        number = names.task_number(one["id"])
        (plans / f"{number}.yaml").write_text(PLAN)
    return path


@dataclass
class World:
    """A sandbox and what a test wants of it."""

    sandbox: Sandbox
    said: list[str]

    def play(self, **arguments: str) -> Summary:
        self.sandbox.press(**arguments)
        return self.go_on()

    def go_on(self) -> Summary:
        self.settle()
        return summarize(self.sandbox)

    def settle(self) -> None:
        """Work until nothing but people is waited for."""
        self.sandbox.run(self.sandbox.only_people_are_waited_for)

    def context_branches(self) -> list[str]:
        """The branches that tell runs what to do; each goes once its run has ended."""
        gh = self.sandbox.context.harness(REPO, contents="read")
        return list(refs.branches_with_prefix(gh, REPO, "press-play/context/"))

    def starts(self) -> list[str]:
        """The agents' own log, kept outside the database: a line `run task role attempt` a start."""
        log = self.sandbox.options.directory / "agents.log"
        return log.read_text().splitlines() if log.exists() else []


def world(
    directory: Path,
    agents: Agents | None = None,
    clock: VirtualClock | None = None,
    on_commit: Callable[[], None] = lambda: None,
    source: Path | None = None,
    chart: Sequence[Mapping[str, Any]] | None = None,
    starter: Starter | None = None,
    **options: Any,
) -> World:
    """Open (or make) a sandbox in `directory`; with `source`, its project is set up."""
    said: list[str] = []
    clock = clock or VirtualClock()
    agents = agents or Agents()
    options["settings"] = merge(UNGATED, options.get("settings", {}))
    sandbox = Sandbox(
        Options(directory=directory, repo=REPO, on_commit=on_commit, say=said.append, **options),
        CHART if chart is None else chart,
        clock,
        VirtualLauncher(clock, agents, agents.duration),
        starter,
    )
    if source is not None:
        sandbox.set_up_project(source)
    return World(sandbox, said)


CHART = rendered_chart()


def reconciled(schedule: str) -> list[dict[str, Any]]:
    """The chart with another schedule of `reconcile`: days pass quickly where minutes need not be looked at."""
    return [
        {**manifest, "spec": {**manifest["spec"], "schedules": [schedule]}}
        if manifest["kind"] == "CronWorkflow"
        else manifest
        for manifest in CHART
    ]


class Deaf(Network):
    """Nothing arrives."""

    def send(self, _delivery) -> None: ...


def after(made: World, minutes: float) -> list[str]:
    """Let time pass; the paths that GitHub was asked for meanwhile."""
    asked: list[str] = []
    forge, end = made.sandbox.forge, made.sandbox.clock.now() + minutes * 60.0
    whole = forge._web._fault
    forge._web._fault = lambda method, path: (asked.append(path), whole(method, path))[1]
    made.sandbox.run(lambda: made.sandbox.clock.now() >= end and not made.sandbox.kubelet.busy)
    forge._web._fault = whole
    return asked


def grow_old(made: World, days: float) -> None:
    """Days pass, and Argo deletes what ended (`workflows.ttlSeconds`)."""
    cluster = made.sandbox.cluster
    for workflow in cluster.list("Workflow", "press-play"):
        if waits.phase(workflow) in waits.FINISHED:
            cluster.delete("Workflow", "press-play", workflow["metadata"]["name"])
            for pod in workflow["status"]["nodes"]:
                cluster.delete("Pod", "press-play", pod)
    made.sandbox.clock.sleep(days * 86_400)
