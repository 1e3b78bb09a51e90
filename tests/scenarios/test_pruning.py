"""What ended is kept for `reconcile.keepDays`, and then goes, but for what still answers a question."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from harness import REPO, Agents, World, grow_old, project, task, world

from pressplay.github import refs
from pressplay.steps.upkeep import cleanup, pruning

DAY = 86_400
OWN = "press-play"
RUN = "run-0123456789ab"


def played(tmp_path) -> World:
    """Three plays: task 1 was merged in the first, task 2 in the second; task 3 waits for a person's merge."""
    agents = Agents(fails={("implement", 2)})
    first = world(tmp_path / "state", agents, source=project(tmp_path, [task(1), task(2), task(3)]))
    first.play(tasks="1,2")
    agents.fails.clear()
    first.play(tasks="2")
    first.sandbox.close()
    made = world(tmp_path / "state", agents, clock=first.sandbox.clock, merge=False)
    made.play(tasks="3")
    # What the last run was told goes with the next look.
    cleanup.clean_up(made.sandbox.context, REPO, {})
    return made


def there(made: World) -> dict[str, int]:
    """How much there is of what is pruned, and of what is not."""
    cluster = made.sandbox.cluster
    maps = cluster.list("ConfigMap", OWN)
    kinds = Counter(one["metadata"].get("labels", {}).get("press-play/ledger") for one in maps)
    templates = cluster.list("WorkflowTemplate", OWN, {"press-play/repo": "acme.shop"})
    return {
        "runs": len(cluster.list("CodeRun", made.sandbox.settings.controller_namespace)),
        "proofs": len([one for one in maps if one["metadata"]["name"].startswith("proof-")]),
        "pulls": kinds["pr"],
        "tasks": kinds["task"],
        "plays": len(templates),
        "tallies of plays": len(
            [one for one in maps if re.fullmatch(r"tally-\w+-play-\w+-\d", one["metadata"]["name"])]
        ),
    }


def prune(made: World) -> None:
    pruning.prune(made.sandbox.context, REPO, {})


@pytest.mark.rule("R1")
def test_what_ended_goes_when_it_is_old_and_what_answers_a_question_stays(tmp_path):
    made = played(tmp_path)
    before = there(made)
    # Task 2 had two attempts in its first try.
    assert before == {"runs": 11, "proofs": 3, "pulls": 3, "tasks": 3, "plays": 3, "tallies of plays": 3}
    # Somebody deleted a run before what it was told was cleared away.
    gh = made.sandbox.context.harness(REPO, contents="write")
    refs.commit_files(gh, REPO, f"press-play/context/{RUN}", {"a": b"b"}, "told", refs.head(gh, REPO, "main"))
    grow_old(made, 29)
    prune(made)
    assert there(made) == before
    assert made.context_branches() == [f"press-play/context/{RUN}"]

    grow_old(made, 2)
    prune(made)
    # Runs of the open pull request ended as long ago; what stands in its ledger of them is enough.
    assert there(made) == {"runs": 0, "proofs": 1, "pulls": 1, "tasks": 3, "plays": 1, "tallies of plays": 1}
    assert "acme/shop: pruned 11 CodeRun, 6 ConfigMap, 2 WorkflowTemplate" in made.said
    assert made.context_branches() == []
    # Nothing of it begins again.
    starts = made.starts()
    made.play(tasks="1,2")
    assert made.starts() == starts
    assert "play-28e645b2-3 is under way; nothing was started" in made.said
    made.sandbox.close()


@pytest.mark.rule("R1")
def test_it_is_done_once_a_day_a_share_at_a_time_and_not_beside_a_run_of_the_same_service(tmp_path, monkeypatch):
    made = played(tmp_path)
    grow_old(made, 31)
    monkeypatch.setattr(pruning, "_AT_ONCE", 4)
    (run,) = [
        one
        for one in made.sandbox.cluster.list("CodeRun", made.sandbox.settings.controller_namespace)
        if one["metadata"]["labels"]["press-play/agent"] == "rex"
        and one["metadata"]["labels"]["press-play/task"] == "1"
    ]
    # What a run under way was told stays, however old.
    told, live = f"press-play/context/{RUN}", {RUN: run}
    gh = made.sandbox.context.harness(REPO, contents="write")
    refs.commit_files(gh, REPO, told, {"a": b"b"}, "told", refs.head(gh, REPO, "main"))
    made.sandbox.clock.sleep(31 * DAY)
    for runs in (7, 3, 3, 3):
        pruning.prune(made.sandbox.context, REPO, live)
        assert there(made)["runs"] == runs
    assert there(made) == {"runs": 3, "proofs": 1, "pulls": 1, "tasks": 3, "plays": 1, "tallies of plays": 1}
    prune(made)
    assert there(made)["runs"] == 3
    assert made.context_branches() == [told]
    grow_old(made, 1)
    prune(made)
    assert there(made)["runs"] == 0
    assert made.context_branches() == []
    made.sandbox.close()
