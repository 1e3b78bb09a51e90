"""A forge with a repository and Apps, and access to it: what tests of several parts begin with."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import httpx

from pressplay import settings
from pressplay.clock import VirtualClock
from pressplay.github import contents, pulls, refs
from pressplay.github.access import AppKey, GitHubAccess, InstallationClient
from pressplay.sandbox.forge import App, Forge
from pressplay.sandbox.forge.accounts import new_key

REPO = "acme/shop"
CHECK = "press-play/acceptance"
URL = "http://forge.test"
HARNESS = {"contents": "write", "pull_requests": "write", "issues": "write", "checks": "write", "statuses": "write"}
AGENT = {"contents": "write", "pull_requests": "write", "issues": "write", "checks": "write"}


@functools.cache
def rsa_key() -> str:
    """One key for all Apps of all tests: making one takes longer than a test."""
    return new_key()


@dataclass
class GitHubWorld:
    """A forge with the repository acme/shop, the Apps press-play, rex and qa, and a maintainer."""

    forge: Forge
    clock: VirtualClock
    apps: dict[str, App]
    access: GitHubAccess
    folder: Path

    def client(self, app: str, **permissions: str) -> InstallationClient:
        """A client of an App; all that it was granted unless narrowed."""
        return self.access.installation(app, REPO, permissions or (HARNESS if app == "press-play" else AGENT))

    def person(self, login: str = "maintainer") -> httpx.Client:
        """A person's plain HTTP client."""
        headers = {"Authorization": f"Bearer {self.forge.user_token(login)}"}
        return httpx.Client(
            transport=httpx.WSGITransport(self.forge.wsgi), base_url=f"{URL}/api/v3/repos/{REPO}", headers=headers
        )

    def branch(self, name: str, files: dict[str, bytes], app: str = "rex", base: str | None = None) -> str:
        """Set a branch to one commit on top of the default branch (or `base`); its id."""
        gh = self.client(app)
        base = base or refs.head(gh, REPO, contents.default_branch(gh, REPO))
        return refs.commit_files(gh, REPO, name, files, f"Work on {name}", base)

    def pull(self, branch: str = "feature/task-1-implementation", app: str = "rex", title: str = "Work") -> pulls.Pull:
        """Open a pull request with one new file."""
        self.branch(branch, {f"{branch.rpartition('/')[2]}.txt": branch.encode()}, app)
        return pulls.open_pull(self.client(app), REPO, branch, "main", title, "Please.")

    def protect(self) -> None:
        """The ruleset that a play wants."""
        self.forge.create_ruleset(
            REPO, name="press-play", required_check=CHECK, required_check_app="press-play", approvals=1
        )


def make_world(folder: Path, clock: VirtualClock | None = None) -> GitHubWorld:
    """Make the forge in `folder`, or take up the one that is there."""
    clock = clock or VirtualClock()
    source = folder / "source"
    (source / "src").mkdir(parents=True, exist_ok=True)
    (source / "README.md").write_text("# Shop\n")
    (source / "src" / "app.py").write_text("print('shop')\n")
    forge = Forge(folder / "state.db", folder / "git", clock, URL)
    forge.create_repository(REPO, source)
    forge.create_user("maintainer")
    forge.grant(REPO, "maintainer", "admin")
    apps = {}
    for slug, granted in (("press-play", HARNESS), ("rex", AGENT), ("qa", AGENT)):
        apps[slug] = forge.create_app(slug, slug.title(), granted, ["pull_request"], rsa_key())
        forge.install(slug, REPO)
    access = GitHubAccess(
        settings.GitHub(apiURL=f"{URL}/api/v3", gitURL=URL, webURL=URL),
        lambda app: AppKey(apps[app].id, apps[app].private_key),
        clock,
        httpx.WSGITransport(forge.wsgi),
    )
    return GitHubWorld(forge, clock, apps, access, folder)
