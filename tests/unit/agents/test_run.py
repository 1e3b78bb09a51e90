"""One run by a command line: what is handed over, sessions and their usage, tools of the task folder, the trial."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from recorded import DATA, Fake

from pressplay.agents import run as runs
from pressplay.agents import servers
from pressplay.cli import main
from pressplay.errors import InputError

TURNS = (DATA / "claude-turns.jsonl").read_text()


class Work:
    """A work tree with a run's orders, and the command line `claude` as it was recorded."""

    def __init__(self, where: Path, recording: str = "good", code: int = 0, does: str = "", role: str = "fix") -> None:
        self.fake = Fake.of("claude", where, recording, code, does)
        self.tree, self.lines = where / "tree", list[str]()
        self._git("init", "--quiet")
        self._git("config", "user.name", "rex")
        self._git("config", "user.email", "rex@example.com")
        (self.tree / ".git" / "info" / "exclude").write_text("/task/\n")
        (self.tree / "file").write_text("here\n")
        self._git("add", "file")
        self._git("commit", "--quiet", "--message=Begin")
        (where / "persona.md").write_text("---\nname: rex\nmodel: m\n---\nYou are Rex.\n\n---\nA line.\n")
        self.result = where / "out" / "result.json"
        self.result.parent.mkdir()
        self.environment = {
            "PATH": self.fake.path,
            "PRESSPLAY_ROLE": role,
            "PRESSPLAY_MODEL": "claude-sonnet-4-5",
            "PRESSPLAY_HEAD": self._git("rev-parse", "HEAD").strip(),
            "PRESSPLAY_PERSONA": str(where / "persona.md"),
            "PRESSPLAY_RESULT": str(self.result),
        }

    def _git(self, *arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=self.tree, check=True, capture_output=True, text=True).stdout

    def run(self, **options: Any) -> int:
        given = runs.Options(**{"minutes": 0.5, "stall_minutes": 0.5, **options})
        return runs.run(self.fake.adapter, self.tree, self.environment, given, self.lines.append)

    @property
    def handed_over(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.result.read_text())
        return document


def test_the_agents_result_is_handed_over_with_what_it_used(tmp_path: Path) -> None:
    work = Work(tmp_path, does="""echo '{"result": "done", "usage": {"costUSD": 0}}' > "$PRESSPLAY_RESULT" """)
    assert work.run() == 0
    usage = {"inputTokens": 2400, "cachedInputTokens": 1600, "outputTokens": 200, "costUSD": 0.01068}
    assert work.handed_over == {"result": "done", "usage": usage, "model": "claude-sonnet-4-5"}
    assert "Done." in work.lines
    transcript = (tmp_path / "out" / "agent" / "transcript.jsonl").read_text().splitlines()
    assert json.loads(transcript[-1])["type"] == "result"


@pytest.mark.rule("R7")
def test_a_persona_comes_without_its_front_matter(tmp_path: Path) -> None:
    work = Work(tmp_path)
    work.run()
    assert work.fake.after("--append-system-prompt") == "You are Rex.\n\n---\nA line."


def test_an_earlier_runs_result_is_not_this_ones(tmp_path: Path) -> None:
    work = Work(tmp_path, role="test")
    (work.tree / "task" / "result.json").write_text('{"result": "pass"}')
    assert work.run() == 1
    assert work.handed_over["failure"]["kind"] == "no-result"


@pytest.mark.parametrize("text", ["{", "[]"])
def test_a_result_that_is_no_object_is_refused(text: str, tmp_path: Path) -> None:
    work = Work(tmp_path, does=f"""echo '{text}' > "$PRESSPLAY_RESULT" """)
    with pytest.raises(InputError, match=r"task/result\.json: expected"):
        work.run()


@pytest.mark.parametrize(
    ("does", "kind"),
    [
        ("", "no-change"),
        ("echo more >> file", None),
        ("echo new > new", None),
        ("git commit --quiet --allow-empty --message=More", None),
        ("""echo '{"result": "nothing"}' > "$PRESSPLAY_RESULT" """, None),
        ("""echo '{"result": "blocked", "question": "?"}' > "$PRESSPLAY_RESULT" """, None),
        ("""echo '{"result": "done"}' > "$PRESSPLAY_RESULT" """, "no-change"),
    ],
)
def test_who_implements_and_changes_nothing_has_failed(does: str, kind: str | None, tmp_path: Path) -> None:
    work = Work(tmp_path, does=does, role="implement")
    assert work.run() == (1 if kind else 0)
    failure = work.handed_over.get("failure")
    assert (failure["kind"] if failure else None) == kind
    assert not failure or failure["message"] == "it changed nothing; its last words: Done."


def test_after_its_last_turn_it_goes_on_in_its_session(tmp_path: Path) -> None:
    work = Work(tmp_path, "turns", 1)
    assert work.run(turns=3, calls=3) == 1
    assert work.handed_over["failure"]["kind"] == "turns"
    assert len([line for line in work.lines if "goes on in the same session" in line]) == 2
    assert work.fake.after("--resume") == json.loads(TURNS.splitlines()[-1])["session_id"]
    # A resumed session of Claude Code's reports what all of it used.
    assert work.handed_over["usage"]["inputTokens"] == 1800


def test_a_run_that_is_started_again_goes_on_in_its_session(tmp_path: Path) -> None:
    work = Work(tmp_path, "limit", 1)
    assert work.run() == 1
    assert work.handed_over["failure"]["kind"] == "limit"
    assert "--resume" not in work.fake.argv
    (work.tree / "task" / "result.json").write_text('{"result": "done"}')
    again = Fake.of("claude", tmp_path, "good")
    assert again.adapter.name == "claude"
    assert work.run() == 0
    assert "--resume" in work.fake.argv
    assert "Go on from what is there" in work.fake.noted("stdin")
    assert work.handed_over["result"] == "done"


@pytest.mark.parametrize(
    ("models", "fallbacks", "model", "fallback"),
    [
        ({}, {}, "claude-sonnet-4-5", None),
        ({"": "m-1"}, {}, "m-1", None),
        ({"claude-sonnet-4-5": "m-2", "": "m-1"}, {"": "m-3"}, "m-2", "m-3"),
        ({"claude-opus-4-5": "m-2"}, {"claude-sonnet-4-5": "m-3"}, "claude-sonnet-4-5", "m-3"),
    ],
)
def test_models_are_chosen_by_their_alias(
    models: dict[str, str], fallbacks: dict[str, str], model: str, fallback: str | None, tmp_path: Path
) -> None:
    work = Work(tmp_path)
    work.run(models=models, fallbacks=fallbacks)
    assert work.fake.after("--model") == model
    assert (work.fake.after("--fallback-model") if "--fallback-model" in work.fake.argv else None) == fallback


@pytest.mark.rule("FR8")
def test_servers_of_the_project_and_added_ones_are_one_list(tmp_path: Path) -> None:
    (tmp_path / "task").mkdir()
    (tmp_path / "src").mkdir()
    glossary = {
        "command": "npx",
        "args": ["-y", "it"],
        "tools": ["look_up"],
        "workingDirectory": "src",
        "env": {"A": "b"},
    }
    config = {"remoteTools": ["search"], "localServers": {"glossary": glossary}}
    (tmp_path / "task" / "toolman-config.json").write_text(json.dumps(config))
    added = {"press-play": {"type": "http", "url": "http://here/mcp", "headers": {"A": "b"}}}
    (tmp_path / "mcp.json").write_text(json.dumps({"mcpServers": added}))
    given, remote = servers.of_run(tmp_path, {"PRESSPLAY_MCP": str(tmp_path / "mcp.json")})
    assert remote == ("search",)
    assert [server.name for server in given] == ["glossary", "press-play"]
    assert given[0].argv == ("sh", "-c", 'cd "$0" && exec "$@"', str(tmp_path / "src"), "npx", "-y", "it")
    assert (given[0].tools, given[0].environment) == (("look_up",), {"A": "b"})
    assert (given[1].url, given[1].headers) == ("http://here/mcp", {"A": "b"})


@pytest.mark.rule("R7")
@pytest.mark.parametrize("where", ["..", "../other", "/etc", "link"])
def test_a_server_starts_in_the_project_and_nowhere_else(where: str, tmp_path: Path) -> None:
    (tmp_path / "task").mkdir()
    (tmp_path / "link").symlink_to("/etc")
    config = {"localServers": {"bad": {"command": "x", "args": [], "tools": [], "workingDirectory": where}}}
    (tmp_path / "task" / "toolman-config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match="expected a folder of the project"):
        servers.of_run(tmp_path, {})


@pytest.mark.parametrize("text", ["{", "[]"])
def test_a_file_of_servers_that_is_none_is_named(text: str, tmp_path: Path) -> None:
    (tmp_path / "mcp.json").write_text(text)
    with pytest.raises(InputError, match=r"mcp\.json: expected a JSON object"):
        servers.of_run(tmp_path, {"PRESSPLAY_MCP": str(tmp_path / "mcp.json")})


@pytest.mark.parametrize("variable", ["PRESSPLAY_RESULT", "PRESSPLAY_PERSONA"])
def test_outside_of_a_run_it_says_who_starts_it(variable: str, tmp_path: Path) -> None:
    work = Work(tmp_path)
    del work.environment[variable]
    with pytest.raises(InputError, match=f"{variable} is not set"):
        work.run()


@pytest.mark.parametrize(
    ("recording", "code", "status", "words"),
    [
        ("good", 0, 0, "claude: answers"),
        ("turns", 1, 0, "claude: answers"),
        ("key", 1, 2, "claude: wrong key: Invalid API key"),
        ("login", 1, 2, "claude: not logged in: Not logged in"),
        ("limit", 1, 1, "claude: usage limit: "),
        ("overload", 1, 1, "overloaded"),
    ],
)
def test_a_trial_says_whether_it_works(
    recording: str,
    code: int,
    status: int,
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    fake = Fake.of("claude", tmp_path, recording, code)
    monkeypatch.setenv("PATH", fake.path)
    monkeypatch.chdir(tmp_path)
    assert main(["agent", "claude", "--try"]) == status
    printed = capsys.readouterr()
    assert words in printed.out + printed.err
    assert "CLAUDE_CODE_MAX_RETRIES=0\n" in fake.noted("environment")
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("press-play")] == []


def test_an_agent_that_is_none_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["agent", "cursor", "--try"]) == 2
    assert "agent 'cursor': expected one of claude, codex, gemini, opencode" in capsys.readouterr().err
