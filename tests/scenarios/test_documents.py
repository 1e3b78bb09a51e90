"""Morgan's flow: documents for tasks that lack them, by DocsRun, as a pull request that a person merges."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
from harness import REPO, Agents, World, git, project, task, world
from hostile import CANARY, TEXTS, marked, untouched_by_canaries

from pressplay import names
from pressplay.backlog import tasks
from pressplay.cluster import pause, waits
from pressplay.sandbox import agents as scripted
from pressplay.sandbox.forge import CiJob, Fault
from pressplay.sandbox.setup import MAINTAINER
from pressplay.validation import packaged

FILES = ("prompt.md", "task.md", "acceptance-criteria.md")
MORGAN = "morgan[bot]"


@dataclass
class Writers(Agents):
    """Agents of whom Morgan is the scripted one; `does` is done in its work tree afterwards."""

    does: Callable[[Path, Mapping[str, str]], None] = lambda _tree, _env: None
    requests: list[str] = field(default_factory=list)
    briefings: list[str] = field(default_factory=list)

    def __call__(self, tree: Path, env: Mapping[str, str]) -> int:
        if env["PRESSPLAY_ROLE"] != "plan":
            self.briefings.append((tree / "task/prompt.md").read_text())
            return super().__call__(tree, env)
        assert Path(env["PRESSPLAY_PERSONA"]).read_text().count("# Morgan") == 1
        self.requests.append((tree / ".taskmaster/press-play/request.md").read_text())
        if (env["PRESSPLAY_ROLE"], int(env["PRESSPLAY_ATTEMPT"])) in self.fails:
            return 1
        code = scripted.run(tree, env)
        self.does(tree, env)
        return code


def with_documents(source: Path, *numbers: int, docs: str = "") -> Path:
    for number in numbers:
        folder = source / names.task_folder(number, docs)
        folder.mkdir(parents=True)
        for name in FILES:
            (folder / name).write_text(f"{name} of {number}, by a person\n")
    return source


def submit(made: World, name: str = "documents", **parameters: str) -> str:
    made.sandbox.submit("docsrun-template", name, {"repo": REPO, **parameters})
    return name


def go(made: World, name: str = "documents") -> Any:
    """Let it come to its end, and `reconcile` look after it; the Workflow."""
    made.sandbox.run(lambda: waits.phase(workflow(made, name)) in waits.FINISHED)
    minutes(made, 3)
    return workflow(made, name)


def minutes(made: World, count: int) -> None:
    end = made.sandbox.clock.now() + 60 * count
    made.sandbox.run(lambda: made.sandbox.clock.now() >= end)


def workflow(made: World, name: str = "documents") -> Any:
    return made.sandbox.cluster.get("Workflow", "press-play", name)


def outputs(found: Any) -> dict[str, str]:
    (root,) = [node for node in waits.nodes(found).values() if node["name"] == found["metadata"]["name"]]
    return {one["name"]: one["value"] for one in (root.get("outputs") or {}).get("parameters", [])}


def runs(made: World, kind: str = "DocsRun") -> list[Any]:
    return made.sandbox.cluster.list(kind, made.sandbox.settings.controller_namespace)


def person(made: World) -> httpx.Client:
    return httpx.Client(
        base_url=f"{made.sandbox.settings.github.api_url}/repos/{REPO}",
        headers={"Authorization": f"Bearer {made.sandbox.forge.user_token(MAINTAINER)}"},
        transport=httpx.WSGITransport(app=made.sandbox.forge.wsgi),
    )


def pulls(made: World) -> list[Any]:
    with person(made) as gh:
        return gh.get("/pulls", params={"state": "all"}).json()


def changed(made: World, number: int) -> list[str]:
    with person(made) as gh:
        return sorted(one["filename"] for one in gh.get(f"/pulls/{number}/files", params={"per_page": "100"}).json())


def comments(made: World, number: int) -> list[str]:
    with person(made) as gh:
        return [one["body"] for one in gh.get(f"/issues/{number}/comments").json()]


def check(made: World, sha: str) -> list[tuple[str, str]]:
    with person(made) as gh:
        found = gh.get(f"/commits/{sha}/check-runs").json()["check_runs"]
    return [(one["name"], one["conclusion"]) for one in found]


def expected(*numbers: int) -> list[str]:
    return sorted(f".taskmaster/docs/task-{number}/{name}" for number in numbers for name in FILES)


@pytest.fixture
def start(tmp_path):
    def make(source: Path, agents: Agents | None = None, **options: Any) -> World:
        return world(tmp_path / "state", agents or Writers(), source=source, **options)

    return make


@pytest.mark.rule("R5")
def test_documents_are_written_left_for_a_person_and_used_by_the_next_play(tmp_path, start):
    source = with_documents(project(tmp_path, [task(1), task(2, 1), task(3, status="done"), task(4)]), 4)
    team = Writers()
    made = start(source, team)
    submit(made)
    found = go(made)
    assert waits.phase(found) == "Succeeded", (made.said, found["status"])
    (run,) = runs(made)
    jsonschema.validate({key: value for key, value in run.items() if key != "status"}, packaged.schema("docsrun"))
    (pull,) = pulls(made)
    told = outputs(found)
    assert (told["state"], told["outcome"], told["pr"]) == ("go", "done", "1")
    assert told["link"].endswith("/acme/shop/pull/1")
    # As the controller opens it, and as a person finds it.
    assert (pull["user"]["login"], pull["base"]["ref"], pull["state"]) == (MORGAN, "main", "open")
    assert pull["head"]["ref"].startswith("docs/auto-gen-")
    assert [label["name"] for label in pull["labels"]] == ["press-play/documents"]
    assert changed(made, 1) == expected(1, 2)
    assert check(made, pull["head"]["sha"]) == [("press-play/acceptance", "neutral")]
    (said,) = comments(made, 1)
    assert said.startswith("Documents for tasks 1, 2, written by morgan")
    # Nobody reviews it, nobody merges it, and what the run was told is gone.
    assert [line.split()[2] for line in made.starts()] == ["plan"]
    assert runs(made, "CodeRun") == []
    with person(made) as gh:
        assert gh.get("/branches/press-play/context/x").status_code == 404
        assert gh.get("/git/matching-refs/heads/press-play/").json() == []
        ledger = made.sandbox.context.ledger(REPO).raw("pr", 1)
        assert ledger["left-alone"]["reason"].startswith("morgan wrote it")
        assert ledger["documents"]["tasks"] == [1, 2]
        # The ruleset wants a person for it, and lets one merge.
        merge = f"/pulls/{pull['number']}/merge"
        assert gh.put(merge).status_code == 405
        assert gh.post(f"/pulls/{pull['number']}/reviews", json={"event": "APPROVE"}).status_code == 200
        assert gh.put(merge).status_code == 200
    assert made.play().state == "merged"
    # The agents read what Morgan wrote, and what people wrote.
    assert sum("repeats a recorded answer" in text for text in team.briefings) == 6
    assert sum("prompt.md of 4, by a person" in text for text in team.briefings) == 3
    submit(made, "again")
    assert outputs(go(made, "again"))["state"] == "nothing"
    assert len(runs(made)) == 1


@pytest.mark.parametrize(("parameters", "tag"), [({}, "next"), ({"tag": "master"}, "master")])
def test_they_are_of_taskmasters_current_tag_as_a_press_is(tmp_path, start, parameters, tag):
    source = project(tmp_path, [task(1)])
    both = {"master": {"tasks": [task(1)]}, "next": {"tasks": [task(7)]}}
    content = json.dumps(both)
    (source / ".taskmaster" / "tasks" / "tasks.json").write_text(content)
    (wanted,) = tasks.read(content.encode(), "tasks.json", tag).tasks
    (source / ".taskmaster" / "state.json").write_text(json.dumps({"currentTag": "next"}))
    made = start(source)
    submit(made, **parameters)
    assert outputs(go(made))["outcome"] == "done"
    assert made.sandbox.context.ledger(REPO).raw("pr", 1)["documents"]["tasks"] == [wanted.number]


def test_where_nothing_lacks_documents_it_ends_at_once_and_says_so(tmp_path, start):
    made = start(with_documents(project(tmp_path, [task(1), task(2, status="done")]), 1))
    submit(made)
    found = go(made)
    assert waits.phase(found) == "Succeeded"
    assert outputs(found) | {"link": ""} == {"state": "nothing", "outcome": "none", "pr": "none", "link": ""}
    assert (runs(made), pulls(made)) == ([], [])
    assert any("no open task lacks documents" in line for line in made.said)
    assert made.play().state == "merged"
    assert not any("without documents of their own" in line for line in made.said)


@pytest.mark.rule("R6")
def test_a_commit_outside_of_the_documents_is_refused_until_a_person_takes_it_out(tmp_path, start):
    def meddle(tree: Path, _env: Mapping[str, str]) -> None:
        (tree / "README.md").write_text(f"# mine `{CANARY}`\n")
        git(tree, "commit", "-qam", "Touch the source")

    made = start(project(tmp_path, [task(1)]), Writers(does=meddle))
    submit(made)
    found = go(made)
    assert waits.phase(found) == "Failed"
    (pull,) = pulls(made)
    assert {label["name"] for label in pull["labels"]} == {"press-play/documents", "press-play/parked"}
    assert check(made, pull["head"]["sha"]) == [("press-play/acceptance", "action_required")]
    (said,) = comments(made, 1)
    assert "it changes 1 files outside of .taskmaster/docs/" in said
    assert "\n- `README.md`\n" in said
    assert any("refused: it changes 1 files outside" in line for line in made.said)
    assert [line.split()[2] for line in made.starts()] == ["plan"]
    with person(made) as gh:
        old = gh.get("/contents/README.md", params={"ref": pull["head"]["ref"]}).json()
        mended = {"message": "m", "content": "IyBhIHByb2plY3QK", "branch": pull["head"]["ref"], "sha": old["sha"]}
        assert gh.put("/contents/README.md", json=mended).status_code == 200
    minutes(made, 3)
    (pull,) = pulls(made)
    assert changed(made, 1) == expected(1)
    assert [label["name"] for label in pull["labels"]] == ["press-play/documents"]
    assert check(made, pull["head"]["sha"]) == [("press-play/acceptance", "neutral")]
    assert [line.split()[2] for line in made.starts()] == ["plan"]


def test_what_was_forgotten_is_said_and_asked_for_the_next_time(tmp_path, start):
    """In a project whose documents are not at the repository's root."""
    team = Writers()

    def forget(tree: Path, _env: Mapping[str, str]) -> None:
        if len(team.requests) == 1:
            (tree / ".taskmaster/docs/task-2/prompt.md").write_text(" \n")

    team.does = forget
    source = project(tmp_path, [task(1), task(2)])
    (source / "plan").mkdir()
    (source / ".taskmaster").rename(source / "plan/.taskmaster")
    made = start(source, team, settings={"defaults": {"docsProjectDirectory": "plan/"}})
    # Pressing play says what lacks documents, and starts nothing for it.
    made.sandbox.press(mode="show")
    minutes(made, 1)
    (hint,) = [line for line in made.said if line.startswith("without documents of their own: 1, 2; ")]
    assert hint.endswith("argo submit -n press-play --from workflowtemplate/docsrun-template -p repo=acme/shop")
    assert made.starts() == []
    submit(made)
    assert waits.phase(go(made)) == "Failed"
    assert "documents are missing, or empty, for tasks 2" in comments(made, 1)[0]
    assert {label["name"] for label in pulls(made)[0]["labels"]} == {"press-play/documents", "press-play/parked"}
    # What is there waits to be merged, what is not is asked for.
    submit(made, "again")
    assert outputs(go(made, "again"))["outcome"] == "done"
    assert changed(made, 2) == [f"plan/{path}" for path in expected(2)]
    submit(made, "third")
    assert outputs(go(made, "third"))["state"] == "open"
    assert len(runs(made)) == 2


@pytest.mark.rule("R8")
def test_no_flow_works_on_it_whoever_asks_and_whatever_fails_on_it(tmp_path, start):
    made = start(project(tmp_path, [task(1)]))
    submit(made)
    go(made)
    with person(made) as gh:
        assert gh.post("/issues/1/labels", json={"labels": ["press-play"]}).status_code == 200
        assert gh.post("/issues/1/comments", json={"body": "Say more on the edges."}).status_code == 201
        head = gh.get("/pulls/1").json()["head"]["sha"]
        assert gh.patch("/pulls/1", json={"state": "closed"}).status_code == 200
        assert gh.patch("/pulls/1", json={"state": "open"}).status_code == 200
    made.sandbox.forge.report_ci(REPO, head, jobs=[CiJob("build", "failure")])
    made.sandbox.submit("pull-request", "by-hand", {"repo": REPO, "pr": "1"})
    minutes(made, 5)
    assert waits.phase(workflow(made, "by-hand")) == "Succeeded"
    assert [line.split()[2] for line in made.starts()] == ["plan"]
    assert made.said.count("pull request 1: nothing is started: documents") >= 3
    assert len(comments(made, 1)) == 2


@pytest.mark.rule("R1")
def test_a_lost_waiter_and_a_second_submit_are_one_run(tmp_path, start):
    made = start(project(tmp_path, [task(1)]))
    submit(made)
    submit(made, "second")
    made.sandbox.run(lambda: bool(made.starts()))
    (waiter,) = (pod for pod in made.sandbox.cluster.list("Pod", "press-play") if pod["status"]["phase"] == "Running")
    assert waiter["spec"]["containers"][0]["command"][2] == "run-agent"
    made.sandbox.cluster.delete("Pod", "press-play", waiter["metadata"]["name"])
    kubelet, lost = made.sandbox.kubelet, {}
    sync = kubelet.sync

    def lose_first(namespace: str, name: str) -> bool:
        pod = made.sandbox.cluster.get("Pod", namespace, name)
        step = pod["spec"]["containers"][0]["command"][2] if pod else None
        if step is not None and step not in lost:
            lost[step] = name
            return made.sandbox.cluster.set_status("Pod", namespace, name, {"phase": "Running"})
        return sync(namespace, name)

    kubelet.sync = lose_first
    assert outputs(go(made))["outcome"] == "done"
    assert outputs(go(made, "second"))["state"] == "open"
    assert {"run-agent", "docs-settle", "docs-look"} <= set(lost)
    assert len(made.starts()) == len(runs(made)) == len(pulls(made)) == 1
    (run,) = runs(made)
    assert {"press-play/repo", "press-play/task", "press-play/agent", "press-play/flow"} <= set(
        run["metadata"]["labels"]
    )
    assert workflow(made)["metadata"]["labels"]["press-play/task"] == run["metadata"]["labels"]["press-play/task"]


CALLS = {
    "tree": ("GET", r"/git/trees/"),
    "new-tree": ("POST", r"/git/trees$"),
    "commit": ("POST", r"/git/commits$"),
    "branch": ("POST", r"/git/refs$"),
    "move": ("PATCH", r"/git/refs/"),
    "open": ("POST", r"/pulls$"),
    "compare": ("GET", r"/compare/"),
    "retarget": ("PATCH", r"/pulls/\d+$"),
    "label": ("POST", r"/labels$"),
    "check": ("POST", r"/check-runs$"),
    "comment": ("POST", r"/comments$"),
}


@pytest.mark.rule("R3")
@pytest.mark.parametrize("fault", [{"status": 500}, {"status": 502, "after": True}], ids=["refused", "lost-answer"])
def test_a_fault_at_each_call_to_github_costs_time_and_nothing_else(tmp_path, start, fault):
    made = start(project(tmp_path, [task(1)]))
    faults = [Fault(method=method, path=path, **fault) for method, path in CALLS.values()]
    made.sandbox.forge.faults.extend(faults)
    submit(made)
    found = go(made)
    assert {name: one.times for name, one in zip(CALLS, faults, strict=True) if one.times} == {}
    assert outputs(found)["outcome"] == "done", made.said
    assert len(made.starts()) == len(pulls(made)) == len(comments(made, 1)) == 1
    assert changed(made, 1) == expected(1)


@pytest.mark.rule("R4")
def test_a_failing_agent_has_its_attempts_and_then_a_reason_and_a_person_may_try_again(tmp_path, start):
    team = Writers(fails={("plan", 0), ("plan", 1)})  # type: ignore[arg-type]
    made = start(project(tmp_path, [task(1)]), team)
    submit(made)
    assert waits.phase(go(made)) == "Failed"
    assert [line.split()[3] for line in made.starts()] == ["0", "1"]
    assert any("documents of acme/shop: failed: the agent's run failed" in line for line in made.said)
    assert "An earlier attempt ended" in team.requests[1]
    team.fails.clear()
    submit(made, "again")
    assert outputs(go(made, "again"))["outcome"] == "done"
    assert len(made.starts()) == 3


@pytest.mark.rule("R4")
def test_a_pause_holds_it_a_limit_ends_it_and_a_stopped_workflow_takes_its_run_along(tmp_path, start):
    slow = Writers(seconds=lambda _role, _task: 1200.0)
    made = start(project(tmp_path, [task(1)]), slow, settings={"limits": {"runsPerRepositoryAndDay": 1}})
    cluster = made.sandbox.cluster
    pause.pause(cluster, "press-play", REPO)
    submit(made)
    minutes(made, 3)
    assert runs(made) == []
    # The label of the repository, by which it is woken, is the flow's own: `argo submit` puts none.
    pause.allow(cluster, "press-play", REPO)
    made.sandbox.run(lambda: bool(runs(made)))
    (run,) = runs(made)
    name = run["metadata"]["name"]
    claim = f"docs-workspace-taskmaster-press-play-{name}"
    for one in (claim, "docs-workspace-other"):
        metadata = {"name": one, "namespace": made.sandbox.settings.controller_namespace}
        cluster.create({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata})
    minutes(made, 2)
    assert len(runs(made, "PersistentVolumeClaim")) == 2
    cluster.delete("Workflow", "press-play", "documents")
    minutes(made, 3)
    assert runs(made) == []
    assert [one["metadata"]["name"] for one in runs(made, "PersistentVolumeClaim")] == ["docs-workspace-other"]
    ledger = made.sandbox.context.ledger(REPO).raw("task", names.documents_number("master"))
    assert (ledger[name]["outcome"], ledger["verdict-1"]["outcome"]) == ("timeout", "timeout")
    submit(made, "again")
    assert waits.phase(go(made, "again")) == "Failed"
    assert any("parked: 1 runs of this repository today" in line for line in made.said)


@pytest.mark.rule("R7")
def test_hostile_texts_of_tasks_reach_morgan_as_data_and_nothing_else(tmp_path, start):
    tasks = [
        {**task(0, title=marked(text), description=marked(text), details=marked(text)), "id": f"{CANARY}-{name}"}
        for name, text in TEXTS.items()
        if name != "long"
    ]
    read: dict[str, str] = {}

    def keep(tree: Path, _env: Mapping[str, str]) -> None:
        read.update({path.name: path.read_text() for path in tree.glob(".taskmaster/press-play/run-*/task-*.json")})
        read["tasks.json"] = (tree / ".taskmaster/tasks/tasks.json").read_text()
        read["task.txt"] = "".join(path.read_text() for path in tree.glob(".taskmaster/docs/task-*/task.txt"))

    team = Writers(does=keep)
    made = start(project(tmp_path, tasks), team)
    submit(made)
    assert outputs(go(made))["outcome"] == "done", made.said
    numbers = [names.task_number(one["id"]) for one in tasks]
    assert changed(made, 1) == expected(*numbers)
    # What the controller's script takes apart, and what says what to do, hold none of it.
    for name in ("tasks.json", "task.txt"):
        assert CANARY not in read[name]
    assert CANARY not in team.requests[0]
    assert {f"task-{number}.json" for number in numbers} <= read.keys()
    untouched_by_canaries(made, "DocsRun")
