"""A pull request that people comment on, and an agent that answers them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from harness import REPO, Agents, World, git

from pressplay import names
from pressplay.cluster import waits
from pressplay.domain.entries import Entries
from pressplay.github import pulls, refs
from pressplay.sandbox.setup import MAINTAINER
from pressplay.steps.comments import unanswered
from pressplay.steps.core.context import Subject

PR = 1
STRANGER = "stranger"
Does = Callable[[dict[str, Any]], tuple[str, dict[str, str]]]
"""From what Rex is told to the text of a file (none: no commit) and his answers by thread."""


@dataclass
class Rex(Agents):
    """Agents, of whom Rex answers comments as `does` says: commits (text of a file) and answers by thread."""

    does: Does = lambda found: ("", {})
    told: list[dict[str, Any]] = field(default_factory=list)
    folders: list[dict[str, bytes]] = field(default_factory=list)

    def __call__(self, tree: Path, env: Mapping[str, str]) -> int:
        code = super().__call__(tree, env)
        if env["PRESSPLAY_ROLE"] != "comments" or code:
            return code
        found = json.loads((tree / "task" / "comments.json").read_text())
        self.told.append(found)
        self.folders.append({path.name: path.read_bytes() for path in (tree / "task").iterdir()})
        text, answers = self.does(found)
        if text:
            (tree / "answer.txt").write_text(text)
            git(tree, "add", "-A")
            if git(tree, "status", "--porcelain"):
                # A run that is made again finds its work there.
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

    def say(self, body: str, login: str = MAINTAINER, to: int = PR) -> int:
        return self.post(f"issues/{to}/comments", login, body=body)["id"]

    def on_line(self, body: str, login: str = MAINTAINER, **fields: Any) -> int:
        fields = {"path": "task_1_implement_1.txt", "line": 1, "commit_id": self.head(), **fields}
        return self.post(f"pulls/{PR}/comments", login, body=body, **fields)["id"]

    def resolve(self, root: int) -> None:
        """Resolve a thread, as a person does on the page."""
        asked = (
            'query { repository(owner: "acme", name: "shop") { pullRequest(number: 1) {'
            " reviewThreads(first: 100) { nodes { id comments(first: 1) { nodes { databaseId } } } } } } }"
        )
        threads = self.ask(asked)["repository"]["pullRequest"]["reviewThreads"]["nodes"]
        (name,) = [one["id"] for one in threads if one["comments"]["nodes"][0]["databaseId"] == root]
        self.ask(f'mutation {{ resolveReviewThread(input: {{threadId: "{name}"}}) {{ thread {{ isResolved }} }} }}')

    def ask(self, query: str) -> dict[str, Any]:
        address = self.made.sandbox.settings.github.api_url.removesuffix("/v3") + "/graphql"
        answer = self.client().post(address, json={"query": query}).json()
        assert "errors" not in answer
        return dict(answer["data"])

    def push(self, file: str) -> None:
        """A commit on the pull request's branch by somebody else."""
        gh = self.made.sandbox.github.installation("clippy-agent", REPO, {"contents": "write"})
        refs.commit_files(gh, REPO, names.task_branch(1), {file: b"new\n"}, f"Add {file}", self.head())

    def of_a_person(self) -> int:
        """A pull request that nobody labelled, of a person's own branch."""
        gh = self.made.sandbox.github.installation("clippy-agent", REPO, {"contents": "write"})
        refs.commit_files(gh, REPO, "own", {"own.txt": b"own\n"}, "My own", refs.head(gh, REPO, "main"))
        return int(self.post("pulls", title="Mine", head="own", base="main", body="")["number"])

    def working(self) -> list[str]:
        """The runs under way."""
        found = self.made.sandbox.cluster.list("CodeRun", self.made.sandbox.settings.controller_namespace)
        return [run["metadata"]["name"] for run in found if run.get("status", {}).get("phase") == "Running"]

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

    def flows(self) -> list[dict[str, Any]]:
        """The Workflows of the flow, oldest first."""
        found = self.made.sandbox.cluster.list(
            "Workflow", self.made.sandbox.settings.namespace, {"press-play/flow": "comments"}
        )
        return sorted(found, key=lambda one: int(one["metadata"]["name"].rpartition("-")[2]))

    def go_on(self) -> None:
        """Until nothing is left to do: what was said has started the flow by its webhook."""
        self.made.go_on()
        assert {waits.phase(flow) for flow in self.flows()} <= {"Succeeded"}

    def entries(self) -> Entries:
        return self.made.sandbox.context.ledger(REPO).entries("pr", PR)

    def runs(self) -> list[str]:
        """Roles in the order in which runs started, those of the play left out."""
        return [line.split()[2] for line in self.made.starts()][3:]

    def waiting(self) -> bool:
        context = self.made.sandbox.context
        subject = Subject.of({"repo": REPO, "pr": str(PR)}, context)
        return unanswered.waiting(context, subject, pulls.pull(context.harness(REPO, pull_requests="read"), REPO, PR))

    def branches(self) -> list[str]:
        found = git(self.made.sandbox.forge.git_path(REPO), "branch", "--format=%(refname:short)").splitlines()
        return [name for name in found if name.startswith("press-play/context/snapshot-")]

    def check(self) -> str:
        runs = self.client().get(f"commits/{self.head()}/check-runs").json()["check_runs"]
        return next((run["conclusion"] for run in runs if run["name"] == "press-play/acceptance"), "none")
