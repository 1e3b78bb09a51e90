"""Proof profiles: what people say in the backlog, what a title reads like, and what must be shown of each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pressplay.backlog import graph, tasks
from pressplay.commands.plan import command
from pressplay.domain import profiles as stated
from pressplay.domain.profiles import PROFILES
from pressplay.gates.proving import profiles

PAGE = Path(__file__).parents[3] / "docs/reference/profiles.md"


def backlog(**fields: Any) -> tasks.Backlog:
    task = {"id": 1, "title": "Sell", "dependencies": []} | fields
    return tasks.read(json.dumps({"master": {"tasks": [task]}}), "tasks.json")


@pytest.mark.parametrize(
    ("fields", "profile"),
    [
        ({}, None),
        ({"profile": None}, None),
        ({"profile": ""}, None),
        *(({"profile": name}, name) for name in PROFILES),
        ({"profile": " Refactor "}, "refactor"),
        ({"tags": ["backend", "fix"]}, "fix"),
        ({"labels": ["docs"]}, "docs"),
        ({"labels": ["docs", "tests"]}, None),
        ({"labels": "docs"}, None),
        ({"labels": [3, None, {}]}, None),
        ({"tags": ["docs"], "labels": ["tests"]}, "docs"),
        ({"profile": "feature", "tags": ["docs"]}, "feature"),
        ({"title": "Fix the cart"}, None),
        ({"description": "profile: docs"}, None),
    ],
)
def test_a_task_has_the_profile_that_people_give_it(fields: dict[str, Any], profile: str | None):
    read = backlog(**fields)
    assert read.tasks[0].profile == profile
    assert read.problems == ()


@pytest.mark.parametrize("value", ["test", "chore", 3, ["docs"], {"docs": True}, "docs\x1b[2J"])
def test_a_profile_that_is_none_keeps_the_task_from_playing(value: Any):
    read = backlog(profile=value, labels=["docs"])
    assert read.tasks[0].profile is None
    (problem,) = read.problems
    assert problem.blocks
    assert "expected one of feature, fix, refactor" in problem.problem
    assert ("did you mean" in problem.problem) == (value == "test" or str(value).startswith("docs"))
    assert "\x1b" not in problem.problem
    assert graph.plan(read).playable == ()
    assert backlog(profile=value, status="done").problems == ()


@pytest.mark.parametrize(
    ("title", "profile"),
    [
        ("Fix the cart's total", "fix"),
        ("fix(cart): round down", "fix"),
        ("Checkout crashes when the cart is empty", "fix"),
        ("Refactor the cart", "refactor"),
        ("Rename Basket to Cart", "refactor"),
        ("Remove the old checkout", "removal"),
        ("Add unit tests for the cart", "tests"),
        ("test: cover the cart's edges", "tests"),
        ("Document the API", "docs"),
        ("docs(api): say how", "docs"),
        ("Bump httpx to 1.0", "dependencies"),
        ("chore(deps): httpx 1.0", "dependencies"),
        ("feat: fix the price at checkout", None),
        ("Sell books", None),
        ("Fix and document the cart", None),
        ("Add a prefix to each order's number", None),
        ("", None),
    ],
)
def test_a_title_is_only_read_as_a_proposal(title: str, profile: str | None):
    assert stated.proposed(title) == profile
    assert backlog(title=title).tasks[0].profile is None


def test_plan_shows_what_titles_read_like_until_a_person_has_set_it(tmp_path: Path):
    file = tmp_path / "tasks.json"

    def planned(*args: str, **fields: Any) -> str:
        task = {"id": 1, "title": "Refactor the cart", "dependencies": []} | fields
        file.write_text(json.dumps({"master": {"tasks": [task]}}))
        result = CliRunner().invoke(command, [str(file), *args])
        assert result.exit_code == 0, result.output
        return result.stdout if "json" in args else result.output

    proposal = 'task 1 reads like a refactoring: set "profile": "refactor", or it is judged as a feature'
    assert proposal in planned()
    assert "reads like" not in planned(profile="refactor")
    assert "reads like" not in planned(profile="feature")
    (task,) = json.loads(planned("-o", "json"))["tasks"]
    assert task["proposed_profile"] == "refactor"
    assert "profile" not in task
    (task,) = json.loads(planned("-o", "json", profile="fix"))["tasks"]
    assert (task["profile"], "proposed_profile" in task) == ("fix", False)


def test_each_profile_says_what_must_be_shown():
    assert profiles.TABLE.keys() == set(PROFILES)
    feature = profiles.TABLE[stated.DEFAULT]
    for name, demand in profiles.TABLE.items():
        assert demand.about, name
        assert demand.sentence.endswith("."), name
        assert demand.bodies <= feature.bodies, "nothing asks for more than the default"
        assert demand.each <= feature.each, "nothing asks for more than the default"


def test_the_reference_shows_the_table():
    text = PAGE.read_text(encoding="utf-8")
    assert profiles.EVERY in " ".join(text.split())
    rows = [f"| `{name}` | {demand.about} | {demand.sentence} |" for name, demand in profiles.TABLE.items()]
    assert [line for line in text.splitlines() if line.startswith("| `")][: len(rows)] == rows
