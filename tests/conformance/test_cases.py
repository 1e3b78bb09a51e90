"""The engine makes of each case what a real Argo 4.1.2 made of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from engine_harness import World, seen

CASES = Path(__file__).parent / "cases"


@pytest.mark.parametrize("case", sorted(path.stem for path in CASES.glob("*.yaml")))
def test_a_case_gives_the_nodes_that_a_real_argo_gave(case: str) -> None:
    expected = json.loads((CASES / f"{case}.json").read_text())
    world = World()
    for document in yaml.safe_load_all((CASES / f"{case}.yaml").read_text()):
        if document["kind"] == "Workflow":
            world.submit(document)
        else:
            world.put(document)
    world.run()
    workflow = next(found for found in world.workflows() if found["metadata"]["name"] == case)
    assert seen(workflow) == expected["nodes"]
    assert workflow["status"]["phase"] == expected["phase"]
    if "message" in expected:
        assert workflow["status"]["message"] == expected["message"]
    if "at_most_at_once" in expected:
        assert world.most_running == expected["at_most_at_once"]
