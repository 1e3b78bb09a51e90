"""The chart on a real Argo: a backlog played to its end, disturbed on the way, with text that wants to be evaluated."""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from cluster import CONTROLLER, get, kubectl, listed, run, until
from installation import (
    BODY,
    FINISHED,
    HOSTILE,
    LIMIT,
    NAMESPACE,
    REPO,
    Installed,
    argo_from_here,
    has_ended,
    install,
    nodes,
    outputs,
    project_of,
    reconciling,
    task,
)
from services import PRESSPLAY, silent, working

from pressplay.backlog import tasks
from pressplay.sandbox import demo
from pressplay.sandbox.demo.acceptance import acceptance
from pressplay.templating import prompts

BRANCH = 'people/it\'s-"$(rm)"-{{workflow.uid}}-{{=1+1}}-{{'

pytestmark = pytest.mark.timeout(4 * LIMIT)


BACKLOG = {"master": {"tasks": [task(1), task(2, 1), task(3, 1), task(4, 2, 3)]}}


@pytest.fixture
def installed(controller_namespace: str, tmp_path: Path) -> Iterator[Installed]:
    project = project_of(tmp_path, *BACKLOG["master"]["tasks"])
    yield from install(tmp_path, project, PRESSPLAY_SCRIPT="notes", PRESSPLAY_SEND_BACK="3")


@pytest.fixture
def merged_by_hand(controller_namespace: str, tmp_path: Path) -> Iterator[Installed]:
    """Here pull requests stay open until the test merges them."""
    yield from install(tmp_path, project_of(tmp_path, task(1), task(2, 1)), "never", PRESSPLAY_SCRIPT="notes")


@pytest.mark.rule("FR1")
@pytest.mark.rule("R1")
@pytest.mark.rule("R3")
@pytest.mark.rule("R7")
def test_a_backlog_of_hostile_text_is_merged_whatever_happens_on_the_way(installed: Installed):
    shown = installed.press(mode="show")
    assert (shown["tasks"], shown["ready"], shown["started"]) == ("4", "1", "false")
    assert installed.flows("play") == []

    # Paused: the play begins, its first run waits for `continue`; pressing again shows the play that is under way.
    run(PRESSPLAY, "pause", "-n", NAMESPACE, "--repo", REPO)
    pressed = installed.press()
    assert pressed["started"] == "true"
    until("the first run to wait for continue", lambda: waiting(installed, "await-continue"), LIMIT, installed.told)
    again = installed.press()
    assert (again["play"], again["started"]) == (pressed["play"], "false")
    assert len(installed.flows("play")) == 1
    assert installed.starts() == []

    # A run's pod is lost while GitHub keeps it waiting, and the next one while its agent works. Without that they are
    # there for seconds, and Argo, which looks every ten, takes no note of them before they end.
    with working(installed.directory / "runner"):
        with silent(installed.forge):
            run(PRESSPLAY, "continue", "-n", NAMESPACE, "--repo", REPO, env={**os.environ, **argo_from_here()})
            step = lose(installed, "run-agent")
        waiter = lose(installed, "run-agent")
    ended = until("the play to end", lambda: installed.ended(pressed["play"]), LIMIT, installed.told)
    assert ended["status"]["phase"] == "Succeeded", ended["status"].get("message")
    assert waiter != step
    assert {waiter, step} <= {lost for flow in installed.flows("task") for lost in retried(flow)}

    # Each run once; three for a task, six for the one that was sent back.
    log = installed.starts()
    assert len({start[0] for start in log}) == len(log), f"a run was started twice: {log}"
    assert {number: sum(start[1] == number for start in log) for number in "1234"} == dict(
        zip("1234", (3, 3, 6, 3), strict=True)
    )
    order = [start[1] for start in log if start[2] == "implement"]
    assert (order[0], order[-1]) == ("1", "4")

    arrived(installed)
    branch_of_people(installed)


def arrived(installed: Installed) -> None:
    """Every task is merged, and its text came through all the way: into task/, the branch, the pull request."""
    expected = tasks.read(json.dumps(BACKLOG).encode(), "tasks.json", "master")
    tree = installed.checkout()
    pulls = {pull["head"]["ref"]: pull for pull in installed.person.ask("GET", "/pulls?state=all")}
    for one in expected.tasks:
        text = prompts.task_files(one, expected)["task.md"]
        assert HOSTILE in text
        note = (tree / "notes" / f"task-{one.number}.md").read_bytes().decode()
        assert note == (f"{text}\nAnswered in round 1.\n" if one.number == 3 else text)
        pull = pulls[f"feature/task-{one.number}-implementation"]
        assert pull["merged_at"]
        assert pull["body"] == text
        assert pull["title"] == text.splitlines()[0].removeprefix("# ")[:250]


def branch_of_people(installed: Installed) -> None:
    """A branch whose name wants to be evaluated reaches the run as it is."""
    person = installed.person
    head = person.ask("GET", "/git/ref/heads/main")["object"]["sha"]
    person.ask("POST", "/git/refs", json={"ref": f"refs/heads/{BRANCH}", "sha": head})
    content = base64.b64encode(b"by a person\n").decode()
    change = {"message": HOSTILE, "content": content, "branch": BRANCH}
    person.ask("PUT", "/contents/person.txt", json=change)
    pull = person.ask("POST", "/pulls", json={"head": BRANCH, "base": "main", "title": HOSTILE, "body": BODY})
    installed.submit("pull-request", repo=REPO, pr=str(pull["number"]))
    found = listed("coderuns", CONTROLLER, f"press-play/pr={pull['number']}")
    assert found, "no run was started for the pull request"
    for coderun in found:
        told = yaml.safe_load(base64.b64decode(coderun["spec"]["taskRequirements"]))
        assert told["environment"]["PRESSPLAY_BRANCH"] == BRANCH


def waiting(installed: Installed, template: str) -> bool:
    found = [node for flow in installed.flows("task") for node in nodes(flow)]
    return any(
        node["type"] == "Suspend" and node["phase"] == "Running" and node.get("templateName") == template
        for node in found
    )


def lose(installed: Installed, template: str) -> str:
    """Delete a pod of this template while it runs; the node that was lost with it.

    A node that is Pending would only get its pod again, under the same name (docs/reference/argo-differences.md).
    """

    def one() -> tuple[dict[str, Any], dict[str, Any]] | None:
        for flow in installed.flows("task"):
            for node in nodes(flow):
                if node["type"] == "Pod" and node["phase"] == "Running" and node.get("templateName") == template:
                    return flow, node
        assert not any(map(has_ended, installed.flows("play"))), "the play ended before a pod could be taken away"
        return None

    flow, node = until(f"a pod of {template} to run", one, LIMIT, installed.told)
    name = pod_of(flow, node)
    kubectl("delete", "pod", name, "-n", NAMESPACE, "--grace-period=0", "--force")
    assert until(f"{name} to be missed", lambda: ending(flow, node), LIMIT, installed.told) != "Succeeded"
    return str(node["id"])


def ending(flow: dict[str, Any], node: dict[str, Any]) -> str | None:
    """The phase in which a node ended, None while it goes on."""
    found = get("workflow", NAMESPACE, flow["metadata"]["name"])
    phase = next(each["phase"] for each in nodes(found or {}) if each["id"] == node["id"])
    return phase if phase in FINISHED else None


def pod_of(flow: dict[str, Any], node: dict[str, Any]) -> str:
    return f"{flow['metadata']['name']}-{node['templateName']}-{node['id'].rpartition('-')[2]}"


def retried(flow: dict[str, Any]) -> set[str]:
    """The nodes of a Workflow that failed and were tried again."""
    return {
        node["id"]
        for node in nodes(flow)
        if node["type"] == "Pod"
        and (node.get("nodeFlag") or {}).get("retried")
        and node["phase"] in ("Failed", "Error")
    }


@pytest.mark.rule("R2")
def test_a_merge_wakes_the_play_by_signal_and_one_that_nobody_tells_of_by_reconcile(merged_by_hand: Installed):
    play = merged_by_hand.press()["play"]
    # Told: reconcile is kept from being the one that notices.
    reconciling(False)
    until("reconcile to rest", lambda: all(map(has_ended, merged_by_hand.flows("reconcile"))), LIMIT)
    pull = merge(merged_by_hand, play, "1")
    assert merge_wait(play, "1")["phase"] == "Running"
    assert woken_by_signal(merged_by_hand, pull) == "1"
    assert merge_wait(play, "1")["phase"] == "Succeeded"
    assert woken_by_signal(merged_by_hand, pull) == "0"

    # Not told.
    reconciling(True)
    merge(merged_by_hand, play, "2")
    ended = until("the play to end", lambda: merged_by_hand.ended(play), LIMIT, merged_by_hand.told)
    assert ended["status"]["phase"] == "Succeeded", ended["status"].get("message")
    for number in "12":
        assert outputs(merge_wait(play, number)) == {"outcome": "merged"}
    assert sorted(start[1] for start in merged_by_hand.starts()) == ["1", "1", "1", "2", "2", "2"]


def woken_by_signal(installed: Installed, pull: str) -> str:
    signalled = nodes(installed.carried_out("signal", repo=REPO, what="closed", pr=pull))
    return next(outputs(node)["woken"] for node in signalled if outputs(node))


def merge(installed: Installed, play: str, task: str) -> str:
    """Merge a task's pull request once the play waits for that; its number."""
    until(f"the play to wait for the merge of task {task}", lambda: merge_wait(play, task), LIMIT, installed.told)
    pulls = installed.person.ask("GET", "/pulls?state=open")
    pull = next(pull for pull in pulls if pull["head"]["ref"] == f"feature/task-{task}-implementation")
    installed.person.ask("PUT", f"/pulls/{pull['number']}/merge", json={"sha": pull["head"]["sha"]})
    return str(pull["number"])


def merge_wait(play: str, task: str) -> dict[str, Any]:
    """The node in which the play waits, or waited, for a task's merge; empty before it is there."""
    found = nodes(get("workflow", NAMESPACE, play) or {})
    return next((n for n in found if n["displayName"] == f"t{task}-merged" and n["type"] == "Suspend"), {})


@pytest.fixture
def demo_installed(controller_namespace: str, tmp_path: Path) -> Iterator[Installed]:
    yield from install(tmp_path, demo.PROJECT, PRESSPLAY_SCRIPT="demo")


@pytest.mark.rule("FR1")
@pytest.mark.skipif(
    not os.environ.get("PRESSPLAY_E2E_DEMO"), reason="PRESSPLAY_E2E_DEMO is not set: takes half an hour"
)
def test_the_demo_is_built_and_passes_its_hidden_acceptance_tests(demo_installed: Installed):
    began = time.monotonic()
    pressed = demo_installed.press()
    ended = until("the play to end", lambda: demo_installed.ended(pressed["play"]), 3 * LIMIT, demo_installed.told)
    print(f"{pressed['tasks']} tasks in {time.monotonic() - began:.0f} s, {len(demo_installed.starts())} runs")
    assert ended["status"]["phase"] == "Succeeded", ended["status"].get("message")
    assert acceptance(demo_installed.checkout()).failures() == []
