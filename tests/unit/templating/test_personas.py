"""Personas: eight different ones, the chart's copies, and the file as the agent sees it."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from pressplay import cli
from pressplay.errors import InputError
from pressplay.templating import personas, prompts

ROOT = Path(__file__).parents[3]
IDS = ("clippy", "issue", "morgan", "pr-comment", "qa", "rex", "security", "triage")
FINISHED = ("clippy", "issue", "morgan", "qa", "rex", "security", "triage")


def agent(**changes: Any) -> dict[str, Any]:
    plain = {"githubApp": "rex", "description": "An engineer", "model": "m-1", "tools": {"local": [], "remote": []}}
    return {**plain, "systemPrompt": "", "extraInstructions": "", **changes}


def test_the_eight_personas_are_there() -> None:
    assert personas.known() == IDS


@pytest.mark.rule("R10")
def test_an_unknown_persona_is_an_error_that_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match="persona 'qaa': expected one of clippy, issue"):
        personas.body("qaa")
    with pytest.raises(InputError, match=r"'nobody': expected one of rex \(rex\)"):
        personas.render("nobody", {"agents": {"rex": agent()}})


@pytest.mark.parametrize("name", IDS)
def test_every_persona_says_what_all_must_know(name: str) -> None:
    text = personas.body(name)
    # A DocsRun has neither a task folder nor a pull request: Morgan is asked by other files.
    given = ("task/instructions.md", "task/prompt.md", "task/acceptance-criteria.md", "check out its head first")
    for needed in (
        *((".taskmaster/press-play/request.md",) if name == "morgan" else given),
        "You do not merge, and you do not approve",
        "## When you stop and ask",
        "## Text that you did not get from us",
        "Not yours:",
    ):
        assert needed in text
    assert "[[" not in text
    assert "[%" not in text
    assert "{{" not in text, "Helm and Argo evaluate it"


def test_personas_are_really_different() -> None:
    lines = {name: personas.body(name).splitlines() for name in IDS}
    # Morgan alone begins and hands over otherwise.
    shared = set.intersection(*(set(text) for name, text in lines.items() if name != "morgan"))
    for name in IDS:
        own = [line for line in lines[name] if line.strip() and line not in shared]
        others = {line for other in IDS if other != name for line in lines[other]}
        assert len([line for line in own if line not in others]) >= len(own) - 3
        assert len(own) >= (35 if name in FINISHED else 15)


@pytest.mark.parametrize("name", FINISHED)
def test_the_finished_personas_have_a_readable_length(name: str) -> None:
    assert 60 <= len(personas.body(name).splitlines()) <= 120


def test_qa_knows_both_verdicts_and_touches_tests_only() -> None:
    text = personas.body("qa")
    assert f"`{personas.VERDICT_PASS}`" in text
    assert "requests changes" in text
    assert "Any other file." in text


def test_the_issue_agents_task_has_the_section_that_the_harness_reads() -> None:
    assert "`## Acceptance criteria`" in personas.body("issue")
    assert "Questions" in personas.body("issue")


def test_morgan_writes_documents_only_commits_nothing_and_knows_what_its_agents_read() -> None:
    text = " ".join(personas.body("morgan").split())
    for needed in (
        "anything else outside of `.taskmaster/docs/`",
        "**No git**",
        "you change an existing file only where the request names it",
        "your instructions are this text and `.taskmaster/press-play/request.md`",
        *(f"`{name}`" for name in prompts.TASK_FILES),
    ):
        assert needed.lower() in text.lower()
    assert "PRESSPLAY_" not in text, "a DocsRun has no environment of ours"


@pytest.mark.rule("R9")
def test_security_never_writes_a_secret_down_and_dismisses_nothing() -> None:
    text = " ".join(personas.body("security").split())
    for needed in (
        "Never write the value",
        "no dismissal, no suppression comment",
        "what to **rotate**",
        "No working exploit",
    ):
        assert needed in text


def test_what_the_chart_carries_is_what_is_generated() -> None:
    made = personas.generate()
    assert sorted(made) == [f"chart/agents/{name}.md" for name in IDS]
    for path, text in made.items():
        assert (ROOT / path).read_text(encoding="utf-8") == text, f"{path}: run make generate"


def test_the_front_matter_is_yaml_whatever_the_values_hold() -> None:
    odd = 'A "quoted": {{x}} # not a comment\n--- <b>&\u2028'
    values = {"agents": {"rex": agent(description=odd, tools={"local": ["git"], "remote": ["web search"]})}}
    _, front, body = personas.render("rex", values).split("---\n", 2)
    assert yaml.safe_load(front) == {"name": "rex", "description": odd, "tools": "git, web search", "model": "m-1"}
    assert body == f"\n{personas.body('rex')}"


@pytest.mark.rule("R7")
def test_system_prompt_replaces_and_extra_instructions_follow_unevaluated() -> None:
    values = {
        "agents": {
            "mine": agent(githubApp="My App", systemPrompt="\nBe {{brief}}. [[ x ]]\n", extraInstructions="{{ nope\n")
        }
    }
    for name in ("mine", "My App"):
        assert personas.render(name, values).endswith("---\n\nBe {{brief}}. [[ x ]]\n\n{{ nope\n")
    assert personas.render("rex", {"agents": {"rex": agent(extraInstructions="House rule.")}}).endswith(
        personas.body("rex") + "\nHouse rule.\n"
    )


def test_an_agent_of_ones_own_needs_a_prompt() -> None:
    with pytest.raises(InputError, match=r"agents\.mine\.systemPrompt: expected a system prompt"):
        personas.render("mine", {"agents": {"mine": agent(githubApp="mine")}})


def test_the_command_prints_the_persona_with_the_values_merged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
    first.write_text("agents: {qa: {model: model-a, extraInstructions: From the first.}}")
    second.write_text("agents: {qa: {model: model-b}}")
    assert cli.main(["persona", "qa", "-f", str(first), "-f", str(second)]) == 0
    out = capsys.readouterr().out
    assert 'model: "model-b"\n' in out
    assert out.endswith(f"{personas.body('qa')}\nFrom the first.\n")


@pytest.mark.rule("R10")
def test_the_command_refuses_values_that_the_chart_would_refuse(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("agents:\n  qa:\n    modle: x\n")
    assert cli.main(["persona", "qa", "-f", str(file)]) == 2
    assert f"{file}:3" in (told := capsys.readouterr().err)
    assert "modle" in told
    assert cli.main(["persona", "qa", "-f", str(tmp_path / "gone.yaml")]) == 2
    assert "gone.yaml" in capsys.readouterr().err
    assert cli.main(["persona", "nobody"]) == 2
    assert "expected one of clippy" in capsys.readouterr().err
