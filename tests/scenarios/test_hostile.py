"""R7: what people and agents wrote goes through a play unharmed, and nothing of it reaches a manifest or the log."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from harness import REPO, Agents, git, project, task, world
from hostile import CANARY, TEXTS, marked, untouched_by_canaries
from people import person

from pressplay import names as names_
from pressplay.cluster import waits

pytestmark = pytest.mark.rule("R7")


@dataclass
class Scribes(Agents):
    """Agents that keep what was in `task/`, and do what `does` says before they hand over."""

    read: dict[tuple[int, str], dict[str, bytes]] = field(default_factory=dict)
    does: Callable[[Path, Mapping[str, str]], None] = lambda _tree, _env: None

    def __call__(self, tree: Path, env: Mapping[str, str]) -> int:
        key = int(env["PRESSPLAY_TASK"]), env["PRESSPLAY_ROLE"]
        self.read[key] = {path.name: path.read_bytes() for path in (tree / "task").iterdir()}
        code = super().__call__(tree, env)
        self.does(tree, env)
        return code


def states(summary: Any) -> dict[str, str]:
    return {result.id: result.state for result in summary.tasks}


def whole(folder: Mapping[str, bytes], name: str) -> bytes:
    """A file of the task folder; a long one has another beside it, with all of it."""
    return folder.get(name.replace(".md", "-in-full.md"), folder[name])


@pytest.mark.parametrize("names", [list(TEXTS)[:7], list(TEXTS)[7:]], ids=["first", "second"])
def test_texts_of_a_backlog_reach_the_agents_byte_for_byte_and_nothing_else(tmp_path, names):
    """One task a text: it is title, description, details, test strategy, a subtask's and (cut) the id."""
    tasks, before = [], []
    for name in names:
        text = marked(TEXTS[name])
        made_of = {"title": text, "description": text, "details": text, "testStrategy": text}
        part = {"id": 1, "dependencies": [], "status": "pending", **made_of}
        identity = f"{CANARY}-{name}-{TEXTS[name][:40]}".strip()
        tasks.append({**task(0, **made_of), "id": identity, "subtasks": [part], "dependencies": before[-1:]})
        # Two by two, so that ids stand in dependencies too.
        before = [identity] if not before else []
    agents = Scribes()
    made = world(tmp_path / "state", agents, source=project(tmp_path, tasks))
    summary = made.play()
    assert summary.state == "merged"
    assert [result.title for result in summary.tasks] == [entry["title"] for entry in tasks]
    backlog = {entry["id"]: entry for entry in tasks}
    for identity, entry in backlog.items():
        for role in ("implement", "lint", "test"):
            found = agents.read[names_.task_number(identity), role]
            text = entry["details"].encode()
            # Title, description, details, and the same of the subtask.
            assert whole(found, "task.md").count(text) == 6
            assert text in whole(found, "prompt.md")
            assert text in whole(found, "acceptance-criteria.md")
    untouched_by_canaries(made)
    assert not list(tmp_path.rglob("pwned"))


def test_a_projects_own_task_files_arrive_byte_for_byte(tmp_path):
    own = {
        "prompt.md": "\n".join(map(marked, TEXTS.values())).encode(),
        "task.md": b"\xff\xfe not utf-8 \x80 \r\n" + CANARY.encode(),
        f"{CANARY} {{{{=1+1}}}}\nnotes.txt": b"an odd name",
    }
    source = project(tmp_path, [task(1)])
    folder = source / ".taskmaster" / "docs" / "task-1"
    folder.mkdir(parents=True)
    for name, content in own.items():
        (folder / name).write_bytes(content)
    agents = Scribes()
    made = world(tmp_path / "state", agents, source=source)
    assert made.play().state == "merged"
    for role in ("implement", "lint", "test"):
        assert own == {name: whole(agents.read[1, role], name) for name in own}
    untouched_by_canaries(made)


@pytest.mark.parametrize("name", TEXTS)
def test_what_agents_write_reaches_the_forge_unharmed_and_nothing_else(tmp_path, name):
    """Titles, bodies, reviews, commit messages, file names and contents."""
    text = marked(TEXTS[name])
    file = text.replace("/", "\N{DIVISION SLASH}")[:60]

    def write(tree: Path, env: Mapping[str, str]) -> None:
        result = Path(env["PRESSPLAY_RESULT"])
        if env["PRESSPLAY_ROLE"] == "implement":
            (tree / file).write_bytes(text.encode())
            git(tree, "add", "-A")
            git(tree, "commit", "-qm", text[:1000])
            result.write_text(json.dumps({"title": text, "body": text}))
        elif env["PRESSPLAY_ROLE"] == "test":
            result.write_text(json.dumps({"verdict": "pass", "body": text}))

    # The supply gate refuses hidden text in files; here it is to arrive.
    shown_only = {"defaults": {"supply": {"hiddenText": "show"}}}
    made = world(tmp_path / "state", Scribes(does=write), source=project(tmp_path, [task(1)]), settings=shown_only)
    assert made.play().state == "merged"
    with person(made) as gh:
        pull = gh.get("/pulls/1").json()
        shown = text if len(text) < 60_000 else text[:60_000]
        assert pull["title"] == text[:250]
        assert pull["body"].startswith(shown)
        review = next(r for r in gh.get("/pulls/1/reviews").json() if r["state"] == "COMMENTED")
        assert review["body"].startswith(f"press-play: pass\n\n{shown}")
    bare = made.sandbox.forge.git_path(REPO)
    listed = subprocess.run(["git", "ls-tree", "-z", "--name-only", "main"], cwd=bare, check=True, capture_output=True)
    assert file.encode() in listed.stdout.split(b"\0")
    untouched_by_canaries(made)
    assert not list(tmp_path.rglob("pwned"))


@pytest.mark.parametrize(
    "left",
    [
        b"no JSON at all {{=1+1}}",
        b"\xff\xfe",
        b"[" * 100_000,
        b'["a list"]',
        b'{"verdict": "{{=1+1}}"}',
        b'{"verdict": ["pass"]}',
        b'{"verdict": "pass", "body": "' + b"x" * 3_000_000 + b'"}',
    ],
    ids=["no-json", "no-utf8", "deep", "list", "other-verdict", "verdict-list", "huge"],
)
def test_a_verdict_file_that_is_none_is_a_failed_attempt(tmp_path, left):
    def write(_tree: Path, env: Mapping[str, str]) -> None:
        if env["PRESSPLAY_ROLE"] == "test" and env["PRESSPLAY_ATTEMPT"] == "0":
            Path(env["PRESSPLAY_RESULT"]).write_bytes(left)

    made = world(tmp_path / "state", Scribes(does=write), source=project(tmp_path, [task(1)]))
    summary = made.play()
    assert (summary.state, summary.tasks[0].runs) == ("merged", 4)
    assert [line.split()[2:] for line in made.starts()] == [
        ["implement", "0"],
        ["lint", "0"],
        ["test", "0"],
        ["test", "1"],
    ]


def _link(source: Path, outside: Path) -> None:
    (source / "task").symlink_to(outside)


def _folder(source: Path, _outside: Path) -> None:
    (source / "task").mkdir()
    (source / "task" / "prompt.md").write_text("the project's own\n")
    (source / "task" / "own.txt").write_text("the project's own\n")


def _file(source: Path, _outside: Path) -> None:
    (source / "task").write_text("the project's own\n")


@pytest.mark.parametrize("make", [_link, _folder, _file])
def test_a_project_that_has_something_named_task_keeps_it_and_nothing_outside_is_written(tmp_path, make):
    outside = tmp_path / "outside"
    outside.mkdir()
    source = project(tmp_path, [task(1)])
    make(source, outside)
    agents = Scribes()
    made = world(tmp_path / "state", agents, source=source)
    bare = made.sandbox.forge.git_path(REPO)
    before = git(bare, "ls-tree", "-r", "main", "task")
    assert made.play().state == "merged"
    assert b"Task 1" in agents.read[1, "implement"]["prompt.md"]
    assert list(outside.iterdir()) == []
    assert before
    assert git(bare, "ls-tree", "-r", "main", "task") == before


def test_an_agent_that_ruins_its_work_tree_fails_and_touches_no_repository_around_it(tmp_path):
    """git would look for a repository in the folders above; the sandbox may well stand inside one."""
    git(tmp_path, "init", "-q")

    def ruin(tree: Path, env: Mapping[str, str]) -> None:
        if env["PRESSPLAY_ROLE"] == "implement":
            (tree / ".git").rename(tree / "elsewhere")

    made = world(tmp_path / "state", Scribes(does=ruin), source=project(tmp_path, [task(1)]))
    summary = made.play()
    assert states(summary) == {"1": "failed"}
    assert len(made.starts()) == 2


def test_a_tree_that_git_refuses_to_check_out_parks_with_a_reason(tmp_path):
    """A path named .git, made by plumbing."""

    def write(tree: Path, env: Mapping[str, str]) -> None:
        if env["PRESSPLAY_ROLE"] != "implement":
            return
        import pygit2

        repository = pygit2.Repository(str(tree))
        inner = repository.TreeBuilder()
        inner.insert("config", repository.create_blob(b"[core]\n\tfsmonitor = touch pwned\n"), 0o100644)
        # libgit2 would refuse the name; git's own plumbing writes what it is told.
        head = repository.head.peel(pygit2.Commit)
        listing = b"".join(f"{entry.filemode:o} {entry.name}\0".encode() + bytes(entry.id.raw) for entry in head.tree)
        bad = b"40000 .git\0" + bytes(inner.write().raw) + listing
        tree_id = repository.odb.write(pygit2.GIT_OBJECT_TREE, bad)
        commit = git(tree, "commit-tree", str(tree_id), "-p", "HEAD", "-m", "odd")
        git(tree, "update-ref", "HEAD", commit)

    made = world(tmp_path / "state", Scribes(does=write), source=project(tmp_path, [task(1), task(2)]))
    summary = made.play()
    assert states(summary)["1"] in ("parked", "failed")
    assert summary.tasks[0].reason
    assert not list(tmp_path.rglob("pwned"))


BRANCHES = [
    "feature/{{workflow.uid}}",
    "feature/{{=1+1}}",
    "feature/$(touch${IFS}pwned)",
    "feature/`touch${IFS}pwned`'\"&|;%2F#",
    "feature/Grüße-🎉\u202e",
    "feature/--upload-pack=x",
]


@pytest.mark.parametrize("branch", BRANCHES)
def test_a_persons_pull_request_from_an_oddly_named_branch_is_reviewed(tmp_path, branch):
    branch = f"{branch}-{CANARY}"
    agents = Scribes()
    made = world(tmp_path / "state", agents, source=project(tmp_path, []))
    with person(made) as gh:
        base = gh.get("/git/ref/heads/main").json()["object"]["sha"]
        blob = {"path": "x.txt", "mode": "100644", "type": "blob", "content": "x"}
        tree = gh.post("/git/trees", json={"base_tree": base, "tree": [blob]}).json()["sha"]
        sha = gh.post("/git/commits", json={"message": marked("m"), "tree": tree, "parents": [base]}).json()["sha"]
        assert gh.post("/git/refs", json={"ref": f"refs/heads/{branch}", "sha": sha}).status_code == 201
        opened = gh.post(
            "/pulls", json={"title": marked("{{=1}}"), "body": marked("x"), "head": branch, "base": "main"}
        )
        assert opened.status_code == 201
        number = opened.json()["number"]
    made.sandbox.submit("pull-request", "persons-pr", {"repo": REPO, "pr": str(number)})
    made.sandbox.run(made.sandbox.only_people_are_waited_for)
    workflow = made.sandbox.cluster.get("Workflow", "press-play", "persons-pr")
    assert waits.phase(workflow) == "Succeeded"
    with person(made) as gh:
        assert gh.get(f"/pulls/{number}").json()["merged"]
    # An agent may copy a command out of its instructions into a shell.
    (told,) = {files["instructions.md"].decode() for (_, role), files in agents.read.items() if role == "lint"}
    assert "\n    git fetch origin " in told
    commands = [line for line in told.splitlines() if line.startswith("    git ")]
    ran = "\n".join(line.replace("git ", "printf '%s\\n' ", 1) for line in commands)
    assert branch in shell(tmp_path, ran)
    assert not list(tmp_path.rglob("pwned"))
    untouched_by_canaries(made)


def shell(cwd: Path, script: str) -> str:
    return subprocess.run(["sh", "-c", script], cwd=cwd, check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize(
    "given",
    [
        {"tasks": "1,{{=1+1}}"},
        {"tasks": "1,{{ nope"},
        {"tasks": "999"},
        {"tasks": "1; rm -rf x"},
        {"mode": "{{workflow.uid}}"},
        {"mode": "everything"},
        {"repo": 'a/b"; rm'},
        {"repo": "{{workflow.name}}/x"},
        {"repo": "acme/shop\n"},
        {"tag": "{{=1+1}}"},
        {"tag": "{braces}"},
        {"tag": 'a"; [b: c'},
    ],
    ids=str,
)
def test_a_persons_odd_parameters_are_refused_clearly_and_start_nothing(tmp_path, given):
    made = world(tmp_path / "state", source=project(tmp_path, [task(1), task(2)]))
    name = made.sandbox.press(**given)
    made.sandbox.run(made.sandbox.only_people_are_waited_for)
    workflow = made.sandbox.cluster.get("Workflow", "press-play", name)
    assert waits.phase(workflow) in ("Failed", "Error")
    messages = [workflow["status"].get("message", ""), *(n.get("message", "") for n in waits.nodes(workflow).values())]
    told = "\n".join([*messages, *made.said])
    assert any(word in told for word in ("expected", "evaluate"))
    assert made.sandbox.plays() == []
    assert made.starts() == []
