"""A step that waits: in a pod by a watch, however often the API server is away, and no longer than it may."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ledgers import desk

from pressplay.cluster.kubernetes import KubernetesCluster
from pressplay.cluster.port import Manifest
from pressplay.errors import InputError, TryAgain
from pressplay.steps import registry
from pressplay.steps.core import in_cluster
from pressplay.steps.core.waiting import Wait, Waiting

pytestmark = pytest.mark.rule("R3")


class Answers(KubernetesCluster):
    """An API server that gives these answers to a look, and then the last one for ever; a watch passes the time."""

    def __init__(self, clock: Any, *answers: Any) -> None:
        super().__init__()
        self.clock, self.answers, self.watched = clock, list(answers), list[float]()

    def get(self, *_: str) -> Manifest | None:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return dict(answer) if answer is not None else None

    def watch(self, *given: Any) -> None:
        self.watched.append(given[-1])
        self.clock.sleep(given[-1])


def ended(run: Manifest | None) -> bool:
    return run is None or run.get("phase") == "Succeeded"


@pytest.fixture
def waited(tmp_path) -> Callable[..., tuple[float, list[float]]]:
    """How long a wait took, and how long each of its watches might."""

    def make(*answers: Any, patience: float = 3600) -> tuple[float, list[float]]:
        context = desk(tmp_path)
        cluster = Answers(context.clock, *answers)
        object.__setattr__(context, "cluster", cluster)
        began = context.clock.now()
        in_cluster.wait(context, Wait("CodeRun", "agents", "run-1", began + patience, ended, dict))
        cluster.close()
        return context.clock.now() - began, cluster.watched

    return make


WORKS, DONE, AWAY = {"phase": "Running"}, {"phase": "Succeeded"}, TryAgain("GET coderuns/run-1: 503")


@pytest.mark.parametrize(
    ("answers", "seconds", "watches"),
    [
        ((DONE,), 0, 0),
        # It was deleted.
        ((None,), 0, 0),
        ((WORKS, DONE), 60, 1),
        ((WORKS, WORKS, None), 120, 2),
        ((AWAY, AWAY, DONE), 4, 0),
        ((WORKS, AWAY, WORKS, DONE), 122, 2),
    ],
)
def test_it_lasts_until_the_object_is_as_it_should_be(waited, answers, seconds, watches):
    took, watched = waited(*answers)
    assert (took, len(watched)) == (seconds, watches)


@pytest.mark.parametrize(("answer", "watches"), [(WORKS, [60.0, 30.0]), (AWAY, [])])
def test_it_ends_with_its_time_whatever_the_server_does(waited, answer, watches):
    assert waited(answer, patience=90) == (90, watches)


def test_what_the_server_refuses_is_no_wait(waited):
    with pytest.raises(InputError, match="forbidden"):
        waited(InputError("coderuns is forbidden"))


def test_the_rest_of_a_step_has_its_outputs_checked_and_may_wait_again(tmp_path, monkeypatch):
    outputs = {"outcome": "done"}

    def wait(then: Callable[[], Any]) -> Any:
        raise Waiting(Wait("CodeRun", "agents", "run-1", 0, ended, then))

    monkeypatch.setattr(registry, "step", lambda _name: lambda *_: wait(lambda: wait(lambda: outputs)))
    with pytest.raises(Waiting) as first:
        registry.run("any", {}, desk(tmp_path))
    with pytest.raises(Waiting) as second:
        first.value.wait.then()
    assert second.value.wait.then() == {"outcome": "done"}
    outputs["outcome"] = "{{workflow.name}}"
    with pytest.raises(InputError, match="step any, output outcome: text that people wrote may not leave a step"):
        second.value.wait.then()
