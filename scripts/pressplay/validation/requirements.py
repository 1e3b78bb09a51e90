"""A project's requirements.yaml: the tools, Secrets and environment that its agents are given (FR8).

Its form is schemas/requirements.schema.json. What an agent may not have is refused, never left out silently. The limits
are in the chart's values (`agents.<id>.requirements`, `repositories.<name>.secrets`). Secrets are named here and
mounted by the controller of CodeRun; nobody here reads one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from pressplay import names
from pressplay.settings import Agent, AgentRequirements
from pressplay.validation import packaged
from pressplay.validation.redaction import redact
from pressplay.validation.report import Problem, invalid, json_path, shown
from pressplay.validation.schema import by_place, check, did_you_mean
from pressplay.validation.yamlsource import Path, Source, load_yaml

LIMIT = 65_536
"""Bytes of a file. What it asks for travels in the spec of every CodeRun."""
SECTIONS = ("remoteTools", "localServers", "secrets", "environment")

_RESERVED = tuple(
    (re.compile(pattern, re.IGNORECASE), why)
    for pattern, why in (
        (r"PRESSPLAY_.*", "the harness gives each run its orders by these"),
        (r"GITHUB_APP.*|GITHUB_TOKEN|GH_.*|GIT_.*|SSH_.*", "the agent signs in to GitHub with these"),
        (r"ANTHROPIC_.*|CLAUDE_.*|TOOLMAN_.*", "the controller gives the agent its model and its tools by these"),
        (r"KUBERNETES_.*", "Kubernetes gives a pod the address of its API by these"),
        (
            r"LD_.*|DYLD_.*|GCONV_PATH|PATH|HOME|SHELL|IFS|ENV|CDPATH|PS4|PROMPT_COMMAND|SHELLOPTS|BASHOPTS|BASH_.*|"
            r"NODE_OPTIONS|NODE_PATH|PYTHON(PATH|HOME|STARTUP|USERBASE|INSPECT|WARNINGS|BREAKPOINT)|PERL5.*|PERLLIB|"
            r"RUBYOPT|RUBYLIB|_?JAVA_(TOOL_)?OPTIONS|JDK_JAVA_OPTIONS",
            "the controller's script, which holds the App's key, would run other code than its own",
        ),
        (
            r".*_PROXY|SSL_CERT_.*|CURL_.*|REQUESTS_CA_BUNDLE|OPENSSL_.*|NODE_EXTRA_CA_CERTS|"
            r"NODE_TLS_REJECT_UNAUTHORIZED",
            "the agent's credentials would be sent by way of others",
        ),
    )
)


def reserved(variable: str) -> str:
    """Why a project may not set this variable of an agent's container, in a clause; empty if it may."""
    return next((why for pattern, why in _RESERVED if pattern.fullmatch(variable)), "")


@dataclass(frozen=True)
class Given:
    """What the runs of one agent are given: the persona's own tools and what the project asks for, without doubles."""

    local_tools: tuple[str, ...] = ()
    """Names of local servers, the persona's first."""
    remote_tools: tuple[str, ...] = ()
    local_servers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """How those are started that the project defines."""
    secrets: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    """A Secret's name → its keys, each with the variable that it becomes."""
    environment: Mapping[str, str] = field(default_factory=dict)
    tools_file: bool = False
    """Whether the task folder gets a toolman-config.json of ours."""

    def task_requirements(self) -> dict[str, Any]:
        """`secrets` and `environment` as the CodeRun's taskRequirements have them; empty ones are left out.

        A Secret always has its keys: without them, the controller would make a variable of every key of any name.
        """
        secrets = [
            {"name": name, "keys": [{key: variable} for key, variable in keys]} for name, keys in self.secrets.items()
        ]
        return {
            **({"secrets": secrets} if secrets else {}),
            **({"environment": dict(self.environment)} if self.environment else {}),
        }

    def toolman_config(self) -> dict[str, Any]:
        """The task folder's toolman-config.json.

        Source: the client configuration of 5dlabs/toolman, which wants both keys, and a server's `args` and `tools`.
        """
        servers = {
            name: {
                "command": server["command"],
                "args": list(server.get("args") or []),
                "tools": list(server["tools"]),
                "workingDirectory": server.get("workingDirectory") or "project_root",
                **({"env": dict(server["env"])} if server.get("env") else {}),
            }
            for name, server in self.local_servers.items()
        }
        return {"remoteTools": list(self.remote_tools), "localServers": servers}

    def as_json(self) -> dict[str, Any]:
        """All of it, for people and programs that want to know."""
        return {
            "localTools": list(self.local_tools),
            **self.toolman_config(),
            "secrets": [],
            "environment": {},
            **self.task_requirements(),
        }


@dataclass(frozen=True, slots=True)
class _Entry:
    """One thing that is asked for."""

    section: str
    name: str
    path: Path
    value: Any = None
    """A server's definition, a variable's value; of a Secret (key, variable, the place of that)."""


@dataclass(frozen=True)
class Requirements:
    """A requirements.yaml, as far as it can be read."""

    source: Source
    malformed: tuple[Problem, ...]
    """What is wrong with its form. Words of these problems may be anybody's; those of `refused` are checked names."""

    def refused(self, agents: Mapping[str, Agent], secrets: Collection[str], only: str | None = None) -> list[Problem]:
        """The requests for what nobody may have, or not these agents (`only`: not this one), by place.

        `secrets` are those that are listed for the repository. Disabled agents are skipped.
        """
        problems = [*self._unknown_agents(agents), *self._without(), *self._variables(), *self._leaks()]
        denied: dict[Path, tuple[_Entry, list[str]]] = {}
        for agent_id, agent in sorted(agents.items()):
            if not agent.enabled or only not in (None, agent_id):
                continue
            problems += self._clashes(agent_id)
            for entry in self._asked(agent_id):
                if entry.section == "secrets" and entry.name not in secrets:
                    continue
                if not _may(agent.requirements, entry):
                    by = denied.setdefault(entry.path, (entry, []))[1]
                    by += [] if agent_id in by else [agent_id]
        problems += [self._denied(entry, by) for entry, by in denied.values()]
        problems += self._unlisted(secrets)
        return by_place(dict.fromkeys(problems))

    def given(self, agent_id: str, agent: Agent) -> Given:
        """What this agent's runs are given, of a file that is neither malformed nor refused."""
        asked = list(self._asked(agent_id))
        servers = {entry.name: entry.value for entry in asked if entry.section == "localServers"}
        remote = {entry.name for entry in asked if entry.section == "remoteTools"}
        secrets: dict[str, set[tuple[str, str]]] = {}
        for entry in asked:
            if entry.section == "secrets":
                secrets.setdefault(entry.name, set()).add(entry.value[:2])
        environment = {entry.name: entry.value for entry in asked if entry.section == "environment"}
        return Given(
            local_tools=_added(agent.local_tools, servers),
            remote_tools=_added(agent.remote_tools, remote),
            local_servers=dict(sorted(servers.items())),
            secrets={name: tuple(sorted(keys)) for name, keys in sorted(secrets.items())},
            environment=dict(sorted(environment.items())),
            tools_file=True,
        )

    # -- what is asked ---------------------------------------------------------------------------------------------

    def _agent(self, agent_id: str) -> Mapping[str, Any]:
        return _map(_map(self.source.value, "agents"), agent_id)

    def _asked(self, agent_id: str) -> Iterator[_Entry]:
        """Everything for one agent: project-wide, without what it is to do without, then its own."""
        own = self._agent(agent_id)
        without = {section: set(_texts(_map(own, "without"), section)) for section in SECTIONS}
        yield from (entry for entry in self._of() if entry.name not in without[entry.section])
        yield from self._of(agent_id)

    def _of(self, agent_id: str | None = None) -> Iterator[_Entry]:
        """The entries of one part of the file: project-wide, or of one agent."""
        part = self.source.value if agent_id is None else self._agent(agent_id)
        above: Path = () if agent_id is None else ("agents", agent_id)
        for index, name in enumerate(_list(part, "remoteTools")):
            if isinstance(name, str):
                yield _Entry("remoteTools", name, (*above, "remoteTools", index))
        for name, server in _map(part, "localServers").items():
            yield _Entry("localServers", name, (*above, "localServers", name), server)
        for index, secret in enumerate(_list(part, "secrets")):
            name = secret.get("name") if isinstance(secret, dict) else None
            path: Path = (*above, "secrets", index)
            for at, keys in enumerate(_list(secret, "keys")):
                for key, variable in (keys if isinstance(keys, dict) else {}).items():
                    if isinstance(name, str) and isinstance(variable, str):
                        place = (*path, "keys", at, key)
                        yield _Entry("secrets", name, (*path, "name"), (key, variable, place))
        for name, value in _map(part, "environment").items():
            yield _Entry("environment", name, (*above, "environment", name), value)

    def _everywhere(self) -> Iterator[_Entry]:
        for agent_id in (None, *_map(self.source.value, "agents")):
            yield from self._of(agent_id)

    # -- what is wrong with it -------------------------------------------------------------------------------------

    def _problem(self, path: Path, message: str, hint: str) -> Problem:
        at = self.source.place(path)
        return Problem(at.file, at.line, at.column, json_path(path), message, hint)

    def _unknown_agents(self, agents: Collection[str]) -> Iterator[Problem]:
        for agent_id in _map(self.source.value, "agents"):
            if agent_id not in agents:
                hint = did_you_mean(agent_id, agents) or "take it out"
                yield self._problem(("agents", agent_id), f"no agent has the id {shown(agent_id)}", hint)

    def _without(self) -> Iterator[Problem]:
        everybodys = {section: {e.name for e in self._of() if e.section == section} for section in SECTIONS}
        for agent_id in _map(self.source.value, "agents"):
            own = {entry.name for entry in self._of(agent_id) if entry.section == "remoteTools"}
            for section in SECTIONS:
                for index, name in enumerate(_list(_map(self._agent(agent_id), "without"), section)):
                    path: Path = ("agents", agent_id, "without", section, index)
                    if not isinstance(name, str):
                        continue
                    if name not in everybodys[section]:
                        message = f"expected what {section} of the whole project names, got {shown(name)}"
                        yield self._problem(path, message, did_you_mean(name, everybodys[section]) or "take it out")
                    elif section == "remoteTools" and name in own:
                        message = f"{shown(name)} is asked for and not wanted at once"
                        yield self._problem(path, message, f"take one of the two out of agents.{agent_id}")

    def _variables(self) -> Iterator[Problem]:
        """Names that are not for projects to set."""
        for entry in self._everywhere():
            places = {}
            if entry.section == "environment":
                places = {entry.path: entry.name}
            elif entry.section == "secrets":
                places = {entry.value[2]: entry.value[1]}
            elif entry.section == "localServers":
                places = {(*entry.path, "env", name): name for name in _map(entry.value, "env")}
            for path, name in places.items():
                why = reserved(name)
                if why:
                    message = f"expected a variable that a project may set, got {shown(name)}: {why}"
                    yield self._problem(path, message, "use another name")

    def _leaks(self) -> Iterator[Problem]:
        """Keys and tokens written where everybody reads them. Their values are not repeated."""
        for entry in self._everywhere():
            texts: dict[Path, Any] = {}
            if entry.section == "environment":
                texts = {entry.path: entry.value}
            elif entry.section == "localServers":
                env, args = _map(entry.value, "env"), _list(entry.value, "args")
                texts = {(*entry.path, "env", name): value for name, value in env.items()}
                texts |= {(*entry.path, "args", index): value for index, value in enumerate(args)}
            for path, text in texts.items():
                redacted = re.search(r"\[redacted: ([^]]*)]", redact(text)) if isinstance(text, str) else None
                if redacted and redacted[0] not in text:
                    message = f"expected nothing secret in a file of the repository, got what looks like: {redacted[1]}"
                    yield self._problem(path, message, "revoke it, and ask for a Secret that holds the new one")

    def _clashes(self, agent_id: str) -> Iterator[Problem]:
        """Variables of an agent that would come from two places."""
        sources: dict[str, tuple[str, str]] = {}
        for entry in self._asked(agent_id):
            if entry.section == "environment":
                variable, source, path = entry.name, ("environment", ""), entry.path
            elif entry.section == "secrets":
                key, variable, path = entry.value
                source = (entry.name, key)
            else:
                continue
            other = sources.setdefault(variable, source)
            if other != source:
                first, second = (f"Secret {name}, key {key}" if key else name for name, key in (other, source))
                message = f"expected one source for the variable {shown(variable)}, got {first}, and {second}"
                yield self._problem(path, message, "name one of the two otherwise, or take it out")

    def _unlisted(self, secrets: Collection[str]) -> Iterator[Problem]:
        for entry in self._everywhere():
            if entry.section != "secrets":
                continue
            if entry.name.startswith(names.APP_SECRETS):
                message = f"expected a Secret of the project's, got {shown(entry.name)}, which is an App's key"
                yield self._problem(entry.path, message, "take it out: the controller gives each agent its own")
            elif entry.name not in secrets:
                message = f"expected a Secret that is listed for this repository, got {shown(entry.name)}"
                near = did_you_mean(entry.name, secrets)
                ask = "who runs Press Play lists it in the values (repositories.<name>.secrets)"
                yield self._problem(entry.path, message, f"{near}, else {ask}" if "mean" in near else ask)

    def _denied(self, entry: _Entry, by: list[str]) -> Problem:
        what = {"remoteTools": "remote tool", "localServers": "local server", "secrets": "Secret"}[entry.section]
        who = ", ".join(by)
        message = f"expected a {what} that each of these agents may be given, got {shown(entry.name)} for {who}"
        hint = f"who runs Press Play allows it in the values (agents.<id>.requirements.{entry.section})"
        if entry.path[0] != "agents":
            hint = f"ask for it below agents.<id>, for those that need it; {hint}"
        return self._problem(entry.path, message, hint)


def load(content: str | bytes, file: str) -> Requirements:
    """Read a requirements.yaml; an empty one asks for nothing. Invalid if it is not YAML, or too large."""
    raw = content.encode() if isinstance(content, str) else content
    if len(raw) > LIMIT:
        raise invalid(file, f"expected at most {LIMIT} bytes, got {len(raw)}", "ask for less")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise invalid(file, f"expected UTF-8, got byte {error.start}: {error.reason}", "save it as UTF-8") from error
    source = load_yaml(text, file)
    problems = check(packaged.schema("requirements"), {} if source.value is None else source.value, source.place)
    return Requirements(source, tuple(by_place([*source.problems, *problems])))


def given(requirements: Requirements | None, agent_id: str, agent: Agent) -> Given:
    """What an agent's runs are given, with or without such a file.

    Without one, a toolman-config.json is written only where the values restrict the agent's tools: a task's own file
    in the repository must not bypass that.
    """
    if requirements is not None:
        return requirements.given(agent_id, agent)
    free = AgentRequirements()
    allowed = (agent.requirements.remote_tools, agent.requirements.local_servers)
    restricted = allowed != (free.remote_tools, free.local_servers)
    return Given(tuple(agent.local_tools), tuple(agent.remote_tools), tools_file=restricted)


def to_json(document: Mapping[str, Any]) -> str:
    """A file of the task folder's, as people read it in a pull request or a work tree."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _added(own: Collection[str], more: Collection[str]) -> tuple[str, ...]:
    """The persona's own in its order, then the others by name."""
    return (*dict.fromkeys(own), *sorted(set(more) - set(own)))


def _may(allowed: AgentRequirements, entry: _Entry) -> bool:
    patterns = {
        "remoteTools": allowed.remote_tools,
        "localServers": allowed.local_servers,
        "secrets": allowed.secrets,
        "environment": ["*"],
    }[entry.section]
    return any(fnmatchcase(entry.name, pattern) for pattern in patterns)


def _map(holder: Any, key: str) -> Mapping[str, Any]:
    section = holder.get(key) if isinstance(holder, dict) else None
    return section if isinstance(section, dict) else {}


def _list(holder: Any, key: str) -> list[Any]:
    section = holder.get(key) if isinstance(holder, dict) else None
    return section if isinstance(section, list) else []


def _texts(holder: Any, key: str) -> Iterator[str]:
    return (item for item in _list(holder, key) if isinstance(item, str))
