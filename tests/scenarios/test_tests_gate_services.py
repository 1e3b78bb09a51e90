"""The tests gate of a project with a service of its own: a real server beside real tests, behind the sandbox's wall."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from harness import project, world
from lint_gate import Gate

from pressplay.gates.proving.detection import FILE
from pressplay.sandbox.container import wall

CONTRACT = """\
projects:
  - folder: .
    language: python
    test: {{command: python -m unittest -v test_counter, report: unittest}}
    services:
      - name: store
        image: registry.example/store@sha256:{digest}
        command: store-server
        {process}
        ports: [5555]
        seconds: 10
"""
SERVER = b"""\
import os
import pathlib
import socketserver

store = pathlib.Path(os.environ["PRESSPLAY_DATA"], "store")


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        word, _, rest = self.rfile.readline().decode().strip().partition(" ")
        if word == "die":
            os._exit(3)
        if word == "set":
            store.write_text(rest)
        self.wfile.write(store.read_bytes() if store.exists() else b"0")


socketserver.ThreadingTCPServer.allow_reuse_address = True
socketserver.ThreadingTCPServer(("127.0.0.1", 5555), Handler).serve_forever()
"""
STORE = b"""\
import socket


def ask(line):
    with socket.create_connection(("127.0.0.1", 5555), timeout=10) as connection:
        connection.sendall(line.encode() + b"\\n")
        return connection.makefile().read()
"""
BASE = b"""\
from store import ask


def up():
    return int(ask("get"))
"""
HEAD = b"""\
from store import ask


def up():
    return int(ask(f"set {int(ask('get')) + 1}"))
"""
TEST = b"""\
import unittest

import counter


class Counts(unittest.TestCase):
    def test_up(self):
        self.assertEqual([counter.up(), counter.up()], [1, 2])
"""
SLY = b"""\
import unittest

import store

runs = int(store.ask("get")) + 1
store.ask(f"set {runs}")


class Counts(unittest.TestCase):
    def test_up(self):
        # Without the state of earlier runs it can't tell the base's, which come first, from the head's.
        self.assertGreater(runs, 4)
"""
DIES = TEST.replace(b"self.assertEqual", b"__import__('store').ask('die'); self.assertEqual")

pytestmark = [
    pytest.mark.rule("FR10"),
    pytest.mark.skipif("--pid" not in wall(lambda _: None), reason="unshare does not work here"),
]


def gate(folder: Path, process: str = "process: exec python server.py", **settings: Any) -> Gate:
    tests = {"enabled": True, "repeat": 2, "controls": {"most": 1}}
    own = {"defaults": {"tests": tests}, **settings}
    made = Gate(world(folder / "state", source=project(folder, []), settings=own, merge=False), name="tests")
    contract = CONTRACT.format(digest="0" * 64, process=process).encode()
    files = {FILE: contract, "server.py": SERVER, "store.py": STORE, "counter.py": BASE, "test_counter.py": b""}
    made.base(files)
    return made


def outcome(made: Gate, **files: bytes) -> tuple[str, str]:
    """The outcome of a pull request with these modules, and the reason."""
    ended, pull = made.run({f"{name}.py": content for name, content in files.items()})
    verdict = made.verdict(pull)
    reason = f"{verdict.reason}: {verdict.why}"
    assert made.nothing_is_left()
    made.sandbox.close()
    return ended, reason


def test_a_change_is_proven_with_its_service(tmp_path):
    ended, reason = outcome(gate(tmp_path), counter=HEAD, test_counter=TEST)
    assert ended == "pass", reason


@pytest.mark.rule("R5")
def test_no_state_that_a_run_leaves_in_a_service_proves_anything(tmp_path):
    ended, reason = outcome(gate(tmp_path), counter=HEAD, test_counter=SLY)
    assert (ended, "fail at the head" in reason) == ("fail", True), reason


@pytest.mark.rule("R6")
def test_a_head_changes_neither_its_service_nor_the_contract(tmp_path):
    made = gate(tmp_path)
    ended, reason = outcome(made, counter=HEAD, test_counter=TEST, server=b"raise SystemExit(1)\n")
    assert ended == "pass", reason


@pytest.mark.parametrize(
    ("process", "words"),
    [
        ("process: sleep 600", "was not ready within 10 s"),
        ("process: exec python no_server.py", "it ended with status 2"),
        ("", "the sandbox runs no images, and it names no process"),
    ],
    ids=["never ready", "ends", "no process"],
)
def test_a_service_that_is_not_there_is_nobody_s_failure(tmp_path, process, words):
    made = gate(tmp_path, process)
    ended, pull = made.run({"counter.py": HEAD, "test_counter.py": TEST})
    verdict = made.verdict(pull)
    assert (ended, "a service beside the tests was not there" in verdict.reason) == ("error", True), verdict.reason
    assert words in str(verdict.why), verdict
    made.sandbox.close()


def test_a_service_that_ends_beside_the_tests_decides_nothing(tmp_path):
    ended, reason = outcome(gate(tmp_path), counter=HEAD, test_counter=DIES)
    assert (ended, "or did not live to their end" in reason) == ("error", True), reason


@pytest.mark.rule("R6")
def test_the_values_may_refuse_its_image(tmp_path):
    services = {"images": ["docker.io/library/*"], "resources": {}, "securityContext": {}}
    ended, reason = outcome(gate(tmp_path, gatePods={"services": services}), counter=HEAD, test_counter=TEST)
    assert (ended, "gatePods.services.images" in reason) == ("error", True), reason
