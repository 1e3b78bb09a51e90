"""What weeks bring: the same head for long, late events, old pull requests that are opened again."""

from __future__ import annotations

import pytest
from harness import project, task
from test_comments import PR, Rex, Talk, words, world
from test_quiet_reconcile import Deaf, after


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
