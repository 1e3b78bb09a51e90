"""The flows that events start, on a real Argo: submitted as the Sensor does, each of them twice."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from cluster import until
from installation import (
    BODY,
    HOSTILE,
    LIMIT,
    REPO,
    Installed,
    has_ended,
    install,
    nodes,
    outputs,
    project_of,
    reconciling,
)
from pulls import AGAIN, REVIEWED, SETTINGS, assert_approved, comments, head_of, opened, roles, twice

from pressplay import names
from pressplay.sandbox.forge.ci import CiJob

WINDOW = 20
LOG = "collected 2 items\nE   assert 3 == 4\n##[error]Process completed with exit code 1."

pytestmark = pytest.mark.timeout(4 * LIMIT)


@pytest.fixture
def installed(controller_namespace: str, tmp_path: Path) -> Iterator[Installed]:
    for made in install(tmp_path, project_of(tmp_path), "never", SETTINGS, PRESSPLAY_SCRIPT="events"):
        # Whatever begins here is begun by the test.
        reconciling(False)
        until("reconcile to rest", lambda made=made: all(map(has_ended, made.flows("reconcile"))), LIMIT)
        yield made


@pytest.mark.rule("R1")
@pytest.mark.rule("R7")
def test_what_happens_to_a_pull_request_comes_to_its_end_and_starts_no_run_twice(installed: Installed):
    pull = opened(installed, "of-a-person")
    a_push_is_reviewed(installed, pull)
    a_comment_is_answered(installed, pull)
    a_status_is_told(installed, pull)
    a_failed_check_is_repaired(installed, pull)
    assert_each_run_once(installed)


@pytest.mark.rule("R1")
@pytest.mark.rule("R2")
@pytest.mark.rule("R7")
def test_an_issue_alerts_and_lost_events_come_to_their_ends_and_start_no_run_twice(installed: Installed):
    an_issue_becomes_a_task(installed)
    a_lost_event_is_made_up_for(installed)
    for swept in twice(installed, "security", repo=REPO, until=in_a_window()):
        told = next(outputs(node) for node in nodes(swept) if node["name"] == swept["metadata"]["name"])
        assert told == {"groups": "0", "started": "0", "left": "0"}
    assert_each_run_once(installed)


def assert_each_run_once(installed: Installed) -> None:
    log = installed.starts()
    assert len({start[0] for start in log}) == len(log), f"a run was started twice: {log}"


def a_push_is_reviewed(installed: Installed, pull: int) -> None:
    over = in_a_window()
    flows = twice(installed, "pull-request", repo=REPO, pr=str(pull), why="push", until=over)
    for flow in flows:
        (window,) = [node for node in nodes(flow) if node["displayName"] == "window"]
        assert window["type"] == "Suspend"
        assert moment(window["finishedAt"]) >= int(over)
    assert_approved(installed, pull)
    assert roles(installed, names.pull_request_number(pull)) == REVIEWED


def a_comment_is_answered(installed: Installed, pull: int) -> None:
    before, head = roles(installed, names.pull_request_number(pull)), head_of(installed, pull)
    comment = installed.person.ask("POST", f"/issues/{pull}/comments", json={"body": BODY})["id"]
    twice(installed, "comments", repo=REPO, pr=str(pull), until=in_a_window())
    assert head_of(installed, pull) != head
    said = comments(installed, pull)
    assert [body.count("Done, ") for login, body in said if login == "rex[bot]"] == [1], (comment, said)
    assert_approved(installed, pull)
    assert roles(installed, names.pull_request_number(pull)) == [*before, "comments", *AGAIN]


def a_status_is_told(installed: Installed, pull: int) -> None:
    before, head = installed.starts(), head_of(installed, pull)
    installed.person.ask("POST", f"/issues/{pull}/comments", json={"body": "/press-play status"})
    twice(installed, "comments", repo=REPO, pr=str(pull), until=in_a_window())
    (told,) = [body for login, body in comments(installed, pull) if login == "press-play[bot]" and "| state |" in body]
    assert "| state | approved |" in told
    assert f"`{head}`" in told
    assert installed.starts() == before


def a_failed_check_is_repaired(installed: Installed, pull: int) -> None:
    before, head = roles(installed, names.pull_request_number(pull)), head_of(installed, pull)
    installed.person.forge.report_ci(REPO, head, jobs=[CiJob("test", "failure", LOG)])
    flows = twice(installed, "triage", repo=REPO, pr=str(pull), until=in_a_window())
    assert "real" in [outputs(node).get("class") for flow in flows for node in nodes(flow)]
    assert head_of(installed, pull) != head
    assert_approved(installed, pull)
    assert roles(installed, names.pull_request_number(pull)) == [*before, "triage", *AGAIN]


def an_issue_becomes_a_task(installed: Installed) -> None:
    person = installed.person
    issue = person.ask("POST", "/issues", json={"title": HOSTILE, "body": BODY, "labels": ["press-play"]})["number"]
    flows = twice(installed, "issue", repo=REPO, issue=str(issue), until=in_a_window())
    started = [outputs(node) for flow in flows for node in nodes(flow) if step_of(node) == ("issue-start", "Retry")]
    assert sorted(told["state"] for told in started) == ["started", "there"]
    (task,) = {told["workflow"] for told in started}
    installed.at_its_end(task, "task")
    branch = names.task_branch(names.issue_number(issue))
    (pull,) = [one["number"] for one in person.ask("GET", "/pulls?state=open") if one["head"]["ref"] == branch]
    assert_approved(installed, pull)
    assert f"#{pull} is approved." in "\n".join(body for _, body in comments(installed, issue))
    assert roles(installed, names.issue_number(issue)) == ["issue", "implement", *AGAIN]


def a_lost_event_is_made_up_for(installed: Installed) -> None:
    pull = opened(installed, "unheard-of")
    assert [installed.submit("reconcile")["started"] for _ in range(2)] == ["1", "0"]
    (flow,) = [f for f in installed.flows("pull-request") if f["metadata"]["labels"].get("press-play/pr") == str(pull)]
    installed.at_its_end(flow["metadata"]["name"], "pull-request")
    assert_approved(installed, pull)
    assert installed.submit("reconcile")["started"] == "0"
    assert roles(installed, names.pull_request_number(pull)) == REVIEWED


def step_of(node: dict[str, Any]) -> tuple[str | None, str]:
    return node.get("templateName"), node["type"]


def in_a_window() -> str:
    return str(int(time.time()) + WINDOW)


def moment(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
