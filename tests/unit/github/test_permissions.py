"""The table of permissions holds what the code asks for, and nothing else."""

from __future__ import annotations

import ast
import importlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import get_args

import pytest

import pressplay
from pressplay.domain import flows
from pressplay.domain.roles import AGENT_ROLES, TEST
from pressplay.github import alerts
from pressplay.github.permissions import ALERTS, HARNESS, QUEUES, needed
from pressplay.serve import request
from pressplay.settings import Agent, Flows, FlowSettings, SecurityFlow, Settings, TriageFlow
from pressplay.validation import values

ROOT = Path(pressplay.__file__).parent
SETTINGS = Settings.model_validate(values.config(values.load([]), "press-play"))
STRENGTH = {"read": 0, "write": 1}


def asked(method: str) -> Iterator[Mapping[str, str]]:
    """The permissions of every call of `.harness` or `.installation`, read off the sources; the sandbox's apart."""
    for path in sorted(ROOT.rglob("*.py")):
        inside = path.relative_to(ROOT)
        if inside.parts[0] in ("sandbox", "github", "serve", "doctor") or path.name == "context.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == method:
                module = ".".join((pressplay.__name__, *inside.with_suffix("").parts))
                given = node.keywords if method == "harness" else [ast.keyword(None, node.args[2])]
                for keyword in given:
                    if keyword.arg is not None:
                        yield {keyword.arg: value(keyword.value)}
                    else:
                        yield mapping(keyword.value, module, f"{inside}:{node.lineno}")


def value(node: ast.expr) -> str:
    assert isinstance(node, ast.Constant), ast.dump(node)
    return str(node.value)


def mapping(node: ast.expr, module: str, place: str) -> Mapping[str, str]:
    """A map that is written in the call, or stands in the module under a name."""
    if isinstance(node, ast.Name):
        found: Mapping[str, str] = getattr(importlib.import_module(module), node.id)
        return found
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        owner = getattr(importlib.import_module(module), node.value.id, None)
        # A command imports what it needs when it runs.
        owner = owner or importlib.import_module(f"pressplay.steps.core.{node.value.id}")
        of_module: Mapping[str, str] = getattr(owner, node.attr)
        return of_module
    assert isinstance(node, ast.Dict), f"{place}: what it asks for can't be read off"
    result = {}
    for key, level in zip(node.keys, node.values, strict=True):
        if isinstance(key, ast.Attribute) and key.attr == "permission":
            result |= dict.fromkeys((kind.permission for kind in alerts.KINDS.values()), value(level))
        else:
            assert key is not None, f"{place}: what it asks for can't be read off"
            result[value(key)] = value(level)
    return result


def strongest(calls: Iterator[Mapping[str, str]]) -> set[tuple[str, str]]:
    found: dict[str, str] = {}
    for call in calls:
        for name, level in call.items():
            found[name] = max(found.get(name, "read"), level, key=lambda one: STRENGTH[one])
    return set(found.items())


@pytest.mark.rule("R9")
def test_the_harness_is_granted_what_its_steps_ask_for_and_nothing_else():
    """Each row is asked for by some step: without any one of them that step would be refused."""
    table = {(permission.name, permission.level) for permission in (*HARNESS, *ALERTS, *QUEUES)}
    wanted = strongest(asked("harness"))
    assert wanted - table == set(), "not granted: add a row to github/permissions.py"
    assert table - wanted == set(), "granted, but no step asks for it: take the row out of github/permissions.py"


@pytest.mark.rule("R9")
def test_the_server_of_comments_reads_what_the_harness_may():
    """It has the harness's App unless it is given one of its own."""
    held = {permission.name for permission in HARNESS}
    wanted = strongest(iter((request.READ, request.READ_FILES)))
    assert wanted == {("pull_requests", "read"), ("contents", "read")}
    assert held >= {name for name, _ in wanted}


@pytest.mark.rule("R9")
def test_as_an_agent_steps_do_what_its_role_may():
    """The harness posts QA's approval as QA."""
    assert strongest(asked("installation")) == {("pull_requests", "write")}
    assert ("pull_requests", "write") in {(permission.name, permission.level) for permission in TEST.permissions}


def test_each_role_that_the_values_know_is_one_of_ours():
    schema = ROOT.parents[1] / "schemas/agent.schema.json"
    assert list(AGENT_ROLES) == json.loads(schema.read_text())["properties"]["role"]["enum"]


@pytest.mark.rule("R5")
@pytest.mark.parametrize("app", needed(SETTINGS))
def test_no_app_may_change_rulesets_or_workflows_or_merge_by_other_means(app):
    granted = needed(SETTINGS, makes_webhooks=True)[app].permissions
    assert not granted.keys() & {"administration", "workflows", "environments", "secrets", "members"}


@pytest.mark.rule("R5")
@pytest.mark.parametrize("app", needed(SETTINGS))
def test_only_the_harness_looks_at_merge_queues_and_nobody_changes_their_settings(app):
    granted = needed(SETTINGS)[app].permissions.get("merge_queues")
    assert granted == ("read" if app == "press-play" else None)


@pytest.mark.rule("R5")
def test_no_agent_may_set_checks_or_statuses():
    for app, needs in needed(SETTINGS).items():
        if needs.agent:
            assert not needs.permissions.keys() & {"checks", "statuses", "actions", "deployments"}, app


def test_every_permission_is_one_of_githubs_at_a_level_that_it_has():
    """By the models that githubkit makes of GitHub's own description of its API."""
    from githubkit_schemas.latest.models import AppPermissions

    for needs in needed(SETTINGS, makes_webhooks=True).values():
        assert needs.why.keys() == needs.permissions.keys()
        for name, level in needs.permissions.items():
            kinds = get_args(AppPermissions.model_fields[name].annotation)
            assert level in [one for kind in kinds for one in get_args(kind)]


def test_an_app_can_read_what_its_events_are_about():
    needs = needed(SETTINGS)["press-play"]
    assert needs.events
    for event in needs.events:
        assert flows.event_permissions()[event] in needs.permissions


def test_only_the_harness_has_events_and_none_where_the_eventsource_makes_the_webhooks():
    assert [app for app, needs in needed(SETTINGS).items() if needs.events] == ["press-play"]
    hooks = needed(SETTINGS, makes_webhooks=True)["press-play"]
    assert (hooks.events, hooks.permissions["repository_hooks"]) == ((), "write")
    assert "repository_hooks" not in needed(SETTINGS)["press-play"].permissions


def test_what_is_switched_off_is_not_asked_for():
    quiet = SETTINGS.model_copy(
        update={
            "flows": Flows(
                triage=TriageFlow(enabled=False, window=60),
                security=SecurityFlow(enabled=False, window=300),
                issue=FlowSettings(enabled=False, window=10),
            ),
            "agents": {name: agent for name, agent in SETTINGS.agents.items() if name != "morgan"}
            | {"morgan": SETTINGS.agents["morgan"].model_copy(update={"enabled": False})},
        }
    )
    found = needed(quiet)
    assert "morgan" not in found
    assert not found["press-play"].permissions.keys() & {"security_events", "vulnerability_alerts"}
    assert not {"workflow_run", "issues", "dependabot_alert"} & {*found["press-play"].events}
    off = SETTINGS.model_copy(update={"events": SETTINGS.events.model_copy(update={"enabled": False})})
    assert needed(off)["press-play"].events == ()


def test_who_answers_comments_may_besides_what_that_takes():
    own = Agent(github_app="painter", role="issue", model="m")
    alone = SETTINGS.model_copy(update={"agents": {**SETTINGS.agents, "painter": own}})
    comments = SETTINGS.flows.comments.model_copy(update={"agent": "painter"})
    answering = alone.model_copy(update={"flows": SETTINGS.flows.model_copy(update={"comments": comments})})
    reads = {"metadata": "read", "contents": "read", "issues": "write"}
    assert needed(alone)["painter"].permissions == reads
    assert needed(answering)["painter"].permissions == {**reads, "contents": "write", "pull_requests": "write"}
