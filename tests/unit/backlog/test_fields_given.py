"""What a backlog says reaches the agents: each field of Taskmaster's is used, or left out with a reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pressplay.backlog import tasks
from pressplay.backlog.guidance import Guidance, Infrastructure, RelevantFile
from pressplay.domain import criteria
from pressplay.templating import prompts

TASKMASTER = [
    "id",
    "title",
    "description",
    "status",
    "priority",
    "dependencies",
    "details",
    "testStrategy",
    "subtasks",
    "createdAt",
    "updatedAt",
    "effort",
    "actualEffort",
    "tags",
    "assignee",
    "databaseId",
    "complexity",
    "recommendedSubtasks",
    "expansionPrompt",
    "complexityReasoning",
    "metadata",
    "parentId",
    "relevantFiles",
    "codebasePatterns",
    "existingInfrastructure",
    "scopeBoundaries",
    "implementationApproach",
    "technicalConstraints",
    "acceptanceCriteria",
    "skills",
    "category",
]
"""The fields of Task, Subtask and TaskImplementationMetadata in packages/tm-core/src/common/types/index.ts of
eyaltoledano/claude-task-master, version 0.43.1, commit c0c98d36."""
SHAPES: dict[str, Any] = {
    "title": "@title",
    "description": "@description",
    "details": "@details",
    "testStrategy": "@testStrategy",
    "acceptanceCriteria": ["@acceptanceCriteria"],
    "relevantFiles": [{"path": "@relevantFiles", "action": "modify", "description": "@relevantFiles.description"}],
    "scopeBoundaries": {"included": "@scopeBoundaries", "excluded": "@scopeBoundaries.excluded"},
    "technicalConstraints": ["@technicalConstraints"],
    "implementationApproach": "@implementationApproach",
    "codebasePatterns": ["@codebasePatterns"],
    "existingInfrastructure": [
        {"name": "@existingInfrastructure", "location": "@infra.location", "usage": "@infra.usage"}
    ],
    "skills": ["@skills"],
    "category": "@category",
    "tags": ["@tags"],
    "assignee": "@assignee",
    "complexity": "@complexity",
    "complexityReasoning": "@complexityReasoning",
    "expansionPrompt": "@expansionPrompt",
    "createdAt": "@createdAt",
    "updatedAt": "@updatedAt",
    "databaseId": "@databaseId",
    "metadata": {"x": "@metadata"},
}
"""A value with a mark of its own for each field with text, in Taskmaster's shape."""
TEXTLESS = {"id", "status", "priority", "dependencies", "subtasks", "effort", "actualEffort", "recommendedSubtasks"}


def read(**fields: Any) -> tuple[tasks.Task, str]:
    """A task with these fields, and all of its folder."""
    document = {"master": {"tasks": [{"id": 1, "title": "T", "status": "pending", **fields}]}}
    backlog = tasks.read(json.dumps(document), "tasks.json")
    return backlog.tasks[0], "\n".join(prompts.task_files(backlog.tasks[0], backlog).values())


def test_the_table_has_each_field_of_taskmasters_and_no_other() -> None:
    assert sorted(tasks.FIELDS) == sorted(TASKMASTER)
    for field, what in tasks.FIELDS.items():
        assert what == "used" or what.startswith("left out: "), field
    assert set(SHAPES) | TEXTLESS | {"parentId"} == set(TASKMASTER)


@pytest.mark.parametrize("field", SHAPES)
@pytest.mark.parametrize("of_part", [False, True], ids=["task", "part"])
def test_a_used_field_is_in_the_folder_and_one_that_is_left_out_is_not(field: str, of_part: bool) -> None:
    value = SHAPES[field]
    fields = {"subtasks": [{"id": 1, "title": "P", field: value}]} if of_part else {field: value}
    _, folder = read(**fields)
    marks = [text for text in json.dumps(value).split('"') if text.startswith("@")]
    for mark in marks:
        assert (mark in folder) == (tasks.FIELDS[field] == "used"), mark


def test_parts_are_in_three_lists_and_only_those_to_do_are_criteria() -> None:
    statuses = ["pending", "in-progress", "review", "done", "completed", "cancelled", "deferred", "blocked", None]
    task, folder = read(
        subtasks=[{"id": at, "title": f"@{status}", "status": status} for at, status in enumerate(statuses)]
    )
    to_do = folder[folder.index("## Parts to do") : folder.index("## Parts that are there already")]
    there = folder[folder.index("## Parts that are there already") : folder.index("## Parts that are not asked for")]
    left = folder[folder.index("## Parts that are not asked for") : folder.index("# Acceptance criteria")]
    for status in statuses:
        lists = [f"@{status}" in text for text in (to_do, there, left)]
        finished, left_out = status in ("done", "completed"), status in ("cancelled", "deferred", "blocked")
        assert lists == [not finished and not left_out, finished, left_out], status
    assert [criterion.source for criterion in criteria.of_task(task, {})] == [f"subtasks[{at}]" for at in (0, 1, 2, 8)]


def test_parts_of_parts_are_read_with_what_they_belong_to() -> None:
    inner = {
        "id": 1,
        "title": "@inner",
        "details": "@how",
        "acceptanceCriteria": ["@demand"],
        "subtasks": [{"id": "2.1.7"}],
    }
    parts = [{"id": 1, "title": "A"}, {"id": 2, "title": "B", "subtasks": [inner]}]
    task, folder = read(subtasks=parts)
    assert [part.id for part in task.subtasks] == ["1", "2", "2.1", "2.1.7"]
    for text in ("### 2.1. @inner", "@how", "Part 2.1: @demand"):
        assert text in folder
    parts[1]["status"] = "cancelled"
    task, folder = read(subtasks=parts)
    assert [part.standing for part in task.subtasks] == ["to do", "out of scope", "out of scope", "out of scope"]
    assert "@demand" not in folder


@pytest.mark.rule("R10")
def test_parts_without_an_end_are_a_fault_that_says_where() -> None:
    part: dict[str, Any] = {"id": 1}
    for _ in range(20):
        part = {"id": 1, "subtasks": [part]}
    (problem,) = tasks.read(json.dumps({"tasks": [{"id": 1, "subtasks": [part]}]}), "f").problems
    assert problem.blocks
    assert "parts of parts 5 deep at most" in problem.problem


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({}, Guidance()),
        ({"scopeBoundaries": "only this"}, Guidance(included="only this")),
        ({"scopeBoundaries": {"excluded": ["a", "b"]}}, Guidance(excluded="a\nb")),
        ({"relevantFiles": ["a.py", {"path": "b.py"}]}, Guidance(files=(RelevantFile("a.py"), RelevantFile("b.py")))),
        ({"relevantFiles": {"file": "a.py"}}, Guidance(files=(RelevantFile('{"file": "a.py"}'),))),
        ({"existingInfrastructure": "the bus"}, Guidance(infrastructure=(Infrastructure("the bus"),))),
        (
            {"technicalConstraints": "one", "codebasePatterns": [None, 5]},
            Guidance(constraints=("one",), patterns=("5",)),
        ),
        ({"implementationApproach": ["first", "then"]}, Guidance(approach="first\nthen")),
        ({"implementationApproach": "\ud83d"}, Guidance(approach="?")),
    ],
)
def test_no_shape_of_guidance_is_refused_or_lost(written: dict[str, Any], expected: Guidance) -> None:
    assert read(**written)[0].guidance == expected


@pytest.mark.parametrize(
    "file", sorted((Path(__file__).parents[2] / "data" / "tasks").glob("*.json")), ids=lambda f: f.stem
)
def test_each_text_of_public_backlogs_reaches_the_agents(file: Path) -> None:
    backlog = tasks.read(file.read_bytes(), file.name)
    for task in backlog.tasks:
        folder = "\n".join(prompts.task_files(task, backlog).values())
        texts = [task.title, task.description, task.details, task.test_strategy]
        texts += [text for part in task.subtasks if part.standing == "to do" for text in (part.title, part.details)]
        assert all(text in folder for text in texts), task.id
