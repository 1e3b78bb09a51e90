"""A probe of QA's that is wrong: both read what came back, Rex contests it with a reason, and QA answers."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from harness import PLAN
from team import PR, Played, Team, commit, played

from pressplay import names
from pressplay.domain.outcomes import CONTESTED_MARK

pytestmark = [pytest.mark.rule("R5"), pytest.mark.rule("R7"), pytest.mark.rule("FR10")]

WRONG = """probes:
- name: says-hello
  logs: {namespace: preview, matchLabels: {app: preview-1}, expect: {lines: [hello]}}
"""
"""Asks for a line that the task does not name, and no commit of this project ever writes."""
WHY = "the task says `serving`, not hello\n# {{a}} heading\n- and [[ a list ]] of its own"


@dataclass
class Disputing(Team):
    """QA's first plan is wrong; Rex contests it and changes nothing; QA answers as a test says, run by run."""

    answers: list[str] = field(default_factory=list)
    """QA's answer in its second run and later ones; empty for none. It corrects its plan once it answers."""
    reviews: list[tuple[str, str]] = field(default_factory=list)
    """The role of each run of the rounds, and its `task/review.md`."""
    checks: list[tuple[str, int, str]] = field(default_factory=list)
    """The role of each of them, and what `pressplay check` said before it handed over."""

    def __call__(self, tree: Path, env: Mapping[str, str]) -> int:
        role = env["PRESSPLAY_ROLE"]
        if role not in ("fix", "test"):
            return super().__call__(tree, env)
        for name, kept in (("review.md", self.reviews), ("findings.md", self.told)):
            file = tree / "task" / name
            kept.append((role, file.read_text() if file.exists() else ""))
        result: dict[str, Any] = {"result": "pass", "body": "all seen to work"}
        if role == "fix":
            point = {"what": "probe says-hello", "why": WHY}
            result = {"result": "nothing", "contests": [point]}
        elif not self._test(tree, result):
            commit(tree, names.acceptance_plan(1), WRONG)
        Path(env["PRESSPLAY_RESULT"]).write_text(json.dumps(result))
        checked = subprocess.run(["pressplay", "check"], cwd=tree, env=dict(env), capture_output=True, text=True)
        self.checks.append((role, checked.returncode, checked.stdout + checked.stderr))
        return 0

    def _test(self, tree: Path, result: dict[str, Any]) -> bool:
        """Answer what is contested, in a later run; False in the first."""
        ids = re.findall(r"^### (contest-\S+)$", self.reviews[-1][1], re.MULTILINE)
        if len([role for role, _ in self.reviews if role == "test"]) == 1:
            return False
        answer = self.answers.pop(0) if self.answers else ""
        if answer and ids:
            result["answers"] = dict.fromkeys(ids, answer)
            commit(tree, names.acceptance_plan(1), PLAN)
        return True

    def review(self, role: str) -> list[str]:
        return [text for name, text in self.reviews if name == role]


def disputed(tmp_path: Path, *answers: str, **options: Any) -> tuple[Played, Disputing]:
    team = Disputing(answers=list(answers))
    return played(tmp_path, team, plan="", **options), team


def test_a_wrong_probe_is_contested_by_rex_corrected_by_qa_and_approved(tmp_path):
    flow, team = disputed(tmp_path, "the probe was wrong, corrected")
    assert flow.state == "approved", flow.reason
    assert flow.roles() == ["implement", "lint", "test", "fix", "lint", "test"]
    # Both read what came back from the probe; Rex reads QA's verdict too.
    (of_rex,), (_, of_qa) = team.findings("fix"), team.findings("test")
    assert "says-hello" in of_rex
    assert "says-hello" in of_qa
    (review,) = team.review("fix")
    assert "## QA's newest verdict: passed" in review
    assert "> all seen to work" in review
    first, second = team.review("test")
    assert first == ""
    (id_,) = re.findall(r"^### (contest-\d+\.1)$", second, re.MULTILINE)
    # Every line of Rex's is quoted, and stays one point.
    for line in WHY.splitlines()[1:]:
        assert f">   {line}" in second
    (comment,) = [made for made in flow.get(f"/issues/{PR}/comments") if made["body"].startswith(CONTESTED_MARK)]
    assert (comment["user"]["login"], f"contest-{comment['id']}.1") == ("rex[bot]", id_)
    verdicts = flow.get(f"/pulls/{PR}/reviews")
    assert any(f"- {id_}: the probe was wrong, corrected" in review["body"] for review in verdicts)
    assert flow.can_be_merged()
    assert [(role, status) for role, status, _ in team.checks] == [("test", 0), ("fix", 0), ("test", 0)], team.checks


def test_a_verdict_that_does_not_answer_is_refused_and_qa_reads_why(tmp_path):
    flow, team = disputed(tmp_path, "", "it was wrong")
    assert flow.state == "approved", flow.reason
    assert flow.roles() == ["implement", "lint", "test", "fix", "lint", "test", "test"]
    (id_,) = re.findall(r"^### (contest-\S+)$", team.review("test")[-1], re.MULTILINE)
    # It could have known: the same code is on its PATH.
    _, status, printed = team.checks[-2]
    assert (status, f"does not answer what is contested\n    {id_}\n" in printed) == (1, True), printed
    refused = team.findings("test")[-1]
    assert "QA's verdict does not answer 1 contested point" in refused
    assert f"- `{id_}`" in refused


def test_qa_that_never_answers_is_parked_with_the_reason(tmp_path):
    flow, _ = disputed(tmp_path)
    flow.assert_not_approved()
    assert (flow.state, flow.reason) == (
        "parked",
        "press-play/test-only: QA's verdict does not answer 1 contested point",
    )
    assert flow.roles() == ["implement", "lint", "test", "fix", "lint", "test", "test"]


def test_a_dispute_without_an_end_stops_at_the_limit_of_rounds(tmp_path):
    """QA answers and keeps its probe: what it stands by fails again, and people decide."""
    flow, team = disputed(tmp_path, settings={"limits": {"rounds": 2}})
    assert flow.state == "parked"
    team = Stubborn()
    flow = played(tmp_path / "second", team, plan="", settings={"limits": {"rounds": 2}})
    flow.assert_not_approved()
    assert "2 rounds and press-play/acceptance still fails" in flow.reason
    assert flow.roles() == ["implement", "lint", "test", "fix", "lint", "test"]


class Stubborn(Disputing):
    def _test(self, tree: Path, result: dict[str, Any]) -> bool:
        ids = re.findall(r"^### (contest-\S+)$", self.reviews[-1][1], re.MULTILINE)
        result["answers"] = dict.fromkeys(ids, "it stays, since it is mine")
        return (tree / names.acceptance_plan(1)).exists()
