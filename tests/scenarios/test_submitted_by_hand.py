"""`argo submit --from workflowtemplate/coderun-template` with two parameters, as a person types it."""

from __future__ import annotations

import pytest
from harness import REPO, Agents, project, task, world

from pressplay.cluster import waits


@pytest.mark.rule("FR6")
@pytest.mark.rule("R1")
def test_two_parameters_run_an_agent_on_a_task_and_on_a_pull_request(tmp_path):
    made = world(tmp_path / "state", Agents(), source=project(tmp_path, [task(1)]), merge=False)

    def submit(name: str, **parameters: str) -> list[str]:
        before = made.starts()
        assert made.sandbox.submit("coderun-template", name, {"repo": REPO, **parameters})
        made.settle()
        (workflow,) = [
            each for each in made.sandbox.cluster.list("Workflow", "press-play") if each["metadata"]["name"] == name
        ]
        assert waits.phase(workflow) == "Succeeded", workflow["status"].get("message")
        return [" ".join(line.split()[1:3]) for line in made.starts()[len(before) :]]

    # The pull request that it opens is reviewed like any other.
    assert submit("by-hand-1", task="1") == ["1 implement", "1 lint", "1 test"]
    gh = made.sandbox.context.harness(REPO, pull_requests="read")
    (pull,) = gh.request("GET", f"/repos/{REPO}/pulls").json()
    # QA's run, and the same again: each is a try of its own.
    assert submit("by-hand-2", pr=str(pull["number"])) == ["1 test"]
    assert submit("by-hand-3", pr=str(pull["number"])) == ["1 test"]
    assert submit("by-hand-4", pr=str(pull["number"]), role="fix")[0] == "1 fix"
