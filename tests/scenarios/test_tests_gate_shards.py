"""The tests gate of a project whose tests run in shards: pytest, whose plugin in the project selects each part."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness import project, world
from lint_gate import Gate

from pressplay.cluster import waits
from pressplay.gates.proving.detection import FILE

COMMAND = 'python -m pytest -q -p no:cacheprovider --junitxml="$REPORT"'
NONE_IS_FINE = f"{COMMAND} || [ $? -eq 5 ]"
CONTRACT = """\
projects:
  - folder: .
    language: python
    test: {{command: '{command}', report: junit, shards: 3}}
"""
SELECT = b"""\
import os

shard, shards = (int(os.environ[f"PRESSPLAY_{word}"]) for word in ("SHARD", "SHARDS"))


def pytest_collection_modifyitems(config, items):
    items[:] = [item for place, item in enumerate(items, start=1) if (place - shard) % shards == 0]
"""
BASE = {
    "double.py": b"def double(number):\n    return number * 2\n",
    "test_double.py": b"""\
from double import double


def test_of_one():
    assert double(1) == 2


def test_of_three():
    assert double(3) == 6
""",
}
TRIPLE = b"def triple(number):\n    return number * 3\n"
TEST = b"""\
from triple import triple


def test_of_one():
    assert triple(1) == 3


def test_of_two():
    assert triple(2) == 6
"""
IDLE = b"from triple import triple\n\n\ndef test_it():\n    assert callable(triple)\n"

pytestmark = pytest.mark.rule("FR10")


def run(folder: Path, head: dict[str, bytes], select: bytes = SELECT, command: str = NONE_IS_FINE):
    """The outcome of a pull request, the reason, and the Pods that ran the tests."""
    settings = {"defaults": {"tests": {"enabled": True, "repeat": 2, "controls": {"most": 1}}}}
    made = Gate(world(folder / "state", source=project(folder, []), settings=settings, merge=False), name="tests")
    made.base({FILE: CONTRACT.format(command=command).encode(), "conftest.py": select, **BASE})
    pull = made.pull(head)
    workflow = made.start(pull)
    ended = made.finish(workflow)
    nodes = waits.nodes(made.workflow(workflow)).values()
    pods = sorted(n["displayName"] for n in nodes if n["displayName"].startswith("run(") and n["type"] == "Retry")
    verdict = made.verdict(pull)
    assert made.nothing_is_left()
    made.sandbox.close()
    return ended, f"{verdict.reason}: {verdict.why}", pods


def test_a_change_is_proven_by_its_shards_together(tmp_path):
    ended, reason, pods = run(tmp_path, {"triple.py": TRIPLE, "test_triple.py": TEST})
    assert ended == "pass", reason
    assert "2 tests of the base still pass" in reason
    assert pods == ["run(0:python)", "run(1:python-2)", "run(2:python-3)"]


def test_a_test_that_notices_nothing_proves_nothing_in_shards_either(tmp_path):
    ended, reason, _ = run(tmp_path, {"triple.py": TRIPLE, "test_triple.py": IDLE})
    assert (ended, "no new or changed test notices" in reason) == ("fail", True), reason


def test_a_test_that_the_last_shard_had_is_missed(tmp_path):
    fewer = BASE["test_double.py"].partition(b"\n\ndef test_of_three")[0]
    ended, reason, _ = run(tmp_path, {"triple.py": TRIPLE, "test_triple.py": TEST, "test_double.py": fewer})
    assert (ended, "1 test passed before and does not now" in reason) == ("fail", True), reason


@pytest.mark.parametrize(
    ("select", "command", "words"),
    [
        (b"", NONE_IS_FINE, "the test command does not go by PRESSPLAY_SHARD"),
        (SELECT, COMMAND, "a shard of its tests has no report that can be read"),
    ],
    ids=["every shard runs all", "a runner that fails without tests"],
)
def test_shards_that_are_no_parts_decide_nothing(tmp_path, select, command, words):
    ended, reason, _ = run(tmp_path, {"triple.py": TRIPLE, "test_triple.py": TEST}, select, command)
    assert (ended, words in reason) == ("error", True), reason
