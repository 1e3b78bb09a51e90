"""Who acts on the forge beside Press Play: people, strangers, other bots, and an agent with its App's key."""

from __future__ import annotations

from typing import Any

import httpx
from harness import REPO, World, git

from pressplay.github import refs
from pressplay.github.access import AppKey, GitHubAccess
from pressplay.github.calls import call
from pressplay.sandbox.setup import MAINTAINER

WRITES = {"contents": "write", "pull_requests": "write"}


def client(made: World, token: str) -> httpx.Client:
    """The forge's API of the repository, with a token."""
    return httpx.Client(
        base_url=f"{made.sandbox.settings.github.api_url}/repos/{REPO}",
        headers={"Authorization": f"Bearer {token}"},
        transport=httpx.WSGITransport(app=made.sandbox.forge.wsgi),
    )


def person(made: World, login: str = MAINTAINER) -> httpx.Client:
    """The API as a user; the maintainer administers the repository."""
    return client(made, made.sandbox.forge.user_token(login))


def ask(made: World, method: str, path: str, **fields: Any) -> httpx.Response:
    """One request of the maintainer's; `path` below the repository."""
    with person(made) as api:
        return api.request(method, path, **fields)


def agent(made: World, app: str, **permissions: str) -> Any:
    """The API as an agent's App, by the key that its container holds."""
    return made.sandbox.github.installation(app, REPO, permissions or WRITES)


def bot(made: World, name: str) -> Any:
    """The API as an App of somebody else's, which may push and open pull requests."""
    sandbox = made.sandbox
    app = sandbox.forge.create_app(name, name, WRITES)
    sandbox.forge.install(name, REPO)
    key = AppKey(app.id, app.private_key)
    transport = httpx.WSGITransport(app=sandbox.forge.wsgi)
    access = GitHubAccess(sandbox.settings.github, lambda _name: key, sandbox.clock, transport)
    return access.installation(name, REPO, WRITES)


def fork_pull(made: World, login: str, base: str = "main", head: str = "") -> int:
    """A pull request from a stranger's fork: of a file of his own, or of the commit `head`."""
    forge, fork = made.sandbox.forge, f"{login}/shop"
    forge.publish(REPO)
    forge.create_user(login)
    forge.create_repository(fork, forge.git_path(REPO), parent=REPO)
    if head:
        git(forge.git_path(fork), "fetch", "-q", str(forge.git_path(REPO)), f"{head}:refs/heads/patch")
        forge.sync(fork, login)
    with person(made, login) as stranger:
        root = made.sandbox.settings.github.api_url
        if not head:
            content = {"message": "Patch", "content": "bWluZQo=", "branch": "main"}
            stranger.put(f"{root}/repos/{fork}/contents/patch.txt", json=content).raise_for_status()
        branch = "patch" if head else "main"
        opened = stranger.post("pulls", json={"title": "Patch", "head": f"{login}:{branch}", "base": base, "body": ""})
        opened.raise_for_status()
        return int(opened.json()["number"])


def opened(gh: Any, branch: str, base: str = "main") -> int:
    """Open a pull request from a branch; its number."""
    fields = {"title": branch, "head": branch, "base": base, "body": ""}
    return int(call(gh, "POST", f"/repos/{REPO}/pulls", json=fields)["number"])


def push(gh: Any, made: World, branch: str, on: str = "main", path: str = "own.txt", text: bytes = b"mine\n") -> str:
    """Commit a file on top of a branch to another, as whoever `gh` is; the commit."""
    return refs.commit_files(gh, REPO, branch, {path: text}, f"Add {path}", refs.head(gh, REPO, on))


def retarget(gh: Any, number: int, base: str) -> None:
    """Change a pull request's base."""
    call(gh, "PATCH", f"/repos/{REPO}/pulls/{number}", json={"base": base})


def merge(gh: Any, number: int) -> None:
    """Merge a pull request as an agent's App."""
    call(gh, "PUT", f"/repos/{REPO}/pulls/{number}/merge", json={})


def labelled_pull(made: World, branch: str) -> int:
    """A labelled pull request from a person's own branch; its number."""
    push(agent(made, "clippy-agent", contents="write"), made, branch)
    with person(made) as gh:
        fields = {"title": branch, "head": branch, "base": "main", "body": ""}
        number = int(gh.post("pulls", json=fields).json()["number"])
        gh.post(f"issues/{number}/labels", json={"labels": ["press-play"]}).raise_for_status()
    return number
