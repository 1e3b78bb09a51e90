"""The ids of a task's acceptance criteria over its runs: the ledger keeps them, whatever happens to tasks.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from harness import REPO, Agents, project, task, world

from pressplay.github import refs

BACKLOG = ".taskmaster/tasks/tasks.json"


@dataclass
class Readers(Agents):
    """Agents that keep the criteria that they read."""

    read: list[list[str]] = field(default_factory=list)

    def __call__(self, tree: Path, env: Mapping[str, str]) -> int:
        lines = (tree / "task" / "acceptance-criteria.md").read_text().splitlines()
        self.read.append([line for line in lines if line.startswith("- **AC")])
        return super().__call__(tree, env)


@pytest.mark.rule("R1")
def test_an_id_stays_with_its_text_when_the_backlog_changes_before_a_press(tmp_path):
    agents = Readers(fails={("implement", 1)})
    source = project(tmp_path, [task(1, acceptanceCriteria=["a", "b"])])
    made = world(tmp_path / "state", agents, source=source, merge=False)
    made.play()
    backlog = {"master": {"tasks": [task(1, acceptanceCriteria=["new", "b"])]}}
    gh = made.sandbox.context.harness(REPO, contents="write")
    # A later state of main, as a person's merge would leave it.
    bare = made.sandbox.forge.git_path(REPO)
    commit = refs.commit_files(
        gh, REPO, "later", {BACKLOG: json.dumps(backlog).encode()}, "Change the criteria", refs.head(gh, REPO, "main")
    )
    (bare / "refs" / "heads" / "main").write_text(f"{commit}\n")
    made.sandbox.forge.sync(REPO)
    agents.fails.clear()
    assert made.play().tasks[0].state == "approved"
    assert agents.read[0] == ["- **AC1** a", "- **AC2** b"]
    assert agents.read[-1] == ["- **AC3** new", "- **AC2** b"]
