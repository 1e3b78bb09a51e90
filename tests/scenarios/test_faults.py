"""R2, R3: what fails on the way (GitHub, the disk, a pod, a run) costs time, never a second run, and hangs nothing."""

from __future__ import annotations

import re

import httpx
import pytest
from harness import REPO, Agents, World, after, project, reconciled, task, world

from pressplay.clock import VirtualClock
from pressplay.cluster import waits
from pressplay.errors import EXIT_TRY_AGAIN, PressPlayError
from pressplay.sandbox.forge import Fault
from pressplay.sandbox.summary import Summary, summarize

TASKS = [task(1), task(2, 1)]
CALLS = {
    "token": ("POST", r"/access_tokens$"),
    "app": ("GET", r"^/app$|/installation$"),
    "repository": ("GET", r"^/repos/acme/shop$"),
    "ruleset": ("GET", r"/rules/branches/|/rulesets"),
    "backlog": ("GET", r"/contents/.*tasks\.json"),
    "own-file": ("GET", r"/contents/.*prompt\.md"),
    "head": ("GET", r"/git/ref/heads/main"),
    "tree": ("POST", r"/git/trees$"),
    "commit": ("POST", r"/git/commits$"),
    "branch": ("POST", r"/git/refs$"),
    "pulls": ("GET", r"/pulls$"),
    "pull": ("GET", r"/pulls/\d+$"),
    "open": ("POST", r"/pulls$"),
    "reviews": ("GET", r"/pulls/\d+/reviews$"),
    "review": ("POST", r"/pulls/\d+/reviews$"),
    "checks": ("GET", r"/check-runs$"),
    "check": ("POST", r"/check-runs$"),
    "label": ("DELETE", r"/labels/"),
    "merge": ("PUT", r"/merge$"),
}
"""Each kind of call that a play makes: method and path."""

KINDS = {
    "500": {"status": 500},
    "502": {"status": 502},
    "429": {"status": 429, "headers": {"Retry-After": "60"}},
    "timeout": {"timeout": httpx.ReadTimeout("timed out")},
    "truncated": {"truncate": 7},
    "lost-answer": {"status": 502, "after": True},
}


def ended(made: World) -> Summary:
    """Run to the end; then the forge is well again, so that it can be asked what came of it."""
    made.sandbox.run(made.sandbox.only_people_are_waited_for)
    made.sandbox.forge.faults.clear()
    return summarize(made.sandbox)


def each_run_started_once(made: World) -> list[str]:
    starts = [line.split()[0] for line in made.starts()]
    assert len(set(starts)) == len(starts), "a run was started twice"
    return starts


@pytest.mark.rule("R3")
@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_at_each_kind_of_call_to_github_costs_time_and_no_run(tmp_path, kind):
    made = world(tmp_path / "state", source=project(tmp_path, TASKS))
    faults = [Fault(method=method, path=path, times=1, **KINDS[kind]) for method, path in CALLS.values()]
    made.sandbox.forge.faults.extend(faults)
    made.sandbox.press()
    summary = ended(made)
    assert summary.state == "merged", (summary, made.said)
    assert len(each_run_started_once(made)) == 6
    left = {name: fault.times for name, fault in zip(CALLS, faults, strict=True) if fault.times}
    assert left == {}
    # Backoffs double within a step that meets several faults; what only `reconcile` could mend takes a minute. Nobody
    # calls for a minute after each 429.
    assert summary.seconds <= 6 * 60 + (120 * len(CALLS) if kind == "429" else 600)


class Outage(Fault):
    """A fault of every call between two moments on a clock."""

    def __init__(self, clock: VirtualClock, begin: float, end: float) -> None:
        object.__setattr__(self, "_when", (clock, begin, end))
        super().__init__(status=503)

    @property
    def times(self) -> int:
        clock, begin, end = self._when
        return int(begin <= clock.now() < end)

    @times.setter
    def times(self, _value: int) -> None: ...


@pytest.mark.rule("R3")
@pytest.mark.parametrize("begin", [0, 30, 185])
@pytest.mark.parametrize("minutes", [5, 200], ids=["short", "long"])
def test_an_outage_of_github_is_outlived_or_ends_with_a_reason(tmp_path, begin, minutes):
    clock = VirtualClock()
    made = world(tmp_path / "state", clock=clock, source=project(tmp_path, TASKS), chart=reconciled("*/10 * * * *"))
    now = clock.now()
    made.sandbox.forge.faults.append(Outage(clock, now + begin, now + begin + minutes * 60))
    made.sandbox.press()
    made.sandbox.run(lambda: clock.now() > now + begin + minutes * 60 and made.sandbox.only_people_are_waited_for())
    summary = ended(made)
    each_run_started_once(made)
    if not made.sandbox.plays():
        # It lasted for longer than the step that makes the play was tried.
        assert (begin, minutes) == (0, 200)
        (pressed,) = made.sandbox.cluster.list("Workflow", "press-play", {"press-play/flow": "press-play"})
        assert waits.phase(pressed) == "Failed"
    elif minutes == 5:
        assert summary.state == "merged", (summary, made.said)
    else:
        assert summary.state in ("merged", "failed")
        assert all(result.reason for result in summary.tasks if result.state != "merged")
    # Pressed again, it takes up what is left.
    assert made.play().state == "merged"
    each_run_started_once(made)


@pytest.mark.rule("R3")
@pytest.mark.parametrize("commits", [1, 40, 150])
def test_a_full_disk_is_told_and_the_play_goes_on_once_there_is_room(tmp_path, commits):
    made, seen = None, 0

    def fill() -> None:
        nonlocal seen
        seen += made is not None
        if seen == commits:
            connection = made.sandbox.cluster._connection
            pages = connection.execute("PRAGMA page_count").fetchone()[0]
            connection.execute(f"PRAGMA max_page_count = {pages}")

    source = project(tmp_path, TASKS)
    world(tmp_path / "state", source=source).sandbox.close()
    made = world(tmp_path / "state", on_commit=lambda: fill())
    made.sandbox.press()
    with pytest.raises(PressPlayError, match=re.escape("is the disk full")) as caught:
        made.go_on()
    assert caught.value.exit_code == EXIT_TRY_AGAIN
    made.sandbox.close()
    again = world(tmp_path / "state", clock=made.sandbox.clock)
    if not again.sandbox.cluster.list("Workflow", "press-play", {"press-play/flow": "press-play"}):
        again.sandbox.press()
    assert again.go_on().state == "merged"
    assert len(each_run_started_once(again)) == 6


@pytest.mark.rule("R3")
def test_a_lost_pod_of_each_step_is_replaced(tmp_path):
    """As after a kubelet's death: a Pod that says Running and that nobody runs."""
    made = world(tmp_path / "state", source=project(tmp_path, TASKS))
    kubelet, lost = made.sandbox.kubelet, {}
    sync = kubelet.sync

    def lose_first(namespace: str, name: str) -> bool:
        pod = made.sandbox.cluster.get("Pod", namespace, name)
        step = pod["spec"]["containers"][0]["command"][2] if pod else None
        if step is not None and step not in lost:
            lost[step] = name
            return made.sandbox.cluster.set_status("Pod", namespace, name, {"phase": "Running"})
        return sync(namespace, name)

    kubelet.sync = lose_first
    summary = made.play()
    assert summary.state == "merged"
    assert {"plan", "task-begin", "task-settle", "run-agent", "pr-look", "pr-conclude"} <= set(lost)
    assert all(made.sandbox.cluster.get("Pod", "press-play", name) is None for name in lost.values())
    assert len(each_run_started_once(made)) == 6


@pytest.mark.rule("R1")
@pytest.mark.rule("R3")
def test_a_pod_that_is_lost_while_its_agent_works_comes_back_to_the_run(tmp_path):
    made = world(tmp_path / "state", source=project(tmp_path, TASKS))
    made.sandbox.press()
    lost = set[str]()

    def lose() -> None:
        """The first six that wait: as the node goes that one is on."""
        for pod in made.sandbox.cluster.list("Pod", "press-play"):
            name, command = pod["metadata"]["name"], pod["spec"]["containers"][0]["command"]
            waits_now = command[1:] == ["step", "run-agent"] and pod.get("status", {}).get("phase") == "Running"
            if waits_now and len(lost) < 6:
                lost.add(name)
                made.sandbox.cluster.delete("Pod", "press-play", name)

    made.sandbox.run(lambda: waits.phase(made.sandbox.plays()[-1]) in waits.FINISHED, lose)
    assert len(lost) == 6
    assert made.go_on().state == "merged"
    assert len(each_run_started_once(made)) == 6


@pytest.mark.rule("R4")
def test_a_run_has_no_more_time_because_its_pods_are_lost(tmp_path):
    made = world(tmp_path / "state", Agents(seconds=lambda _role, _task: 5 * 3600), source=project(tmp_path, [task(1)]))
    made.sandbox.press()
    lost = 0
    for _ in range(6):
        after(made, 20)
        for pod in made.sandbox.cluster.list("Pod", "press-play"):
            if pod.get("status", {}).get("phase") == "Running":
                lost += 1
                made.sandbox.cluster.delete("Pod", "press-play", pod["metadata"]["name"])
    assert lost >= 2
    (result,) = ended(made).tasks
    assert (result.state, result.reason) == ("failed", "rex: not finished within 60 minutes")
    (run,) = (run for kept in made.sandbox.context.ledger(REPO).kept("task") for run in kept.entries.runs)
    assert run.ended is not None
    assert 3600 <= run.ended - run.began <= 3600 + 600


@pytest.mark.rule("R3")
def test_a_run_deleted_under_way_ends_its_agent_and_is_told(tmp_path):
    """Nobody can wait for it any more: not a waiter, which would look for it in vain."""
    made = world(tmp_path / "state", Agents(), source=project(tmp_path, TASKS))
    made.sandbox.press()
    made.sandbox.run(lambda: bool(made.starts()))
    (run,) = made.sandbox.cluster.list("CodeRun", "agent-platform")
    made.sandbox.cluster.delete("CodeRun", "agent-platform", run["metadata"]["name"])
    summary = ended(made)
    each_run_started_once(made)
    assert all(result.state == "merged" or result.reason for result in summary.tasks)
    assert made.play().state == "merged"


@pytest.mark.rule("R1")
def test_an_attempt_whose_end_can_not_be_read_is_not_made_again(tmp_path, monkeypatch):
    """The App lost its permission when the agent had ended: what it did is there, and must not be paid for twice."""
    made = world(tmp_path / "state", source=project(tmp_path, [task(1)]))
    finish = made.sandbox.runner.finish

    def withdrawn(name):
        done = finish(name)
        refused = Fault("GET", r"/pulls$", 1000, status=403, message="Resource not accessible by integration")
        made.sandbox.forge.faults.append(refused)
        return done

    monkeypatch.setattr(made.sandbox.runner, "finish", withdrawn)
    made.sandbox.press()
    summary = ended(made)
    assert [line.split()[2] for line in made.starts()] == ["implement"]
    assert summary.tasks[0].state == "failed"
    assert "its result could not be read" in summary.tasks[0].why.line()
