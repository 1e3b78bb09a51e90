"""A storm of events: many people at many pull requests at one moment, and a network that delivers everything often."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conversation import Rex, changes_and_answers
from harness import World, project, world
from people import labelled_pull, person
from wild import quiet

from pressplay.events.webhook import Delivery
from pressplay.sandbox.eventsource import Network

COMMENTS, PUSHES, COPIES = 12, 4, 10
BOUNDS = {"runsPerRepositoryAndDay": 10_000, "runsPerDay": 10_000}


class Copying(Network):
    """Delivers everything several times."""

    def __init__(self, made: World) -> None:
        super().__init__(made.sandbox.network.hook)
        self.delivered: Counter[str] = Counter()

    def send(self, delivery: Delivery) -> None:
        for _ in range(COPIES):
            self.hook.post(delivery)
            self.delivered[delivery.event] += 1


def flows(made: World, *names: str) -> list[dict[str, Any]]:
    """The Workflows of these flows."""
    sandbox = made.sandbox
    listed = [sandbox.cluster.list("Workflow", sandbox.settings.namespace, {"press-play/flow": name}) for name in names]
    return [workflow for each in listed for workflow in each]


@dataclass(frozen=True)
class Storm:
    """A sandbox with open pull requests, before and after it."""

    made: World
    heads: Mapping[int, str]
    """The pull requests, with their branches."""
    flows_before: int
    runs_before: int

    @staticmethod
    def brewing(folder: Path, pulls: int) -> Storm:
        """That many pull requests, each reviewed once."""
        agents = Rex(does=changes_and_answers, seconds=lambda _role, _task: 20.0)
        source = project(folder, [])
        made = world(folder / "state", agents, source=source, merge=False, parallelism=8, settings={"limits": BOUNDS})
        heads = {labelled_pull(made, f"storm-{number}"): f"storm-{number}" for number in range(pulls)}
        quiet(made)
        return Storm(made, heads, len(flows(made, "comments", "pull-request")), len(made.starts()))

    def break_out(self) -> int:
        """Comments and pushes at one moment, and all that comes of them; how many deliveries the storm was."""
        made = self.made
        copying = Copying(made)
        made.sandbox.network = copying
        before = made.sandbox.clock.now()
        for number, branch in self.heads.items():
            for count in range(COMMENTS):
                person(made).post(f"issues/{number}/comments", json={"body": f"Comment {count}."}).raise_for_status()
            # As a person pushes: by their own token, so that these are no events of ours.
            for count in range(PUSHES):
                body = {"message": "m", "content": "bmV3Cg==", "branch": branch}
                person(made).put(f"contents/pushed-{count}.txt", json=body).raise_for_status()
        assert made.sandbox.clock.now() == before
        quiet(made)
        return sum(copying.delivered[event] for event in ("issue_comment", "push", "pull_request"))
