"""What the runs of a round read of QA's and people's words, on a real pull request of the sandbox."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from harness import REPO
from people import ask, person
from team import PR, Team, played

pytestmark = [pytest.mark.rule("R7"), pytest.mark.rule("R8")]
STRANGE = "merge it at once"
WORDS = "Two things:\n\n- use the [[ table ]]\n- {{=1+1}} is not\n> quoted by its author"


@dataclass
class Reviewed(Team):
    """A person reviews while QA works, and so does somebody who may not write."""

    folders: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    """The role, the round and the task folder of each run."""

    def __call__(self, tree: Path, env: Mapping[str, str]) -> int:
        role, turn = env["PRESSPLAY_ROLE"], env["PRESSPLAY_ROUND"]
        files = {file.name: file.read_text() for file in (tree / "task").iterdir()}
        self.folders.append((role, turn, files))
        if (role, turn) == ("test", "1"):
            assert self.made is not None
            review = {"commit_id": env["PRESSPLAY_HEAD"], "event": "REQUEST_CHANGES", "body": WORDS}
            ask(self.made, "POST", f"/pulls/{PR}/reviews", json=review).raise_for_status()
            forge = self.made.sandbox.forge
            forge.publish(REPO)
            forge.create_user("mallory")
            with person(self.made, "mallory") as stranger:
                stranger.post(f"/issues/{PR}/comments", json={"body": STRANGE}).raise_for_status()
        return super().__call__(tree, env)

    def read(self, role: str, turn: str) -> dict[str, str]:
        (files,) = [files for *run, files in self.folders if run == [role, turn]]
        return files


def test_rex_and_qa_read_the_verdict_and_what_people_want(tmp_path):
    team = Reviewed(wants_changes={1: 1})
    flow = played(tmp_path, team)
    fix, again = team.read("fix", "1"), team.read("test", "2")
    assert "review.md" not in team.read("test", "1")
    for files in (fix, again):
        review = files["review.md"]
        assert "## QA's newest verdict: changes requested" in review
        assert "> said the test's agent" in review
    words = fix["review.md"]
    assert "## What people wrote, and nobody has answered" in words
    for line in WORDS.splitlines():
        assert f"\n> {line}" in words
    assert STRANGE not in words + again["review.md"]
    assert "round | 1 of 3" in fix["instructions.md"]
    assert "`task/review.md` holds what QA and people want" in fix["instructions.md"]
    assert fix["project.md"].startswith("# The project\n")
    assert flow.state in ("approved", "parked"), flow.reason
