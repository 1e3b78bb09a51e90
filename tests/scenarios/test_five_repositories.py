"""Five repositories at once: fair shares of the runs, and one of them paused (R4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from harness import REPO, Agents, World, project, task, world
from killing import FULL

from pressplay import names
from pressplay.clock import parse_rfc3339
from pressplay.cluster import pause, waits
from pressplay.domain.entries import TaskVerdict
from pressplay.steps.core import shares

LARGE, SMALL, PAUSED = (REPO, "acme/two"), ("acme/three", "acme/four"), "acme/five"
RUN, RUNS_OF_A_TASK, PLACES = 60, 3, 3
TASK = RUN * RUNS_OF_A_TASK
PLAIN = [task(1)]
# The chains of the large ones are longer: what the rest of a play waits for is urgent there, and nowhere else.
CHAINED = [*(task(number) for number in range(1, 4)), task(4, 1, 2, 3)]


@dataclass(frozen=True)
class Share:
    """What a repository got: seconds after the first press, and those that its runs waited for a place."""

    first: float
    end: float
    longest: float
    mean: float
    runs: int


def five(tmp_path: Path) -> World:
    made = world(
        tmp_path / "state",
        Agents(),
        source=project(tmp_path, CHAINED),
        others=(LARGE[1], *SMALL, PAUSED),
        parallelism=PLACES,
        runs_at_once=PLACES,
    )
    for repo in made.sandbox.options.others:
        folder = tmp_path / repo.replace("/", "-")
        made.sandbox.set_up_project(project(folder, CHAINED if repo in LARGE else PLAIN), repo)
    return made


def shared(made: World, repos: tuple[str, ...], since: float) -> Mapping[str, Share]:
    """By repository; each run's wait is from its preparation to its CodeRun."""
    cluster, settings = made.sandbox.cluster, made.sandbox.settings
    result = {}
    for repo in repos:
        ledger = made.sandbox.context.ledger(repo)
        entries = [run for kind in ("task", "pr") for kept in ledger.kept(kind) for run in kept.entries.runs]
        prepared = {run.name: run.started or 0 for run in entries}
        ended = max(run.ended or 0 for run in entries)
        runs = cluster.list("CodeRun", settings.controller_namespace, {"press-play/repo": names.repo_key(repo)})
        begun = {run["metadata"]["name"]: parse_rfc3339(run["metadata"]["creationTimestamp"]) for run in runs}
        waited = [begun[name] - at for name, at in prepared.items()]
        first = min(begun.values()) - since
        result[repo] = Share(first, ended - since, max(waited), sum(waited) / len(waited), len(waited))
    return result


def show(title: str, shares_: Mapping[str, Share]) -> None:
    print(f"\n{title}: {PLACES} places, a run takes {RUN} s")
    for repo, share in shares_.items():
        print(
            f"  {repo:12} {share.runs:3} runs, first after {share.first:4.0f} s, waited {share.mean:4.0f} s (mean), "
            f"{share.longest:4.0f} s (longest), done after {share.end:5.0f} s"
        )


def press_all(made: World) -> float:
    """The large ones first: they have all places when the others come."""
    since = made.sandbox.clock.now()
    for repo in (*LARGE, *SMALL, PAUSED):
        made.sandbox.press(repo=repo)
    return since


def states(made: World, repo: str) -> list[str]:
    ledger = made.sandbox.context.ledger(repo)
    return [verdict.outcome for kept in ledger.kept("task") for verdict in kept.entries.all(TaskVerdict)]


@pytest.mark.rule("R4")
@pytest.mark.rule("FR5")
def test_a_long_backlog_starves_no_short_one_and_a_pause_stops_one_repository_alone(tmp_path):
    made = five(tmp_path)
    cluster, namespace = made.sandbox.cluster, made.sandbox.settings.namespace
    pause.pause(cluster, namespace, PAUSED, by="ann", why="the freeze")
    since = press_all(made)
    made.settle()
    measured = shared(made, (*LARGE, *SMALL), since)
    show("fair shares", measured)
    for repo in SMALL:
        # The places are taken when it comes. It gets one with the first that is free, and keeps its turn.
        assert measured[repo].first <= 2 * RUN, repo
        # Then the next run of an older Workflow may come first.
        assert measured[repo].end <= 2 * TASK + RUN, repo
    for repo in LARGE:
        assert measured[repo].longest <= 2 * TASK, repo
    # No place was left empty: the whole takes no longer than its work, and the tail of the two long chains.
    work = sum(share.runs for share in measured.values()) * RUN / PLACES
    assert max(share.end for share in measured.values()) <= work + TASK
    # The paused one waits, and nothing of it failed.
    ledger = made.sandbox.context.ledger(PAUSED)
    assert [run for kept in ledger.kept("task") for run in kept.entries.runs] == []
    assert states(made, PAUSED) == []
    (waiting,) = waits.running(cluster, namespace, {"press-play/repo": "acme.five", "press-play/flow": "task"})
    assert [wait.kind for wait in waits.of(waiting)] == [pause.AWAIT_CONTINUE]
    assert pause.go_on(cluster, namespace, PAUSED) == 1
    made.settle()
    for repo in made.sandbox.options.repos:
        ends = states(made, repo)
        assert len(ends) == len(CHAINED if repo in LARGE else PLAIN), repo
        assert set(ends) <= {"approved", "merged"}, repo
    made.sandbox.close()


@pytest.mark.skipif(not FULL, reason="what the shares are for: with make kill")
def test_without_shares_the_short_ones_wait_for_the_long_chains(tmp_path, monkeypatch):
    """By rank alone, as one repository would order its own tasks, the others come last."""
    ranks: dict[str, Any] = dict.fromkeys(LARGE, 2)
    monkeypatch.setattr(shares, "priority", lambda _context, repo, **_: ranks.get(repo, 1))
    made = five(tmp_path)
    pause.pause(made.sandbox.cluster, made.sandbox.settings.namespace, PAUSED)
    since = press_all(made)
    made.settle()
    measured = shared(made, (*LARGE, *SMALL), since)
    show("by rank", measured)
    assert min(measured[repo].first for repo in SMALL) >= 2 * TASK
    made.sandbox.close()
