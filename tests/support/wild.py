"""A network that loses, doubles, delays and reorders webhooks, and a sandbox that comes to rest nevertheless."""

from __future__ import annotations

import heapq
import random
from collections import Counter
from typing import Any

from harness import World

from pressplay.events.webhook import Delivery
from pressplay.sandbox.eventsource import Network


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
