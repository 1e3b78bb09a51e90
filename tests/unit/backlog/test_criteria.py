"""Acceptance criteria of a task: what becomes one, and ids that stay with their texts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pressplay.backlog import tasks
from pressplay.domain.criteria import Criterion, of_task
from pressplay.templating import prompts


def task(**fields: Any) -> tasks.Task:
    document = {"master": {"tasks": [{"id": 1, "title": "T", "dependencies": [], **fields}]}}
    return tasks.read(json.dumps(document), "tasks.json").tasks[0]


def ids(criteria: tuple[Criterion, ...]) -> dict[str, str]:
    return {one.key: one.id for one in criteria}


def numbered(known: dict[str, str], *texts: str) -> list[tuple[str, str]]:
    return [(one.id, one.text) for one in of_task(task(acceptanceCriteria=list(texts)), known)]


def test_criteria_of_task_and_parts_the_test_strategy_and_the_parts_themselves_become_statements() -> None:
    parts = [
        {"id": 1, "title": "First", "testStrategy": "try it", "acceptanceCriteria": ["b", "c"]},
        {"id": 2, "title": "Second"},
    ]
    made = of_task(task(acceptanceCriteria=["a"], testStrategy="test it", subtasks=parts), {})
    assert [(one.id, one.source, one.text) for one in made] == [
        ("AC1", "acceptanceCriteria", "a"),
        ("AC2", "testStrategy", "Tests show it. What has to be tested:\n\ntest it"),
        ("AC3", "subtasks[1]", "Part 1 is done: First\n\ntry it"),
        ("AC4", "subtasks[1].acceptanceCriteria", "Part 1: b"),
        ("AC5", "subtasks[1].acceptanceCriteria", "Part 1: c"),
        ("AC6", "subtasks[2]", "Part 2 is done: Second"),
    ]


@pytest.mark.parametrize(
    ("written", "texts"),
    [
        (None, ()),
        ([], ()),
        ("one text", ("one text",)),
        (["a", " b ", "", None], ("a", "b")),
        ([{"id": 1, "text": "ä"}, 5], ('{"id": 1, "text": "ä"}', "5")),
    ],
)
def test_no_shape_of_criteria_is_refused_or_lost(written: Any, texts: tuple[str, ...]) -> None:
    assert task(acceptanceCriteria=written).acceptance_criteria == texts


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        (["a", "b"], [("AC1", "a"), ("AC2", "b")]),
        (["new", "a", "b"], [("AC3", "new"), ("AC1", "a"), ("AC2", "b")]),
        (["b"], [("AC2", "b")]),
        (["b", "a"], [("AC2", "b"), ("AC1", "a")]),
        (["a, in other words", "b"], [("AC3", "a, in other words"), ("AC2", "b")]),
        (["a", "a"], [("AC1", "a")]),
    ],
)
def test_an_id_stays_with_its_text(later: list[str], expected: list[tuple[str, str]]) -> None:
    known = ids(of_task(task(acceptanceCriteria=["a", "b"]), {}))
    assert numbered(known, *later) == expected


def test_an_id_never_goes_to_another_text_and_comes_back_with_its_own() -> None:
    known = ids(of_task(task(acceptanceCriteria=["a", "b"]), {}))
    known |= ids(of_task(task(acceptanceCriteria=["c"]), known))
    assert numbered(known, "d", "b") == [("AC4", "d"), ("AC2", "b")]


def test_the_task_folder_shows_each_criterion_with_its_id() -> None:
    made = task(acceptanceCriteria=["answers 422 {{=1+1}}"], testStrategy="two\nlines")
    text = prompts.task_files(made)["acceptance-criteria.md"]
    assert "\n- **AC1** answers 422 {{=1+1}}\n- **AC2** Tests show it. What has to be tested:\n\ntwo\nlines\n\n" in text
    given = of_task(made, {of_task(made, {})[0].key: "AC7"})
    assert "- **AC7** answers 422" in prompts.task_files(made, numbered=given)["acceptance-criteria.md"]
