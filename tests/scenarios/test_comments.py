"""Comments of people on a pull request: gathered, worked on, answered; and their commands."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from harness import REPO, Agents, World, git, project, task, world

from pressplay import names
from pressplay.cluster import waits
from pressplay.sandbox.setup import MAINTAINER
from pressplay.steps import comments, snapshot
from pressplay.steps.context import Subject

PR = 1
STRANGER = "stranger"


@dataclass
class Rex(Agents):
    """Agents, of whom Rex answers comments as `does` says: commits (text of a file) and answers by thread."""

    does: Callable[[dict[str, Any]], tuple[str, dict[str, str]]] = lambda found: ("", {})
    during: Callable[[], None] = lambda: None
    """What happens while Rex works on comments."""
    told: list[dict[str, Any]] = field(default_factory=list)
    folders: list[dict[str, bytes]] = field(default_factory=list)

    def __call__(self, tree: Path, env: Mapping[str, str]) -> int:
        code = super().__call__(tree, env)
        if env["PRESSPLAY_ROLE"] != "comments" or code:
            return code
        found = json.loads((tree / "task" / "comments.json").read_text())
        self.told.append(found)
        self.folders.append({path.name: path.read_bytes() for path in (tree / "task").iterdir()})
        self.during()
        text, answers = self.does(found)
        if text:
            (tree / "answer.txt").write_text(text)
            git(tree, "add", "-A")
            git(tree, "commit", "-qm", "As reviewers ask")
        Path(env["PRESSPLAY_RESULT"]).write_text(json.dumps({"answers": answers}))
        return 0


def changes_and_answers(found: dict[str, Any]) -> tuple[str, dict[str, str]]:
    return found["hash"], {thread["id"]: f"Done, {thread['id']}." for thread in found["threads"]}


def words(found: dict[str, Any]) -> tuple[str, dict[str, str]]:
    return "", {thread["id"]: "That is as the task wants it." for thread in found["threads"]}


@dataclass
class Talk:
    """An approved pull request and those who talk about it."""

    made: World
    agents: Rex
    count: int = 0

    def client(self, login: str = MAINTAINER) -> httpx.Client:
        return httpx.Client(
            base_url=f"{self.made.sandbox.settings.github.api_url}/repos/{REPO}",
            headers={"Authorization": f"Bearer {self.made.sandbox.forge.user_token(login)}"},
            transport=httpx.WSGITransport(app=self.made.sandbox.forge.wsgi),
        )

    def post(self, to: str, login: str = MAINTAINER, **body: Any) -> dict[str, Any]:
        answer = self.client(login).post(to, json=body)
        answer.raise_for_status()
        return answer.json()

    def say(self, body: str, login: str = MAINTAINER) -> int:
        return self.post(f"issues/{PR}/comments", login, body=body)["id"]

    def on_line(self, body: str, login: str = MAINTAINER, **fields: Any) -> int:
        fields = {"path": "task_1_implement_1.txt", "line": 1, "commit_id": self.head(), **fields}
        return self.post(f"pulls/{PR}/comments", login, body=body, **fields)["id"]

    def head(self) -> str:
        return self.client().get(f"pulls/{PR}").json()["head"]["sha"]

    def conversation(self) -> list[tuple[str, str]]:
        found = self.client().get(f"issues/{PR}/comments", params={"per_page": 100}).json()
        return [(one["user"]["login"], one["body"]) for one in found]

    def replies(self, root: int) -> list[tuple[str, str]]:
        found = self.client().get(f"pulls/{PR}/comments", params={"per_page": 100}).json()
        return [(one["user"]["login"], one["body"]) for one in found if one.get("in_reply_to_id") == root]

    def labels(self) -> list[str]:
        return [label["name"] for label in self.client().get(f"issues/{PR}/labels").json()]

    def start(self) -> str:
        self.count += 1
        name = f"comments-{self.count}"
        assert self.made.sandbox.submit("comments", name, {"repo": REPO, "pr": str(PR), "until": "0"})
        return name

    def flow(self) -> dict[str, Any]:
        name = self.start()
        self.made.go_on()
        found = self.made.sandbox.cluster.get("Workflow", self.made.sandbox.settings.namespace, name)
        assert found is not None
        assert waits.phase(found) in waits.FINISHED
        return found

    def entries(self) -> dict[str, Any]:
        return self.made.sandbox.context.ledger(REPO).entries("pr", PR)

    def runs(self) -> list[str]:
        """Roles in the order in which runs started, those of the play left out."""
        return [line.split()[2] for line in self.made.starts()][3:]

    def waiting(self) -> bool:
        context = self.made.sandbox.context
        from pressplay.github import pulls

        subject = Subject.of({"repo": REPO, "pr": str(PR)}, context)
        return comments.waiting(context, subject, pulls.pull(context.harness(REPO, pull_requests="read"), REPO, PR))

    def branches(self) -> list[str]:
        found = git(self.made.sandbox.forge.git_path(REPO), "branch", "--format=%(refname:short)").splitlines()
        return [name for name in found if name.startswith("press-play/context/snapshot-")]

    def check(self) -> str:
        runs = self.client().get(f"commits/{self.head()}/check-runs").json()["check_runs"]
        return next((run["conclusion"] for run in runs if run["name"] == "press-play/acceptance"), "none")


@pytest.fixture
def talk(tmp_path: Path) -> Callable[..., Talk]:
    def make(
        does: Callable[[dict[str, Any]], tuple[str, dict[str, str]]] = changes_and_answers, **options: Any
    ) -> Talk:
        agents = Rex(does=does)
        made = world(tmp_path / "state", agents, source=project(tmp_path, [task(1)]), merge=False, **options)
        made.play()
        made.sandbox.forge.create_user(STRANGER)
        found = Talk(made, agents)
        assert found.check() == "success"
        return found

    return make


def test_comments_are_worked_on_and_each_thread_is_answered(talk):
    it = talk()
    before = it.head()
    line = it.on_line("Why one?\n\n```suggestion\ntwo\n```\n")
    said = it.say("And please say why.")
    review = it.post(f"pulls/{PR}/reviews", event="REQUEST_CHANGES", body="Not yet.")["id"]
    flow = it.flow()
    assert waits.phase(flow) == "Succeeded"
    assert it.runs() == ["comments", "lint", "test"]
    assert it.head() != before
    assert it.check() == "success"
    (found,) = it.agents.told
    assert [thread["id"] for thread in found["threads"]] == [f"review-{review}", f"thread-{line}", f"comment-{said}"]
    thread = found["threads"][1]
    assert thread["said"][0]["suggestions"] == ["two\n"]
    assert (thread["path"], thread["line"], thread["side"]) == ("task_1_implement_1.txt", 1, "RIGHT")
    assert "+done" in thread["diff_hunk"]
    (reply,) = it.replies(line)
    assert reply[0] == "rex[bot]"
    assert reply[1].startswith(f"Done, thread-{line}.")
    answers = [body for login, body in it.conversation() if login == "rex[bot]"]
    assert len(answers) == 2
    assert f"#issuecomment-{said})" in answers[1]
    assert f"#pullrequestreview-{review})" in answers[0]
    # Nothing of the harness's beside: the agent has answered everything.
    assert not [body for login, body in it.conversation() if login == "press-play[bot]"]
    assert not it.waiting()
    assert it.branches() == []
    # And again there is nothing to do.
    it.flow()
    assert it.runs() == ["comments", "lint", "test"]
