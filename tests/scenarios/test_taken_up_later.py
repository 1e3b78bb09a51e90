"""A play that waited for people goes on when it is resumed with other options."""

from __future__ import annotations

import pytest
from harness import project, task, world

from pressplay.cluster import pause


@pytest.mark.rule("R2")
def test_a_maintainer_who_comes_later_merges_what_is_ready_though_no_event_says_so(tmp_path):
    first = world(tmp_path / "state", source=project(tmp_path, [task(1), task(2, 1)]), merge=False)
    summary = first.play()
    assert [(r.state, r.reason) for r in summary.tasks] == [
        ("approved", "waits for the merge of #1"),
        ("waiting", "waits for the merge of task 1"),
    ]
    first.sandbox.close()

    later = world(tmp_path / "state", clock=first.sandbox.clock)
    later.sandbox.merge_what_is_ready()
    assert later.go_on().state == "merged"
    assert len(later.starts()) == 6
    later.sandbox.close()


@pytest.mark.rule("R4")
def test_the_summary_says_that_a_task_is_paused(tmp_path):
    made = world(tmp_path / "state", source=project(tmp_path, [task(1)]))
    pause.pause(made.sandbox.cluster, made.sandbox.settings.namespace, "acme/shop")
    summary = made.play()
    assert [(r.state, r.reason) for r in summary.tasks] == [
        ("waiting", "paused; `pressplay continue` lets it go on"),
    ]
    made.sandbox.close()
