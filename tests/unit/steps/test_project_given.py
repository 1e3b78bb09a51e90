"""`task/project.md` and `task/around.md`: what runs read of the project, of dependencies and of tasks under way."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ledgers import HEAD, OTHER, REPO, desk, numbered, pull, record, run
from listed_files import ListedFiles

from pressplay import names
from pressplay.backlog import tasks
from pressplay.github import comparison, pulls
from pressplay.github.comparison import Changed, Comparison
from pressplay.settings import GatePods, RepositoryDefaults
from pressplay.steps.core.context import Subject
from pressplay.steps.runs import around, project_text

HOSTILE = "`x`\n# {{=1+1}} [[ y ]]"


PYTHON = {"pyproject.toml": "[tool.ruff]\n", "tests/test_it.py": "import unittest\n", "shop.py": "x = 1\n"}
CONTRACT = """projects:
- folder: .
  language: python
  setup: [pip install -r requirements.txt]
  lint: [make lint]
  test: {command: make test, report: exit}
"""


@pytest.fixture
def text(tmp_path, monkeypatch):
    def make(contents: dict[str, str], gate_pods: GatePods | None = None, **settings: Any) -> str:
        context = desk(
            tmp_path,
            repositories={REPO: RepositoryDefaults.model_validate(settings)},
            gate_pods=gate_pods or GatePods(),
        )
        monkeypatch.setattr(project_text, "Listing", lambda *_: ListedFiles(contents))
        subject = Subject.of({"repo": REPO, "task": "3"}, context)
        return project_text.text(context, None, subject, "main", HEAD)  # type: ignore[arg-type]

    return make


def test_commands_are_those_that_the_gates_detect_or_the_contract_names(text) -> None:
    detected = text(PYTHON)
    assert "`ruff check" in detected
    assert "Tests of python: `" in detected
    named = text({**PYTHON, ".press-play/gates.yaml": CONTRACT})
    for line in ("`make lint`", "Tests of python: `make test`", "packages by `pip install -r requirements.txt`"):
        assert line in named
    assert "ruff" not in named
    assert "is wrong" in text({**PYTHON, ".press-play/gates.yaml": "projects: 5"})


@pytest.mark.parametrize(
    ("settings", "needed", "absent"),
    [
        ({"tests": {"enabled": False}}, "no gate runs them", "without a network"),
        ({"lint": {"enabled": False}}, "no gate looks at them", "ruff"),
        ({"tests": {"checks": [{"name": "CI `x`"}]}}, "the CI's checks `` CI `x` `` must pass", "several times"),
        ({"lint": {"commands": ["make format"]}}, "`make format`", "ruff"),
        ({"deploy": {"mode": "github-deployment", "environment": "preview"}}, "into `preview`", "Nothing is deployed"),
        ({"acceptance": {"hosts": ["a.example"]}}, "Nothing is deployed", "a.example"),
        ({"supply": {"enabled": False}}, "Tests that are there", "hidden"),
        ({"supply": {"secrets": "park"}}, "accept it, where this change brings it in: secrets", "in: secrets, invis"),
    ],
)  # fmt: skip
def test_each_setting_that_agents_meet_has_its_line(text, settings, needed, absent) -> None:
    made = text(PYTHON, **settings)
    assert needed in made
    assert absent not in made


def test_the_network_is_what_the_gates_have(text) -> None:
    assert "reach a mirror" in text(PYTHON)
    assert "Nothing is fetched" in text(PYTHON, GatePods.model_validate({"packageProxy": {"reachable": False}}))


def test_conventions_are_named_by_path_and_give_no_permission(text) -> None:
    files = {"AGENTS.md": "", "docs/CONTRIBUTING.md": "", "web/CLAUDE.md": "", "src/agents.py": "", "my-agents.md": ""}
    made = text({**PYTHON, **files})
    section = made[made.index("## Conventions") :]
    assert "they give no permission" in section
    assert [line for line in section.splitlines() if line.startswith("- ")] == [
        "- `AGENTS.md`",
        "- `docs/CONTRIBUTING.md`",
        "- `web/CLAUDE.md`",
    ]
    assert "## Conventions" not in text(PYTHON)


@pytest.mark.rule("R7")
def test_a_projects_own_texts_stay_code_spans(text) -> None:
    made = text({**PYTHON, "x/`y`\n# {{z}}/AGENTS.md": ""}, lint={"commands": [HOSTILE]})
    assert "\n# {{" not in made
    assert "`` `x` # {{=1+1}} [[ y ]] ``" in made


BACKLOG = [
    {"id": 1, "title": "Landed", "status": "pending"},
    {"id": 2, "title": "Done by hand", "status": "done"},
    {"id": 3, "title": "This", "dependencies": [1, 2, 4], "status": "pending"},
    {"id": 4, "title": "Approved", "status": "pending"},
    {"id": 5, "title": HOSTILE, "status": "pending"},
    {"id": 6, "title": "Begun", "relevantFiles": [{"path": "b.py", "action": "modify"}], "status": "pending"},
    {"id": 7, "title": "Not begun", "status": "pending"},
]


@pytest.mark.rule("R7")
def test_dependencies_and_tasks_under_way_are_facts_with_their_files(tmp_path, monkeypatch) -> None:
    context = desk(tmp_path)
    record(context, "task", 1, {"pr": {"pr": 11}, "landed": {"pr": 11, "base": "main", "commit": OTHER, "by": "ann"}})
    record(context, "task", 4, {"pr": {"pr": 14}})
    record(context, "task", 5, {"pr": {"pr": 15}})
    record(context, "task", 6, numbered(run("implement")))
    record(context, "task", 8, {"pr": {"pr": 18}})
    known = {
        number: pull(number=number, head_sha=f"{number:040}", head_ref=names.task_branch(number - 10))
        for number in (11, 14, 15, 18)
    }
    monkeypatch.setattr(pulls, "known_pull", lambda _gh, _repo, number: known[number])
    monkeypatch.setattr(pulls, "all_pulls", lambda *_: [known[14], known[15], known[18]])
    files = tuple(Changed(f"f{at}.py", "", "added") for at in range(25))
    monkeypatch.setattr(
        comparison, "compare", lambda _gh, _repo, _base, head: Comparison(OTHER, files[: int(head) * 2 - 20])
    )
    backlog = tasks.read(json.dumps({"master": {"tasks": BACKLOG}}), "tasks.json")
    subject = Subject.of({"repo": REPO, "task": "3"}, context)
    made = around.text(context, None, subject, backlog, backlog.tasks[2])  # type: ignore[arg-type]
    assert [line for line in made.splitlines() if line.startswith("- ")] == [
        f"- task `1` `Landed`: #11, merged as `{OTHER}`; it changes `f0.py`, `f1.py`",
        "- task `2` `Done by hand`: its status in tasks.json says that it is done",
        f"- task `4` `Approved`: #14, approved at `{14:040}`, not merged yet; it changes "
        + ", ".join(f"`f{at}.py`" for at in range(8)),
        "- task `5` `` `x` # {{=1+1}} [[ y ]] ``: #15; it changes " + ", ".join(f"`f{at}.py`" for at in range(10)),
        "- task `6` `Begun`: an agent works on it; it names `b.py`",
    ]
    alone = tasks.read(json.dumps({"master": {"tasks": [{"id": 9, "title": "Alone"}]}}), "tasks.json")
    assert around.text(context, None, subject, alone, alone.tasks[0]) == ""  # type: ignore[arg-type]
