"""What each of our GitHub Apps needs on GitHub, and why: the one table of it (R9).

`needed` says it for an installation's settings. Apps are made by it (`pressplay apps`), the sandbox's too, and it is
the page docs/reference/github-apps.md. Nobody here is given `administration` or `workflows`, and nobody merges: that
`contents: write` could, or write another agent's orders, is what the rulesets are for (R5).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from pressplay.domain import flows
from pressplay.settings import Settings

Level = Literal["read", "write"]
AskedBy = Literal["steps", "agent", "eventsource"]


@dataclass(frozen=True, slots=True)
class Row:
    """One permission, under the name by which GitHub's API knows it."""

    permission: str
    level: Level
    why: str
    asked_by: AskedBy = "steps"
    """Who asks for it: our steps, the agent in its container, or the EventSource of Argo Events."""
    where: Callable[[Settings], bool] = lambda _settings: True
    """In which installations."""


def _alerts(settings: Settings) -> bool:
    return settings.flows.security.enabled


HARNESS = (
    Row("metadata", "read", "Every App has it: the repository, its rulesets, who may write."),
    Row(
        "contents",
        "write",
        "Reads backlog and files; commits each run's task folder to a branch of ours, and removes it.",
    ),
    Row("pull_requests", "write", "Reads pull requests, reviews and comments; comments, answers and labels there."),
    Row("issues", "write", "Reads issues and comments; labels, and says on an issue what became of it."),
    Row("checks", "write", "Sets our checks, `press-play/acceptance` first, and asks for failed ones again."),
    Row("actions", "write", "Reads failed jobs and their logs; runs failed jobs again."),
    Row("deployments", "write", "Asks for a deployment of a commit, and watches it."),
    Row("security_events", "read", "Reads code scanning's alerts.", where=_alerts),
    Row("vulnerability_alerts", "read", "Reads Dependabot's alerts.", where=_alerts),
    Row("secret_scanning_alerts", "read", "Reads secret scanning's alerts.", where=_alerts),
)
WEBHOOKS = Row(
    "repository_hooks",
    "write",
    "The EventSource makes the repositories' webhooks itself (`events.webhook.url`).",
    "eventsource",
)

_METADATA = Row("metadata", "read", "Every App has it.", "agent")
_PUSHES = Row("contents", "write", "Clones, and pushes its commits to the branch that it works on.", "agent")
_OPENS = Row("pull_requests", "write", "Opens its pull request.", "agent")
_ASKS = Row("pull_requests", "write", "Finds its pull request, and asks there where it is blocked.", "agent")

ROLES: Mapping[str, tuple[Row, ...]] = {
    "plan": (_METADATA, _PUSHES, _OPENS),
    "implement": (_METADATA, _PUSHES, _OPENS),
    "lint": (_METADATA, _PUSHES, _ASKS),
    "test": (
        _METADATA,
        _PUSHES,
        Row("pull_requests", "write", "Posts its review; the harness posts the approval as it."),
    ),
    "triage": (_METADATA, _PUSHES, _ASKS),
    "security": (_METADATA, _PUSHES, _OPENS),
    "comments": (_METADATA, _PUSHES, Row("pull_requests", "write", "Answers reviewers in their threads.", "agent")),
    "issue": (
        _METADATA,
        Row("contents", "read", "Clones, to know what the issue is about.", "agent"),
        Row("issues", "write", "Leaves the task, or its questions, on the issue.", "agent"),
    ),
}
"""What an agent needs, by its role (`agents.<id>.role`); the agent that answers comments needs more."""


@dataclass(frozen=True)
class Needs:
    """What one App needs."""

    app: str
    """Its name, as the settings have it (`githubApp`, `github.harnessApp`)."""
    agent: str
    """The agent's id; empty for the harness's App."""
    permissions: Mapping[str, Level]
    why: Mapping[str, str]
    """A sentence for each permission."""
    events: tuple[str, ...] = ()
    """GitHub's names of the events that its webhook is to send; of the harness's App only."""


def needed(settings: Settings, *, makes_webhooks: bool = False) -> dict[str, Needs]:
    """What the harness's App and each enabled agent's needs, by the Apps' names, the harness's first.

    `makes_webhooks`: whether the EventSource makes the repositories' webhooks as the harness's App
    (`events.webhook.url`, which the settings do not know); that App then has none of its own, and no events.
    """
    harness = settings.github.harness_app
    rows = [row for row in HARNESS if row.where(settings)] + ([WEBHOOKS] if makes_webhooks else [])
    events = () if makes_webhooks else wanted_events(settings)
    needs = {harness: _needs(harness, "", rows, events)}
    for agent_id, agent in settings.agents.items():
        if agent.enabled:
            more = ROLES["comments"] if agent_id == settings.flows.comments.agent else ()
            needs[agent.github_app] = _needs(agent.github_app, agent_id, [*ROLES[agent.role], *more])
    return needs


def _needs(app: str, agent: str, rows: list[Row], events: tuple[str, ...] = ()) -> Needs:
    permissions: dict[str, Level] = {}
    why: dict[str, str] = {}
    for row in rows:
        if permissions.get(row.permission) != "write":
            permissions[row.permission] = row.level
        why[row.permission] = " ".join(
            dict.fromkeys([*([why[row.permission]] if row.permission in why else []), row.why])
        )
    return Needs(app, agent, permissions, why, events)


def wanted_events(settings: Settings) -> tuple[str, ...]:
    """The events that the EventSource of an installation wants, sorted; none if events are off."""
    rows = (row for flow in flows.flows() for row in settings.started_by(flow))
    return tuple(sorted({event for row in rows for event in row.events}))
