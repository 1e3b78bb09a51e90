"""A pull request full of comments, and a source that reads it: what the tests of `pressplay serve` begin with."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import anyio
import httpx
from github_world import REPO, GitHubWorld

from pressplay.cluster.tokens import ServiceAccount
from pressplay.github import pulls, snapshots
from pressplay.github.conversation import Remark, Thread
from pressplay.github.snapshots import Snapshot
from pressplay.serve import reading
from pressplay.serve.app import State, application
from pressplay.serve.arguments import GetComment, GetSnapshot, ListComments, ListReviews
from pressplay.serve.auth import Authenticator
from pressplay.serve.config import AllowedCaller, Config, ServeLimits
from pressplay.serve.metrics import Metrics
from pressplay.serve.pages import Page
from pressplay.serve.request import CommentSource
from pressplay.serve.service import Service
from pressplay.settings import Agent, GitHub, RepositoryDefaults, Settings

FILE = "task-1-implementation.txt"
WEB = "http://forge.test"
SETTINGS = Settings(
    namespace="press-play",
    controller_namespace="agent-platform",
    github=GitHub(apiURL=f"{WEB}/api/v3", gitURL=WEB, webURL=WEB),
    repositories={REPO: RepositoryDefaults()},
    agents={"rex": Agent(github_app="rex", role="implement", model="m")},
)


@dataclass
class Served:
    """A world with a pull request, read as the App press-play."""

    world: GitHubWorld
    pull: pulls.Pull
    source: CommentSource
    calls: list[tuple[str, str]] = field(default_factory=list)
    """What was asked of GitHub, and how it ended."""

    @property
    def number(self) -> int:
        return self.pull.number

    def person(self, login: str = "maintainer") -> httpx.Client:
        return self.world.person(login)

    def everyone(self) -> CommentSource:
        return replace(self.source, everyone=True)

    def stranger(self, login: str = "mallory") -> httpx.Client:
        """Somebody who may read and comment, and no more."""
        self.world.forge.create_user(login)
        self.world.forge.grant(REPO, login, "read")
        return self.world.person(login)

    def says(self, body: str, login: str = "maintainer") -> int:
        return made(self.person(login).post(f"/issues/{self.number}/comments", json={"body": body}))

    def on_line(self, body: str, login: str = "maintainer", path: str = FILE) -> int:
        fields = {"body": body, "commit_id": self.pull.head_sha, "path": path, "line": 1}
        return made(self.person(login).post(f"/pulls/{self.number}/comments", json=fields))

    def answers(self, root: int, body: str, login: str = "maintainer") -> int:
        path = f"/pulls/{self.number}/comments/{root}/replies"
        return made(self.person(login).post(path, json={"body": body}))

    def reviews(self, body: str, event: str = "COMMENT", login: str = "maintainer") -> int:
        fields = {"body": body, "event": event}
        return made(self.person(login).post(f"/pulls/{self.number}/reviews", json=fields))

    def resolve(self, root: int) -> None:
        with self.world.forge._store.session(write=True) as session:
            session.insert("forge_resolved", comment_id=root, user_id=1, at=session.now)

    def pour(self, table: str, number: int, body: str = "x", **columns: Any) -> None:
        """Many rows at once, as if they had been written one after another by the maintainer."""
        with self.world.forge._store.session(write=True) as session:
            issue = session.row("SELECT id FROM forge_issues WHERE number = ?", self.number)["id"]
            who = session.row("SELECT id FROM forge_users WHERE login = 'maintainer'")["id"]
            for _ in range(number):
                session.insert(table, issue_id=issue, user_id=who, body=body, **columns)

    def comments(self, number: int, body: str = "x") -> None:
        at = self.world.clock.now()
        self.pour("forge_comments", number, body, created_at=at, updated_at=at)

    def threads(self, number: int, body: str = "x", path: str = FILE) -> None:
        at, sha = self.world.clock.now(), self.pull.head_sha
        self.pour(
            "forge_review_comments", number, body, path=path, line=1, side="RIGHT", commit_id=sha,
            original_commit_id=sha, diff_hunk="@@ -0,0 +1 @@\n+x", created_at=at, updated_at=at,
        )  # fmt: skip

    def many_reviews(self, number: int, body: str = "x") -> None:
        at = self.world.clock.now()
        self.pour("forge_reviews", number, body, state="COMMENTED", commit_id=self.pull.head_sha, submitted_at=at)

    def list(self, source: CommentSource | None = None, **asked: Any) -> Page:
        return reading.list_comments(source or self.source, ListComments(repo=REPO, pull_request=self.number, **asked))

    def all(self, source: CommentSource | None = None, **asked: Any) -> list[str]:
        """The ids of what is said in all pages."""
        found: list[str] = []
        cursor = None
        while True:
            page = self.list(source, cursor=cursor, **asked)
            found += ids(page)
            cursor = page.next_cursor
            if cursor is None:
                return found

    def get(self, id_: str, **asked: Any) -> Page:
        return reading.get_comment(self.source, GetComment(repo=REPO, pull_request=self.number, id=id_, **asked))

    def snapshot(self, id_: str, **asked: Any) -> Page:
        return reading.get_snapshot(self.source, GetSnapshot(repo=REPO, id=id_, **asked))

    def reviewers(self) -> dict[str, Any]:
        asked = ListReviews(repo=REPO, pull_request=self.number)
        return reading.list_reviews(self.source, asked).json()


def made(answer: httpx.Response) -> int:
    assert answer.is_success, answer.text
    return int(answer.json()["id"])


def ids(page: Page) -> list[str]:
    return [one.id for thread in page.threads for one in thread.said]


def taken(number: int) -> Snapshot:
    said = [Remark(f"comment-{n}", "ann", False, "2026-01-01T00:00:00Z", True, f"text {n}") for n in range(number)]
    threads = tuple(Thread(one.id, "comment", "http://forge.test/#x", (one,)) for one in said)
    hash_ = snapshots.hash_of(one.id for one in said)
    return Snapshot(hash_, REPO, 1, "f" * 40, "2026-01-01T00:00:00Z", threads)


TOKEN = "0123456789abcdef0123"
GOOD = {"Authorization": f"Bearer {TOKEN}"}
ACCOUNTS = {
    "a.b.c": ServiceAccount("agents", "rex"),
    "a.b.d": ServiceAccount("other", "x"),
    "a.b.e": ServiceAccount("team", "reader"),
}
"""Whose each token is."""


class Reviews:
    """The API server's answers."""

    def review(self, token: str, audiences: list[str]) -> ServiceAccount | None:
        return ACCOUNTS.get(token)


ANY = {"agents/*": ["*/*"]}


class App:
    """The application, asked in-process."""

    def __init__(
        self, served: Served, missing: str = "", callers: Mapping[str, list[str]] = ANY, **config: Any
    ) -> None:
        """`callers`: who may read what, as the values have it."""
        limits = config.pop("limits", {})
        self.callers = [AllowedCaller(service_account=who, repositories=list(what)) for who, what in callers.items()]
        self.config = Config(app="press-play", limits=ServeLimits(**limits), **config)
        self.metrics = Metrics()
        self.state = State(lambda: missing)
        self.served = served

    @asynccontextmanager
    async def client(self) -> AsyncIterator[httpx.AsyncClient]:
        service = Service(self.served.source, self.config.limits, self.metrics)
        authenticator = Authenticator(lambda: 0.0, static=TOKEN, reviewer=Reviews(), callers=self.callers)
        app = application(service, authenticator, self.config, self.state, lambda: 0.0)
        # MCP works while the application's lifespan does.
        async with app._app.router.lifespan_context(app._app):
            transport = httpx.ASGITransport(app=app)
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8090") as client:
                yield client

    def ask(self, *asked: tuple[str, str, dict[str, Any]]) -> list[httpx.Response]:
        """The answers to several requests, one after another."""

        async def run() -> list[httpx.Response]:
            async with self.client() as client:
                return [await client.request(*one[:2], **{"headers": GOOD, **one[2]}) for one in asked]

        return anyio.run(run)

    def get(self, path: str, **more: Any) -> httpx.Response:
        (answer,) = self.ask(("GET", path, more))
        return answer
