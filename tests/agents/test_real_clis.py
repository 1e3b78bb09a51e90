"""Real command lines, driven by a scripted model: plays of three tasks, and every class of failure.

`make agents` runs them, with what npm has (package.json); what can't be had is skipped by name.
"""

from __future__ import annotations

import json
import subprocess

import pytest
from lab import NAMES, Lab

EVERY = pytest.mark.parametrize("name", list(NAMES))
CLAUDE = pytest.mark.parametrize("name", ["claude"])


@pytest.mark.rule("FR8")
@EVERY
def test_three_tasks_with_tools_and_usage(lab: Lab) -> None:
    done = lab.play("good")
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert [task["state"] for task in summary["tasks"]] == ["merged"] * 3
    assert [task["runs"] for task in summary["tasks"]] == [3] * 3
    assert all(task["usage"]["tokens"] > 10_000 for task in summary["tasks"])
    assert summary["usage"]["tokens"] == sum(task["usage"]["tokens"] for task in summary["tasks"])
    assert bool(summary["usage"]["costUSD"]) == (lab.name in ("claude", "opencode"))
    assert len(lab.calls) == 9
    assert all(call.endswith("/tree/shop | calm") for call in lab.calls)
    # Where there is a pull request, its comments are a tool; what the server said is in the transcripts.
    steps = [str(entry.get("step")) for entry in lab.requests]
    assert len([step for step in steps if "list_comments" in step]) == 6
    transcripts = (lab.folder / ".press-play" / "shop" / "runs").glob("*/agent/transcript.jsonl")
    assert len([file for file in transcripts if "# Comments on local/shop#" in file.read_text()]) == 6
    # Nothing was written where the play was started.
    assert subprocess.run(["git", "status", "--porcelain"], cwd=lab.folder / "shop", capture_output=True).stdout == b""


@EVERY
@pytest.mark.parametrize(
    ("script", "kind", "words"),
    [
        ("key", "key", "key"),
        ("model", "model", "model"),
        ("limit-3000", "limit", "limit"),
        ("nothing", "no-change", "it changed nothing; its last words: Everything is as it should be"),
    ],
)
def test_a_failure_is_told_with_its_words(lab: Lab, script: str, kind: str, words: str) -> None:
    status, handed_over, log = lab.run(script)
    assert status == 1
    failure = handed_over["failure"]
    assert isinstance(failure, dict)
    assert failure["kind"] == kind, log
    assert words in failure["message"]
    assert ("until" in failure) == (kind == "limit")


@EVERY
def test_what_stalls_is_ended(lab: Lab) -> None:
    status, handed_over, _log = lab.run("stall", "--stall", "0.5")
    assert status == 1
    assert isinstance(handed_over["failure"], dict)
    assert handed_over["failure"]["kind"] == "stall"


@pytest.mark.parametrize("name", ["claude", "opencode", "gemini"])
def test_a_crash_is_told(lab: Lab) -> None:
    # Codex's sandbox lets no command kill it.
    status, handed_over, _log = lab.run("crash")
    assert status == 1
    assert isinstance(handed_over["failure"], dict)
    assert handed_over["failure"]["kind"] == "crash"


@pytest.mark.parametrize("name", ["claude", "gemini"])
def test_it_goes_on_in_its_session_after_its_last_turn(lab: Lab) -> None:
    status, handed_over, log = lab.run("long", "--turns", "6")
    assert status == 0, log
    assert log.count("it goes on in the same session") == 1
    assert log.count("still looking, 0") == 1
    assert handed_over["usage"]


@CLAUDE
def test_a_wrong_key_stops_the_play_before_it_begins(lab: Lab) -> None:
    done = lab.play("key")
    assert done.returncode == 2
    assert "claude: wrong key: Invalid API key" in done.stderr
    assert "Nothing was started." in done.stderr


@CLAUDE
def test_a_key_that_is_revoked_stops_the_play_and_spends_nothing(lab: Lab) -> None:
    done = lab.play("later-key")
    assert done.returncode == 2
    assert "No agent can work: wrong key: Invalid API key" in done.stderr
    done = lab.play("good", "--resume")
    assert done.returncode == 0, done.stderr
    assert [task["runs"] for task in json.loads(done.stdout)["tasks"]] == [3] * 3


@CLAUDE
def test_a_usage_limit_is_waited_for_and_spends_nothing(lab: Lab) -> None:
    done = lab.play("later-limit-25")
    assert done.returncode == 0, done.stderr
    assert "rex waits: usage limit: " in done.stderr
    assert [task["runs"] for task in json.loads(done.stdout)["tasks"]] == [3] * 3


@CLAUDE
def test_a_users_git_settings_fail_no_run(lab: Lab) -> None:
    home = lab.folder / "home"
    (home / "hooks").mkdir(parents=True)
    for hook in ("pre-commit", "commit-msg", "post-checkout", "pre-push"):
        (home / "hooks" / hook).write_text("#!/bin/sh\nexit 1\n")
        (home / "hooks" / hook).chmod(0o755)
    (home / ".gitconfig").write_text(
        "[commit]\n\tgpgSign = true\n[tag]\n\tgpgSign = true\n[push]\n\tgpgSign = true\n"
        f"[core]\n\thooksPath = {home / 'hooks'}\n\tautocrlf = true\n[clone]\n\tdefaultRemoteName = upstream\n"
    )
    done = lab.play("good")
    assert done.returncode == 0, done.stderr


@CLAUDE
def test_the_work_of_an_attempt_that_fails_is_kept(lab: Lab) -> None:
    done = lab.play("half", agent="--minutes 0.25 --calls 1")
    assert done.returncode == 1
    assert "its commits are on feature/task-1-implementation, and the next attempt goes on from them" in done.stderr
    git = next((lab.folder / ".press-play" / "shop" / "git").rglob("shop.git"))
    log = subprocess.run(
        ["git", "log", "--format=%s", "feature/task-1-implementation"], cwd=git, capture_output=True, text=True
    )
    assert log.stdout.splitlines()[0] == "Half of task 1"
