"""Detached processes: started where they work, and never taken for lost while they run."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from pressplay.sandbox import detached


def ended(run: Path) -> int | None:
    """The exit status, within twenty seconds."""
    end = time.monotonic() + 20
    while (code := detached.ended(run)) is None and time.monotonic() < end:
        time.sleep(0.05)
    return code


def test_pwd_names_the_folder_that_a_command_is_started_in(tmp_path: Path) -> None:
    """Node programs take PWD's word: opencode wrote into the folder that the play was started in."""
    run, tree = tmp_path / "run", tmp_path / "tree"
    run.mkdir()
    tree.mkdir()
    detached.begin()
    detached.start(run, ["sh", "-c", "env"], tree, {"PATH": os.environ["PATH"], "PWD": "/elsewhere"})
    assert ended(run) == 0
    assert f"PWD={tree}\n" in (run / "log").read_text()


@pytest.mark.rule("R1")
def test_a_command_in_a_folder_that_is_used_again_is_not_lost(tmp_path: Path) -> None:
    """A gate's Pod of the same name ran twice at once: the node of the first was lost, as it seemed."""
    run = tmp_path / "run"
    detached.begin()
    run.mkdir()
    detached.start(run, ["true"], tmp_path, {"PATH": os.environ["PATH"]})
    detached._keepers.started[-1][1].wait(20)
    shutil.rmtree(run)
    run.mkdir()
    detached.start(run, ["sh", "-c", "exit 3"], tmp_path, {"PATH": os.environ["PATH"]})
    # At once: starting a keeper takes longer than this look.
    assert detached.ended(run) is None
    assert ended(run) == 3
