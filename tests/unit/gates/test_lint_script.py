"""The script of the lint gate, run by a real shell: its exit status says what happened, whatever a command does."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pressplay.gates.lint.detect import LintCommand, LintTask
from pressplay.gates.lint.script import LINES_SHOWN, MOST, ScriptResult, result, script


def run(tmp_path: Path, *tasks: LintTask, shell: str = "sh") -> tuple[ScriptResult | None, str]:
    """The script's result and what it printed; `tmp_path/source` is the checkout."""
    source, work, told = tmp_path / "source", tmp_path / "work", tmp_path / "script"
    for folder in (source, work, told):
        folder.mkdir(exist_ok=True)
    (told / "x.sh").write_text(script(tasks))
    environment = {
        "PATH": os.environ["PATH"],
        "GATE_SOURCE": str(source),
        "GATE_WORK": str(work),
        "HOME": str(work / "home"),
        "TMPDIR": str(work / "tmp"),
    }
    done = subprocess.run(
        [shell, "-c", 'eval "$(cat "$0")"', str(told / "x.sh")],
        env=environment, cwd=work, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=60,
    )  # fmt: skip
    return result(done.returncode, len(tasks)), done.stdout


def task(line: str, folder: str = "", probe: str = "") -> LintTask:
    return LintTask(folder, LintCommand("it", line, probe))


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_each_command_runs_in_its_folder_of_a_copy_and_all_must_end_well(tmp_path, shell):
    (tmp_path / "source" / "a b").mkdir(parents=True)
    (tmp_path / "source" / "a b" / "file").write_text("here\n")
    (tmp_path / "source" / "dangling").symlink_to("nowhere")
    found, said = run(tmp_path, task("cat file; echo new >made", "a b"), task("cat 'a b/made'"), shell=shell)
    assert found == ScriptResult("passed")
    assert "here\n" in said
    assert "new\n" in said
    assert not (tmp_path / "source" / "a b" / "made").exists()


def test_the_first_command_that_fails_is_named_and_the_rest_run_all_the_same(tmp_path):
    found, said = run(tmp_path, task("true"), task("echo one; exit 3"), task("echo two; exit 1"))
    assert found == ScriptResult("failed", 2)
    assert "one" in said
    assert "two" in said


@pytest.mark.parametrize("line", ["no-such-program-at-all", "./file"])
def test_a_tool_that_is_not_there_is_no_finding(tmp_path, line):
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "file").write_text("no program")
    assert run(tmp_path, task("exit 1"), task(line))[0] == ScriptResult("missing", 2)


def test_a_probe_that_fails_says_why_and_the_command_does_not_run(tmp_path):
    found, said = run(tmp_path, task("touch ran", probe="echo no toolchain; false"), task("true", probe="true"))
    assert found == ScriptResult("missing", 1)
    assert "no toolchain" in said
    assert not (tmp_path / "work" / "tree" / "ran").exists()


@pytest.mark.rule("R5")
@pytest.mark.parametrize(
    "line",
    [
        "echo better >file",
        "rm file",
        "rm file; ln -s /etc/hostname file",
        "chmod 000 sub; true",
        "rm -rf sub; mkdir sub; echo x >sub/other",
        'cd ..; mv tree elsewhere; mkdir tree',
    ],
)  # fmt: skip
def test_a_command_that_mends_what_is_judged_has_failed(tmp_path, line):
    (tmp_path / "source" / "sub").mkdir(parents=True)
    (tmp_path / "source" / "file").write_text("bad\n")
    (tmp_path / "source" / "sub" / "one").write_text("1\n")
    if "chmod" in line and os.geteuid() == 0:
        pytest.skip("root reads what no one may")
    assert run(tmp_path, task(line), task("true"))[0] == ScriptResult("changed")


@pytest.mark.rule("R5")
@pytest.mark.parametrize(
    "line",
    [
        # What the script keeps, where a command could reach it.
        'echo "### 1: exit status 0"; echo failed=0 >>"$GATE_WORK/../script/x.sh"; exit 1',
        'failed=0; missing=0; code=0; export failed missing code; exit 1',
        'rm -rf "$GATE_WORK/logs"; exit 1',
        'rm -f "$GATE_WORK"/logs/1; exit 1',
        'trap "exit 0" TERM; kill -TERM $PPID 2>/dev/null; exit 1',
        'printf "exit 0\\n" >"$HOME/.profile"; ENV="$HOME/.profile"; export ENV; exit 1',
    ],
)  # fmt: skip
def test_a_command_that_fails_cannot_talk_itself_out_of_it(tmp_path, line):
    found, _ = run(tmp_path, task(line), task("true"))
    assert found is None or found.kind in ("failed", "broken", "changed")


def test_what_is_printed_is_cut(tmp_path):
    found, said = run(tmp_path, task("yes | head -c 1000000"))
    assert found == ScriptResult("passed")
    assert len(said) < LINES_SHOWN + 500


def test_hostile_names_are_quoted(tmp_path):
    folder = "a; touch pwned; '\"`$(touch pwned)"
    (tmp_path / "source" / folder).mkdir(parents=True)
    assert run(tmp_path, LintTask(folder, LintCommand("$(touch pwned)", "pwd", "true")))[0] == ScriptResult("passed")
    assert list(tmp_path.rglob("pwned")) == []


def test_files_for_the_home_directory_are_there(tmp_path):
    (tmp_path / "script" / "home" / ".cargo").mkdir(parents=True)
    (tmp_path / "script" / "home" / ".cargo" / "config.toml").write_text("[net]\n")
    assert run(tmp_path, task('grep net "$HOME/.cargo/config.toml"'))[0] == ScriptResult("passed")


def test_an_exit_status_that_is_not_the_scripts_own_says_nothing():
    assert result(0, 2) == ScriptResult("passed")
    assert [result(code, 2) for code in (1, 2, 13, 63, 126, 137, 143, -1)] == [None] * 8
    assert result(9, 2) == ScriptResult("broken")
    with pytest.raises(ValueError, match="at most"):
        script([task("true")] * (MOST + 1))


def test_a_shells_linter_has_nothing_against_it(tmp_path):
    program = Path(shutil.which("shellcheck") or "")
    beside = Path(sys.executable).with_name("shellcheck")
    found = beside if beside.exists() else program
    if not found.name:
        pytest.skip("shellcheck is not installed")
    (tmp_path / "x.sh").write_text(f"#!/bin/sh\n{script([task('true', 'a', 'true')])}")
    done = subprocess.run([found, tmp_path / "x.sh"], capture_output=True, text=True, check=False)
    assert done.stdout == ""
    assert done.returncode == 0
