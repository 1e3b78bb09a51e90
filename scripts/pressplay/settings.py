"""The settings that every step reads: `config.json` in the ConfigMap `press-play-config`, rendered by the chart.

Precedence (design, Steps): a step's own parameter > `repositories.<name>` > `defaults` > what is detected.
Unknown keys are errors (R10).
"""

from __future__ import annotations

import json
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from pressplay import names
from pressplay.errors import InputError

CONFIG_MAP = "press-play-config"
CONFIG_KEY = "config.json"


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)


class GitHub(_Model):
    """Where the forge answers: GitHub, a GitHub Enterprise Server, or the sandbox's stand-in."""

    api_url: str = Field("https://api.github.com", alias="apiURL")
    git_url: str = Field("https://github.com", alias="gitURL")
    web_url: str = Field("https://github.com", alias="webURL")
    harness_app: str = "press-play"
    """The App as which no agent ever runs (R5)."""


class Agent(_Model):
    """One persona, as far as the workflows need it."""

    github_app: str
    role: str
    model: str
    local_tools: list[str] = []
    remote_tools: list[str] = []
    enabled: bool = True


class RepositoryDefaults(_Model):
    """What a repository may set for itself; None means: not set here."""

    service: str | None = None
    docs_project_directory: str | None = None
    working_directory: str | None = None
    default_branch: str | None = None
    model: str | None = None
    tag: str | None = None
    parallelism: int | None = Field(None, ge=1)
    release: Literal["merged", "approved"] | None = None
    isolation: Literal["volume", "worktree"] | None = None
    runs_at_once: int | None = Field(None, ge=1)


class Limits(_Model):
    """R4: bounds on everything that agents do; counted from the ledger."""

    attempts: int = Field(2, ge=1)
    """Runs that the machine starts for one key before it gives the key up."""
    rounds: int = Field(3, ge=1)
    """Passes Clippy → QA (→ Rex) over one pull request."""
    run_minutes: int = Field(60, ge=1)
    runs_per_pull_request: int = Field(20, ge=1)
    runs_per_task: int = Field(10, ge=1)
    runs_per_repository_and_day: int = Field(200, ge=1)
    runs_per_play: int = Field(1000, ge=1)
    runs_per_day: int = Field(500, ge=1)
    wait_days: int = Field(14, ge=1)
    """The age at which a wait for a person ends its task with the reason."""
    triage_tries: int = Field(2, ge=1)
    """Runs of the Triage agent for one pull request and try."""
    security_groups: int = Field(5, ge=1)
    """Groups of alerts that are begun in a repository and day."""


class Events(_Model):
    """What may start on events without being asked (R8)."""

    enabled: bool = True
    start: Literal["label", "all"] = "label"
    label: str = Field("press-play", pattern=r"^[A-Za-z0-9._/-]+$")


class Flow(_Model):
    """Whether events start a flow, and for how many seconds they are gathered first."""

    enabled: bool = True
    window: int = Field(ge=1)


class CommentsFlow(Flow):
    """The flow `comments`."""

    agent: str = "rex"
    """The id of the agent that answers."""


class TriageFlow(Flow):
    """The flow `triage`."""

    ignore_checks: list[str] = []
    """Names of checks and workflows whose failure is left alone."""


class SecurityFlow(Flow):
    """The flow `security`."""

    scan_workflows: list[str] = []
    """Names of workflows whose success on the default branch is news about alerts."""


class Flows(_Model):
    """What events start; the defaults are those of the chart's values."""

    pull_request: Flow = Flow(window=30)
    comments: CommentsFlow = CommentsFlow(window=60)
    triage: TriageFlow = TriageFlow(window=60)
    security: SecurityFlow = SecurityFlow(window=300)
    issue: Flow = Flow(window=10)


class Settings(_Model):
    """All settings of one installation."""

    namespace: str
    """Where our Workflows, ledgers and ConfigMaps live."""
    controller_namespace: str
    """Where the existing controller watches for CodeRuns."""
    instance_id: str = ""
    allow_unprotected: bool = False
    github: GitHub = GitHub()  # type: ignore[call-arg]
    repositories: dict[str, RepositoryDefaults] = {}
    defaults: RepositoryDefaults = RepositoryDefaults()  # type: ignore[call-arg]
    limits: Limits = Limits()  # type: ignore[call-arg]
    events: Events = Events()  # type: ignore[call-arg]
    flows: Flows = Flows()
    agents: dict[str, Agent] = {}
    coderun_extra: dict[str, object] = {}
    """Fields that later versions of the CodeRun have, added to each one's spec."""

    def repository(self, full_name: str) -> RepositoryDefaults:
        """The settings of a listed repository, its own before the defaults; InputError if it is not listed (R8)."""
        own = self.repositories.get(names.repo(full_name))
        if own is None:
            listed = ", ".join(sorted(self.repositories)) or "none"
            raise InputError(
                f"repository {full_name!r} is not listed: expected one of repositories in the chart's values "
                f"({listed}); add it there and run helm upgrade"
            )
        set_here = own.model_dump(exclude_none=True)
        return RepositoryDefaults.model_validate({**self.defaults.model_dump(exclude_none=True), **set_here})

    def is_ours(self, login: str) -> bool:
        """Whether a login is that of one of our Apps."""
        apps = [self.github.harness_app, *(agent.github_app for agent in self.agents.values())]
        return login.lower() in {names.bot(app) for app in apps}

    def agent(self, name: str) -> tuple[str, Agent]:
        """The persona with this id or `githubApp`, as (id, persona); InputError if there is none or it is disabled."""
        for key, agent in self.agents.items():
            if name in (key, agent.github_app):
                if not agent.enabled:
                    raise InputError(f"agent {key!r} is disabled: set agents.{key}.enabled in the chart's values")
                return key, agent
        known = ", ".join(f"{key} ({agent.github_app})" for key, agent in sorted(self.agents.items()))
        raise InputError(f"no agent has the id or githubApp {name!r}: expected one of {known}")


def parse(text: str, where: str = f"ConfigMap {CONFIG_MAP}, key {CONFIG_KEY}") -> Settings:
    """Settings from `config.json`'s text; InputError names `where`, each path and what was expected."""
    try:
        return Settings.model_validate(json.loads(text))
    except json.JSONDecodeError as error:
        raise InputError(f"{where}: not JSON: {error}") from error
    except ValidationError as error:
        faults = "\n".join(f"{where}: {'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise InputError(faults) from error
