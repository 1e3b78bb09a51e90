"""A play that waited for people goes on when it is resumed with other options."""

from __future__ import annotations

import pytest
from harness import Agents, project, task, world

from pressplay.backlog import workflow
from pressplay.cluster import pause
from pressplay.errors import TryAgain


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
    pause.pause(made.sandbox.cluster, made.sandbox.settings.namespace, "acme/shop", "ann", "the release is out", 1e9)
    summary = made.play()
    (result,) = summary.tasks
    assert (result.state, result.reason) == ("waiting", "paused by ann at 2001-09-09T01:46:40Z")
    assert result.why is not None
    assert (result.why.detail, result.why.todo) == (
        "the release is out",
        "`pressplay continue --repo owner/name` lets it go on",
    )
    assert any(line.startswith("no run of it begins yet: acme/shop is paused by ann") for line in made.said)
    made.sandbox.close()


@pytest.mark.rule("R1")
def test_pressing_after_argo_deleted_the_workflows_is_a_new_try_of_the_backlog_as_it_is_now(tmp_path):
    """A finished Workflow goes after `workflows.ttlSeconds`; its play was pressed all the same."""
    agents = Agents(fails={("implement", 1)})
    made = world(tmp_path / "state", agents, source=project(tmp_path, [task(1), task(2)]))
    first = made.play(tasks="1")
    assert [one.state for one in first.tasks] == ["failed", "waiting"]
    cluster = made.sandbox.cluster
    for kind in ("Workflow", "Pod"):
        for gone in cluster.list(kind, "press-play"):
            cluster.delete(kind, "press-play", gone["metadata"]["name"])

    agents.fails.clear()
    second = made.play()
    assert second.play == first.play.removesuffix("-1") + "-2"
    assert [(one.id, one.state) for one in second.tasks] == [("1", "merged"), ("2", "merged")]
    made.sandbox.close()


@pytest.mark.rule("R3")
@pytest.mark.parametrize("at", range(1, 8))
def test_a_press_that_is_broken_off_anywhere_is_made_whole(tmp_path, monkeypatch, at):
    """Three Workflows of one task each: all are there at last, and nothing is done twice."""
    monkeypatch.setattr(workflow, "TASKS_A_WORKFLOW", 1)
    made = world(tmp_path / "state", source=project(tmp_path, [task(1), task(2), task(3, 1)]))
    cluster = made.sandbox.cluster
    written = 0

    def breaks(write):
        def wrapped(manifest):
            nonlocal written
            if manifest["metadata"]["name"].startswith("play-"):
                written += 1
                if written == at:
                    raise TryAgain("lost")
            return write(manifest)

        return wrapped

    monkeypatch.setattr(cluster, "create", breaks(cluster.create))
    monkeypatch.setattr(cluster, "apply", breaks(cluster.apply))
    summary = made.play()
    assert written > 7
    assert [one.state for one in summary.tasks] == ["merged"] * 3
    plays = cluster.list("Workflow", "press-play", {"press-play/flow": "play"})
    assert [play["metadata"]["name"] for play in plays] == [summary.play, f"{summary.play}-2", f"{summary.play}-3"]
    assert len(made.starts()) == len({line.split()[0] for line in made.starts()}) == 9
    made.sandbox.close()
