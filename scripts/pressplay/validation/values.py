"""Values files, as Helm puts them together, each error pointing at the file that set the value.

The rules across values are the chart's own (`chart/templates/validate.yaml`), so that `pressplay validate` says before
an installation what `helm install` would say during it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from pressplay import names, patch
from pressplay.domain import accounts
from pressplay.validation import packaged
from pressplay.validation.report import Invalid, Problem, json_path, shown
from pressplay.validation.schema import by_place, check
from pressplay.validation.yamlsource import Path, Place, Source, load_yaml, nearest

DEFAULTS = "values.yaml of the chart"
_FRONT_MATTER = re.compile(r"\s*---[ \t]*\r?\n")

Finding = tuple[tuple[Path, ...], str, str]
"""The paths that only together are wrong, the one to change first; what is wrong; what to do."""


def validate(files: Sequence[tuple[str, str]]) -> list[Problem]:
    """All problems of values files, given as (name, text) in the order of Helm's `-f`.

    If a file is not YAML, only that is reported: the merged values are then unknown.
    """
    return _checked(files)[1]


def load(files: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """The complete values from these files and the chart's defaults; Invalid, with all faults, if one is wrong."""
    merged, problems = _checked(files)
    if problems:
        raise Invalid(problems)
    return merged


def _checked(files: Sequence[tuple[str, str]]) -> tuple[dict[str, Any], list[Problem]]:
    problems: list[Problem] = []
    sources: list[Source] = []
    for name, text in files:
        try:
            sources.append(load_yaml(text, name))
        except Invalid as error:
            problems += error.problems
    if problems:
        return {}, problems
    problems = [problem for source in sources for problem in source.problems]
    maps = []
    for source in sources:
        if source.value is not None and not isinstance(source.value, dict):
            at = source.place(())
            message = f"expected a map of values, got {shown(source.value)}"
            problems.append(Problem(at.file, at.line, at.column, "$", message, "write it as key: value"))
        elif source.value is not None:
            maps.append(source)
    merged, places = merge([_defaults(), *maps])

    def place(path: Path) -> Place:
        return nearest(places, path) or Place(DEFAULTS, 0, 0)

    problems += check(packaged.schema("values"), merged, place)
    wrong = {problem.path for problem in problems}
    for paths, message, hint in across(merged):
        # The chart's defaults are valid on their own: the fault is from a file of the user's.
        path = next((path for path in paths if place(path).file != DEFAULTS), paths[0])
        if json_path(path) not in wrong:
            at = place(path)
            problems.append(Problem(at.file, at.line, at.column, json_path(path), message, hint))
    return merged, by_place(problems)


def merge(sources: Sequence[Source]) -> tuple[dict[str, Any], dict[Path, Place]]:
    """The values as Helm merges them, the chart's defaults first, and the place that set each path.

    Maps are merged key by key, everything else is replaced whole, null takes a key away.
    """
    merged: dict[str, Any] = {}
    places: dict[Path, Place] = {}
    for source in sources:
        _merge(merged, source.value, (), source, places)
    if sources:
        places[()] = Place(sources[-1].file, 1, 1)
    return merged, places


def _merge(into: dict[str, Any], new: Mapping[str, Any], path: Path, source: Source, places: dict[Path, Place]) -> None:
    for key, value in new.items():
        inner = (*path, key)
        old = into.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            # A map in a later file does not take over the keys that it does not set.
            places[inner] = source.place(inner)
            _merge(old, value, inner, source, places)
            continue
        for stale in [known for known in places if known[: len(inner)] == inner]:
            del places[stale]
        if value is None:
            into.pop(key, None)
            places[path] = source.place(inner)
        elif isinstance(value, dict):
            into[key] = {}
            places[inner] = source.place(inner)
            _merge(into[key], value, inner, source, places)
        else:
            into[key] = value
            places.update({known: at for known, at in source.places.items() if known[: len(inner)] == inner})


def across(values: Mapping[str, Any]) -> Iterator[Finding]:
    """The conflicts between values that are each valid on their own.

    `values` are complete, as `merge` makes them; parts without the schema's shape are skipped.
    """
    yield from _namespace(values)
    yield from _agents(values)
    yield from _repositories(values)
    yield from _secrets(values)
    yield from _settings(values)
    yield from _serve(values)
    yield from _proof(values)
    yield from _service_account(values)
    yield from _extra_spec(values)
    if _map(values, "repositories") and _map(values, "events").get("enabled") is True:
        yield from _webhook(values)
        yield from _flows(values)


def config(values: Mapping[str, Any], namespace: str) -> dict[str, Any]:
    """The config.json that the steps read, of complete values, as chart/templates/config/config.yaml makes it."""

    def set_here(holder: Mapping[str, Any] | None) -> dict[str, Any]:
        return {key: value for key, value in (holder or {}).items() if value != ""}

    def agent(name: str, own: Mapping[str, Any]) -> dict[str, Any]:
        tools = own.get("tools") or {}
        known = ("enabled", "githubApp", "role", "model", "requirements")
        remote = dict.fromkeys([*(tools.get("remote") or []), *names.served_tools(name, values)])
        return {
            **{key: own[key] for key in known if key in own},
            "localTools": tools.get("local") or [],
            "remoteTools": list(remote),
        }

    pods = values["gatePods"]
    proxy = pods["packageProxy"]
    services = {
        **{key: pods["services"][key] for key in ("images", "resources")},
        "securityContext": {**values["workflows"]["containerSecurityContext"], "readOnlyRootFilesystem": True},
    }
    return {
        "namespace": namespace,
        "controllerNamespace": values["controller"]["namespace"],
        "instanceId": values["argo"]["instanceID"],
        "allowUnprotected": values["allowUnprotected"],
        "github": values["github"],
        "repositories": {name: set_here(own) for name, own in values["repositories"].items()},
        "defaults": set_here(values["defaults"]),
        "gatePods": {
            "packageProxy": {"files": proxy["files"], "reachable": bool(proxy["to"])},
            "services": services,
        },
        "events": {key: values["events"][key] for key in ("enabled", "start", "label")},
        "flows": values["flows"],
        "prices": values.get("prices") or {},
        "limits": {key: value for key, value in values["limits"].items() if key != "runsAtOnce"},
        "proof": values["proof"],
        "reconcile": {key: values["reconcile"][key] for key in ("mode", "keepDays")},
        "agents": {name: agent(name, own) for name, own in values["agents"].items()},
        "coderunExtra": values["coderun"]["extraSpec"],
        "handover": values["coderun"]["handover"],
    }


def _namespace(values: Mapping[str, Any]) -> Iterator[Finding]:
    namespace = _map(values, "controller").get("namespace")
    if not isinstance(namespace, str):
        return
    room = names.coderun_room(namespace, LONGEST_NUMBER)
    if room < names.RUN_NAME_LENGTH:
        longest = len(namespace) - (names.RUN_NAME_LENGTH - room)
        message = (
            f"expected at most {longest} characters, got {len(namespace)}: the controller has "
            f"{names.CODERUN_BUDGET} for namespace, name, taskId and contextVersion of a CodeRun together, which "
            f"leaves {room} of the {names.RUN_NAME_LENGTH} that our names need"
        )
        yield (("controller", "namespace"),), message, "let the controller watch a namespace with a shorter name"


def _agents(values: Mapping[str, Any]) -> Iterator[Finding]:
    agents = {key: agent for key, agent in _map(values, "agents").items() if isinstance(agent, dict)}
    apps = {key: agent["githubApp"] for key, agent in agents.items() if isinstance(agent.get("githubApp"), str)}
    harness = _map(values, "github").get("harnessApp")
    carried = _carried()
    by_secret: dict[str, str] = {}
    by_file: dict[str, str] = {}
    for key, app in apps.items():
        path: Path = ("agents", key, "githubApp")
        if isinstance(harness, str) and names.app_secret(app) == names.app_secret(harness):
            message = f"expected an App of the agent's own, got {shown(app)}, the harness's (github.harnessApp)"
            yield (
                (path, ("github", "harnessApp")),
                message,
                "an agent with its key could approve its own work: register another App",
            )
        if app in apps and app != key:
            message = f"expected a name that stands for one agent, got {shown(app)}, which is the id of another"
            yield (path, ("agents", app)), message, "rename the id or use another App"
        if not agents[key].get("enabled", True):
            continue
        other = by_secret.setdefault(names.app_secret(app), key)
        other = by_file.setdefault(names.persona_file(app), key) if other == key else other
        if other != key:
            message = f"expected an App for each agent, got {shown(app)} for both agents.{other} and agents.{key}"
            yield (
                (path, ("agents", other, "githubApp")),
                message,
                "an App picks its one persona: give each agent another, or disable one",
            )
        if key not in carried and not str(agents[key].get("systemPrompt") or "").strip():
            message = "expected a system prompt, got none, and the chart carries none for this id"
            yield (("agents", key),), message, f"write agents.{key}.systemPrompt"
        if _FRONT_MATTER.match(str(agents[key].get("systemPrompt") or "")):
            message = "expected a prompt alone, got one that begins with front matter, and ours would stand above it"
            todo = f"leave out what stands between the two lines ---, and name its model in agents.{key}.model"
            yield (("agents", key, "systemPrompt"),), message, todo


def _repositories(values: Mapping[str, Any]) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    for name in _map(values, "repositories"):
        if name.endswith((".git", "/.", "/..")):
            message = f"expected owner/name as GitHub writes it, got {shown(name)}"
            yield (("repositories", name),), message, "write it without .git"
        other = seen.setdefault(name.lower(), name)
        if other != name:
            message = f"expected each repository once, got {shown(name)}, which is {shown(other)} to GitHub"
            yield (("repositories", name),), message, "list it once"
    yield from _services(values)


def _services(values: Mapping[str, Any]) -> Iterator[Finding]:
    """The controller keeps one clone a service: two repositories of one would work in each other's."""
    repositories, common = _map(values, "repositories"), _map(values, "defaults").get("service")
    seen: dict[str, str] = {}
    for name in repositories:
        own = _map(repositories, name).get("service")
        service = own or common or names.slug(name.rpartition("/")[2])
        other = seen.setdefault(service, name) if isinstance(service, str) else name
        if other.lower() != name.lower():
            message = f"expected a service of its own, got {shown(service)}, which {shown(other)} has too"
            path: Path = ("repositories", name, "service") if own else ("repositories", name)
            yield (path,), message, f"set repositories.{name}.service to another name: each service has one clone"


def _secrets(values: Mapping[str, Any]) -> Iterator[Finding]:
    holders: dict[Path, Mapping[str, Any]] = {("defaults",): _map(values, "defaults")}
    repositories = _map(values, "repositories")
    holders |= {("repositories", name): _map(repositories, name) for name in repositories}
    for where, holder in holders.items():
        listed = holder.get("secrets")
        for index, name in enumerate(listed if isinstance(listed, list) else []):
            if isinstance(name, str) and name.startswith(names.APP_SECRETS):
                message = f"expected a Secret of the project's, got {shown(name)}, which holds an App's key"
                hint = "take it out: who holds it acts as another agent"
                yield ((*where, "secrets", index),), message, hint


def _settings(values: Mapping[str, Any]) -> Iterator[Finding]:
    defaults, repositories = _map(values, "defaults"), _map(values, "repositories")
    holders: dict[Path, Any] = {("defaults",): defaults}
    holders |= {("repositories", name): patch.merge(defaults, _map(repositories, name)) for name in repositories}
    for where, settings in holders.items():
        tests = _map(settings, "tests")
        if tests.get("criteriaFirst") is True and (tests.get("checks") or tests.get("enabled") is False):
            message = "expected a tests gate that runs commands, got one that is off or waits for named checks"
            yield (
                ((*where, "tests", "criteriaFirst"),),
                message,
                "set it to false, or let the gate run the tests itself",
            )
        deploy = _map(settings, "deploy")
        if deploy.get("mode") == "workflowTemplate" and not deploy.get("workflowTemplate"):
            message = "expected the name of the WorkflowTemplate that deploys, got none"
            yield ((*where, "deploy", "workflowTemplate"),), message, "name it, or choose another deploy.mode"
        yield from _base_deployment(where, settings, deploy)
        for holder, path in ((deploy, ()), (_map(deploy, "base"), ("base",))):
            workload = _map(_map(holder, "commit"), "workload")
            namespace, place = workload.get("namespace"), (*where, "deploy", *path, "commit", "workload")
            if namespace and not workload.get("name"):
                message = f"expected the name of the workload in {shown(namespace)} that carries the commit, got none"
                yield ((*place, "name"),), message, "name it, or leave the namespace empty"
            if namespace and namespace not in (_map(settings, "acceptance").get("namespaces") or []):
                message = f"expected one of acceptance.namespaces, got {shown(namespace)}"
                yield ((*place, "namespace"),), message, "list it there: the gate may look nowhere else"


def _base_deployment(where: Path, settings: Mapping[str, Any], deploy: Mapping[str, Any]) -> Iterator[Finding]:
    """What the deployment of the base branch needs, where the harness looks there."""
    environment = _map(deploy, "base").get("environment")
    if not isinstance(environment, str) or not environment:
        return
    path, tests = (*where, "deploy", "base", "environment"), _map(settings, "tests")
    if deploy.get("mode") != "github-deployment":
        message = f"expected no environment beside deploy.mode {shown(deploy.get('mode'))}, got {shown(environment)}"
        yield (path,), message, "leave it empty, or choose deploy.mode github-deployment: only GitHub's records tell it"
    if _map(settings, "base").get("finalProof") is not True or tests.get("enabled") is False or tests.get("checks"):
        message = "expected base.finalProof and a tests gate that runs commands, got none: nobody would look there"
        yield (path,), message, "leave it empty, or set base.finalProof and let the gate run the tests itself"
    previews = deploy.get("environment")
    if isinstance(previews, str) and re.fullmatch(re.escape(previews).replace(r"\{pr\}", "[0-9]+"), environment):
        message = f"expected an environment of its own, got {shown(environment)}, into which pull requests are deployed"
        yield (path,), message, "name another one: in one environment one commit at a time runs"


def _serve(values: Mapping[str, Any]) -> Iterator[Finding]:
    serve, agents = _map(values, "serve"), _map(values, "agents")
    callers, repositories = _map(serve, "auth").get("callers"), _map(values, "repositories")
    if not (serve.get("enabled") and repositories and isinstance(callers, list) and callers):
        return
    yield from _serve_app(values)
    for index, caller in enumerate(callers):
        patterns = caller.get("repositories") if isinstance(caller, dict) else None
        for at, pattern in enumerate(patterns if isinstance(patterns, list) else []):
            if isinstance(pattern, str) and not any(_is_of(pattern, name) for name in repositories):
                message = f"expected a pattern that matches one of the repositories, got {shown(pattern)}"
                yield (
                    (("serve", "auth", "callers", index, "repositories", at),),
                    message,
                    "list the repository in repositories, or take the pattern out",
                )
    listed = _map(serve, "toolman").get("agents")
    for index, agent in enumerate(listed if isinstance(listed, list) else []):
        if agent not in agents:
            yield (
                (("serve", "toolman", "agents", index),),
                f"expected an agent's id, got {shown(agent)}",
                "take it out",
            )


def _serve_app(values: Mapping[str, Any]) -> Iterator[Finding]:
    app, harness = _map(values, "serve").get("githubApp"), _map(values, "github").get("harnessApp")
    if not isinstance(app, str):
        return
    hint = "name an App that can only read: `pressplay apps` makes it"
    path: Path = ("serve", "githubApp")
    if isinstance(harness, str) and names.app_secret(app) == names.app_secret(harness):
        message = (
            f"expected an App of the server's own, got {shown(app)}, the harness's (github.harnessApp): a pod that "
            "takes requests may not hold the key that sets checks"
        )
        yield (path, ("github", "harnessApp")), message, hint
    for agent, own in _map(values, "agents").items():
        other = own.get("githubApp") if isinstance(own, dict) else None
        if isinstance(other, str) and names.app_secret(app) == names.app_secret(other):
            message = f"expected an App of the server's own, got {shown(app)}, that of agents.{agent}, which may write"
            yield (path, ("agents", agent, "githubApp")), message, hint


def _is_of(pattern: str, name: str) -> bool:
    """Whether a repository is of a pattern of `serve.auth.callers`."""
    return names.matches(pattern.lower(), name.lower())


def _proof(values: Mapping[str, Any]) -> Iterator[Finding]:
    proof = _map(values, "proof")
    for store, key, what in (("s3", "bucket", "bucket"), ("oci", "repository", "repository")):
        if proof.get("store") == store and _map(proof, store).get(key) == "":
            message = f"expected the {what} that keeps proofs (proof.store is {store}), got none"
            yield (("proof", store, key), ("proof", "store")), message, "name it, or set proof.store to configMap"


def _service_account(values: Mapping[str, Any]) -> Iterator[Finding]:
    name = _map(values, "serviceAccount").get("name")
    if name in accounts.taken():
        message = f"expected a name of its own, got {shown(name)}, an account of the release, which would get QA's key"
        yield (("serviceAccount", "name"),), message, "choose another name, or leave it empty"


def _extra_spec(values: Mapping[str, Any]) -> Iterator[Finding]:
    for field, value in _map(_map(values, "coderun"), "extraSpec").items():
        path: Path = ("coderun", "extraSpec", field)
        if field in TOLD:
            yield (path,), f"expected a field that our flows do not set, got {shown(field)}", "take it out"
        if "{{" in json.dumps({field: value}, default=str):
            yield (path,), "expected no `{{`, which Argo would evaluate", "take it out"


def _webhook(values: Mapping[str, Any]) -> Iterator[Finding]:
    webhook = _map(_map(values, "events"), "webhook")
    for key, value in _map(webhook, "secret").items():
        if value == "":
            message = (
                "expected the Secret with which GitHub signs, got none: anybody could send events and start agents"
            )
            hint = "name it, or set events.enabled to false"
            yield (("events", "webhook", "secret", key), ("events", "enabled")), message, hint
    apps = (_map(values, "github").get("harnessApp"), _map(_map(values, "agents"), "qa").get("githubApp"))
    secret = _map(webhook, "secret").get("name")
    external = _map(values, "secrets").get("mode") == "external"
    if external and secret in [names.app_secret(app) for app in apps if isinstance(app, str)]:
        message = f"expected a Secret of the webhook's own, got {shown(secret)}, which holds an App's key"
        yield (("events", "webhook", "secret", "name"),), message, "name another"
    if not webhook.get("url"):
        return
    url: Path = ("events", "webhook", "url")
    for key, value in _map(webhook, "app").items():
        if value == 0:
            message = "expected the number by which GitHub knows the harness's App, as which the webhooks are made"
            yield (("events", "webhook", "app", key), url), message, "set it, or leave events.webhook.url empty"
    owners = sorted({name.partition("/")[0] for name in _map(values, "repositories")})
    if len(owners) > 1:
        message = f"expected repositories of one account, for an App's installation is of one; got {', '.join(owners)}"
        yield (url, ("repositories",)), message, "leave it empty and set the webhooks yourself"


def _flows(values: Mapping[str, Any]) -> Iterator[Finding]:
    comments = _map(_map(values, "flows"), "comments")
    agents, agent = _map(values, "agents"), comments.get("agent")
    if comments.get("enabled") is True and isinstance(agent, str) and not _map(agents, agent).get("enabled"):
        message = f"expected the id of an agent that is enabled, got {shown(agent)}"
        yield (("flows", "comments", "agent"), ("agents", agent, "enabled")), message, "see agents.<id>"


TOLD = frozenset(
    {
        "taskId",
        "service",
        "repositoryUrl",
        "docsRepositoryUrl",
        "docsProjectDirectory",
        "docsBranch",
        "workingDirectory",
        "githubApp",
        "taskRequirements",
    }
)
"""The orders of each run, which its flow sets."""

LONGEST_NUMBER = 999_999_999
"""A task's number has at most nine digits (names.task_number)."""


def _carried() -> Collection[str]:
    """The ids whose prompts the chart carries: those of its default values."""
    return _map(_defaults().value, "agents").keys()


@cache
def _defaults() -> Source:
    """The chart's own values; nobody changes what is read here."""
    return load_yaml(packaged.text("values.yaml"), DEFAULTS)


def _map(values: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    part = values.get(key)
    return part if isinstance(part, dict) else {}
