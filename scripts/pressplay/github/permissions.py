"""What each of our GitHub Apps needs on GitHub, and why (R9): an agent's by its role, the others' here.

`needed` says it for an installation's settings. Apps are made by it (`pressplay apps`), the sandbox's too, and it is
the page docs/reference/github-apps.md. Nobody here is given `administration` or `workflows`, and nobody merges: that
`contents: write` could, or write another agent's orders, is what the rulesets are for (R5).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pressplay.domain import flows
from pressplay.domain.roles import AGENT_ROLES, COMMENTS, Level, Permission
from pressplay.settings import Settings

HARNESS = (
    Permission("metadata", "read", "Every App has it: the repository, its rulesets, who may write."),
    Permission(
        "contents",
        "write",
        "Reads backlog and files; commits each run's task folder, statuses, and what a press read of GitHub's issues, "
        "to branches of ours; merges the base branch into a pull request's (`base.strategy: strict`, the step "
        "`retest-update` alone).",
    ),
    Permission(
        "pull_requests",
        "write",
        "Reads pull requests, reviews and comments; comments, answers and labels there; opens the one that sets "
        "statuses in tasks.json (`statusPullRequest`).",
    ),
    Permission(
        "issues", "write", "Reads issues, milestones and comments; labels, and says on an issue what became of it."
    ),
    Permission("checks", "write", "Sets our checks, `press-play/acceptance` first, and asks for failed ones again."),
    Permission("actions", "write", "Reads failed jobs and their logs; runs failed jobs again."),
    Permission("deployments", "write", "Asks for a deployment of a commit, and watches it."),
)
"""What the harness needs in every installation, for its steps."""
ALERTS = (
    Permission("security_events", "read", "Reads code scanning's alerts."),
    Permission("vulnerability_alerts", "read", "Reads Dependabot's alerts."),
    Permission("secret_scanning_alerts", "read", "Reads secret scanning's alerts."),
)
"""What it needs besides where alerts are remedied (`flows.security.enabled`), for its steps."""
QUEUES = (
    Permission(
        "merge_queues", "read", "Reads who entered what into the merge queue, and gets the event `merge_group`."
    ),
)
"""What it needs besides where it answers merge queues (`flows.mergeGroup.enabled`), for its steps."""
WEBHOOKS = Permission(
    "repository_hooks",
    "write",
    "The EventSource makes the repositories' webhooks itself (`events.webhook.url`).",
)
"""What it needs besides where the EventSource of Argo Events acts as its App."""


SERVE = (
    Permission("metadata", "read", "Every App has it: the repository, who may write."),
    Permission("contents", "read", "Reads snapshots of comments, and who wrote them."),
    Permission("pull_requests", "read", "Reads pull requests, reviews and comments."),
)
"""What the App of `pressplay serve` needs. It answers whoever calls, so it may do no more than read."""


@dataclass(frozen=True)
class Needs:
    """What one App needs."""

    app: str
    """Its name, as the settings have it (`githubApp`, `github.harnessApp`)."""
    user: str
    """Who acts as it: `harness`, `serve`, or an agent's id."""
    permissions: Mapping[str, Level]
    why: Mapping[str, str]
    """A sentence for each permission."""
    events: tuple[str, ...] = ()
    """GitHub's names of the events that its webhook is to send; of the harness's App only."""

    @property
    def agent(self) -> str:
        """The id of the agent that works as it; empty for the harness's App and the server's."""
        return "" if self.user in _OWN else self.user

    @property
    def who(self) -> str:
        """Who acts as it, for people."""
        return _OWN[self.user][0] if self.user in _OWN else f"agent {self.user}"

    @property
    def value(self) -> str:
        """Where the chart's values name it."""
        return _OWN[self.user][1] if self.user in _OWN else f"agents.{self.user}.githubApp"


HARNESS_USER, SERVE_USER = "harness", "serve"
_OWN = {
    HARNESS_USER: ("the harness", "github.harnessApp"),
    SERVE_USER: ("the comments' server", "serve.githubApp"),
}
"""Those that act as an App and are no agent: who each is, and where the values name its App."""


def needed(settings: Settings, *, makes_webhooks: bool = False, serve_app: str = "") -> dict[str, Needs]:
    """What the harness's App, the server's and each enabled agent's needs, by the Apps' names, the harness's first.

    What the settings do not know: `makes_webhooks`, whether the EventSource makes the repositories' webhooks as the
    harness's App (`events.webhook.url`); that App then has none of its own, and no events. `serve_app`: the App
    that serves the release's comments, empty where none does.
    """
    harness = settings.github.harness_app
    own = [
        *HARNESS,
        *(ALERTS if settings.flows.security.enabled else ()),
        *(QUEUES if settings.flows.merge_group.enabled else ()),
        *((WEBHOOKS,) if makes_webhooks else ()),
    ]
    events = () if makes_webhooks else wanted_events(settings)
    needs = {harness: _needs(harness, HARNESS_USER, own, events)}
    if serve_app:
        needs[serve_app] = _needs(serve_app, SERVE_USER, SERVE)
    for agent_id, agent in settings.agents.items():
        if agent.enabled:
            more = COMMENTS.permissions if agent_id == settings.flows.comments.agent else ()
            needs[agent.github_app] = _needs(agent.github_app, agent_id, [*AGENT_ROLES[agent.role].permissions, *more])
    return needs


def _needs(app: str, user: str, needed: Sequence[Permission], events: tuple[str, ...] = ()) -> Needs:
    levels: dict[str, Level] = {}
    why: dict[str, list[str]] = {}
    for permission in needed:
        if levels.get(permission.name) != "write":
            levels[permission.name] = permission.level
        why.setdefault(permission.name, []).append(permission.why)
    return Needs(app, user, levels, {name: " ".join(dict.fromkeys(reasons)) for name, reasons in why.items()}, events)


def wanted_events(settings: Settings) -> tuple[str, ...]:
    """The events that the EventSource of an installation wants, sorted; none if events are off."""
    rows = (row for flow in flows.flows() for row in settings.started_by(flow))
    return tuple(sorted({event for row in rows for event in row.events}))
