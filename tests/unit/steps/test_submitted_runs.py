"""Who works in which role on a run that a person submits by two parameters."""

from __future__ import annotations

import json

import pytest
from ledgers import PR, REPO, desk, record

from pressplay import names
from pressplay.chart import rendered_chart
from pressplay.errors import InputError
from pressplay.sandbox.configuration import settings_of
from pressplay.steps.runs import submit_steps

SETTINGS = settings_of(rendered_chart())
TASK = {"id": 12, "title": "t"}
LATER = {"id": "login", "title": "t"}
SHA = "a" * 40


@pytest.mark.rule("FR6")
@pytest.mark.parametrize(
    ("works_on", "role", "app", "expected"),
    [
        ("task", "", "", ("implement", "rex")),
        ("pr", "", "", ("test", "qa")),
        ("pr", "fix", "", ("fix", "rex")),
        ("pr", "", "clippy", ("lint", "clippy")),
        ("pr", "", "rex", ("test", "rex")),
        ("task", "", "qa", ("implement", "qa")),
        ("task", "implement", "clippy", ("implement", "clippy")),
    ],
)
def test_role_and_agent_are_derived(works_on, role, app, expected):
    chosen, agent = submit_steps.decide(works_on, role, app, SETTINGS)
    assert (chosen.name, agent) == expected


@pytest.mark.parametrize(
    ("works_on", "role", "app", "message"),
    [
        ("task", "test", "", "expected one of implement for a task, got 'test'"),
        ("pr", "implement", "", "expected one of lint, test, fix for a pull request"),
        ("pr", "comments", "", "expected one of lint, test, fix for a pull request"),
        ("task", "issue", "", "expected one of implement for a task"),
        ("task", "", "nobody", "no agent has the id or githubApp 'nobody'"),
    ],
)
def test_what_nobody_can_submit_is_refused(works_on, role, app, message):
    with pytest.raises(InputError, match=message):
        submit_steps.decide(works_on, role, app, SETTINGS)


@pytest.fixture
def look(tmp_path, monkeypatch):
    """What the step derives of a repository with two tags and an open pull request."""
    document = json.dumps({"master": {"tasks": [TASK]}, "later": {"tasks": [LATER]}}).encode()
    files = {".taskmaster/tasks/tasks.json": document}
    at = "pressplay.steps.core.backlog_file"
    monkeypatch.setattr(f"{at}.contents.read_file", lambda *asks: files.get(asks[2]))
    monkeypatch.setattr(f"{at}.contents.default_branch", lambda *_: "main")
    monkeypatch.setattr(f"{at}.refs.head", lambda *_: SHA)

    class Pull:
        state, head_sha = "open", SHA

    monkeypatch.setattr(
        "pressplay.steps.runs.submit_steps.pulls.pull", lambda _gh, _repo, pr: Pull() if pr == PR else None
    )

    def ask(entries=(), **inputs):
        context = desk(tmp_path)
        for kind, number, given in entries:
            record(context, kind, number, given)
        return submit_steps.look({"repo": REPO, **inputs}, context)

    return ask


VERDICT = {"outcome": "failed", "reason": "r", "pr": None, "head": None, "link": "", "ended": 1}


@pytest.mark.rule("R1")
@pytest.mark.parametrize("parameter", ["task", "task-id"])
def test_a_task_is_a_new_try_of_its_own(look, parameter):
    derived = look(**{parameter: "12"})
    assert derived == {
        "github-app": "rex",
        "task": "12",
        "pr": "none",
        "tag": "master",
        "role": "implement",
        "head": "",
        "try": "1",
    }
    assert look([("task", 12, {"verdict-3": VERDICT})], task="12")["try"] == "4"


def test_a_task_of_another_tag_is_named_by_its_id_or_its_number(look):
    number = str(names.task_number("login", "later"))
    assert look(task="login", tag="later")["task"] == number
    assert look(task=number, tag="later")["task"] == number


def test_a_pull_request_brings_its_task_its_head_and_its_tag(look):
    derived = look([("pr", PR, {"task": {"task": 12, "tag": "later"}})], pr=str(PR), **{"github-app": "tess"})
    assert {name: derived[name] for name in ("task", "pr", "tag", "role", "head", "github-app")} == {
        "task": "12",
        "pr": str(PR),
        "tag": "later",
        "role": "test",
        "head": SHA,
        "github-app": "tess",
    }


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, r"expected one of the parameters task .* got neither: -p repo=OWNER/NAME -p task=12"),
        ({"task": "12", "pr": "1"}, "got both"),
        ({"task": "login"}, "expected an id of .*tag 'master', got 'login'; pressplay plan lists them"),
        ({"task": "#12"}, "did you mean '12'"),
        ({"pr": "x"}, "parameter pr: expected a whole number"),
    ],
)
def test_what_is_not_there_is_named(look, inputs, message):
    with pytest.raises(InputError, match=message):
        look(**inputs)
