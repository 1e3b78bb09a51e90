"""A command is started where it works, and told so."""

from __future__ import annotations

import os
import time
from pathlib import Path

from pressplay.sandbox import detached


def test_pwd_names_the_folder_that_a_command_is_started_in(tmp_path: Path) -> None:
    """Node programs take PWD's word: opencode wrote into the folder that the play was started in."""
    run, tree = tmp_path / "run", tmp_path / "tree"
    run.mkdir()
    tree.mkdir()
    detached.begin()
    detached.start(run, ["sh", "-c", "env"], tree, {"PATH": os.environ["PATH"], "PWD": "/elsewhere"})
    end = time.monotonic() + 20
    while detached.ended(run) is None and time.monotonic() < end:
        time.sleep(0.05)
    assert f"PWD={tree}\n" in (run / "log").read_text()
