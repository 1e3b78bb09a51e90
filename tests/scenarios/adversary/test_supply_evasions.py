"""Attempts to bring something in past the supply gate, and what an honest change does instead (R6)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from harness import git, project, task, world
from team import PR, Played, Team

pytestmark = pytest.mark.rule("R6")

TOKEN = "ghp_" + "abC1dEf2GhI3jKl4MnO5pQr6StU7vWx8YzA9"
PUBLIC = "https://registry.npmjs.org"
BASE = {
    "package.json": json.dumps({"name": "shop", "version": "1.0.0"}),
    "package-lock.json": json.dumps({"lockfileVersion": 3, "packages": {"": {"name": "shop"}}}),
    ".github/workflows/ci.yml": "on: push\njobs: {test: {steps: [{run: ./tools/check.sh}]}}\n",
    "tools/check.sh": "pytest\n",
    "tools/release.sh": "true\n",
}


def brings(tmp_path: Path, files: Mapping[str, str | bytes]) -> Played:
    """A play of one task, whose implementation writes these files; Rex can't do better."""

    def implement(tree: Path, _env: Mapping[str, str]) -> None:
        for path, content in files.items():
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).write_bytes(content.encode() if isinstance(content, str) else content)
        git(tree, "add", "-A")
        git(tree, "commit", "-qm", "Work")

    source = project(tmp_path, [task(1)])
    for path, text in BASE.items():
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        (source / path).write_text(text)
    team = Team(does={"implement": implement})
    made = team.made = world(tmp_path / "state", team, source=source, merge=False, settings={"limits": {"rounds": 1}})
    return Played(made, made.play(), team)


def assert_held(result: Played, reason: str, *quoted: str) -> None:
    result.assert_not_approved()
    assert result.state == "parked"
    assert reason in result.reason
    comments = "\n".join(comment["body"] for comment in result.get(f"/issues/{PR}/comments"))
    for text in quoted:
        assert text in result.check("supply")["output"]["text"]
        assert text in comments


def npm(resolved: str, **wanted: str) -> dict[str, str]:
    pinned = {"version": "1.3.0", "resolved": resolved, "integrity": "sha512-a"}
    lock = {"": {"name": "shop", "dependencies": wanted}, "node_modules/left": pinned}
    return {
        "package.json": json.dumps({"name": "shop", "version": "1.0.0", "dependencies": wanted}),
        "package-lock.json": json.dumps({"lockfileVersion": 3, "packages": lock}),
    }


def test_a_lock_file_that_fetches_a_known_name_from_another_host(tmp_path):
    result = brings(tmp_path, npm("https://mirror.test/left/-/left-1.3.0.tgz", left="^1.3.0"))
    assert_held(result, "it brings in 1 package source", "https://mirror.test")


def test_a_lock_file_that_fetches_another_package_by_a_known_name(tmp_path):
    result = brings(tmp_path, npm(f"{PUBLIC}/1eft/-/1eft-1.3.0.tgz", left="^1.3.0"))
    assert_held(result, "1 disagreement of a lock file", "is fetched from the address of another package")


def test_a_lock_file_that_pins_what_nothing_asks_for(tmp_path):
    result = brings(tmp_path, npm(f"{PUBLIC}/left/-/left-1.3.0.tgz"))
    assert_held(result, "1 disagreement of a lock file", "`left 1.3.0`: is pinned, and nothing asks for it")


def test_a_new_package_with_its_lock_file_is_shown(tmp_path):
    result = brings(tmp_path, npm(f"{PUBLIC}/left/-/left-1.3.0.tgz", left="^1.3.0"))
    assert result.state == "approved", result.reason
    assert "`npm left ^1.3.0`" in result.check("supply")["output"]["text"]


def test_a_package_file_that_the_gate_cannot_read(tmp_path):
    result = brings(tmp_path, {"package.json": json.dumps({"dependencies": {"evil": "x/evil"}}).encode("utf-16")})
    assert_held(result, "what it brings in can't be decided: 1 file can't be read", "`package.json`: not UTF-8 text")


def test_a_script_that_a_workflow_runs(tmp_path):
    result = brings(tmp_path, {"tools/check.sh": "exit 0\n"})
    assert_held(result, "it brings in 1 workflow file", "`tools/check.sh`")


def test_a_script_that_no_workflow_runs_passes(tmp_path):
    result = brings(tmp_path, {"tools/release.sh": "exit 0\n"})
    assert result.state == "approved", result.reason


def test_a_program_that_replaces_what_the_runner_loaded(tmp_path):
    text = 'import sys as s\n\ns.modules[name()] = None\nimport sys\nsys.modules["x"] = s\n'
    result = brings(tmp_path, {"shop.py": text})
    assert_held(result, "2 lines that reach for the test runner", "`shop.py:1`", '`shop.py:5`: `sys.modules["x"] = s`')


def test_a_program_that_speaks_of_the_runner_in_a_comment_passes(tmp_path):
    text = '"""Tested by pytest.\n\nimport pytest\n"""\n\n# Never sys.modules, never os._exit.\nx = 1\n'
    result = brings(
        tmp_path, {"shop.py": text, "tests/test_shop.py": "import sys\n\n\ndef test_x():\n    assert sys.modules\n"}
    )
    assert result.state == "approved", result.reason


def test_a_binary_by_an_images_name(tmp_path):
    result = brings(tmp_path, {"static/logo.png": b"\x7fELF\x02\x01\x01\x00"})
    assert_held(result, "it brings in 1 binary file", "`static/logo.png`")


def test_an_image_passes(tmp_path):
    result = brings(tmp_path, {"static/logo.png": b"\x89PNG\r\n\x1a\n\x00\x00"})
    assert result.state == "approved", result.reason


def test_a_key_in_the_data_of_a_test(tmp_path):
    result = brings(tmp_path, {"tests/data/recorded.txt": f"authorization: token {TOKEN}\n"})
    assert_held(result, "it brings in what is refused: 1 secret", "`tests/data/recorded.txt:1`")
    assert TOKEN not in json.dumps(result.get(f"/issues/{PR}/comments"))


def test_a_key_made_up_for_a_page_passes(tmp_path):
    result = brings(tmp_path, {"docs/keys.md": "Set `GITHUB_TOKEN` to `ghp_" + "x" * 36 + "`.\n"})
    assert result.state == "approved", result.reason


def test_text_that_reads_otherwise_than_it_runs(tmp_path):
    result = brings(tmp_path, {"shop.py": "admin = False  # \u202e if admin: return\n"})
    assert_held(result, "it brings in what is refused: 1 line with hidden characters", "U+202E")


def test_scripts_and_emoji_that_need_joiners_pass(tmp_path):
    result = brings(
        tmp_path, {"greetings.txt": "\U0001f469\u200d\U0001f52c \u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645\n"}
    )
    assert result.state == "approved", result.reason
