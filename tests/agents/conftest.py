"""A lab for each test: the command line that it names, with a server of its own."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import model_server
import pytest
from lab import BIN, Lab


@pytest.fixture
def folder(request: pytest.FixtureRequest) -> Path:
    """A folder for the test's project and home, which stays for whoever wants to look."""
    where = Path(__file__).parents[2] / ".cache" / "agents" / "plays" / request.node.name.replace("/", "-")
    shutil.rmtree(where, ignore_errors=True)
    where.mkdir(parents=True)
    return where


@pytest.fixture
def lab(name: str, folder: Path) -> Iterator[Lab]:
    """The command line that the test is for, by its parameter `name`."""
    if not (BIN / name).exists():
        pytest.skip(f"{name} is not installed in {BIN}: `make agents` gets it from npm")
    if name == "gemini" and any(parent.stat().st_mode & 0o022 for parent in folder.parents):
        pytest.skip(f"{name} reads no settings below a folder that others can write to: {folder}")
    log = folder / "requests.jsonl"
    log.touch()
    server = model_server.serve(0, log)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Lab(name, folder, f"http://127.0.0.1:{server.server_address[1]}", log)
    server.shutdown()
    server.server_close()
