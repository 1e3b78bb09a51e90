"""Each adapter: the command line that it builds, and what it reads of a report that the real one printed."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from recorded import Fake

from pressplay.agents import registry
from pressplay.agents.adapter import Adapter
from pressplay.agents.process import Bounds
from pressplay.agents.servers import Server
from pressplay.domain.outcomes import FATAL, PASSING
from pressplay.errors import InputError

ALL = ("claude", "codex", "gemini", "opencode")
LOCAL = Server(name="glossary", argv=("sh", "-c", 'cd "$0"'), environment={"MOOD": "calm"}, tools=("look_up",))
REMOTE = Server(name="press-play", url="http://127.0.0.1:1/mcp", headers={"Authorization": "Bearer x"})


@pytest.fixture(autouse=True)
def python_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONPATH", raising=False)


@pytest.mark.parametrize("name", ALL)
def test_persona_and_prompt_reach_the_command_line_as_they_are(name: str, tmp_path: Path) -> None:
    fake = Fake.of(name, tmp_path, "good")
    _report, failure = fake.carry_out()
    assert failure is None
    given = fake.noted("argv") + fake.noted("stdin") + fake.noted("environment")
    given += "".join(file.read_text() for file in (tmp_path / "folder").iterdir())
    assert "Do it." in given
    assert 'Be "strict" $(touch escaped)' in given or json.dumps('Be "strict" $(touch escaped)') in given
    assert not (tmp_path / "tree" / "escaped").exists()


@pytest.mark.parametrize("name", ALL)
def test_it_works_in_the_work_tree_whatever_pwd_says(name: str, tmp_path: Path) -> None:
    fake = Fake.of(name, tmp_path, "good")
    fake.carry_out(environment={"PATH": fake.path, "PWD": "/"})
    assert fake.noted("folder").strip() == str(tmp_path / "tree")
    assert f"PWD={tmp_path / 'tree'}\n" in fake.noted("environment")


@pytest.mark.parametrize("name", ALL)
def test_model_and_session_are_named_only_where_they_are_given(name: str, tmp_path: Path) -> None:
    fake = Fake.of(name, tmp_path, "good")
    fake.carry_out()
    assert "--model" not in fake.argv
    fake.carry_out(model="m-1", session="session-1")
    assert fake.after("--model") == "m-1"
    assert "session-1" in fake.argv


@pytest.mark.parametrize(("name", "fallback", "turns"), [("claude", True, True), ("gemini", False, True)])
def test_fallback_and_turns_where_the_command_line_has_them(
    name: str, fallback: bool, turns: bool, tmp_path: Path
) -> None:
    fake = Fake.of(name, tmp_path, "good")
    fake.carry_out(fallback="m-2", turns=7)
    given = fake.noted("argv") + "".join(file.read_text() for file in (tmp_path / "folder").iterdir())
    assert ("m-2" in given, "7" in given) == (fallback, turns)


def _claude(fake: Fake) -> dict[str, Any]:
    assert "--strict-mcp-config" in fake.argv
    assert "mcp__glossary__look_up" in fake.argv
    assert "mcp__press-play" in fake.argv
    document: dict[str, Any] = json.loads(Path(fake.after("--mcp-config")).read_text())["mcpServers"]
    return document


def _codex(fake: Fake) -> dict[str, Any]:
    settings = [value for option, value in zip(fake.argv, fake.argv[1:], strict=False) if option == "-c"]
    document: dict[str, Any] = tomllib.loads("\n".join(settings))["mcp_servers"]
    assert document["glossary"]["default_tools_approval_mode"] == "approve"
    assert document["glossary"]["enabled_tools"] == ["look_up"]
    return document


def _opencode(fake: Fake) -> dict[str, Any]:
    line = next(line for line in fake.noted("environment").splitlines() if line.startswith("OPENCODE_CONFIG_CONTENT="))
    document: dict[str, Any] = json.loads(line.partition("=")[2])
    assert document["tools"] == {"glossary_*": False, "glossary_look_up": True}
    return dict(document["mcp"])


def _gemini(fake: Fake) -> dict[str, Any]:
    assert f"GEMINI_CLI_SYSTEM_SETTINGS_PATH={fake.where / 'folder' / 'gemini-settings.json'}\n" in fake.noted(
        "environment"
    )
    document = fake.json("gemini-settings.json")["mcpServers"]
    assert isinstance(document, dict)
    assert document["glossary"]["includeTools"] == ["look_up"]
    return document


@pytest.mark.rule("FR8")
@pytest.mark.parametrize(
    ("name", "read"), [("claude", _claude), ("codex", _codex), ("gemini", _gemini), ("opencode", _opencode)]
)
def test_servers_are_in_the_command_lines_own_configuration(name: str, read: Any, tmp_path: Path) -> None:
    fake = Fake.of(name, tmp_path, "good")
    fake.carry_out(servers=(LOCAL, REMOTE))
    servers = read(fake)
    assert set(servers) == {"glossary", "press-play"}
    assert "calm" in json.dumps(servers["glossary"])
    assert "Bearer x" in json.dumps(servers["press-play"])
    assert "http://127.0.0.1:1/mcp" in json.dumps(servers["press-play"])


def test_settings_of_the_system_hold_where_ours_say_nothing(tmp_path: Path) -> None:
    (tmp_path / "system.json").write_text('{"tools": {"x": 1}, "general": {"vimMode": true, "maxAttempts": 9}}')
    fake = Fake.of("gemini", tmp_path, "good")
    fake.carry_out(environment={"PATH": fake.path, "GEMINI_CLI_SYSTEM_SETTINGS_PATH": str(tmp_path / "system.json")})
    # What the environment names already is left as it is, so it is the adapter that must take it up.
    written = fake.json("gemini-settings.json")
    assert written["tools"] == {"x": 1}
    assert written["general"] == {"vimMode": True, "maxAttempts": 4, "enableAutoUpdate": False}


@pytest.mark.parametrize(
    ("name", "tokens", "cost"),
    [("claude", (2400, 1600, 200), 0.01068), ("codex", (3000, 2000, 250), None), ("gemini", (3000, 2000, 250), None)],
)
def test_usage_is_read_from_the_report(
    name: str, tokens: tuple[int, int, int], cost: float | None, tmp_path: Path
) -> None:
    report, _failure = Fake.of(name, tmp_path, "good").carry_out()
    (used,) = report.used.values()
    assert (used.input, used.cached, used.output) == tokens
    assert used.cost == cost
    assert report.session
    assert report.words == "Done."


def test_usage_of_opencode_is_the_sum_of_its_steps(tmp_path: Path) -> None:
    report, _failure = Fake.of("opencode", tmp_path, "good").carry_out()
    (used,) = report.used.values()
    assert (used.input, used.cached, used.output) == (3000, 2000, 250)
    assert used.cost == pytest.approx(0.01335)


CASES = [
    ("claude", "key", 1, "key", "Invalid API key"),
    ("claude", "login", 1, "login", "Not logged in · Please run /login"),
    ("claude", "model", 1, "model", "issue with the selected model"),
    ("claude", "limit", 1, "limit", "hit your usage limit"),
    ("claude", "overload", 1, "overload", "529 Overloaded"),
    ("claude", "turns", 1, "turns", "Reached maximum number of turns (3)"),
    ("codex", "key", 1, "key", "401 Unauthorized: invalid x-api-key"),
    ("codex", "model", 1, "model", "404 Not Found"),
    ("codex", "limit", 1, "limit", "hit your usage limit"),
    ("codex", "overload", 1, "overload", "529"),
    ("opencode", "key", 1, "key", "invalid x-api-key"),
    ("opencode", "model", 1, "model", "does not exist"),
    ("opencode", "no-model", 1, "model", "Model not found: anthropic/claude-none"),
    ("opencode", "limit", 1, "limit", "hit your usage limit"),
    ("gemini", "key", 1, "key", "invalid x-api-key"),
    ("gemini", "login", 41, "login", "Invalid auth method selected"),
    ("gemini", "model", 1, "model", "does not exist"),
    ("gemini", "limit", 173, "limit", "hit your usage limit"),
    ("gemini", "overload", 17, "overload", "Overloaded"),
    ("gemini", "turns", 53, "turns", "Reached max session turns"),
]


@pytest.mark.parametrize(("name", "recording", "code", "kind", "words"), CASES)
def test_a_failure_has_its_class_and_the_command_lines_words(
    name: str, recording: str, code: int, kind: str, words: str, tmp_path: Path
) -> None:
    _report, failure = Fake.of(name, tmp_path, recording, code).carry_out()
    assert failure is not None
    assert failure.kind == kind
    assert words in failure.message


@pytest.mark.parametrize("name", ALL)
def test_a_crash_has_the_last_lines(name: str, tmp_path: Path) -> None:
    _report, failure = Fake.of(name, tmp_path, code=3, does="echo what >&2; echo a pity >&2").carry_out()
    assert failure is not None
    assert (failure.kind, failure.message) == ("crash", "exit status 3: what\na pity")
    _report, failure = Fake.of(name, tmp_path, does="kill -9 $$").carry_out()
    assert failure is not None
    assert (failure.kind, failure.message) == ("crash", "signal 9, and it printed nothing")


def test_a_program_that_is_not_there_is_named_with_how_to_have_it(tmp_path: Path) -> None:
    fake = Fake.of("codex", tmp_path)
    (tmp_path / "bin" / "codex").unlink()
    _report, failure = fake.carry_out(environment={"PATH": str(tmp_path / "bin")})
    assert failure is not None
    assert failure.kind == "setup"
    assert "npm install -g @openai/codex" in failure.message


def test_it_is_ended_where_it_stalls_and_at_its_time(tmp_path: Path) -> None:
    _report, failure = Fake.of("claude", tmp_path, does="exec sleep 60").carry_out(Bounds(60.0, 1.0))
    assert failure is not None
    assert (failure.kind, failure.message.partition(";")[0]) == (
        "stall",
        "no output and no changed file for 0.0166667 minutes (--stall)",
    )
    talks = "while :; do echo still here >&2; sleep 0.2; done"
    _report, failure = Fake.of("claude", tmp_path, does=talks).carry_out(Bounds(1.0, 0.7))
    assert failure is not None
    assert failure.kind == "time"


def test_a_file_that_changes_is_no_stall(tmp_path: Path) -> None:
    works = "for i in 1 2 3 4 5 6 7 8; do echo $i > file; sleep 0.3; done"
    _report, failure = Fake.of("claude", tmp_path, does=works).carry_out(Bounds(60.0, 1.2))
    assert failure is None


def test_what_can_only_fail_again_is_ended(tmp_path: Path) -> None:
    line = "Attempt 1 failed with status 429. Retrying with backoff... resets in 2 hours"
    fake = Fake.of("gemini", tmp_path, does=f"echo '{line}' >&2; exec sleep 60")
    _report, failure = fake.carry_out()
    assert failure is not None
    assert failure.kind == "limit"
    assert failure.until is not None


@pytest.mark.parametrize(
    ("name", "wanted", "model"),
    [
        ("claude", "claude-sonnet-4-5", "claude-sonnet-4-5"),
        ("codex", "claude-sonnet-4-5", ""),
        ("codex", "gpt-5.1-codex", "gpt-5.1-codex"),
        ("opencode", "claude-sonnet-4-5", ""),
        ("opencode", "anthropic/claude-sonnet-4-5", "anthropic/claude-sonnet-4-5"),
        ("gemini", "gemini-2.5-pro", "gemini-2.5-pro"),
        ("gemini", "claude-opus-4-5", ""),
    ],
)
def test_a_model_of_the_values_that_is_anothers_is_left_to_the_command_line(name: str, wanted: str, model: str) -> None:
    assert registry.adapter(name).model(wanted) == model


def test_adapters_are_found_by_entry_points(monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib.metadata import EntryPoint

    assert registry.names() == list(ALL)
    points = [
        EntryPoint("ours", "pressplay.agents.claude:Claude", registry.GROUP),
        EntryPoint("none", "pressplay.nothing:Here", registry.GROUP),
        EntryPoint("odd", "json:dumps", registry.GROUP),
    ]
    monkeypatch.setattr(registry, "entry_points", lambda group: points)
    assert isinstance(registry.adapter("ours"), Adapter)
    for name, why in (
        ("none", "can't be loaded"),
        ("odd", "expected a subclass"),
        ("gone", "expected one of none, odd, ours"),
    ):
        with pytest.raises(InputError, match=why):
            registry.adapter(name)


def test_no_class_is_both_for_good_and_passing() -> None:
    assert not FATAL & PASSING
