"""The tests gate as the chart has it, on a base branch that moves while a pull request is open."""

from __future__ import annotations

import pytest
from harness import project, world
from lint_gate import Gate

PROGRAM = b"def double(number):\n    return number * 2\n"
TEST = """\
import unittest

import {name}


class T(unittest.TestCase):
    def test_{name}(self):
        self.assertEqual({name}.{name}(3), {result})
"""


def a_test_of(name: str, result: int) -> bytes:
    return TEST.format(name=name, result=result).encode()


@pytest.mark.rule("FR10")
def test_what_others_merged_meanwhile_is_not_lost_by_a_pull_request(tmp_path):
    settings = {"defaults": {"tests": {"enabled": True, "repeat": 2, "controls": {"most": 1}}}}
    made = Gate(world(tmp_path / "state", source=project(tmp_path, []), settings=settings, merge=False), name="tests")
    made.base({"double.py": PROGRAM, "test_double.py": a_test_of("double", 6)})
    pull = made.pull(
        {"triple.py": b"def triple(number):\n    return number * 3\n", "test_triple.py": a_test_of("triple", 9)}
    )
    made.base({"half.py": b"def half(number):\n    return number // 2\n", "test_half.py": a_test_of("half", 1)})
    assert made.finish(made.start(pull)) == "pass", made.verdict(pull).reason
    assert "1 test of the base still pass" in made.verdict(pull).reason
    made.sandbox.close()
