"""Events are hints (R2): lost, doubled, late or in another order, they lead to the same end; and a storm is bounded."""

from __future__ import annotations

import heapq
import random
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest
from harness import REPO, World, git, project, task, world
from test_comments import Rex, changes_and_answers

from pressplay.cluster import waits
from pressplay.events.webhook import Delivery
from pressplay.github import refs
from pressplay.sandbox.eventsource import Network
from pressplay.sandbox.setup import MAINTAINER
from pressplay.steps import snapshot

SCHEDULES = 200
GROUPS = 20
"""Schedules run in groups, which workers of pytest share."""


class Wild(Network):
    """Loses, doubles, delays and reorders deliveries as its seed says."""

    def __init__(self, made: World, seed: int) -> None:
        super().__init__(made.sandbox.network.hook)
        self.random, self.clock = random.Random(seed), made.sandbox.clock
        self.lossy, self.longest = self.random.choice((0.0, 0.2, 0.6, 1.0)), self.random.choice((1, 30, 600))
        self.under_way: list[tuple[float, int, Delivery]] = []
        self.seen: Counter[str] = Counter()

    def send(self, delivery: Delivery) -> None:
        copies = 0 if self.random.random() < self.lossy else self.random.choice((1, 1, 2, 3))
        self.seen["sent"] += 1
        self.seen["lost"] += not copies
        self.seen["doubled"] += copies > 1
        for _ in range(copies):
            due = self.clock.now() + self.random.uniform(0, self.longest)
            heapq.heappush(self.under_way, (due, self.random.getrandbits(40), delivery))

    def deliver(self) -> bool:
        due = [item for item in self.under_way if item[0] <= self.clock.now()]
        for _ in due:
            self.hook.post(heapq.heappop(self.under_way)[2])
        return bool(due)

    def next_due(self) -> float | None:
        return self.under_way[0][0] if self.under_way else None


class Talkative(Rex):
    """While the first task is tested, a person says something on its pull request and pushes to it."""

    made: World

    def __call__(self, tree: Path, env: Any) -> int:
        if env["PRESSPLAY_ROLE"] == "test" and env["PRESSPLAY_TASK"] == "1" and not (tree / "pushed.txt").exists():
            person(self.made).post(f"issues/{env['PRESSPLAY_PR']}/comments", json={"body": "Please say more."})
            gh = self.made.sandbox.github.installation("clippy-agent", REPO, {"contents": "write"})
            refs.commit_files(
                gh, REPO, env["PRESSPLAY_BRANCH"], {"pushed.txt": b"mine\n"}, "My own", git(tree, "rev-parse", "HEAD")
            )
        return super().__call__(tree, env)


def person(made: World) -> httpx.Client:
    return httpx.Client(
        base_url=f"{made.sandbox.settings.github.api_url}/repos/{REPO}",
        headers={"Authorization": f"Bearer {made.sandbox.forge.user_token(MAINTAINER)}"},
        transport=httpx.WSGITransport(app=made.sandbox.forge.wsgi),
    )


def quiet(made: World) -> None:
    """Go on until nothing but people is waited for, and `reconcile` has found nothing more to start."""
    sandbox = made.sandbox
    before = -1
    while before != (
        before := len(sandbox.cluster.list("Workflow", sandbox.settings.namespace)) - len(reconciles(made))
    ):
        end = sandbox.clock.now() + 150
        sandbox.run(lambda end=end: sandbox.clock.now() >= end and still(made))


def reconciles(made: World) -> list[Any]:
    sandbox = made.sandbox
    return sandbox.cluster.list("Workflow", sandbox.settings.namespace, {"press-play/flow": "reconcile"})


def still(made: World) -> bool:
    return made.sandbox.only_people_are_waited_for() and made.sandbox.network.next_due() is None


def lived_through(prepared: Path, folder: Path, seed: int | None) -> tuple[dict[str, Any], list[str], Counter[str]]:
    """A play of one task with a talking, pushing person: its end, the runs that started, what happened to events."""
    agents = Talkative(does=changes_and_answers)
    shutil.copytree(prepared, folder / "state")
    made = world(folder / "state", agents, merge=False)
    agents.made = made
    wild = Wild(made, seed) if seed is not None else None
    if wild is not None:
        made.sandbox.network = wild
    made.sandbox.press()
    quiet(made)
    # A person merges what is ready; whether anybody hears of it is the network's affair.
    made.sandbox._maintainer.merge_what_is_ready()
    assert person(made).get("pulls/1").json()["merged"], seed
    quiet(made)
    ledger = made.sandbox.context.ledger(REPO)
    unanswered = snapshot.unanswered(ledger.entries("pr", 1))
    plays = [waits.phase(play) for play in made.sandbox.plays()]
    said = [one["body"] for one in person(made).get("issues/1/comments").json()]
    bare = made.sandbox.forge.git_path(REPO)
    end = {
        "plays": plays,
        "unanswered": sorted(unanswered),
        "answered": sum("Done, " in body for body in said),
        "files": sorted(git(bare, "ls-tree", "-r", "--name-only", "main").splitlines()),
    }
    starts = [line.split()[0] for line in made.starts()]
    made.sandbox.close()
    return end, starts, wild.seen if wild is not None else Counter()


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sandbox that is set up and was never played in: its Apps' keys are what takes time."""
    folder = tmp_path_factory.mktemp("prepared")
    world(folder / "state", source=project(folder, [task(1)]), merge=False).sandbox.close()
    return folder / "state"


@pytest.fixture(scope="module")
def undisturbed(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    end, starts, _seen = lived_through(prepared, tmp_path_factory.mktemp("undisturbed"), None)
    assert end["plays"] == ["Succeeded"]
    assert end["unanswered"] == []
    assert {"pushed.txt", "answer.txt"} <= set(end["files"])
    assert len(starts) == len(set(starts))
    return end


@pytest.mark.rule("R2")
@pytest.mark.rule("R1")
@pytest.mark.parametrize("group", range(GROUPS))
def test_lost_doubled_late_and_reordered_events_lead_to_the_same_end_and_no_run_twice(
    group, prepared, undisturbed, tmp_path
):
    happened: Counter[str] = Counter()
    for seed in range(group, SCHEDULES, GROUPS):
        folder = tmp_path / str(seed)
        folder.mkdir()
        end, starts, seen = lived_through(prepared, folder, seed)
        assert end == undisturbed, seed
        assert len(starts) == len(set(starts)), (seed, starts)
        happened += seen
    assert happened["lost"]
    assert happened["doubled"]
    assert happened["lost"] < happened["sent"]
