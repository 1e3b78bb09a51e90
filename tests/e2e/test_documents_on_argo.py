"""Morgan's flow on a real Argo: two Workflows at once are one DocsRun, whose pull request is left to a person."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster import CONTROLLER, listed
from installation import LIMIT, REPO, Installed, install, nodes, outputs, project_of, task
from pulls import twice

pytestmark = pytest.mark.timeout(4 * LIMIT)
MINUTES = 2.5
"""For which `reconcile` has its chance to begin something."""


@pytest.fixture
def installed(controller_namespace: str, tmp_path: Path) -> Iterator[Installed]:
    yield from install(tmp_path, project_of(tmp_path, task(1), task(2, 1)), "never", PRESSPLAY_SCRIPT="notes")


@pytest.mark.rule("R1")
@pytest.mark.rule("R6")
def test_documents_are_written_once_and_left_for_a_person(installed: Installed):
    flows = twice(installed, "docsrun-template", repo=REPO)
    told = [outputs(next(n for n in nodes(flow) if n["name"] == flow["metadata"]["name"])) for flow in flows]
    assert sorted((one["state"], one["outcome"]) for one in told) == [("go", "done"), ("open", "none")]
    assert {one["pr"] for one in told} == {"1"}
    assert len(listed("docsruns", CONTROLLER, "press-play/agent=morgan")) == 1
    time.sleep(MINUTES * 60)
    person = installed.person
    pull = person.ask("GET", "/pulls/1")
    assert (pull["state"], pull["base"]["ref"], pull["user"]["login"]) == ("open", "main", "morgan[bot]")
    assert sorted(one["filename"] for one in person.ask("GET", "/pulls/1/files")) == sorted(
        f".taskmaster/docs/task-{number}/{name}"
        for number in (1, 2)
        for name in ("prompt.md", "task.md", "acceptance-criteria.md")
    )
    checks = person.ask("GET", f"/commits/{pull['head']['sha']}/check-runs")["check_runs"]
    assert [(check["name"], check["conclusion"]) for check in checks] == [("press-play/acceptance", "neutral")]
    assert [start[2] for start in installed.starts()] == ["plan"]
    assert person.ask("GET", "/git/matching-refs/heads/press-play/context/") == []
