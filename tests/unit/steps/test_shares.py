"""The priorities of tasks: the first of each repository before the second of any."""

from __future__ import annotations

import pytest
from ledgers import REPO, desk

from pressplay.cluster import waits
from pressplay.steps.core import shares, start
from pressplay.steps.core.start import EVENT_PRIORITY

pytestmark = pytest.mark.rule("R4")


@pytest.mark.parametrize(
    ("taken", "urgent", "priority"),
    [
        ((), False, 0),
        ((0,), False, -1),
        ((0, -1, -2), False, -3),
        # Who ended first leaves the best place to the next.
        ((-1, -2), False, 0),
        ((0, -2), False, -1),
        ((0, -1), True, EVENT_PRIORITY),
        ((EVENT_PRIORITY,), True, -1),
        ((EVENT_PRIORITY, -1, 0), True, -2),
        ((EVENT_PRIORITY,), False, 0),
        # Of an earlier version, which counted what depends on a task.
        ((17, 3), False, 0),
    ],
)
def test_the_highest_that_is_free(taken, urgent, priority):
    assert shares.free(set(taken), urgent=urgent) == priority


def test_only_unfinished_tasks_of_the_same_repository_count(tmp_path):
    context = desk(tmp_path)
    namespace = context.settings.namespace
    for name, repo, flow, phase in (
        ("one", REPO, "task", "Running"),
        ("two", REPO, "task", ""),
        ("ended", REPO, "task", "Succeeded"),
        ("comments", REPO, "comments", "Running"),
        ("elsewhere", "acme/other", "task", "Running"),
    ):
        priority = shares.priority(context, repo) if flow == "task" else EVENT_PRIORITY
        made = start.workflow(context, flow, name, {"repo": repo}, {}, priority)
        if phase:
            made["metadata"]["labels"][waits.PHASE_LABEL] = phase
        context.cluster.create(made)
        context.cluster.set_status("Workflow", namespace, name, {"phase": phase} if phase else {})
    given = {name: context.cluster.get("Workflow", namespace, name) for name in ("one", "two", "ended", "elsewhere")}
    assert {name: made["spec"]["priority"] for name, made in given.items() if made} == {
        "one": 0,
        "two": -1,
        "ended": -2,
        "elsewhere": 0,
    }
    assert shares.priority(context, REPO) == -2
    assert shares.priority(context, REPO, urgent=True) == EVENT_PRIORITY
