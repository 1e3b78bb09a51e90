"""R9: what agents ask of GitHub in the sandbox is what the table of permissions grants them, no more and no less.

That the harness's rows are asked for by its steps is read off their source (tests/unit/github/test_permissions.py);
that all rows together suffice shows every scenario, whose Apps are made of the same table.
"""

from __future__ import annotations

import httpx
import pytest
from harness import REPO, Agents, project, reconciled, task, world

from pressplay.github import permissions
from pressplay.sandbox.setup import MAINTAINER
from pressplay.sandbox.world import Sandbox

pytestmark = pytest.mark.rule("R9")


def test_agents_ask_for_what_their_roles_are_granted(tmp_path, monkeypatch):
    """A task that QA sends back once, and an issue that becomes a task."""
    asked: dict[str, dict[str, str]] = {}
    clone_or_push = Sandbox._remote

    def note(app, wanted):
        levels = asked.setdefault(app, {})
        levels |= {name: max(levels.get(name, "read"), level) for name, level in wanted.items()}

    def remote(self, app, repo, level):
        # Under virtual time git asks for no token; over HTTP it asks for one of this level.
        note(app, {"contents": level})
        return clone_or_push(self, app, repo, level)

    monkeypatch.setattr(Sandbox, "_remote", remote)
    made = world(
        tmp_path / "state",
        Agents(wants_changes={1: 1}),
        source=project(tmp_path, [task(1)]),
        chart=reconciled("0 * * * *"),
    )
    mint = made.sandbox.github.installation

    def installation(app, repo, wanted):
        note(app, wanted)
        return mint(app, repo, wanted)

    monkeypatch.setattr(made.sandbox.github, "installation", installation)
    assert made.play().state == "merged"
    with httpx.Client(
        base_url=f"{made.sandbox.settings.github.api_url}/repos/{REPO}",
        headers={"Authorization": f"Bearer {made.sandbox.forge.user_token(MAINTAINER)}"},
        transport=httpx.WSGITransport(app=made.sandbox.forge.wsgi),
    ) as person:
        person.post("/issues", json={"title": "A wish", "body": "Please.", "labels": ["press-play"]}).raise_for_status()
    made.go_on()
    needs = permissions.needed(made.sandbox.settings)
    granted = {app: dict(needs[app].permissions) for app in asked}
    for levels in granted.values():
        del levels["metadata"]
    # The pull request is told to the linter by its instructions; a real one's command line looks it up.
    del granted["clippy-agent"]["pull_requests"]
    assert asked == granted
    assert granted.keys() == {"rex", "clippy-agent", "qa-agent", "issue-agent"}
