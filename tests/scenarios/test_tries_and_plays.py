"""A new press is a new try (R1), whatever people ordered or deleted before it."""

from __future__ import annotations

import pytest
from conversation import Rex, Talk
from harness import project, task, world

OWN = "press-play"
OF_PLAYS = {"press-play/flow": "play", "press-play/repo": "acme.shop"}


@pytest.mark.rule("R1")
def test_a_press_after_a_retry_is_a_try_of_its_own(tmp_path):
    agents = Rex(fails={("test", 1)})
    made = world(tmp_path / "state", agents, source=project(tmp_path, [task(1)]), merge=False)
    it = Talk(made, agents)
    assert [one.state for one in made.play().tasks] == ["parked"]
    it.say("/press-play retry")
    made.go_on()
    before = len(made.starts())
    # QA's persona is mended, and play is pressed.
    agents.fails.clear()
    summary = made.play()
    assert len(made.starts()) > before
    assert [one.state for one in summary.tasks] == ["approved"]
    made.sandbox.close()


@pytest.mark.rule("R1")
def test_a_press_after_a_person_deleted_the_plays_is_a_new_try(tmp_path):
    agents = Rex(fails={("implement", 1)})
    made = world(tmp_path / "state", agents, source=project(tmp_path, [task(1)]), merge=False)
    assert [one.state for one in made.play().tasks] == ["failed"]
    cluster = made.sandbox.cluster
    gone = [play for kind in ("Workflow", "WorkflowTemplate") for play in cluster.list(kind, OWN, OF_PLAYS)]
    for one in [*gone, *cluster.list("Pod", OWN)]:
        cluster.delete(one["kind"], OWN, one["metadata"]["name"])
    agents.fails.clear()
    assert [one.state for one in made.play().tasks] == ["approved"]
    made.sandbox.close()


@pytest.mark.rule("FR1")
def test_a_press_says_what_it_takes_as_done_though_the_backlog_does_not(tmp_path):
    """Ids that were given out anew name other tasks than those that were merged; only a person can tell."""
    made = world(tmp_path / "state", source=project(tmp_path, [task(1), task(2)]))
    made.play(tasks="1")
    assert "taken as done" not in "\n".join(made.said)
    made.play()
    assert "taken as done, for people merged their pull requests: 1 (#1). To play one anyway: -p tasks=1" in made.said
    made.sandbox.close()
