"""What weeks bring: the same head for long, late events, old pull requests that are opened again."""

from __future__ import annotations

import pytest
from conversation import PR, Rex, Talk, words
from harness import REPO, Deaf, after, grow_old, project, task, world

from pressplay.cluster import waits
from pressplay.steps.upkeep import pruning, signal_steps


def approved(tmp_path, **options):
    agents = Rex(does=words)
    made = world(tmp_path / "state", agents, source=project(tmp_path, [task(1)]), merge=False, **options)
    assert [one.state for one in made.play().tasks] == ["approved"]
    return made, Talk(made, agents)


@pytest.mark.rule("R2")
def test_questions_that_were_answered_do_not_add_up_to_a_flow_without_an_end(tmp_path):
    made, it = approved(tmp_path)
    made.sandbox.network = Deaf(made.sandbox._hook)
    for number in range(5):
        it.say(f"Question {number}?")
        after(made, 60)
    labels = [one["name"] for one in it.client().get(f"issues/{PR}").json()["labels"]]
    assert "press-play/parked" not in labels
    assert len(it.agents.told) == 5
    made.sandbox.close()


@pytest.mark.rule("R2")
def test_a_late_event_about_an_earlier_pull_request_ends_no_wait(tmp_path):
    """GitHub sends again what a person asks it to; the newest pull request of the branch is the task's."""
    made, it = approved(tmp_path)
    it.client().patch(f"pulls/{PR}", json={"state": "closed"}).raise_for_status()
    after(made, 5)
    second = made.play()
    assert [one.state for one in second.tasks] == ["approved"]
    assert signal_steps.signal({"repo": REPO, "what": "closed", "pr": str(PR)}, made.sandbox.context) == {"woken": "0"}
    made.go_on()
    assert [waits.phase(play) for play in made.sandbox.plays()][-1] == "Running"
    made.sandbox.close()


@pytest.mark.rule("R1")
def test_what_was_said_before_a_pull_request_was_closed_is_not_begun_again_when_it_is_reopened(tmp_path):
    made, it = approved(tmp_path)
    it.say("Why is that so?")
    made.go_on()
    it.say("/press-play stop")
    made.go_on()
    it.say("/press-play retry")
    made.go_on()
    it.client().patch(f"pulls/{PR}", json={"state": "closed"}).raise_for_status()
    after(made, 5)
    told = len(it.agents.told)
    grow_old(made, 31)
    pruning.prune(made.sandbox.context, REPO, {})
    it.client().patch(f"pulls/{PR}", json={"state": "open"}).raise_for_status()
    after(made, 60)
    assert len(it.agents.told) == told
    made.sandbox.close()
