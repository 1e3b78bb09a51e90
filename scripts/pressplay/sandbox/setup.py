"""The forge's side of an installation: a repository, the Apps with their rights, a maintainer, the rulesets (R5).

Used by the sandbox for itself, and by `pressplay sandbox forge` for a test cluster.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from pathlib import Path

from pressplay import names
from pressplay.cluster.ledger import PART_OF
from pressplay.cluster.port import Manifest
from pressplay.github import permissions, rules
from pressplay.sandbox.forge import App, Forge
from pressplay.settings import Settings
from pressplay.steps.core.approvals import ACCEPTANCE_CHECK

MAINTAINER = "maintainer"
DEPLOYER = "deployer"
PEOPLE = ({"actor_type": "RepositoryRole", "actor_id": 4, "bypass_mode": "pull_request"},)
"""Whoever has the role write, or more, and merges a pull request; Apps have no role."""
ORDERS = "refs/heads/press-play/**/*"
"""The branches that carry agents' instructions (`names.context_branch`)."""


def set_up(
    forge: Forge,
    settings: Settings,
    repo: str,
    source: Path | None,
    *,
    branch: str = "main",
    commit: str = "",
    serve_app: str = "",
) -> dict[str, App]:
    """Make sure of the repository with what is in `source`, the Apps, the maintainer and the rulesets.

    `branch` is the base branch, which begins at `commit` (empty: where the source has it). `serve_app`: the App that
    will serve comments, for which there is none else.
    Returns the Apps by their names as the settings have them (`githubApp`). Done again, it is the same.
    """
    forge.create_user(MAINTAINER)
    forge.create_repository(repo, source, branch, commit=commit)
    forge.grant(repo, MAINTAINER, "admin")
    forge.create_user(DEPLOYER)
    forge.grant(repo, DEPLOYER, "write")
    apps = {}
    for name, needs in permissions.needed(settings, serve_app=serve_app).items():
        slug = names.slug(name)
        apps[name] = forge.create_app(slug, name, needs.permissions, needs.events)
        forge.install(slug, repo)
    # What a default branch needs (R5): a pull request, an approval, and the harness's own check.
    forge.create_ruleset(
        repo,
        "press-play",
        required_check=ACCEPTANCE_CHECK,
        required_check_app=names.slug(settings.github.harness_app),
        strict=_wants_updates(settings, repo),
        approvals=1,
        rules=[{"type": "non_fast_forward"}, {"type": "deletion"}],
    )
    # And that people merge: an App with `contents: write` may merge whatever lacks nothing.
    forge.create_ruleset(repo, "press-play-people", rules=[{"type": "update"}], bypass_actors=PEOPLE)
    # And that the harness alone instructs agents: each of their Apps may push.
    harness = apps[settings.github.harness_app].id
    forge.create_ruleset(
        repo,
        "press-play-orders",
        rules=[{"type": rule} for rule in rules.SEALING],
        include=[ORDERS],
        bypass_actors=[{"actor_type": "Integration", "actor_id": harness, "bypass_mode": "always"}],
    )
    return apps


def _wants_updates(settings: Settings, repo: str) -> bool:
    """Whether the values rely on GitHub's strict policy; a repository need not be listed yet."""
    own = settings.repository(repo) if repo in settings.repositories else settings.defaults
    return own.base.strategy == "strict"


def secret(name: str, app: App, namespace: str) -> Manifest:
    """The Secret with the key of the App `name`, as the chart and the controller of CodeRun expect it."""
    data = {"app-id": str(app.id), "client-id": app.client_id, "private-key": app.private_key}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": names.app_secret(name), "namespace": namespace, "labels": dict(PART_OF)},
        "data": {key: base64.b64encode(value.encode()).decode() for key, value in data.items()},
    }


def known_apps(forge: Forge, settings: Settings) -> dict[str, App]:
    """The Apps of an earlier `set_up`, each with a key of this process: no other is kept anywhere."""
    apps = {name: forge.app_key(names.slug(name)) for name in permissions.needed(settings)}
    return {name: app for name, app in apps.items() if app is not None}


def secrets(settings: Settings, apps: Mapping[str, App]) -> Iterator[Manifest]:
    """All Secrets of an installation: QA's and those of no agent beside it, each agent's where agents run (R5).

    Those of Apps that are not given are left out.
    """
    qa = settings.agent("qa")[1].github_app
    agents = {agent.github_app for agent in settings.agents.values()}
    for name, app in apps.items():
        if name == qa or name not in agents:
            yield secret(name, app, settings.namespace)
    for agent in settings.agents.values():
        if agent.enabled and agent.github_app in apps:
            yield secret(agent.github_app, apps[agent.github_app], settings.controller_namespace)
